"""Simulated clicks, against scipy's exact distance transform and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from tam_edit.errors import InputError
from tam_edit.masks.clicks import first_click, next_click


def rectangle(height, width, *sides):
    y0, y1, x0, x1 = sides
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def depth_of(region):
    return distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]


def test_the_first_click_is_the_centre_of_a_square():
    assert first_click(rectangle(40, 60, 10, 21, 30, 41)) == (35.0, 15.0)


def test_beyond_the_border_counts_as_outside():
    assert first_click(np.ones((9, 21), bool))[1] == 4.0
    # Against the left border the square is no deeper than it is in the open.
    assert first_click(rectangle(30, 30, 5, 16, 0, 11)) == (5.0, 10.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_click_is_at_the_maximum_of_the_exact_distance_transform(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((37, 53)) < 0.8
    x, y = first_click(mask)
    depth = depth_of(mask)
    assert depth[int(y), int(x)] == pytest.approx(depth.max(), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_next_click_lies_deepest_in_the_deepest_error(seed):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.random((2, 37, 53)) < 0.7
    (x, y), positive = next_click(truth, predicted)
    missed, wrong = depth_of(truth & ~predicted), depth_of(predicted & ~truth)
    assert positive == (missed.max() >= wrong.max())
    depth = missed if positive else wrong
    assert depth[int(y), int(x)] == pytest.approx(depth.max(), rel=1e-5)


def test_a_wrongly_taken_region_gets_a_negative_click():
    truth = rectangle(50, 50, 10, 20, 10, 20)
    predicted = truth | rectangle(50, 50, 30, 45, 30, 45)
    assert next_click(truth, predicted) == ((37.0, 37.0), False)


def test_a_missed_region_gets_a_positive_click():
    truth = rectangle(50, 50, 10, 31, 10, 31)
    assert next_click(truth, np.zeros_like(truth)) == ((20.0, 20.0), True)


def test_a_perfect_mask_is_confirmed_in_the_middle():
    truth = rectangle(50, 50, 10, 31, 10, 31)
    assert next_click(truth, truth) == (first_click(truth), True)


def test_a_single_pixel_is_its_own_middle():
    assert first_click(np.ones((1, 1), bool)) == (0.0, 0.0)


def test_an_empty_truth_cannot_be_clicked():
    empty = np.zeros((4, 4), bool)
    with pytest.raises(InputError, match="empty"):
        first_click(empty)
    with pytest.raises(InputError, match="empty"):
        next_click(empty, empty)


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(InputError, match="shape"):
        next_click(np.ones((4, 4), bool), np.ones((4, 5), bool))
