"""Carries out passes: decodes, propagates, assesses, refines, and writes into the store."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from tam_edit.errors import MediaError, ModelError, ProjectError
from tam_edit.frame import Frame
from tam_edit.media import Source
from tam_edit.models import Models
from tam_edit.models.base import TrackingInfo
from tam_edit.tracking.assess import Assessor
from tam_edit.tracking.checked_run import CheckedRun, unpacked
from tam_edit.tracking.passes import Fill, Pass
from tam_edit.tracking.refine import Refiner
from tam_edit.tracking.settings import LoopSettings, tracking_size
from tam_edit.tracking.store import TrackStore
from tam_edit.tracking.tally import Tally, WayBack
from tam_edit.tracking.verdict import SHRUNK, area_of, gone_over, is_shrunk, smaller
from tam_edit.tracks import BELIEVED, Direction, Origin, RunState, TrackedMatte, resized
from tam_edit.types import Matte, ObjectId

# A correction that is carried back takes the place of masks whose score is lower by this much. On
# three sequences whose worst frame was corrected, replacing all that differed lost far more good
# masks than it mended. It has gone far enough once so many frames in a row kept what they had.
BETTER_BY = 0.1
KEPT_FRAMES = 3

UNREACHED = (0.0, ("no prompt reaches it; say where the object is, or that it is gone",))


class CannotResumeError(Exception):
    """An interrupted run's state cannot be used: the pass begins anew."""


class PassRunner:
    """Carries out the parts of a plan.

    Attributes:
        carried: How many objects the latest run carries.
    """

    def __init__(
        self,
        source: Source,
        store: TrackStore,
        models: Models,
        short_side: int,
        settings: LoopSettings,
        cuts: Sequence[int],
        tally: Tally,
    ) -> None:
        self.carried = 0
        self._source = source
        self._store = store
        self._models = models
        self._tally = tally
        self._settings = settings
        self._cuts = frozenset(cuts) if settings.at_cuts == "reacquire" else frozenset()
        width, height = tracking_size(source.info.width, source.info.height, short_side)
        self._info = TrackingInfo(width=width, height=height)

    def fill(self, fill: Fill) -> None:
        """Store empty mattes where no model is needed."""
        empty = np.zeros((self._info.height, self._info.width), np.float32)
        before = self._store.areas_before(fill.object_id)
        for frame_index in fill.frames:
            is_gone = fill.origin is Origin.ABSENT
            score, reasons = gone_over(before.get(frame_index, 0.0)) if is_gone else UNREACHED
            entry = TrackedMatte(matte=empty, score=score, origin=fill.origin, reasons=reasons)
            self._store.append(frame_index, {fill.object_id: entry})
            self._tally.filled[fill.object_id].add(frame_index)

    def run(self, one_pass: Pass) -> Iterator[int]:
        """Carry out one pass; yields after every frame that the model was shown.

        Frames that have a matte already are passed through on the way to others, and stay as they
        are; only a correction that is carried back replaces some.

        Raises:
            CannotResumeError: The run's saved state cannot be used.
        """
        store = self._store
        self.carried = len(one_pass.object_ids)
        run, members, kept = self._start(one_pass)
        for frame_index in one_pass.memory:
            frame = self._source.frame(frame_index)
            run.learn(frame, self._mattes(frame_index, sorted(one_pass.object_ids)))
            yield frame_index
        if one_pass.memory:
            run.cut()
        way_back = _WayBack(store, one_pass, members, kept, self._tally)
        frames = one_pass.frames if not way_back.is_over else range(0)
        held = {i: store.tracked_spans(i) for i in one_pass.object_ids | members}
        before = {i: store.areas_before(i) for i in held}
        announced: set[ObjectId] = set()
        for frame in self._frames(frames, run):
            given = self._mattes(frame.index, one_pass.keyframes.get(frame.index, ()))
            leaving = set(one_pass.exits.get(frame.index, ()))
            members = (members - leaving) | given.keys()
            if members != announced:
                # Before anything changes: what waits is committed with the state it belongs to.
                direction: Direction = "forward" if one_pass.is_forward else "backward"
                name = self._models.propagator.name
                store.begin_run(name, direction, members, one_pass.memory)
                announced = set(members)
                self.carried = len(members)
            for object_id in leaving:
                run.forget(object_id)
            if self._crosses_cut(frame.index, one_pass):
                run.cut()
            entries = run.advance(frame, given, self._taken(frame.index, members))
            entries = {i: _doubted(e, before[i].get(frame.index)) for i, e in entries.items()}
            if one_pass.correction is None:
                entries = {i: e for i, e in entries.items() if not _is_in(frame.index, held[i])}
                self._tally.note_made(frame.index, entries)
            elif not given:
                entries = way_back.replaced(frame.index, entries)
            way_back.note(frame.index, entries)
            store.append(frame.index, entries, partial(run.snapshot, way_back.kept))
            yield frame.index
            if way_back.is_over:
                break
        store.end_run()
        if one_pass.correction is not None:
            for object_id in members:
                store.end_backtrack(object_id, one_pass.correction)

    def _start(self, one_pass: Pass) -> tuple[CheckedRun, set[ObjectId], int]:
        """The pass's run, the objects in it, and how many frames in a row kept what they had."""
        propagator, settings, info = self._models.propagator, self._settings, self._info
        assessor = Assessor(info.width, info.height) if settings.assesses else None
        members: set[ObjectId] = set()
        kept = 0
        if not one_pass.resumes:
            run = propagator.start(info)
        else:
            state = self._store.run_state()
            if state is None:
                raise CannotResumeError("the state of the run is gone")
            try:
                saved = unpacked(state.snapshot)
                run = propagator.resume(info, saved.run)
                members, kept = set(state.object_ids), saved.kept
                if assessor is not None and saved.assessor is not None:
                    assessor = Assessor.resume(info.width, info.height, saved.assessor)
                elif assessor is not None:
                    self._show_keyframes(assessor, state)
            except ModelError as error:
                raise CannotResumeError(str(error)) from error
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

    def _show_keyframes(self, assessor: Assessor, state: RunState) -> None:
        """Tell an assessment that begins in the middle of a run what the objects look like."""
        step = 1 if state.direction == "forward" else -1
        for object_id in state.object_ids:
            said = self._store.prompts(object_id)
            behind = [k for k in said if not said[k].gone and (k - state.frame_index) * step <= 0]
            for frame_index in sorted(behind, key=lambda k: k * step)[-1:]:
                assessor.look(self._source.frame(frame_index))
                mattes = self._mattes(frame_index, (object_id,))
                size = (self._info.width, self._info.height)
                assessor.settle({i: resized(matte, *size) for i, matte in mattes.items()})

    def _frames(self, frames: range, run: CheckedRun) -> Iterator[Frame]:
        """The frames one by one, each announced to the run while the one before it is worked on."""
        if frames.step > 0:
            shown = self._source.frames(frames.start, frames.stop)
        else:
            shown = self._source.frames_reversed(frames.stop + 1, frames.start + 1)
        waiting: Frame | None = None
        try:
            for frame in shown:
                run.prefetch(frame)
                if waiting is not None:
                    yield waiting
                waiting = frame
        except MediaError:
            if waiting is not None:
                yield waiting
            # The run stands between two frames: what was tracked so far can be kept.
            self._store.flush()
            raise
        if waiting is not None:
            yield waiting

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


