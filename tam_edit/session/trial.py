"""The job on a few frames, to know how long all of it takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tam_edit.prompts import ObjectPrompts
from tam_edit.recipe import EffectStep, ExportStep, MatteStep, Recipe, Step, TrackStep
from tam_edit.session.facade import Session
from tam_edit.tracking import LoopSettings

TRIED_FRAMES = 12


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a few frames took.

    Attributes:
        frame_count: How many were tracked and written.
        track_s: Seconds that tracking takes per frame, with all objects that were tried.
        write_s: Seconds that effects and encoding take per frame, all outputs together.
    """

    frame_count: int
    track_s: float
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
) -> Trial | None:
    """Do a job on a few frames in a temporary folder.

    Args:
        video: A file, a folder of frames or a pattern.
        said: Prompts; those on the first of these frames, and shortly after it, are used.
        recipe: Its effects and exports; nobody is asked to look, nothing is verified.
        extension: Of the output that the command names, with its dot; ``/`` is a folder.
        frames: All frames of the job.
        tracking: How it is tracked.

    Returns:
        What they took; None where no prompt says where an object is.

    Raises:
        TamEditError: As the job itself would.
    """
    begun = [each.frame_index for each in said if each.prompts.says_where]
    if not begun:
        return None
    start = max(frames.start, min(begun[0], frames.stop - TRIED_FRAMES))
    tried = range(start, min(start + TRIED_FRAMES, frames.stop))
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
                    session.prompt(each)
            times: list[float] = []
            session.track(lambda _done, _total: times.append(time.monotonic()))
            begin = time.monotonic()
            target = f"{folder}/trial{extension}"
            session.render(_plain(recipe), target, on_doubt="continue")
            written_s = time.monotonic() - begin
    # What comes before the first frame is done once, however long the video is.
    steps = max(len(times) - 1, 1)
    return Trial(
        frame_count=len(tried),
        track_s=(times[-1] - times[0]) / steps if times else 0.0,
        write_s=written_s / len(tried),
    )


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
