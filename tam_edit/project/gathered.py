"""Frames of a pass, gathered into few commits, each with the tracker's state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tam_edit.errors import InputError
from tam_edit.project import approvals, aside, mattes, runs
from tam_edit.project.store import Store
from tam_edit.tracks import Direction, RunState, TrackedMatte
from tam_edit.types import ObjectId

COMMIT_INTERVAL_S = 1.0
"""Frames wait at least this long for their commit."""
COMMIT_TIME_SHARE = 0.05
"""Of a pass's time, about this share at most goes into commits: after one that took long, frames
wait in proportion. XMem's snapshot at 480 pixels is 40 MB and more for each object; writing 42 MB
took half a second, 110 MB one and a half (two cores, SSD)."""
LONGEST_WAIT_S = 60.0
"""Frames never wait longer than this: a kill loses no more than the work of that time."""


class GatheredFrames:
    """What a pass has written and not yet committed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._run: tuple[str, Direction, tuple[ObjectId, ...], tuple[int, ...]] | None = None
        # The newest frame of a pass that is written but not committed, and what gives its state.
        self._waiting: tuple[int, Callable[[], bytes]] | None = None
        self._committed_at = time.monotonic()
        self._commit_took_s = 0.0

    @property
    def has_state(self) -> bool:
        """Whether frames wait for a commit together with the tracker's state."""
        return self._waiting is not None

    def begin(
        self,
        model: str,
        direction: Direction,
        object_ids: tuple[ObjectId, ...],
        memory: tuple[int, ...],
    ) -> None:
        """Commit what waits and note which pass the following frames belong to.

        Raises:
            InputError: That is no direction.
        """
        runs.check_direction(direction)
        self.flush()
        self._run = (model, direction, object_ids, memory)

    def end(self) -> None:
        """Commit what waits and delete the state of the pass."""
        self.flush()
        with self._store.transaction():
            runs.remove(self._store)
        self._run = None

    def append(
        self,
        frame_index: int,
        entries: Mapping[ObjectId, TrackedMatte],
        snapshot: Callable[[], bytes] | None,
    ) -> None:
        """Write one frame; commit where it is time to.

        Raises:
            InputError: A snapshot comes outside a pass.
        """
        if snapshot is not None and self._run is None:
            raise InputError("a snapshot was given outside a pass; call begin_run first")
        try:
            if not self._store.in_transaction:
                self._store.begin()
            mattes.put(self._store, frame_index, entries)
            approvals.void(self._store, entries, frame_index)
            aside.outdate(self._store, entries, frame_index)
            if snapshot is not None:
                self._waiting = (frame_index, snapshot)
            is_due = time.monotonic() - self._committed_at >= self._wait_s()
            # An older frame's state is gone by now: wait for a frame that brings its own.
            if is_due and (snapshot is not None or self._waiting is None):
                self._commit()
        except BaseException:
            self.drop()
            raise

    def flush(self) -> None:
        """Commit what waits; during a pass only between two frames."""
        if not self._store.in_transaction:
            return
        try:
            self._commit()
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Forget what waits."""
        self._waiting = None
        self._store.rollback()

    def _commit(self) -> None:
        began_at = time.monotonic()
        if self._waiting is not None and self._run is not None:
            frame_index, snapshot = self._waiting
            model, direction, object_ids, memory = self._run
            state = RunState(
                model=model,
                direction=direction,
                frame_index=frame_index,
                object_ids=object_ids,
                memory=memory,
                snapshot=snapshot(),
            )
            runs.put(self._store, state)
        self._store.commit()
        self._waiting = None
        self._committed_at = time.monotonic()
        self._commit_took_s = self._committed_at - began_at

    def _wait_s(self) -> float:
        """How long after the last commit the next one is due."""
        in_proportion = self._commit_took_s * (1 / COMMIT_TIME_SHARE - 1)
        return min(LONGEST_WAIT_S, max(COMMIT_INTERVAL_S, in_proportion))
