"""Blur everything but the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import cv2
import numpy as np

from tam_edit.effect import Layer
from tam_edit.frame import Frame
from tam_edit.parameters import parameter
from tam_edit.types import Box, Image, Matte, box_of

from ._cutout import Cutout, ForegroundEffect, before, cutout
from ._lens import lens_means
from ._means import SMALL_SIGMA_PX, gaussian_means, smoothed

# 16 pixels at 1080 rows: the look of a fast lens.
SIGMA_SHARE = 0.015


@dataclass(frozen=True, kw_only=True)
class BackgroundBlur(ForegroundEffect):
    """Blur everything but the object, without a glow of the object's colours around it.

    The blur runs over background pixels only, a large one on a reduced picture. The object's soft
    pixels are mixed anew from its own colour and the blurred background.
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
        doc="Standard deviation of the blur, half of the radius of a lens's disc; left out, it "
        "follows the frame's size.",
    )
    look: Literal["gaussian", "lens"] = parameter(
        "gaussian",
        kind="choice",
        choices=("gaussian", "lens"),
        doc="gaussian is even and soft; lens spreads every point of light over a disc, as a camera "
        "that is focused on the object does, and takes longer.",
    )
    blades: int = parameter(
        0,
        kind="whole",
        at_least=0,
        at_most=16,
        doc="Blades of the lens's aperture: its discs have as many sides; below 3 they are round.",
    )
    highlight_stops: float = parameter(
        1.0,
        kind="number",
        at_least=0.0,
        at_most=6.0,
        doc="With the lens look: how much brighter than white clipped lights are taken to have "
        "been, in stops; more makes their discs stand out, 0 takes them as they are.",
    )

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """Blur the whole background."""
        share = self.strength * SIGMA_SHARE * min(frame.width, frame.height)
        sigma_px = self.sigma_px if self.sigma_px is not None else max(0.5, share)
        box = box_of(matte)
        found = cutout(frame, matte, self)
        is_large = sigma_px >= 2 * SMALL_SIGMA_PX
        if self.look == "gaussian" and is_large:
            image = _reduced_means(frame, matte, sigma_px)[box.slices]
            return before(image, box, found, matte, frame)
        behind = _behind(frame, box, found)
        if self.look == "gaussian":
            image = gaussian_means(behind, matte[box.slices], sigma_px)
        else:
            image = lens_means(
                behind,
                matte[box.slices],
                radius_px=2 * sigma_px,
                blades=self.blades,
                highlight_stops=self.highlight_stops,
                color=frame.color,
            )
        return before(image, box, found, matte, frame)


def _behind(frame: Frame, box: Box, found: Cutout) -> Image:
    """The picture without the object's share of its soft pixels."""
    rows, columns = np.nonzero(found.is_changed)
    region = frame.region(box)
    if not rows.size:
        return region
    colours = found.background[rows, columns]
    picture = region.copy()
    picture[rows + (found.box.y0 - box.y0), columns + (found.box.x0 - box.x0)] = colours
    return picture


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
