"""Corrections that are still to be carried back to the keyframe before them."""

from __future__ import annotations

from tam_edit.project.store import Store
from tam_edit.types import ObjectId


def add(store: Store, object_id: ObjectId, frame_index: int) -> None:
    """Note one inside the open transaction; noting it again changes nothing."""
    store.write("INSERT OR IGNORE INTO backtrack VALUES (?, ?)", (object_id, frame_index))


def frames(store: Store, object_id: ObjectId) -> list[int]:
    """On which frames an object has some, ascending."""
    rows = store.rows(
        "SELECT frame FROM backtrack WHERE object_id = ? ORDER BY frame", (object_id,)
    )
    return [int(row[0]) for row in rows]


def remove(store: Store, object_id: ObjectId, frame_index: int) -> None:
    """Note inside the open transaction that one was carried back."""
    store.write("DELETE FROM backtrack WHERE object_id = ? AND frame = ?", (object_id, frame_index))
