"""Prompts become a matte with Segment Anything."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tam_edit.frame import Frame
from tam_edit.models.base import Segmentation
from tam_edit.models.click_points import Clicks, stamp
from tam_edit.models.sam.network import SamNetwork
from tam_edit.models.sam.predictor import (
    Embedding,
    Logits,
    Prediction,
    SamPredictor,
    low_logits_of,
    stability,
)
from tam_edit.prompts import Prompts
from tam_edit.types import Box, Mask, Matte

FRAMES_KEPT = 8  # embeddings; 4 MB each
ANSWERS_KEPT = 8  # per frame, with their low-resolution logits; 0.25 MB each
SAME_IOU = 0.85  # candidates this alike count as one
GIVEN_SCORE = 0.95  # of a painted mask
KEPT_IN_BOX = 0.8  # share of a matte that lies in the box that it came from
MATTE_CERTAINTY = 7.0  # logit of a matte that is not the network's own: a probability of 0.999
EDGE_PX = 1.0  # half the width of a soft edge
JUST_IN, JUST_OUT = np.float32(128 / 255), np.float32(127 / 255)  # also once stored in 8 bits
CLICK_RADIUS_FRAC = 0.003  # of the longer side: what a click holds at least


@dataclass(eq=False)
class _Seen:
    """A frame that was looked at, and the answers given on it."""

    embedding: Embedding
    answers: dict[bytes, Logits] = field(default_factory=dict)

    def remember(self, matte: Matte, low_logits: Logits) -> None:
        self.answers[_digest(matte)] = low_logits
        while len(self.answers) > ANSWERS_KEPT:
            del self.answers[next(iter(self.answers))]

    def as_prompt(self, matte: Matte) -> Logits:
        """A matte as mask prompt: the network's own logits where the matte came from it."""
        own = self.answers.get(_digest(matte))
        return low_logits_of(matte, MATTE_CERTAINTY) if own is None else own


class SamSegmenter:
    """Finds the object under clicks, in a box or beside a mask with Segment Anything.

    The first click is answered with three masks from part to whole; the one with the best predicted
    IoU goes back in as a mask prompt. Every further click is answered with a single mask and has
    the mask so far as a prompt, so that the answer does not jump between part and whole.

    The network may leave a click on the wrong side of the mask. Then a small disc around the click
    is put right, and the score falls by the share of such clicks.
    """

    name: str = "sam"

    def __init__(self, network: SamNetwork) -> None:
        self.predictor = SamPredictor(network)
        self._seen: weakref.WeakKeyDictionary[Frame, _Seen] = weakref.WeakKeyDictionary()

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        """Segment one object.

        Args:
            frame: The picture; what the network sees in it is kept for the last few frames.
            prompts: Clicks, box or mask in source pixels. Clicks beside a painted mask change it
                only where they disagree with it.
            previous: The object's matte before the newest prompt, float32 (H, W) at display size.
                An empty one, or one that a newer box does not hold, counts for nothing.

        Returns:
            The candidates: up to three for a first click alone, else one. A score is the smaller
            of the IoU that the network predicts and the stability of its mask.

        Raises:
            InputError: Prompts that cannot be used on this frame.
            OutOfMemoryError: The device is too small.
            ModelError: The network gives something that is no number.
        """
        has_mask = previous is not None and bool((previous > 0.5).any())
        prompts.check(frame.width, frame.height, f"frame {frame.index}", has_mask=has_mask)
        clicks = Clicks.of(prompts.positive, prompts.negative)
        if prompts.mask is not None:
            return self._mended(frame, clicks, prompts.mask)
        seen = self._look(frame)
        if previous is not None and _still_holds(previous, prompts):
            answers = [self._ask(seen, clicks, prompts, seen.as_prompt(previous))]
        elif prompts.box is not None:
            answers = [self._ask(seen, clicks, prompts, None)]
        else:
            answers = self._from_nothing(seen, clicks)
        mattes: list[Matte] = []
        scores: list[float] = []
        for answer in answers:
            matte, score = _finished(answer, clicks)
            if all(_iou(matte, other) < SAME_IOU for other in mattes):
                seen.remember(matte, answer.low_logits[0])
                mattes.append(matte)
                # The first one answers the click with its own mask in mind; none goes before it.
                scores.append(min([score, *scores]))
        return Segmentation(mattes=tuple(mattes), scores=tuple(scores))

    def _from_nothing(self, seen: _Seen, clicks: Clicks) -> list[Prediction]:
        """Answers to clicks alone, as if they had been made one after the other, best first."""
        points, signs = _listed(clicks)
        ambiguous = self.predictor.predict(
            seen.embedding, points=points[:1], signs=signs[:1], is_multimask=True
        )
        order = np.argsort(-ambiguous.scores, kind="stable")
        answer = _one(ambiguous, int(order[0]))
        for count in range(1, len(points) + 1):
            answer = self.predictor.predict(
                seen.embedding,
                points=points[:count],
                signs=signs[:count],
                mask=answer.low_logits[0],
            )
        others = [_one(ambiguous, int(k)) for k in order[1:]] if len(points) == 1 else []
        return [answer, *others]

    def _ask(
        self, seen: _Seen, clicks: Clicks, prompts: Prompts, mask: Logits | None
    ) -> Prediction:
        points, signs = _listed(clicks)
        return self.predictor.predict(
            seen.embedding, points=points, signs=signs, box=prompts.box, mask=mask
        )

    def _mended(self, frame: Frame, clicks: Clicks, painted: Mask) -> Segmentation:
        """A painted mask, changed only in the places that clicks point at."""
        matte = painted.astype(np.float32)
        columns, rows = clicks.pixels().T
        wrong = painted[rows, columns] != clicks.signs
        if not wrong.any():
            return Segmentation(mattes=(matte,), scores=(GIVEN_SCORE,))
        seen = self._look(frame)
        points, signs = _listed(clicks)
        answer = self.predictor.predict(
            seen.embedding,
            points=points,
            signs=signs,
            mask=low_logits_of(matte, MATTE_CERTAINTY),
        )
        places, _ = ndimage.label(answer.masks[0] != painted)
        touched = places[rows[wrong], columns[wrong]]
        changed = np.isin(places, touched[touched > 0])
        own, score = _finished(answer, clicks)
        matte = np.where(changed, own, matte)
        stamp(matte, clicks, _click_radius(matte.shape), matte > 0.5)
        return Segmentation(mattes=(matte,), scores=(score,))

    def _look(self, frame: Frame) -> _Seen:
        seen = self._seen.pop(frame, None)
        if seen is None:
            while len(self._seen) >= FRAMES_KEPT:
                del self._seen[next(iter(self._seen))]
            seen = _Seen(self.predictor.encode(_eight_bits(frame)))
        self._seen[frame] = seen  # now the one that is kept longest
        return seen


