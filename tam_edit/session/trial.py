"""The job on a few frames, to know how long all of it takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from tam_edit.prompts import ObjectPrompts
from tam_edit.recipe import EffectStep, ExportStep, MatteStep, Recipe, Step, TrackStep
from tam_edit.session.facade import Session
from tam_edit.tracking import LoopSettings

TRIED_FRAMES = 12
# So many are tracked where an effect looks at others beside the one that it works on: the dearer,
# the more of them there are.
SEEN_FRAMES = 60


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a few frames took.

    Attributes:
        frame_count: How many were tracked; as many were written, or fewer.
        track_s: Seconds that tracking takes per mask.
        look_s: Seconds per frame of the whole work for an effect that looks through it first.
        write_s: Seconds that effects and encoding take per frame, all outputs together.
    """

    frame_count: int
    track_s: float
    look_s: float
    write_s: float


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """How a video is tracked.

    Attributes:
        model: Name of the models.
        device: Where they run.
        short_side: Tracking size in pixels.
        loop: Which steps run.
        fps: Frames per second of a folder of frames.
    """

    model: str
    device: str
    short_side: int
    loop: LoopSettings
    fps: Fraction | None = None


def try_out(
    video: str | Path,
    said: Sequence[ObjectPrompts],
    recipe: Recipe,
    extension: str,
    *,
    frames: range,
    tracking: Tracking,
    progress: Callable[[int, int], None] | None = None,
) -> Trial | None:
    """Do a job on a few frames in a temporary folder.

    Args:
        video: A file, a folder of frames or a pattern.
        said: Prompts; those on the first of these frames, and shortly after it, are used.
        recipe: Its effects and exports; nobody is asked to look, nothing is verified.
        extension: Of the output that the command names, with its dot; ``/`` is a folder.
        frames: All frames of the job.
        tracking: How it is tracked.
        progress: Told the frames tracked and written, and how many these will be.

    Returns:
        What they took; None where no prompt says where an object is.

    Raises:
        TamEditError: As the job itself would.
    """
    begun = [each.frame_index for each in said if each.prompts.says_where]
    if not begun:
        return None
    borrows = any(use.effect.borrows for use in recipe.effects())
    count = SEEN_FRAMES if borrows else TRIED_FRAMES
    start = max(frames.start, min(begun[0], frames.stop - count))
    tried = range(start, min(start + count, frames.stop))
    middle = max(0, len(tried) - TRIED_FRAMES) // 2
    part = tried[middle : middle + TRIED_FRAMES]
    total = len(tried) + len(part)
    tracked, written = _Clock(0, total, progress), _Clock(len(tried), total, progress)
    with tempfile.TemporaryDirectory(prefix="tam-edit-plan-") as folder:
        place = Path(folder)
        with Session.create(
            video,
            place / "trial.tam",
            fps=tracking.fps,
            in_frame=tried.start,
            out_frame=tried.stop,
            model=tracking.model,
            device=tracking.device,
            short_side=tracking.short_side,
        ) as session:
            session.loop = tracking.loop
            for each in said:
                if each.frame_index in tried:
                    session.prompt(_within(each, tried))
            session.track(tracked)
            begin = time.monotonic()
            target = f"{folder}/trial{extension}"
            session.render(_plain(recipe), target, part=part, on_doubt="continue", progress=written)
            written_s = time.monotonic() - begin
    write_s, look_s = written_s / len(part), 0.0
    if borrows:
        write_s = written.step_s
        look_s = max(0.0, written_s - write_s * len(part)) / len(tried)
    return Trial(frame_count=len(tried), track_s=tracked.step_s, look_s=look_s, write_s=write_s)


def _within(said: ObjectPrompts, tried: range) -> ObjectPrompts:
    """What is said, up to the end of the frames that are tried."""
    last = said.prompts.gone_last
    if last is None or last in tried:
        return said
    return replace(said, prompts=replace(said.prompts, gone_last=None))


class _Clock:
    """Notes when frames are done.

    Args:
        before: How many frames of the trial came before.
        total: How many there are.
        progress: Told how many frames are done.
    """

    def __init__(
        self, before: int, total: int, progress: Callable[[int, int], None] | None
    ) -> None:
        self._before, self._total, self._progress = before, total, progress
        self._notes: list[tuple[int, float]] = []

    def __call__(self, done: int, _total: int) -> None:
        """Called after every frame, with the frames or masks that are done."""
        self._notes.append((done, time.monotonic()))
        if self._progress is not None:
            self._progress(min(self._before + len(self._notes), self._total), self._total)

    @property
    def step_s(self) -> float:
        """Seconds per frame or mask, without what comes before the first one and is done once."""
        if not self._notes:
            return 0.0
        (first, begin), (last, end) = self._notes[0], self._notes[-1]
        return (end - begin) / max(last - first, 1)


def _plain(recipe: Recipe) -> Recipe:
    """The recipe without stops and checks, on whatever objects and frames there are."""
    whole: dict[str, object] = {"objects": "all", "in_point": None, "out_point": None, "ramps": {}}
    steps: list[Step] = []
    for step in recipe.steps:
        if isinstance(step, EffectStep):
            steps.append(step.model_copy(update=whole))
        elif isinstance(step, MatteStep | ExportStep):
            steps.append(step.model_copy(update={"objects": "all"}))
        elif isinstance(step, TrackStep):
            steps.append(step)
    return recipe.model_copy(update={"steps": tuple(steps)})
