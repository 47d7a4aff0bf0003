"""How sure the tracker is of a mask, from what it has seen while making it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

BINS = 8  # per colour channel
LOST_SCORE = 0.1

FLOW_LOW = 0.5
GROWTH_HIGH = 0.35
LIKENESS_LOW = 0.55
AGREEMENT_LOW = 0.5
CERTAINTY_LOW = 0.7


@dataclass(frozen=True)
class Evidence:
    """What speaks for a mask; all of it comes from the run itself.

    Attributes:
        flow: Mean trust in the flow on the carried mask, in [0, 1].
        carried: IoU of the carried mask and the final one.
        appearance: IoU of what the classifier says and the final mask.
        certainty: Mean of |2p - 1| inside the mask.
        growth: Natural logarithm of the area over that on the previous picture.
        drift: Natural logarithm of the area over the usual one.
        likeness: Overlap of the colours with the keyframe's, in [0, 1].
        age: Pictures since the latest keyframe.
    """

    flow: float
    carried: float
    appearance: float
    certainty: float
    growth: float
    drift: float
    likeness: float
    age: int


def assess(evidence: Evidence | None, *, is_lost: bool) -> tuple[float, tuple[str, ...]]:
    """A score in [0, 1] and, in plain words, why it is low."""
    if evidence is None or is_lost:
        return LOST_SCORE, ("the object seems to have left",)
    strength = (
        -5.0
        + 1.5 * evidence.flow
        + 1.5 * evidence.carried
        + 2.0 * evidence.appearance
        + 1.5 * evidence.certainty
        + 2.0 * evidence.likeness
        - 1.0 * abs(evidence.growth)
        - 0.3 * abs(evidence.drift)
    )
    score = float(1 / (1 + np.exp(-strength)))
    reasons = []
    if evidence.flow < FLOW_LOW:
        reasons.append("the flow is inconsistent")
    if abs(evidence.growth) > GROWTH_HIGH:
        reasons.append("the object's area changed suddenly")
    if evidence.likeness < LIKENESS_LOW:
        reasons.append("the object looks unlike its keyframes")
    if evidence.appearance < AGREEMENT_LOW:
        reasons.append("appearance and motion disagree")
    if evidence.certainty < CERTAINTY_LOW:
        reasons.append("the outline is uncertain")
    return score, tuple(reasons)


def agreement(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Intersection over union; 1 where both are empty."""
    union = int(np.count_nonzero(first | second))
    return np.count_nonzero(first & second) / union if union else 1.0


def color_histogram(picture: NDArray[np.uint8], inside: NDArray[np.bool_]) -> Float:
    """Shares of coarse RGB colours on an object.

    Args:
        picture: uint8 (H, W, 3).
        inside: Where the object is, bool (H, W).

    Returns:
        float32 (BINS**3,), summing to 1, or all zeros where ``inside`` is empty.
    """
    if not inside.any():
        return np.zeros(BINS**3, np.float32)
    coarse = picture[inside].astype(np.int64) * BINS // 256
    index = (coarse[:, 0] * BINS + coarse[:, 1]) * BINS + coarse[:, 2]
    counts = np.bincount(index, minlength=BINS**3).astype(np.float32)
    smooth = cv2.GaussianBlur(counts.reshape(BINS, BINS, BINS), (3, 3), 0).reshape(-1)
    result: Float = (smooth / smooth.sum()).astype(np.float32)
    return result


def likeness(first: Float, second: Float) -> float:
    """Bhattacharyya coefficient of two histograms, in [0, 1]."""
    if first.shape != second.shape:
        return 0.0
    return float(min(1.0, np.sqrt(first * second).sum()))
