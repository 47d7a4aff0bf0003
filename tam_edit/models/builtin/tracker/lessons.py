"""Which pixels an object's classifier learns from, drawn at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.tracker.online import SAMPLES_PER_FRAME, SAMPLES_PER_KEYFRAME
from tam_edit.types import Box

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]

RIVAL_SHARE = 0.5  # of the pixels outside, so many are other objects' where there are such
SURE = 0.85  # a pixel teaches the classifier when its probability is beyond this


def keyframe_rows(matte: Float, near: Box, rivals: Mask | None, rng: np.random.Generator) -> Rows:
    """Pixels of a keyframe: half of them inside; of those outside, most near the object.

    Args:
        matte: float32 (H, W) in [0, 1].
        near: What counts as near, inside the picture.
        rivals: Pixels of other objects, bool (H, W); half of those outside are theirs.
        rng: Draws them.

    Returns:
        Indices into the flattened picture, in random order.
    """
    flat = matte.reshape(-1) > 0.5
    half = SAMPLES_PER_KEYFRAME // 2
    inside = _drawn(np.flatnonzero(flat), half, rng)
    around = np.zeros(matte.shape, bool)
    around[near.slices] = True
    others = _rivals(~flat, rivals, half, rng)
    half -= len(others)
    beside = _drawn(np.flatnonzero(~flat & around.reshape(-1)), 2 * half // 3, rng)
    far = _drawn(np.flatnonzero(~flat), half - len(beside), rng)
    return rng.permutation(np.concatenate([inside, others, beside, far]))


def sure_rows(matte: Float, rivals: Mask | None, rng: np.random.Generator) -> Rows:
    """Pixels of a tracked frame's region whose probability is beyond doubt.

    Args:
        matte: float32 (h, w) in [0, 1], in the region.
        rivals: Pixels of other objects there, bool (h, w).
        rng: Draws them.

    Returns:
        Indices into the flattened region; those inside come first.
    """
    flat = matte.reshape(-1)
    half = SAMPLES_PER_FRAME // 2
    outside = flat < 1 - SURE
    others = _rivals(outside, rivals, half, rng)
    inside = _drawn(np.flatnonzero(flat > SURE), half, rng)
    rest = _drawn(np.flatnonzero(outside), half - len(others), rng)
    return np.concatenate([inside, others, rest])


def _rivals(outside: Mask, rivals: Mask | None, half: int, rng: np.random.Generator) -> Rows:
    """Of the pixels outside, those of other objects, as many as their share allows."""
    if rivals is None:
        return np.zeros(0, np.intp)
    return _drawn(np.flatnonzero(outside & rivals.reshape(-1)), int(RIVAL_SHARE * half), rng)


def _drawn(rows: Rows, count: int, rng: np.random.Generator) -> Rows:
    """At most ``count`` of the rows; where there are fewer, all of them."""
    return rows if len(rows) <= count else rng.choice(rows, count, replace=False)
