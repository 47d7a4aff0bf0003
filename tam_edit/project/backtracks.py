"""Corrections that are still to be carried back to the keyframe before them."""

from __future__ import annotations

from tam_edit.project.store import Store
from tam_edit.types import ObjectId


def add(store: Store, object_id: ObjectId, frame_index: int) -> None:
    """Note one inside the open transaction; one that is there begins anew."""
    store.write(
        "INSERT OR REPLACE INTO backtrack VALUES (?, ?, ?)", (object_id, frame_index, frame_index)
    )


def frames(store: Store, object_id: ObjectId) -> dict[int, int]:
    """Where an object has some, ascending, and the earliest frame that each has replaced."""
    rows = store.rows(
        "SELECT frame, reached FROM backtrack WHERE object_id = ? ORDER BY frame", (object_id,)
    )
    return {int(frame): int(reached) for frame, reached in rows}


def advance(store: Store, object_id: ObjectId, frame_index: int, reached: int) -> None:
    """Note inside the open transaction how far one has come."""
    store.write(
        "UPDATE backtrack SET reached = ? WHERE object_id = ? AND frame = ?",
        (reached, object_id, frame_index),
    )


def remove(store: Store, object_id: ObjectId, frame_index: int) -> None:
    """Note inside the open transaction that one was carried back."""
    store.write("DELETE FROM backtrack WHERE object_id = ? AND frame = ?", (object_id, frame_index))
