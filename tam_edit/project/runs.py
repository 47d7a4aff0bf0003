"""The state of a tracking pass, so that a killed one goes on where it was."""

from __future__ import annotations

from typing import cast, get_args

from tam_edit.errors import InputError
from tam_edit.project.records import damaged, from_json, to_json
from tam_edit.project.store import Store
from tam_edit.tracks import Direction, RunState


def check_direction(direction: str) -> None:
    """Refuse what is no direction.

    Raises:
        InputError: It is neither ``"forward"`` nor ``"backward"``.
    """
    if direction not in get_args(Direction):
        raise InputError(f"a pass runs forward or backward, not {direction!r}")


def put(store: Store, state: RunState) -> None:
    """Write the state inside the open transaction, in place of any other."""
    object_ids, memory = (to_json(list(ids), "a run") for ids in (state.object_ids, state.memory))
    store.write(
        "INSERT OR REPLACE INTO run VALUES (1, ?, ?, ?, ?, ?, ?)",
        (state.model, state.direction, state.frame_index, object_ids, state.snapshot, memory),
    )


def get(store: Store) -> RunState | None:
    """The state of the pass that was last committed and has not ended."""
    rows = store.rows("SELECT model, direction, frame, object_ids, snapshot, memory FROM run")
    if not rows:
        return None
    model, direction, frame_index, ids_text, snapshot, memory_text = rows[0]
    where = f"the tracker's state in {store.path}"
    object_ids, memory = from_json(ids_text, where), from_json(memory_text, where)
    are_lists = isinstance(object_ids, list) and isinstance(memory, list)
    if not are_lists or direction not in get_args(Direction):
        raise damaged(where, f"{direction} {ids_text} {memory_text}")
    return RunState(
        model=model,
        direction=direction,
        frame_index=frame_index,
        object_ids=tuple(map(int, cast("list[int]", object_ids))),
        memory=tuple(map(int, cast("list[int]", memory))),
        snapshot=snapshot,
    )


def remove(store: Store) -> None:
    """Forget the state inside the open transaction."""
    store.write("DELETE FROM run")
