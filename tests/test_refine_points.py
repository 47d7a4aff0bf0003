"""The points that a doubtful mask and its affinity give."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from scipy import ndimage

from tam_edit.models.base import Affinity
from tam_edit.tracking.refine import Points, affinity_points, probes, prompt_points, to_prompts
from tam_edit.types import Mask, Matte
from tests.judged_masks import as_matte


def soft_blob(seed: int, width: int = 90, height: int = 70, grain_px: float = 7) -> Matte:
    """A soft prediction of a ragged shape, with a few separate parts."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(
        rng.standard_normal((height, width)).astype(np.float32), (0, 0), grain_px
    )
    noise *= grain_px / 7
    y, x = np.mgrid[0:height, 0:width]
    near = np.exp(-(((x - width / 2) / 25) ** 2 + ((y - height / 2) / 18) ** 2))
    return (1 / (1 + np.exp(-(4 * near - 2 + 12 * noise)))).astype(np.float32)


def slow_probes(matte: Matte) -> Points:
    """The published definition, pixel by pixel."""
    mask = matte > 0.5
    reach = float(np.sqrt(mask.sum()))
    inside_px = ndimage.distance_transform_edt(mask)
    outside_px = ndimage.distance_transform_edt(~mask)
    level = np.rint(matte * 255)

    def greatness(y: int, x: int) -> tuple[float, float]:
        return float(level[y, x]), float(np.float32(inside_px[y, x]))

    core = [(y, x) for y, x in np.argwhere(mask) if inside_px[y, x] > 0.08 * reach]
    peaks = []
    for y, x in core:
        neighbours = [(v, u) for v, u in core if max(abs(v - y), abs(u - x)) == 1]
        if all(greatness(y, x) >= greatness(*other) for other in neighbours):
            peaks.append((y, x))
    middle = (0.1 + 0.35) / 2 * reach
    band = [
        (y, x)
        for y, x in np.argwhere(~mask)
        if max(1, 0.1 * reach) <= outside_px[y, x] <= max(2, 0.35 * reach)
    ]

    def chosen(
        pixels: list[tuple[int, int]], key: Callable, apart: float, limit: int
    ) -> tuple[tuple[int, int], ...]:
        taken: list[tuple[int, int]] = []
        for y, x in sorted(pixels, key=key):
            if len(taken) < limit and all(np.hypot(x - u, y - v) >= apart for u, v in taken):
                taken.append((int(x), int(y)))
        return tuple(taken)

    return Points(
        positive=chosen(
            peaks, lambda p: (-greatness(*p)[0], -greatness(*p)[1], p[0], p[1]), 0.5 * reach, 3
        ),
        negative=chosen(
            band,
            lambda p: (level[tuple(p)], round(abs(outside_px[tuple(p)] - middle), 4), p[0], p[1]),
            0.8 * reach,
            4,
        ),
    )


@pytest.mark.parametrize("grain_px", [2.5, 7])
@pytest.mark.parametrize("seed", range(4))
def test_probes_lie_where_the_definition_says(seed: int, grain_px: float) -> None:
    matte = soft_blob(seed, grain_px=grain_px)
    found, wanted = probes(matte), slow_probes(matte)
    assert len(wanted.positive) >= 1
    assert len(wanted.negative) >= 2
    assert found.positive == wanted.positive
    assert found.negative[0] == wanted.negative[0]
    assert len(found.negative) == len(wanted.negative)


@pytest.mark.parametrize("seed", range(6))
def test_probes_hold_on_the_mask_and_keep_apart(seed: int) -> None:
    matte = soft_blob(seed)
    found = probes(matte)
    reach = np.sqrt((matte > 0.5).sum())
    for x, y in found.positive:
        assert matte[y, x] > 0.5
    for x, y in found.negative:
        assert matte[y, x] <= 0.5
    for points, apart in ((found.positive, 0.5), (found.negative, 0.8)):
        for i, a in enumerate(points):
            for b in points[:i]:
                assert np.hypot(a[0] - b[0], a[1] - b[1]) >= apart * reach


def test_on_a_hard_disc_the_probe_is_its_middle() -> None:
    y, x = np.mgrid[0:81, 0:81]
    disc = (np.hypot(x - 40, y - 40) <= 25).astype(np.float32)
    assert probes(disc).positive[0] == (40, 40)


