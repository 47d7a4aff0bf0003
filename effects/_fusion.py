"""One picture from several that show the same place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Mask

from ._inpaint import Floats, smoothed
from ._patch import Candidate

# Disagreement is weighed on a picture so much smaller.
SHRINK = 4
# Candidates lose two thirds of their word for so many levels of disagreement around the hole.
ERROR_SCALE_LEVELS = 5.0
# Beyond this, one pixel's disagreement says nothing more.
ERROR_MAX_LEVELS = 40.0
# A picture that disagrees so much around the hole does not show the place.
REFUSED_LEVELS = 28.0
# Over how much of the hole's surroundings disagreement is averaged.
ERROR_SIGMA_PX = 6.0
# Candidates that differ by so much from the chosen one show something else.
AGREE_LEVELS = 10.0
# The seam: differences larger than this are other content, not other light.
SEAM_LEVELS = 14.0
SEAM_SIGMA_PX = 4.0

LUMA = np.array((0.299, 0.587, 0.114), np.float32)


def lit_alike(candidate: Candidate, target: Floats, is_known: Mask) -> Candidate | None:
    """A candidate with its light matched to the hole's surroundings.

    The median of the differences, so that what moved through the surroundings has no say.

    Returns:
        None where it disagrees so much with the surroundings that it shows another place.
    """
    both = is_known & candidate.is_usable
    if both.sum() < 64:
        return candidate
    difference = target[both] - candidate.image[both]
    offset = np.median(difference, axis=0)
    # Less than half a level is rounding.
    offset = np.where(np.abs(offset) < 0.5, 0, offset).astype(np.float32)
    error = np.abs(difference - offset).mean(axis=1)
    if np.median(error) > REFUSED_LEVELS:
        return None
    return Candidate(
        image=candidate.image + offset,
        is_usable=candidate.is_usable,
        prior=candidate.prior,
    )


def fused(
    candidates: Sequence[Candidate], target: Floats, is_known: Mask, *, is_averaged: bool
) -> tuple[Floats, Mask]:
    """The weighted median of candidates, per pixel.

    Each weighs what it disagrees with the surroundings of the hole nearby. The median is taken by
    luma and the whole colour goes with it, so that no colour appears that nobody has.

    Args:
        candidates: At least one.
        target: float32 (h, w, 3) in levels.
        is_known: bool (h, w), where the target shows background.
        is_averaged: Whether those that agree with the median are averaged: less noise, and
            nothing jumps when the median goes from one to the next.

    Returns:
        float32 (h, w, 3) in levels, and where there was any candidate.
    """
    is_seen = np.logical_or.reduce([each.is_usable for each in candidates])
    if len(candidates) == 1:
        return candidates[0].image, is_seen
    weights = _weights(candidates, target, is_known)
    images = [each.image[is_seen] for each in candidates]
    weight = np.stack([each[is_seen] for each in weights])
    chosen = _median(np.stack([image @ LUMA for image in images]), weight)
    stacked = np.stack(images)
    picked: Any = np.take_along_axis(stacked, chosen[None, :, None], axis=0)[0]
    if is_averaged:
        distance = np.abs(stacked - picked).max(axis=2)
        alike = weight * np.exp(-((distance / np.float32(AGREE_LEVELS)) ** 2))
        picked = (stacked * alike[..., None]).sum(axis=0) / alike.sum(axis=0)[:, None]
    plate = np.zeros_like(target)
    plate[is_seen] = picked
    return plate, is_seen


def seam_light(plate: Floats, is_seen: Mask, target: Floats, is_known: Mask) -> Floats:
    """What to add to a plate so that it meets the picture around the hole without a seam.

    A smooth membrane through the differences at the hole's border, as Poisson image editing
    (Perez et al., SIGGRAPH 2003) has it, by push-pull instead of a solver.

    Returns:
        float32 (h, w, 3) in levels.
    """
    both = is_seen & is_known
    if both.sum() < 16:
        return np.zeros_like(plate)
    difference = np.where(both[..., None], target - plate, np.float32(0))
    size = np.abs(difference).max(axis=2) / np.float32(SEAM_LEVELS)
    weight = np.where(both, np.exp(-(size**2)), 0).astype(np.float32)
    light = smoothed(difference, weight, SEAM_SIGMA_PX)
    return np.clip(light, -SEAM_LEVELS, SEAM_LEVELS)


def _weights(candidates: Sequence[Candidate], target: Floats, is_known: Mask) -> list[Floats]:
    height, width = is_known.shape
    size = (max(1, width // SHRINK), max(1, height // SHRINK))
    weights = []
    for each in candidates:
        both = is_known & each.is_usable
        error = np.minimum(np.abs(target - each.image).mean(axis=2), np.float32(ERROR_MAX_LEVELS))
        share: Any = cv2.resize(both.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        total: Any = cv2.resize(
            np.where(both, error, np.float32(0)), size, interpolation=cv2.INTER_AREA
        )
        mean = total / np.maximum(share, np.float32(1e-6))
        near = smoothed(mean[..., None], share, ERROR_SIGMA_PX)
        large: Any = cv2.resize(near, (width, height))
        weight = each.prior * np.exp(-large / np.float32(ERROR_SCALE_LEVELS))
        weights.append(np.where(each.is_usable, weight, np.float32(0)).astype(np.float32))
    return weights


def _median(values: Floats, weight: Floats) -> NDArray[np.intp]:
    """The index of the weighted median along the first axis."""
    order = np.argsort(np.where(weight > 0, values, np.inf), axis=0, kind="stable")
    running = np.cumsum(np.take_along_axis(weight, order, axis=0), axis=0)
    place = (running < running[-1] / 2).sum(axis=0)
    place = np.minimum(place, len(values) - 1)
    chosen: NDArray[np.intp] = np.take_along_axis(order, place[None], axis=0)[0]
    return chosen
