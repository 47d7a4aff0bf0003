"""Draw a line around the object."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import cv2
import numpy as np

from tam_edit.effect import Effect, Layer
from tam_edit.frame import Frame
from tam_edit.parameters import parameter, rgb_of
from tam_edit.types import Mask, Matte, box_of

from ._pictures import plain_image


@dataclass(frozen=True, kw_only=True)
class Outline(Effect):
    """Draw a line of even width along the object's edge; none where it leaves the frame."""

    name: ClassVar[str] = "outline"
    summary: ClassVar[str] = "Draw a line around the object."
    hides: ClassVar[bool] = False

    color: str = parameter("#ffd400", kind="color", doc="#rrggbb or a CSS colour name.")
    width_px: float = parameter(
        4.0, kind="number", unit="px", at_least=0.5, at_most=200.0, doc="Width of the line."
    )
    side: Literal["outside", "centre", "inside"] = parameter(
        "outside",
        kind="choice",
        choices=("outside", "centre", "inside"),
        doc="On which side of the object's edge the line lies.",
    )

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """A line where the distance to the edge is small enough."""
        mask = matte >= np.float32(0.5)
        reach = math.ceil(self.width_px) + 2
        box = box_of(mask).grown(reach).clipped(frame.width, frame.height)
        if not mask.any():
            box = box_of(mask)
        alpha = self._line(mask[box.slices])
        image = plain_image(rgb_of(self.color), box.width, box.height, frame.rgb_dtype)
        return Layer(box=box, image=image, alpha=alpha)

    def _line(self, mask: Mask) -> Matte:
        """How much of each pixel the line covers."""
        if mask.all():
            return np.zeros(mask.shape, np.float32)
        middle = {"outside": 0.5, "centre": 0.0, "inside": -0.5}[self.side] * self.width_px
        # The edge runs midway between an object's pixel and its neighbour.
        # A line that lies on one side alone covers nothing of the other.
        within = np.inf if self.side == "outside" else _distance(~mask) - 0.5
        beyond = np.inf if self.side == "inside" else _distance(mask) - 0.5
        covered = self.width_px / 2 + 0.5 - np.abs(np.where(mask, -within, beyond) - middle)
        return np.clip(covered, 0, min(1.0, self.width_px)).astype(np.float32)


def _distance(mask: Mask) -> Matte:
    away = (~mask).view(np.uint8)
    distance: Any = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return cast("Matte", distance)