@pytest.mark.parametrize("shape", ["line", "dot", "border", "full", "empty"])
def test_probes_of_odd_masks(shape: str) -> None:
    mask = np.zeros((40, 60), bool)
    if shape == "line":
        mask[20, 5:50] = True
    elif shape == "dot":
        mask[3, 7] = True
    elif shape == "border":
        mask[:, :20] = True
    elif shape == "full":
        mask[:] = True
    found = probes(as_matte(mask))
    assert bool(found.positive) == (shape != "empty")
    assert bool(found.negative) == (shape not in ("empty", "full"))
    for x, y in found.positive:
        assert mask[y, x]
    for x, y in found.negative:
        assert not mask[y, x]


def disc_at(x0: int, y0: int, radius: int, width: int = 200, height: int = 160) -> Mask:
    y, x = np.mgrid[0:height, 0:width]
    return np.hypot(x - x0, y - y0) <= radius


def test_affinity_gives_points_only_where_there_is_evidence() -> None:
    body, dropped = disc_at(70, 80, 40), disc_at(160, 80, 22)
    alien = disc_at(60, 80, 12)
    matte = as_matte(body)
    agreeing = Affinity(inside=as_matte(body), anchored=as_matte(body))
    assert affinity_points(matte, agreeing) == Points()
    missed = Affinity(inside=as_matte(body | dropped), anchored=0.8 * as_matte(body | dropped))
    found = affinity_points(matte, missed)
    assert found.positive
    assert not found.negative
    assert all(dropped[y, x] for x, y in found.positive)
    # What only later frames have as object is no keyframe's word.
    later = Affinity(inside=as_matte(body | dropped), anchored=as_matte(body))
    assert affinity_points(matte, later) == Points()
    torn = Affinity(inside=as_matte(body & ~alien), anchored=as_matte(body & ~alien))
    found = affinity_points(matte, torn)
    assert found.negative
    assert not found.positive
    assert all(alien[y, x] for x, y in found.negative)


def test_what_the_affinity_contradicts_is_no_probe() -> None:
    body, core = disc_at(90, 80, 45), disc_at(90, 80, 20)
    matte = as_matte(body)
    hollow = Affinity(inside=as_matte(body & ~core), anchored=as_matte(body & ~core))
    assert core[probes(matte).positive[0][::-1]]
    assert probes(matte, hollow).positive
    assert not any(core[y, x] for x, y in probes(matte, hollow).positive)
    everywhere = Affinity(inside=np.ones_like(matte), anchored=np.ones_like(matte))
    away = ndimage.distance_transform_cdt(~body, metric="chessboard")
    assert max(away[y, x] for x, y in probes(matte).negative) > 8
    assert max(away[y, x] for x, y in probes(matte, everywhere).negative) <= 8


def test_the_strongest_affinity_comes_first() -> None:
    body, dropped = disc_at(70, 80, 40), disc_at(160, 80, 22)
    anchored = as_matte(body | dropped) * 0.6
    anchored[90, 165] = 0.9
    affinity = Affinity(inside=as_matte(body | dropped), anchored=anchored)
    assert affinity_points(as_matte(body), affinity).positive[0] == (165, 90)


def test_pixels_of_another_object_are_no_candidates() -> None:
    body, dropped = disc_at(70, 80, 40), disc_at(160, 80, 22)
    affinity = Affinity(inside=as_matte(body | dropped), anchored=as_matte(body | dropped))
    taken = as_matte(dropped)
    assert affinity_points(as_matte(body), affinity, taken).positive == ()


@pytest.mark.parametrize("seed", range(8))
def test_points_never_contradict_each_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matte = soft_blob(seed, 200, 160)
    maps = [
        np.clip(0.5 + 12 * cv2.GaussianBlur(rng.standard_normal(matte.shape), (0, 0), 9), 0, 1)
        for _ in range(2)
    ]
    inside, anchored = (m.astype(np.float32) for m in maps)
    points = prompt_points(matte, Affinity(inside=inside, anchored=anchored), None)
    assert not set(points.positive) & set(points.negative)
    if points.positive:
        to_prompts(points, (200, 160), (1920, 1080)).check(1920, 1080)
        to_prompts(points, (200, 160), (200, 160)).check(200, 160)


def test_points_are_scaled_from_pixel_centre_to_pixel_centre() -> None:
    points = Points(positive=((0, 0), (99, 49)), negative=((10, 20),))
    prompts = to_prompts(points, (100, 50), (400, 200))
    assert prompts.positive == ((1.5, 1.5), (397.5, 197.5))
    assert prompts.negative == ((41.5, 81.5),)
    same = to_prompts(points, (100, 50), (100, 50))
    assert same.positive == ((0.0, 0.0), (99.0, 49.0))
