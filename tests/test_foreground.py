"""The object's own colours at a soft edge: against known composites, and in the effects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures
from scipy import ndimage

from tam_edit.effect import Layer, apply, composite, shown_on
from tam_edit.effect.layer import faded
from tam_edit.effects import BackgroundRemove, BackgroundReplace
from tam_edit.frame import Frame
from tam_edit.masks.foreground import estimate_colours
from tam_edit.testing.strategies import noise_frame
from tam_edit.types import Box


def disc_matte(height: int, width: int, radius: float, soft_px: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    inside = radius - np.hypot(y - height / 2 + 0.5, x - width / 2 + 0.5)
    return np.clip(inside / soft_px + 0.5, 0, 1).astype(np.float32)


def mixed(foreground, background, alpha, dtype=np.uint8) -> np.ndarray:
    share = alpha[..., None]
    return np.rint(share * foreground + (1 - share) * background).astype(dtype)


def grain(height: int, width: int, base, seed: int = 0, sigma: float = 6.0) -> np.ndarray:
    """A colour with slow changes, as cloth and walls have them."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3))
    slow = ndimage.gaussian_filter(noise, (sigma, sigma, 0))
    return np.clip(np.array(base) + 15 * slow / slow.std(), 0, 255)


def error_of(colours, truth, weight, is_soft) -> float:
    """Mean difference in the soft pixels, as much as each is seen."""
    difference = np.abs(colours.astype(float) - truth).mean(axis=-1) * weight
    return float(difference[is_soft].mean())


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 257)])
@pytest.mark.parametrize("soft_px", [3.0, 12.0, 40.0])
def test_plain_colours_are_found_exactly(dtype, scale: int, soft_px: float) -> None:
    alpha = disc_matte(120, 150, 40, soft_px)
    red, blue = np.array((200, 40, 30)) * scale, np.array((20, 90, 220)) * scale
    found = estimate_colours(mixed(red, blue, alpha, dtype), alpha)
    share = alpha[..., None]
    for colours, truth, weight in (
        (found.foreground, red, share),
        (found.background, blue, 1 - share),
    ):
        difference = np.abs(colours.astype(float) - truth) * weight
        assert difference[found.is_soft].max() <= 2.5 * scale
        assert difference[found.is_soft].mean() <= 0.6 * scale


@pytest.mark.parametrize("base", [(30, 200, 40), (240, 240, 250), (10, 10, 15)])
def test_of_a_composite_at_most_a_third_of_the_old_background_is_left(base) -> None:
    alpha = disc_matte(160, 200, 55, 10)
    foreground, background = grain(160, 200, (170, 110, 80)), grain(160, 200, base, 1)
    image = mixed(foreground, background, alpha)
    found = estimate_colours(image, alpha)
    for colours, truth, weight in (
        (found.foreground, foreground, alpha),
        (found.background, background, 1 - alpha),
    ):
        before = error_of(image, truth, weight, found.is_soft)
        assert error_of(colours, truth, weight, found.is_soft) < before / 3


def test_the_two_colours_make_up_the_picture() -> None:
    alpha = disc_matte(90, 110, 30, 9)
    image = mixed(grain(90, 110, (120, 110, 100)), grain(90, 110, (90, 120, 140), 1), alpha)
    found = estimate_colours(image, alpha)
    again = mixed(found.foreground.astype(float), found.background.astype(float), alpha)
    difference = np.abs(again.astype(int) - image)
    assert difference.max() <= 8
    assert difference[found.is_soft].mean() < 1


def test_a_matte_that_is_softer_than_the_edge_makes_no_bright_line() -> None:
    """A bright object before a dark one, cut sharply; without the limit the line is white."""
    alpha = disc_matte(100, 120, 35, 4)
    image = np.full((100, 120, 3), 40, np.uint8)
    image[alpha >= 0.5] = 180
    own = estimate_colours(image, alpha).foreground[alpha >= 0.5]
    assert own.min() >= 180 - 6
    assert own.max() <= 180 + 18
    assert own.mean() <= 182


