"""One decoded picture: its native planes, and RGB as a view that is made when asked for.

A frame keeps what the file held. The planes stay in *coded* orientation and never change; ``rgb``,
``region`` and everything that carries coordinates are in *display* orientation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeVar

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.pixels import MATRIX_RGB, UNSPECIFIED, ColorTags, PixelLayout, Plane
from tam_edit.types import Box, Image, Matte

Array = TypeVar("Array", bound=NDArray[Any])

# Chroma at full resolution on the way in and out, and the same result on every processor.
EXACT = (
    Interpolation.BILINEAR
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
SHRINK = (
    Interpolation.AREA
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
    | Interpolation.FULL_CHR_H_INT
)
# A region converted alone equals the same region of the whole picture when it comes with this
# many chroma samples around it.
CHROMA_MARGIN = 4
# Players take BT.709 for untagged pictures from this height on, BT.601 below.
HD_MIN_HEIGHT = 720


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        planes: The samples as decoded, each (rows, columns), in coded orientation; read-only.
        layout: How the planes are to be read.
        index: 0-based place in display order.
        pts: Presentation time in units of ``time_base``.
        time_base: Seconds per unit, exact.
        duration: How long it is shown, in units of ``time_base``; 0 where the file does not say.
        color: The file's colour tags.
        quarter_turns: How often the coded picture is turned counter-clockwise by 90° for display.
        pixel_aspect: Width of a coded sample divided by its height.
        coverage: Opacity beside the picture, float32 (H, W) in display orientation; None where
            the picture has no transparency but what an alpha plane of its own holds.
    """

    planes: tuple[Plane, ...]
    layout: PixelLayout
    index: int = 0
    pts: int = 0
    time_base: Fraction = Fraction(1, 25)
    duration: int = 0
    color: ColorTags = field(default_factory=ColorTags)
    quarter_turns: int = 0
    pixel_aspect: Fraction = Fraction(1)
    coverage: Matte | None = None

    @classmethod
    def from_rgb(
        cls,
        image: Image,
        *,
        index: int = 0,
        pts: int | None = None,
        time_base: Fraction = Fraction(1, 25),
    ) -> Frame:
        """A frame with RGB planes, for pictures that never were YUV.

        Args:
            image: uint8 or uint16 (H, W, 3) RGB.
            index: 0-based place in display order.
            pts: Presentation time; ``index`` where it is left out.
            time_base: Seconds per unit of ``pts``.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype not in (np.uint8, np.uint16):
            raise InputError(
                f"an image is uint8 or uint16 (H, W, 3), not {image.dtype} {image.shape}"
            )
        layout = PixelLayout.of("gbrp" if image.dtype == np.uint8 else "gbrp16le")
        planes = tuple(_frozen(np.ascontiguousarray(image[..., c])) for c in (1, 2, 0))
        return cls(
            planes=planes,
            layout=layout,
            index=index,
            pts=index if pts is None else pts,
            time_base=time_base,
            color=ColorTags(matrix=MATRIX_RGB, full_range=True),
        )

    @property
    def width(self) -> int:
        """Columns as displayed."""
        return int(self.planes[0].shape[self.quarter_turns % 2 == 0])

    @property
    def height(self) -> int:
        """Rows as displayed."""
        return int(self.planes[0].shape[self.quarter_turns % 2])

    @property
    def time(self) -> Fraction:
        """Seconds since the start of the stream's clock, exact."""
        return self.pts * self.time_base

    @property
    def rgb_dtype(self) -> type[np.uint8 | np.uint16]:
        """uint8 for 8-bit pictures, uint16 with full scale 65535 for deeper ones."""
        return self.layout.dtype

    @cached_property
    def rgb(self) -> Image:
        """The whole picture as RGB in display orientation, (H, W, 3); read-only."""
        return self.region(Box(0, 0, self.width, self.height))

    def region(self, box: Box) -> Image:
        """A part of the picture as RGB, equal to the same part of ``rgb``.

        Args:
            box: In display orientation; the part outside the picture is left out.

        Returns:
            (h, w, 3), uint8 or uint16; read-only.
        """
        box = box.clipped(self.width, self.height)
        if box.is_empty:
            return np.zeros((box.height, box.width, 3), self.rgb_dtype)
        coded = self.to_coded_box(box)
        rows, columns = self.planes[0].shape
        step_x, step_y = self.layout.chroma_step
        whole = Box(0, 0, columns, rows).aligned(step_x, step_y)
        outer = coded.grown(CHROMA_MARGIN * max(step_x, step_y)).aligned(step_x, step_y)
        outer = outer.clipped(whole.x1, whole.y1)
        samples, layout = self._crop(outer), self.layout
        if layout.has_alpha:
            # FFmpeg 8.1 garbles some pixels of 16-bit RGB when it has alpha to leave out.
            opaque = layout.name.replace("yuva", "yuv").replace("gbra", "gbr")
            samples, layout = samples[:-1], PixelLayout.of(opaque)
        part = to_av(samples, layout, self.color)
        # Planar RGB: FFmpeg's packed 16-bit output of 4:2:0 wraps in bright saturated colours, and
        # its packed 8-bit output takes seven times as long for the same values.
        wide = PixelLayout.of("gbrp" if self.rgb_dtype == np.uint8 else "gbrp16le")
        rgb = part.reformat(
            format=wide.name, interpolation=EXACT, threads=1, **_from_tags(self.color, rows)
        )
        inner = Box(
            coded.x0 - outer.x0, coded.y0 - outer.y0, coded.x1 - outer.x0, coded.y1 - outer.y0
        )
        green, blue, red = (plane[inner.slices] for plane in planes_from(rgb, wide))
        image: NDArray[Any] = cv2.merge((red, green, blue))
        return _frozen(np.ascontiguousarray(np.rot90(image, self.quarter_turns)))

    def scaled(self, width: int, height: int) -> NDArray[np.uint8]:
        """The whole picture as 8-bit RGB at another size (area average when it shrinks).

        Args:
            width: Columns in display orientation.
            height: Rows in display orientation.

        Returns:
            uint8 (height, width, 3); read-only. The last size asked for is kept.
        """
        key = (width, height)
        kept: dict[tuple[int, int], NDArray[np.uint8]] = self._scaled
        if key not in kept:
            kept.clear()
            kept[key] = self._scale(width, height)
        return kept[key]

    def _scale(self, width: int, height: int) -> NDArray[np.uint8]:
        rows, columns = self.planes[0].shape
        coded = (height, width) if self.quarter_turns % 2 else (width, height)
        whole = to_av(self.planes, self.layout, self.color)
        method = EXACT if coded[0] >= columns else SHRINK
        small = whole.reformat(
            width=coded[0],
            height=coded[1],
            format="rgb24",
            interpolation=method,
            threads=1,
            **_from_tags(self.color, rows),
        )
        return _frozen(np.ascontiguousarray(np.rot90(small.to_ndarray(), self.quarter_turns)))

    @cached_property
    def _scaled(self) -> dict[tuple[int, int], NDArray[np.uint8]]:
        return {}

    def planes_of(self, image: Image, box: Box) -> tuple[Plane, ...]:
        """An RGB picture of a region in this frame's own planes.

        Args:
            image: (h, w, 3) in display orientation, of the type of ``rgb``.
            box: Where it lies, in display orientation; in coded orientation its corners are
                multiples of ``layout.chroma_step`` (or lie on the picture's border).

        Returns:
            One array per plane but alpha, in coded orientation.
        """
        turned = np.ascontiguousarray(np.rot90(image, -self.quarter_turns))
        coded, step = self.to_coded_box(box), self.layout.chroma_step
        if turned.shape[:2] != (coded.height, coded.width):
            raise InputError(f"an image of {image.shape[1]}x{image.shape[0]} does not fill {box}")
        even = coded.aligned(*step)
        missing = (even.height - coded.height, even.width - coded.width)
        padded: NDArray[Any] = turned
        if any(missing):
            padded = np.pad(turned, ((0, missing[0]), (0, missing[1]), (0, 0)), "edge")
        wide = "rgb24" if self.rgb_dtype == np.uint8 else "rgb48le"
        native = av.VideoFrame.from_ndarray(padded, format=wide).reformat(
            format=self.layout.name,
            interpolation=EXACT,
            threads=1,
            **_to_tags(self.color, self.planes[0].shape[0]),
        )
        planes = planes_from(native, self.layout)
        luma = Box(0, 0, coded.width, coded.height)
        return tuple(
            plane[scaled_box(luma, self.layout.step(i)).slices]
            for i, plane in enumerate(planes)
            if not self.layout.is_alpha(i)
        )

    def to_coded_box(self, box: Box) -> Box:
        """Where a box of the displayed picture lies in the coded planes."""
        rows, columns = self.planes[0].shape
        turns = self.quarter_turns % 4
        if turns == 1:
            return Box(columns - box.y1, box.x0, columns - box.y0, box.x1)
        if turns == 2:
            return Box(columns - box.x1, rows - box.y1, columns - box.x0, rows - box.y0)
        if turns == 3:
            return Box(box.y0, rows - box.x1, box.y1, rows - box.x0)
        return box

    def to_display_box(self, box: Box) -> Box:
        """Where a box of the coded planes lies in the displayed picture."""
        rows, columns = self.planes[0].shape
        turns = self.quarter_turns % 4
        if turns == 1:
            return Box(box.y0, columns - box.x1, box.y1, columns - box.x0)
        if turns == 2:
            return Box(columns - box.x1, rows - box.y1, columns - box.x0, rows - box.y0)
        if turns == 3:
            return Box(rows - box.y1, box.x0, rows - box.y0, box.x1)
        return box

    def opacity(self) -> Matte | None:
        """How opaque each displayed pixel is: ``coverage``, else the alpha plane, else None."""
        if self.coverage is not None or not self.layout.has_alpha:
            return self.coverage
        alpha = self.planes[-1].astype(np.float32) / np.float32(self.layout.max_value)
        return np.ascontiguousarray(np.rot90(alpha, self.quarter_turns))

    def with_planes(self, planes: tuple[Plane, ...]) -> Frame:
        """The same frame with other samples."""
        return replace(self, planes=planes)

    def with_coverage(self, coverage: Matte) -> Frame:
        """The same frame with an opacity beside it."""
        return replace(self, coverage=coverage)

    def to_av(self) -> av.VideoFrame:
        """A new PyAV frame that holds the planes, the timestamp and the colour tags."""
        frame = to_av(self.planes, self.layout, self.color)
        frame.pts = self.pts
        frame.time_base = self.time_base
        frame.duration = self.duration
        return frame

    def _crop(self, coded: Box) -> tuple[Plane, ...]:
        """Samples of an aligned box; where it reaches past an odd border, the edge repeats."""
        planes = []
        for i, plane in enumerate(self.planes):
            part = scaled_box(coded, self.layout.step(i))
            samples = plane[part.slices]
            missing = (part.height - samples.shape[0], part.width - samples.shape[1])
            if any(missing):
                samples = np.pad(samples, ((0, missing[0]), (0, missing[1])), "edge")
            planes.append(samples)
        return tuple(planes)


