"""The words and conventions that every other module uses.

======================  =======================================================================
thing                   rule
======================  =======================================================================
Image                   ``uint8`` or ``uint16`` (H, W, 3) RGB; treated as read-only
Mask                    ``bool`` (H, W); True is the object
Matte                   ``float32`` (H, W) in [0, 1]; 1 is the object
Point                   ``(x, y)`` in source pixels; the centre of the top-left pixel is (0, 0)
Box                     ``(x0, y0, x1, y1)`` in pixels, half-open
frame index             0-based, in display order; time is ``pts * time_base``, exact
lengths                 carry their unit in the name: ``radius_px``, ``hold_frames``, ``fade_s``;
                        ``_frac`` is a share of the short side
ObjectId                an integer of at least 1, stable for a project's life; 0 is background
======================  =======================================================================

All coordinates are in *display orientation*: what a person sees after the file's rotation.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8 | np.uint16]
Mask: TypeAlias = NDArray[np.bool_]
Matte: TypeAlias = NDArray[np.float32]
Point: TypeAlias = tuple[float, float]
ObjectId: TypeAlias = int


class Box(NamedTuple):
    """A half-open pixel rectangle: columns ``x0 … x1 - 1``, rows ``y0 … y1 - 1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Columns, never negative."""
        return max(0, self.x1 - self.x0)

    @property
    def height(self) -> int:
        """Rows, never negative."""
        return max(0, self.y1 - self.y0)

    @property
    def is_empty(self) -> bool:
        """Whether the box holds no pixel."""
        return self.width == 0 or self.height == 0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices, to index an array with."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def grown(self, margin_px: int) -> Box:
        """The box with ``margin_px`` more pixels on every side."""
        return Box(
            self.x0 - margin_px, self.y0 - margin_px, self.x1 + margin_px, self.y1 + margin_px
        )

    def clipped(self, width: int, height: int) -> Box:
        """The part of the box that lies in a picture of that size (possibly empty)."""
        x0, y0 = min(max(self.x0, 0), width), min(max(self.y0, 0), height)
        return Box(x0, y0, max(x0, min(self.x1, width)), max(y0, min(self.y1, height)))

    def aligned(self, step_x: int, step_y: int) -> Box:
        """The smallest box around this one whose corners are multiples of the steps."""
        return Box(
            self.x0 // step_x * step_x,
            self.y0 // step_y * step_y,
            -(-self.x1 // step_x) * step_x,
            -(-self.y1 // step_y) * step_y,
        )


def box_of(mask: NDArray[np.generic]) -> Box:
    """The smallest box that holds every non-zero element of an (H, W) array.

    Returns:
        The box; ``Box(0, 0, 0, 0)`` where the array holds only zeros.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return Box(0, 0, 0, 0)
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
