"""The mattes of one render, each decoded once and worked on as the recipe says."""

from __future__ import annotations

import functools
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np

from tam_edit.effect import object_size_px
from tam_edit.frame import Frame
from tam_edit.masks.closed_form import edge_solved
from tam_edit.masks.edges import feathered, grown, smoothed
from tam_edit.masks.follow import ROOM, edge_followed
from tam_edit.masks.guided import Floats
from tam_edit.masks.patch import Patch, united
from tam_edit.masks.pieces import holes_filled, specks_dropped, upheld
from tam_edit.masks.steady import Outline, outline_of, steadied
from tam_edit.media import Source
from tam_edit.prompts import Said
from tam_edit.recipe import MatteStep
from tam_edit.render.job import RenderJob, objects_of
from tam_edit.render.plan import RenderPlan
from tam_edit.tracks import TrackSet, resized
from tam_edit.types import Box, Matte, ObjectId, Point

Kept = TypeVar("Kept")
# Mattes that are kept beside those that are still needed: of the frames that effects look back at.
SPARE = 4


class Recent(Generic[Kept]):
    """The last results of a function, so many of them."""

    def __init__(self, make: Callable[[int], Kept], count: int) -> None:
        self._make = make
        self._count = count
        self._kept: OrderedDict[int, Kept] = OrderedDict()

    def __call__(self, index: int) -> Kept:
        """The result for a frame, made if it is not kept."""
        if index in self._kept:
            self._kept.move_to_end(index)
        else:
            self._kept[index] = self._make(index)
            if len(self._kept) > self._count:
                self._kept.popitem(last=False)
        return self._kept[index]


class Pictures:
    """Frames of the video: those that were decoded just now, and any other one.

    Args:
        source: The video.
        count: How many are kept.
    """

    def __init__(self, source: Source, count: int) -> None:
        self._source = source
        self._kept: deque[Frame] = deque(maxlen=count)

    def keep(self, frame: Frame) -> None:
        """Remember a frame that was decoded."""
        self._kept.append(frame)

    def __call__(self, index: int) -> Frame:
        """A frame, decoded again where it is not one of those."""
        known = (frame for frame in self._kept if frame.index == index)
        return next(known, None) or self._source.frame(index)


