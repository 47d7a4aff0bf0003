"""Checkpoints of full size go through the command line, from files to masks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tam_edit._cli import run
from tam_edit.models.sam.network import _module
from tam_edit.models.weights import WEIGHTS, path_of
from tam_edit.testing.clips import draw_clip, write_clip

FRAMES = 3


def random_sam_vit_b(path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = _module("build_sam").build_sam_vit_b()
        torch.save(network.state_dict(), path)


def random_xmem(path, shapes):
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in shapes.items():
        drawn = torch.randn(shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros((), dtype=torch.int64)
        elif name.endswith("running_var"):
            state[name] = torch.ones(shape)
        elif len(shape) < 2:
            state[name] = 0.05 * drawn + (0.4 if name.endswith("weight") else 0.0)
        else:
            state[name] = drawn / float(np.sqrt(np.prod(shape[1:])))
    torch.save(state, path)


@pytest.mark.slow
def test_track_with_sam_and_xmem(shared_data, tmp_path, monkeypatch, capsys):
    # The masks mean nothing: the weights are drawn. That everything fits together is the point.
    monkeypatch.setenv("TAM_EDIT_WEIGHTS", str(tmp_path))
    unmeasured = replace(WEIGHTS["sam_vit_b"], size=None, sha256=None, md5_start="")
    monkeypatch.setitem(WEIGHTS, "sam_vit_b", unmeasured)
    shapes = json.loads((shared_data / "xmem" / "state_dict_shapes.json").read_text())
    random_sam_vit_b(path_of("sam_vit_b"))
    random_xmem(path_of("xmem_s012"), shapes)
    clip = draw_clip("disc", frames=FRAMES)
    video, masks = tmp_path / "disc.mp4", tmp_path / "masks"
    write_clip(clip, video)
    arguments = ["track", str(video), "--click", "40,40", "--size", "96", "--device", "cpu"]
    assert run([*arguments, "--masks-out", str(masks)]) == 0
    assert "sam+xmem" in capsys.readouterr().out
    files = sorted(p.name for p in masks.iterdir())
    assert files == [*(f"{i:05d}.png" for i in range(FRAMES)), "scores.json"]
    for i in range(FRAMES):
        with Image.open(masks / f"{i:05d}.png") as picture:
            assert picture.size == (clip.width, clip.height)
    scores = json.loads((masks / "scores.json").read_text())
    assert list(scores) == [str(i) for i in range(FRAMES)]
    assert all(len(objects) == 1 for objects in scores.values())
