"""What prompts have dropped, set aside until something is tracked: until then it can come back.

Prompts drop masks, with the approvals of these; what is still to be carried back, and how large
dropped masks were, change with them. Tracking that writes a mask of the object, and whatever else
drops some, makes all that was set aside of it worthless.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from tam_edit.project.dropped import prefix_of
from tam_edit.project.records import from_json, to_json
from tam_edit.project.store import Store
from tam_edit.types import ObjectId

_COLUMNS = "frame, score, origin, reasons, kind, width, height, data"


def put(store: Store, object_id: ObjectId, keyframe: int, start: int, stop: int) -> None:
    """Set a half-open span aside, inside the transaction that drops it and before it does.

    Args:
        store: The project.
        object_id: The object.
        keyframe: The frame whose prompts drop the span.
        start: First frame.
        stop: One past the last frame.
    """
    # Of prompts that a kill had kept from being written.
    _delete(store, "object_id = ? AND decision_id IS NULL", object_id)
    state = {
        "approvals": store.rows(
            "SELECT frame, decision_id FROM approval WHERE object_id = ? AND frame >= ?"
            " AND frame < ?",
            (object_id, start, stop),
        ),
        "backtracks": store.rows(
            "SELECT frame, reached, earliest FROM backtrack WHERE object_id = ?", (object_id,)
        ),
        "areas": store.rows(
            "SELECT name, value FROM setting WHERE substr(name, 1, ?) = ?", prefix_of(object_id)
        ),
    }
    aside_id = store.write(
        "INSERT INTO aside (object_id, keyframe, start, stop, state) VALUES (?, ?, ?, ?, ?)",
        (object_id, keyframe, start, stop, to_json(state, "what is set aside")),
    )
    store.write(
        f"INSERT INTO aside_matte (aside_id, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM matte"  # noqa: S608
        " WHERE object_id = ? AND frame >= ? AND frame < ?",
        (aside_id, object_id, start, stop),
    )


def claim(store: Store, object_id: ObjectId, keyframe: int, decision_id: int) -> None:
    """Note inside the open transaction which decision has dropped what was set aside last."""
    store.write(
        "UPDATE aside SET decision_id = ? WHERE object_id = ? AND keyframe = ?"
        " AND decision_id IS NULL",
        (decision_id, object_id, keyframe),
    )


def forget(store: Store, object_id: ObjectId) -> None:
    """Let what was set aside of an object go, inside the open transaction."""
    _delete(store, "object_id = ?", object_id)


def outdate(store: Store, object_ids: Iterable[ObjectId], frame_index: int) -> None:
    """Note inside the open transaction that masks are written on a frame.

    What was set aside of these objects goes, but where this is the mask that the prompts led to
    for which it was set aside.
    """
    waiting = store.rows("SELECT object_id, keyframe, decision_id FROM aside")
    for object_id in {object_id for object_id, _, _ in waiting}.intersection(object_ids):
        if (object_id, frame_index, None) not in waiting:
            forget(store, object_id)


def is_kept(store: Store, decision_id: int) -> bool:
    """Whether all that a decision has dropped is there, and nothing was dropped since."""
    rows = store.rows(
        "SELECT 1 FROM aside AS a WHERE decision_id = ? AND decision_id = (SELECT max(decision_id)"
        " FROM aside WHERE object_id = a.object_id) AND NOT EXISTS (SELECT 1 FROM aside"
        " WHERE object_id = a.object_id AND decision_id IS NULL)",
        (decision_id,),
    )
    return bool(rows)


def restore(store: Store, decision_id: int) -> None:
    """Put back what a decision had dropped, inside the open transaction."""
    rows = store.rows(
        "SELECT id, object_id, start, stop, state FROM aside WHERE decision_id = ?", (decision_id,)
    )
    aside_id, object_id, start, stop, text = rows[0]
    state = cast("dict[str, list[list[Any]]]", from_json(text, f"what {store.path} has set aside"))
    span = (object_id, start, stop)
    store.write("DELETE FROM matte WHERE object_id = ? AND frame >= ? AND frame < ?", span)
    store.write("DELETE FROM approval WHERE object_id = ? AND frame >= ? AND frame < ?", span)
    store.write("DELETE FROM backtrack WHERE object_id = ?", (object_id,))
    store.write("DELETE FROM setting WHERE substr(name, 1, ?) = ?", prefix_of(object_id))
    store.write(
        f"INSERT INTO matte (object_id, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM aside_matte"  # noqa: S608
        " WHERE aside_id = ?",
        (object_id, aside_id),
    )
    # An approval that was taken back meanwhile stays so.
    store.write_many(
        "INSERT INTO approval (object_id, frame, decision_id) SELECT ?, ?, id FROM decision"
        " WHERE id = ? AND taken_back IS NULL",
        [(object_id, *row) for row in state["approvals"]],
    )
    store.write_many(
        "INSERT INTO backtrack (object_id, frame, reached, earliest) VALUES (?, ?, ?, ?)",
        [(object_id, *row) for row in state["backtracks"]],
    )
    store.write_many("INSERT INTO setting (name, value) VALUES (?, ?)", state["areas"])
    _delete(store, "id = ?", aside_id)


def _delete(store: Store, which: str, value: int) -> None:
    found = f"SELECT id FROM aside WHERE {which}"  # noqa: S608 - no input
    store.write(f"DELETE FROM aside_matte WHERE aside_id IN ({found})", (value,))  # noqa: S608
    store.write(f"DELETE FROM aside WHERE {which}", (value,))  # noqa: S608