def _eight_bits(frame: Frame) -> NDArray[np.uint8]:
    picture = frame.region(Box(0, 0, frame.width, frame.height))
    if picture.dtype == np.uint8:
        return picture.astype(np.uint8, copy=False)
    return np.asarray(cv2.convertScaleAbs(picture, alpha=1 / 257), np.uint8)


def _listed(clicks: Clicks) -> tuple[list[tuple[float, float]], list[bool]]:
    return [(float(x), float(y)) for x, y in clicks.points], [bool(s) for s in clicks.signs]


def _one(prediction: Prediction, k: int) -> Prediction:
    part = slice(k, k + 1)
    return Prediction(
        logits=prediction.logits[part],
        scores=prediction.scores[part],
        low_logits=prediction.low_logits[part],
    )


def _still_holds(previous: Matte, prompts: Prompts) -> bool:
    """Whether the matte so far is something that the prompts go on from."""
    if not (previous > 0.5).any():
        return False
    if prompts.box is None:
        return True
    if not (prompts.positive or prompts.negative):
        return False
    rows, columns = previous.shape
    x0, x1 = np.clip(prompts.box[0::2], 0, columns)
    y0, y1 = np.clip(prompts.box[1::2], 0, rows)
    inside = previous[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
    return float(inside.sum()) >= KEPT_IN_BOX * float(previous.sum())


def _finished(answer: Prediction, clicks: Clicks) -> tuple[Matte, float]:
    """A matte in which every click holds, and what it is worth."""
    matte = soft_edged(answer.logits[0])
    score = min(float(np.clip(answer.scores[0], 0, 1)), stability(answer.logits[0]))
    if len(clicks.signs):
        columns, rows = clicks.pixels().T
        score *= float(np.mean((matte[rows, columns] > 0.5) == clicks.signs))
        stamp(matte, clicks, _click_radius(matte.shape), matte > 0.5)
    return matte, score


def soft_edged(logits: Logits, half_width_px: float = EDGE_PX) -> Matte:
    """Logits as a matte whose edge is soft over a fixed width, however sure the network is.

    The distance to the edge is estimated as the logit divided by its slope.

    Args:
        logits: float32 (H, W); above 0 lies the object.
        half_width_px: How far the softness reaches to either side of the edge.

    Returns:
        float32 (H, W) in [0, 1]; above 0.5 exactly where the logits are above 0.
    """
    slope_x = cv2.Sobel(logits, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    slope_y = cv2.Sobel(logits, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    # cv2.magnitude of OpenCV 5.0 differs in the last bit from call to call.
    slope = np.sqrt(slope_x * slope_x + slope_y * slope_y)
    slope = np.maximum(slope, np.finfo(np.float32).tiny)
    with np.errstate(over="ignore"):
        matte = np.clip(0.5 + logits / (slope * np.float32(2 * half_width_px)), 0, 1)
    inside = logits > 0
    matte = np.where(inside, np.maximum(matte, JUST_IN), np.minimum(matte, JUST_OUT))
    return matte.astype(np.float32, copy=False)


def _click_radius(shape: tuple[int, ...]) -> int:
    return max(2, round(CLICK_RADIUS_FRAC * max(shape)))


def _digest(matte: Matte) -> bytes:
    return hashlib.blake2b(np.packbits(matte > 0.5).tobytes(), digest_size=16).digest()


def _iou(a: Matte, b: Matte) -> float:
    x, y = a > 0.5, b > 0.5
    return int(np.count_nonzero(x & y)) / max(int(np.count_nonzero(x | y)), 1)
