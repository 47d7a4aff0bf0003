"""Clicks, a box or a mask become a matte with the small network that is shipped."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tam_edit.frame import Frame
from tam_edit.models.base import Segmentation
from tam_edit.models.builtin.segmenter.full_size import finished
from tam_edit.models.builtin.segmenter.predictor import (
    ClickPredictor,
    Look,
    Opinion,
    shipped_predictor,
)
from tam_edit.models.builtin.segmenter.zoom import extent, serves, surroundings
from tam_edit.models.click_points import Clicks
from tam_edit.prompts import Prompts
from tam_edit.types import Box, Mask, Matte, box_of

FRAMES_KEPT = 4
LOOKS_KEPT = 5  # per frame
ANSWERS_KEPT = 8  # per frame
CANDIDATES, SAME_IOU = 3, 0.85  # how many, and when two count as one
# Of what a single click or box led to: held-out pictures say that the network's opinion of it is
# rough (correlation with the truth 0.5), so it takes another click to be surer.
UNCONFIRMED_SCORE = 0.7
GIVEN_SCORE = 0.95  # of a painted mask in which every click holds
KEPT_SCORE = 0.8  # of a mask from elsewhere in which every click holds
SOFT_PX, SOFT_FRAC = 12, 1 / 60  # of the short side; no soft edge is wider than both
EDGE_PX = 3  # so near to what changed the new matte's soft edge is taken as it is
KEPT_IN_BOX = 0.8  # share of a matte that lies in the box that it came from

NO_CLICKS = Clicks(np.zeros((0, 2)), np.zeros(0, bool))
Boxed = tuple[float, float, float, float]


@dataclass(eq=False)
class _Seen:
    """A frame that was looked at, and the answers given on it."""

    looks: list[Look] = field(default_factory=list)
    answers: dict[bytes, Opinion] = field(default_factory=dict)

    def remember(self, matte: Matte, opinion: Opinion) -> None:
        self.answers[_digest(matte)] = opinion
        while len(self.answers) > ANSWERS_KEPT:
            del self.answers[next(iter(self.answers))]


class BuiltinSegmenter:
    """Finds the object under clicks, in a box or beside a mask.

    The network looks at the whole picture first and then, where the object is smaller, at the
    object with its surroundings. A first click is answered with up to three masks. Every further
    click is answered with a single one that goes on from the mask so far. Clicks hold whatever
    the network says.
    """

    name: str = "builtin"

    def __init__(self, predictor: ClickPredictor | None = None) -> None:
        self._predictor = shipped_predictor() if predictor is None else predictor
        self._seen: weakref.WeakKeyDictionary[Frame, _Seen] = weakref.WeakKeyDictionary()

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        """Segment one object.

        Args:
            frame: The picture; what the network sees in it is kept for the last few frames.
            prompts: Clicks, box or mask in source pixels.
            previous: The object's matte before the newest prompt, float32 (H, W) at display size.
                One in which every click holds is the result. One that came from here is answered
                anew with all clicks; any other changes only in the places that clicks point at.
                A painted mask goes before it.

        Returns:
            The candidates: up to three for a first click alone, else one. A score is the IoU to
            be expected, at most 0.7 after a single click or box.

        Raises:
            InputError: Prompts that cannot be used on this frame.
        """
        has_mask = previous is not None and bool((previous > 0.5).any())
        prompts.check(frame.width, frame.height, f"frame {frame.index}", has_mask=has_mask)
        clicks = Clicks.of(prompts.positive, prompts.negative)
        seen = self._look_up(frame)
        base = _base(prompts, previous)
        if base is not None:
            return self._corrected(frame, seen, prompts, clicks, base)
        opinions = self._begun(frame, seen, clicks, prompts.box)
        if len(clicks.signs) > (prompts.box is None):
            opinions = [self._next(frame, seen, clicks, prompts.box, opinions[0])]
        is_confirmed = len(clicks.signs) + (prompts.box is not None) > 1
        limit = 1.0 if is_confirmed else UNCONFIRMED_SCORE
        mattes: list[Matte] = []
        scores: list[float] = []
        for opinion in opinions:
            matte = finished(frame, opinion, clicks, prompts.box)
            if all(_iou(matte > 0.5, other > 0.5) < SAME_IOU for other in mattes):
                seen.remember(matte, opinion)
                mattes.append(matte)
                # The network's word ranks them best, its stability says what they are worth.
                scores.append(min([limit, opinion.score, *scores]))
        return Segmentation(mattes=tuple(mattes), scores=tuple(scores))

    def _corrected(
        self, frame: Frame, seen: _Seen, prompts: Prompts, clicks: Clicks, base: Matte
    ) -> Segmentation:
        """A matte that clicks correct."""
        inside = base > 0.5
        wrong = ~clicks.holding(inside)
        own = None if prompts.mask is not None else seen.answers.get(_digest(base))
        if not wrong.any():
            kept = KEPT_SCORE if own is None else own.score
            score = GIVEN_SCORE if prompts.mask is not None else kept
            return Segmentation(mattes=(base,), scores=(score,))
        if own is not None:
            opinion = self._next(frame, seen, clicks, prompts.box, own)
            matte = finished(frame, opinion, clicks, prompts.box)
            seen.remember(matte, opinion)
        else:
            opinion = self._next(frame, seen, clicks, prompts.box, Opinion.of(base))
            matte = finished(frame, opinion, clicks, None)
            matte = _changed_at(clicks.pixels()[wrong], base, matte)
        return Segmentation(mattes=(matte,), scores=(opinion.score,))

    def _begun(self, frame: Frame, seen: _Seen, clicks: Clicks, box: Boxed | None) -> list[Opinion]:
        """Answers to a box, or to the first click alone, best first."""
        if box is not None:
            around = extent(None, NO_CLICKS, box).clipped(frame.width, frame.height)
            look = self._look_at(frame, seen, around)
            rough = self._predictor.ask(look, NO_CLICKS, box, None)[0]
            # A second answer, with the first in mind, is a little better.
            return [self._predictor.ask(look, NO_CLICKS, box, rough.seen_from(look))[0]]
        first = Clicks(clicks.points[:1], clicks.signs[:1])
        whole = self._look_at(frame, seen, Box(0, 0, frame.width, frame.height))
        meant = self._predictor.ask(whole, first, None, None)
        meant.sort(key=lambda opinion: -opinion.quality)
        distinct: list[Opinion] = []
        for opinion in meant:
            mask = opinion.logits > 0
            if all(_iou(mask, other.logits > 0) < SAME_IOU for other in distinct):
                distinct.append(opinion)
        closer = [self._next(frame, seen, first, None, each) for each in distinct[:CANDIDATES]]
        return sorted(closer, key=lambda opinion: -opinion.quality)

    def _next(
        self, frame: Frame, seen: _Seen, clicks: Clicks, box: Boxed | None, before: Opinion
    ) -> Opinion:
        """The answer to all clicks from close by, with an earlier answer in mind."""
        look = self._look_at(frame, seen, extent(before, clicks, box))
        return self._predictor.ask(look, clicks, box, before.seen_from(look))[0]

    def _look_at(self, frame: Frame, seen: _Seen, around: Box) -> Look:
        """A part of the frame with its surroundings; one that was looked at before may do."""
        around = around.clipped(frame.width, frame.height)
        wanted = surroundings(around, frame.width, frame.height)
        for look in seen.looks:
            if serves(look.region, around, wanted):
                return look
        look = self._predictor.look(frame, wanted)
        seen.looks.append(look)
        while len(seen.looks) > LOOKS_KEPT:
            del seen.looks[1]  # the first one shows most
        return look

    def _look_up(self, frame: Frame) -> _Seen:
        seen = self._seen.pop(frame, None)
        if seen is None:
            while len(self._seen) >= FRAMES_KEPT:
                del self._seen[next(iter(self._seen))]
            seen = _Seen()
        self._seen[frame] = seen  # now the one that is kept longest
        return seen


def _base(prompts: Prompts, previous: Matte | None) -> Matte | None:
    """What the clicks correct: the painted mask, else the matte so far, else nothing.

    A box that the matte so far does not keep to was drawn after it and begins anew.
    """
    if prompts.mask is not None:
        return prompts.mask.astype(np.float32)
    if previous is None or not (previous > 0.5).any():
        return None
    if prompts.box is not None:
        if not (prompts.positive or prompts.negative):
            return None
        rows, columns = previous.shape
        x0, x1 = np.clip(prompts.box[0::2], 0, columns)
        y0, y1 = np.clip(prompts.box[1::2], 0, rows)
        inside = previous[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
        if float(inside.sum()) < KEPT_IN_BOX * float(previous.sum()):
            return None
    return previous.astype(np.float32, copy=True)


def _changed_at(places: NDArray[np.int64], base: Matte, matte: Matte) -> Matte:
    """A matte with another one put in where they differ at some pixels, (n, 2) x and y."""
    before, after = base > 0.5, matte > 0.5
    differs, _ = ndimage.label(before != after)
    x, y = places.T
    touched = np.unique(differs[y, x])
    changed = np.isin(differs, touched[touched > 0])
    rows, columns = changed.shape
    soft_px = max(SOFT_PX, round(SOFT_FRAC * min(rows, columns)))
    box = box_of(changed).grown(soft_px).clipped(columns, rows).slices
    result = base.copy()
    result[box] = _put_in(base[box], matte[box], changed[box], soft_px)
    return result


def _put_in(base: Matte, matte: Matte, changed: Mask, soft_px: int) -> Matte:
    """A matte with another one where it changed, and nothing left of the soft edge that was there.

    A soft pixel belongs to the nearest pixel on the other side of its edge: where that one
    changed, the edge is another one now, and the pixel as far from it as either matte says.
    """
    before, after = base > 0.5, matte > 0.5
    result = np.where(changed, matte, base)
    for inside, farther in ((True, np.maximum), (False, np.minimum)):
        is_across = changed | (before != inside)
        if not is_across.any():
            continue
        away, nearest = ndimage.distance_transform_edt(~is_across, return_indices=True)
        own = changed[nearest[0], nearest[1]] & (before == inside) & (after == inside)
        result = np.where(own & (away <= soft_px), farther(base, matte), result)
        result = np.where(own & (away <= EDGE_PX), matte, result)
    return result


def _iou(a: Mask, b: Mask) -> float:
    return int(np.count_nonzero(a & b)) / max(int(np.count_nonzero(a | b)), 1)


def _digest(matte: Matte) -> bytes:
    return hashlib.blake2b(np.packbits(matte > 0.5).tobytes(), digest_size=16).digest()
