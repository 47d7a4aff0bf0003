"""Masks for removal: they rather cover too much than leave a rim, and do not flicker."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise

import numpy as np

from tam_edit.effect import COVER_THRESHOLD
from tam_edit.export.job import ExportJob
from tam_edit.masks import ops
from tam_edit.types import Mask


class CoverMasks:
    """The masks of all exported objects together, frame by frame in ascending order.

    A pixel that shows a quarter of an object is masked, holes are filled, and the mask takes in
    what is masked on the frames around it, within the shot. What is then left out of a single
    frame is masked too: no pixel is masked, or left out, for one frame alone. On handles nothing
    is masked.

    Args:
        job: What is exported; ``steady_frames`` and ``grow_px`` are used.
    """

    def __init__(self, job: ExportJob) -> None:
        self._job = job
        self._spans = _shots(job)
        self._seen = _Recent(self._object_mask)
        self._joined = _Recent(self._joined_mask)
        # How far from a frame others are looked at, so that no more are kept.
        self._reach = job.options.steady_frames + 1

    def mask(self, index: int) -> Mask:
        """The mask of one frame, bool (H, W) at the picture's size."""
        info = self._job.source.info
        if self._job.is_handle(index):
            return np.zeros((info.height, info.width), bool)
        self._seen.forget_before(index - self._reach)
        self._joined.forget_before(index - 1)
        mask = self._joined.get(index)
        span = self._span_of(index)
        if self._job.options.steady_frames and index - 1 in span and index + 1 in span:
            mask = mask | (self._joined.get(index - 1) & self._joined.get(index + 1))
        return ops.grow(mask, radius_px=self._job.options.grow_px)

    def _joined_mask(self, index: int) -> Mask:
        steady = self._job.options.steady_frames
        span = self._span_of(index)
        near = range(max(span.start, index - steady), min(span.stop, index + steady + 1))
        return _union(self._seen.get(k) for k in near)

    def _object_mask(self, index: int) -> Mask:
        info = self._job.source.info
        mattes = (t.matte(index, info.width, info.height) for t in self._job.tracks.values())
        seen = _union(ops.threshold(matte, at=COVER_THRESHOLD) for matte in mattes)
        return ops.fill_holes(seen)

    def _span_of(self, index: int) -> range:
        starts = [span.start for span in self._spans]
        return self._spans[bisect_right(starts, index) - 1]


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


def _union(masks: Iterable[Mask]) -> Mask:
    return reduce(np.logical_or, masks)


def _shots(job: ExportJob) -> list[range]:
    """The frames of the work, split at cuts: what was masked before one is elsewhere after it."""
    cuts = [cut for cut in job.cuts if job.in_frame < cut < job.out_frame]
    edges = [job.in_frame, *cuts, job.out_frame]
    return [range(a, b) for a, b in pairwise(edges)]
