"""Edges of mattes that follow the picture's."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tam_edit.masks.closed_form import edge_solved
from tam_edit.masks.follow import edge_followed
from tam_edit.masks.guided import ColourWindows, guided_filter

Floats = NDArray[np.float32]
CHECKOUT = Path(__file__).resolve().parent.parent


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


def filtered(guide: Any, values: Any, radius: int, epsilon: float) -> Any:
    """The guided filter in double precision, window by window as the paper has it."""

    def mean(array: Any) -> Any:
        sizes = (2 * radius + 1, 2 * radius + 1, *(1,) * (array.ndim - 2))
        return ndimage.uniform_filter(array, sizes, mode="reflect")

    guide, values = guide.astype(np.float64), values.astype(np.float64)
    middle = mean(guide)
    spread = np.einsum("ijk,ijl->ijkl", guide, guide)
    spread = mean(spread) - np.einsum("ijk,ijl->ijkl", middle, middle) + epsilon * np.eye(3)
    joint = mean(guide * values[..., None]) - middle * mean(values)[..., None]
    slope = np.linalg.solve(spread, joint[..., None])[..., 0]
    offset = mean(values) - (slope * middle).sum(-1)
    return (mean(slope) * guide).sum(-1) + mean(offset)


@pytest.mark.parametrize("colours", [0.0, 1e-3, 1.0])
def test_the_guided_filter_is_the_papers_also_on_grey_pictures(colours: float) -> None:
    rng = np.random.default_rng(3)
    grey = np.repeat(rng.random((20, 30)) > 0.5, 2, axis=0)[..., None] * 0.9
    guide = (grey + colours * rng.random((40, 30, 3))).astype(np.float32)
    values = rng.random((40, 30), np.float32)
    got = guided_filter(guide, values, 4, 3e-5)
    assert np.abs(got - filtered(guide, values, 4, 3e-5)).max() < 2e-3


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_what_colours_account_for_is_the_share_of_the_variance(noise: float) -> None:
    rng = np.random.default_rng(4)
    guide = rng.random((60, 60, 3), np.float32)
    values = guide @ np.array([0.5, 0.3, -0.2], np.float32) + np.float32(0.2)
    signal = values.var()
    values = (values + noise * rng.standard_normal((60, 60))).astype(np.float32)
    share = ColourWindows(guide, 5, 1e-5).explained(values, 10)
    # Three slopes fitted to 121 pixels take in a little of the noise.
    assert share.mean() == pytest.approx(signal / (signal + noise**2), abs=0.03)
    assert not ColourWindows(guide, 5, 1e-5).explained(np.ones_like(values), 10).any()


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


@pytest.mark.slow
def test_on_tracked_clips_mattes_are_nearer_and_steadier_than_masks(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    composed = importlib.import_module("composed_clips").composed
    compared = importlib.import_module("matte_edges").compared
    rows = []
    for number, (name, clip) in enumerate(composed(shared_data / "data", 8)):
        if clip.size == (854, 480):
            folder = tmp_path / str(number)
            folder.mkdir()
            rows.append(compared(clip, folder))
            assert rows[-1]["follow, steady"]["sad"] < 0.85, name
            assert rows[-1]["follow, steady"]["flicker"] <= 1, name
    assert len(rows) == 4
    for way in ("follow", "follow, steady", "closed form"):
        for measure in ("sad", "gradient"):
            assert np.mean([row[way][measure] for row in rows]) < 0.7
        assert np.mean([row[way]["flicker"] for row in rows]) <= 1
