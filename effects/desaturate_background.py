"""Take the colour out of everything but the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import cv2
import numpy as np

from tam_edit.effect import Effect, Layer
from tam_edit.frame import Frame
from tam_edit.parameters import parameter
from tam_edit.types import Matte, box_of

# Shares of red, green and blue in luma: ITU-R BT.709.
LUMA = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True, kw_only=True)
class DesaturateBackground(Effect):
    """Take the colour out of everything but the object, and darken it if wanted."""

    name: ClassVar[str] = "desaturate-background"
    summary: ClassVar[str] = "Take the colour out of everything but the object."
    acts_on: ClassVar[Literal["object", "background"]] = "background"

    amount: float = parameter(
        1.0,
        kind="number",
        at_least=0.0,
        at_most=1.0,
        doc="How much of the colour goes: 0 none, 1 all.",
    )
    dim: float = parameter(
        0.0,
        kind="number",
        at_least=0.0,
        at_most=1.0,
        doc="How much darker the background becomes: 0 as it was, 1 black.",
    )

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """Mix every background pixel with its luma."""
        box = box_of(matte)
        grey = np.tile(LUMA, (3, 1)) * self.amount + np.eye(3) * (1 - self.amount)
        image: Any = cv2.transform(frame.region(box), grey * (1 - self.dim))
        return Layer(box=box, image=image, alpha=matte[box.slices])
