"""The frames of a video with every effect of a recipe shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tam_edit.effect import AssetReader, ClipInfo, Effect, Shown, composite, shown_on
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.media import Source, open_asset
from tam_edit.render.job import RenderJob
from tam_edit.render.mattes import RenderMattes
from tam_edit.render.place import EffectPlace
from tam_edit.render.plan import EffectPlan, RenderPlan
from tam_edit.types import Matte

#: Told what an effect showed on a frame, in the order of the effects.
Watcher = Callable[[int, Effect, Shown], None]


class Chain:
    """Every effect of a recipe during one render.

    Args:
        source: The video.
        job: Which frames, and on which of them effects act on everything.
        plan: The recipe's effects in this video.
        mattes: Where the objects are.
        stack: Closes the files that effects show.
        watcher: Told what effects showed.
    """

    def __init__(
        self,
        source: Source,
        job: RenderJob,
        plan: RenderPlan,
        mattes: RenderMattes,
        stack: ExitStack,
        watcher: Watcher | None = None,
    ) -> None:
        self._source = source
        self._job = job
        self._mattes = mattes
        self._lookahead = lookahead_of(plan)
        self._runs = [_Run(each, source, job, mattes, stack, watcher) for each in plan.effects]

    def frames(self) -> Iterator[Frame]:
        """The frames with every effect, read ahead as far as an effect wants to see."""
        window: deque[Frame] = deque()
        for frame in self._source.frames(self._job.frames.start, self._job.frames.stop):
            window.append(frame)
            self._mattes.see(frame)
            if len(window) > self._lookahead:
                yield self._shown(window)
        while window:
            yield self._shown(window)

    def reports(self) -> list[dict[str, Any]]:
        """What the effects tell of the frames so far; those that tell nothing are left out."""
        told = [(run.effect, run.effect.report()) for run in self._runs]
        return [{"effect": effect.name, **report} for effect, report in told if report]

    def _shown(self, window: deque[Frame]) -> Frame:
        for run in self._runs:
            run.window = tuple(window)
        frame = window.popleft()
        for run in self._runs:
            frame = run.shown(frame)
        return frame


def lookahead_of(plan: RenderPlan) -> int:
    """How many frames are decoded before the one that is shown."""
    follows = any(step.follows_picture for step in plan.mattes)
    counts = [
        each.effect.lookahead_frames + (each.step.hold_before_frames if follows else 0)
        for each in plan.effects
    ]
    return max([*counts, plan.masks_ahead if follows else 0])


class _Run:
    """One effect of a recipe during one render; also the clip reader that the effect sees."""

    def __init__(
        self,
        plan: EffectPlan,
        source: Source,
        job: RenderJob,
        mattes: RenderMattes,
        stack: ExitStack,
        watcher: Watcher | None,
    ) -> None:
        self.window: tuple[Frame, ...] = ()
        self._plan = plan
        self._step = plan.step
        self._source = source
        self._work = job.work
        size = (source.info.width, source.info.height)
        self._place = EffectPlace(plan, job, mattes, size)
        self._watcher = watcher
        self._assets = {
            name: stack.enter_context(open_asset(Path(path)))
            for name, path in plan.effect.assets().items()
        }
        info = ClipInfo(
            width=size[0],
            height=size[1],
            frame_count=len(job.work),
            bits=source.info.layout.bits,
            start=source.time_of(job.work.start),
            first_index=job.work.start,
        )
        self.effect: Effect = plan.effect.begin(info, self)

    def frame(self, index: int) -> Frame:
        for frame in self.window:
            if frame.index == index:
                return frame
        if self._plan.effect.borrows and index in self._work:
            return self._source.frame(index)
        raise InputError(f"frame {index} is further ahead than the effect said it wants to see")

    def matte(self, index: int) -> Matte:
        return self._place.matte(index)

    def asset(self, name: str) -> AssetReader:
        return self._assets[name]

    def shown(self, frame: Frame) -> Frame:
        """The frame with the effect; the same object where the effect does not act."""
        if not self._plan.start <= frame.index < self._plan.stop:
            return frame
        share = self._plan.share_at(frame.time)
        if share == 0:
            return frame
        if self._plan.ramps:
            # From the last frame's, not from the first: what an effect keeps goes along.
            self.effect = self.effect.with_numbers(self._plan.numbers_at(frame.time))
        shown = shown_on(
            self.effect,
            frame,
            self._place.place(frame.index),
            threshold=self._step.cover_threshold,
            margin_px=self._place.margin_px(frame.index),
            share=share,
        )
        if shown is None:
            return frame
        if self._watcher is not None:
            self._watcher(frame.index, self.effect, shown)
        return composite(frame, shown.layer, self.effect.edge)
