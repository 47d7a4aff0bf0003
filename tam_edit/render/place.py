"""Where an effect acts in one video, and what a recipe's covers hide."""

from __future__ import annotations

import numpy as np

from tam_edit.effect import prepare_matte
from tam_edit.media import Source
from tam_edit.render.job import RenderJob, objects_of
from tam_edit.render.mattes import RenderMattes, mattes_of
from tam_edit.render.plan import EffectPlan, check_recipe
from tam_edit.types import Mask, Matte


class EffectPlace:
    """Where one effect of a recipe acts, frame by frame.

    Args:
        plan: The effect in this video.
        job: Whose objects it acts on, and on which frames it acts on everything.
        mattes: Where the objects are.
        size: Columns and rows of the frames.
    """

    def __init__(
        self, plan: EffectPlan, job: RenderJob, mattes: RenderMattes, size: tuple[int, int]
    ) -> None:
        self._plan, self._step = plan, plan.step
        self._object_ids = objects_of(plan.step, job.names)
        self._covered = frozenset(job.covered_frames)
        self._mattes = mattes
        # A place is covered at frame f when an object is there at most so long before or after.
        self._hold = (plan.step.hold_after_frames, plan.step.hold_before_frames)
        self._size = size

    def matte(self, index: int) -> Matte:
        """The objects, or all but them where the step is inverted."""
        if index in self._covered:
            width, height = self._size
            return np.full((height, width), self._plan.effect.acts_on == "object", np.float32)
        objects = self._mattes.matte(self._object_ids, index, self._plan.mattes, self._hold)
        return np.float32(1) - objects if self._step.invert else objects

    def place(self, index: int) -> Matte:
        """Where the effect acts: on the objects or on what is behind them."""
        matte = self.matte(index)
        return matte if self._plan.effect.acts_on == "object" else np.float32(1) - matte

    def margin_px(self, index: int) -> float:
        """How far a cover reaches past that, in pixels."""
        margin_px = self._step.margin_px
        if self._step.margin_frac:
            size_px = self._mattes.size_px(self._object_ids, index, self._plan.mattes, self._hold)
            margin_px += self._step.margin_frac * size_px
        return margin_px

    def cover(self, index: int) -> Mask:
        """What the effect hides on a frame if it covers."""
        if not self._plan.start <= index < self._plan.stop:
            width, height = self._size
            return np.zeros((height, width), bool)
        place = prepare_matte(
            self.place(index),
            "cover",
            threshold=self._step.cover_threshold,
            margin_px=self.margin_px(index),
        )
        covered: Mask = place > 0
        return covered


class Covers:
    """What the covers of a recipe hide together, as a render of it would.

    Args:
        source: The video.
        job: The recipe and the masks; every frame of it is tracked.
    """

    def __init__(self, source: Source, job: RenderJob) -> None:
        plan = check_recipe(job.recipe, source, in_frame=job.in_frame, out_frame=job.out_frame)
        mattes = mattes_of(job, plan, source)
        size = (source.info.width, source.info.height)
        self._places = [
            EffectPlace(each, job, mattes, size)
            for each in plan.effects
            if each.effect.edge == "cover"
        ]

    def __bool__(self) -> bool:
        """Whether the recipe covers anything."""
        return bool(self._places)

    def __call__(self, index: int) -> Mask:
        """What is hidden on a frame, bool (H, W) in display orientation."""
        covers = [place.cover(index) for place in self._places]
        hidden: Mask = np.logical_or.reduce(covers)
        return hidden
