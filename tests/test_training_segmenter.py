"""Training the click segmenter: simulated prompts, the loss, and the commands from end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from tam_edit.frame import Frame
from tam_edit.models.builtin.segmenter import BuiltinSegmenter
from tam_edit.models.builtin.segmenter.encoder import Encoder, encoder_state
from tam_edit.models.builtin.segmenter.network import WEIGHTS
from tam_edit.models.builtin.segmenter.predictor import ClickPredictor, ready_network
from tam_edit.prompts import Prompts
from tests.training_runs import run, whole_and_broken_off
from training.objects import Picture
from training.segmenter import mask_loss, overlap
from training.segmenter_clicks import Dialogue, as_batch
from training.segmenter_examples import LARGE_SIZES, SMALL_SIZES, ExampleSource

CHECKOUT = Path(__file__).resolve().parent.parent
SHIPPED = CHECKOUT / "tam_edit" / "models" / "builtin" / "weights" / WEIGHTS


class Drawn:
    """Two pictures with one coloured rectangle each, instead of a folder of them."""

    names = ("coco_a", "davis_000")

    def load(self, name: str) -> Picture:
        rng = np.random.default_rng(len(name))
        rgb = rng.integers(90, 160, (240, 320, 3)).astype(np.uint8)
        objects = np.zeros((240, 320), np.uint8)
        objects[60:150, 80:220] = 1
        rgb[objects > 0] = (200, 30, 30)
        return Picture(name, rgb, objects, 1)


def square(low: int, high: int, size: int = 64) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def test_examples_depend_on_the_seed_alone_and_show_their_object():
    for seed in range(12):
        size = (*LARGE_SIZES, *SMALL_SIZES)[seed % 8]
        first, second = (
            ExampleSource(Drawn()).draw(np.random.default_rng(seed), size) for _ in range(2)
        )
        np.testing.assert_array_equal(first.rgb, second.rgb)
        np.testing.assert_array_equal(first.target, second.target)
        assert first.rgb.shape == (*size, 3)
        assert first.target.shape == first.other.shape == size
        assert first.target.any()
        assert not (first.target & first.other).any() or first.other.any()


def test_clicks_go_where_it_is_wrong_with_the_right_sign():
    target = square(16, 48)
    rng = np.random.default_rng(0)
    for answer, expected in (
        (np.zeros((32, 32), np.float32), 1),
        (np.ones((32, 32), np.float32), -1),
        (square(8, 16, 32).astype(np.float32), 1),
    ):
        dialogue = Dialogue(target, rounds=0, previous=answer)
        for _ in range(5):
            dialogue.click(rng)
        found = np.kron(answer, np.ones((2, 2))) > 0.5
        for x, y, sign in dialogue.points:
            assert sign == expected
            assert target[int(y), int(x)] == (sign == 1)
            assert found[int(y), int(x)] == (sign == -1)


def test_a_center_click_is_in_the_middle():
    dialogue = Dialogue(square(16, 47), rounds=0, center_share=1.0)
    dialogue.click(np.random.default_rng(0))
    ((x, y, sign),) = dialogue.points
    assert sign == 1
    assert abs(x - 31) <= 1
    assert abs(y - 31) <= 1
    assert dialogue.is_open


def test_every_kind_of_first_prompt_occurs():
    rng = np.random.default_rng(0)
    begun = [Dialogue.begun(square(16, 48), square(50, 60), rng) for _ in range(300)]
    boxes = [each.box for each in begun if each.box is not None]
    given = [each for each in begun if each.previous is not None]
    assert 70 < len(boxes) < 140
    assert 45 < len(given) < 110
    assert np.abs(np.median(boxes, axis=0) - [16, 16, 48, 48]).max() < 1
    assert all(each.previous is None for each in begun if each.box is not None)
    batch = as_batch(begun)
    assert batch.points.shape == (300, max(len(each.points) for each in begun), 2)
    assert batch.has_previous.sum() == len(given)


def test_the_loss_is_small_where_the_mask_is_right():
    target = torch.from_numpy(square(16, 48)).float()[None, None]
    right, empty, wrong = (
        mask_loss(logits, target)[0, 0]
        for logits in (20 * target - 10, torch.full_like(target, -10.0), 10 - 20 * target)
    )
    assert right < 0.01
    assert right < empty < wrong
    assert overlap(20 * target - 10, target)[0, 0] == 1
    assert overlap(torch.full_like(target, -10.0), target)[0, 0] == 0


def test_the_encoder_starts_from_imagenet(shared_data):
    stored = torch.load(
        shared_data / "weights" / "shufflenetv2_x0_5_imagenet.pth",
        map_location="cpu",
        weights_only=True,
    )
    encoder = Encoder()
    encoder.load_state_dict(encoder_state(stored))
    pictures = torch.rand(1, 3, 64, 96)
    from tam_edit.models.builtin.backbone import Backbone

    with torch.no_grad():
        levels = encoder(pictures)
        for ours, theirs in zip(levels[2:4], Backbone(stored)(pictures), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_killed_resumed_exported_and_loaded_through_the_command_line(shared_data, tmp_path):
    data = ["--data", shared_data / "data" / "train-objects"]
    start = ["--start", shared_data / "weights" / "shufflenetv2_x0_5_imagenet.pth"]
    few = ["--steps", 6, "--batch", 2, "--held-out", 2, "--measured-every", 3, "--device", "cpu"]
    exported = whole_and_broken_off("segmenter", [*data, *start, *few], tmp_path)
    assert exported[0].read_bytes() == exported[1].read_bytes() != SHIPPED.read_bytes()
    weights = safetensors.torch.load_file(exported[0])
    shipped = safetensors.torch.load_file(SHIPPED)
    assert {k: (v.shape, v.dtype) for k, v in weights.items()} == {
        k: (v.shape, v.dtype) for k, v in shipped.items()
    }
    segmenter = BuiltinSegmenter(ClickPredictor(ready_network(weights)))
    frame = Frame.from_rgb(np.zeros((60, 80, 3), np.uint8))
    assert segmenter.segment(frame, Prompts(positive=((40.0, 30.0),))).best[30, 40] > 0.5


@pytest.mark.slow
def test_examples_can_be_looked_at(shared_data, tmp_path):
    out = tmp_path / "sheet.png"
    run("segmenter", "sheet", "--data", shared_data / "data" / "train-objects", "--out", out)
    assert out.stat().st_size > 100_000
