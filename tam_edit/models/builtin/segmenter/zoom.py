"""Where to look more closely."""

from __future__ import annotations

import numpy as np

from tam_edit.models.builtin.segmenter.predictor import Opinion
from tam_edit.models.click_points import Clicks
from tam_edit.types import Box, box_of

MARGIN_FRAC = 0.2  # of the object's longer side, on every side
SMALLEST_PX = 48  # sides of what is looked at
WHOLE_FROM = 0.7  # share of the picture from which on all of it is looked at
LOOSEST = 1.8  # a look serves that shows at most so many times the area that is wanted

Boxed = tuple[float, float, float, float]


def extent(opinion: Opinion | None, clicks: Clicks, box: Boxed | None) -> Box:
    """The smallest box around a mask, the clicks and a drawn box, in source pixels."""
    found = []
    if opinion is not None:
        cells = box_of(opinion.logits > 0)
        if not cells.is_empty:
            rows, columns = opinion.logits.shape
            wide, high = opinion.region.width / columns, opinion.region.height / rows
            found.append(
                (
                    opinion.region.x0 + cells.x0 * wide,
                    opinion.region.y0 + cells.y0 * high,
                    opinion.region.x0 + cells.x1 * wide,
                    opinion.region.y0 + cells.y1 * high,
                )
            )
    found += [(x - 0.5, y - 0.5, x + 0.5, y + 0.5) for x, y in clicks.points]
    if box is not None:
        found.append(box)
    sides = np.array(found)
    low, high_ = np.floor(sides[:, :2].min(0)), np.ceil(sides[:, 2:].max(0))
    return Box(int(low[0]), int(low[1]), int(high_[0]), int(high_[1]))


def surroundings(around: Box, width: int, height: int) -> Box:
    """What of a picture is looked at to see an object well."""
    margin = round(MARGIN_FRAC * max(around.width, around.height)) + 1
    wide = around.grown(margin)
    more_x, more_y = (max(0, SMALLEST_PX - side) // 2 for side in (wide.width, wide.height))
    wide = Box(wide.x0 - more_x, wide.y0 - more_y, wide.x1 + more_x, wide.y1 + more_y)
    wide = wide.clipped(width, height)
    if wide.width * wide.height >= WHOLE_FROM * width * height:
        return Box(0, 0, width, height)
    return wide


def serves(region: Box, around: Box, wanted: Box) -> bool:
    """Whether a region that was looked at shows an object well enough.

    Args:
        region: What was looked at.
        around: The object.
        wanted: What would be looked at now.
    """
    holds = (
        region.x0 <= around.x0
        and region.y0 <= around.y0
        and region.x1 >= around.x1
        and region.y1 >= around.y1
    )
    return holds and region.width * region.height <= LOOSEST * wanted.width * wanted.height
