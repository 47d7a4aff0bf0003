"""The built-in effects, each against an outside oracle or a closed form."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage

from tam_edit.effect import (
    ClipInfo,
    Effect,
    apply,
    object_size_px,
    prepare_matte,
)
from tam_edit.effects import (
    BackgroundBlur,
    BackgroundRemove,
    BackgroundReplace,
    Blur,
    DesaturateBackground,
    Fill,
    Outline,
    Pixelate,
)
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.testing.strategies import drawn_matte, noise_frame


def smooth_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (3, 3, 0))
    return np.clip(128 + 400 * noise, 0, 255).astype(np.uint8)


def blob(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    inside = ((x - width * 0.45) / (width * 0.3)) ** 2 + ((y - height * 0.5) / (height * 0.4)) ** 2
    return (inside < 1).astype(np.float32)


def shown(effect: Effect, image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    return apply(effect, Frame.from_rgb(image), matte, margin_px=0).rgb


@pytest.mark.parametrize("sigma", [1.0, 2.5, 6.0, 9.5, 20.0, 45.0])
def test_blur_is_scipys_normalised_gaussian(sigma: float) -> None:
    image, matte = smooth_image(150, 170), blob(150, 170)
    weight = matte[..., None].astype(float)
    options = {"sigma": (sigma, sigma, 0), "mode": "constant", "truncate": 6}
    expected = ndimage.gaussian_filter(image * weight, **options)
    expected /= np.maximum(ndimage.gaussian_filter(weight, **options), 1e-12)
    difference = np.abs(shown(Blur(sigma_px=sigma), image, matte) - expected)[matte > 0]
    assert difference.max() < 2.5
    assert difference.mean() < 0.6


def test_blur_of_16_bit_is_as_good() -> None:
    image, matte = smooth_image(90, 90).astype(np.uint16) * 257, blob(90, 90)
    weight = matte[..., None].astype(float)
    expected = ndimage.gaussian_filter(image * weight, (2, 2, 0), mode="constant", truncate=6)
    expected /= np.maximum(ndimage.gaussian_filter(weight, (2, 2, 0), mode="constant"), 1e-9)
    difference = np.abs(shown(Blur(sigma_px=2), image, matte) - expected)[matte > 0]
    assert difference.max() < 0.003 * 65535


def test_blur_follows_the_objects_size() -> None:
    small, large = blob(60, 60), blob(600, 600)
    ratio = Blur().sigma_for(large) / Blur().sigma_for(small)
    assert ratio == pytest.approx(10, rel=0.02)
    assert Blur().sigma_for(large) == pytest.approx(object_size_px(large) / 6)
    assert Blur(strength=2).sigma_for(large) == 2 * Blur().sigma_for(large)
    speck = np.zeros((9, 9), np.float32)
    speck[4, 4] = 1
    assert Blur(strength=0.5).sigma_for(speck) == 2


def test_blur_leaves_little_of_what_was_there() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (120, 120, 3)).astype(np.uint8)
    matte = blob(120, 120)
    inside = matte > 0
    assert shown(Blur(), image, matte)[inside].std(axis=0).max() < 0.05 * image[inside].std()


@pytest.mark.parametrize("block", [2, 7, 16, 64])
def test_pixelate_averages_the_objects_pixels_in_each_block_of_the_frame(block: int) -> None:
    image, matte = smooth_image(75, 93), blob(75, 93)
    inside = matte > 0
    y, x = np.mgrid[:75, :93]
    label = (y // block) * 1000 + x // block
    result = shown(Pixelate(block_px=block), image, matte)
    for c in range(3):
        means = ndimage.mean(image[..., c], np.where(inside, label, -1), label[inside])
        np.testing.assert_allclose(result[..., c][inside], means, atol=0.51)


def test_pixelate_blocks_follow_the_objects_size_in_steps() -> None:
    sides = {}
    for side in range(1, 400):
        matte = np.zeros((400, 400), np.float32)
        matte[:side, :side] = 1
        sides[side] = Pixelate().grid_px(matte)
        assert sides[side] >= side / 8
        assert sides[side] <= max(4, 1.5 * side / 8)
    assert sorted(set(sides.values())) == [4, 6, 8, 12, 16, 24, 32, 48, 64]


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 257)])
def test_fill_is_the_colour_and_nothing_else(dtype, scale: int) -> None:
    image = smooth_image(40, 50).astype(dtype) * dtype(scale)
    matte = blob(40, 50)
    expected = np.where(matte[..., None] > 0, np.array((18, 171, 144)) * scale, image)
    np.testing.assert_array_equal(shown(Fill(color="#12ab90"), image, matte), expected)


def test_background_remove_keeps_the_picture_and_gives_the_matte() -> None:
    frame, matte = noise_frame("yuv420p10le", 40, 30), drawn_matte("soft", 40, 30)
    result = apply(BackgroundRemove(foreground="kept"), frame, matte)
    np.testing.assert_allclose(result.opacity(), matte, atol=1e-7)
    assert result.planes is frame.planes


def test_background_replace_by_a_colour() -> None:
    image, matte = smooth_image(40, 50), blob(40, 50)
    expected = np.where(matte[..., None] > 0, image, np.uint8((0, 128, 0)))
    np.testing.assert_array_equal(shown(BackgroundReplace(color="green"), image, matte), expected)


class Plate:
    """A drawn still or video, and the times at which it was asked."""

    def __init__(self, image: np.ndarray, duration: Fraction = Fraction(0)) -> None:
        self.image = image
        self.duration = duration
        self.asked: list[Fraction] = []

    def at(self, time: Fraction) -> np.ndarray:
        self.asked.append(time)
        return self.image

    def asset(self, name: str) -> Plate:
        assert name == "plate"
        return self


def background(fit: str, plate: np.ndarray, width: int, height: int, dtype=np.uint8) -> np.ndarray:
    effect = BackgroundReplace(image="drawn.png", fit=fit)
    bits = 8 if dtype == np.uint8 else 16
    run = effect.begin(ClipInfo(width=width, height=height, bits=bits), Plate(plate))
    frame = Frame.from_rgb(np.zeros((height, width, 3), dtype))
    return apply(run, frame, np.zeros((height, width), np.float32)).rgb


def test_fit_cover_crops_the_middle() -> None:
    plate = np.zeros((10, 40, 3), np.uint8)
    plate[:, 15:25] = 200
    np.testing.assert_array_equal(background("cover", plate, 10, 10), plate[:, 15:25])


def test_fit_contain_adds_bars() -> None:
    plate = np.full((10, 40, 3), 200, np.uint8)
    expected = np.zeros((40, 40, 3), np.uint8)
    expected[15:25] = 200
    np.testing.assert_array_equal(background("contain", plate, 40, 40), expected)


def test_fit_stretch_shows_all() -> None:
    plate = np.zeros((8, 40, 3), np.uint8)
    plate[:, 20:] = 200
    shrunk = background("stretch", plate, 10, 8)
    np.testing.assert_array_equal(shrunk[:, :5], 0)
    np.testing.assert_array_equal(shrunk[:, 5:], 200)


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (3, 7), (64, 1)])
def test_every_fit_fills_every_size(fit: str, size: tuple[int, int]) -> None:
    assert background(fit, np.full((5, 9, 3), 9, np.uint8), *size).shape == (size[1], size[0], 3)


def test_a_plate_takes_the_frames_depth() -> None:
    plate = np.full((4, 4, 3), 200, np.uint8)
    assert (background("cover", plate, 4, 4, np.uint16) == 200 * 257).all()
    assert (background("cover", plate.astype(np.uint16) * 257, 4, 4) == 200).all()


@pytest.mark.parametrize(
    ("at_end", "expected"),
    [
        ("loop", [0, Fraction(2, 5), 0, Fraction(2, 5)]),
        ("hold", [0] + [Fraction(2 * i, 5) for i in (1, 2, 3)]),
    ],
)
def test_a_video_runs_by_time_from_the_first_frame_on(at_end, expected) -> None:
    plate = Plate(np.zeros((4, 4, 3), np.uint8), Fraction(4, 5))
    effect = BackgroundReplace(video="drawn.mp4", at_end=at_end)
    run = effect.begin(ClipInfo(width=4, height=4, start=Fraction(10)), plate)
    for pts in (50, 52, 54, 56):
        frame = Frame.from_rgb(np.zeros((4, 4, 3), np.uint8), pts=pts, time_base=Fraction(1, 5))
        apply(run, frame, np.zeros((4, 4), np.float32))
    assert plate.asked == expected


def test_a_still_needs_to_be_opened() -> None:
    effect = BackgroundReplace(image="drawn.png")
    assert effect.assets() == {"plate": "drawn.png"}
    with pytest.raises(InputError, match="begin"):
        apply(effect, noise_frame("gbrp", 4, 4), np.zeros((4, 4), np.float32))


@pytest.mark.parametrize("sigma", [2.0, 12.0, 30.0])
def test_background_blur_keeps_the_objects_colour_out(sigma: float) -> None:
    matte = blob(120, 160)
    image = np.where(matte[..., None] > 0, np.uint8((255, 0, 0)), np.uint8((0, 90, 200)))
    result = shown(BackgroundBlur(sigma_px=sigma), image, matte)
    np.testing.assert_allclose(result, image, atol=1)


@pytest.mark.parametrize("sigma", [1.0, 4.0, 8.0, 25.0])
def test_background_blur_is_scipys_normalised_gaussian(sigma: float) -> None:
    image, matte = smooth_image(160, 200), np.zeros((160, 200), np.float32)
    options = {"sigma": (sigma, sigma, 0), "mode": "constant", "truncate": 6}
    expected = ndimage.gaussian_filter(image.astype(float), **options)
    expected /= ndimage.gaussian_filter(np.ones((160, 200, 1)), **options)
    difference = np.abs(shown(BackgroundBlur(sigma_px=sigma), image, matte) - expected)
    assert difference.max() < 5
    assert difference.mean() < 0.7


def test_desaturate_background_is_a_mix_with_luma() -> None:
    image, matte = smooth_image(40, 50), blob(40, 50)
    luma = image @ np.array((0.2126, 0.7152, 0.0722))
    mixed = (0.25 * image + 0.75 * luma[..., None]) * 0.6
    expected = np.where(matte[..., None] > 0, image, mixed)
    result = shown(DesaturateBackground(amount=0.75, dim=0.4), image, matte)
    # OpenCV multiplies 8-bit pictures in fixed point.
    np.testing.assert_allclose(result, expected, atol=0.75)


def test_a_grey_background_has_neutral_chroma() -> None:
    frame = noise_frame("yuv420p", 40, 30, seed=2)
    result = apply(DesaturateBackground(), frame, np.zeros((30, 40), np.float32))
    assert np.abs(result.planes[1].astype(int) - 128).max() <= 1
    assert np.abs(result.planes[2].astype(int) - 128).max() <= 1


@pytest.mark.parametrize("width", [1.0, 4.0, 7.5])
@pytest.mark.parametrize(("side", "middle"), [("outside", 0.5), ("centre", 0.0), ("inside", -0.5)])
def test_outline_is_a_band_of_distance_to_the_edge(side, middle, width) -> None:
    matte = blob(70, 90)
    inside = ndimage.distance_transform_edt(matte) - 0.5
    outside = ndimage.distance_transform_edt(1 - matte) - 0.5
    away = np.where(matte > 0, -inside, outside)
    expected = np.clip(width / 2 + 0.5 - np.abs(away - middle * width), 0, 1)
    layer = Outline(side=side, width_px=width).render(noise_frame("gbrp", 90, 70), matte)
    alpha = np.zeros((70, 90), np.float32)
    alpha[layer.box.slices] = layer.alpha
    np.testing.assert_allclose(alpha, expected, atol=1e-4)


def test_no_outline_where_the_object_leaves_the_frame() -> None:
    matte = np.zeros((40, 40), np.float32)
    matte[10:30, :20] = 1
    layer = Outline(side="inside").render(noise_frame("gbrp", 40, 40), matte)
    alpha = np.zeros((40, 40), np.float32)
    alpha[layer.box.slices] = layer.alpha
    assert alpha[15:25, :10].max() == 0
    assert alpha[15:25, 19].min() == 1


def test_a_soft_matte_gets_its_outline_at_one_half() -> None:
    soft = drawn_matte("soft", 60, 50, seed=4)
    frame = noise_frame("gbrp", 60, 50)
    hard = prepare_matte(soft, "cover", threshold=0.5, margin_px=0)
    a, b = Outline().render(frame, soft), Outline().render(frame, hard)
    assert a.box == b.box
    np.testing.assert_array_equal(a.alpha, b.alpha)
