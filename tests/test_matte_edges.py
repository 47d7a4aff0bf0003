"""Edges of mattes that follow the picture's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tam_edit.masks.follow import OUTWARD, edge_followed

Floats = NDArray[np.float32]


def disc(radius: float) -> Floats:
    y, x = np.mgrid[:120, :120]
    inside: Floats = np.clip(radius + 0.5 - np.hypot(x - 60, y - 60), 0, 1).astype(np.float32)
    return inside


def shown(alpha: Floats) -> Floats:
    """An orange object on blue."""
    front, back = np.array([0.9, 0.5, 0.1]), np.array([0.1, 0.3, 0.8])
    return np.asarray(alpha[..., None] * front + (1 - alpha[..., None]) * back, np.float32)


def away(matte: Any, truth: Any) -> float:
    return float(np.abs(matte - truth).sum())


@pytest.mark.parametrize("wrong_px", [-4, -2, 2, 4])
def test_an_edge_that_lies_beside_the_pictures_is_moved_there(wrong_px: int) -> None:
    truth = disc(35)
    matte = disc(35 + wrong_px)
    found = edge_followed(matte, shown(truth), 8)
    assert away(found, truth) < 0.2 * away(matte, truth)
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1


def test_a_mask_of_fewer_rows_gets_the_edge_of_the_picture() -> None:
    truth = disc(35)
    small: Any = cv2.resize(truth, (40, 40), interpolation=cv2.INTER_AREA) > 0.5
    matte: Any = cv2.resize(small.astype(np.float32), (120, 120), interpolation=cv2.INTER_LINEAR)
    found = edge_followed(matte, shown(truth), 6)
    hard = (matte > 0.5).astype(np.float32)
    assert away(found, truth) < 0.3 * away(hard, truth)
    assert away(found, truth) < 0.5 * away(matte, truth)


def test_far_from_the_edge_nothing_changes() -> None:
    truth, reach = disc(35), 6.0
    rng = np.random.default_rng(1)
    picture = rng.random((120, 120, 3), np.float32)
    found = edge_followed(truth, picture, reach)
    y, x = np.mgrid[:120, :120]
    distance = np.hypot(x - 60, y - 60) - 35
    far = (distance < -reach - 1) | (distance > OUTWARD * reach + 1)
    assert np.array_equal(found[far], truth[far])
    assert (found[~far] != truth[~far]).any()


def test_without_an_edge_or_a_picture_the_matte_stays() -> None:
    picture = shown(disc(35))
    for value in (0, 1):
        matte = np.full((120, 120), value, np.float32)
        assert np.array_equal(edge_followed(matte, picture, 6), matte)
    flat = np.full((120, 120, 3), 0.5, np.float32)
    matte = disc(35)
    # Nothing to follow: the edge stays where it was, if softer.
    moved = edge_followed(matte, flat, 4) > 0.5
    assert np.count_nonzero(moved != (matte > 0.5)) < 0.02 * np.count_nonzero(matte > 0.5)


def sums(alpha: Any, truth: Any) -> tuple[float, float]:
    """Sum of absolute differences, and of squared differences of the slopes (Rhemann 2009)."""

    def slope(matte: Any) -> Any:
        blurred = cv2.GaussianBlur(matte, (0, 0), 1.4)
        across = cv2.Sobel(blurred, cv2.CV_32F, 1, 0, ksize=3)
        down = cv2.Sobel(blurred, cv2.CV_32F, 0, 1, ksize=3)
        return np.hypot(across, down)

    return away(alpha, truth), float(((slope(alpha) - slope(truth)) ** 2).sum())


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
