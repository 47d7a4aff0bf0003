"""One picture from estimates of different kinds, none of which is sure.

Where what surrounds the hole moves, nobody saw what is behind it: other frames show it earlier or
later, inpainting guesses. Each says how wrong it usually is, and the mean that is weighted by the
inverse of that variance has the smallest expected error of all weighted means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tam_edit.types import Mask

from ._fusion import ERROR_SCALE_LEVELS, Weight
from ._inpaint import Floats
from ._patch import Candidate
from ._trails import Trail

# Squared errors in levels, chosen on eight made clips over seven videos; halving or doubling any
# of these numbers changes no clip's PSNR by more than 0.8 dB, most by less than 0.3. A source that
# disagrees with the hole's surroundings by n levels is wrong by 2 n within the hole; what was
# followed is wrong by so much more for each step; inpainting is wrong by 45 levels from so far
# inside the hole on, as a share of the frame's short side.
DISAGREEMENT_VARIANCE = 4.0
STEP_VARIANCE = 90.0
INVENTED_VARIANCE = 2000.0
INVENTED_REACH_FRAC = 0.037
# Nothing is better than the noise of a camera.
LEAST_VARIANCE = 4.0
# A disagreement that is more than light, shadow or noise.
RESTLESS_LEVELS = 8.0
# Up to this share of a hole it is a leash, a shadow or a rim that no mask covers, and what stands
# still shows through a mean of other things; from the other on, what is behind it moves. Between
# the two one picture goes over into the other, so that frames that follow one another are alike.
RESTLESS_FRAC = (0.2, 0.4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """What stands in a hole according to one kind of evidence.

    Attributes:
        image: float32 (h, w, 3) in levels.
        variance: float32 (h, w), its expected squared error; infinite where it says nothing.
    """

    image: Floats
    variance: Floats


def disagreement(
    candidates: Sequence[Candidate], weights: Sequence[Weight], is_known: Mask
) -> Floats:
    """By how many levels the best source disagrees with what is around the hole nearby.

    Args:
        candidates: The sources.
        weights: Theirs.
        is_known: bool (h, w), where there is no hole.

    Returns:
        float32 (h, w); infinite where none goes with it.
    """
    best = np.zeros(is_known.shape, np.float32)
    for candidate, weight in zip(candidates, weights, strict=True):
        best = np.maximum(best, weight.strict / np.float32(max(candidate.prior, 1)))
    with np.errstate(divide="ignore"):
        levels: Floats = -np.log(best) * np.float32(ERROR_SCALE_LEVELS)
    return np.maximum(levels, np.float32(0))


def restlessness(candidates: Sequence[Candidate], levels: Floats, is_hole: Mask) -> float:
    """How much what is behind the hole moves by itself, in [0, 1]: 0 where it stands still.

    Args:
        candidates: The sources.
        levels: float32 (h, w), how far they are from the hole's surroundings.
        is_hole: bool (h, w).
    """
    is_shown = np.zeros_like(is_hole)
    for each in candidates:
        is_shown |= each.is_usable
    is_unlike = is_hole & is_shown & (levels > RESTLESS_LEVELS)
    share = is_unlike.sum() / max(1, is_hole.sum())
    least, most = RESTLESS_FRAC
    return float(np.clip((share - least) / (most - least), 0, 1))


def borrowed(image: Floats, levels: Floats) -> Estimate:
    """What other frames show at the same place of the background."""
    return Estimate(image=image, variance=LEAST_VARIANCE + DISAGREEMENT_VARIANCE * levels**2)


def trailed(trail: Trail) -> Estimate:
    """What was followed until it was seen."""
    return Estimate(image=trail.image, variance=STEP_VARIANCE * trail.steps)


def made_up(image: Floats, is_hole: Mask, short_side_px: int) -> Estimate:
    """What inpainting continues from the hole's rim."""
    depth: Any = cv2.distanceTransform(is_hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    reach = np.float32(INVENTED_REACH_FRAC * short_side_px)
    variance = LEAST_VARIANCE + INVENTED_VARIANCE * (1 - np.exp(-depth / reach))
    return Estimate(image=image, variance=variance.astype(np.float32))


def mean_of(estimates: Sequence[Estimate]) -> tuple[Floats, list[Floats]]:
    """The mean weighted by inverse variances.

    Args:
        estimates: One of them at least says something at each pixel.

    Returns:
        float32 (h, w, 3) in levels, and the share that each has in it, float32 (h, w).
    """
    precisions = [1 / np.maximum(each.variance, np.float32(LEAST_VARIANCE)) for each in estimates]
    total = np.add.reduce(precisions)
    shares = [(precision / total).astype(np.float32) for precision in precisions]
    pairs = zip(estimates, shares, strict=True)
    image = np.add.reduce([each.image * share[..., None] for each, share in pairs])
    return image.astype(np.float32), shares
