"""The refinement network's training: what is recorded, and the whole way by commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from tam_edit.models.builtin.tracker import target
from tam_edit.models.builtin.tracker.refinement import Refinement, laid_out, refined, shapes
from tam_edit.testing.clips import draw_clip
from training.refinement_clips import TrueClip
from training.refinement_damage import damaged
from training.refinement_records import FIELDS, Record, Recorder
from training.refinement_task import RefinementModule, tensors

CHECKOUT = Path(__file__).resolve().parent.parent


def no_correction() -> Refinement:
    return Refinement({name: torch.zeros(shape) for name, shape in shapes().items()})


@pytest.fixture
def clip():
    drawn = draw_clip("disc", frames=6)
    masks = [drawn.mask(1, i).astype(np.uint8) for i in range(6)]
    return TrueClip(list(drawn.frames), masks)


@pytest.fixture
def records(clip):
    recorder = Recorder(np.random.default_rng(0), 1.0)
    recorder.track(clip, no_correction())
    return recorder.records


def test_a_record_is_what_the_network_is_asked_with_the_truth_beside_it(clip, records):
    assert target.refined is refined
    assert len(records) == 5
    for record in records:
        inside = record.truth > 127
        found = record.clues.total > 0
        assert (found & inside).sum() > 0.7 * (found | inside).sum()
        rows, columns = record.truth.shape
        whole = clip.frames[1:]
        assert any(
            (picture[y : y + rows, x : x + columns] == record.clues.picture).all()
            for picture in whole
            for y in range(picture.shape[0] - rows + 1)
            for x in range(picture.shape[1] - columns + 1)
            if (picture[y, x] == record.clues.picture[0, 0]).all()
        )


def test_a_stored_record_comes_back(records, tmp_path):
    records[0].save(tmp_path / "one.npz")
    again = Record.load(tmp_path / "one.npz")
    assert np.array_equal(again.truth, records[0].truth)
    assert np.array_equal(again.deep, records[0].deep)
    assert np.array_equal(again.clues.picture, records[0].clues.picture)
    for name in FIELDS:
        wanted = getattr(records[0].clues, name)
        np.testing.assert_allclose(getattr(again.clues, name), wanted, rtol=1e-3, atol=1e-3)


def test_training_asks_the_network_what_the_tracker_asks_it(records):
    module = RefinementModule(1)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(
                0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
            )
    weights = {name: weight.detach() for name, weight in module.named_weights().items()}
    network = Refinement(laid_out(weights))
    for record in records[:2]:
        planes, _, deep, _, _ = tensors(record)
        with torch.no_grad():
            found = module(planes[None], deep[None].float())[0]
            hints = (deep.float() @ network.deep_matrix).permute(2, 0, 1)[None]
            wanted = network(planes[None], hints)[0]
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_damage_keeps_the_sum_the_sum_of_its_parts(records):
    def rest(clues):
        """The sum without what the mask and the classifier say: damage leaves that alone."""
        prior = np.clip(clues.distance / 2.5, -3, 3) * (0.3 + 0.7 * clues.trust)
        return clues.total - prior - 0.7 * clues.appearance

    changed = 0
    for seed in range(12):
        found = damaged(records[seed % len(records)], np.random.default_rng(seed))
        before = records[seed % len(records)].clues
        np.testing.assert_allclose(rest(found.clues), rest(before), atol=1e-4)
        changed += not np.array_equal(found.clues.total, before.total)
    assert 3 <= changed <= 11


def run(*arguments, **how):
    command = [sys.executable, "-m", "training", "refinement", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment, **how)


def finished(*arguments):
    begun = run(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = begun.communicate(timeout=600)
    assert begun.returncode == 0, said
    return said


@pytest.mark.slow
def test_the_commands_record_train_resume_and_export(shared_data, tmp_path):
    data = ("--data", shared_data / "data" / "train-objects")
    learned, kept = tmp_path / "learned", tmp_path / "kept"
    finished("record", *data, "--out", learned, "--clips", 2, "--seed", 3)
    finished("record", *data, "--out", kept, "--clips", 1, "--seed", 4, "--part", "held-out")
    assert any(learned.glob("*.npz"))
    assert not set(finished("record", *data, "--out", learned, "--clips", 2, "--seed", 3).split())

    how = ("--records", learned, "--held-out", kept, "--device", "cpu", "--seed", 5)
    finished("train", *how, "--steps", 24, "--out", tmp_path / "whole")
    broken = run("train", *how, "--steps", 24, "--out", tmp_path / "broken")
    # Killed at any time: before the first step, between two of them, or after the last.
    time.sleep(8)
    broken.send_signal(signal.SIGTERM)
    broken.wait(timeout=120)
    finished("train", *how, "--steps", 24, "--out", tmp_path / "broken")

    files = []
    for name in ("whole", "broken"):
        files.append(tmp_path / f"{name}.safetensors")
        said = finished("export", "--run", tmp_path / name, "--out", files[-1])
        assert "SHA-256" in said
    assert files[0].read_bytes() == files[1].read_bytes()
    stored = safetensors.torch.load_file(files[0])
    assert {name: tuple(tensor.shape) for name, tensor in stored.items()} == shapes()
    assert stored["last.weight"].abs().max() > 0
    said = finished("measure", *data, "--clips", 1, "--network", files[0])
    assert " J " in said
