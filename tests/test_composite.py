"""Blending: which samples change, to what, in every layout and rotation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tam_edit.effect import (
    COVER_MARGIN_PX,
    COVER_THRESHOLD,
    Effect,
    Layer,
    apply,
    composite,
    object_size_px,
    prepare_matte,
)
from tam_edit.effects import BackgroundRemove, Blur, Fill, Outline, Pixelate
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.masks import ops
from tam_edit.testing.strategies import drawn_matte, noise_frame
from tam_edit.types import Box, box_of

LAYOUTS = [
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuv440p",
    "yuv411p",
    "yuv410p",
    "yuvj420p",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p12le",
    "yuv420p16le",
    "gray",
    "gray10le",
    "gray16le",
    "gbrp",
    "gbrp10le",
    "gbrp16le",
    "gbrap",
    "yuva420p",
    "yuva444p10le",
]
SIZES = [(1, 1), (2, 3), (17, 13)]


def image_for(frame: Frame, box: Box, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    top = np.iinfo(frame.rgb_dtype).max
    return rng.integers(0, top, (box.height, box.width, 3), endpoint=True).astype(frame.rgb_dtype)


def coded(mask: np.ndarray, frame: Frame, plane: int) -> np.ndarray:
    """Which samples of a plane serve a pixel of the displayed mask, one pixel at a time."""
    step_x, step_y = frame.layout.step(plane)
    turned = np.rot90(mask, -frame.quarter_turns)
    served = np.zeros(frame.planes[plane].shape, bool)
    for y, x in np.argwhere(turned):
        served[y // step_y, x // step_x] = True
    return served


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_alpha_one_is_the_layer_and_alpha_zero_the_source(layout, size, turns) -> None:
    frame = noise_frame(layout, *size, quarter_turns=turns, seed=1)
    full = Box(0, 0, frame.width, frame.height)
    image = image_for(frame, full)
    shown = composite(frame, Layer(box=full, image=image, alpha=np.ones(image.shape[:2], "f4")))
    native = frame.planes_of(image, full)
    for i, plane in enumerate(native):
        np.testing.assert_array_equal(shown.planes[i], plane)
    if frame.layout.has_alpha:
        assert shown.planes[-1] is frame.planes[-1]
    mask = np.random.default_rng(2).random(image.shape[:2]) < 0.2
    for edge in ("cover", "soft"):
        some = composite(frame, Layer(box=full, image=image, alpha=mask.astype("f4")), edge)
        for i, plane in enumerate(native):
            served = coded(mask, frame, i)
            np.testing.assert_array_equal(some.planes[i][~served], frame.planes[i][~served])
            if edge == "cover" or not frame.layout.is_chroma(i):
                np.testing.assert_array_equal(some.planes[i][served], plane[served])


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("layout", ["yuv420p", "yuv422p10le", "yuv410p", "gbrp"])
def test_a_small_layer_changes_its_region_only(layout, turns) -> None:
    frame = noise_frame(layout, 31, 27, quarter_turns=turns, seed=3)
    box = Box(5, 3, 14, 20)
    image = image_for(frame, box)
    result = composite(frame, Layer(box=box, image=image, alpha=np.ones((17, 9), "f4")))
    mask = np.zeros((27, 31), bool)
    mask[box.slices] = True
    for i, plane in enumerate(frame.planes):
        served = coded(mask, frame, i)
        np.testing.assert_array_equal(result.planes[i][~served], plane[~served])
        assert not np.array_equal(result.planes[i][served], plane[served])


@pytest.mark.parametrize("turns", range(4))
def test_a_layer_lies_where_it_is_displayed(turns) -> None:
    frame = noise_frame("gbrp", 12, 9, quarter_turns=turns)
    box = Box(2, 1, 7, 5)
    image = image_for(frame, box)
    result = composite(frame, Layer(box=box, image=image, alpha=np.ones((4, 5), "f4")))
    expected = frame.rgb.copy()
    expected[box.slices] = image
    np.testing.assert_array_equal(result.rgb, expected)


@pytest.mark.parametrize("layout", ["gbrp", "gbrp10le", "gbrp16le"])
def test_between_it_is_the_rounded_mix(layout) -> None:
    frame = noise_frame(layout, 40, 30, seed=4)
    full = Box(0, 0, 40, 30)
    image = image_for(frame, full)
    alpha = np.random.default_rng(6).random((30, 40)).astype(np.float32)
    result = composite(frame, Layer(box=full, image=image, alpha=alpha))
    for below, above, mixed in zip(
        frame.planes, frame.planes_of(image, full), result.planes, strict=True
    ):
        exact = below + alpha.astype(float) * (above.astype(float) - below)
        np.testing.assert_allclose(mixed, exact, atol=0.5 + 1e-2)


@pytest.mark.parametrize("layout", ["yuv420p10le", "yuv422p10le", "yuv420p12le", "yuv420p16le"])
@pytest.mark.parametrize("codes", [(200, 40, 220), (100, 16, 128), (150, 128, 30), (60, 200, 200)])
def test_saturated_colours_look_the_same_at_every_depth(layout, codes) -> None:
    # FFmpeg's packed 16-bit RGB of 4:2:0 has no green left in the first two.
    def seen(name: str) -> np.ndarray:
        frame = noise_frame(name, 16, 16)
        shift = frame.layout.bits - 8
        flat = [np.full_like(p, code << shift) for p, code in zip(frame.planes, codes, strict=True)]
        return frame.with_planes(tuple(flat)).region(Box(4, 4, 8, 8)).astype(float)

    eight, deep = seen("yuv444p"), seen(layout)
    np.testing.assert_allclose(deep / 257, eight, atol=2)


def test_chroma_takes_the_mean_for_soft_and_all_of_the_layer_for_cover() -> None:
    frame = noise_frame("yuv420p", 8, 8, seed=7)
    full = Box(0, 0, 8, 8)
    image = np.broadcast_to(np.uint8((200, 30, 90)), (8, 8, 3)).copy()
    target = frame.planes_of(image, full)
    alpha = np.zeros((8, 8), np.float32)
    alpha[2, 4], alpha[3, 5] = 0.5, 0.25  # one chroma sample at row 1, column 2
    for edge, share in (("soft", 0.75 / 4), ("cover", 1.0)):
        result = composite(frame, Layer(box=full, image=image, alpha=alpha), edge)
        for plane in (1, 2):
            before = float(frame.planes[plane][1, 2])
            expected = np.rint(before + share * (float(target[plane][1, 2]) - before))
            assert result.planes[plane][1, 2] == expected
            others = np.ones((4, 4), bool)
            others[1, 2] = False
            np.testing.assert_array_equal(result.planes[plane][others], frame.planes[plane][others])


def test_a_constant_layer_gives_its_own_chroma_also_at_the_regions_edge() -> None:
    frame = noise_frame("yuv420p", 16, 16, seed=8)
    image = np.broadcast_to(np.uint8((250, 10, 60)), (5, 7, 3)).copy()
    box = Box(3, 5, 10, 10)
    result = composite(frame, Layer(box=box, image=image, alpha=np.ones((5, 7), "f4")), "cover")
    flat = frame.planes_of(np.broadcast_to(np.uint8((250, 10, 60)), (2, 2, 3)), Box(0, 0, 2, 2))
    assert (result.planes[1][2:5, 1:5] == flat[1][0, 0]).all()
    assert (result.planes[2][2:5, 1:5] == flat[2][0, 0]).all()


def test_coverage_multiplies_and_ends_at_the_box() -> None:
    frame = noise_frame("yuv420p", 6, 4).with_coverage(np.full((4, 6), 0.5, np.float32))
    result = composite(frame, Layer(box=Box(1, 1, 3, 2), coverage=np.float32([[1, 0.5]])))
    expected = np.zeros((4, 6))
    expected[1, 1:3] = 0.5, 0.25
    np.testing.assert_array_equal(result.opacity(), expected)
    assert result.planes is frame.planes


@pytest.mark.parametrize("turns", range(4))
def test_coverage_multiplies_with_an_alpha_plane(turns) -> None:
    frame = noise_frame("yuva420p", 7, 5, quarter_turns=turns, seed=9)
    half = np.full((5, 7), 0.5, np.float32)
    result = composite(frame, Layer(box=Box(0, 0, 7, 5), coverage=half))
    own = np.rot90(frame.planes[3], turns) / 255
    np.testing.assert_allclose(result.opacity(), own * 0.5, atol=1e-6)


def test_a_layer_that_does_not_fit_is_refused() -> None:
    frame = noise_frame("yuv420p", 8, 8)
    image, alpha = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.float32)
    with pytest.raises(InputError, match="reaches out"):
        composite(frame, Layer(box=Box(6, 0, 10, 4), image=image, alpha=alpha))
    deep = Layer(box=Box(0, 0, 4, 4), image=image.astype(np.uint16), alpha=alpha)
    with pytest.raises(InputError, match="uint16"):
        composite(frame, deep)
    with pytest.raises(InputError, match="does not fill"):
        Layer(box=Box(0, 0, 5, 4), image=image, alpha=alpha)
    with pytest.raises(InputError, match="or neither"):
        Layer(box=Box(0, 0, 4, 4), image=image)


def test_a_cover_is_thresholded_generously_and_grown() -> None:
    matte = np.zeros((9, 30), np.float32)
    matte[4] = np.linspace(0, 1, 30)
    cover = prepare_matte(matte, "cover", threshold=0.25, margin_px=2)
    assert set(np.unique(cover)) == {0, 1}
    assert cover.dtype == np.float32
    hard = ops.grow(matte >= 0.25, radius_px=2)
    np.testing.assert_array_equal(cover > 0, hard)
    default = prepare_matte(matte, "cover")
    np.testing.assert_array_equal(
        default, prepare_matte(matte, "cover", threshold=COVER_THRESHOLD, margin_px=COVER_MARGIN_PX)
    )
    assert (default >= (matte > 0.25)).all()


@pytest.mark.parametrize("margin", [-1, float("nan"), float("inf")])
def test_a_bad_margin_is_refused(margin) -> None:
    with pytest.raises(InputError, match="margin_px"):
        prepare_matte(np.ones((3, 3), np.float32), "cover", margin_px=margin)


def test_a_soft_matte_stays_and_is_clipped() -> None:
    matte = drawn_matte("soft", 20, 10)
    assert prepare_matte(matte, "soft") is matte
    np.testing.assert_array_equal(
        prepare_matte(np.float32([[-1, 0.3, 2]]), "soft"), np.float32([[0, 0.3, 1]])
    )


def test_nothing_to_act_on_gives_the_same_frame() -> None:
    frame = noise_frame("yuv420p", 10, 10)
    nothing = np.zeros((10, 10), np.float32)
    assert apply(Blur(), frame, nothing) is frame
    gone = apply(BackgroundRemove(), frame, nothing)
    np.testing.assert_array_equal(gone.opacity(), nothing)


@pytest.mark.parametrize("matte", [np.zeros((10, 9), np.float32), np.zeros((9, 10), np.float64)])
def test_a_matte_of_the_wrong_kind_is_refused(matte) -> None:
    with pytest.raises(InputError, match="the matte is"):
        apply(Fill(), noise_frame("yuv420p", 10, 9), matte)


@pytest.mark.parametrize("effect", [Blur(), Pixelate(), Fill(), Outline()], ids=lambda e: e.name)
def test_object_effects_look_at_no_more_than_the_object(effect: Effect, monkeypatch) -> None:
    frame = noise_frame("yuv420p", 200, 150)
    matte = np.zeros((150, 200), np.float32)
    matte[60:80, 40:70] = 1
    asked: list[Box] = []
    region = Frame.region
    monkeypatch.setattr(Frame, "region", lambda self, box: asked.append(box) or region(self, box))
    apply(effect, frame, matte)
    allowed = box_of(prepare_matte(matte, effect.edge))
    assert all(box == allowed for box in asked)
    assert "rgb" not in vars(frame)
    assert "_scaled" not in vars(frame)


def test_object_size_is_the_side_of_a_square_of_its_area() -> None:
    matte = np.zeros((50, 50), np.float32)
    matte[3:19, 10:35] = 1
    assert object_size_px(matte) == pytest.approx(20)
    matte[45, 45] = 1
    assert object_size_px(matte) == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("margin_px", [16.0, 16.5, 23.7, 40.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_wide_cover_misses_nothing_and_reaches_at_most_three_pixels_further(
    margin_px: float, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    mask = np.zeros((151, 173), bool)
    for row, column in chance.integers(20, 130, (5, 2)):
        mask[row : row + 9, column : column + 4] = True
    cover = prepare_matte(mask.astype(np.float32), "cover", margin_px=margin_px) > 0
    distance = ndimage.distance_transform_edt(~mask)
    assert cover[distance <= margin_px].all()
    assert not cover[distance > margin_px + 3].any()
