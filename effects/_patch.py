"""Parts of other pictures brought to where they belong on this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.flow import dense_flow, single_opencv_thread
from tam_edit.frame import Frame
from tam_edit.types import Box, Image, Mask

from ._camera import Homography, corners_of, transformed, without_hole
from ._holes import Hole
from ._inpaint import Floats, smoothed

# A part of another frame reaches so much further than it is needed, for flow and interpolation.
MARGIN_PX = 24
# Local motion is measured on a picture of this longest side.
FLOW_SIDE_PX = 320
# Local motion is what the global one leaves over: more than this is an error.
FLOW_MAX_PX = 20.0
# How well two pictures must agree after the flow for the flow to be believed there, in levels.
FLOW_TRUST_LEVELS = 8.0
# Flow is taken only where the pictures agree better by this share with it than without.
FLOW_MIN_GAIN = 0.05
# How far flow may be from the usual one around the hole: in pixels, and in its usual spread.
FLOW_REACH_PX = 0.7
FLOW_REACH_SPREADS = 3.0
# Over how many of the flow's own pixels its way into the hole is smoothed.
FLOW_SIGMA_PX = 8.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """A picture from which places of the current frame can be filled.

    Attributes:
        pixels: (h, w, 3) uint8 or uint16.
        is_usable: bool (h, w), where it shows background.
        from_frame: 3 by 3, from the current frame's pixels to those of the patch.
        levels: What the pixels are multiplied by to be in [0, 255].
        gain: By what red, green and blue are multiplied to look as in the current frame.
        prior: How much its word counts beside that of others.
        is_reliable: Whether it shows the place even where it disagrees with what is beside it.
    """

    pixels: Image
    is_usable: Mask
    from_frame: Homography
    levels: float
    gain: Floats
    prior: float
    is_reliable: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """What a patch would put onto a part of the current frame.

    Attributes:
        image: float32 (h, w, 3) in levels, 0 to 255.
        is_usable: bool (h, w), where it shows background.
        prior: How much its word counts beside that of others.
        is_reliable: Whether it shows the place even where it disagrees with what is beside it.
    """

    image: Floats
    is_usable: Mask
    prior: float
    is_reliable: bool = False


def levels_of(image: Image) -> float:
    """What the samples of a picture are multiplied by to be in [0, 255]."""
    return 1.0 if image.dtype == np.uint8 else 1 / 257


def patch_of(
    source: Frame, hole: Hole, matrix: Homography, crop: Box, *, gain: Floats, prior: float
) -> Patch | None:
    """The part of another frame that may show what lies in a part of this one.

    Args:
        source: The other frame.
        hole: Where that frame shows the object.
        matrix: From this frame's pixels to the other's.
        crop: The part of this frame.
        gain: By what the other frame's colours are multiplied to look as in this one.
        prior: How much its word counts.

    Returns:
        None where the other frame does not show the place at all.
    """
    corners = transformed(corners_of(crop), matrix)
    if not np.isfinite(corners).all() or np.abs(corners).max() > 1e6:
        return None
    low = np.floor(corners.min(axis=0)).astype(int)
    high = np.ceil(corners.max(axis=0)).astype(int) + 1
    box = Box(*low.tolist(), *high.tolist()).grown(MARGIN_PX).clipped(source.width, source.height)
    if box.is_empty:
        return None
    shift = np.array([[1.0, 0, -box.x0], [0, 1, -box.y0], [0, 0, 1]])
    pixels = source.region(box)
    return Patch(
        pixels=pixels,
        is_usable=~hole.within(box),
        from_frame=shift @ matrix,
        levels=levels_of(pixels),
        gain=gain,
        prior=prior,
    )


def brought(patch: Patch, crop: Box, flow: Floats | None = None) -> tuple[Floats, Mask]:
    """A patch as it lies on a part of the current frame.

    Args:
        patch: What is brought.
        crop: The part of the current frame.
        flow: float32 (h, w, 2), by how much further the patch's content lies, in pixels of the
            current frame.

    Returns:
        float32 (h, w, 3) in levels, and where it can be used.
    """
    columns, rows = _map_onto(patch.from_frame, crop, flow)
    image: Any = cv2.remap(
        patch.pixels, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    share: Any = cv2.remap(
        patch.is_usable.astype(np.float32),
        columns,
        rows,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    values = image.astype(np.float32) * (patch.gain * np.float32(patch.levels))
    return values, share > 0.999


def aligned(
    patch: Patch, crop: Box, target: Floats, is_known: Mask, *, is_refined: bool
) -> Candidate:
    """A patch brought onto the current frame, after local motion around the hole.

    Args:
        patch: What is brought.
        crop: The part of the current frame.
        target: float32 (h, w, 3), that part in levels; its unknown part has no influence.
        is_known: bool (h, w), where the target shows background.
        is_refined: Whether local motion is looked for.
    """
    image, is_usable = brought(patch, crop)
    if is_refined:
        flow = _flow_into_hole(target, is_known, image, is_usable)
        if flow is not None:
            image, is_usable = brought(patch, crop, flow)
    return Candidate(
        image=image, is_usable=is_usable, prior=patch.prior, is_reliable=patch.is_reliable
    )


def _map_onto(matrix: Homography, crop: Box, flow: Floats | None) -> tuple[Floats, Floats]:
    x = np.arange(crop.x0, crop.x1, dtype=np.float64)[None, :]
    y = np.arange(crop.y0, crop.y1, dtype=np.float64)[:, None]
    if flow is not None:
        x, y = x + flow[..., 0], y + flow[..., 1]
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    depth = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
    columns = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth
    rows = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth
    # What lies behind the camera is nowhere.
    columns = np.where(depth > 0, columns, -1e4)
    return (
        np.clip(columns, -1e4, 1e5).astype(np.float32),
        np.clip(rows, -1e4, 1e5).astype(np.float32),
    )


def _flow_into_hole(
    target: Floats, is_known: Mask, image: Floats, is_usable: Mask
) -> Floats | None:
    """How the patch must be moved locally; measured around the hole, continued into it.

    Returns:
        float32 (h, w, 2), or None where moving it makes nothing better.
    """
    height, width = is_known.shape
    shrink = max(1.0, max(height, width) / FLOW_SIDE_PX)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    here, known = _small_gray(target, is_known, size)
    there, usable = _small_gray(image, is_usable, size)
    both = known & usable
    if both.sum() < 64:
        return None
    with single_opencv_thread():
        flow = np.clip(dense_flow(here, there), -FLOW_MAX_PX, FLOW_MAX_PX)
    x, y = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    moved: Any = cv2.remap(
        there, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    before = cv2.absdiff(here, there).astype(np.float32)
    after = cv2.absdiff(here, moved).astype(np.float32)
    if after[both].mean() > (1 - FLOW_MIN_GAIN) * before[both].mean():
        return None
    usual = np.median(flow[both], axis=0)
    away = np.linalg.norm(flow - usual, axis=2)
    # Something that moves by itself beside the hole must not drag the background along.
    reach = max(FLOW_REACH_PX, FLOW_REACH_SPREADS * float(np.median(away[both])))
    doubt = (after / FLOW_TRUST_LEVELS) ** 2 + (away / reach) ** 2
    trust = np.where(both, np.exp(-doubt), 0).astype(np.float32)
    smooth = smoothed(flow, trust, FLOW_SIGMA_PX)
    ratio = np.array((width / size[0], height / size[1]), np.float32)
    large: Floats = cv2.resize(smooth, (width, height)) * ratio
    return large


def _small_gray(
    image: Floats, is_known: Mask, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Mask]:
    gray = image @ np.array((0.299, 0.587, 0.114), np.float32)
    gray = np.where(is_known, gray, np.float32(0))
    small: Any = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    share: Any = cv2.resize(is_known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    known = share > 0.5
    means = small / np.maximum(share, np.float32(0.5))
    levels = np.rint(np.clip(means, 0, 255)).astype(np.uint8)
    return without_hole(levels, known), known
