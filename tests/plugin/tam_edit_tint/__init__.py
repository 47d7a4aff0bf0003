"""An effect and a preset that tam-edit finds once this package is installed."""

from dataclasses import dataclass
from importlib.resources import files
from typing import ClassVar

import numpy as np

from tam_edit.effect import Edge, Effect, Layer
from tam_edit.frame import Frame
from tam_edit.parameters import parameter, rgb_of
from tam_edit.types import Matte, box_of

TINT_OBJECT = files(__name__) / "tint-object.toml"


@dataclass(frozen=True, kw_only=True)
class Tint(Effect):
    """Lay a colour over the object that what is below still shows through."""

    name: ClassVar[str] = "tint"
    summary: ClassVar[str] = "Lay a transparent colour over the object."

    edge: Edge = "soft"
    color: str = parameter("orange", kind="color", doc="#rrggbb or a CSS colour name.")
    strength: float = parameter(
        0.5, kind="number", at_least=0, at_most=1, doc="How strongly; 1 hides what is below."
    )

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """The colour over the box around the matte, as opaque as it is strong."""
        box = box_of(matte)
        most = np.iinfo(frame.rgb_dtype).max
        color = np.array(rgb_of(self.color), np.float64) / 255 * most
        image = np.empty((box.height, box.width, 3), frame.rgb_dtype)
        image[:] = np.rint(color)
        return Layer(box=box, image=image, alpha=matte[box.slices] * np.float32(self.strength))
