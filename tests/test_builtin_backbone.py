"""The backbone against its unfolded layers, and its features between the cells of their grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional

from tam_edit.models.builtin.backbone import STAGES, Backbone, as_levels, backbone
from tam_edit.models.builtin.tracker.deep import STRIDE_PX, DeepGrid, deep_grid
from tam_edit.types import Box

# How far a cell at stride 8 and one at stride 16 look beyond themselves, in pixels.
REACHES_PX = (31, 151)

Weights = dict[str, torch.Tensor]


def made_weights() -> Weights:
    """Random float64 weights with the checkpoint's names and shapes."""
    draw = torch.Generator().manual_seed(3)
    weights: Weights = {}

    def add(convolution: str, norm: str, fan_out: int, fan_in: int, side: int) -> None:
        weights[f"{convolution}.weight"] = (
            torch.randn((fan_out, fan_in, side, side), generator=draw, dtype=torch.float64)
            / (fan_in * side * side) ** 0.5
        )
        for part in ("weight", "bias", "running_mean"):
            weights[f"{norm}.{part}"] = torch.randn(fan_out, generator=draw, dtype=torch.float64)
        weights[f"{norm}.running_var"] = (
            torch.rand(fan_out, generator=draw, dtype=torch.float64) + 0.3
        )

    add("first_conv.0", "first_conv.1", 24, 3, 3)
    width = 24
    for name, count in STAGES:
        for i in range(count):
            main, side = f"{name}.{i}.branch_main", f"{name}.{i}.branch_proj"
            add(f"{main}.0", f"{main}.1", width, width, 1)
            add(f"{main}.3", f"{main}.4", width, 1, 3)
            add(f"{main}.5", f"{main}.6", width, width, 1)
            if i == 0:
                add(f"{side}.0", f"{side}.1", width, 1, 3)
                add(f"{side}.2", f"{side}.3", width, width, 1)
        width *= 2
    return weights


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def unfolded(weights: Weights, x: torch.Tensor) -> list[torch.Tensor]:
    """The paper's network, layer by layer, each batch norm on its own."""

    def layer(
        x: torch.Tensor, convolution: str, norm: str, stride: int = 1, relu: bool = True
    ) -> torch.Tensor:
        kernel = weights[f"{convolution}.weight"]
        groups = x.shape[1] // kernel.shape[1]
        x = functional.conv2d(x, kernel, None, stride, kernel.shape[-1] // 2, groups=groups)
        values = [weights[f"{norm}.{p}"] for p in ("running_mean", "running_var", "weight", "bias")]
        x = functional.batch_norm(x, *values, training=False)
        return x.relu() if relu else x

    x = functional.max_pool2d(layer(x, "first_conv.0", "first_conv.1", 2), 3, 2, 1)
    levels = []
    for name, count in STAGES:
        for i in range(count):
            main, side = f"{name}.{i}.branch_main", f"{name}.{i}.branch_proj"
            if i == 0:
                passed, stride = layer(x, f"{side}.0", f"{side}.1", 2, relu=False), 2
                passed = layer(passed, f"{side}.2", f"{side}.3")
            else:
                # The paper's shuffle of two groups puts each half's channels in turn.
                halves = x.unflatten(1, (-1, 2))
                passed, x, stride = halves[:, :, 0], halves[:, :, 1], 1
            x = layer(x, f"{main}.0", f"{main}.1")
            x = layer(x, f"{main}.3", f"{main}.4", stride, relu=False)
            x = torch.cat([passed, layer(x, f"{main}.5", f"{main}.6")], dim=1)
        levels.append(x)
    return levels


@pytest.mark.parametrize("size", [(64, 96), (33, 50), (1, 1)])
def test_the_folded_network_equals_the_unfolded_one(size: tuple[int, int]) -> None:
    weights = made_weights()
    x = torch.rand((2, 3, *size), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = Backbone(weights)(x)
    for level, wanted, width, stride in zip(
        found, unfolded(weights, x), (48, 96), (8, 16), strict=True
    ):
        rows, columns = (-(-n // stride) for n in size)
        assert level.shape == (2, width, rows, columns)
        torch.testing.assert_close(level, wanted, rtol=1e-9, atol=1e-9)


def test_an_aligned_crop_equals_the_whole_away_from_its_border() -> None:
    network = Backbone(made_weights())
    whole = torch.rand(
        (1, 3, 384, 400), generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    crop = whole[..., 16:, 32:]
    for level, part, stride, reach in zip(
        network(whole), network(crop), (8, 16), REACHES_PX, strict=True
    ):
        inner = -(-reach // stride)
        inside = level[..., 16 // stride + inner :, 32 // stride + inner :]
        torch.testing.assert_close(part[..., inner:, inner:], inside, rtol=1e-10, atol=1e-10)


def test_the_shipped_weights_are_read_once_and_tell_textures_apart() -> None:
    assert backbone() is backbone()
    rng = np.random.default_rng(0)
    flat = np.full((64, 64, 3), 120, np.uint8)
    noisy = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    for plain, busy in zip(backbone()(as_levels(flat)), backbone()(as_levels(noisy)), strict=True):
        assert torch.isfinite(plain).all()
        assert (plain - busy).abs().mean() > 0.05


def test_the_grid_is_the_same_to_the_bit_on_every_run_and_thread_count() -> None:
    picture = np.random.default_rng(5).integers(0, 256, (90, 131, 3)).astype(np.uint8)
    before = torch.get_num_threads()
    grids = []
    try:
        for count in (1, 1, 2):
            torch.set_num_threads(count)
            grids.append(deep_grid(picture).cells)
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(grids[0], grids[1])
    assert np.array_equal(grids[0], grids[2])


@pytest.fixture(scope="module")
def grid() -> DeepGrid:
    cells = np.random.default_rng(6).standard_normal((9, 13, 5)).astype(np.float32)
    return DeepGrid(cells, (1.84, 1.75))


def test_features_between_cells_are_bilinear(grid: DeepGrid) -> None:
    y, x = (a.reshape(-1) for a in np.mgrid[0:41, 0:57])
    found = grid.at(y, x)
    places = [((y + 0.5) * 1.75 - 0.5) / STRIDE_PX, ((x + 0.5) * 1.84 - 0.5) / STRIDE_PX]
    for k in range(5):
        wanted = ndimage.map_coordinates(grid.cells[..., k], places, order=1, mode="nearest")
        np.testing.assert_allclose(found[:, k], wanted, atol=1e-5)


def test_sums_over_a_box_are_those_of_its_single_pixels(grid: DeepGrid) -> None:
    matrix = np.random.default_rng(7).standard_normal((5, 4)).astype(np.float32)
    box = Box(7, 3, 50, 40)
    y, x = (a.reshape(-1) for a in np.mgrid[3:40, 7:50])
    wanted = (grid.at(y, x) @ matrix).T
    sums = grid.projected(torch.from_numpy(matrix), box)
    np.testing.assert_allclose(sums.rows(slice(0, 37)).numpy(), wanted, atol=1e-5)
    np.testing.assert_allclose(
        sums.rows(slice(5, 6)).numpy(), wanted[:, 5 * 43 : 6 * 43], atol=1e-5
    )
