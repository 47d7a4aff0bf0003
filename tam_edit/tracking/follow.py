"""Runs the plan: decodes, propagates, assesses, refines, and writes every frame into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from tam_edit.errors import MediaError, OutOfMemoryError, ProjectError
from tam_edit.frame import Frame
from tam_edit.media import Source
from tam_edit.models import Models
from tam_edit.models.base import TrackingInfo
from tam_edit.prompts import Prompts
from tam_edit.tracking.assess import Assessor
from tam_edit.tracking.checked_run import CheckedRun, unpacked
from tam_edit.tracking.plan import Fill, Interrupted, ObjectState, Pass, Plan, plan_passes
from tam_edit.tracking.refine import Refiner
from tam_edit.tracking.settings import LoopSettings, tracking_size
from tam_edit.tracks import Direction, Origin, RunState, TrackedMatte, resized
from tam_edit.types import Matte, ObjectId

Progress = Callable[[int, int], None]

# A correction that is carried back takes the place of masks whose score is lower by this much. On
# three sequences whose worst frame was corrected, replacing all that differed lost far more good
# masks than it mended. It has gone far enough once so many frames in a row kept what they had.
BETTER_BY = 0.1
KEPT_FRAMES = 3

FILLS = {
    Origin.ABSENT: (1.0, ()),
    Origin.UNREACHED: (0.0, ("nobody has said where it is after the cut",)),
}


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

    def backtracks(self, object_id: ObjectId) -> Sequence[int]:
        """Corrections that are still to be carried back."""
        ...

    def end_backtrack(self, object_id: ObjectId, frame_index: int) -> None:
        """Say that a correction was carried back."""
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

    def flush(self) -> None:
        """Commit what waits, with a snapshot; called between two frames."""
        ...

    def run_state(self) -> RunState | None:
        """The last committed run."""
        ...

    def log(self, kind: str, **details: object) -> None:
        """Keep a line about what happened."""
        ...


def remaining(
    store: TrackStore, model: str, cuts: Sequence[int] = (), most_objects: int | None = None
) -> Plan:
    """What the store still lacks when it is tracked with that model.

    Args:
        store: The track.
        model: The propagator's name.
        cuts: Frames that no pass crosses.
        most_objects: How many objects one pass may carry; any number where None.
    """
    states = {}
    for object_id in store.objects():
        said = store.prompts(object_id)
        states[object_id] = ObjectState(
            keyframes=sorted(said),
            tracked=store.tracked_spans(object_id),
            gone=frozenset(k for k, prompts in said.items() if prompts.gone),
            backtracks=store.backtracks(object_id),
        )
    run = store.run_state()
    interrupted = None
    if run is not None and run.model == model:
        interrupted = Interrupted(
            frame_index=run.frame_index,
            is_forward=run.direction == "forward",
            object_ids=frozenset(run.object_ids),
        )
    return plan_passes(
        states, store.in_frame, store.out_frame, interrupted, cuts=cuts, most_objects=most_objects
    )


def follow(
    source: Source,
    store: TrackStore,
    models: Models,
    *,
    short_side: int,
    settings: LoopSettings | None = None,
    cuts: Sequence[int] = (),
    progress: Progress | None = None,
) -> int:
    """Track every object of the store on every frame that has no matte yet.

    A run that was interrupted goes on from its snapshot, to the same mattes. Where the device
    cannot hold all objects at once they are tracked in several passes.

    Args:
        source: The video.
        store: Keyframes in, mattes out.
        models: The propagator, and the segmenter that refines.
        short_side: Tracking size in pixels.
        settings: Which steps run; all of them where None.
        cuts: First frames of new shots, see ``LoopSettings.at_cuts``.
        progress: Told the frames done and the frames in all, after every frame.

    Returns:
        How many frames the model was shown.

    Raises:
        OutOfMemoryError: The device cannot hold even one object.
    """
    settings = settings or LoopSettings()
    follower = _Follower(source, store, models, short_side, settings, cuts)
    most_objects: int | None = None
    done = 0
    while True:
        barriers = cuts if settings.at_cuts == "ask" else ()
        plan = remaining(store, models.propagator.name, barriers, most_objects)
        for fill in plan.fills:
            follower.fill(fill)
        carried = 0
        try:
            for number, one_pass in enumerate(plan.passes):
                left = sum(_length(p) for p in plan.passes[number:])
                carried = len(one_pass.object_ids)
                total = done + left
                for _ in follower.run(one_pass):
                    done += 1
                    if progress is not None:
                        progress(done, total)
        except OutOfMemoryError as error:
            if carried < 2:
                raise
            most_objects = carried // 2
            store.end_run()
            store.log("out of memory", why=str(error), objects=carried, tries=most_objects)
        else:
            return done


def _length(one_pass: Pass) -> int:
    return len(one_pass.frames) + len(one_pass.memory)


class _Follower:
    """Carries out the parts of a plan."""

    def __init__(
        self,
        source: Source,
        store: TrackStore,
        models: Models,
        short_side: int,
        settings: LoopSettings,
        cuts: Sequence[int],
    ) -> None:
        self._source = source
        self._store = store
        self._models = models
        self._settings = settings
        self._cuts = frozenset(cuts) if settings.at_cuts == "reacquire" else frozenset()
        width, height = tracking_size(source.info.width, source.info.height, short_side)
        self._info = TrackingInfo(width=width, height=height)

    def fill(self, fill: Fill) -> None:
        """Store empty mattes where no model is needed."""
        score, reasons = FILLS[fill.origin]
        empty = np.zeros((self._info.height, self._info.width), np.float32)
        entry = TrackedMatte(matte=empty, score=score, origin=fill.origin, reasons=reasons)
        for frame_index in fill.frames:
            self._store.append(frame_index, {fill.object_id: entry})

    def run(self, one_pass: Pass) -> Iterator[int]:
        """Carry out one pass; yields after every frame that the model was shown."""
        store = self._store
        run, members, kept = self._start(one_pass)
        for frame_index in one_pass.memory:
            frame = self._source.frame(frame_index)
            run.learn(frame, self._mattes(frame_index, sorted(one_pass.object_ids)))
            yield frame_index
        if one_pass.memory:
            run.cut()
        announced: set[ObjectId] = set()
        for frame in self._frames(one_pass.frames):
            leaving = one_pass.exits.get(frame.index, ())
            for object_id in leaving:
                run.forget(object_id)
            given = self._mattes(frame.index, one_pass.keyframes.get(frame.index, ()))
            members = (members - set(leaving)) | given.keys()
            if members != announced:
                direction: Direction = "forward" if one_pass.is_forward else "backward"
                store.begin_run(self._models.propagator.name, direction, members)
                announced = set(members)
            if self._crosses_cut(frame.index, one_pass):
                run.cut()
            entries = run.advance(frame, given, self._taken(frame.index, members))
            if one_pass.correction is not None and not given:
                entries, kept = self._against(frame.index, entries, kept)
            store.append(frame.index, entries, partial(run.snapshot, kept))
            yield frame.index
            if kept == KEPT_FRAMES:
                break
        store.end_run()
        if one_pass.correction is not None:
            for object_id in members:
                store.end_backtrack(object_id, one_pass.correction)

    def _start(self, one_pass: Pass) -> tuple[CheckedRun, set[ObjectId], int]:
        """The pass's run, the objects in it, and how many frames in a row kept what they had."""
        propagator, settings, info = self._models.propagator, self._settings, self._info
        assessor = Assessor(info.width, info.height) if settings.assesses else None
        state = self._store.run_state() if one_pass.resumes else None
        members: set[ObjectId] = set()
        kept = 0
        if state is None:
            run = propagator.start(info)
        else:
            saved = unpacked(state.snapshot)
            run = propagator.resume(info, saved.run)
            members, kept = set(state.object_ids), saved.kept
            if assessor is not None and saved.assessor is not None:
                assessor = Assessor.resume(info.width, info.height, saved.assessor)
        below = settings.refine_below
        if below is None:
            below = self._models.refine_below
        refines = assessor is not None and below > 0
        checked = CheckedRun(
            run,
            info,
            assessor=assessor,
            refiner=Refiner(self._models.segmenter) if refines else None,
            refine_below=below,
            log=self._store.log,
        )
        return checked, members, kept

    def _frames(self, frames: range) -> Iterator[Frame]:
        if frames.step > 0:
            shown = self._source.frames(frames.start, frames.stop)
        else:
            shown = self._source.frames_reversed(frames.stop + 1, frames.start + 1)
        try:
            yield from shown
        except MediaError:
            # The run stands between two frames: what was tracked so far can be kept.
            self._store.flush()
            raise

    def _crosses_cut(self, frame_index: int, one_pass: Pass) -> bool:
        """Whether another shot begins between the frame that the run saw before and this one."""
        if frame_index == one_pass.frames.start and not one_pass.resumes:
            return False
        later = frame_index if one_pass.is_forward else frame_index + 1
        return later in self._cuts

    def _mattes(self, frame_index: int, object_ids: Iterable[ObjectId]) -> dict[ObjectId, Matte]:
        mattes = {}
        for object_id in object_ids:
            entry = self._store.entry(object_id, frame_index)
            if entry is None:
                raise ProjectError(
                    f"the keyframe of object {object_id} on frame {frame_index} has no mask",
                    hint="give its prompts again",
                )
            mattes[object_id] = entry.matte
        return mattes

    def _taken(self, frame_index: int, members: Iterable[ObjectId]) -> Matte | None:
        """What objects outside the run hold of the frame."""
        held: Matte | None = None
        for object_id in self._store.objects():
            entry = None if object_id in members else self._store.entry(object_id, frame_index)
            if entry is not None:
                matte = resized(entry.matte, self._info.width, self._info.height)
                held = matte if held is None else np.maximum(held, matte)
        return held

    def _against(
        self, frame_index: int, entries: Mapping[ObjectId, TrackedMatte], kept: int
    ) -> tuple[dict[ObjectId, TrackedMatte], int]:
        """What of a way back takes the place of what is there, and on how many frames nothing."""
        replaced = {}
        for object_id, entry in entries.items():
            there = self._store.entry(object_id, frame_index)
            if there is None or entry.score >= there.score + BETTER_BY:
                replaced[object_id] = entry
        return replaced, 0 if replaced else kept + 1
