"""Blur the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tam_edit.effect import Edge, Effect, Layer, object_size_px
from tam_edit.frame import Frame
from tam_edit.parameters import parameter
from tam_edit.types import Matte, box_of

from ._means import gaussian_means

# A sixth of the object's size leaves of a face or a plate a few blobs of colour.
SIGMA_SHARE = 1 / 6
# Below this, a blur of a tiny object would leave its pixels readable.
MIN_SIGMA_PX = 2.0


@dataclass(frozen=True, kw_only=True)
class Blur(Effect):
    """Blur the object, using nothing but the object's own pixels.

    The Gaussian runs over the pixels under the matte only (normalised convolution, Knutsson and
    Westin, CVPR 1993): the surroundings do not bleed in, and no rim of the object stays sharp.
    """

    name: ClassVar[str] = "blur"
    summary: ClassVar[str] = "Blur the object; how strongly follows from its size."

    edge: Edge = "cover"
    strength: float = parameter(
        1.0,
        kind="number",
        at_least=0.5,
        at_most=4.0,
        doc="How strongly, where sigma_px is not given: 1 is a sigma of a sixth of the object.",
    )
    sigma_px: float | None = parameter(
        None,
        kind="number",
        unit="px",
        at_least=1.0,
        at_most=500.0,
        doc="Standard deviation of the Gaussian; left out, it follows the object's size.",
    )

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """Blur the box around the matte."""
        box = box_of(matte)
        alpha = matte[box.slices]
        return Layer(
            box=box,
            image=gaussian_means(frame.region(box), alpha, self.sigma_for(alpha)),
            alpha=alpha,
        )

    def sigma_for(self, matte: Matte) -> float:
        """The Gaussian's standard deviation in pixels for an object of that shape."""
        if self.sigma_px is not None:
            return self.sigma_px
        return max(MIN_SIGMA_PX, self.strength * SIGMA_SHARE * object_size_px(matte))