class _WayBack:
    """A correction that is carried back over frames that have a matte.

    Attributes:
        kept: How many frames in a row kept what they had.
    """

    def __init__(
        self, store: TrackStore, one_pass: Pass, members: set[ObjectId], kept: int, tally: Tally
    ) -> None:
        self.kept = kept
        self._store = store
        self._correction = one_pass.correction
        objects = one_pass.object_ids | members if one_pass.correction is not None else ()
        self._reached = {i: store.backtracks(i).get(one_pass.correction or 0, 0) for i in objects}
        self._approved = {i: frozenset(store.approved(i)) for i in objects}
        self._told = {
            i: WayBack(
                object_id=i,
                correction=one_pass.correction or 0,
                first=min(one_pass.frames, default=one_pass.correction or 0),
                reached=self._reached[i],
            )
            for i in objects
        }
        tally.ways_back += self._told.values()

    @property
    def is_over(self) -> bool:
        """Whether it has gone far enough."""
        return self.kept >= KEPT_FRAMES

    def replaced(
        self, frame_index: int, entries: Mapping[ObjectId, TrackedMatte]
    ) -> dict[ObjectId, TrackedMatte]:
        """What takes the place of what is there; what a person has approved stays."""
        taking = {}
        for object_id, entry in entries.items():
            there = self._store.entry(object_id, frame_index)
            told = self._told[object_id]
            told.seen.add(frame_index)
            # It may have come this far before, when it was stopped: then this is its own mask.
            is_own = frame_index >= self._reached[object_id]
            is_better = there is None or entry.score >= there.score + BETTER_BY
            if (is_own or is_better) and frame_index not in self._approved[object_id]:
                taking[object_id] = entry if there is None else _held_to(there, entry, is_own)
                told.changed.add(frame_index)
        self.kept = 0 if taking else self.kept + 1
        return taking

    def note(self, frame_index: int, taken: Mapping[ObjectId, TrackedMatte]) -> None:
        """Keep how far it has come."""
        if self._correction is None:
            return
        for object_id in taken:
            reached = min(frame_index, self._reached[object_id])
            self._store.advance_backtrack(object_id, self._correction, reached)


def _doubted(entry: TrackedMatte, before: float | None) -> TrackedMatte:
    """A mask, doubtful where it is much smaller than one that prompts have dropped."""
    return smaller(entry) if is_shrunk(area_of(entry.matte), before or 0.0) else entry


def _held_to(there: TrackedMatte, entry: TrackedMatte, is_own: bool) -> TrackedMatte:
    """A mask as it takes the place of another, or of itself as it was stored before."""
    is_believed = there.score >= BELIEVED
    shrinks = is_believed and is_shrunk(area_of(entry.matte), area_of(there.matte))
    return smaller(entry) if shrinks or (is_own and SHRUNK in there.reasons) else entry


def _is_in(frame_index: int, spans: Sequence[tuple[int, int]]) -> bool:
    place = bisect_right(spans, (frame_index, math.inf)) - 1
    return place >= 0 and spans[place][0] <= frame_index < spans[place][1]
