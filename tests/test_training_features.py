"""Training the backbone: the trainable twin, the objectives, and the commands from end to end."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from tam_edit.models.builtin.backbone import CHANNEL_COUNT, WEIGHTS, Backbone
from tam_edit.models.builtin.tracker.deep import DeepGrid
from tests.training_runs import run, whole_and_broken_off
from training.backbone_twin import BackboneTwin, kept_weights, twin_of
from training.episodes import CELLS, CROP_PX, ZOOM, Episode, drawn_rows
from training.features import (
    Aims,
    FeatureTask,
    FeatureTrainer,
    at_pixels,
    batch_of,
    matched,
    told,
)
from training.objects import ObjectPictures

CHECKOUT = Path(__file__).resolve().parent.parent
SHIPPED = CHECKOUT / "tam_edit" / "models" / "builtin" / "weights" / WEIGHTS


@pytest.fixture(scope="module")
def twin() -> BackboneTwin:
    return twin_of(kept_weights(safetensors.torch.load_file(SHIPPED))).eval()


def test_the_twin_sees_what_the_package_sees(twin):
    pictures = torch.rand(2, 3, 72, 100, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = twin(pictures)
    theirs = Backbone(kept_weights(twin.state_dict()))(pictures)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_training_leaves_what_the_batch_norms_measured(twin):
    before = {k: v.clone() for k, v in twin.state_dict().items() if "running" in k}
    twin.train()
    twin(torch.rand(2, 3, 64, 64))
    assert all(torch.equal(v, twin.state_dict()[k]) for k, v in before.items())


def test_between_cells_features_are_as_the_tracker_has_them():
    rng = np.random.default_rng(0)
    cells = rng.standard_normal((1, CELLS, CELLS, 5)).astype(np.float32)
    rows = rng.integers(0, CROP_PX**2, 300)
    y, x = np.divmod(rows, CROP_PX)
    expected = DeepGrid(cells[0], (ZOOM, ZOOM)).at(y, x)
    found = at_pixels(torch.from_numpy(cells), torch.from_numpy(rows[None]))[0]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


def test_half_of_the_pixels_is_inside():
    truth = np.zeros((CROP_PX, CROP_PX), bool)
    truth[50:90, 60:80] = True
    rows = drawn_rows(truth, np.random.default_rng(0))[:1024]
    assert truth.reshape(-1)[rows].sum() == 512


def test_what_differs_in_colour_is_told_and_gradients_reach_every_layer(twin):
    episode = coloured_episode()
    module = FeatureTrainer(twin)
    batch = batch_of([episode], np.random.default_rng(0))
    torch.manual_seed(0)
    cells = module.cells(batch["levels"])
    answer = told(module, cells, batch)
    assert float(answer.iou) > 0.93
    (answer.loss + matched(module, cells, batch)).backward()
    without = [name for name, w in module.named_parameters() if w.grad is None]
    assert not without


def test_half_precision_changes_the_loss_little(twin):
    task = FeatureTask(None, kept_weights(twin.state_dict()), Aims(), [])
    module = FeatureTrainer(twin)
    batch = batch_of([coloured_episode()], np.random.default_rng(0))
    losses = []
    for is_half in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            losses.append(float(task.loss(module, batch)[0].detach()))
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_matching_is_easier_on_the_same_picture_than_by_chance(twin):
    episode = coloured_episode()
    cells = np.random.default_rng(0).permutation(CELLS * CELLS)[:200]
    same = Episode(episode.pictures[[0, 0]], episode.truth[[0, 0]], (cells, cells))
    module = FeatureTrainer(twin)
    with torch.no_grad():
        batch = batch_of([same], np.random.default_rng(0))
        loss = matched(module, module.cells(batch["levels"]), batch)
    assert float(loss) < 0.5 * np.log(CELLS * CELLS)
    assert module.matching.weight.shape[1] == CHANNEL_COUNT


def coloured_episode():
    """A red patch on noise, somewhere else on the second picture."""
    rng = np.random.default_rng(1)
    pictures = rng.integers(90, 160, (2, CROP_PX, CROP_PX, 3)).astype(np.uint8)
    truth = np.zeros((2, CROP_PX, CROP_PX), bool)
    truth[0, 40:120, 50:140] = truth[1, 90:170, 70:160] = True
    pictures[truth] = pictures[truth] // 4 + np.array([180, 0, 0], np.uint8)
    cells = np.arange(0, CELLS * CELLS, 31)
    return Episode(pictures, truth, (cells, cells))


@pytest.mark.slow
def test_killed_resumed_exported_and_loaded_through_the_command_line(shared_data, tmp_path):
    data = ["--data", shared_data / "data" / "train-objects"]
    start = ["--start", SHIPPED]
    few = ["--steps", 6, "--batch", 1, "--judged", 1, "--measured-every", 3, "--device", "cpu"]
    exported = whole_and_broken_off("features", [*data, *start, *few], tmp_path)
    assert exported[0].read_bytes() == exported[1].read_bytes() != SHIPPED.read_bytes()
    weights = safetensors.torch.load_file(exported[0])
    shipped = safetensors.torch.load_file(SHIPPED)
    assert {k: (v.shape, v.dtype) for k, v in weights.items()} == {
        k: (v.shape, v.dtype) for k, v in shipped.items()
    }
    fine, coarse = Backbone({k: v.float() for k, v in weights.items()})(torch.rand(1, 3, 64, 64))
    assert fine.shape[1] + coarse.shape[1] == CHANNEL_COUNT


@pytest.mark.slow
def test_a_backbone_is_judged_on_held_out_pictures_and_clips(shared_data, tmp_path):
    held_out = ObjectPictures(shared_data / "data" / "train-objects", "held-out")
    few = [*held_out.sequences[0][:3], *held_out.names[:12]]
    for name in few:
        for ending in ("jpg", "png"):
            (tmp_path / f"{name}.{ending}").symlink_to(held_out.folder / f"{name}.{ending}")
    printed = run("features", "judge", "--data", tmp_path, SHIPPED, "--made", 2, "--clips", 1)
    said = printed.splitlines()
    assert [line.split(":")[0] for line in said] == ["real", "made", "tracked"]
    ious = [float(re.search(r"(?:IoU|J) ([0-9.]+)", line)[1]) for line in said]
    # Three frames of a boat at sea, easy to tell; whatever the others are, they are not lost.
    assert ious[0] > 0.6
    assert min(ious) > 0.2


@pytest.mark.slow
def test_the_public_checkpoint_gives_the_shipped_format(shared_data, tmp_path):
    out = tmp_path / "imagenet.safetensors"
    public = shared_data / "weights" / "shufflenetv2_x0_5_imagenet.pth"
    run("features", "export", public, "--out", out)
    again = tmp_path / "again.safetensors"
    run("features", "export", out, "--out", again)
    assert out.read_bytes() == again.read_bytes()
    assert safetensors.torch.load_file(out).keys() == safetensors.torch.load_file(SHIPPED).keys()
