"""What a recipe asks a person before it is carried out on a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tam_edit.media import Source
from tam_edit.project import Project
from tam_edit.recipe import Recipe
from tam_edit.review import Concern, Doubt
from tam_edit.session import checkpoint, covers
from tam_edit.session.questions import GIVEN, keep, questions_of
from tam_edit.types import ObjectId


def ask(project: Project, source: Source, recipe: Recipe) -> None:
    """Let reviews go by a recipe's checkpoints; see ``Session.ask``."""
    work = range(project.in_frame, project.out_frame)
    # Where the cuts are is known once it is tracked.
    questions = questions_of(recipe, project, source, lambda: (), work)
    if questions:
        keep(project, questions)


def stops_at(
    project: Project,
    source: Source,
    recipe: Recipe,
    part: range | None,
    cuts: Callable[[], Sequence[int]],
) -> list[Doubt]:
    """What a recipe stops at: doubts about what has a part in its outputs, and what it asks about.

    Args:
        project: The project.
        source: Its video.
        recipe: Reviews go by it from now on.
        part: The frames that are written; all of the work where None.
        cuts: Gives the first frames of new shots.
    """
    written = part or range(project.in_frame, project.out_frame)
    questions = questions_of(recipe, project, source, cuts, written)
    if questions:
        covers.keep(project, recipe)
    borrows = any(use.effect.borrows for use in recipe.effects())
    acted_on = covers.objects_in(recipe, project.objects())

    def matters(object_id: ObjectId, concern: Concern) -> bool:
        if object_id not in acted_on:
            return False
        is_seen = concern.scored.frame_index in written
        return is_seen or GIVEN in concern.asked or (borrows and concern.is_doubtful)

    return checkpoint.open_doubts(project, source, questions, matters)
