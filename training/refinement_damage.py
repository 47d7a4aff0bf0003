"""Records made worse than the tracker made them: masks from another time, weaker classifiers."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.tracker.clues import (
    APPEARANCE_WEIGHT,
    PRIOR_FLOOR,
    PRIOR_LIMIT,
    PRIOR_SOFTNESS_PX,
    Clues,
)
from tam_edit.models.builtin.tracker.target import APPEARANCE_LIMIT
from training.refinement_records import Record

Float = NDArray[np.float32]

STALE_CHANCE = 0.4
WEAK_CHANCE = 0.5
TINT_CHANCE = 0.75


def damaged(record: Record, rng: np.random.Generator) -> Record:
    """The record, perhaps with a stale mask, a weaker classifier and other colours."""
    clues = record.clues
    is_carried = bool(clues.trust.any())
    if is_carried and rng.random() < STALE_CHANCE:
        clues = _with_stale_mask(clues, rng)
    if rng.random() < WEAK_CHANCE:
        clues = _with_weaker_classifier(clues, rng, APPEARANCE_WEIGHT if is_carried else 1.0)
    if rng.random() < TINT_CHANCE:
        clues = replace(clues, picture=_tinted(clues.picture, rng))
    return replace(record, clues=clues)


def _with_stale_mask(clues: Clues, rng: np.random.Generator) -> Clues:
    """The carried mask a little off, grown, shrunk or lumpy."""
    shift = rng.normal(0, 3, 2).astype(np.float32)
    height, width = clues.distance.shape
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    moved = cv2.warpAffine(clues.distance, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    distance = np.asarray(moved + rng.normal(0, 1.5) + _lumps(clues, rng, 2.5), np.float32)
    weight = PRIOR_FLOOR + (1 - PRIOR_FLOOR) * clues.trust
    change = _prior(distance) - _prior(clues.distance)
    return replace(clues, distance=distance, total=clues.total + weight * change)


def _with_weaker_classifier(clues: Clues, rng: np.random.Generator, counts: float) -> Clues:
    """Smaller log-odds, wrong in places."""
    appearance = clues.appearance * np.float32(rng.uniform(0.3, 1.1))
    appearance = appearance + _lumps(clues, rng, float(rng.uniform(0, 3)))
    appearance = np.clip(appearance, -APPEARANCE_LIMIT, APPEARANCE_LIMIT)
    change = np.float32(counts) * (appearance - clues.appearance)
    return replace(clues, appearance=appearance, total=clues.total + change)


def _prior(distance: Float) -> Float:
    limited = np.clip(distance / PRIOR_SOFTNESS_PX, -PRIOR_LIMIT, PRIOR_LIMIT)
    return np.asarray(limited, np.float32)


def _lumps(clues: Clues, rng: np.random.Generator, strength: float) -> Float:
    """Smooth noise with this standard deviation, on a random scale."""
    height, width = clues.total.shape
    cells = rng.standard_normal(
        (max(2, height // int(rng.integers(10, 50))), max(2, width // int(rng.integers(10, 50))))
    )
    smooth = cv2.resize(cells.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth * np.float32(strength), np.float32)


def _tinted(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Other brightness, contrast and colours; at times other hues altogether, or none."""
    levels = picture.astype(np.float32)[..., rng.permutation(3)]
    if rng.random() < 0.15:
        levels = np.repeat(levels.mean(2, keepdims=True), 3, axis=2)
    if rng.random() < 0.15:
        levels = 255 - levels
    gain = np.exp(rng.normal(0, 0.2, 3)) * np.exp(rng.normal(0, 0.3))
    shift = rng.normal(0, 12, 3) + rng.normal(0, 20)
    changed = (levels - 128) * gain.astype(np.float32) + 128 + shift
    return np.asarray(np.clip(np.rint(changed), 0, 255), np.uint8)