def test_pixels_that_are_not_soft_stay_as_they_are() -> None:
    image = np.random.default_rng(0).integers(0, 256, (150, 170, 3)).astype(np.uint8)
    alpha = disc_matte(150, 170, 50, 6)
    kept = image.copy()
    found = estimate_colours(image, alpha)
    np.testing.assert_array_equal(image, kept)
    np.testing.assert_array_equal(found.is_soft, (alpha > 0) & (alpha < 1))
    for colours in (found.foreground, found.background):
        np.testing.assert_array_equal(colours[~found.is_soft], image[~found.is_soft])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (3, 130), (131, 129), (7, 9000)])
def test_any_size_and_a_matte_that_is_soft_all_over(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 77, np.uint8)
    found = estimate_colours(image, np.full(size, 0.3, np.float32))
    assert np.abs(found.foreground.astype(int) - 77).max() <= 1
    assert np.abs(found.background.astype(int) - 77).max() <= 1


def test_a_colour_reaches_as_far_as_it_has_to() -> None:
    """A soft tail of 200 pixels, of which only the far end shows the object fully."""
    alpha = np.zeros((60, 320), np.float32)
    alpha[20:40, :60] = 1
    alpha[20:40, 60:260] = 0.5
    red, green = np.array((220, 30, 30)), np.array((40, 200, 60))
    found = estimate_colours(mixed(red, green, alpha), alpha)
    assert np.abs(found.foreground[20:40, 60:260].astype(int) - red).mean() < 6


def test_on_real_hair_little_of_the_old_background_is_left(shared_data: Path) -> None:
    folder = shared_data / "data" / "matting"

    def read(name: str, mode: str = "RGB") -> np.ndarray:
        with Pictures.open(folder / name) as picture:
            return np.asarray(picture.convert(mode)).astype(np.float32)

    alpha = read("lemur_alpha.png", "L") / np.float32(255)
    truth = read("lemur_foreground.png")
    for background in (read("lemur_background.png"), np.array((25, 230, 50), np.float32)):
        image = mixed(truth, background, alpha)
        found = estimate_colours(image, alpha)
        before = error_of(image, truth, alpha, found.is_soft)
        assert error_of(found.foreground, truth, alpha, found.is_soft) < 0.45 * before


OBJECT, OLD, NEW = (200, 60, 40), (30, 190, 60), (40, 60, 210)


def over_old(alpha: np.ndarray, dtype=np.uint8) -> Frame:
    scale = np.iinfo(dtype).max // 255
    return Frame.from_rgb(mixed(np.array(OBJECT) * scale, np.array(OLD) * scale, alpha, dtype))


def laid_over(frame: Frame, colour) -> np.ndarray:
    """A cut-out over one colour, as an editor shows straight alpha."""
    opacity = frame.opacity()[..., None]
    return opacity * frame.rgb + (1 - opacity) * np.array(colour)


def test_background_remove_leaves_no_halo_and_touches_soft_pixels_only() -> None:
    alpha = disc_matte(100, 120, 35, 8)
    frame = over_old(alpha)
    result = apply(BackgroundRemove(), frame, alpha)
    expected = mixed(np.array(OBJECT), np.array(NEW), alpha)
    assert np.abs(laid_over(result, NEW) - expected).max() <= 3
    is_soft = (alpha > 0) & (alpha < 1)
    np.testing.assert_array_equal(result.rgb[~is_soft], frame.rgb[~is_soft])
    np.testing.assert_allclose(result.opacity(), alpha, atol=0.5 / 255)
    kept = apply(BackgroundRemove(foreground="kept"), frame, alpha)
    assert np.abs(laid_over(kept, NEW) - expected).max() > 25


def test_what_a_file_holds_as_fully_transparent_keeps_its_colour() -> None:
    alpha = disc_matte(100, 120, 35, 8)
    # Less than half a level of 8 bits, far around the object.
    alpha[alpha == 0] = 0.0015
    frame = over_old(alpha)
    result = apply(BackgroundRemove(), frame, alpha)
    is_none = np.rint(alpha * 255) == 0
    assert is_none.sum() > 5000
    np.testing.assert_array_equal(result.rgb[is_none], frame.rgb[is_none])
    assert not result.opacity()[is_none].any()


