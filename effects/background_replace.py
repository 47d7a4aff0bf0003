"""Put another background behind the object."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Literal

from tam_edit.effect import AssetReader, ClipInfo, ClipReader, Effect, Layer
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.parameters import parameter, rgb_of
from tam_edit.types import Box, Image, Matte

from ._cutout import ScreenEffect, before, cutout, needed_box
from ._light_wrap import lit_box, wrapped
from ._pictures import ALIGNS, BARS, FITS, Align, Bars, Fit, Framing, fitted, plain_image

# 11 pixels at 1080 rows.
WRAP_SHARE = 0.01
# What is no still, whatever it holds.
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mxf"})


@dataclass
class _Plate:
    """The opened still or video of one run, and its last picture as fitted."""

    reader: AssetReader
    start: Fraction
    given: Image | None = None
    shown: Image | None = None


@dataclass(frozen=True, kw_only=True)
class BackgroundReplace(ScreenEffect):
    """Put a colour, a still or a video behind the object.

    The soft pixels of its edge are mixed anew from the object's own colour and the new background.
    """

    name: ClassVar[str] = "background-replace"
    summary: ClassVar[str] = "Put a colour, a still or a video behind the object."
    acts_on: ClassVar[Literal["object", "background"]] = "background"
    alternatives: ClassVar[tuple[str, ...]] = ("color", "image", "video")

    color: str | None = parameter(None, kind="color", doc="#rrggbb or a CSS colour name.")
    image: str | None = parameter(None, kind="path", doc="Path of a still.")
    video: str | None = parameter(None, kind="path", doc="Path of a video.")
    fit: Fit = parameter(  # noqa: RUF009 - stands for dataclasses.field
        "cover",
        kind="choice",
        choices=FITS,
        doc="How a still or video fills the frame: cover crops it, contain adds bars, stretch "
        "warps it, unscaled shows it pixel for pixel, tile does that again and again.",
    )
    align: Align = parameter(  # noqa: RUF009 - stands for dataclasses.field
        "centre",
        kind="choice",
        choices=ALIGNS,
        doc="Where a still or video lies that does not fill the frame, and which part of it stays "
        "where it is cropped.",
    )
    bars: Bars = parameter(  # noqa: RUF009 - stands for dataclasses.field
        "color",
        kind="choice",
        choices=BARS,
        doc="What is seen beside a still or video that does not fill the frame: bar_color, or a "
        "blurred one that does.",
    )
    bar_color: str = parameter("black", kind="color", doc="#rrggbb or a CSS colour name.")
    at_end: Literal["loop", "hold"] = parameter(
        "loop",
        kind="choice",
        choices=("loop", "hold"),
        doc="What a video that is too short does: start again, or hold its last picture.",
    )
    light_wrap: float = parameter(
        0.0,
        kind="number",
        at_least=0.0,
        at_most=1.0,
        doc="How much of the new background's light reaches over the object's edge; 0 is none.",
    )
    light_wrap_px: float | None = parameter(
        None,
        kind="number",
        unit="px",
        at_least=0.5,
        at_most=500.0,
        doc="How far it reaches, as the standard deviation of a Gaussian; left out, 1 % of the "
        "frame's short side.",
    )
    _plate: _Plate | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in self.alternatives if getattr(self, name) is not None]
        if len(given) != 1:
            raise InputError(
                f"{self.name}: give exactly one of color, image and video, "
                f"not {' and '.join(given) or 'none'}"
            )
        if self.image is not None and Path(self.image).suffix.lower() in VIDEO_SUFFIXES:
            raise InputError(
                f"{self.name}: image is {self.image}, which is a video",
                hint="give it as video; image takes a still",
            )
        if self.edge == "cover" and self.light_wrap > 0:
            raise InputError(
                f"{self.name}: light_wrap changes the object, which edge = 'cover' leaves as it is",
                hint="leave out one of the two",
            )

    def assets(self) -> Mapping[str, str]:
        """The still or the video."""
        path = self.image or self.video
        return {"plate": path} if path else {}

    def begin(self, info: ClipInfo, clip: ClipReader) -> Effect:
        """Take the opened still or video."""
        if not self.assets():
            return self
        run = copy.copy(self)
        # The only write to a frozen object: before anyone else has seen the copy.
        object.__setattr__(run, "_plate", _Plate(clip.asset("plate"), info.start))
        return run

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """The new background where the object is not."""
        found = cutout(frame, matte, self)
        if self.light_wrap > 0 and not found.box.is_empty:
            share = WRAP_SHARE * min(frame.width, frame.height)
            sigma_px = self.light_wrap_px if self.light_wrap_px is not None else max(0.5, share)
            outer = lit_box(found, sigma_px, frame.width, frame.height)
            light = self._background(frame, outer)
            found = wrapped(found, light, outer, sigma_px, self.light_wrap)
        box = needed_box(matte, found)
        return before(self._background(frame, box), box, found, matte, frame)

    def _background(self, frame: Frame, box: Box) -> Image:
        if self.color is not None:
            return plain_image(rgb_of(self.color), box.width, box.height, frame.rgb_dtype)
        plate = self._plate
        if plate is None:
            raise InputError(f"{self.name} needs its file opened: call begin() before render()")
        picture = plate.reader.at(self._plate_time(plate, frame.time - plate.start))
        if picture is not plate.given or plate.shown is None:
            plate.given = picture
            framing = Framing(
                fit=self.fit,
                align=self.align,
                bars=self.bars,
                bar_rgb=rgb_of(self.bar_color),
            )
            plate.shown = fitted(picture, frame.width, frame.height, frame.rgb_dtype, framing)
        return plate.shown[box.slices]

    def _plate_time(self, plate: _Plate, elapsed: Fraction) -> Fraction:
        lasts = plate.reader.duration
        if lasts and self.at_end == "loop":
            return elapsed % lasts
        return max(elapsed, Fraction(0))
