"""The part of a matte that is not zero, so that work on it follows the object's size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tam_edit.types import Box, Matte, box_of


class Patch(NamedTuple):
    """A matte that is zero outside a box.

    Attributes:
        box: Where in the frame; ``Box(0, 0, 0, 0)`` where the matte is all zero.
        values: float32 (box.height, box.width) in [0, 1].
    """

    box: Box
    values: Matte

    @classmethod
    def of(cls, matte: Matte, corner: tuple[int, int] = (0, 0)) -> Patch:
        """The patch of a matte.

        Args:
            matte: float32 (H, W) in [0, 1].
            corner: Column and row at which its left upper pixel lies in the frame.
        """
        inner = box_of(matte)
        x, y = corner
        box = Box(inner.x0 + x, inner.y0 + y, inner.x1 + x, inner.y1 + y)
        # A copy, so that the whole matte need not be kept.
        return cls(box if not inner.is_empty else inner, matte[inner.slices].copy())

    @property
    def is_empty(self) -> bool:
        """Whether the matte is zero everywhere."""
        return self.box.is_empty

    def within(self, box: Box) -> Matte:
        """The matte in another box, float32 (box.height, box.width)."""
        values = np.zeros((box.height, box.width), np.float32)
        part = Box(
            max(self.box.x0, box.x0),
            max(self.box.y0, box.y0),
            min(self.box.x1, box.x1),
            min(self.box.y1, box.y1),
        )
        if not part.is_empty:
            here = (
                slice(part.y0 - box.y0, part.y1 - box.y0),
                slice(part.x0 - box.x0, part.x1 - box.x0),
            )
            mine = self.box
            there = (
                slice(part.y0 - mine.y0, part.y1 - mine.y0),
                slice(part.x0 - mine.x0, part.x1 - mine.x0),
            )
            values[here] = self.values[there]
        return values

    def full(self, width: int, height: int) -> Matte:
        """The whole matte, float32 (height, width)."""
        values = np.zeros((height, width), np.float32)
        values[self.box.slices] = self.values
        return values


def united(patches: list[Patch]) -> Patch:
    """The largest value of several mattes at every pixel."""
    seen = [patch for patch in patches if not patch.is_empty]
    if not seen:
        return Patch(Box(0, 0, 0, 0), np.zeros((0, 0), np.float32))
    if len(seen) == 1:
        return seen[0]
    box = Box(
        min(patch.box.x0 for patch in seen),
        min(patch.box.y0 for patch in seen),
        max(patch.box.x1 for patch in seen),
        max(patch.box.y1 for patch in seen),
    )
    values = np.zeros((box.height, box.width), np.float32)
    for patch in seen:
        x, y = patch.box.x0 - box.x0, patch.box.y0 - box.y0
        part = values[y : y + patch.box.height, x : x + patch.box.width]
        np.maximum(part, patch.values, out=part)
    return Patch(box, values)
