"""How well a mask agrees with the true one: J, F, and what a whole sequence of them says.

The measures are those of Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video
Object Segmentation", CVPR 2016 (DAVIS-2016).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from tam_edit.errors import InputError
from tam_edit.types import Box, Mask, box_of

DAVIS_TOLERANCE = 0.008  # of the diagonal: the benchmark's own setting
DAVIS_BINS = 4
DAVIS_RECALL_ABOVE = 0.5


class Statistics(NamedTuple):
    """What DAVIS-2016 states of one measure over the frames of a sequence.

    Attributes:
        mean: The plain mean.
        recall: The share of frames above 0.5.
        decay: Mean of the first quarter minus mean of the last one; positive where it gets worse.
    """

    mean: float
    recall: float
    decay: float


def iou(a: Mask, b: Mask) -> float:
    """The share of the pixels of either mask that both have.

    Args:
        a: bool (H, W).
        b: bool (H, W).

    Returns:
        Intersection over union in [0, 1]; 1 where both are empty.

    Raises:
        InputError: The masks differ in size.
    """
    _check_same_size(a, b)
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def region_similarity(predicted: Mask, truth: Mask, ignored: Mask | None = None) -> float:
    """J of DAVIS-2016: intersection over union of a mask and the true one.

    Args:
        predicted: bool (H, W).
        truth: bool (H, W).
        ignored: bool (H, W); True where the truth is not known, and nothing is counted.

    Returns:
        J in [0, 1]; 1 where both are empty.

    Raises:
        InputError: The masks differ in size.
    """
    _check_same_size(predicted, truth)
    if ignored is None:
        return iou(predicted, truth)
    _check_same_size(ignored, truth)
    return iou(predicted & ~ignored, truth & ~ignored)


def boundary_f(predicted: Mask, truth: Mask, tolerance_frac: float = DAVIS_TOLERANCE) -> float:
    """F of DAVIS-2016: how well a mask's outline follows the true one.

    Precision is the share of the predicted boundary that has a true boundary pixel within the
    tolerance, recall the share of the true boundary with a predicted one; F is their harmonic mean.

    Args:
        predicted: bool (H, W).
        truth: bool (H, W).
        tolerance_frac: Share of the picture's diagonal, rounded up to whole pixels.

    Returns:
        F in [0, 1]; 1 where neither has a boundary, 0 where only one has.

    Raises:
        InputError: The masks differ in size.
    """
    _check_same_size(predicted, truth)
    # Far from both objects no pixel counts: everything else happens in one box around them.
    height, width = truth.shape
    around = _joint_box(predicted, truth).grown(1).clipped(width, height)
    found, wanted = boundary(predicted[around.slices]), boundary(truth[around.slices])
    found_count, wanted_count = int(np.count_nonzero(found)), int(np.count_nonzero(wanted))
    if not found_count or not wanted_count:
        return float(found_count == wanted_count)
    radius_px = math.ceil(tolerance_frac * math.hypot(height, width))
    precision = int(np.count_nonzero(found & _within(wanted, radius_px))) / found_count
    recall = int(np.count_nonzero(wanted & _within(found, radius_px))) / wanted_count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: Mask) -> Mask:
    """The pixels that differ from their right, lower or lower right neighbour.

    This is the outline that the benchmark's toolkit compares. The picture's border is no outline.

    Args:
        mask: bool (H, W).
    """
    differs = np.zeros(mask.shape, bool)
    differs[:, :-1] = mask[:, :-1] != mask[:, 1:]
    differs[:-1] |= mask[:-1] != mask[1:]
    differs[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return differs


def statistics(values: Sequence[float]) -> Statistics:
    """Mean, recall and decay of one measure over a sequence, as DAVIS-2016 states them.

    The four bins of the decay share their end frames, as in the benchmark's toolkit.

    Args:
        values: One value per frame, in order, in [0, 1]; at least one.

    Raises:
        InputError: There is no value.
    """
    if len(values) == 0:
        raise InputError("there is no frame to take the mean over")
    scores = np.asarray(values, np.float64)
    # Halves round up; the toolkit counts from 1.
    ends = np.floor(np.linspace(1, scores.size, DAVIS_BINS + 1) + 0.5).astype(int) - 1
    first, last = scores[ends[0] : ends[1] + 1], scores[ends[-2] : ends[-1] + 1]
    return Statistics(
        mean=float(scores.mean()),
        recall=float(np.mean(scores > DAVIS_RECALL_ABOVE)),
        decay=float(first.mean() - last.mean()),
    )


def _within(outline: Mask, radius_px: int) -> Mask:
    """Pixels with an outline pixel at most that far away."""
    offset = np.arange(-radius_px, radius_px + 1)
    disc = offset**2 + offset[:, None] ** 2 <= radius_px**2
    within = cv2.dilate(outline.view(np.uint8), disc.view(np.uint8), borderValue=0)
    return within.view(np.bool_)


def _joint_box(a: Mask, b: Mask) -> Box:
    boxes = [box for box in (box_of(a), box_of(b)) if not box.is_empty]
    if not boxes:
        return Box(0, 0, 0, 0)
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def _check_same_size(a: Mask, b: Mask) -> None:
    if a.shape != b.shape:
        raise InputError(
            f"two masks of {a.shape[1]}x{a.shape[0]} and {b.shape[1]}x{b.shape[0]} "
            "cannot be compared",
            hint="bring both to the size of the picture",
        )
