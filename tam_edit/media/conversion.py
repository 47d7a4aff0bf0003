"""From a frame's planes to the picture that an encoder takes; planes that fit pass unchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from tam_edit.frame import EXACT, HD_MIN_HEIGHT, Frame, planes_from, to_av
from tam_edit.media.planar import layout_of
from tam_edit.media.premultiply import premultiplied
from tam_edit.pixels import MATRIX_709, MATRIX_RGB, UNSPECIFIED, ColorTags, PixelLayout, Plane

MATRIX_601 = 6  # SMPTE 170M


class Conversion:
    """Turns frames of one layout into pictures of one pixel format.

    Args:
        layout: Of the frames.
        color: Of the frames.
        target: FFmpeg's name of the encoder's pixel format.
        rows: Height of the coded picture, which decides the matrix for RGB that becomes YUV.
        turns: Counter-clockwise turns by 90° of the samples themselves, for containers that
            cannot say how a picture is to be turned.
        premultiplies: Whether colours fade to black with the alpha that the pictures have.
        is_limited: Whether samples of full range become limited ones, because the format cannot
            say which they are.

    Attributes:
        layout: The planar layout of the pictures (a packed pixel format's planar twin).
        color: The colour tags that the pictures have.
    """

    def __init__(
        self,
        layout: PixelLayout,
        color: ColorTags,
        target: str,
        rows: int,
        turns: int = 0,
        *,
        premultiplies: bool = False,
        is_limited: bool = False,
    ) -> None:
        self._turns = turns
        self._premultiplies = premultiplies
        self._source = layout
        self._target = target
        self.layout = layout_of(target)
        self._source_color = color
        self.color = _tags_after(layout, self.layout, color, rows)
        if is_limited and self.color.full_range:
            self.color = replace(self.color, full_range=False)

    def picture(self, frame: Frame) -> av.VideoFrame:
        """The frame as the encoder takes it, with its alpha; without timestamps."""
        planes = self._recolored(frame)
        if self.layout.has_alpha:
            planes = (*planes[: self.layout.plane_count - 1], self._alpha(frame))
            if self._premultiplies:
                is_full_range = self.color.full_range is True
                planes = premultiplied(planes, self.layout, is_full_range=is_full_range)
        if self._turns:
            planes = tuple(np.rot90(plane, self._turns) for plane in planes)
        picture = to_av(planes, self.layout, self.color)
        if self.layout.name != self._target:
            full = int(ColorRange.JPEG)
            picture = picture.reformat(
                format=self._target,
                interpolation=EXACT,
                src_color_range=full,
                dst_color_range=full,
            )
        return picture

    def _recolored(self, frame: Frame) -> tuple[Plane, ...]:
        source, target = self._source, self.layout
        planes = frame.planes[:-1] if source.has_alpha else frame.planes
        alike = (source.is_rgb, source.plane_count >= 3, source.chroma_step)
        wanted = (target.is_rgb, target.plane_count >= 3, target.chroma_step)
        keeps_range = self._source_color.full_range == self.color.full_range or source.is_rgb
        if alike == wanted and source.bits == target.bits and keeps_range:
            return planes
        if alike == wanted and source.bits < target.bits and not self._is_full_scale:
            # Limited-range code values scale by powers of two, so that nothing is rounded.
            shift = target.bits - source.bits
            return tuple(np.left_shift(plane, shift, dtype=np.uint16) for plane in planes)
        if source.plane_count < 3 and target.plane_count >= 3 and not target.is_rgb and keeps_range:
            return self._gray_as_yuv(planes[0])
        return self._swscaled(planes)

    @property
    def _is_full_scale(self) -> bool:
        return self._source.is_rgb or self._source_color.full_range is True

    def _gray_as_yuv(self, luma: Plane) -> tuple[Plane, ...]:
        rows, columns = luma.shape
        step_x, step_y = self.layout.chroma_step
        shift = self.layout.bits - self._source.bits
        deep: Any = luma.astype(np.uint32)
        if self._is_full_scale:
            top, old_top = self.layout.max_value, self._source.max_value
            deep = (deep * top + old_top // 2) // old_top
        else:
            deep = deep << shift if shift >= 0 else deep >> -shift
        neutral: Any = np.full(
            (-(-rows // step_y), -(-columns // step_x)),
            1 << (self.layout.bits - 1),
            self.layout.dtype,
        )
        return deep.astype(self.layout.dtype), neutral, neutral

    def _swscaled(self, planes: tuple[Plane, ...]) -> tuple[Plane, ...]:
        opaque_source = _without_alpha(self._source)
        opaque_target = _without_alpha(self.layout)
        whole = to_av(planes, opaque_source, self._source_color)
        converted = whole.reformat(
            format=opaque_target.name,
            interpolation=EXACT,
            src_colorspace=_swscale_matrix(self._source_color, self.color),
            dst_colorspace=_swscale_matrix(self.color, self._source_color),
            src_color_range=_swscale_range(self._source_color),
            dst_color_range=_swscale_range(self.color),
        )
        return planes_from(converted, opaque_target)

    def _alpha(self, frame: Frame) -> Plane:
        target = self.layout
        if frame.coverage is None and self._source.has_alpha and self._source.bits == target.bits:
            return frame.planes[-1]
        opacity = frame.opacity()
        if opacity is None:
            opaque: Any = np.full(frame.planes[0].shape, target.max_value, target.dtype)
            return cast("Plane", opaque)
        turned: NDArray[np.float32] = np.rot90(opacity, -frame.quarter_turns)
        scaled = np.clip(turned, 0, 1) * np.float32(target.max_value) + np.float32(0.5)
        alpha: Any = scaled.astype(target.dtype)
        return cast("Plane", alpha)


def _tags_after(source: PixelLayout, target: PixelLayout, color: ColorTags, rows: int) -> ColorTags:
    if source.is_rgb == target.is_rgb:
        return color
    if target.is_rgb:
        return ColorTags(
            primaries=color.primaries,
            transfer=color.transfer,
            matrix=MATRIX_RGB,
            full_range=True,
        )
    # RGB that becomes YUV: limited range, and the matrix that players assume at that size.
    matrix = MATRIX_709 if rows >= HD_MIN_HEIGHT else MATRIX_601
    return ColorTags(
        primaries=color.primaries, transfer=color.transfer, matrix=matrix, full_range=False
    )


def _without_alpha(layout: PixelLayout) -> PixelLayout:
    if not layout.has_alpha:
        return layout
    return PixelLayout.of(layout.name.replace("yuva", "yuv").replace("gbra", "gbr"))


def _swscale_matrix(color: ColorTags, other: ColorTags) -> int:
    matrix = color.matrix if color.matrix not in (MATRIX_RGB, UNSPECIFIED) else other.matrix
    if matrix in (MATRIX_RGB, UNSPECIFIED):
        return int(Colorspace.ITU709)
    return matrix


def _swscale_range(color: ColorTags) -> int:
    return int(ColorRange.JPEG if color.full_range else ColorRange.MPEG)
