"""Masks for removal: they rather cover too much than leave a rim, and do not flicker."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import pairwise

import numpy as np

from tam_edit.effect import COVER_THRESHOLD
from tam_edit.masks import ops
from tam_edit.types import Mask, Matte


class CoverMasks:
    """The masks of all objects together, frame by frame in ascending order.

    A pixel that shows a quarter of an object is masked, holes are filled, and the mask takes in
    what is masked on the frames around it, within the shot. What is then left out of a single
    frame is masked too: no pixel is masked, or left out, for one frame alone.

    Args:
        matte: Gives the union of the objects on a frame, float32 (H, W); asked for frames of the
            work alone.
        frames: The frames of the work; outside of it nothing is masked.
        size: Columns and rows.
        cuts: First frames of new shots, ascending.
        steady_frames: From how many frames before and after a mask takes in what is masked there;
            0 leaves each frame's mask alone.
        grow_px: How far masks reach past the objects.
    """

    def __init__(
        self,
        matte: Callable[[int], Matte],
        frames: range,
        size: tuple[int, int],
        *,
        cuts: Sequence[int] = (),
        steady_frames: int = 1,
        grow_px: float = 0.0,
    ) -> None:
        self._matte, self._frames, self._size = matte, frames, size
        self._steady, self._grow_px = steady_frames, grow_px
        self._spans = _shots(frames, cuts)
        self._seen = _Recent(self._object_mask)
        self._joined = _Recent(self._joined_mask)

    def mask(self, index: int) -> Mask:
        """The mask of one frame, bool (H, W) at the picture's size."""
        if index not in self._frames:
            return np.zeros(self._size[::-1], bool)
        self._seen.forget_before(index - frames_around(self._steady))
        self._joined.forget_before(index - 1)
        mask = self._joined.get(index)
        span = self._span_of(index)
        if self._steady and index - 1 in span and index + 1 in span:
            mask = mask | (self._joined.get(index - 1) & self._joined.get(index + 1))
        return ops.grow(mask, radius_px=self._grow_px)

    def _joined_mask(self, index: int) -> Mask:
        span = self._span_of(index)
        start, stop = index - self._steady, index + self._steady + 1
        near = range(max(span.start, start), min(span.stop, stop))
        return reduce(np.logical_or, (self._seen.get(k) for k in near))

    def _object_mask(self, index: int) -> Mask:
        return ops.fill_holes(ops.threshold(self._matte(index), at=COVER_THRESHOLD))

    def _span_of(self, index: int) -> range:
        starts = [span.start for span in self._spans]
        return self._spans[bisect_right(starts, index) - 1]


def frames_around(steady_frames: int) -> int:
    """How many frames before and after one its mask hangs on."""
    return steady_frames + 1 if steady_frames else 0


class _Recent:
    """Masks that are made when they are first asked for, and kept for a while."""

    def __init__(self, make: Callable[[int], Mask]) -> None:
        self._make = make
        self._kept: dict[int, Mask] = {}

    def get(self, index: int) -> Mask:
        if index not in self._kept:
            self._kept[index] = self._make(index)
        return self._kept[index]

    def forget_before(self, index: int) -> None:
        self._kept = {k: mask for k, mask in self._kept.items() if k >= index}


def _shots(frames: range, cuts: Iterable[int]) -> list[range]:
    """The frames of the work, split at cuts: what was masked before one is elsewhere after it."""
    inner = [cut for cut in cuts if frames.start < cut < frames.stop]
    edges = [frames.start, *inner, frames.stop]
    return [range(a, b) for a, b in pairwise(edges)]
