"""What speaks for and against each pixel of a region, and the hand-made sum of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.tracker.flow import Motion, motion_contrast
from tam_edit.types import Box

Float = NDArray[np.float32]

# Chosen for mean J&F on ten DAVIS-2016 sequences; halving or doubling those that were varied moved
# it by about 0.01.
APPEARANCE_WEIGHT = 0.7
PRIOR_SOFTNESS_PX = 2.5
PRIOR_LIMIT = 3.0
PRIOR_FLOOR = 0.3  # what remains of the carried mask's weight where the flow does not hold
MOTION_WEIGHT = 0.4
FAR_COST = 6.0  # log-odds per reach beyond FAR_FREE
FAR_FREE = 0.1
LOOK_BIAS = 1.0  # log-odds against what has nothing but its look for it


@dataclass(frozen=True, eq=False)
class Clues:
    """What speaks for and against each pixel of a region; all float32 (h, w) but the picture.

    Attributes:
        picture: uint8 (h, w, 3) RGB.
        total: The hand-made sum of log-odds, which the refinement corrects.
        appearance: The classifier's log-odds.
        distance: To the outline of the carried mask in pixels, positive inside; 0 where there is
            none.
        trust: In the flow, in [0, 1]; 0 where nothing was carried.
        motion: Log-odds from how the pixels move.
        cost: What lies far from the object costs, not negative.
        reach_px: The side of a square with the object's usual area.
    """

    picture: NDArray[np.uint8]
    total: Float
    appearance: Float
    distance: Float
    trust: Float
    motion: Float
    cost: Float
    reach_px: float

    def at(self, place: tuple[slice, slice]) -> Clues:
        """The clues of a part of the region."""
        return Clues(
            picture=self.picture[place],
            total=self.total[place],
            appearance=self.appearance[place],
            distance=self.distance[place],
            trust=self.trust[place],
            motion=self.motion[place],
            cost=self.cost[place],
            reach_px=self.reach_px,
        )


def clues_of_following(
    picture: NDArray[np.uint8],
    box: Box,
    appearance: Float,
    distance: Float,
    motion: Motion,
    beyond: Float,
    reach_px: float,
) -> Clues:
    """The clues around a mask that was carried here from the previous picture.

    Args:
        picture: The whole one, uint8 (H, W, 3) RGB.
        box: The region.
        appearance: The classifier's log-odds there, float32 (h, w).
        distance: To the outline of the carried mask in pixels, float32 (H, W), positive inside.
        motion: The present picture's.
        beyond: What pixels beyond the object's usual extent cost, float32 (h, w).
        reach_px: The side of a square with the object's usual area.
    """
    near, trust = distance[box.slices], motion.trust[box.slices]
    moves_alike = motion_contrast(motion, distance, box)
    cost = FAR_COST * np.maximum(-near / np.float32(reach_px) - np.float32(FAR_FREE), 0) + beyond
    prior = np.clip(near / PRIOR_SOFTNESS_PX, -PRIOR_LIMIT, PRIOR_LIMIT)
    weight = PRIOR_FLOOR + (1 - PRIOR_FLOOR) * trust
    total = APPEARANCE_WEIGHT * appearance + weight * prior + MOTION_WEIGHT * moves_alike - cost
    return Clues(
        picture=picture[box.slices],
        total=np.asarray(total, np.float32),
        appearance=appearance,
        distance=near,
        trust=trust,
        motion=moves_alike,
        cost=np.asarray(cost, np.float32),
        reach_px=reach_px,
    )


def clues_of_look(
    picture: NDArray[np.uint8], box: Box, appearance: Float, reach_px: float
) -> Clues:
    """The clues where nothing but the look of the pixels is known; arguments as above."""
    none = np.zeros_like(appearance)
    return Clues(
        picture=picture[box.slices],
        total=appearance - np.float32(LOOK_BIAS),
        appearance=appearance,
        distance=none,
        trust=none,
        motion=none,
        cost=none,
        reach_px=reach_px,
    )
