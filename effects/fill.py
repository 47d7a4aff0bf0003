"""Cover the object with one colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tam_edit.effect import Edge, Effect, Layer
from tam_edit.frame import Frame
from tam_edit.parameters import parameter, rgb_of
from tam_edit.types import Matte, box_of

from ._pictures import plain_image


@dataclass(frozen=True, kw_only=True)
class Fill(Effect):
    """Cover the object with one colour: the only effect that nothing can be read through."""

    name: ClassVar[str] = "fill"
    summary: ClassVar[str] = "Cover the object with one colour."

    edge: Edge = "cover"
    color: str = parameter("black", kind="color", doc="#rrggbb or a CSS colour name.")

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """One colour over the box around the matte."""
        box = box_of(matte)
        image = plain_image(rgb_of(self.color), box.width, box.height, frame.rgb_dtype)
        return Layer(box=box, image=image, alpha=matte[box.slices])