def scaled_box(coded: Box, step: tuple[int, int]) -> Box:
    """The samples of a subsampled plane that serve the pixels of a coded box."""
    outer = coded.aligned(*step)
    return Box(outer.x0 // step[0], outer.y0 // step[1], outer.x1 // step[0], outer.y1 // step[1])


def to_av(planes: Sequence[Plane], layout: PixelLayout, color: ColorTags) -> av.VideoFrame:
    """Copy planes into a new PyAV frame.

    Args:
        planes: In coded orientation.
        layout: How they are to be read.
        color: Tags for the frame.
    """
    rows, columns = planes[0].shape
    frame = av.VideoFrame(columns, rows, layout.name)
    for plane, samples in zip(frame.planes, planes, strict=True):
        target = np.frombuffer(plane, samples.dtype)  # type: ignore[call-overload]
        target = target.reshape(plane.height, plane.line_size // samples.itemsize)
        target[:, : samples.shape[1]] = samples
    frame.colorspace = color.matrix
    frame.color_primaries = color.primaries
    frame.color_trc = color.transfer
    frame.color_range = _range(color)
    return frame


def planes_from(frame: av.VideoFrame, layout: PixelLayout) -> tuple[Plane, ...]:
    """The planes of a PyAV frame without copying; they keep its memory alive; read-only."""
    planes = []
    for plane in frame.planes:
        samples: Any = np.frombuffer(plane, layout.dtype)  # type: ignore[call-overload]
        samples = samples.reshape(plane.height, plane.line_size // samples.itemsize)
        planes.append(_frozen(samples[:, : plane.width]))
    return tuple(planes)


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def _range(color: ColorTags) -> int:
    if color.full_range is None:
        return int(ColorRange.UNSPECIFIED)
    return int(ColorRange.JPEG if color.full_range else ColorRange.MPEG)


def _matrix(color: ColorTags, full_rows: int) -> int:
    if color.matrix in (MATRIX_RGB, UNSPECIFIED):
        return int(Colorspace.ITU709 if full_rows >= HD_MIN_HEIGHT else Colorspace.ITU601)
    return color.matrix


def _from_tags(color: ColorTags, full_rows: int) -> dict[str, int]:
    return {
        "src_colorspace": _matrix(color, full_rows),
        "src_color_range": _range(color),
        "dst_color_range": int(ColorRange.JPEG),
    }


def _to_tags(color: ColorTags, full_rows: int) -> dict[str, int]:
    return {
        "src_color_range": int(ColorRange.JPEG),
        "dst_colorspace": _matrix(color, full_rows),
        "dst_color_range": _range(color),
    }
