"""The refinement network: what it adds, and that it is the same for every layout and size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tam_edit.models.builtin.backbone import CHANNEL_COUNT
from tam_edit.models.builtin.tracker.clues import Clues
from tam_edit.models.builtin.tracker.cut import snap_to_edges
from tam_edit.models.builtin.tracker.deep import DeepGrid, deep_grid
from tam_edit.models.builtin.tracker.online import single_torch_thread
from tam_edit.models.builtin.tracker.refinement import (
    CONTEXT_PX,
    GRID_PX,
    PLANE_COUNT,
    WIDTHS,
    Refinement,
    hint_places,
    laid_out,
    refined,
    refinement,
    shapes,
)
from tam_edit.types import Box

Float = NDArray[np.float32]
Weights = dict[str, torch.Tensor]
WIDTH, HEIGHT = 150, 110


def made_weights(spread: float = 0.08) -> Weights:
    draw = torch.Generator().manual_seed(4)
    return {name: torch.randn(shape, generator=draw) * spread for name, shape in shapes().items()}


def made_clues(height: int, width: int, seed: int = 0) -> Clues:
    rng = np.random.default_rng(seed)

    def plane(low: float, high: float) -> Float:
        return rng.uniform(low, high, (height, width)).astype(np.float32)

    return Clues(
        picture=rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        total=plane(-6, 6),
        appearance=plane(-5, 5),
        distance=plane(-20, 20),
        trust=plane(0, 1),
        motion=plane(-2, 2),
        cost=plane(0, 3),
        reach_px=30.0,
    )


@pytest.fixture(scope="module")
def grid() -> DeepGrid:
    cells = np.random.default_rng(1).standard_normal((26, 35, CHANNEL_COUNT)).astype(np.float32)
    return DeepGrid(cells, (1.84, 1.84))


def test_without_weights_the_smoothed_sum_stays_as_it_is(grid: DeepGrid) -> None:
    network = Refinement({name: torch.zeros(shape) for name, shape in shapes().items()})
    clues = made_clues(70, 90)
    found = refined(clues, grid, Box(20, 10, 110, 80), network)
    assert np.array_equal(found, snap_to_edges(clues.picture, clues.total))


def test_what_is_surely_not_the_object_is_left_alone(grid: DeepGrid) -> None:
    network = Refinement(laid_out(made_weights()))
    clues = made_clues(90, 120)
    clues.total[:] = -6 - np.abs(clues.total)
    box = Box(10, 5, 130, 95)
    assert np.array_equal(refined(clues, grid, box, network), clues.total)
    clues.total[40:50, 60:70] = 1
    found = refined(clues, grid, box, network)
    reach = np.zeros((90, 120), bool)
    reach[40 - CONTEXT_PX : 50 + CONTEXT_PX, 60 - CONTEXT_PX : 70 + CONTEXT_PX] = True
    assert np.array_equal(found[~reach], clues.total[~reach])
    assert (found[reach] != clues.total[reach]).mean() > 0.9
    # What is asked about is told apart as it would be on its own.
    place = (slice(40 - CONTEXT_PX, 50 + CONTEXT_PX), slice(60 - CONTEXT_PX, 70 + CONTEXT_PX))
    inner = Box(10 + place[1].start, 5 + place[0].start, 10 + place[1].stop, 5 + place[0].stop)
    assert np.array_equal(refined(clues.at(place), grid, inner, network), found[place])


def plain(weights: Weights, planes: torch.Tensor, hints: torch.Tensor) -> torch.Tensor:
    """The network as its model card says it, layer by layer."""

    def layer(x: torch.Tensor, name: str, **how: int) -> torch.Tensor:
        return functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], **how)

    def block(x: torch.Tensor, name: str, apart: int = 1) -> torch.Tensor:
        inner = layer(x, f"{name}.0", padding=apart, dilation=apart).relu()
        return (x + layer(inner, f"{name}.1", padding=1)).relu()

    def doubled(x: torch.Tensor) -> torch.Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    half = layer(planes, "stem", stride=2, padding=1).relu()
    quarter = (layer(half, "down4", stride=2, padding=1) + hints).relu()
    eighth = layer(quarter, "down8", stride=2, padding=1).relu()
    for apart in (1, 2, 4):
        eighth = block(eighth, f"middle{apart}", apart)
    quarter = block((quarter + doubled(layer(eighth, "up4"))).relu(), "out4")
    half = block((half + doubled(layer(quarter, "up2"))).relu(), "out2")
    last = layer(half, "last")
    fine = torch.zeros(last.shape[0], 2 * last.shape[2], 2 * last.shape[3], dtype=last.dtype)
    for i in range(4):
        fine[:, i // 2 :: 2, i % 2 :: 2] = last[:, i]
    return fine


def test_the_network_is_that_of_its_model_card() -> None:
    weights = {name: weight.double() for name, weight in made_weights().items()}
    draw = torch.Generator().manual_seed(5)
    planes = torch.randn((2, PLANE_COUNT, 64, 96), generator=draw, dtype=torch.float64)
    hints = torch.randn((2, WIDTHS[1], 16, 24), generator=draw, dtype=torch.float64)
    found = Refinement(weights)(planes, hints)
    assert found.abs().mean() > 0.01
    torch.testing.assert_close(found, plain(weights, planes, hints), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("size", [(1, 1), (1, 140), (100, 2), (33, 31), (96, 128)])
def test_regions_of_any_size_are_refined(grid: DeepGrid, size: tuple[int, int]) -> None:
    network = Refinement(laid_out(made_weights()))
    found = refined(made_clues(*size), grid, Box(3, 5, 3 + size[1], 5 + size[0]), network)
    assert found.shape == size
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_the_hints_are_the_deep_features_at_the_middles_of_their_cells() -> None:
    assert hint_places(10, 20).tolist() == [11.5 + 4 * i for i in range(GRID_PX // 4)]
    y, x = (a.astype(np.float32) for a in (np.arange(40), np.arange(60)))
    # A grid whose cells are the picture's pixels, with a feature that is linear in both.
    cells = (2 * y[:, None, None] + 3 * x[None, :, None]).astype(np.float32)
    deep = DeepGrid(cells, (8.0, 8.0))
    found = deep.resampled(torch.ones(1, 1), hint_places(4, 20), hint_places(8, 30))
    # A cell's place in the enlarged picture is that of its first pixel.
    shift = (0.5 * 8 - 0.5) / 8
    wanted_y, wanted_x = (hint_places(4, 20) + shift, hint_places(8, 30) + shift)
    wanted = 2 * wanted_y[:, None] + 3 * wanted_x[None, :]
    np.testing.assert_allclose(found[..., 0].numpy(), wanted, atol=1e-3)


def test_the_result_does_not_depend_on_how_the_clues_lie_in_memory(grid: DeepGrid) -> None:
    clues, box = made_clues(60, 77), Box(8, 4, 85, 64)
    turned = Clues(
        picture=np.asfortranarray(clues.picture),
        total=np.asfortranarray(clues.total),
        appearance=np.pad(clues.appearance, 3)[3:-3, 3:-3],
        distance=clues.distance[::-1].copy()[::-1],
        trust=np.asfortranarray(clues.trust),
        motion=np.repeat(clues.motion, 2, axis=1)[:, ::2],
        cost=clues.cost.copy(),
        reach_px=clues.reach_px,
    )
    network = Refinement(laid_out(made_weights()))
    with single_torch_thread():
        wanted = refined(clues, grid, box, network)
        assert np.array_equal(refined(turned, grid, box, network), wanted)
        assert np.array_equal(refined(clues, grid, box, network), wanted)


def test_only_what_lies_near_moves_the_result(grid: DeepGrid) -> None:
    network = Refinement(laid_out(made_weights()))
    clues, box = made_clues(32, 160), Box(0, 0, 160, 32)
    other = made_clues(32, 160)
    other.total[:, 150:] += 3
    change = refined(other, grid, box, network) - refined(clues, grid, box, network)
    assert np.abs(change[:, 140:]).max() > 0
    assert np.abs(change[:, :8]).max() < 1e-5


def blunt_clues(seed: int) -> tuple[Clues, DeepGrid, NDArray[np.bool_]]:
    """A disc on a ground of another texture, with clues that know it only roughly, and the disc."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    away = 30 - np.hypot(x - 75, y - 55)
    inside = away > 0
    ground = cv2.GaussianBlur(rng.normal(0, 60, (HEIGHT, WIDTH, 3)), (0, 0), 2)
    skin = cv2.GaussianBlur(rng.normal(0, 60, (HEIGHT, WIDTH, 3)), (0, 0), 2)
    levels = np.where(inside[..., None], (190, 90, 70) + skin, (80, 120, 90) + ground)
    picture = np.clip(levels, 0, 255).astype(np.uint8)
    # The carried mask lags behind by four pixels; the classifier is right, but lumpy and timid.
    distance = 30 - np.hypot(x - 71, y - 53)
    lumps = cv2.GaussianBlur(rng.normal(0, 10, (HEIGHT, WIDTH)), (0, 0), 3)
    appearance = np.clip(np.clip(away, -3, 3) / 1.5 + lumps, -5, 5).astype(np.float32)
    none = np.zeros_like(distance)
    total = 0.7 * appearance + np.clip(distance / 2.5, -3, 3)
    clues = Clues(
        picture=picture,
        total=total.astype(np.float32),
        appearance=appearance,
        distance=distance.astype(np.float32),
        trust=none + 1,
        motion=none,
        cost=none,
        reach_px=53.0,
    )
    return clues, deep_grid(picture), inside


def overlap(found: Float, inside: NDArray[np.bool_]) -> float:
    return float(((found > 0) & inside).sum() / ((found > 0) | inside).sum())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_shipped_network_mends_what_the_clues_know_roughly(seed: int) -> None:
    clues, deep, inside = blunt_clues(seed)
    with single_torch_thread():
        found = refined(clues, deep, Box(0, 0, WIDTH, HEIGHT))
        assert np.array_equal(found, refined(clues, deep, Box(0, 0, WIDTH, HEIGHT)))
    assert overlap(found, inside) > 0.97
    assert overlap(found, inside) > overlap(clues.total, inside) + 0.03
    # Unsure pixels are those of the outline.
    chance = 1 / (1 + np.exp(-found))
    unsure = (chance > 0.1) & (chance < 0.9)
    outline = np.abs(np.hypot(*(np.mgrid[:HEIGHT, :WIDTH] - [[[55]], [[75]]])) - 30) < 6
    assert unsure.sum() > 50
    assert (unsure & outline).sum() > 0.8 * unsure.sum()


def test_the_shipped_network_is_read_once_and_small() -> None:
    assert refinement() is refinement()
    assert refinement().deep_matrix.dtype == torch.float32
