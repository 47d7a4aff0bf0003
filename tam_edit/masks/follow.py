"""A matte whose edge follows the picture's: from the tracker's few rows to those of the source."""

from __future__ import annotations

import cv2
import numpy as np

from tam_edit.masks.edges import signed_distance
from tam_edit.masks.guided import ColourWindows, Floats
from tam_edit.types import Matte

EPSILON = 3e-5  # variance of colours in [0, 1] below which a window counts as flat
# Windows of the filter, as shares of the reach: the first ones find where the edge is, each drawn
# to full contrast, the last one says how soft it is.
WINDOWS = (1.5, 1.0, 0.5)
JUDGE = 1  # the windows in which the result is judged
LEAST_CONTRAST = 0.2  # between what lies inside and outside; less is not drawn any further apart
# How much of the new matte the colours around must account for: where it is less than the first,
# they say nothing of the object and the old matte stays. Found on clips of fur, of a textured
# object and of a person (benchmarks/matte_edges.py); little depends on it.
TRUSTED = (0.7, 0.95)
# The new matte counts whole up to here from the old edge, as a share of the reach, then less: what
# is found far off is oftener something of the same colour than a part of the object.
WHOLE = 0.375
# A part of the frame that holds the object's windows reaches so far past the object.
ROOM = 2.5


def edge_followed(matte: Matte, picture: Floats, reach_px: float) -> Matte:
    """A soft matte with its edge on the edge of the picture, in a narrow band.

    In the band the matte becomes what the colours around say (guided filter, He, Sun and Tang
    2010), three times, with what lies deeper inside or further outside held at 1 and 0 in between.
    Where the old edge was wrong, one filter leaves a rim of half values, so what it finds is drawn
    to full contrast before the next one. Where object and surroundings have the same colours, the
    old matte stays.

    Args:
        matte: float32 (h, w) in [0, 1], the object with its surroundings.
        picture: float32 (h, w, 3) in [0, 1], the same part of the frame.
        reach_px: How far the edge may move, in or out.

    Returns:
        float32 (h, w) in [0, 1]; the same as before further off.
    """
    away = np.asarray(np.abs(signed_distance(matte)) / reach_px, np.float32)
    band = away <= 1
    if not band.any():
        return matte
    hard = (matte > 0.5).astype(np.float32)
    radii = [max(1, round(width * reach_px)) for width in WINDOWS]
    windows = [ColourWindows(picture, radius, EPSILON) for radius in radii]
    values = matte
    for number, (radius, each) in enumerate(zip(radii, windows, strict=True), start=1):
        found = np.asarray(np.clip(each.smoothed(values), 0, 1), np.float32)
        if number < len(WINDOWS):
            found = _drawn_apart(found, radius)
        values = np.where(band, found, hard)
    share = windows[JUDGE].explained(values, reach_px / 2)
    return blended(matte, values, share, TRUSTED, away)


def blended(
    old: Matte, new: Matte, share: Floats, trusted: tuple[float, float], away: Floats
) -> Matte:
    """The new matte where colours account for it, in the middle of a band; elsewhere the old one.

    Args:
        old: float32 (h, w) in [0, 1].
        new: The same.
        share: float32 (h, w), how much of the new one the colours account for, in [0, 1].
        trusted: From which share on the new one has a say, and from which on all of it.
        away: float32 (h, w), distance from the edge as a share of the band's half width.
    """
    low, high = trusted
    trust = np.clip((share - np.float32(low)) / np.float32(high - low), 0, 1)
    trust *= np.clip((1 - away) / np.float32(1 - WHOLE), 0, 1)
    return np.asarray(old + trust * (new - old), np.float32)


def _drawn_apart(values: Matte, radius: int) -> Matte:
    """Values stretched so that what is high around becomes 1, and what is low becomes 0."""
    size = (2 * radius + 1, 2 * radius + 1)
    ends = []
    for weight in (values**2, (1 - values) ** 2):
        total = np.maximum(cv2.blur(weight, size), np.float32(1e-6))
        ends.append(cv2.blur(values * weight, size) / total)
    high, low = ends
    stretched = (values - low) / np.maximum(high - low, np.float32(LEAST_CONTRAST))
    return np.asarray(np.clip(stretched, 0, 1), np.float32)
