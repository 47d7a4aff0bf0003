"""Masks that a person has looked at and found right, whatever their score."""

from __future__ import annotations

from collections.abc import Iterable

from tam_edit.errors import InputError
from tam_edit.project.records import now
from tam_edit.project.store import Store
from tam_edit.types import ObjectId


def add(store: Store, object_id: ObjectId, start: int, stop: int, reason: str) -> int:
    """Approve the tracked frames of a half-open span inside the open transaction.

    Returns:
        How many frames that are.

    Raises:
        InputError: No reason is given.
    """
    if not reason.strip():
        raise InputError("an approval needs a reason", hint="say why the masks are right")
    store.write(
        "INSERT OR REPLACE INTO approval (object_id, frame, reason, time)"
        " SELECT object_id, frame, ?, ? FROM matte"
        " WHERE object_id = ? AND frame >= ? AND frame < ?",
        (reason, now(), object_id, start, stop),
    )
    count = store.rows(
        "SELECT count(*) FROM matte WHERE object_id = ? AND frame >= ? AND frame < ?",
        (object_id, start, stop),
    )
    return int(count[0][0])


def frames(store: Store, object_id: ObjectId) -> frozenset[int]:
    """The frames of an object that are approved."""
    rows = store.rows("SELECT frame FROM approval WHERE object_id = ?", (object_id,))
    return frozenset(int(row[0]) for row in rows)


def remove(store: Store, object_id: ObjectId, start: int, stop: int) -> None:
    """Void the approvals of a half-open span inside the open transaction."""
    store.write(
        "DELETE FROM approval WHERE object_id = ? AND frame >= ? AND frame < ?",
        (object_id, start, stop),
    )


def void(store: Store, object_ids: Iterable[ObjectId], frame_index: int) -> None:
    """Void what was approved of a frame's masks, inside the open transaction."""
    for object_id in object_ids:
        remove(store, object_id, frame_index, frame_index + 1)
