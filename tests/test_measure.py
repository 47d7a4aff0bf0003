"""J, F and their statistics against brute-force definitions and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage.draw import disk as draw_disc
from skimage.segmentation import find_boundaries

from tam_edit.errors import InputError
from tam_edit.masks.measure import boundary, boundary_f, iou, region_similarity, statistics

Bool = NDArray[np.bool_]


def blobs(seed: int, height: int = 61, width: int = 83) -> Bool:
    noise = np.random.default_rng(seed).standard_normal((height, width))
    return ndimage.gaussian_filter(noise, 3) > 0.02


def disc(row: float, column: float, radius: float, shape: tuple[int, int] = (240, 320)) -> Bool:
    mask = np.zeros(shape, bool)
    mask[draw_disc((row, column), radius, shape=shape)] = True
    return mask


def outline_by_definition(mask: Bool) -> Bool:
    """Whether the window of a pixel and its right, lower and lower right neighbour is mixed."""
    window = ndimage.generate_binary_structure(2, 2)
    window[0] = window[:, 0] = False
    low = ndimage.minimum_filter(mask, footprint=window, mode="nearest")
    high = ndimage.maximum_filter(mask, footprint=window, mode="nearest")
    return low != high


def f_by_definition(predicted: Bool, truth: Bool, tolerance_frac: float) -> float:
    """Every pair of boundary pixels, without any distance transform."""
    a = np.argwhere(outline_by_definition(predicted))
    b = np.argwhere(outline_by_definition(truth))
    if len(a) == 0 or len(b) == 0:
        return float(len(a) == len(b))
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    limit = math.ceil(tolerance_frac * math.sqrt(truth.shape[0] ** 2 + truth.shape[1] ** 2)) ** 2
    precision, recall = (squared.min(1) <= limit).mean(), (squared.min(0) <= limit).mean()
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tolerance_frac", [0.008, 0.03, 0.0])
def test_f_equals_the_definition_over_all_pairs(seed: int, tolerance_frac: float) -> None:
    predicted, truth = blobs(seed), blobs(seed) ^ (blobs(seed + 100) & blobs(seed + 200))
    if seed == 5:
        predicted[:, 40:] = False
    expected = f_by_definition(predicted, truth, tolerance_frac)
    assert 0 < expected < 1
    assert boundary_f(predicted, truth, tolerance_frac) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("offset", [(0, 0), (3, 0), (0, 8), (9, 0), (4, 7), (20, 20)])
def test_f_equals_scipy_distances_at_davis_size(offset: tuple[int, int]) -> None:
    shape = (480, 854)
    truth = disc(200, 400, 90, shape)
    predicted = disc(200 + offset[0], 400 + offset[1], 85, shape)
    a, b = outline_by_definition(predicted), outline_by_definition(truth)
    to_truth, to_predicted = (ndimage.distance_transform_edt(~m) for m in (b, a))
    precision, recall = (to_truth[a] <= 8).mean(), (to_predicted[b] <= 8).mean()
    expected = 2 * precision * recall / (precision + recall)
    assert boundary_f(predicted, truth) == pytest.approx(expected, abs=1e-12)


def test_the_tolerance_is_rounded_up_and_inclusive() -> None:
    # 0.008 of the diagonal of 480x854 is 7.84: straight edges 8 px apart match, 9 px do not.
    truth = np.zeros((480, 854), bool)
    truth[:, :400] = True
    near, far = (np.roll(truth, shift, axis=1) for shift in (8, 9))
    near[:, :8] = far[:, :9] = True
    assert boundary_f(near, truth) == 1
    assert boundary_f(far, truth) == 0


def test_the_boundary_is_that_of_right_lower_and_lower_right_neighbours() -> None:
    for seed in range(4):
        mask = blobs(seed)
        np.testing.assert_array_equal(boundary(mask), outline_by_definition(mask))
        # scikit-image marks both sides of an edge: ours is a subset of it.
        thick = find_boundaries(mask, connectivity=2, mode="thick")
        assert not (boundary(mask) & ~thick).any()


def test_the_border_of_the_picture_is_no_boundary() -> None:
    assert not boundary(np.ones((5, 7), bool)).any()
    assert boundary(np.ones((1, 1), bool)).shape == (1, 1)


def test_empty_masks() -> None:
    empty, some = np.zeros((20, 30), bool), disc(10, 12, 5, (20, 30))
    assert iou(empty, empty) == region_similarity(empty, empty) == boundary_f(empty, empty) == 1
    for a, b in ((empty, some), (some, empty)):
        assert iou(a, b) == boundary_f(a, b) == 0


def test_iou_of_two_discs_follows_the_lens_formula() -> None:
    radius, distance = 80.0, 50.0
    a, b = disc(120, 100, radius), disc(120, 100 + distance, radius)
    lens = 2 * radius**2 * math.acos(distance / (2 * radius)) - distance / 2 * math.sqrt(
        4 * radius**2 - distance**2
    )
    expected = lens / (2 * math.pi * radius**2 - lens)
    assert iou(a, b) == pytest.approx(expected, abs=0.002)


def test_measures_are_symmetric_and_survive_a_shift() -> None:
    a, b = disc(100, 100, 30), disc(108, 96, 27)
    assert iou(a, b) == iou(b, a)
    assert boundary_f(a, b) == pytest.approx(boundary_f(b, a), abs=1e-15)
    moved = [np.roll(m, (60, 120), (0, 1)) for m in (a, b)]
    assert boundary_f(*moved) == boundary_f(a, b)


def test_ignored_pixels_do_not_count() -> None:
    truth, predicted, ignored = (np.zeros((10, 10), bool) for _ in range(3))
    truth[:, :4] = True
    predicted[:, :6] = True
    assert region_similarity(predicted, truth) == pytest.approx(4 / 6)
    ignored[:, 4:6] = True
    assert region_similarity(predicted, truth, ignored) == 1
    ignored[:, 5] = False
    ignored[:, 3] = True
    assert region_similarity(predicted, truth, ignored) == pytest.approx(3 / 4)


def test_masks_of_different_size_are_refused() -> None:
    small, large = np.zeros((4, 5), bool), np.zeros((5, 4), bool)
    for measure in (iou, region_similarity, boundary_f):
        with pytest.raises(InputError, match="5x4 and 4x5"):
            measure(small, large)
    with pytest.raises(InputError, match="4x5"):
        region_similarity(small, small, large)


def test_statistics_on_values_worked_out_by_hand() -> None:
    # Nine frames: the quarters are frames 1-3, 3-5, 5-7 and 7-9, which share their ends.
    found = statistics([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
    assert found.mean == pytest.approx(0.6)
    assert found.recall == pytest.approx(5 / 9)  # 0.5 itself is not above 0.5
    assert found.decay == pytest.approx(0.9 - 0.3)


def test_decay_rounds_halves_up() -> None:
    # Three frames: the ends lie at 1, 1.5, 2, 2.5 and 3, so the bins are frames 1-2 and 3-3.
    assert statistics([1.0, 0.5, 0.0]).decay == pytest.approx(0.75)
    assert statistics([0.7]) == (0.7, 1.0, 0.0)


def test_decay_of_more_than_256_frames() -> None:
    values = np.linspace(1, 0, 1001)
    assert statistics(values.tolist()).decay == pytest.approx(0.75)


def test_statistics_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="no frame"):
        statistics([])
