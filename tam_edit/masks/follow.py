"""A matte whose edge follows the picture's: from the tracker's few rows to those of the source."""

from __future__ import annotations

import numpy as np

from tam_edit.masks.edges import signed_distance
from tam_edit.masks.guided import Floats, guided_filter
from tam_edit.types import Matte

# Outside of the old edge there is more to be found than inside of it: hair reaches out.
OUTWARD = 1.4
EPSILON = 1e-4  # variance of colours in [0, 1] below which a window counts as flat
# Windows of the filter, as shares of the reach: the second draws finer what the first one found.
WINDOWS = (1.0, 0.5)
COARSE_FROM_PX = 6  # from this window on, functions are found on a picture half as large


def edge_followed(matte: Matte, picture: Floats, reach_px: float) -> Matte:
    """A soft matte with its edge on the edge of the picture, in a narrow band.

    In the band the matte becomes what the colours around say (guided filter, He, Sun and Tang
    2010), twice, with what lies deeper inside or further outside held at 1 and 0 in between.

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
    for share in WINDOWS:
        radius = max(1, round(share * reach_px))
        step = 2 if radius >= COARSE_FROM_PX else 1
        found = guided_filter(picture, values, radius, EPSILON, step=step)
        values = np.where(band, np.clip(found, 0, 1), matte)
        values[inside & (matte > 0.5)] = 1
    return _faded(values, matte, distance, reach_px)


def _faded(values: Matte, matte: Matte, distance: Matte, reach_px: float) -> Matte:
    """The new matte in the middle of the band, the old one towards its borders."""
    away = np.where(distance < 0, -distance, distance / np.float32(OUTWARD)) / np.float32(reach_px)
    old = np.clip(4 * away - 3, 0, 1)
    return np.asarray(values + old * (matte - values), np.float32)
