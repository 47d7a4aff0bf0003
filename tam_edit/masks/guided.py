"""Values smoothed along the edges of a picture: the guided filter."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


# What goes into windows of twice this radius and more is worked out on a smaller picture: a quarter
# of the radius is a step that cannot be seen, says the paper.
STEP_RADIUS_PX = 6


def guided_filter(guide: Floats, values: Floats, radius_px: int, epsilon: float) -> Floats:
    """Smooth values along the edges of a colour picture (He, Sun and Tang 2010).

    In every window the values become a linear function of the colours; what differs between
    windows is averaged. A wide window is looked at on a smaller picture (He and Sun, "Fast Guided
    Filter", arXiv 1505.00996).

    Args:
        guide: float32 (h, w, 3), about [0, 1].
        values: float32 (h, w).
        radius_px: Half the side of the window.
        epsilon: Variance of the guide below which it counts as flat.
    """
    step = max(1, radius_px // STEP_RADIUS_PX)
    if step == 1:
        slope, offset = _functions(guide, values, radius_px, epsilon)
    else:
        rows, columns = values.shape
        small = (-(-columns // step), -(-rows // step))
        found = _functions(
            _resized(guide, small, cv2.INTER_AREA),
            _resized(values, small, cv2.INTER_AREA),
            round(radius_px / step),
            epsilon,
        )
        slope, offset = (_resized(each, (columns, rows), cv2.INTER_LINEAR) for each in found)
    return np.asarray((slope * guide).sum(-1) + offset, np.float32)


def _resized(array: Floats, size: tuple[int, int], method: int) -> Floats:
    return np.asarray(cv2.resize(array, size, interpolation=method), np.float32)


def _functions(
    guide: Floats, values: Floats, radius_px: int, epsilon: float
) -> tuple[Floats, Floats]:
    """Slope (h, w, 3) and offset (h, w) of the values as a function of the colours."""
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
