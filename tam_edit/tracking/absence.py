"""Where an object went that is no longer in the picture: out through the border, or who knows."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from tam_edit.types import Box

# Sightings that are looked back at: a slow object takes some frames to get out.
SIGHTINGS_KEPT = 12
NEAR_BORDER_FRAC = 0.02  # of the short side
SHRUNK_TO = 0.8  # of the farthest that it reached into the picture in these sightings
GRADUAL_SHARE = 0.3  # of that shrinking happened in other steps than the largest
AHEAD_FRAMES = 1.5  # how far the last movement is carried on


class Absence(StrEnum):
    """How an object came to be absent."""

    NONE = ""
    """It is in the picture."""
    LEFT = "left"
    """It went out through the picture's border."""
    VANISHED = "vanished"
    """It was last seen inside the picture."""
    CUT = "cut"
    """It was not found after a cut."""
    SAID = "said"
    """A person gave an empty mask."""


class Sighting(NamedTuple):
    """Where an object was seen, in pixels at tracking size, and how sure that was, in [0, 1]."""

    box: Box
    score: float


def went_out(sightings: Sequence[Sighting], width: int, height: int) -> bool:
    """Whether an object's last sightings lead out of the picture.

    They do where the last one lies at the picture's border and the object reached into the
    picture less and less: not in a single step, which is how a mask breaks down. They do as well
    where its last movement, carried on, takes all of it across the border.

    Args:
        sightings: The last ones, in order; the object was not seen since.
        width: Columns of the picture.
        height: Rows of the picture.
    """
    if len(sightings) < 2:
        return False
    margin = max(2.0, NEAR_BORDER_FRAC * min(width, height))
    borders = [_to_borders(sighting.box, width, height) for sighting in sightings]
    gaps, reaches = zip(*borders, strict=True)
    for side in range(4):
        gap, reach = [g[side] for g in gaps], [r[side] for r in reaches]
        steps = [max(0, old - new) for old, new in pairwise(reach)]
        is_gradual = sum(steps) - max(steps) >= GRADUAL_SHARE * sum(steps)
        if gap[-1] <= margin and reach[-1] <= SHRUNK_TO * max(reach) and is_gradual:
            return True
        # Both of its edges have moved: it is the object that moves, not the mask that shrinks.
        speed = min(reach[-2] - reach[-1], gap[-2] - gap[-1])
        if speed > 0 and reach[-1] <= AHEAD_FRAMES * speed:
            return True
    return False


def _to_borders(
    box: Box, width: int, height: int
) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int]]:
    """From each border (left, top, right, bottom) to the box's nearest and to its farthest edge."""
    gaps = (box.x0, box.y0, width - box.x1, height - box.y1)
    reaches = (box.x1, box.y1, width - box.x0, height - box.y0)
    return gaps, reaches
