"""A matte whose edge follows the picture's: from the tracker's few rows to those of the source."""

from __future__ import annotations

import cv2
import numpy as np

from tam_edit.masks.edges import signed_distance
from tam_edit.masks.guided import Floats, guided_filter
from tam_edit.types import Matte

# Outside of the old edge there is more to be found than inside of it: hair reaches out.
OUTWARD = 1.4
EPSILON = 1e-4  # variance of colours in [0, 1] below which a window counts as flat
# Windows of the filter, as shares of the reach: the first ones find where the edge is, each drawn
# to full contrast, the last one says how soft it is.
WINDOWS = (1.0, 1.0, 0.5)
LEAST_CONTRAST = 0.2  # between what lies inside and outside; less is not drawn any further apart


def edge_followed(matte: Matte, picture: Floats, reach_px: float) -> Matte:
    """A soft matte with its edge on the edge of the picture, in a narrow band.

    In the band the matte becomes what the colours around say (guided filter, He, Sun and Tang
    2010), three times, with what lies deeper inside or further outside held at 1 and 0 in between.
    Where the old edge was wrong, one filter leaves a rim of half values, so what it finds is drawn
    to full contrast before the next one.

    Args:
        matte: float32 (h, w) in [0, 1], the object with its surroundings.
        picture: float32 (h, w, 3) in [0, 1], the same part of the frame.
        reach_px: How far inside of the old edge the new one may run; outside a little further.

    Returns:
        float32 (h, w) in [0, 1]; the same as before further off.
    """
    distance = signed_distance(matte)
    inside, outside = distance < -reach_px, distance > OUTWARD * reach_px
    band = ~(inside | outside)
    if not band.any():
        return matte
    values = matte
    for number, share in enumerate(WINDOWS, start=1):
        radius = max(1, round(share * reach_px))
        found = np.clip(guided_filter(picture, values, radius, EPSILON), 0, 1)
        if number < len(WINDOWS):
            found = _drawn_apart(np.asarray(found, np.float32), radius)
        values = np.where(band, found, (matte > 0.5).astype(np.float32))
    return _faded(np.asarray(values, np.float32), matte, distance, reach_px)


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


def _faded(values: Matte, matte: Matte, distance: Matte, reach_px: float) -> Matte:
    """The new matte in the middle of the band, the old one towards its borders."""
    away = np.where(distance < 0, -distance, distance / np.float32(OUTWARD)) / np.float32(reach_px)
    old = np.clip(4 * away - 3, 0, 1)
    return np.asarray(values + old * (matte - values), np.float32)
