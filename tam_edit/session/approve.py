"""Saying that masks were looked at and are right."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tam_edit.errors import InputError
from tam_edit.project import Project
from tam_edit.review.words import quoted, spans_text
from tam_edit.session.checkpoint import usual_threshold


def approve(
    project: Project,
    reason: str,
    object_name: str | None = None,
    frames: Collection[int] | None = None,
) -> dict[str, int]:
    """Let masks pass the checkpoints; see ``Session.approve``."""
    names = list(project.objects().values()) if object_name is None else [object_name]
    work = range(project.in_frame, project.out_frame)
    wanted = work if frames is None else sorted(set(frames))
    outside = [index for index in wanted if index not in work]
    if outside:
        raise InputError(
            f"frames {spans_text(outside)} are not between the in and the out point of the project",
            hint=f"it has the frames {project.in_frame} to {project.out_frame - 1}",
        )
    ids = {name: project.object_id(name) for name in names}
    there = [name for name, i in ids.items() if _overlap(project.tracked_spans(i), wanted)]
    if not there:
        whose = "any object" if object_name is None else repr(object_name)
        raise InputError(
            f"there is no mask of {whose} on frames {spans_text(wanted)} to approve yet",
            hint=f"make them with: tam-edit track {quoted(project.path)}",
        )
    below = usual_threshold(project)
    return {name: project.approve(ids[name], wanted, reason, below) for name in there}


def _overlap(spans: Sequence[tuple[int, int]], frames: Collection[int]) -> bool:
    return any(start <= index < stop for start, stop in spans for index in frames)
