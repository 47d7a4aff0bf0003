"""What must have been said of objects before anything is tracked."""

from __future__ import annotations

from collections.abc import Sequence

from tam_edit.errors import InputError
from tam_edit.project import Project
from tam_edit.prompts import ObjectPrompts
from tam_edit.review.words import quoted


def check_said(project: Project, new: Sequence[ObjectPrompts] = ()) -> None:
    """Refuse to track where nothing says where any object is; see ``Session.check_said``."""
    said = [prompts for i in project.objects() for prompts in project.prompts(i).values()]
    said += [each.prompts for each in new]
    # What is only beside the object is refused where it is said, in words of its own.
    is_beside = any(each.prompts.negative for each in new)
    if not is_beside and not any(prompts.says_where for prompts in said):
        raise InputError(
            "nothing says where the object is",
            hint="give a --click on it, a --box around it or a --mask of it",
        )


def check_nobody_is_forgotten(project: Project) -> None:
    """Refuse to track where an object is left of which nothing holds that was said.

    Raises:
        InputError: There is one.
    """
    for object_id, name in project.objects().items():
        if not project.prompts(object_id):
            raise InputError(
                f"nothing that was said of {name!r} holds any more",
                hint=f"say where it is (tam-edit prompt {quoted(project.path)} --object "
                f"{quoted(name)} --click X,Y), or that it is nowhere (--gone {project.in_frame})",
            )
