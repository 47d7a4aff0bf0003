"""What a recipe's steps come to in one video: places become frames and exact times."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from tam_edit.effect import Effect
from tam_edit.inpaint import frames_around
from tam_edit.media import Source
from tam_edit.recipe import (
    EffectStep,
    EffectUse,
    ExportStep,
    MatteStep,
    Recipe,
    VerifyStep,
    check_positions,
    end_of,
    frame_of,
)


@dataclass(frozen=True)
class Ramp:
    """A parameter that changes over time.

    Attributes:
        times: Of its points in seconds on the video's clock, ascending.
        values: The parameter there.
    """

    times: tuple[Fraction, ...]
    values: tuple[float, ...]

    def at(self, time: Fraction) -> float:
        """The value at a time: even between the points, held before and after them."""
        after = bisect_right(self.times, time)
        if after == 0 or after == len(self.times):
            return self.values[max(0, after - 1)]
        first, second = self.times[after - 1 : after + 1]
        share = float((time - first) / (second - first))
        return self.values[after - 1] + share * (self.values[after] - self.values[after - 1])


@dataclass(frozen=True, kw_only=True)
class EffectPlan:
    """One effect in one video.

    Attributes:
        step: What the recipe says.
        effect: Ready to begin.
        mattes: How many of the recipe's matte steps it sees the work of.
        start: First frame that it acts on.
        stop: One past the last.
        span_s: Times of the in and the out point, in seconds on the video's clock.
        ramps: Parameters that change, by name.
    """

    step: EffectStep
    effect: Effect
    mattes: int
    start: int
    stop: int
    span_s: tuple[Fraction, Fraction]
    ramps: Mapping[str, Ramp]

    def share_at(self, time: Fraction) -> float:
        """How much of the effect is seen at a time within its span, in [0, 1]."""
        begin, end = self.span_s
        share = 1.0
        if self.step.fade_in_s:
            share = min(share, float(time - begin) / self.step.fade_in_s)
        if self.step.fade_out_s:
            share = min(share, float(end - time) / self.step.fade_out_s)
        return max(0.0, share)

    def numbers_at(self, time: Fraction) -> dict[str, float]:
        """What the parameters that change are at a time."""
        return {name: ramp.at(time) for name, ramp in self.ramps.items()}


@dataclass(frozen=True, kw_only=True)
class RenderPlan:
    """A recipe in one video.

    Attributes:
        mattes: What is done to the masks, in order.
        effects: What is done to the picture, in order.
        exports: What is written; the one without a path is the main output.
        verify: How what was written is compared with the source; None where it is not.
    """

    mattes: tuple[MatteStep, ...]
    effects: tuple[EffectPlan, ...]
    exports: tuple[ExportStep, ...]
    verify: VerifyStep | None

    @property
    def masks_ahead(self) -> int:
        """How many frames before a frame is written an output may ask for its masks."""
        bundles = [step for step in self.exports if step.what == "inpaint"]
        return max((frames_around(step.steady_frames) for step in bundles), default=0)


def check_recipe(
    recipe: Recipe, source: Source, *, in_frame: int = 0, out_frame: int | None = None
) -> RenderPlan:
    """Find out what a recipe's places are in a video, before any work begins.

    Args:
        recipe: The recipe.
        source: The video.
        in_frame: First frame of the work.
        out_frame: One past the last; the end of the video where left out.

    Raises:
        RecipeError: A place is not in the video, or places are in the wrong order; see
            :func:`tam_edit.recipe.check_positions`.
    """
    work = range(in_frame, source.info.frame_count if out_frame is None else out_frame)
    check_positions(recipe, source, work)
    uses = iter(recipe.effects())
    mattes: list[MatteStep] = []
    effects = []
    for step in recipe.steps:
        if isinstance(step, MatteStep):
            mattes.append(step)
        elif isinstance(step, EffectStep):
            effects.append(_effect_plan(next(uses), source, work, len(mattes)))
    return RenderPlan(
        mattes=tuple(mattes),
        effects=tuple(effects),
        exports=recipe.exports,
        verify=recipe.verify,
    )


def _effect_plan(use: EffectUse, source: Source, work: range, mattes: int) -> EffectPlan:
    step, effect = use
    start = work.start if step.in_point is None else frame_of(step.in_point, source)
    stop = work.stop if step.out_point is None else end_of(step.out_point, source)
    ramps = {
        name: Ramp(
            tuple(source.time_of(frame_of(point.at, source)) for point in points),
            tuple(point.value for point in points),
        )
        for name, points in step.ramps.items()
    }
    if ramps:  # so that what an effect makes of its numbers at first fits the first frame
        time = _time(max(start, work.start), source)
        effect = effect.with_numbers({name: ramp.at(time) for name, ramp in ramps.items()})
    return EffectPlan(
        step=step,
        effect=effect,
        mattes=mattes,
        start=start,
        stop=stop,
        span_s=(_time(start, source), _time(stop, source)),
        ramps=ramps,
    )


def _time(frame: int, source: Source) -> Fraction:
    """When a frame begins; for the one after the last, when the video ends."""
    if frame < source.info.frame_count:
        return source.time_of(frame)
    return source.time_of(0) + source.info.duration_s
