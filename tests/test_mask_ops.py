"""Mask tools against SciPy and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import morphology

from tam_edit.errors import InputError
from tam_edit.masks import ops


def blobs(seed: int, size: tuple[int, int] = (61, 83)) -> np.ndarray:
    """Pieces and holes of many sizes, some at the border."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal(size), 2)
    return field > 0.04


def disc(radius: float) -> np.ndarray:
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return x * x + y * y <= radius * radius


RADII = (1, 1.5, 2, 3, 3.5, 5, 12.2)


@pytest.mark.parametrize("radius", RADII)
def test_grow_is_dilation_by_a_disc(radius: float) -> None:
    mask = blobs(1)
    mask[20:] &= np.random.default_rng(0).random(mask[20:].shape) < 0.02
    expected = ndimage.binary_dilation(mask, disc(radius))
    np.testing.assert_array_equal(ops.grow(mask, radius_px=radius), expected)


@pytest.mark.parametrize("radius", RADII)
def test_shrink_is_erosion_by_a_disc_that_ignores_the_border(radius: float) -> None:
    mask = ndimage.binary_dilation(blobs(2), iterations=4)
    expected = ndimage.binary_erosion(mask, disc(radius), border_value=1)
    np.testing.assert_array_equal(ops.shrink(mask, radius_px=radius), expected)


def test_growing_far_is_exact_at_the_radius() -> None:
    mask = np.zeros((501, 501), bool)
    mask[250, 250] = True
    y, x = np.mgrid[-250:251, -250:251]
    for radius in (200, 200.5, 250):
        expected = x * x + y * y <= radius * radius
        np.testing.assert_array_equal(ops.grow(mask, radius_px=radius), expected)


@pytest.mark.parametrize("value", [False, True])
def test_a_uniform_mask_stays(value: bool) -> None:
    mask = np.full((7, 9), value)
    for result in (
        ops.grow(mask, radius_px=5),
        ops.shrink(mask, radius_px=5),
        ops.fill_holes(mask),
        ops.drop_specks(mask, min_area_px=1000),
        ops.smooth_edge(mask, sigma_px=3),
    ):
        np.testing.assert_array_equal(result, mask)
    np.testing.assert_array_equal(ops.feather(mask, radius_px=3), mask.astype(np.float32))


def test_feather_of_a_straight_edge_is_a_ramp() -> None:
    mask = np.zeros((5, 20), bool)
    mask[:, 10:] = True
    # Pixel centres lie half a pixel to either side of the edge at 9.5.
    expected = np.clip(0.5 + (np.arange(20) - 9.5) / 8, 0, 1)
    matte = ops.feather(mask, radius_px=4)
    assert matte.dtype == np.float32
    np.testing.assert_allclose(matte, np.tile(expected, (5, 1)), atol=1e-6)


def test_feather_follows_the_distance_to_the_edge() -> None:
    mask = blobs(3)
    inside = ndimage.distance_transform_edt(mask) - 0.5
    outside = ndimage.distance_transform_edt(~mask) - 0.5
    expected = np.clip(0.5 + np.where(mask, inside, -outside) / 5, 0, 1)
    np.testing.assert_allclose(ops.feather(mask, radius_px=2.5), expected, atol=1e-5)


def test_a_hard_feather_is_the_mask() -> None:
    mask = blobs(3)
    np.testing.assert_array_equal(ops.feather(mask, radius_px=0), mask.astype(np.float32))


@pytest.mark.parametrize("seed", range(4))
def test_fill_holes_fills_what_scipy_fills(seed: int) -> None:
    mask = blobs(seed)
    np.testing.assert_array_equal(ops.fill_holes(mask), ndimage.binary_fill_holes(mask))


@pytest.mark.parametrize("seed", range(4))
def test_fill_holes_leaves_large_holes(seed: int) -> None:
    mask = blobs(seed)
    # scikit-image also fills small gaps that are open to the border: those are no holes.
    enclosed = ndimage.binary_fill_holes(mask)
    expected = morphology.remove_small_holes(mask, max_size=12, connectivity=1) & enclosed
    np.testing.assert_array_equal(ops.fill_holes(mask, max_area_px=12), expected)


@pytest.mark.parametrize("seed", range(4))
def test_drop_specks_keeps_what_scikit_image_keeps(seed: int) -> None:
    mask = blobs(seed)
    expected = morphology.remove_small_objects(mask, max_size=19, connectivity=2)
    np.testing.assert_array_equal(ops.drop_specks(mask, min_area_px=20), expected)


def test_drop_specks_never_drops_the_largest_piece() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:4, 2:4] = True
    mask[10:13, 10:13] = True
    kept = ops.drop_specks(mask, min_area_px=100)
    expected = np.zeros_like(mask)
    expected[10:13, 10:13] = True
    np.testing.assert_array_equal(kept, expected)


def test_smooth_edge_is_a_gaussian_majority() -> None:
    mask = blobs(5)
    share = ndimage.gaussian_filter(mask.astype(float), 2, mode="nearest", truncate=6)
    decided = np.abs(share - 0.5) > 1e-3
    np.testing.assert_array_equal(
        ops.smooth_edge(mask, sigma_px=2)[decided], (share > 0.5)[decided]
    )


def test_threshold_counts_the_value_itself() -> None:
    matte = np.array([[0.0, 0.24999, 0.25, 1.0]], np.float32)
    np.testing.assert_array_equal(ops.threshold(matte, at=0.25), [[False, False, True, True]])


@pytest.mark.parametrize("at", [0, -1, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_refused(at: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        ops.threshold(np.zeros((2, 2), np.float32), at=at)


@pytest.mark.parametrize("call", [ops.grow, ops.shrink, ops.feather])
@pytest.mark.parametrize("radius", [-1, float("nan"), float("inf")])
def test_a_bad_radius_is_refused(call, radius: float) -> None:
    with pytest.raises(InputError, match="radius_px"):
        call(np.zeros((2, 2), bool), radius_px=radius)


def test_the_mask_given_is_not_changed() -> None:
    mask = blobs(6)
    before = mask.copy()
    mask.flags.writeable = False
    ops.grow(mask, radius_px=4)
    ops.grow(mask, radius_px=2)
    ops.shrink(mask, radius_px=4)
    ops.feather(mask, radius_px=4)
    ops.fill_holes(mask)
    ops.drop_specks(mask, min_area_px=9)
    ops.smooth_edge(mask, sigma_px=1)
    np.testing.assert_array_equal(mask, before)
