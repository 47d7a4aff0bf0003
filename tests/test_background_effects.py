"""Light wrap, despill and the ways a new background fills the frame, each against a closed form."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage

from tam_edit.effect import ClipInfo, apply
from tam_edit.effects import BackgroundRemove, BackgroundReplace
from tam_edit.frame import Frame
from tam_edit.testing.strategies import noise_frame


def square(height: int, width: int, margin: int) -> np.ndarray:
    matte = np.zeros((height, width), np.float32)
    matte[margin:-margin, margin:-margin] = 1
    return matte


def shown(effect, image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    return apply(effect, Frame.from_rgb(image), matte).rgb


@pytest.mark.parametrize("sigma", [1.5, 4.0, 12.0])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_light_wrap_screens_the_background_by_the_blurred_matte(sigma, strength) -> None:
    matte, new = square(140, 150, 45), np.array((40, 220, 120.0))
    image = np.full((140, 150, 3), 60, np.uint8)
    effect = BackgroundReplace(color="#28dc78", light_wrap=strength, light_wrap_px=sigma)
    around = ndimage.gaussian_filter((1 - matte).astype(float), sigma, mode="nearest", truncate=6)
    weight = strength * around[..., None]
    lit = 255 - (255 - 60) * (1 - weight * new / 255)
    expected = np.where(matte[..., None] > 0, lit, new)
    np.testing.assert_allclose(shown(effect, image, matte), expected, atol=2.5 if sigma > 6 else 1)


def test_light_wrap_stays_inside_the_object_and_near_its_edge() -> None:
    matte = square(120, 130, 25)
    image = np.random.default_rng(1).integers(0, 256, (120, 130, 3)).astype(np.uint8)
    plain = shown(BackgroundReplace(color="white"), image, matte)
    wrapped = shown(BackgroundReplace(color="white", light_wrap=1, light_wrap_px=4), image, matte)
    np.testing.assert_array_equal(wrapped[matte == 0], plain[matte == 0])
    deep = ndimage.distance_transform_edt(matte) > 14
    np.testing.assert_array_equal(wrapped[deep], image[deep])
    rim = (matte > 0) & (ndimage.distance_transform_edt(matte) < 2)
    assert wrapped[rim].mean() > plain[rim].mean() + 20
    dark = shown(BackgroundReplace(color="black", light_wrap=1), image, matte)
    np.testing.assert_array_equal(dark[matte > 0], image[matte > 0])


def test_no_light_comes_from_outside_the_frame() -> None:
    matte = np.zeros((60, 80), np.float32)
    matte[:, :50] = 1
    image = np.full((60, 80, 3), 50, np.uint8)
    result = shown(BackgroundReplace(color="white", light_wrap=1, light_wrap_px=3), image, matte)
    np.testing.assert_array_equal(result[:, :30], 50)
    assert (np.ptp(result, axis=0) == 0).all()


@pytest.mark.parametrize(("screen", "channel"), [("green", 1), ("blue", 2)])
@pytest.mark.parametrize("limit", ["average", "max"])
@pytest.mark.parametrize(("dtype", "strength"), [(np.uint8, 1.0), (np.uint8, 0.4), (np.uint16, 1)])
def test_despill_limits_the_screens_colour(screen, channel, limit, dtype, strength) -> None:
    matte = square(40, 50, 8)
    top = np.iinfo(dtype).max
    image = np.random.default_rng(2).integers(0, top, (40, 50, 3), endpoint=True).astype(dtype)
    effect = BackgroundRemove(despill=screen, despill_limit=limit, despill_strength=strength)
    expected = image.astype(float)
    others = np.delete(expected, channel, axis=2)
    allowed = others.mean(axis=2) if limit == "average" else others.max(axis=2)
    spill = np.maximum(expected[..., channel] - allowed, 0) * (matte > 0)
    expected[..., channel] -= strength * spill
    np.testing.assert_allclose(shown(effect, image, matte), expected, atol=1.01)
    behind = BackgroundReplace(
        color="black", despill=screen, despill_limit=limit, despill_strength=strength
    )
    over_black = expected * matte[..., None]
    np.testing.assert_allclose(shown(behind, image, matte), over_black, atol=1.01)


@pytest.mark.parametrize("colour", [(200, 150, 120), (90, 90, 90), (250, 20, 60), (120, 120, 200)])
def test_despill_leaves_colours_without_the_screens_light_alone(colour) -> None:
    image = np.full((30, 30, 3), colour, np.uint8)
    result = shown(BackgroundRemove(despill="green"), image, square(30, 30, 5))
    np.testing.assert_array_equal(result, image)


def test_despill_and_light_wrap_leave_native_samples_that_they_do_not_change() -> None:
    frame, matte = noise_frame("yuv420p", 48, 40, seed=3), square(40, 48, 9)
    rgb = frame.rgb.astype(int)
    is_green = (rgb[..., 1] > rgb[..., [0, 2]].mean(axis=-1)) & (matte > 0)
    result = apply(BackgroundRemove(despill="green"), frame, matte)
    np.testing.assert_array_equal(result.planes[0][~is_green], frame.planes[0][~is_green])


class Still:
    def __init__(self, image: np.ndarray) -> None:
        self.image = image
        self.duration = Fraction(0)

    def at(self, time: Fraction) -> np.ndarray:
        return self.image

    def asset(self, name: str) -> Still:
        return self


def behind(plate: np.ndarray, width: int, height: int, dtype=np.uint8, **settings) -> np.ndarray:
    run = BackgroundReplace(image="drawn.png", **settings).begin(
        ClipInfo(width=width, height=height), Still(plate)
    )
    return shown(run, np.zeros((height, width, 3), dtype), np.zeros((height, width), np.float32))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("align", "x", "y"),
    [
        ("centre", 10, 6),
        ("top", 10, 0),
        ("bottom", 10, 12),
        ("left", 0, 6),
        ("right", 20, 6),
        ("top-left", 0, 0),
        ("top-right", 20, 0),
        ("bottom-left", 0, 12),
        ("bottom-right", 20, 12),
    ],
)
def test_a_small_still_lies_where_it_is_told_and_a_large_one_shows_that_part(align, x, y) -> None:
    plate = noise(8, 10)
    settings = {"fit": "unscaled", "align": align, "bar_color": "#102030"}
    expected = np.zeros((20, 30, 3), np.uint8)
    expected[:] = (0x10, 0x20, 0x30)
    expected[y : y + 8, x : x + 10] = plate
    np.testing.assert_array_equal(behind(plate, 30, 20, **settings), expected)
    large = noise(20, 30)
    part = large[y : y + 8, x : x + 10]
    settings = {"fit": "unscaled", "align": align}
    np.testing.assert_array_equal(behind(large, 10, 8, **settings), part)


@pytest.mark.parametrize("align", ["top-left", "centre", "bottom-right"])
def test_tiles_repeat_a_still_from_where_it_is_aligned(align: str) -> None:
    plate = noise(7, 9)
    result = behind(plate, 40, 29, fit="tile", align=align)
    np.testing.assert_array_equal(result[:-7], result[7:])
    np.testing.assert_array_equal(result[:, :-9], result[:, 9:])
    y, x = {"top-left": (0, 0), "centre": (11, 15), "bottom-right": (22, 31)}[align]
    np.testing.assert_array_equal(result[y : y + 7, x : x + 9], plate)


def test_cover_keeps_the_part_that_it_is_aligned_to() -> None:
    plate = noise(10, 40)
    np.testing.assert_array_equal(behind(plate, 10, 10, fit="cover", align="left"), plate[:, :10])
    right = behind(plate, 10, 10, fit="cover", align="top-right")
    np.testing.assert_array_equal(right, plate[:, 30:])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_blurred_bars_show_the_colours_of_the_picture_and_no_details(dtype) -> None:
    plate = noise(90, 60)
    plate[:, :30] //= 4
    result = behind(plate, 320, 180, dtype, fit="contain", bars="blurred") / np.iinfo(dtype).max
    left, right = result[:, :90], result[:, 230:]
    assert left.mean() == pytest.approx(plate[:, :30].mean() / 255, abs=0.05)
    assert right.mean() == pytest.approx(plate[:, 30:].mean() / 255, abs=0.05)
    assert np.abs(np.diff(left, axis=0)).max() < 0.03
    middle = result[:, 100:220]
    assert np.abs(np.diff(middle, axis=0)).mean() > 0.03
