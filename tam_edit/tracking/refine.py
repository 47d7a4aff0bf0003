"""A doubtful mask is put to the segmenter: the loop's third step, with any Segmenter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.frame import Frame
from tam_edit.masks.measure import iou
from tam_edit.models.base import Affinity, Segmenter
from tam_edit.prompts import Prompts
from tam_edit.tracking.evidence import dropped, unlike_memory
from tam_edit.tracking.verdict import Verdict
from tam_edit.tracks import resized
from tam_edit.types import Mask, Matte, Point, box_of

# Lengths below are shares of the root of the mask's area.
ERODED_SHARE = 0.08
BESIDE_FROM_SHARE, BESIDE_TO_SHARE = 0.1, 0.35
POSITIVE_SPACING, NEGATIVE_SPACING = 0.5, 0.8
POSITIVE_PROBES, NEGATIVE_PROBES = 3, 4
AFFINITY_POINTS = 2  # of either sign
CONFIDENCE_LEVELS = 255  # finer differences of a matte are no confidence

MIN_AGREEMENT = 0.6
SAME_IOU = 0.995  # an answer this near to the prediction is none
MARGIN = 0.03  # by which a refined mask must be judged better
BOX_MARGIN_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Points:
    """Pixels of the tracking size that speak for the object and against it, as (x, y)."""

    positive: tuple[tuple[int, int], ...] = ()
    negative: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Refinement:
    """What came of putting a mask to the segmenter.

    Attributes:
        matte: The mask to go on with, float32 (height, width) in [0, 1] at tracking size; the
            prediction where nothing was accepted.
        verdict: What the assessment says of it.
        is_accepted: Whether it replaces the prediction.
        why: What it gained, or why it was rejected; one clause for the log.
        agreement: IoU of the segmenter's mask and the prediction.
    """

    matte: Matte
    verdict: Verdict
    is_accepted: bool
    why: str
    agreement: float


class Refiner:
    """Asks a segmenter about masks that are in doubt, and takes its answer where it is better.

    Args:
        segmenter: Any.
        min_agreement: IoU with the prediction below which an answer is taken to mean something
            else than the object, in [0, 1].
    """

    def __init__(self, segmenter: Segmenter, *, min_agreement: float = MIN_AGREEMENT) -> None:
        self._segmenter = segmenter
        self._min_agreement = min_agreement

    def refine(
        self,
        frame: Frame,
        matte: Matte,
        verdict: Verdict,
        affinity: Affinity | None,
        judge: Callable[[Matte, Verdict], Verdict],
        taken: Matte | None,
    ) -> Refinement:
        """Put one object's predicted mask on one frame to the segmenter.

        The segmenter is given the points of :func:`prompt_points` and the prediction as mask
        prompt. One that gives the prediction back as it was had no opinion: it is asked again with
        the box of the prediction instead of the mask.

        An answer has no propagator's verdict. What stands in for it is the IoU that the segmenter
        expects of it, times its IoU with the prediction: the segmenter says how well it has drawn
        something, only the prediction says what was meant. The answer is accepted where ``judge``
        then finds it better than the prediction, with all that its propagator knew, by
        ``MARGIN``.

        Args:
            frame: The picture.
            matte: The prediction, float32 (height, width) in [0, 1] at tracking size.
            verdict: What the assessment says of it.
            affinity: Where in memory it comes from; None where the propagator looks nothing up.
            judge: Judges a matte of that size that is proposed instead of the prediction, given
                its maker's verdict.
            taken: What other objects hold of the picture, float32 (height, width); None: nothing.
        """
        points = prompt_points(matte, affinity, taken)
        if not points.positive:
            return _rejected(matte, verdict, "nothing of the mask is sure enough to begin from", 0)
        answers = self._answers(frame, matte, points, taken)
        if not answers:
            return _rejected(matte, verdict, "the segmenter gives the same mask", 1)
        best = max(answers, key=lambda answer: answer.expected)
        if best.agreement < self._min_agreement:
            why = f"the segmenter means something else (IoU {best.agreement:.2f})"
            return _rejected(matte, verdict, why, best.agreement)
        judged = judge(best.matte, Verdict(score=best.expected))
        if judged.is_absent or judged.score < verdict.score + MARGIN:
            why = f"the segmenter's mask is no better ({judged.score:.2f})"
            return _rejected(matte, verdict, why, best.agreement)
        return Refinement(
            matte=best.matte,
            verdict=judged,
            is_accepted=True,
            why=f"the score rises from {verdict.score:.2f} to {judged.score:.2f}",
            agreement=best.agreement,
        )

    def _answers(
        self, frame: Frame, matte: Matte, points: Points, taken: Matte | None
    ) -> list[_Answer]:
        """What the segmenter makes of a prediction; nothing where it has no other opinion."""
        height, width = matte.shape
        prompts = to_prompts(points, (width, height), (frame.width, frame.height))
        whole = resized(matte, frame.width, frame.height)
        for asked, previous in ((prompts, whole), (_boxed(prompts, whole), None)):
            said = self._segmenter.segment(frame, asked, previous)
            answers = []
            for candidate, score in zip(said.mattes, said.scores, strict=True):
                if iou(candidate > 0.5, whole > 0.5) >= SAME_IOU:
                    continue
                small = resized(candidate, width, height)
                if taken is not None:
                    small = np.minimum(small, 1 - taken)
                agreement = iou(small > 0.5, matte > 0.5)
                answers.append(_Answer(matte=small, score=score, agreement=agreement))
            if answers:
                return answers
        return []


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answer:
    """One candidate of the segmenter, at tracking size."""

    matte: Matte
    score: float
    agreement: float

    @property
    def expected(self) -> float:
        """The IoU with what was meant that is to be expected."""
        return self.score * self.agreement


def to_prompts(points: Points, size: tuple[int, int], to_size: tuple[int, int]) -> Prompts:
    """Points of the tracking size as clicks in source pixels.

    Args:
        points: Where.
        size: Columns and rows of the tracking size.
        to_size: Columns and rows of the source.
    """

    def scaled(pixels: tuple[tuple[int, int], ...]) -> tuple[Point, ...]:
        # Pixel centres of both grids lie on the same picture.
        return tuple(
            ((x + 0.5) * to_size[0] / size[0] - 0.5, (y + 0.5) * to_size[1] / size[1] - 0.5)
            for x, y in pixels
        )

    return Prompts(positive=scaled(points.positive), negative=scaled(points.negative))


def _boxed(prompts: Prompts, matte: Matte) -> Prompts:
    """The same points with a box around the mask, a little larger than it."""
    height, width = matte.shape
    box = box_of(matte > 0.5)
    margin = max(1, round(BOX_MARGIN_SHARE * max(box.width, box.height)))
    x0, y0, x1, y1 = box.grown(margin).clipped(width, height)
    return replace(prompts, box=(float(x0), float(y0), float(x1), float(y1)))


def _rejected(matte: Matte, verdict: Verdict, why: str, agreement: float) -> Refinement:
    return Refinement(matte=matte, verdict=verdict, is_accepted=False, why=why, agreement=agreement)


def prompt_points(matte: Matte, affinity: Affinity | None, taken: Matte | None) -> Points:
    """Everything a mask and its affinity give as point prompts; no pixel is of both signs."""
    found = probes(matte, affinity)
    extra = Points() if affinity is None else affinity_points(matte, affinity, taken)
    return Points(
        positive=found.positive + extra.positive, negative=found.negative + extra.negative
    )


def probes(matte: Matte, affinity: Affinity | None = None) -> Points:
    """The places that a soft prediction itself is surest of.

    "Track Anything" (arXiv 2304.11968) prompts with probes without saying what they are. Here
    they are the following, with r the root of the mask's area (pixels above 0.5):

    Positive probes are local maxima of the prediction inside the mask eroded by 0.08 r: pixels of
    that region that none of their eight neighbours in it exceeds, where of two equal values (in
    steps of 1/255) the one farther from the outline is the greater. The greatest comes first, each
    further one is the greatest that lies at least 0.5 r from those before; three at most. Where
    the eroded mask is empty it is the one pixel farthest from the outline.

    Negative probes are the surest background next to the mask: pixels 0.1 r to 0.35 r from it, the
    smallest value first and of equal ones that nearest to the middle of that band; each at least
    0.8 r from those before; four at most.

    Pixels that the affinity contradicts (see :func:`affinity_points`) are no probes.

    Args:
        matte: float32 (H, W) in [0, 1].
        affinity: The object's, if any.
    """
    mask = matte > 0.5
    if not mask.any():
        return Points()
    reach = float(np.sqrt(np.count_nonzero(mask)))
    level = np.rint(matte * CONFIDENCE_LEVELS)
    depth, away = _depths(mask)
    against = np.zeros_like(mask) if affinity is None else unlike_memory(matte, affinity)
    inside = (depth > ERODED_SHARE * reach) & ~against
    if not inside.any():
        inside = mask & ~against & (depth == depth[mask & ~against].max(initial=0))
    value = level + depth / (1 + float(depth.max()))
    is_peak = inside & (value >= _largest_neighbour(np.where(inside, value, -np.inf)))
    positive = _spaced(value, is_peak, POSITIVE_SPACING * reach, POSITIVE_PROBES)
    first, last = BESIDE_FROM_SHARE * reach, BESIDE_TO_SHARE * reach
    beside = (away >= max(1.0, first)) & (away <= max(2.0, last))
    if affinity is not None:
        beside &= ~dropped(matte, affinity)
    middle = np.abs(away - (first + last) / 2)
    value = -level - middle / (1 + float(middle[beside].max(initial=0)))
    negative = _spaced(value, beside, NEGATIVE_SPACING * reach, NEGATIVE_PROBES)
    return Points(positive=positive, negative=negative)


def affinity_points(matte: Matte, affinity: Affinity, taken: Matte | None = None) -> Points:
    """The places where memory contradicts a prediction.

    Positive are pixels more than a memory token (16 pixels) outside the mask more than half of
    whose affinity lies on the object in a keyframe, the greatest share first; no others' pixels.
    Negative are pixels as far inside the mask less than a quarter of whose affinity lies on the
    object anywhere, the smallest share first. Two of each at most, half the root of the mask's
    area apart.

    Args:
        matte: float32 (H, W) in [0, 1].
        affinity: The object's.
        taken: What other objects hold, float32 (H, W).
    """
    mask = matte > 0.5
    spacing = 0.5 * float(np.sqrt(np.count_nonzero(mask)))
    wanted = dropped(matte, affinity)
    if taken is not None:
        wanted &= taken <= 0.5
    unwanted = unlike_memory(matte, affinity)
    return Points(
        positive=_spaced(affinity.anchored, wanted, spacing, AFFINITY_POINTS),
        negative=_spaced(-affinity.inside, unwanted, spacing, AFFINITY_POINTS),
    )


def _depths(mask: Mask) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How deep in the mask, and how far from it, each pixel lies; the border counts not."""
    inward = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outward = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(inward, np.float32), np.asarray(outward, np.float32)


def _largest_neighbour(value: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(value, 1, constant_values=-np.inf)
    height, width = value.shape
    shifted = [
        padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if (dy, dx) != (0, 0)
    ]
    return np.asarray(np.max(shifted, axis=0), np.float32)


def _spaced(
    value: NDArray[np.float32], where: Mask, spacing: float, limit: int
) -> tuple[tuple[int, int], ...]:
    """The pixels of the greatest values, each at least ``spacing`` from those before, as (x, y).

    Of equal values the upper, then the left one comes first.
    """
    rows, columns = np.nonzero(where)
    order = np.argsort(-value[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    chosen: list[tuple[int, int]] = []
    while rows.size and len(chosen) < limit:
        x, y = int(columns[0]), int(rows[0])
        chosen.append((x, y))
        is_far = np.hypot(columns - x, rows - y) >= spacing
        is_far[0] = False
        rows, columns = rows[is_far], columns[is_far]
    return tuple(chosen)
