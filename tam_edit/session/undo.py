"""Taking back what a person decided: a correction, or an approval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tam_edit.errors import InputError
from tam_edit.project import Decision, DecisionKind, Project
from tam_edit.tracking import undoing


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What taking a decision back has changed.

    Attributes:
        decision: What was taken back, as it was.
        object_name: About which object it was.
        frames: The span outside which no mask changes; empty for an approval.
        dropped_count: How many frames of it had a mask that will be made anew.
        unapproved_count: How many frames nobody has approved any more: those of an approval, or
            those whose masks are made anew.
        approved_count: How many frames are approved again.
        is_restored: Whether the masks in it are as they were before, for none was tracked since.
        held_count: On how many of its frames an approval still held.
        is_removed: Whether the object has gone, because nothing else holds that was said of it.
    """

    decision: Decision
    object_name: str
    frames: range
    dropped_count: int
    unapproved_count: int
    held_count: int = 0
    is_removed: bool = False
    approved_count: int = 0
    is_restored: bool = False


def undo(project: Project, decision_id: int, cuts: Sequence[int] = ()) -> Undone:
    """Take a decision back; tracking then makes anew what came of it, if anything was tracked.

    Args:
        project: The project.
        decision_id: As the history lists it.
        cuts: First frames of new shots that tracking does not cross.

    Raises:
        UnknownNameError: There is no such decision.
        InputError: It cannot be taken back, was taken back before, or later prompts on the same
            frame add to it.
    """
    history = project.history
    decision = history.get(decision_id)
    object_id = decision.object_id
    is_undoable = decision.kind in (DecisionKind.PROMPT, DecisionKind.APPROVAL)
    if not is_undoable or object_id is None or decision.start is None:
        raise InputError(
            f"decision {decision_id} ({decision.kind}) cannot be taken back",
            hint="prompts, corrections and approvals can; to repeat one that was taken back, "
            "give it again",
        )
    frames, dropped, is_removed, is_restored = range(0), 0, False, False
    approved, held = project.approved(object_id), history.holding(decision)
    object_name = history.object_name(decision)
    if decision.kind is DecisionKind.APPROVAL:
        history.take_back_approval(decision)
    else:
        what = undoing(
            history.prompts_without(decision),
            decision.start,
            history.prompts_of(decision),
            in_frame=project.in_frame,
            out_frame=project.out_frame,
            cuts=cuts,
            reached=history.reached(decision),
            carried_back=history.carried_back(object_id),
        )
        tracked = project.tracked_spans(object_id)
        is_removed = history.is_all_of_it(decision)
        is_restored = history.take_back_prompts(decision, what.dropped, what.carried_back)
        spans = () if is_restored else what.dropped
        dropped = sum(max(0, min(b, d) - max(a, c)) for a, b in tracked for c, d in spans)
        frames = what.frames
    left = project.approved(object_id)
    return Undone(
        decision=decision,
        object_name=object_name,
        frames=frames,
        dropped_count=dropped,
        unapproved_count=len(approved - left),
        held_count=held,
        is_removed=is_removed,
        approved_count=len(left - approved),
        is_restored=is_restored,
    )
