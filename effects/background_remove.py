"""Make everything but the object transparent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from tam_edit.effect import Layer
from tam_edit.frame import Frame
from tam_edit.types import Matte, box_of

from ._cutout import ScreenEffect, cutout


@dataclass(frozen=True, kw_only=True)
class BackgroundRemove(ScreenEffect):
    """Make everything but the object transparent (straight alpha).

    The soft pixels of its edge get the object's own colour, so that nothing of the old background
    shows where it is laid over another. What is fully transparent or fully opaque keeps its
    samples.
    """

    name: ClassVar[str] = "background-remove"
    summary: ClassVar[str] = "Make everything but the object transparent."
    acts_on: ClassVar[Literal["object", "background"]] = "background"
    needs_alpha: ClassVar[bool] = True
    hides: ClassVar[bool] = False

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """Opacity is what the background leaves."""
        if self.foreground == "kept" and self.despill == "none":
            kept = np.float32(1) - matte
            box = box_of(kept)
            return Layer(box=box, coverage=kept[box.slices])
        found = cutout(frame, matte, self)
        if not found.is_changed.any():
            return Layer(box=found.box, coverage=found.kept)
        return Layer(
            box=found.box,
            image=found.image,
            alpha=found.is_changed.astype(np.float32),
            coverage=found.kept,
        )
