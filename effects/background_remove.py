"""Make everything but the object transparent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from tam_edit.effect import Effect, Layer
from tam_edit.frame import Frame
from tam_edit.types import Matte, box_of


@dataclass(frozen=True, kw_only=True)
class BackgroundRemove(Effect):
    """Make everything but the object transparent; the picture itself stays (straight alpha)."""

    name: ClassVar[str] = "background-remove"
    summary: ClassVar[str] = "Make everything but the object transparent."
    acts_on: ClassVar[Literal["object", "background"]] = "background"
    needs_alpha: ClassVar[bool] = True

    def render(self, frame: Frame, matte: Matte) -> Layer:  # noqa: ARG002 - the picture stays
        """Opacity is what the background leaves."""
        kept = np.float32(1) - matte
        box = box_of(kept)
        return Layer(box=box, coverage=kept[box.slices])
