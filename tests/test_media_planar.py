"""Packed, semi-planar, big-endian and floating-point pictures become planes without loss."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.media.planar import layout_of, planes_of
from tam_edit.pixels import PixelLayout

WIDTH, HEIGHT = 36, 10


def filled(name: str, planes: list[NDArray[Any]]) -> av.VideoFrame:
    """A picture whose planes hold the given rows of bytes."""
    picture = av.VideoFrame(WIDTH, HEIGHT, name)
    for plane, rows in zip(picture.planes, planes, strict=True):
        raw = rows.reshape(plane.height, -1).view(np.uint8)
        padded = np.zeros((plane.height, plane.line_size), np.uint8)
        padded[:, : raw.shape[1]] = raw
        plane.update(padded.tobytes())
    return picture


def random(shape: tuple[int, ...], top: int, dtype: str = "u1") -> NDArray[Any]:
    return np.random.default_rng(7).integers(0, top + 1, shape).astype(dtype)


def check(picture: av.VideoFrame, expected_name: str, expected: list[NDArray[Any]]) -> None:
    layout = layout_of(picture.format.name)
    assert layout.name == expected_name
    planes = planes_of(picture, layout)
    assert len(planes) == len(expected) == layout.plane_count
    for plane, wanted in zip(planes, expected, strict=True):
        assert plane.dtype == layout.dtype
        assert not plane.flags.writeable
        np.testing.assert_array_equal(plane, wanted)


@pytest.mark.parametrize(
    ("name", "planar", "dtype", "shift"),
    [
        ("nv12", "yuv420p", "u1", 0),
        ("p010le", "yuv420p10le", "<u2", 6),
        ("p010be", "yuv420p10le", ">u2", 6),
        ("p016le", "yuv420p16le", "<u2", 0),
    ],
)
def test_semi_planar(name: str, planar: str, dtype: str, shift: int) -> None:
    top = PixelLayout.of(planar).max_value
    luma = random((HEIGHT, WIDTH), top, "u2")
    chroma = random((HEIGHT // 2, WIDTH // 2, 2), top, "u2")
    stored = [(part << shift).astype(dtype) for part in (luma, chroma)]
    check(filled(name, stored), planar, [luma, chroma[..., 0], chroma[..., 1]])


@pytest.mark.parametrize(
    ("name", "order"),
    [("rgb24", "RGB"), ("bgr24", "BGR"), ("rgba", "RGBA"), ("bgra", "BGRA"), ("argb", "ARGB")]
    + [("abgr", "ABGR"), ("bgr0", "BGR0"), ("0rgb", "0RGB")],
)
def test_packed_rgb(name: str, order: str) -> None:
    pixels = random((HEIGHT, WIDTH, len(order)), 255)
    wanted = [pixels[..., order.index(c)] for c in "GBRA" if c in order]
    check(filled(name, [pixels]), "gbrap" if "A" in order else "gbrp", wanted)


@pytest.mark.parametrize("name", ["rgb48le", "rgb48be", "bgr48be", "rgba64le", "rgba64be"])
def test_packed_deep_rgb(name: str) -> None:
    order = "".join(c for c in name.upper() if c in "RGBA")[: 4 if "a" in name else 3]
    order = "BGR" if name.startswith("bgr") else order
    pixels = random((HEIGHT, WIDTH, len(order)), 65535, "u2")
    stored = pixels.astype(">u2" if name.endswith("be") else "<u2")
    wanted = [pixels[..., order.index(c)] for c in "GBRA" if c in order]
    check(filled(name, [stored]), "gbrap16le" if "A" in order else "gbrp16le", wanted)


@pytest.mark.parametrize(("name", "order"), [("yuyv422", "YUYV"), ("uyvy422", "UYVY")])
def test_packed_yuv(name: str, order: str) -> None:
    words = random((HEIGHT, WIDTH // 2, 4), 255)
    luma = words[..., [k for k in range(4) if order[k] == "Y"]].reshape(HEIGHT, WIDTH)
    chroma = [words[..., order.index(c)] for c in "UV"]
    check(filled(name, [words]), "yuv422p", [luma, *chroma])


@pytest.mark.parametrize("name", ["gray16be", "gray10be", "yuv422p10be", "gbrp12be"])
def test_big_endian(name: str) -> None:
    layout = PixelLayout.of(name.replace("be", "le"))
    shapes = [(HEIGHT, WIDTH // layout.step(k)[0]) for k in range(layout.plane_count)]
    planes = [random(shape, layout.max_value, "u2") for shape in shapes]
    check(filled(name, [plane.astype(">u2") for plane in planes]), layout.name, planes)


def test_grey_with_alpha() -> None:
    pairs = random((HEIGHT, WIDTH, 2), 255)
    grey, alpha = pairs[..., 0], pairs[..., 1]
    check(filled("ya8", [pairs]), "gbrap", [grey, grey, grey, alpha])
    deep = random((HEIGHT, WIDTH, 2), 65535, "u2")
    grey, alpha = deep[..., 0], deep[..., 1]
    check(filled("ya16be", [deep.astype(">u2")]), "gbrap16le", [grey, grey, grey, alpha])


def test_old_full_range_names() -> None:
    luma, chroma = random((HEIGHT, WIDTH), 255), random((HEIGHT // 2, WIDTH // 2), 255)
    check(filled("yuvj420p", [luma, chroma, chroma]), "yuv420p", [luma, chroma, chroma])


@pytest.mark.parametrize("name", ["gbrpf32le", "gbrapf32le", "grayf32le"])
def test_float_is_clipped_to_16_bits(name: str) -> None:
    count = len(av.VideoFormat(name).components)
    light = np.random.default_rng(3).uniform(-0.5, 1.5, (count, HEIGHT, WIDTH)).astype(np.float32)
    light[:, 0, :3] = np.nan, np.inf, -np.inf
    wanted = np.rint(np.nan_to_num(light, nan=0, posinf=1, neginf=0).clip(0, 1) * 65535.0)
    layout = layout_of(name)
    planes = planes_of(filled(name, list(light)), layout)
    for plane, exact in zip(planes, wanted, strict=True):
        assert plane.dtype == np.uint16
        assert np.abs(plane.astype(int) - exact).max() <= 1
    assert planes[0][0, :3].tolist() == [0, 65535, 0]


@pytest.mark.parametrize("name", ["xyz12le", "bayer_rggb8", "rgbf32le"])
def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        layout_of(name)
