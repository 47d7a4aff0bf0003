"""From a rough mask to a soft matte whose edge lies on the picture's edge."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.segmenter.superpixels import Floats
from tam_edit.types import Mask, Matte, box_of


def snap(lab: Floats, mask: Mask, reach_px: int) -> Mask:
    """Move a mask's edge to where nearby object and background colours part.

    Each pixel within reach of the edge is compared with the mean and spread of the colours on
    both sides around it; a guided filter then smooths the decision along the picture's edges.

    Args:
        lab: float32 (h, w, 3), CIE Lab.
        mask: bool (h, w), the rough object.
        reach_px: How far the edge may move.
    """
    for _ in range(2):
        band = _band(mask, reach_px)
        # Beyond this margin nothing can influence the band.
        part = box_of(band).grown(8 * reach_px).clipped(mask.shape[1], mask.shape[0]).slices
        if not band.any():
            break
        moved = mask.copy()
        moved[part] = _decided(lab[part], mask[part], band[part], reach_px)
        if not moved.any():
            break
        mask = moved
    return mask


def _decided(lab: Floats, mask: Mask, band: Mask, reach_px: int) -> Mask:
    """One round of ``snap`` on a part of the picture."""
    sure = ~_band(mask, max(1, reach_px // 3))
    inside = _unlikeliness(lab, mask & sure, 2.0 * reach_px)
    outside = _unlikeliness(lab, ~mask & sure, 2.0 * reach_px)
    belief = 1 / (1 + np.exp(np.clip(inside - outside, -30, 30)))
    belief = np.where(band, 0.65 * belief + 0.35 * mask, mask).astype(np.float32)
    smooth = guided_filter(lab / np.float32(100), belief, max(2, reach_px // 2), 1e-3)
    return np.asarray(np.where(band, smooth > 0.5, mask))


def guided_filter(guide: Floats, values: Floats, radius_px: int, epsilon: float) -> Floats:
    """Smooth values along the edges of a colour picture (He, Sun and Tang 2010).

    Args:
        guide: float32 (h, w, 3), about [0, 1].
        values: float32 (h, w).
        radius_px: Half the side of the window.
        epsilon: Variance of the guide below which it counts as flat.
    """
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
    slope_mean = mean(slope).reshape(rows, columns, 3)
    return np.asarray((slope_mean * guide).sum(-1) + mean(offset), np.float32)


def _solve_symmetric(upper: list[Floats], right: Floats) -> Floats:
    """Solve a symmetric 3x3 system at every pixel by its adjugate."""
    aa, ab, ac, bb, bc, cc = upper
    p, q, r = bb * cc - bc * bc, ac * bc - ab * cc, ab * bc - ac * bb
    s, t, u = aa * cc - ac * ac, ab * ac - aa * bc, aa * bb - ab * ab
    determinant = aa * p + ab * q + ac * r
    x, y, z = np.moveaxis(right, -1, 0)
    solved = np.stack([p * x + q * y + r * z, q * x + s * y + t * z, r * x + t * y + u * z], -1)
    return np.asarray(solved / determinant[..., None], np.float32)


def _band(mask: Mask, reach_px: int) -> Mask:
    size = 2 * reach_px + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    picture = mask.astype(np.uint8)
    grown = cv2.dilate(picture, disc, borderType=cv2.BORDER_REPLICATE)
    shrunk = cv2.erode(picture, disc, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(grown != shrunk)


def _unlikeliness(lab: Floats, members: Mask, sigma_px: float) -> Floats:
    """Negative log-likelihood of each pixel under the colours of a region around it."""
    weight = members.astype(np.float32)

    def around(array: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(array, (0, 0), sigma_px), np.float32)

    total = around(weight)[..., None] + np.float32(1e-4)
    mean = around(lab * weight[..., None]).reshape(lab.shape) / total
    square = around(lab * lab * weight[..., None]).reshape(lab.shape) / total
    variance = np.maximum(square - mean * mean, 0) + np.float32(9.0)
    cost: NDArray[np.float32] = ((lab - mean) ** 2 / variance + np.log(variance)).sum(-1)
    return 0.5 * cost


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
