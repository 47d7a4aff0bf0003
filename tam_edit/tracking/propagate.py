"""Frames and keyframes in, one step per frame out: the innermost loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.models.base import PropagationRun, Propagator, TrackingInfo, TrackStep
from tam_edit.tracking.settings import tracking_size
from tam_edit.tracks import resized
from tam_edit.types import Matte, ObjectId


def propagate(
    frames: Iterable[Frame],
    propagator: Propagator,
    keyframes: Mapping[int, Mapping[ObjectId, Matte]],
    *,
    short_side: int,
) -> Iterator[tuple[int, TrackStep]]:
    """Carry keyframes through consecutive frames, in the order the frames come.

    Args:
        frames: Forward or backward in time; the first one must be a keyframe.
        propagator: The model.
        keyframes: Per frame index and object a matte, float32 (H, W), of any size.
        short_side: Tracking size, see :func:`tracking_size`.

    Yields:
        The frame index and what the model says of it, mattes at tracking size.

    Raises:
        InputError: The first frame is no keyframe.
    """
    run: PropagationRun | None = None
    size = (1, 1)
    for frame in frames:
        given = keyframes.get(frame.index, {})
        if run is None:
            if not given:
                raise InputError(f"frame {frame.index} comes first, but has no keyframe")
            size = tracking_size(frame.width, frame.height, short_side)
            run = propagator.start(TrackingInfo(width=size[0], height=size[1]))
        yield frame.index, advance(run, frame, given, size)


def advance(
    run: PropagationRun, frame: Frame, given: Mapping[ObjectId, Matte], size: tuple[int, int]
) -> TrackStep:
    """Take one frame into a run: as a keyframe of the objects that are given, else as a step.

    Args:
        run: The run, at the frame before.
        frame: The next frame of the pass.
        given: Keyframe mattes of any size; may be empty.
        size: Columns and rows of the run.
    """
    if given:
        return run.keyframe(frame, {k: resized(matte, *size) for k, matte in given.items()})
    return run.step(frame)
