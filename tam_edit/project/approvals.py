"""Masks that a person has looked at and found right, whatever their score."""

from __future__ import annotations

from collections.abc import Iterable

from tam_edit.errors import InputError
from tam_edit.project import decisions
from tam_edit.project.decisions import DecisionKind
from tam_edit.project.store import Store
from tam_edit.tracks import DOUBTFUL_BELOW
from tam_edit.types import ObjectId


def add(
    store: Store,
    object_id: ObjectId,
    start: int,
    stop: int,
    reason: str,
    doubtful_below: float = DOUBTFUL_BELOW,
) -> int:
    """Approve the tracked frames of a half-open span inside the open transaction.

    How many of them are scored below ``doubtful_below`` is kept, too.

    Returns:
        How many frames that are.

    Raises:
        InputError: No reason is given, or that which stands for one in a proposed command.
    """
    if not reason.strip():
        raise InputError("an approval needs a reason", hint="say why the masks are right")
    if reason.strip() == "WHY":
        raise InputError(
            "WHY stands for a reason and is none", hint="say why in your own words: --reason TEXT"
        )
    rows = store.rows(
        "SELECT count(*), coalesce(sum(score < ?), 0), min(score) FROM matte"
        " WHERE object_id = ? AND frame >= ? AND frame < ?",
        (doubtful_below, object_id, start, stop),
    )
    count, doubtful, worst = rows[0]
    details = {"reason": reason, "frames": count, "doubtful": doubtful, "worst_score": worst}
    decision_id = decisions.add(store, DecisionKind.APPROVAL, object_id, start, stop, details)
    store.write(
        "INSERT INTO approval (object_id, frame, decision_id)"
        " SELECT object_id, frame, ? FROM matte"
        " WHERE object_id = ? AND frame >= ? AND frame < ?",
        (decision_id, object_id, start, stop),
    )
    return int(count)


def frames(store: Store, object_id: ObjectId) -> frozenset[int]:
    """The frames of an object that are approved."""
    rows = store.rows("SELECT DISTINCT frame FROM approval WHERE object_id = ?", (object_id,))
    return frozenset(int(row[0]) for row in rows)


def remove(store: Store, object_id: ObjectId, start: int, stop: int) -> None:
    """Void the approvals of a half-open span inside the open transaction."""
    store.write(
        "DELETE FROM approval WHERE object_id = ? AND frame >= ? AND frame < ?",
        (object_id, start, stop),
    )


def take_back(store: Store, decision_id: int) -> int:
    """Void what is left of one approval inside the open transaction.

    Returns:
        How many frames nobody has approved any more.
    """
    left = store.rows(
        "SELECT count(*) FROM approval AS a WHERE decision_id = ? AND NOT EXISTS ("
        "SELECT 1 FROM approval AS b WHERE b.object_id = a.object_id AND b.frame = a.frame"
        " AND b.decision_id != a.decision_id)",
        (decision_id,),
    )
    store.write("DELETE FROM approval WHERE decision_id = ?", (decision_id,))
    return int(left[0][0])


def void(store: Store, object_ids: Iterable[ObjectId], frame_index: int) -> None:
    """Void what was approved of a frame's masks, inside the open transaction."""
    for object_id in object_ids:
        remove(store, object_id, frame_index, frame_index + 1)
