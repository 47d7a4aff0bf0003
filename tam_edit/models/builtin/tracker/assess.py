"""How sure the tracker is of a mask, from what it has seen while making it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

BINS = 8  # per colour channel
LOST_SCORE = 0.1

# Logistic fit of J on ten DAVIS-2016 sequences, rounded, when the tracker had no networks yet: the
# score's rank correlation with J over all their frames was 0.73 then and is 0.68 now. A fit to made
# clips ranked the frames of one clip worse.
BIAS = -10.0
APPEARANCE_WEIGHT = 6.0
LIKENESS_WEIGHT = 5.0
CARRIED_WEIGHT = 1.5

# Beyond these lie about three in a hundred of the good masks (J above 0.75) there.
FLOW_LOW = 0.45
CARRIED_LOW = 0.75
APPEARANCE_LOW = 0.84
LIKENESS_LOW = 0.85
GROWTH_HIGH = 0.15

# No frame of the ten sequences has all three below; where a hidden object's mask stuck to what hid
# it, most had.
KNOWN_LOW = 0.6
STRANGE_LIKENESS = 0.9
SIZE_LOW = 0.5


@dataclass(frozen=True)
class Evidence:
    """What speaks for a mask; all of it comes from the run itself.

    Attributes:
        flow: Mean trust in the flow on the carried mask, in [0, 1].
        carried: IoU of the carried mask and the final one.
        appearance: IoU of what the classifier alone says and the final mask.
        growth: Natural logarithm of the area over that on the previous picture.
        likeness: Overlap of the colours with the keyframe's, in [0, 1].
        known: The share of its pixels that a classifier of the keyframes alone calls the object.
        size: The area as a share of the usual one.
    """

    flow: float
    carried: float
    appearance: float
    growth: float
    likeness: float
    known: float
    size: float

    @property
    def is_strange(self) -> bool:
        """Whether this is a remnant unlike the keyframes: something else, most probably."""
        return self.known < KNOWN_LOW and self.likeness < STRANGE_LIKENESS and self.size < SIZE_LOW


def assess(evidence: Evidence | None, *, is_lost: bool) -> tuple[float, tuple[str, ...]]:
    """A score in [0, 1] and, in plain words, why it is low."""
    if evidence is None or is_lost:
        return LOST_SCORE, ("the object seems to have left",)
    strength = (
        BIAS
        + APPEARANCE_WEIGHT * evidence.appearance
        + LIKENESS_WEIGHT * evidence.likeness
        + CARRIED_WEIGHT * evidence.carried
    )
    doubts = {
        "the motion is hard to follow here": evidence.flow < FLOW_LOW,
        "the mask does not move as the picture does": evidence.carried < CARRIED_LOW,
        "by its looks alone the mask would be another": evidence.appearance < APPEARANCE_LOW,
        "it looks unlike what was selected": evidence.likeness < LIKENESS_LOW,
        "the object's area changed suddenly": abs(evidence.growth) > GROWTH_HIGH,
    }
    score = float(1 / (1 + np.exp(-strength)))
    return score, tuple(reason for reason, holds in doubts.items() if holds)


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
