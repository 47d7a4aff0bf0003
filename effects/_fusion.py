"""One picture from several that show the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Mask

from ._inpaint import Floats, largest, smoothed
from ._patch import Candidate

# Disagreement is weighed on a picture so much smaller.
SHRINK = 4
# Candidates lose two thirds of their word for so many levels of disagreement around the hole.
ERROR_SCALE_LEVELS = 5.0
# Beyond this, one pixel's disagreement says nothing more.
ERROR_MAX_LEVELS = 40.0
# A picture that disagrees so much around the hole does not show the place.
REFUSED_LEVELS = 28.0
# Nor does it where it disagrees nearby by so much, and by so much of the contrast there. In a
# fine texture half a pixel costs half the contrast; another place costs more than all of it.
REFUSED_NEARBY_LEVELS = 6.0
REFUSED_NEARBY_CONTRAST = 0.65
CONTRAST_SIGMA_PX = 8.0
# So far from its own hole, a source shows nothing of the object, whatever the mask missed.
RIM_PX = 10.0
RIM_WEIGHT = 0.1
# Over how much of the hole's surroundings disagreement is averaged.
ERROR_SIGMA_PX = 4.0
# Candidates that differ by so much from the chosen one show something else.
AGREE_LEVELS = 10.0
# Medians of light are taken over so many pixels.
PROBES_MAX = 8000
# Light that is left to match after the exposure of the whole frame was matched.
LIGHT_LEVELS = 30.0
# Over how many pixels candidates are compared with each other, so that neighbours go together.
CHOICE_SIGMA_PX = 1.5
# The seam: differences larger than this are other content, not other light.
SEAM_LEVELS = 20.0
SEAM_SIGMA_PX = 4.0
LIGHT_SIGMA_PX = 3.0

LUMA = np.array((0.299, 0.587, 0.114), np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Weight:
    """How much a candidate counts at each pixel; 0 where it is not usable.

    Attributes:
        given: float32 (h, w); a reliable candidate counts whatever stands beside it.
        strict: float32 (h, w); 0 wherever it disagrees with what is around the hole nearby.
    """

    given: Floats
    strict: Floats


def lit_alike(
    candidate: Candidate, target: Floats, is_known: Mask, *, is_local: bool
) -> Candidate | None:
    """A candidate with its light matched to the hole's surroundings.

    The median of the differences, so that what moved through the surroundings has no say.

    Args:
        candidate: What is matched.
        target: float32 (h, w, 3) in levels.
        is_known: bool (h, w), where the target shows background.
        is_local: Whether light is also matched place by place. Candidates that show different
            parts of the hole would otherwise meet with seams within it.

    Returns:
        None where it disagrees so much with the surroundings that it shows another place.
    """
    both = is_known & candidate.is_usable
    if both.sum() < 64:
        return candidate
    rows, columns = np.nonzero(both)
    step = max(1, len(rows) // PROBES_MAX)
    place = (rows[::step], columns[::step])
    difference = target[place] - candidate.image[place]
    # Something that moves beside the hole has other colours, not other light.
    is_light = largest(np.abs(difference)) <= LIGHT_LEVELS
    offset = np.median(difference[is_light], axis=0) if is_light.mean() > 0.2 else np.zeros(3)
    # Less than half a level is rounding.
    offset = np.where(np.abs(offset) < 0.5, 0, offset).astype(np.float32)
    error = np.abs(difference - offset).mean(axis=1)
    if np.median(error) > REFUSED_LEVELS and not candidate.is_reliable:
        return None
    image = candidate.image + offset
    if is_local:
        image = image + _local_light(image, both, target)
    return replace(candidate, image=image)


def weighed(candidates: Sequence[Candidate], target: Floats, is_known: Mask) -> list[Weight]:
    """How much each candidate counts, by how it goes with what is around the hole nearby.

    Args:
        candidates: What is weighed.
        target: float32 (h, w, 3) in levels.
        is_known: bool (h, w), where the target shows background.
    """
    contrast = _contrast(target, is_known)
    allowed = REFUSED_NEARBY_LEVELS + REFUSED_NEARBY_CONTRAST * contrast
    weights = []
    for each in candidates:
        both = is_known & each.is_usable
        error = np.minimum(largest(np.abs(target - each.image)), np.float32(ERROR_MAX_LEVELS))
        near = _nearby(error, both)
        rim: Any = cv2.distanceTransform(each.is_usable.view(np.uint8), cv2.DIST_L2, 3)
        sure = np.clip(rim / np.float32(RIM_PX), RIM_WEIGHT, 1) if not each.is_usable.all() else 1
        weight = each.prior * sure * np.exp(-near / np.float32(ERROR_SCALE_LEVELS))
        usable = np.where(each.is_usable, weight, 0).astype(np.float32)
        strict = np.where(near < allowed, usable, np.float32(0))
        weights.append(Weight(given=usable if each.is_reliable else strict, strict=strict))
    return weights


def fused(
    candidates: Sequence[Candidate],
    weights: Sequence[Floats],
    shape: tuple[int, int],
    *,
    is_averaged: bool,
) -> tuple[Floats, Mask]:
    """The weighted median of candidates, per pixel.

    The median is taken by luma and the whole colour goes with it, so that no colour appears that
    nobody has.

    Args:
        candidates: What is chosen from.
        weights: float32 (h, w) for each, how much it counts.
        shape: h and w, also where there is nothing to choose from.
        is_averaged: Whether those that agree with the median are averaged: less noise, and
            nothing jumps when the median goes from one to the next.

    Returns:
        float32 (h, w, 3) in levels, and where there was any candidate.
    """
    plate = np.zeros((*shape, 3), np.float32)
    is_seen = np.zeros(shape, bool)
    for each in weights:
        is_seen |= each > 0
    if not is_seen.any():
        return plate, is_seen
    weight = np.stack([each[is_seen] for each in weights])
    stacked = np.stack([each.image[is_seen] for each in candidates])
    # What is compared is smoothed, what is shown is not.
    calm = np.stack([_calm(each)[is_seen] for each in candidates])
    chosen = _median(calm @ LUMA, weight)
    picked: Any = np.take_along_axis(stacked, chosen[None, :, None], axis=0)[0]
    if is_averaged:
        distance = largest(np.abs(calm - np.take_along_axis(calm, chosen[None, :, None], axis=0)))
        alike = weight * np.exp(-((distance / np.float32(AGREE_LEVELS)) ** 2))
        picked = (stacked * alike[..., None]).sum(axis=0) / alike.sum(axis=0)[:, None]
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
    size = largest(np.abs(difference)) / np.float32(SEAM_LEVELS)
    weight = np.where(both, np.exp(-(size**2)), 0).astype(np.float32)
    light = smoothed(difference, weight, SEAM_SIGMA_PX)
    return np.clip(light, -SEAM_LEVELS, SEAM_LEVELS)


def _local_light(image: Floats, both: Mask, target: Floats) -> Floats:
    """The seam's membrane, on a small picture."""
    height, width = both.shape
    size = (max(1, width // SHRINK), max(1, height // SHRINK))
    difference = target - image
    distance = largest(np.abs(difference)) / np.float32(SEAM_LEVELS)
    weight = np.where(both, np.exp(-(distance**2)), np.float32(0))
    share: Any = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    total: Any = cv2.resize(difference * weight[..., None], size, interpolation=cv2.INTER_AREA)
    mean = total / np.maximum(share, np.float32(1e-6))[..., None]
    light: Any = cv2.resize(smoothed(mean, share, LIGHT_SIGMA_PX), (width, height))
    limited: Floats = np.clip(light, -SEAM_LEVELS, SEAM_LEVELS)
    return limited


def _calm(candidate: Candidate) -> Floats:
    sigma = CHOICE_SIGMA_PX
    blurred: Any = cv2.GaussianBlur(candidate.image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    calm: Floats = blurred
    return calm


def _contrast(target: Floats, is_known: Mask) -> Floats:
    """How far pixels around the hole usually are from their surroundings, in levels."""
    mean = smoothed(target, is_known.astype(np.float32), CONTRAST_SIGMA_PX)
    return _nearby(largest(np.abs(target - mean)), is_known)


def _nearby(values: Floats, where: Mask) -> Floats:
    """The mean of values around each pixel, also where there are none."""
    height, width = where.shape
    size = (max(1, width // SHRINK), max(1, height // SHRINK))
    share: Any = cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total: Any = cv2.resize(
        np.where(where, values, np.float32(0)), size, interpolation=cv2.INTER_AREA
    )
    mean = total / np.maximum(share, np.float32(1e-6))
    large: Any = cv2.resize(smoothed(mean[..., None], share, ERROR_SIGMA_PX), (width, height))
    near: Floats = large
    return near


def _median(values: Floats, weight: Floats) -> NDArray[np.intp]:
    """The index of the weighted median along the first axis."""
    order = np.argsort(np.where(weight > 0, values, np.inf), axis=0, kind="stable")
    running = np.cumsum(np.take_along_axis(weight, order, axis=0), axis=0)
    place = (running < running[-1] / 2).sum(axis=0)
    place = np.minimum(place, len(values) - 1)
    chosen: NDArray[np.intp] = np.take_along_axis(order, place[None], axis=0)[0]
    return chosen
