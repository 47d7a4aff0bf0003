"""Decoded pictures as planes: what FFmpeg packs or byte-swaps is spread out without loss."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.frame import EXACT, planes_from
from tam_edit.pixels import MATRIX_RGB, UNSPECIFIED, ColorTags, PixelLayout, Plane

# FFmpeg's old names for full-range YUV; the range is a colour tag here.
FULL_RANGE_PREFIX = "yuvj"
# Depths that planar formats come in; 9 bits exist but nothing packed has them.
DEPTHS = (8, 10, 12, 14, 16)
CHROMA_NAMES = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411"}
GRAY_WITH_ALPHA = ("ya8", "ya16le", "ya16be")


def layout_of(name: str) -> PixelLayout:
    """The planar layout that holds every sample of a decoded format.

    Args:
        name: FFmpeg's name of any pixel format, such as ``"nv12"``.

    Raises:
        InputError: No planar layout of 8 to 16 bits can hold it.
    """
    if name.startswith(FULL_RANGE_PREFIX):
        name = "yuv" + name.removeprefix(FULL_RANGE_PREFIX)
    if _is_float(name):
        return PixelLayout.of(_planar_name(name))
    try:
        return PixelLayout.of(name)
    except InputError:
        return PixelLayout.of(_planar_name(name))


def _planar_name(name: str) -> str:
    fmt = av.VideoFormat(name)
    if name.startswith(("bayer", "xyz")):
        raise InputError(f"{name} is a sensor or cinema format that is not a picture yet")
    has_alpha = fmt.has_palette or any(c.is_alpha for c in fmt.components)
    if _is_float(name):
        if not name.startswith(("gbr", "gray")):
            raise InputError(f"{name} packs floating-point samples in a way that is not read")
        bits = 16
    else:
        deepest = max(c.bits for c in fmt.components)
        bits = next(depth for depth in DEPTHS if depth >= deepest)
    suffix = "" if bits == 8 else f"{bits}le"
    alpha = "a" if has_alpha else ""
    if fmt.is_rgb or fmt.has_palette or name in GRAY_WITH_ALPHA:
        return f"gbr{alpha}p{suffix}"
    if name.startswith(("gray", "mono")):
        return f"gray{suffix}"
    step = (64 // fmt.chroma_width(64), 64 // fmt.chroma_height(64))
    if step not in CHROMA_NAMES:
        raise InputError(f"{name} has a chroma raster that no planar format holds")
    return f"yuv{alpha}{CHROMA_NAMES[step]}p{suffix}"


def planes_of(frame: av.VideoFrame, layout: PixelLayout) -> tuple[Plane, ...]:
    """The samples of a decoded picture in its planar layout, read-only.

    Args:
        frame: As decoded.
        layout: What ``layout_of(frame.format.name)`` gave.

    Returns:
        One array per plane. Samples keep their values; floating-point ones (EXR) are clipped to
        [0, 1] and become 16 bits.
    """
    name = frame.format.name
    if name == layout.name or name.startswith(FULL_RANGE_PREFIX):
        return planes_from(frame, layout)
    if _is_float(name):
        return _quantised(frame)
    if name in GRAY_WITH_ALPHA:
        return _gray_with_alpha(frame)
    if name == "pal8":
        return _looked_up(frame)
    # Same range on both sides: swscale then only moves bytes.
    same = int(ColorRange.JPEG)
    planar = frame.reformat(
        format=layout.name, interpolation=EXACT, src_color_range=same, dst_color_range=same
    )
    return planes_from(planar, layout)


def tags_of(frame: av.VideoFrame, context: av.VideoCodecContext) -> ColorTags:
    """The colour tags of a decoded picture; the decoder's where the picture has none."""

    def stated(of_frame: int, of_context: int) -> int:
        return of_frame if of_frame != UNSPECIFIED else of_context

    name = frame.format.name
    matrix = stated(frame.colorspace, context.colorspace)
    code = frame.color_range or context.color_range
    full_range = None if code not in (1, 2) else code == int(ColorRange.JPEG)
    if name.startswith(FULL_RANGE_PREFIX):
        full_range = True
    if layout_of(name).is_rgb:
        matrix, full_range = MATRIX_RGB, True
    return ColorTags(
        primaries=stated(frame.color_primaries, context.color_primaries),
        transfer=stated(frame.color_trc, context.color_trc),
        matrix=matrix,
        full_range=full_range,
    )


def _is_float(name: str) -> bool:
    return name.endswith(("f32le", "f32be", "f16le", "f16be"))


def _samples(plane: Any, dtype: Any) -> NDArray[Any]:
    return np.frombuffer(plane, dtype).reshape(plane.height, -1)


def _quantised(frame: av.VideoFrame) -> tuple[Plane, ...]:
    name = frame.format.name
    order = ">" if name.endswith("be") else "<"
    dtype = np.dtype(f"{order}f{4 if 'f32' in name else 2}")
    planes: list[Plane] = []
    for plane in frame.planes:
        light = _samples(plane, dtype)[:, : plane.width].astype(np.float32)
        # NaN marks broken render pixels; black is what viewers show.
        light = np.nan_to_num(light, nan=0.0, posinf=1.0, neginf=0.0)
        samples = (np.clip(light, 0, 1) * np.float32(65535) + np.float32(0.5)).astype(np.uint16)
        samples.flags.writeable = False
        planes.append(samples)
    return tuple(planes)


def _looked_up(frame: av.VideoFrame) -> tuple[Plane, ...]:
    indices = _samples(frame.planes[0], np.uint8)[:, : frame.width]
    palette = np.frombuffer(frame.planes[1], np.uint8)[: 4 * 256].reshape(256, 4)  # type: ignore[call-overload]
    # The palette holds B, G, R, A; planes are G, B, R, A.
    planes = tuple(palette[:, k][indices] for k in (1, 0, 2, 3))
    for plane in planes:
        plane.flags.writeable = False
    return planes


def _gray_with_alpha(frame: av.VideoFrame) -> tuple[Plane, ...]:
    name = frame.format.name
    dtype = np.dtype({"ya8": "u1", "ya16le": "<u2", "ya16be": ">u2"}[name])
    pairs = _samples(frame.planes[0], dtype)[:, : 2 * frame.width]
    native = layout_of(name).dtype
    gray: Any = pairs[:, 0::2].astype(native)
    alpha: Any = pairs[:, 1::2].astype(native)
    gray.flags.writeable = alpha.flags.writeable = False
    return gray, gray, gray, alpha
