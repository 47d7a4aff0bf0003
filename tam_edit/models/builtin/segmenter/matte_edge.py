"""From a rough mask to a soft matte whose edge lies on the picture's edge."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Matte

Floats = NDArray[np.float32]

# What goes into windows of twice this radius and more is worked out on a smaller picture: a quarter
# of the radius is a step that cannot be seen, says the paper.
STEP_RADIUS_PX = 6


def guided_filter(guide: Floats, values: Floats, radius_px: int, epsilon: float) -> Floats:
    """Smooth values along the edges of a colour picture (He, Sun and Tang 2010).

    A wide window is looked at on a smaller picture (He and Sun, "Fast Guided Filter", arXiv
    1505.00996).

    Args:
        guide: float32 (h, w, 3), about [0, 1].
        values: float32 (h, w).
        radius_px: Half the side of the window.
        epsilon: Variance of the guide below which it counts as flat.
    """
    step = max(1, radius_px // STEP_RADIUS_PX)
    if step == 1:
        slope, offset = _coefficients(guide, values, radius_px, epsilon)
    else:
        rows, columns = values.shape
        size = (-(-columns // step), -(-rows // step))
        small, rough = (cv2.resize(v, size, interpolation=cv2.INTER_AREA) for v in (guide, values))
        slope, offset = (
            np.asarray(cv2.resize(each, (columns, rows)), np.float32)
            for each in _coefficients(
                np.asarray(small, np.float32),
                np.asarray(rough, np.float32),
                round(radius_px / step),
                epsilon,
            )
        )
    return np.asarray((slope * guide).sum(-1) + offset, np.float32)


def _coefficients(
    guide: Floats, values: Floats, radius_px: int, epsilon: float
) -> tuple[Floats, Floats]:
    """How the values follow the guide at each pixel: slope (h, w, 3) and offset (h, w)."""
    size = (2 * radius_px + 1, 2 * radius_px + 1)

    def mean(array: Floats) -> Floats:
        return np.asarray(cv2.blur(array, size, borderType=cv2.BORDER_REFLECT), np.float32)

    rows, columns = values.shape
    guide_mean, value_mean = mean(guide).reshape(rows, columns, 3), mean(values)
    channels = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    spread = [
        mean(guide[..., a] * guide[..., b])
        - guide_mean[..., a] * guide_mean[..., b]
        + np.float32(epsilon * (a == b))
        for a, b in channels
    ]
    joint = mean(guide * values[..., None]).reshape(rows, columns, 3)
    joint -= guide_mean * value_mean[..., None]
    slope = _solve_symmetric(spread, joint)
    offset = value_mean - (slope * guide_mean).sum(-1)
    return mean(slope).reshape(rows, columns, 3), mean(offset)


def _solve_symmetric(upper: list[Floats], right: Floats) -> Floats:
    """Solve a symmetric 3x3 system at every pixel by its adjugate."""
    aa, ab, ac, bb, bc, cc = upper
    p, q, r = bb * cc - bc * bc, ac * bc - ab * cc, ab * bc - ac * bb
    s, t, u = aa * cc - ac * ac, ab * ac - aa * bc, aa * bb - ab * ab
    determinant = aa * p + ab * q + ac * r
    x, y, z = np.moveaxis(right, -1, 0)
    solved = np.stack([p * x + q * y + r * z, q * x + s * y + t * z, r * x + t * y + u * z], -1)
    return np.asarray(solved / determinant[..., None], np.float32)


def to_matte(guide: Floats, rough: Matte, radius_px: int) -> Matte:
    """Fit a matte from a smaller picture to the edges of the full one.

    Args:
        guide: float32 (H, W, 3) in [0, 1], the full picture.
        rough: float32 (H, W), the matte brought to that size by interpolation.
        radius_px: How far the soft edge reaches.
    """
    soft = guided_filter(guide, rough, radius_px, 1e-4)
    sharp = np.clip((soft - 0.5) * 1.6 + 0.5, 0, 1)
    near = cv2.blur(rough, (2 * radius_px + 1, 2 * radius_px + 1))
    return np.where(near <= 0, 0, np.where(near >= 1, 1, sharp)).astype(np.float32)
