"""Runs the planned passes: decodes, propagates, and writes every frame into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np

from tam_edit.errors import ProjectError
from tam_edit.frame import Frame
from tam_edit.media import Source
from tam_edit.models.base import PropagationRun, Propagator, TrackingInfo, TrackStep
from tam_edit.prompts import Prompts
from tam_edit.tracking.plan import Interrupted, ObjectState, Pass, plan_passes
from tam_edit.tracking.propagate import advance, tracking_size
from tam_edit.tracks import Direction, Origin, RunState, TrackedMatte, resized
from tam_edit.types import Matte, ObjectId

Progress = Callable[[int, int], None]


class TrackStore(Protocol):
    """Where tracking reads keyframes from and writes mattes to; a project is one."""

    @property
    def in_frame(self) -> int:
        """The first frame to track."""
        ...

    @property
    def out_frame(self) -> int:
        """One past the last frame to track."""
        ...

    def objects(self) -> Mapping[ObjectId, str]:
        """Names by id."""
        ...

    def prompts(self, object_id: ObjectId) -> Mapping[int, Prompts]:
        """What a person said about the object; each of these frames has a matte."""
        ...

    def tracked_spans(self, object_id: ObjectId) -> list[tuple[int, int]]:
        """Half-open spans of frames that have a matte, ascending."""
        ...

    def entry(self, object_id: ObjectId, frame_index: int) -> TrackedMatte | None:
        """What is stored of one object on one frame."""
        ...

    def begin_run(self, model: str, direction: Direction, object_ids: Iterable[ObjectId]) -> None:
        """Say which run the following frames come from."""
        ...

    def end_run(self) -> None:
        """Say that the run is complete."""
        ...

    def append(
        self,
        frame_index: int,
        entries: Mapping[ObjectId, TrackedMatte],
        snapshot: Callable[[], bytes] | None = None,
    ) -> None:
        """Store one frame; now and then commit, together with a snapshot."""
        ...

    def run_state(self) -> RunState | None:
        """The last committed run."""
        ...


def remaining_passes(store: TrackStore, model: str) -> list[Pass]:
    """The passes that the store still lacks when it is tracked with that model."""
    states = {
        object_id: ObjectState(
            keyframes=sorted(store.prompts(object_id)), tracked=store.tracked_spans(object_id)
        )
        for object_id in store.objects()
    }
    run = store.run_state()
    interrupted = None
    if run is not None and run.model == model:
        interrupted = Interrupted(
            frame_index=run.frame_index,
            is_forward=run.direction == "forward",
            object_ids=frozenset(run.object_ids),
        )
    return plan_passes(states, store.in_frame, store.out_frame, interrupted)


def follow(
    source: Source,
    store: TrackStore,
    propagator: Propagator,
    *,
    short_side: int,
    progress: Progress | None = None,
) -> int:
    """Track every object of the store on every frame that has no matte yet.

    A run that was interrupted goes on from its snapshot, to the same mattes.

    Args:
        source: The video.
        store: Keyframes in, mattes out.
        propagator: The model.
        short_side: Tracking size in pixels.
        progress: Told the frames done and the frames in all, after every frame.

    Returns:
        How many frames the model was shown.
    """
    passes = remaining_passes(store, propagator.name)
    total = sum(len(p.frames) + len(p.memory) for p in passes)
    done = 0
    for one_pass in passes:
        for _ in _run(source, store, propagator, one_pass, short_side):
            done += 1
            if progress is not None:
                progress(done, total)
        store.end_run()
    return done


def _run(
    source: Source, store: TrackStore, propagator: Propagator, one_pass: Pass, short_side: int
) -> Iterator[int]:
    size = tracking_size(source.info.width, source.info.height, short_side)
    info = TrackingInfo(width=size[0], height=size[1])
    run, members = _start(store, propagator, one_pass, info)
    for frame_index in one_pass.memory:
        frame = source.frame(frame_index)
        run.keyframe(frame, _mattes(store, frame_index, sorted(one_pass.object_ids), size))
        yield frame_index
    bystanders = [i for i in store.objects() if i not in one_pass.object_ids | members]
    announced: set[ObjectId] = set()
    for frame in _frames(source, one_pass.frames):
        given = _mattes(store, frame.index, one_pass.keyframes.get(frame.index, ()), size)
        members |= given.keys()
        if members != announced:
            direction: Direction = "forward" if one_pass.is_forward else "backward"
            store.begin_run(propagator.name, direction, members)
            announced = set(members)
        step = advance(run, frame, given, size)
        taken = _taken(store, frame.index, bystanders, size)
        store.append(frame.index, _entries(step, given.keys(), taken), run.snapshot)
        yield frame.index


def _start(
    store: TrackStore, propagator: Propagator, one_pass: Pass, info: TrackingInfo
) -> tuple[PropagationRun, set[ObjectId]]:
    state = store.run_state() if one_pass.resumes else None
    if state is None:
        return propagator.start(info), set()
    return propagator.resume(info, state.snapshot), set(state.object_ids)


def _frames(source: Source, frames: range) -> Iterator[Frame]:
    if frames.step > 0:
        return source.frames(frames.start, frames.stop)
    return source.frames_reversed(frames.stop + 1, frames.start + 1)


def _mattes(
    store: TrackStore, frame_index: int, object_ids: Iterable[ObjectId], size: tuple[int, int]
) -> dict[ObjectId, Matte]:
    mattes = {}
    for object_id in object_ids:
        entry = store.entry(object_id, frame_index)
        if entry is None:
            raise ProjectError(
                f"the keyframe of object {object_id} on frame {frame_index} has no mask",
                hint="give its prompts again",
            )
        mattes[object_id] = resized(entry.matte, *size)
    return mattes


def _taken(
    store: TrackStore, frame_index: int, bystanders: Iterable[ObjectId], size: tuple[int, int]
) -> Matte | None:
    """What objects outside this pass already hold of the frame."""
    held: Matte | None = None
    for object_id in bystanders:
        entry = store.entry(object_id, frame_index)
        if entry is not None:
            matte = resized(entry.matte, *size)
            held = matte if held is None else np.maximum(held, matte)
    return held


def _entries(
    step: TrackStep, given: Iterable[ObjectId], taken: Matte | None
) -> dict[ObjectId, TrackedMatte]:
    """What is to be stored: all but the keyframes, which are stored as the person gave them."""
    entries = {}
    for object_id, matte in step.mattes.items():
        if object_id in given:
            continue
        free = matte if taken is None else np.minimum(matte, 1 - taken)
        entries[object_id] = TrackedMatte(
            matte=free,
            score=step.scores[object_id],
            origin=Origin.PROPAGATED,
            reasons=step.reasons.get(object_id, ()),
        )
    return entries
