"""What the click network is shown: prompts as maps, parts of frames, and masks between them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tam_edit.frame import Frame
from tam_edit.models.builtin.segmenter.network import STRIDE, ClickNetwork, likeness
from tam_edit.models.builtin.segmenter.predictor import (
    LONGEST_PX,
    NOTHING,
    Look,
    Opinion,
    ready_network,
    shipped_predictor,
)
from tam_edit.models.builtin.segmenter.prompt_maps import PromptBatch, on_grid, prompt_maps
from tam_edit.models.builtin.segmenter.zoom import extent, serves, surroundings
from tam_edit.models.click_points import Clicks
from tam_edit.types import Box

NO_CLICKS = Clicks(np.zeros((0, 2)), np.zeros(0, bool))


def prompts(points=(), signs=(), box=(0.0, 0.0, 0.0, 0.0), previous=None):
    given = torch.zeros(1, 8, 8) if previous is None else torch.as_tensor(previous)[None].float()
    return PromptBatch(
        torch.tensor(points, dtype=torch.float32).reshape(1, -1, 2),
        torch.tensor(signs, dtype=torch.int8).reshape(1, -1),
        torch.tensor([box]),
        given,
        torch.tensor([previous is not None]),
    )


def look_at(region: Box, size: tuple[int, int]) -> Look:
    seen = shipped_predictor().look(small_frame(), Box(0, 0, 64, 64))
    return Look(region, size, seen.features, seen.colours)


def small_frame() -> Frame:
    return Frame.from_rgb(np.zeros((64, 64, 3), np.uint8))


def test_clicks_are_drawn_where_they_are_and_apart_by_sign():
    maps = prompt_maps(prompts([(41.5, 21.5), (9.5, 53.5)], [1, -1]), (64, 64))[0]
    for channel, (row, column) in ((0, (5, 10)), (2, (13, 2))):
        assert maps[channel].argmax() == row * 16 + column
        assert maps[channel].max() == 1
        assert maps[channel + 1].argmax() == row * 16 + column
    assert maps[0, 13, 2] == maps[2, 5, 10] == 0
    assert maps[4:].abs().max() == 0


def test_places_that_are_no_click_count_for_nothing():
    one = prompt_maps(prompts([(20.0, 20.0)], [1]), (64, 64))
    padded = prompt_maps(prompts([(20.0, 20.0), (0.0, 0.0)], [1, 0]), (64, 64))
    torch.testing.assert_close(one, padded)
    assert prompt_maps(prompts(), (64, 64)).abs().max() == 0


def test_a_box_covers_its_share_of_each_cell():
    maps = prompt_maps(prompts(box=(6.0, 8.0, 18.0, 16.0)), (32, 32))[0]
    across = torch.tensor([0, 0.5, 1, 1, 0.5, 0, 0, 0])
    down = torch.tensor([0, 0, 1, 1, 0, 0, 0, 0])
    torch.testing.assert_close(maps[4], down[:, None] * across)
    assert (maps[5] == 1).all()


def test_the_mask_so_far_is_averaged():
    mask = np.zeros((16, 16), np.float32)
    mask[4:6, 4:5] = 1
    maps = prompt_maps(prompts(previous=mask), (32, 32))[0]
    assert maps[6, 2, 2] == 0.5
    assert maps[6].sum() == 0.5
    assert (maps[7] == 1).all()


def test_likeness_is_one_at_the_click_and_tells_signs_apart():
    features = torch.eye(4).reshape(1, 4, 2, 2)
    spots = on_grid(torch.tensor([[[0.0, 0.0], [1.0, 1.0]]]), (2, 2))
    found = likeness(features, spots, torch.tensor([[1, -1]]))[0]
    torch.testing.assert_close(found[0], torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    torch.testing.assert_close(found[1], torch.tensor([[0.0, 0.0], [0.0, 1.0]]))


def test_batch_norms_are_taken_in_without_a_trace():
    torch.manual_seed(0)
    network = ClickNetwork().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    ready = ready_network(network.state_dict())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in ready.modules())
    pictures, maps, alike = (
        torch.rand(1, 3, 64, 96),
        torch.rand(1, 8, 16, 24),
        torch.rand(1, 2, 8, 12),
    )
    with torch.no_grad():
        one, other = (each.decode(each.encode(pictures), maps, alike) for each in (network, ready))
    torch.testing.assert_close(one.logits, other.logits, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(one.quality, other.quality, atol=1e-4, rtol=1e-3)


def test_a_mask_is_the_same_from_the_same_place():
    look = look_at(Box(10, 20, 110, 80), (64, 96))
    rng = np.random.default_rng(0)
    opinion = Opinion(look.region, rng.normal(size=look.half).astype(np.float32), 0.5)
    np.testing.assert_allclose(opinion.seen_from(look), opinion.logits, atol=1e-5)


def test_a_slope_stays_one_from_another_place():
    region = Box(0, 0, 128, 64)
    x = (np.arange(64) + 0.5) * 2
    opinion = Opinion(region, np.tile(x, (32, 1)).astype(np.float32), 0.5)
    look = look_at(Box(32, 16, 96, 48), (64, 64))
    centers = 32 + (np.arange(32) + 0.5) * 2
    np.testing.assert_allclose(opinion.seen_from(look), np.tile(centers, (32, 1)), atol=1e-3)
    beyond = look_at(Box(200, 0, 264, 64), (64, 64))
    assert (opinion.seen_from(beyond) == NOTHING).all()


def test_points_go_to_the_view_by_their_pixel():
    look = look_at(Box(10, 20, 74, 84), (128, 128))
    np.testing.assert_allclose(look.to_view(np.array([[10.0, 20.0]])), [[0.5, 0.5]])
    assert look.box_in_view((10, 20, 74, 84)) == [0, 0, 128, 128]


@pytest.mark.parametrize("size", [(1, 1), (7, 900), (720, 1280), (2160, 3840), (481, 321)])
def test_views_fit_the_network_and_keep_a_budget(size):
    frame = Frame.from_rgb(np.zeros((*size, 3), np.uint8))
    look = shipped_predictor().look(frame, Box(0, 0, size[1], size[0]))
    assert all(side % STRIDE == 0 and 0 < side <= LONGEST_PX for side in look.size)
    assert look.size[0] * look.size[1] <= 125_000
    assert look.features.fine.shape[-2:] == look.half


def test_surroundings_hold_the_object_and_stay_inside():
    around = Box(300, 200, 340, 260)
    region = surroundings(around, 640, 480)
    assert region.x0 < 300
    assert region.y0 < 200
    assert region.x1 > 340
    assert region.y1 > 260
    assert serves(region, around, region)
    assert not serves(Box(0, 0, 640, 480), around, region)
    assert surroundings(Box(0, 0, 3, 3), 640, 480).clipped(640, 480).width >= 24
    assert surroundings(Box(20, 20, 600, 460), 640, 480) == (0, 0, 640, 480)


def test_the_extent_takes_in_mask_clicks_and_box():
    logits = np.full((10, 10), -1, np.float32)
    logits[2:4, 3:5] = 1
    opinion = Opinion(Box(100, 100, 200, 200), logits, 0.5)
    assert extent(opinion, NO_CLICKS, None) == (130, 120, 150, 140)
    far = Clicks(np.array([[170.0, 110.0]]), np.array([True]))
    assert extent(opinion, far, None) == (130, 109, 171, 140)
    assert extent(None, NO_CLICKS, (5.5, 6, 7, 8.5)) == (5, 6, 7, 9)


def test_stability_is_the_share_of_what_is_not_in_doubt():
    logits = np.concatenate([np.full(30, 5), np.full(10, 0.5), np.full(60, -5)]).reshape(10, 10)
    opinion = Opinion(Box(0, 0, 10, 10), logits.astype(np.float32), 0.9)
    assert opinion.stability == pytest.approx(0.75)
    assert opinion.score == pytest.approx(0.75)
    assert Opinion(Box(0, 0, 10, 10), np.full((10, 10), -5, np.float32), 0.3).score == 0.3
