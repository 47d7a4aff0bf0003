"""Corrections that are still to be carried back to the keyframe before them."""

from __future__ import annotations

from tam_edit.project.store import Store
from tam_edit.types import ObjectId

# The newest thing that was said on a frame, of what still holds.
_NEWEST = (
    "id = (SELECT max(id) FROM decision WHERE kind = 'prompt' AND taken_back IS NULL"
    " AND object_id = ? AND start = ?)"
)


def add(store: Store, object_id: ObjectId, frame_index: int, earliest: int = 0) -> None:
    """Note one inside the open transaction; one that is there begins anew.

    Args:
        store: The project.
        object_id: The object.
        frame_index: The frame of the correction.
        earliest: No frame before this one is replaced.
    """
    remove(store, object_id, frame_index)
    store.write(
        "INSERT INTO backtrack (object_id, frame, reached, earliest) VALUES (?, ?, ?, ?)",
        (object_id, frame_index, frame_index, earliest),
    )


def frames(store: Store, object_id: ObjectId) -> dict[int, int]:
    """Where an object has some, ascending, and the earliest frame that each has replaced."""
    return _numbers(store, "reached", object_id)


def limits(store: Store, object_id: ObjectId) -> dict[int, int]:
    """Where an object has some, ascending, and the earliest frame that each may replace."""
    return _numbers(store, "earliest", object_id)


def advance(store: Store, object_id: ObjectId, frame_index: int, reached: int) -> None:
    """Note inside the open transaction how far one has come."""
    store.write(
        "UPDATE backtrack SET reached = ? WHERE object_id = ? AND frame = ?",
        (reached, object_id, frame_index),
    )


def remove(store: Store, object_id: ObjectId, frame_index: int) -> None:
    """Note inside the open transaction that one was carried back, and how far that was."""
    which = (object_id, frame_index)
    for (reached,) in store.rows(
        "SELECT reached FROM backtrack WHERE object_id = ? AND frame = ?", which
    ):
        store.write(
            f"UPDATE decision SET reached = min(?, ifnull(reached, ?)) WHERE {_NEWEST}",  # noqa: S608
            (reached, frame_index, *which),
        )
    store.write("DELETE FROM backtrack WHERE object_id = ? AND frame = ?", which)


def carried(store: Store, object_id: ObjectId) -> list[int]:
    """The frames of corrections that hold and were carried back, ascending."""
    rows = store.rows(
        "SELECT DISTINCT start FROM decision WHERE object_id = ? AND kind = 'prompt'"
        " AND taken_back IS NULL AND reached IS NOT NULL ORDER BY start",
        (object_id,),
    )
    return [int(frame) for (frame,) in rows]


def _numbers(store: Store, column: str, object_id: ObjectId) -> dict[int, int]:
    rows = store.rows(
        f"SELECT frame, {column} FROM backtrack WHERE object_id = ? ORDER BY frame",  # noqa: S608
        (object_id,),
    )
    return {int(frame): int(number) for frame, number in rows}
