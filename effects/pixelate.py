"""Show the object as coarse squares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from tam_edit.effect import Edge, Effect, Layer, object_size_px
from tam_edit.frame import Frame
from tam_edit.parameters import parameter
from tam_edit.types import Matte, box_of

from ._means import block_means

# Blocks of a tiny object would otherwise be its pixels.
MIN_BLOCK_PX = 4


@dataclass(frozen=True, kw_only=True)
class Pixelate(Effect):
    """Show the object as squares, each the mean of the object's pixels in it.

    The grid stands still on the frame, so a moving object does not drag it along. Block sides
    that follow the object's size come in steps (4, 6, 8, 12, 16, 24 …), so that the squares do
    not breathe with it.
    """

    name: ClassVar[str] = "pixelate"
    summary: ClassVar[str] = "Show the object as coarse squares; how coarse follows from its size."

    edge: Edge = "cover"
    blocks: int = parameter(
        8,
        kind="whole",
        at_least=1,
        at_most=16,
        doc="At most so many squares across the object, where block_px is not given.",
    )
    block_px: int | None = parameter(
        None,
        kind="whole",
        unit="px",
        at_least=2,
        at_most=1024,
        doc="Side of a square; left out, it follows the object's size.",
    )

    def grid_px(self, matte: Matte) -> int:
        """The side of a square for an object of that shape."""
        if self.block_px is not None:
            return self.block_px
        wanted = max(float(MIN_BLOCK_PX), object_size_px(matte) / self.blocks)
        power: int = 2 ** math.ceil(math.log2(wanted))
        return power * 3 // 4 if wanted <= power * 3 // 4 else power

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """Average the object's pixels block by block."""
        box = box_of(matte)
        alpha = matte[box.slices]
        block_px = self.grid_px(alpha)
        skip = (box.x0 % block_px, box.y0 % block_px)
        image = block_means(frame.region(box), alpha, block_px, skip)
        return Layer(box=box, image=image, alpha=alpha)
