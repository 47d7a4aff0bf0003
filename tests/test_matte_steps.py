"""Soft mattes smoothed in time, filled, cleaned, rounded, grown and feathered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from scipy import ndimage

from tam_edit.masks import ops
from tam_edit.masks.edges import feathered, grown, signed_distance, smoothed
from tam_edit.masks.patch import Patch, united
from tam_edit.masks.pieces import holes_filled, specks_dropped
from tam_edit.masks.steady import Outline, outline_of, steadied
from tam_edit.types import Matte

WIDTH, HEIGHT = 160, 120


def disc(x: float, y: float = 60.0, radius: float = 20.0, softness: float = 1.5) -> Matte:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(rows - y, columns - x) - radius
    return np.clip(0.5 - away / (2 * softness), 0, 1).astype(np.float32)


def outlines(mattes: Sequence[Matte], index: int) -> Callable[[int], Outline | None]:
    def outline_at(by: int) -> Outline | None:
        if not 0 <= index + by < len(mattes):
            return None
        return outline_of(Patch.of(mattes[index + by]), WIDTH, HEIGHT)

    return outline_at


def steady(mattes: Sequence[Matte], index: int, frames: int) -> Matte:
    patch = Patch.of(mattes[index])
    return steadied(patch, outlines(mattes, index), frames, WIDTH, HEIGHT).full(WIDTH, HEIGHT)


def test_the_signed_distance_of_a_soft_disc_is_that_of_its_circle() -> None:
    matte = disc(80.3, 59.6)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    truth = np.hypot(rows - 59.6, columns - 80.3) - 20
    error = signed_distance(matte) - truth
    assert np.abs(error).max() < 0.7
    assert np.abs(error).mean() < 0.1
    assert np.abs(error[np.abs(truth) < 1]).mean() < 0.02


def test_the_signed_distance_of_a_hard_mask_is_half_a_pixel_off_the_pixels() -> None:
    mask = np.zeros((40, 50), bool)
    mask[10:30, 15:35] = True
    inside = ndimage.distance_transform_edt(mask) - 0.5
    outside = ndimage.distance_transform_edt(~mask) - 0.5
    expected = np.where(mask, -inside, outside)
    assert np.abs(signed_distance(mask.astype(np.float32)) - expected).max() < 1e-5


@pytest.mark.parametrize("speed", [0.0, 0.7, 3.0, 11.0])
@pytest.mark.parametrize("frames", [1, 2, 4])
def test_an_object_that_moves_evenly_stays_where_it_is(speed: float, frames: int) -> None:
    mattes = [disc(30 + speed * index, radius=12) for index in range(9)]
    for index in (0, 4, 8):
        error = np.abs(steady(mattes, index, frames) - mattes[index])
        assert error.max() < 0.2
        assert error.sum() < 0.006 * mattes[index].sum()


def test_an_edge_that_stands_still_stays_bit_identical() -> None:
    rng = np.random.default_rng(0)
    frayed = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH), np.float32), (0, 0), 3) > 0.5
    matte = cv2.GaussianBlur((frayed & (disc(80) > 0.5)).astype(np.float32), (0, 0), 1)
    mattes = [matte] * 5
    assert np.array_equal(steady(mattes, 2, 2), matte)


def test_flicker_of_one_frame_goes() -> None:
    whole = [disc(40 + 2 * index) for index in range(7)]
    bitten = list(whole)
    bitten[3] = whole[3] * (np.arange(WIDTH) < 46)  # the object lacks its right half
    blob = np.zeros((HEIGHT, WIDTH), np.float32)
    blob[10:22, 100:112] = 1
    spotted = list(whole)
    spotted[3] = np.maximum(whole[3], blob)
    for broken in (bitten, spotted):
        before = np.abs(broken[3] - whole[3]).sum()
        after = np.abs(steady(broken, 3, 2) - whole[3]).sum()
        assert after < 0.25 * before
    assert steady(spotted, 3, 2)[10:22, 100:112].max() == 0
    # The frames beside it hardly heed it either.
    assert np.abs(steady(bitten, 2, 2) - whole[2]).sum() < 0.05 * whole[2].sum()


def test_an_edge_that_jitters_jitters_less() -> None:
    rng = np.random.default_rng(1)
    radii = 20 + rng.normal(0, 1.5, 15)
    mattes = [disc(80, radius=radius) for radius in radii]
    areas = [steady(mattes, index, 3).sum() for index in range(3, 12)]
    assert np.std(areas) < 0.5 * np.std([matte.sum() for matte in mattes[3:12]])


def test_frames_without_the_object_stay_so_and_do_not_drag_at_those_beside() -> None:
    empty = np.zeros((HEIGHT, WIDTH), np.float32)
    mattes = [empty, empty, *(disc(40 + 5 * index) for index in range(5)), empty]
    assert not steady(mattes, 1, 2).any()
    assert not steady(mattes, 7, 2).any()
    assert np.array_equal(steady(mattes, 2, 2), mattes[2])
    assert np.array_equal(steady(mattes, 6, 2), mattes[6])


@pytest.mark.parametrize("px", [1, 4, 12])
def test_growing_a_hard_matte_contains_the_grown_mask_and_a_rim(px: int) -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[40:80, 50:90] = mask[70:90, 85:110] = True
    matte = grown(mask.astype(np.float32), px=px)
    assert (matte[ops.grow(mask, radius_px=px)] > 0.99).all()
    assert not matte[~ops.grow(mask, radius_px=px + 1)].any()
    smaller = grown(mask.astype(np.float32), px=-px)
    assert (smaller[ops.shrink(mask, radius_px=px + 1)] == 1).all()
    assert not smaller[~ops.shrink(mask, radius_px=px - 1)].any()


@pytest.mark.parametrize("px", [-9.5, -2.0, 0.5, 6.0, 15.0])
def test_growing_keeps_the_softness(px: float) -> None:
    for softness in (1.0, 4.0):
        matte = grown(disc(80, radius=25, softness=softness), px=px)
        expected = disc(80, radius=25 + px, softness=softness)
        assert np.abs(matte - expected).max() < 0.45 / softness
        assert np.abs(matte - expected).mean() < 0.002


def test_feathering_is_that_of_a_mask_and_never_hardens() -> None:
    mask = disc(80) > 0.5
    got = feathered(mask.astype(np.float32), radius_px=6)
    assert np.abs(got - ops.feather(mask, radius_px=6)).max() < 1e-5
    soft = disc(80, softness=8)
    assert np.array_equal(feathered(soft, radius_px=5), soft)
    assert np.abs(feathered(soft, radius_px=12) - disc(80, softness=12)).max() < 0.05


def test_small_holes_are_filled_and_nothing_else_changes() -> None:
    matte = disc(80, radius=40)
    for x, radius in ((65, 3), (95, 12)):
        matte = np.minimum(matte, 1 - disc(x, radius=radius))
    filled = holes_filled(matte, share=0.02)
    near = np.hypot(*(np.mgrid[:HEIGHT, :WIDTH] - np.array([60, 65])[:, None, None])) < 8
    assert (filled[near] == 1).all()
    assert np.array_equal(filled[~near], matte[~near])
    assert holes_filled(matte, share=1.0)[60, 95] == 1
    assert np.array_equal(holes_filled(matte, share=0.001), matte)


def test_specks_go_with_their_soft_rims_and_the_object_stays_bit_identical() -> None:
    main, large = disc(50, radius=20), disc(110, radius=10)
    speck, faint = disc(140, 20, radius=3), 0.3 * disc(20, 15, radius=3)
    matte = np.maximum.reduce([main, large, speck, faint]).astype(np.float32)
    assert np.array_equal(specks_dropped(matte, share=0.05), np.maximum(main, large))
    assert np.array_equal(specks_dropped(matte, share=0.5), main)
    bridged = matte.copy()
    bridged[19:21, 50:140] = np.maximum(bridged[19:21, 50:140], 0.1)
    bridged[20:60, 50] = np.maximum(bridged[20:60, 50], 0.1)
    assert specks_dropped(bridged, share=0.05)[20, 140] == 0
    assert np.array_equal(specks_dropped(bridged, share=0.05)[45:], np.maximum(main, large)[45:])


def test_a_jagged_edge_is_rounded_and_a_straight_one_stays() -> None:
    hard = np.zeros((HEIGHT, WIDTH), np.float32)
    hard[20:100, 40:120] = 1
    hard[20:100:8, 120:124] = hard[24:100:8, 120:122] = 1  # teeth
    rounded = smoothed(hard, sigma_px=4)
    assert np.abs(rounded[36:84, 35:45] - hard[36:84, 35:45]).max() < 1e-5
    before = np.abs(np.diff(hard[30:90, 118:128].sum(axis=1))).sum()
    assert np.abs(np.diff(rounded[30:90, 118:128].sum(axis=1))).sum() < 0.2 * before
    thread = np.zeros((HEIGHT, WIDTH), np.float32)
    thread[60, 20:140] = 1
    assert np.array_equal(smoothed(thread, sigma_px=6), thread)


def test_an_object_that_is_never_half_there_passes_through() -> None:
    faint = 0.4 * disc(80)
    for result in (grown(faint, px=9), feathered(faint, radius_px=3), smoothed(faint, sigma_px=2)):
        assert np.array_equal(result, faint)
    assert np.array_equal(steady([faint] * 3, 1, 1), faint)


def test_patches_are_the_matte_without_its_zeros() -> None:
    one, other, nothing = disc(30), disc(120, 40), np.zeros((HEIGHT, WIDTH), np.float32)
    patches = [Patch.of(matte) for matte in (one, other, nothing)]
    assert np.array_equal(united(patches).full(WIDTH, HEIGHT), np.maximum(one, other))
    assert united(patches[2:]).is_empty
    box = patches[0].box.grown(30).clipped(WIDTH, HEIGHT)
    assert np.array_equal(Patch.of(patches[0].within(box), box[:2]).full(WIDTH, HEIGHT), one)
    assert patches[0].values.size < one.size / 5
