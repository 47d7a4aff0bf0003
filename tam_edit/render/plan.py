"""What a recipe's steps come to in one video: places become frames and exact times."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

from tam_edit.effect import Effect
from tam_edit.errors import InputError, RecipeError
from tam_edit.media import Source, frame_at
from tam_edit.recipe import EffectUse, Recipe
from tam_edit.recipe.steps import EffectStep, ExportStep, MatteStep, Position, VerifyStep
from tam_edit.recipe.text import Place, found, key_path


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
        RecipeError: A place is not in the video, or places are in the wrong order; the message
            names the step, the key path, what stands there and what is allowed.
    """
    stop = source.info.frame_count if out_frame is None else out_frame
    uses = iter(recipe.effects())
    mattes = 0
    effects = []
    for index, step in enumerate(recipe.steps):
        mattes += isinstance(step, MatteStep)
        if isinstance(step, EffectStep):
            places = _Places(recipe, index, source)
            effects.append(_effect_plan(next(uses), places, mattes, (in_frame, stop)))
    return RenderPlan(
        mattes=tuple(step for step in recipe.steps if isinstance(step, MatteStep)),
        effects=tuple(effects),
        exports=recipe.exports,
        verify=recipe.verify,
    )


def _effect_plan(use: EffectUse, places: _Places, mattes: int, work: tuple[int, int]) -> EffectPlan:
    step = use.step
    start = work[0] if step.in_point is None else places.frame(step.in_point, ("in_point",))
    stop = work[1]
    if step.out_point is not None:
        stop = places.frame(step.out_point, ("out_point",), may_be_end=True)
        if step.in_point is not None and stop <= start:
            places.refuse(
                ("out_point",),
                f"is {found(step.out_point)}, frame {stop}, which is not after in_point, "
                f"frame {start}",
                f"the out point is the first frame without the effect: at least {start + 1} here",
            )
    ramps = {name: places.ramp(name, step) for name in step.ramps}
    effect = use.effect
    if ramps:  # so that what an effect makes of its numbers at first fits the first frame
        time = places.time(max(start, work[0]))
        effect = effect.with_numbers({name: ramp.at(time) for name, ramp in ramps.items()})
    return EffectPlan(
        step=step,
        effect=effect,
        mattes=mattes,
        start=start,
        stop=stop,
        span_s=(places.time(start), places.time(stop)),
        ramps=ramps,
    )


class _Places:
    """The places that one step of a recipe names, in a video."""

    def __init__(self, recipe: Recipe, index: int, source: Source) -> None:
        self._recipe, self._index, self._source = recipe, index, source

    def frame(self, at: Position, key: Place, *, may_be_end: bool = False) -> int:
        """The frame that a position names; the end of the video counts as one if it may."""
        count = self._source.info.frame_count
        text = str(at)
        if may_be_end and text.strip().removeprefix("@") == str(count):
            return count
        try:
            return frame_at(text, self._source)
        except InputError as error:
            last = count if may_be_end else count - 1
            self.refuse(key, f"is {found(at)}: {error}", error.hint or f"0 to {last} are possible")

    def time(self, frame: int) -> Fraction:
        """When a frame begins; for the one after the last, when the video ends."""
        source = self._source
        if frame < source.info.frame_count:
            return source.time_of(frame)
        return source.time_of(0) + source.info.duration_s

    def ramp(self, name: str, step: EffectStep) -> Ramp:
        """A ramp with its places as times."""
        points = step.ramps[name]
        frames: list[int] = []
        for number, point in enumerate(points):
            key: Place = ("ramps", name, number, "at")
            frame = self.frame(point.at, key)
            if frames and frame <= frames[-1]:
                self.refuse(
                    key,
                    f"is {found(point.at)}, frame {frame}, which is not after frame {frames[-1]} "
                    "before it",
                    "state the points of a ramp in the order of the video, one to a frame",
                )
            frames.append(frame)
        times = tuple(self.time(frame) for frame in frames)
        return Ramp(times, tuple(point.value for point in points))

    def refuse(self, key: Place, trouble: str, hint: str) -> NoReturn:
        """Say what is wrong where in the recipe.

        Raises:
            RecipeError: Always.
        """
        step = self._recipe.steps[self._index]
        kind = step.effect if isinstance(step, EffectStep) else step.kind
        path = key_path(("steps", self._index, *key))
        raise RecipeError(
            f"the recipe {self._recipe.title!r}: {path} (step {self._index + 1}, {kind}) {trouble}",
            hint=hint,
        )
