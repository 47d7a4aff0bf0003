"""Where an object is taken out: generously, and kept in little memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tam_edit.effect import COVER_THRESHOLD, object_size_px
from tam_edit.masks import ops
from tam_edit.types import Box, Mask, Matte, box_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Hole:
    """The pixels of a frame that show the object, or might.

    Attributes:
        box: Around all of them; empty where the object is not on the frame.
        mask: bool, of the box's size.
        size: Columns and rows of the frame.
        margin_px: How far it reaches past the object.
    """

    box: Box
    mask: Mask
    size: tuple[int, int]
    margin_px: float

    def within(self, box: Box) -> Mask:
        """The part of it in a box of the frame; bool (h, w)."""
        part = np.zeros((box.height, box.width), bool)
        both = Box(
            max(box.x0, self.box.x0),
            max(box.y0, self.box.y0),
            min(box.x1, self.box.x1),
            min(box.y1, self.box.y1),
        )
        if both.width and both.height:
            here = Box(both.x0 - box.x0, both.y0 - box.y0, both.x1 - box.x0, both.y1 - box.y0)
            own = Box(
                both.x0 - self.box.x0,
                both.y0 - self.box.y0,
                both.x1 - self.box.x0,
                both.y1 - self.box.y0,
            )
            part[here.slices] = self.mask[own.slices]
        return part

    def whole(self) -> Mask:
        """All of the frame; bool (H, W)."""
        return self.within(Box(0, 0, *self.size))


def hole_of(matte: Matte, grow_px: float, grow_frac: float) -> Hole:
    """The hole that an object leaves.

    Args:
        matte: float32 (H, W), 1 where the object is; a quarter of it is enough to belong to it.
        grow_px: How far the hole reaches past the object, in pixels.
        grow_frac: And how much further, as a share of the object's size.
    """
    height, width = matte.shape
    hard = ops.threshold(matte, at=COVER_THRESHOLD)
    box = box_of(hard)
    margin_px = grow_px + grow_frac * object_size_px(matte) if not box.is_empty else 0.0
    box = box.grown(int(np.ceil(margin_px))).clipped(width, height)
    if not hard.any():
        box = Box(0, 0, 0, 0)
    mask = ops.grow(hard[box.slices], radius_px=margin_px)
    return Hole(box=box, mask=mask, size=(width, height), margin_px=margin_px)
