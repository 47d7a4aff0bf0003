"""Edges of mattes that follow the picture's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tam_edit.masks.closed_form import edge_solved
from tam_edit.masks.follow import edge_followed

Floats = NDArray[np.float32]


def disc(radius: float) -> Floats:
    y, x = np.mgrid[:120, :120]
    inside: Floats = np.clip(radius + 0.5 - np.hypot(x - 60, y - 60), 0, 1).astype(np.float32)
    return inside


def shown(alpha: Floats) -> Floats:
    """An orange object on blue."""
    front, back = np.array([0.9, 0.5, 0.1]), np.array([0.1, 0.3, 0.8])
    return np.asarray(alpha[..., None] * front + (1 - alpha[..., None]) * back, np.float32)


def away_from(matte: Any, truth: Any) -> float:
    return float(np.abs(matte - truth).sum())


@pytest.mark.parametrize("wrong_px", [-4, -2, 2, 4])
def test_an_edge_that_lies_beside_the_pictures_is_moved_there(wrong_px: int) -> None:
    truth = disc(35)
    matte = disc(35 + wrong_px)
    found = edge_followed(matte, shown(truth), 8)
    assert away_from(found, truth) < 0.2 * away_from(matte, truth)
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1


def test_a_mask_of_fewer_rows_gets_the_edge_of_the_picture() -> None:
    truth = disc(35)
    small: Any = cv2.resize(truth, (40, 40), interpolation=cv2.INTER_AREA) > 0.5
    matte: Any = cv2.resize(small.astype(np.float32), (120, 120), interpolation=cv2.INTER_LINEAR)
    found = edge_followed(matte, shown(truth), 6)
    hard = (matte > 0.5).astype(np.float32)
    assert away_from(found, truth) < 0.3 * away_from(hard, truth)
    assert away_from(found, truth) < 0.5 * away_from(matte, truth)


@pytest.mark.parametrize("drawn", [edge_followed, edge_solved])
def test_far_from_the_edge_nothing_changes(drawn: Any) -> None:
    truth, reach = disc(35), 6.0
    rng = np.random.default_rng(1)
    picture = shown(disc(37)) + rng.normal(0, 0.02, (120, 120, 3)).astype(np.float32)
    found = drawn(truth, picture, reach)
    y, x = np.mgrid[:120, :120]
    far = np.abs(np.hypot(x - 60, y - 60) - 35) > reach + 1
    assert np.array_equal(found[far], truth[far])
    assert (found[~far] != truth[~far]).any()


@pytest.mark.parametrize("drawn", [edge_followed, edge_solved])
def test_without_an_edge_the_matte_stays(drawn: Any) -> None:
    for value in (0, 1):
        matte = np.full((120, 120), value, np.float32)
        assert np.array_equal(drawn(matte, shown(disc(35)), 6), matte)


@pytest.mark.parametrize("drawn", [edge_followed, edge_solved])
def test_a_picture_that_says_nothing_leaves_the_matte_as_it_was(drawn: Any) -> None:
    matte = cv2.GaussianBlur(disc(35), (0, 0), 2)
    flat = np.full((120, 120, 3), 0.5, np.float32)
    assert np.abs(drawn(matte, flat, 6) - matte).max() < 1e-6
    # The same speckles inside and outside of the object.
    speckled = np.random.default_rng(2).random((120, 120, 3), np.float32)
    assert np.abs(drawn(matte, speckled, 6) - matte).max() < 0.02


@pytest.mark.parametrize(("drawn", "left"), [(edge_followed, 0.3), (edge_solved, 0.15)])
def test_a_soft_edge_comes_back_from_a_hard_mask(drawn: Any, left: float) -> None:
    y, x = np.mgrid[:120, :120]
    away = np.hypot(x - 60, y - 60) - 35
    truth = np.clip(0.5 - away / 8, 0, 1).astype(np.float32)
    hard = (truth > 0.5).astype(np.float32)
    found = drawn(hard, shown(truth), 9)
    assert drawn(hard, shown(truth), 9).dtype == np.float32
    assert away_from(found, truth) < left * away_from(hard, truth)


def test_closed_form_matting_finds_strands_that_a_mask_lacks() -> None:
    truth = disc(30)
    y, x = np.mgrid[:120, :120]
    angle, radius = np.arctan2(y - 60, x - 60), np.hypot(x - 60, y - 60)
    strands = 0.8 * (np.cos(24 * angle) > 0.6) * (radius < 37)
    truth = np.maximum(truth, cv2.GaussianBlur(strands, (0, 0), 0.7)).astype(np.float32)
    matte = disc(30)
    found = edge_solved(matte, shown(truth), 12)
    assert away_from(found, truth) < 0.55 * away_from(matte, truth)


def sums(alpha: Any, truth: Any) -> tuple[float, float]:
    """Sum of absolute differences, and of squared differences of the slopes (Rhemann 2009)."""

    def slope(matte: Any) -> Any:
        blurred = cv2.GaussianBlur(matte, (0, 0), 1.4)
        across = cv2.Sobel(blurred, cv2.CV_32F, 1, 0, ksize=3)
        down = cv2.Sobel(blurred, cv2.CV_32F, 0, 1, ksize=3)
        return np.hypot(across, down)

    return away_from(alpha, truth), float(((slope(alpha) - slope(truth)) ** 2).sum())


def test_fur_is_nearer_to_its_true_matte_than_a_hard_mask(shared_data: Path) -> None:
    folder = shared_data / "data" / "matting"
    bgr: Any = cv2.imread(str(folder / "lemur.png"), cv2.IMREAD_COLOR)
    grey: Any = cv2.imread(str(folder / "lemur_alpha.png"), cv2.IMREAD_GRAYSCALE)
    truth = np.asarray(grey / np.float32(255), np.float32)
    picture = np.asarray(bgr[..., ::-1] / np.float32(255), np.float32)
    rows, columns = truth.shape
    small: Any = cv2.resize(truth, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA) > 0.5
    matte: Any = cv2.resize(
        small.astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR
    )
    hard = (matte > 0.5).astype(np.float32)
    ours = sums(edge_followed(matte, picture, 0.012 * rows), truth)
    for measured, other in zip(ours, sums(hard, truth), strict=True):
        assert measured < 0.7 * other
    for measured, other in zip(ours, sums(matte, truth), strict=True):
        assert measured < other
