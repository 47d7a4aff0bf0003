"""Put another background behind the object."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, Literal

from tam_edit.effect import AssetReader, ClipInfo, ClipReader, Effect, Layer
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.parameters import parameter, rgb_of
from tam_edit.types import Box, Image, Matte, box_of

from ._pictures import FITS, Fit, fitted, plain_image


@dataclass
class _Plate:
    """The opened still or video of one run, and its last picture as fitted."""

    reader: AssetReader
    start: Fraction
    given: Image | None = None
    shown: Image | None = None


@dataclass(frozen=True, kw_only=True)
class BackgroundReplace(Effect):
    """Put a colour, a still or a video behind the object."""

    name: ClassVar[str] = "background-replace"
    summary: ClassVar[str] = "Put a colour, a still or a video behind the object."
    acts_on: ClassVar[Literal["object", "background"]] = "background"

    color: str | None = parameter(None, kind="color", doc="#rrggbb or a CSS colour name.")
    image: str | None = parameter(None, kind="path", doc="Path of a still.")
    video: str | None = parameter(None, kind="path", doc="Path of a video.")
    fit: Fit = parameter(  # noqa: RUF009 - stands for dataclasses.field
        "cover",
        kind="choice",
        choices=FITS,
        doc="cover crops the still or video to fill the frame, contain adds bars, stretch warps.",
    )
    at_end: Literal["loop", "hold"] = parameter(
        "loop",
        kind="choice",
        choices=("loop", "hold"),
        doc="What a video that is too short does: start again, or hold its last picture.",
    )
    _plate: _Plate | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in ("color", "image", "video") if getattr(self, name) is not None]
        if len(given) != 1:
            raise InputError(
                f"{self.name}: give exactly one of color, image and video, "
                f"not {' and '.join(given) or 'none'}"
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
        box = box_of(matte)
        image = self._background(frame, box)
        return Layer(box=box, image=image, alpha=matte[box.slices])

    def _background(self, frame: Frame, box: Box) -> Image:
        if self.color is not None:
            return plain_image(rgb_of(self.color), box.width, box.height, frame.rgb_dtype)
        plate = self._plate
        if plate is None:
            raise InputError(f"{self.name} needs its file opened: call begin() before render()")
        picture = plate.reader.at(self._plate_time(plate, frame.time - plate.start))
        if picture is not plate.given or plate.shown is None:
            plate.given = picture
            plate.shown = fitted(picture, frame.width, frame.height, frame.rgb_dtype, self.fit)
        return plate.shown[box.slices]

    def _plate_time(self, plate: _Plate, elapsed: Fraction) -> Fraction:
        lasts = plate.reader.duration
        if lasts and self.at_end == "loop":
            return elapsed % lasts
        return max(elapsed, Fraction(0))
