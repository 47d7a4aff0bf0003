"""The brightness of two frames of the same picture, comparable whatever they are stored as."""

from __future__ import annotations

from typing import cast

import numpy as np

from tam_edit.frame import Frame
from tam_edit.types import Matte

# Shares of red, green and blue, where a frame is stored as these: ITU-R BT.709 and BT.601.
WEIGHTS = {1: (0.2126, 0.7152, 0.0722)}
BT601 = (0.299, 0.587, 0.114)
HD_MIN_HEIGHT = 720


def luma_pair(source: Frame, written: Frame) -> tuple[Matte, Matte]:
    """The luma of a frame and of what was written for it.

    Where both hold luma in planes of one depth, range and orientation, these are compared as they
    are; else what is shown is.

    Args:
        source: The frame.
        written: The same frame in an output.

    Returns:
        Two float32 (H, W) in display orientation; 1 is full scale.
    """
    is_alike = (
        not (source.layout.is_rgb or written.layout.is_rgb)
        and source.color.full_range == written.color.full_range
        and source.layout.bits == written.layout.bits
    )
    if is_alike:
        return _plane(source), _plane(written)
    weights = _weights(source)
    return _shown(source, weights), _shown(written, weights)


def _plane(frame: Frame) -> Matte:
    luma = frame.planes[0].astype(np.float32) / np.float32(frame.layout.max_value)
    return cast("Matte", np.rot90(luma, frame.quarter_turns))


def _shown(frame: Frame, weights: tuple[float, float, float]) -> Matte:
    full = np.float32(np.iinfo(frame.rgb_dtype).max)
    luma = frame.rgb.astype(np.float32) @ np.array(weights, np.float32)
    return cast("Matte", luma / full)


def _weights(source: Frame) -> tuple[float, float, float]:
    if source.color.matrix in WEIGHTS:
        return WEIGHTS[source.color.matrix]
    is_hd = source.planes[0].shape[0] >= HD_MIN_HEIGHT
    return WEIGHTS[1] if is_hd else BT601
