"""Blur everything but the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import cv2
import numpy as np

from tam_edit.effect import Effect, Layer
from tam_edit.frame import Frame
from tam_edit.parameters import parameter
from tam_edit.types import Image, Matte, box_of

from ._means import SMALL_SIGMA_PX, gaussian_means, smoothed

# 16 pixels at 1080 rows: the look of a fast lens.
SIGMA_SHARE = 0.015


@dataclass(frozen=True, kw_only=True)
class BackgroundBlur(Effect):
    """Blur everything but the object, without a glow of the object's colours around it.

    The Gaussian runs over background pixels only. A large one runs on a reduced picture, of which
    only pixels without any of the object count.
    """

    name: ClassVar[str] = "background-blur"
    summary: ClassVar[str] = "Blur everything but the object."
    acts_on: ClassVar[Literal["object", "background"]] = "background"

    strength: float = parameter(
        1.0,
        kind="number",
        at_least=0.1,
        at_most=10.0,
        doc="How strongly, where sigma_px is not given: 1 is 1.5 % of the frame's short side.",
    )
    sigma_px: float | None = parameter(
        None,
        kind="number",
        unit="px",
        at_least=0.5,
        at_most=500.0,
        doc="Standard deviation of the Gaussian; left out, it follows the frame's size.",
    )

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """Blur the whole background."""
        share = self.strength * SIGMA_SHARE * min(frame.width, frame.height)
        sigma_px = self.sigma_px if self.sigma_px is not None else max(0.5, share)
        box = box_of(matte)
        if sigma_px < 2 * SMALL_SIGMA_PX:
            image = gaussian_means(frame.region(box), matte[box.slices], sigma_px)
        else:
            image = _reduced_means(frame, matte, sigma_px)[box.slices]
        return Layer(box=box, image=image, alpha=matte[box.slices])


def _reduced_means(frame: Frame, matte: Matte, sigma_px: float) -> Image:
    """As ``gaussian_means`` over the whole frame, from a picture that the decoder's side scaled."""
    step = int(sigma_px / SMALL_SIGMA_PX)
    columns, rows = -(-frame.width // step), -(-frame.height // step)
    share = cv2.resize(matte, (columns, rows), interpolation=cv2.INTER_AREA)
    is_clean = share > 1 - 1e-4
    weight = np.where(is_clean, share, 0) if is_clean.any() else share
    small = frame.scaled(columns, rows).astype(np.float32) * weight[..., None]
    means = smoothed(np.dstack((small, weight)).astype(np.float32), sigma_px, step)
    full_scale = np.iinfo(frame.rgb_dtype).max // 255
    large: Any = cv2.resize(means, (frame.width, frame.height), interpolation=cv2.INTER_LINEAR)
    picture: Image = np.rint(large * np.float32(full_scale)).astype(frame.rgb_dtype)
    return picture
