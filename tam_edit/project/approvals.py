"""Masks that a person has looked at and found right, whatever their score."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tam_edit.errors import InputError
from tam_edit.project import decisions
from tam_edit.project.decisions import DecisionKind
from tam_edit.project.store import Store
from tam_edit.tracks import DOUBTFUL_BELOW, spans_of
from tam_edit.types import ObjectId


def add(
    store: Store,
    object_id: ObjectId,
    frames: Collection[int],
    reason: str,
    doubtful_below: float = DOUBTFUL_BELOW,
) -> int:
    """Approve those of some frames that are tracked, inside the open transaction.

    It is kept, too, how many of them were approved before, and how many others are scored below
    ``doubtful_below``.

    Returns:
        How many frames that are.

    Raises:
        InputError: No reason is given, or that which stands for one in a proposed command; or no
            frame is.
    """
    if not reason.strip():
        raise InputError("an approval needs a reason", hint="say why the masks are right")
    if reason.strip() == "WHY":
        raise InputError(
            "WHY stands for a reason and is none", hint="say why in your own words: --reason TEXT"
        )
    if not frames:
        raise InputError("an approval needs a frame", hint="say on which ones the masks are right")
    start, stop, wanted = min(frames), max(frames) + 1, set(frames)
    rows = store.rows(
        "SELECT frame, score FROM matte WHERE object_id = ? AND frame >= ? AND frame < ?",
        (object_id, start, stop),
    )
    scores = {index: score for index, score in rows if index in wanted}
    before = approved(store, object_id).intersection(scores)
    details = {
        "reason": reason,
        "frames": len(scores),
        "before": len(before),
        "doubtful": sum(s < doubtful_below for index, s in scores.items() if index not in before),
        "worst_score": min(scores.values(), default=None),
    }
    if len(wanted) < stop - start:
        details["spans"] = [[first, end - 1] for first, end in spans_of(sorted(wanted))]
    decision_id = decisions.add(store, DecisionKind.APPROVAL, object_id, start, stop, details)
    for index in scores:
        store.write(
            "INSERT INTO approval (object_id, frame, decision_id) VALUES (?, ?, ?)",
            (object_id, index, decision_id),
        )
    return len(scores)


def approved(store: Store, object_id: ObjectId) -> frozenset[int]:
    """The frames of an object that are approved."""
    rows = store.rows("SELECT DISTINCT frame FROM approval WHERE object_id = ?", (object_id,))
    return frozenset(int(row[0]) for row in rows)


def holding(store: Store, decision_id: int) -> int:
    """On how many of its frames an approval still holds: masks that are made anew void it."""
    rows = store.rows("SELECT count(*) FROM approval WHERE decision_id = ?", (decision_id,))
    return int(rows[0][0])


def remove(store: Store, object_id: ObjectId, start: int, stop: int) -> None:
    """Void the approvals of a half-open span inside the open transaction."""
    store.write(
        "DELETE FROM approval WHERE object_id = ? AND frame >= ? AND frame < ?",
        (object_id, start, stop),
    )


def take_back(store: Store, decision_id: int) -> None:
    """Void what is left of one approval inside the open transaction."""
    store.write("DELETE FROM approval WHERE decision_id = ?", (decision_id,))


def void(store: Store, object_ids: Iterable[ObjectId], frame_index: int) -> None:
    """Void what was approved of a frame's masks, inside the open transaction."""
    for object_id in object_ids:
        remove(store, object_id, frame_index, frame_index + 1)
