"""From FFmpeg's decoded picture to a ``Frame``, with a check that the picture is as expected."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from tam_edit.errors import DecodeError, InputError, OpenError
from tam_edit.frame import Frame
from tam_edit.media.hdr import HdrFacts, hdr_of, side_data_of
from tam_edit.media.planar import layout_of, planes_of, tags_of
from tam_edit.pixels import ColorTags, PixelLayout


@dataclass(frozen=True)
class PictureFacts:
    """What all pictures of a video have in common, as its first one shows it.

    Attributes:
        format_name: FFmpeg's name of the decoded pixel format.
        width: Columns as stored.
        height: Rows as stored.
        layout: How the planes are to be read.
        color: Colour tags.
        quarter_turns: Counter-clockwise turns by 90° for display.
        pixel_aspect: Width of a sample divided by its height.
        is_interlaced: Whether the picture is made of two fields.
        hdr: HDR10 metadata.
    """

    format_name: str
    width: int
    height: int
    layout: PixelLayout
    color: ColorTags
    quarter_turns: int
    pixel_aspect: Fraction
    is_interlaced: bool
    hdr: HdrFacts

    @property
    def display_size(self) -> tuple[int, int]:
        """Columns and rows as displayed."""
        size = (self.width, self.height)
        return size[::-1] if self.quarter_turns % 2 else size


def facts_of(
    picture: av.VideoFrame,
    context: av.VideoCodecContext,
    pixel_aspect: Fraction | None,
    name: str,
) -> PictureFacts:
    """Learn from the first picture what the others must be like.

    Args:
        picture: As decoded.
        context: Its decoder.
        pixel_aspect: What the container says, None or 0 where it says nothing.
        name: Of the file, for messages.

    Raises:
        OpenError: The pixel format cannot be held, or the display matrix does more than turn
            the picture by quarters.
    """
    try:
        layout = layout_of(picture.format.name)
    except InputError as error:
        raise OpenError(f"{name} has a pixel format that cannot be edited: {error}") from error
    return PictureFacts(
        format_name=picture.format.name,
        width=picture.width,
        height=picture.height,
        layout=layout,
        color=tags_of(picture, context),
        quarter_turns=_quarter_turns(picture, name),
        pixel_aspect=pixel_aspect or context.sample_aspect_ratio or Fraction(1),
        is_interlaced=picture.interlaced_frame,
        hdr=hdr_of(picture),
    )


def frame_of(
    picture: av.VideoFrame,
    facts: PictureFacts,
    *,
    index: int,
    pts: int,
    time_base: Fraction,
    duration: int,
    name: str,
    remedy: str,
) -> Frame:
    """A decoded picture as a frame.

    Args:
        picture: As decoded.
        facts: What it must be like.
        index: 0-based frame.
        pts: Its timestamp, in units of ``time_base``.
        time_base: Seconds.
        duration: How long it is shown, in the same units.
        name: Of the file, for messages.
        remedy: What to do where it is not like that, as the first part of a hint.

    Raises:
        DecodeError: It has another size or pixel format than the first one.
    """
    found = (picture.format.name, picture.width, picture.height)
    expected = (facts.format_name, facts.width, facts.height)
    if found != expected:
        raise DecodeError(
            f"frame {index} of {name} is {_named(*found)}, but the first is {_named(*expected)}",
            hint=f"{remedy}; or edit only what comes before, with --out {index} or less",
        )
    return Frame(
        planes=planes_of(picture, facts.layout),
        layout=facts.layout,
        index=index,
        pts=pts,
        time_base=time_base,
        duration=duration,
        color=facts.color,
        quarter_turns=facts.quarter_turns,
        pixel_aspect=facts.pixel_aspect,
    )


def _named(format_name: str, width: int, height: int) -> str:
    return f"{width}x{height} {format_name}"


def _quarter_turns(picture: av.VideoFrame, name: str) -> int:
    data = side_data_of(picture).get("DISPLAYMATRIX")
    if data is not None:
        # Upper left 2x2 part: fixed-point sine and cosine; a negative determinant mirrors.
        matrix = np.frombuffer(data, np.int32).reshape(3, 3)[:2, :2].astype(np.float64)
        if np.linalg.det(matrix) < 0:
            raise OpenError(
                f"{name} is to be shown mirrored, which cannot be carried over",
                hint="turn it upright first: ffmpeg -i IN OUT",
            )
    degrees = picture.rotation
    if degrees % 90:
        raise OpenError(
            f"{name} is to be shown turned by {degrees}°, which is no multiple of 90°",
            hint="turn it upright first: ffmpeg -i IN OUT",
        )
    # FFmpeg reports the counter-clockwise angle.
    return degrees // 90 % 4
