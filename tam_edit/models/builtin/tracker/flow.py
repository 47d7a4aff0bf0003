"""Motion between two pictures: where each pixel was, and whether it moves with the object."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.flow import dense_flow
from tam_edit.types import Box

Float = NDArray[np.float32]
Double = NDArray[np.float64]

# A flow that comes back to within this many pixels, plus this share of its length, holds.
ROUND_TRIP_PX = 0.8
ROUND_TRIP_SHARE = 0.05

FITTED_PIXELS = 1500
FEWEST_PIXELS = 30
MOTION_NOISE_PX = 0.7
MOTION_LIMIT = 2.0  # log-odds


@dataclass(frozen=True, eq=False)
class Motion:
    """How the present picture came about from the previous one.

    Attributes:
        origin: For each present pixel where it was, float32 (H, W, 2) as (x, y).
        flow: The same as a displacement from the present pixel, float32 (H, W, 2).
        trust: How well the flow and its way back agree, float32 (H, W) in [0, 1].
    """

    origin: Float
    flow: Float
    trust: Float

    def carry(self, field: Float) -> Float:
        """A field on the previous picture, moved to the present one (bilinear)."""
        return _sampled(field, self.origin)


def motion_between(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Motion:
    """Estimate the motion from one grey picture to the next, and how far to trust it.

    Args:
        before: The previous picture, uint8 (H, W).
        after: The present picture, uint8 (H, W).
    """
    rows, columns = before.shape
    with ThreadPoolExecutor(1) as beside:
        ahead = beside.submit(dense_flow, before, after)
        back = dense_flow(after, before)
        forward = ahead.result()
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    x, y = x + back[..., 0], y + back[..., 1]
    origin = np.stack([x, y], axis=-1)
    gap = back + _sampled(forward, origin)
    tolerance = ROUND_TRIP_PX + ROUND_TRIP_SHARE * np.hypot(back[..., 0], back[..., 1])
    trust = np.exp(-_squared_length(gap) / (2 * tolerance**2))
    is_inside = (x > -1) & (x < columns) & (y > -1) & (y < rows)
    return Motion(origin, back, np.where(is_inside, trust, 0).astype(np.float32))


def signed_distance(matte: Float) -> Float:
    """Distance to the outline in pixels, float32 (H, W), positive inside.

    Next to the outline the matte itself gives the fraction of a pixel.
    """
    inside = (matte > 0.5).astype(np.uint8)
    if inside.all() or not inside.any():
        far = float(sum(matte.shape))
        return np.full(matte.shape, far if inside.all() else -far, np.float32)
    outward = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    inward = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    beyond = np.maximum(outward, inward) - 1
    result: Float = (np.where(inside > 0, beyond, -beyond) + (matte - 0.5)).astype(np.float32)
    return result


def motion_contrast(motion: Motion, distance: Float, box: Box) -> Float:
    """How much better each pixel moves with the object than with what surrounds it.

    Args:
        motion: The present picture's.
        distance: To the outline of the carried mask in pixels, float32 (H, W), positive inside.
        box: The region asked for.

    Returns:
        Log-odds, float32 (h, w), zero where both move alike or the flow does not hold.
    """
    holds = motion.trust > 0.3
    around = _affine_fit(motion.flow, (distance < -4) & holds)
    inside = _affine_fit(motion.flow, (distance > 1) & holds)
    if around is None or inside is None:
        return np.zeros((box.height, box.width), np.float32)
    y, x = np.mgrid[box.y0 : box.y1, box.x0 : box.x1].astype(np.float32)
    design = np.stack([x, y, np.ones_like(x)], axis=-1)
    flow = motion.flow[box.slices]
    surprise = [
        np.log1p(_squared_length((flow - design @ matrix).astype(np.float32)) / (2 * spread**2))
        + np.log(spread)
        for matrix, spread in (around, inside)
    ]
    contrast = np.clip(surprise[0] - surprise[1], -MOTION_LIMIT, MOTION_LIMIT)
    result: Float = (contrast * motion.trust[box.slices]).astype(np.float32)
    return result


def _affine_fit(flow: Float, where: NDArray[np.bool_]) -> tuple[Float, float] | None:
    """A robust affine model (3, 2) of the flow there and the spread about it in pixels."""
    rows, columns = np.nonzero(where)
    if len(rows) < FEWEST_PIXELS:
        return None
    every = max(1, len(rows) // FITTED_PIXELS)
    rows, columns = rows[::every], columns[::every]
    design = np.stack([columns, rows, np.ones(len(rows))], axis=1).astype(np.float64)
    flow_there: Double = flow[rows, columns].astype(np.float64)
    weight: Double = np.ones(len(rows))
    # A little ridge keeps a thin row of pixels from tilting the model.
    ridge = np.diag([1.0, 1.0, 1e-3])
    matrix: Double = np.zeros((3, 2))
    spread = MOTION_NOISE_PX
    for _ in range(4):
        weighted = design * weight[:, None]
        gram, moment = weighted.T @ design + ridge, weighted.T @ flow_there
        matrix = np.linalg.solve(gram, moment).astype(np.float64)
        gap: Double = np.hypot(*(flow_there - design @ matrix).T)
        spread = max(MOTION_NOISE_PX, 1.5 * float(np.median(gap)))
        weight = 1 / (1 + (gap / spread) ** 2)
    return matrix.astype(np.float32), spread


def _squared_length(vectors: Float) -> Float:
    """Of (x, y) along the last axis; a sum over so short an axis is slow."""
    x, y = vectors[..., 0], vectors[..., 1]
    result: Float = x * x + y * y
    return result


def _sampled(field: Float, at: Float) -> Float:
    x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    moved = cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)
