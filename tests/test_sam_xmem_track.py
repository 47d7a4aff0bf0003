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
from tam_edit.project import Project

IN, OUT = 40, 43


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
def test_a_real_clip_is_tracked_with_sam_and_xmem(shared_data, tmp_path, monkeypatch, capsys):
    # The masks mean nothing: the weights are drawn. That everything fits together is the point.
    monkeypatch.setenv("TAM_EDIT_WEIGHTS", str(tmp_path))
    unmeasured = replace(WEIGHTS["sam_vit_b"], size=None, sha256=None, md5_start="")
    monkeypatch.setitem(WEIGHTS, "sam_vit_b", unmeasured)
    shapes = json.loads((shared_data / "xmem" / "state_dict_shapes.json").read_text())
    random_sam_vit_b(path_of("sam_vit_b"))
    random_xmem(path_of("xmem_s012"), shapes)
    # A dog that jumps; the click lies on it.
    video, masks = shared_data / "data" / "videos" / "01_dog.mp4", tmp_path / "masks"
    x, y = 700, 430
    arguments = [
        "track",
        str(video),
        "--click",
        f"{x},{y}@{IN}",
        "--in",
        str(IN),
        "--out",
        str(OUT),
    ]
    # Every mask is handed to Segment Anything, so that each part of both models has its turn.
    arguments += ["--size", "96", "--device", "cpu", "--refine-below", "1"]
    project = tmp_path / "dog.tam"
    assert run([*arguments, "--project", str(project), "--masks-out", str(masks)]) == 0
    assert "sam+xmem" in capsys.readouterr().out
    frames = range(IN, OUT)
    files = sorted(p.name for p in masks.iterdir())
    assert files == [*(f"{i:05d}.png" for i in frames), "scores.json"]
    for i in frames:
        with Image.open(masks / f"{i:05d}.png") as picture:
            assert picture.size == (1280, 720)
            if i == IN:
                assert picture.getpixel((x, y)) == 1
    scores = json.loads((masks / "scores.json").read_text())
    assert list(scores) == [str(i) for i in frames]
    assert all(len(objects) == 1 for objects in scores.values())
    with Project.open(project) as opened:
        assert opened.tracked_spans(1) == [(IN, OUT)]
        assert opened.run_state() is None
        assert any(record.kind == "refinement" for record in opened.log_records())
