"""What speaks for a mask that XMem drew: its own certainty, and where in memory it comes from.

The score is not fitted: it is the geometric mean of two shares. The thresholds of the reasons
are on the same scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Matte, ObjectId

Float = NDArray[np.float32]

LOST_SCORE = 0.02
CONFIDENCE_LOW = 0.7
AGREEMENT_LOW = 0.6
ENTROPY_HIGH = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectEvidence:
    """One object on one frame; maps have one number per token (16x16 pixels of the padded picture).

    Attributes:
        confidence: How far the probabilities inside the mask are above one half, in [0, 1].
        agreement: Share of the mask's affinity that lies on memory tokens inside the object, in
            [0, 1]; tokens that the mask covers in part count in part.
        spread: Mean of ``entropy`` on the mask; 0 where there is no mask.
        inside: float32 (rows, columns) in [0, 1]: per token the share of its affinity that lies
            inside the object.
        anchored: In the same form, that part of it which lies on the first picture or on a
            correction.
        entropy: In the same form: 0 where one memory token answers, 1 where all that answer do
            alike.
    """

    confidence: float
    agreement: float
    spread: float
    inside: Float
    anchored: Float
    entropy: Float


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameEvidence:
    """What the latest frame's masks come from.

    Attributes:
        objects: Per object that was carried; what was given needs no evidence.
        memory: Number of memory tokens per kind: ``first``, ``recent``, ``long_term`` and
            ``corrected``.
        usage: Per kind the share of all answers that it gives on an average frame.
        left: Columns of padding left of the picture; token column c begins at 16 c - left.
        top: Rows of padding above the picture.
    """

    objects: Mapping[ObjectId, ObjectEvidence]
    memory: Mapping[str, int]
    usage: Mapping[str, float]
    left: int
    top: int


def collect(
    matte: Matte, coverage: Float, inside: Float, anchored: Float, entropy: Float
) -> ObjectEvidence:
    """Weigh one object's mask.

    Args:
        matte: float32 (H, W), the probability.
        coverage: float32 (rows, columns): the share of each token that the mask covers.
        inside: See :class:`ObjectEvidence`.
        anchored: See :class:`ObjectEvidence`.
        entropy: See :class:`ObjectEvidence`.
    """
    certain = matte[matte > 0.5]
    confidence = float(2 * certain.mean(dtype=np.float64) - 1) if certain.size else 0.0
    weight = float(np.sum(coverage**2, dtype=np.float64))
    hit = float(np.sum(coverage * inside, dtype=np.float64))
    area = float(coverage.sum(dtype=np.float64))
    spread = float(np.sum(coverage * entropy, dtype=np.float64))
    return ObjectEvidence(
        confidence=confidence,
        agreement=min(1.0, hit / weight) if certain.size and weight > 0 else 0.0,
        spread=spread / area if certain.size and area > 0 else 0.0,
        inside=inside,
        anchored=anchored,
        entropy=entropy,
    )


def assess(evidence: ObjectEvidence) -> tuple[float, tuple[str, ...]]:
    """A score in [0, 1] and, in plain words, why it is low."""
    if evidence.confidence == 0:
        return LOST_SCORE, ("the object seems to have left",)
    doubts = {
        "the mask is uncertain": evidence.confidence < CONFIDENCE_LOW,
        "the memory has other things here": evidence.agreement < AGREEMENT_LOW,
        "nothing in memory looks quite like this": evidence.spread > ENTROPY_HIGH,
    }
    score = float(np.sqrt(evidence.confidence * evidence.agreement))
    return max(LOST_SCORE, score), tuple(reason for reason, holds in doubts.items() if holds)