@pytest.mark.parametrize("layout", ["yuv420p", "yuv422p10le", "yuv444p"])
def test_background_remove_keeps_native_samples_of_what_is_not_soft(layout: str) -> None:
    frame, alpha = noise_frame(layout, 60, 44, seed=2), disc_matte(44, 60, 14, 5)
    result = apply(BackgroundRemove(), frame, alpha)
    is_soft = (alpha > 0) & (alpha < 1)
    np.testing.assert_array_equal(result.planes[0][~is_soft], frame.planes[0][~is_soft])
    assert (result.planes[0] != frame.planes[0])[is_soft].any()
    step_x, step_y = frame.layout.chroma_step
    served = ndimage.maximum_filter(is_soft, (2 * step_y - 1, 2 * step_x - 1))
    alone = ~served[::step_y, ::step_x]
    for after, before in zip(result.planes[1:3], frame.planes[1:3], strict=True):
        np.testing.assert_array_equal(after[alone], before[alone])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_background_replace_mixes_the_edge_anew(dtype) -> None:
    scale = np.iinfo(dtype).max // 255
    alpha = disc_matte(100, 120, 35, 8)
    frame = over_old(alpha, dtype)
    expected = mixed(np.array(OBJECT) * scale, np.array(NEW) * scale, alpha, dtype).astype(int)
    shown = apply(BackgroundReplace(color="#283cd2"), frame, alpha).rgb
    assert np.abs(shown - expected).max() <= 3 * scale
    kept = apply(BackgroundReplace(color="#283cd2", foreground="kept"), frame, alpha).rgb
    assert np.abs(kept - expected).max() > 25 * scale
    np.testing.assert_array_equal(shown[alpha == 1], frame.rgb[alpha == 1])


def test_with_a_hard_matte_nothing_is_estimated() -> None:
    alpha = (disc_matte(60, 70, 20, 1) > 0.5).astype(np.float32)
    frame = noise_frame("yuv420p", 70, 60, seed=4)
    for effect in (BackgroundRemove, BackgroundReplace):
        settings = {"color": "teal"} if effect is BackgroundReplace else {}
        one, other = (
            apply(effect(foreground=word, **settings), frame, alpha)
            for word in ("estimated", "kept")
        )
        for a, b in zip(one.planes, other.planes, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_shared_chroma_sample_takes_no_part_in_the_old_background() -> None:
    """4:2:0: over a soft edge the new background's chroma is as good as at full chroma."""
    alpha = disc_matte(80, 100, 27, 6)
    full = over_old(alpha)
    expected = mixed(np.array(OBJECT), np.array(NEW), alpha).astype(int)
    image = full.rgb
    base = noise_frame("yuv420p", 100, 80)
    whole = Layer(box=Box(0, 0, 100, 80), image=image, alpha=np.ones((80, 100), np.float32))
    coded = composite(base, whole)
    errors = {}
    for word in ("estimated", "kept"):
        result = apply(BackgroundReplace(color="#283cd2", foreground=word), coded, alpha)
        errors[word] = np.abs(result.rgb - expected)[(alpha > 0) & (alpha < 1)].mean()
    assert errors["estimated"] < 0.35 * errors["kept"]


@pytest.mark.parametrize("share", [0.25, 0.7])
def test_a_faded_cut_out_is_the_mix_of_both_over_any_background(share: float) -> None:
    alpha = disc_matte(50, 60, 17, 7)
    frame = over_old(alpha)
    effect = BackgroundRemove()
    shown = shown_on(effect, frame, np.float32(1) - alpha, share=share)
    assert shown is not None
    part = composite(frame, shown.layer)
    whole = apply(effect, frame, alpha)
    for colour in ((255, 0, 255), (0, 0, 0), (250, 250, 250)):
        expected = (1 - share) * frame.rgb + share * laid_over(whole, colour)
        # What is nearly transparent is stored in whole numbers.
        np.testing.assert_allclose(laid_over(part, colour), expected, atol=1.0)


def test_fading_a_layer_leaves_the_pixels_beside_it_alone() -> None:
    frame = noise_frame("yuv420p", 20, 20, seed=1)
    inner = Box(5, 5, 12, 12)
    image = frame.region(inner)
    ones = np.ones((7, 7), np.float32)
    layer = faded(Layer(box=inner, image=image, alpha=ones, coverage=ones), 0.5, 20, 20)
    result = composite(frame, layer)
    np.testing.assert_array_equal(result.planes[0][:5], frame.planes[0][:5])
    np.testing.assert_allclose(result.opacity()[0, 0], 0.5)