class RenderMattes:
    """Where objects are, after any number of a recipe's matte steps.

    Args:
        tracks: Masks per object.
        steps: What is done to them, with the objects that it is done to.
        size: Columns and rows of the frames.
        frames: The frames that are rendered.
        window: Over how many frames around the current one mattes are asked for at most.
        pictures: The frames, for edges that follow the picture's.
        said: What persons said of objects on frames: it stays whatever a step does.
    """

    def __init__(
        self,
        tracks: TrackSet,
        steps: Sequence[tuple[MatteStep, Sequence[ObjectId]]],
        size: tuple[int, int],
        frames: range,
        window: int,
        pictures: Pictures,
        said: Mapping[ObjectId, Mapping[int, Said]],
    ) -> None:
        self._tracks = tracks
        self._said = said
        self._steps = tuple(steps)
        self._size = size
        self._frames = frames
        self._pictures = pictures
        # Smoothing over n frames asks for n before and after, of what was smoothed before.
        reach = sum(2 * step.smooth_frames for step, _ in self._steps)
        self._count = window + reach + SPARE
        self._decoded: dict[ObjectId, Recent[Matte]] = {}
        self._whole: Recent[dict[tuple[ObjectId, ...], Matte]] = Recent(lambda _: {}, 1)
        self._stages: dict[tuple[ObjectId, int], Recent[Patch]] = {}

    def see(self, frame: Frame) -> None:
        """Take a frame that was decoded, so that it need not be decoded again."""
        self._pictures.keep(frame)

    def matte(
        self,
        object_ids: tuple[ObjectId, ...],
        index: int,
        steps: int,
        hold: tuple[int, int] = (0, 0),
    ) -> Matte:
        """The union of objects on a frame; read-only.

        Args:
            object_ids: At least one.
            index: The frame.
            steps: After how many matte steps.
            hold: Over how many frames before and after it the union is taken as well.

        Returns:
            float32 (height, width) in [0, 1].
        """
        if not any(hold) and not self._changes(object_ids, steps):
            return self._tracked(object_ids, index)
        around = self._around(index, hold)
        patches = [self.patch(i, other, steps) for other in around for i in object_ids]
        return united(patches).full(*self._size)

    def size_px(
        self,
        object_ids: tuple[ObjectId, ...],
        index: int,
        steps: int,
        hold: tuple[int, int] = (0, 0),
    ) -> float:
        """How large the objects are on the largest of some frames; see ``object_size_px``."""
        if not any(hold) and not self._changes(object_ids, steps):
            return object_size_px(self._tracked(object_ids, index))
        unions = (
            united([self.patch(i, other, steps) for i in object_ids])
            for other in self._around(index, hold)
        )
        return max(object_size_px(union.values) for union in unions)

    def patch(self, object_id: ObjectId, index: int, steps: int) -> Patch:
        """One object on a frame, after so many matte steps."""
        return self._stage(object_id, steps)(index)

    def _around(self, index: int, hold: tuple[int, int]) -> range:
        start, stop = index - hold[0], index + hold[1] + 1
        # A frame that is asked for is looked at, also where an effect looks out of the span.
        return range(
            min(index, max(start, self._frames.start)), max(index + 1, min(stop, self._frames.stop))
        )

    def _changes(self, object_ids: tuple[ObjectId, ...], steps: int) -> bool:
        return any(set(ids) & set(object_ids) for _, ids in self._steps[:steps])

    def _tracked(self, object_ids: tuple[ObjectId, ...], index: int) -> Matte:
        """The union as tracked. Whole mattes are large: only one frame's are kept."""
        kept = self._whole(index)
        if object_ids not in kept:
            mattes = (resized(self._entry(i)(index), *self._size) for i in object_ids)
            kept[object_ids] = functools.reduce(np.maximum, mattes)
        return kept[object_ids]

    def _entry(self, object_id: ObjectId) -> Recent[Matte]:
        """An object's mattes at the size at which they were tracked."""
        if object_id not in self._decoded:
            track = self._tracks[object_id]
            self._decoded[object_id] = Recent(lambda index: track.entry(index).matte, self._count)
        return self._decoded[object_id]

    def _stage(self, object_id: ObjectId, steps: int) -> Recent[Patch]:
        """An object's patches after so many matte steps; steps on others are passed over."""
        while steps and object_id not in self._steps[steps - 1][1]:
            steps -= 1
        key = (object_id, steps)
        if key not in self._stages:
            make: Callable[[int], Patch]
            if steps:
                before = self._stage(object_id, steps - 1)
                step = self._steps[steps - 1][0]
                said = self._said.get(object_id, {})
                args = (self._size, self._frames, self._count, self._pictures, said)
                make = _Worked(step, before, *args)
            else:
                entry = self._entry(object_id)

                def make(index: int) -> Patch:
                    return Patch.of(resized(entry(index), *self._size))

            self._stages[key] = Recent(make, self._count)
        return self._stages[key]


