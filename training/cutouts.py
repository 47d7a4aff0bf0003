"""Objects cut out of their pictures, with soft edges and nothing of their old surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.motions import Float
from training.objects import Picture

Mask = NDArray[np.bool_]
BORDER_PX = 8


@dataclass(frozen=True, eq=False)
class CutOut:
    """An object with soft edges, cut out of a picture.

    Attributes:
        rgb: uint8 (h, w, 3), continued beyond the edge by the object's own colours.
        alpha: float32 (h, w) in [0, 1].
        mask: bool (h, w).
    """

    rgb: NDArray[np.uint8]
    alpha: Float
    mask: Mask

    @property
    def center(self) -> tuple[float, float]:
        """(x, y) of the middle of its mask's box."""
        return self.rgb.shape[1] / 2 - 0.5, self.rgb.shape[0] / 2 - 0.5

    @property
    def reach(self) -> float:
        """The side of a square with its area."""
        return float(np.sqrt(self.mask.sum()))


def cut_out(picture: Picture, number: int, feather: float) -> CutOut:
    """Cut an object out of its picture.

    Args:
        picture: Where it is.
        number: Which of its objects.
        feather: How soft its edge is: standard deviation in pixels.
    """
    whole = picture.objects == number
    rows, columns = np.flatnonzero(whole.any(1)), np.flatnonzero(whole.any(0))
    margin = int(3 * feather) + 3
    box = (
        slice(max(0, rows[0] - margin), rows[-1] + margin + 1),
        slice(max(0, columns[0] - margin), columns[-1] + margin + 1),
    )
    mask, rgb = whole[box], picture.rgb[box].astype(np.float32)
    inside = mask.astype(np.float32)
    # Beyond the edge the object's own colours go on: nothing of its old surroundings comes along.
    window = (4 * margin + 1, 4 * margin + 1)
    weight = cv2.blur(inside, window, borderType=cv2.BORDER_CONSTANT)
    spread = cv2.blur(rgb * inside[..., None], window, borderType=cv2.BORDER_CONSTANT)
    beyond = spread / np.maximum(weight, 1e-3)[..., None]
    core = cv2.erode(inside, np.ones((3, 3), np.uint8), borderValue=1.0)
    edge = np.where(mask[..., None], (rgb + beyond) / 2, beyond)
    colors = np.where(np.asarray(core)[..., None] > 0, rgb, edge)
    alpha = np.clip(cv2.GaussianBlur(inside, (0, 0), feather), 0, 1)
    levels = np.clip(np.rint(colors), 0, 255).astype(np.uint8)
    return CutOut(levels, np.asarray(alpha, np.float32), mask)


def is_cut_off(picture: Picture, number: int) -> bool:
    """Whether the border of its picture cuts an object off, along more than a few pixels."""
    mask = picture.objects == number
    sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return sum(int(side.sum()) for side in sides) > BORDER_PX