class _Worked:
    """One object's mattes after one matte step."""

    def __init__(
        self,
        step: MatteStep,
        before: Recent[Patch],
        size: tuple[int, int],
        frames: range,
        count: int,
        picture: Callable[[int], Frame],
        said: Mapping[int, Said],
    ) -> None:
        self._step = step
        self._said = said
        self._picture = picture
        self._before = before
        self._size = size
        self._frames = frames
        self._outlines = Recent(self._outline, count)

    def __call__(self, index: int) -> Patch:
        """The fields of the step, in the order in which they stand there."""
        step, patch = self._step, self._before(index)
        said = self._said.get(index, Said())
        if step.smooth_frames and not said.is_painted:
            steady = steadied(
                patch, lambda by: self._outlines(index + by), step.smooth_frames, *self._size
            )
            patch = _upheld(patch, steady, said)
        for frac, drawn in (
            (step.follow_edges_frac, edge_followed),
            (step.closed_form_frac, edge_solved),
        ):
            if frac and not (patch.is_empty or said.is_painted):
                patch = self._redrawn(patch, index, frac * min(self._size), drawn)
        return patch if patch.is_empty else self._reshaped(patch, said)

    def _outline(self, index: int) -> Outline | None:
        if index not in self._frames:
            return None
        return outline_of(self._before(index), *self._size)

    def _redrawn(
        self,
        patch: Patch,
        index: int,
        reach_px: float,
        drawn: Callable[[Matte, Floats, float], Matte],
    ) -> Patch:
        """The edge drawn anew from the picture, as far as it reaches."""
        box = patch.box.grown(math.ceil(ROOM * reach_px)).clipped(*self._size)
        part = self._picture(index).region(box)
        picture = np.asarray(part / np.float32(np.iinfo(part.dtype).max), np.float32)
        return Patch.of(drawn(patch.within(box), picture, reach_px), (box.x0, box.y0))

    def _reshaped(self, patch: Patch, said: Said) -> Patch:
        step = self._step
        room = 2 + math.ceil(3 * step.smooth_edge_px + max(0.0, step.grow_px) + step.feather_px)
        box = patch.box.grown(room).clipped(*self._size)
        matte = patch.within(box)
        if not said.is_painted:
            matte = _kept(matte, self._tidied(matte), said, box)
        if step.grow_px:
            matte = grown(matte, px=step.grow_px)
        if step.feather_px:
            matte = feathered(matte, radius_px=step.feather_px)
        return Patch.of(matte, (box.x0, box.y0))

    def _tidied(self, matte: Matte) -> Matte:
        step = self._step
        if step.fill_holes_frac:
            matte = holes_filled(matte, share=step.fill_holes_frac)
        if step.drop_specks_frac:
            matte = specks_dropped(matte, share=step.drop_specks_frac)
        if step.smooth_edge_px:
            matte = smoothed(matte, sigma_px=step.smooth_edge_px)
        return matte


def _upheld(before: Patch, after: Patch, said: Said) -> Patch:
    """A patch that was worked on, with what was pointed at in it as it was."""
    if after is before or not (said.positive or said.negative):
        return after
    box = united([before, after]).box
    return Patch.of(_kept(before.within(box), after.within(box), said, box), (box.x0, box.y0))


def _kept(before: Matte, after: Matte, said: Said, box: Box) -> Matte:
    """The same for mattes that lie in a box of the frame."""
    positive, negative = _moved(said.positive, box), _moved(said.negative, box)
    return upheld(before, after, positive=positive, negative=negative)


def _moved(points: Sequence[Point], box: Box) -> list[Point]:
    """Points of the frame in a box of it."""
    return [(x - box.x0, y - box.y0) for x, y in points]


def mattes_of(job: RenderJob, plan: RenderPlan, source: Source) -> RenderMattes:
    """The mattes that a render needs."""
    return RenderMattes(
        job.tracks,
        [(step, objects_of(step, job.names)) for step in plan.mattes],
        (source.info.width, source.info.height),
        range(job.in_frame, job.out_frame),
        window_of(plan),
        Pictures(source, window_of(plan)),
        job.said,
    )


def window_of(plan: RenderPlan) -> int:
    """Over how many frames around the current one mattes are asked for at most."""
    steps = [(each.step, each.effect.lookahead_frames) for each in plan.effects]
    counts = [s.hold_before_frames + s.hold_after_frames + 1 + ahead for s, ahead in steps]
    return max([*counts, 1 + plan.masks_ahead])
