"""The training loop: killed and resumed it ends where an undisturbed run does."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from tam_edit.errors import InputError
from training.schedule import CHECKPOINT, CURVES, LOG, Plan, averaged_weights, rate_share, train

STEPS = 60


class Line:
    """Learn a sum from noise; stop dead at a step where asked."""

    def __init__(self, killed_at=None):
        self.killed_at = killed_at
        self.drawn = 0

    def batch(self, rng):
        if self.drawn == self.killed_at:
            raise SystemExit("killed")
        self.drawn += 1
        return {"x": torch.from_numpy(rng.standard_normal((8, 4)).astype(np.float32))}

    def loss(self, module, batch):
        # The noise stands for all randomness of torch's own that a loss may use.
        wanted = batch["x"].sum(1, keepdim=True) + 0.1 * torch.randn(8, 1)
        loss = (module(batch["x"]) - wanted).square().mean()
        return loss, {"size": float(batch["x"].abs().mean())}

    def held_out(self, module):
        x = torch.eye(4)
        return {"error": float((module(x).detach() - 1).square().mean())}


def fresh():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))


def plan(**changes):
    settings = {"steps": STEPS, "rate": 0.02, "measured_every": 20, "device": "cpu"}
    return Plan(**settings | changes)


def logged(out):
    with (out / LOG).open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_run_goes_on_to_the_same_weights_and_log(tmp_path, workers):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(Line(), fresh(), plan(), whole)
    with pytest.raises(SystemExit):
        train(Line(killed_at=33), fresh(), plan(saved_every=0.0), broken)
    train(Line(), fresh(), plan(workers=workers), broken)
    one, other = averaged_weights(whole), averaged_weights(broken)
    assert all(torch.equal(one[name], other[name]) for name in one)
    # Numbers logged since the last measure are means; the part before the kill is gone from them.
    assert [row["held-out error"] for row in logged(whole)] == [
        row["held-out error"] for row in logged(broken)
    ]


def test_it_learns_and_leaves_a_log_and_curves(tmp_path):
    task = Line()
    module = train(task, fresh(), plan(steps=300, average=0.98), tmp_path)
    errors = [float(row["held-out error"]) for row in logged(tmp_path)]
    assert errors[-1] < 0.1 * errors[0]
    assert task.held_out(module)["error"] == pytest.approx(errors[-1], rel=1e-3)
    assert cv2.imread(str(tmp_path / CURVES)) is not None


def test_a_finished_run_is_not_trained_on(tmp_path):
    train(Line(), fresh(), plan(), tmp_path)
    before = averaged_weights(tmp_path)
    task = Line()
    train(task, fresh(), plan(), tmp_path)
    assert task.drawn == 0
    after = averaged_weights(tmp_path)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_rate_rises_and_falls_to_next_to_nothing():
    shares = [rate_share(progress) for progress in np.linspace(0, 1, 101)]
    peak = int(np.argmax(shares))
    assert shares[peak] == pytest.approx(1)
    assert np.all(np.diff(shares[: peak + 1]) >= 0)
    assert np.all(np.diff(shares[peak:]) <= 0)
    assert shares[-1] == pytest.approx(0.01)


def test_steps_or_minutes_must_be_given_and_not_both():
    with pytest.raises(InputError):
        Plan()
    with pytest.raises(InputError):
        Plan(steps=1, minutes=1.0)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    class Broken(Line):
        def loss(self, module, batch):
            return module(batch["x"]).sum() * float("nan"), {}

    with pytest.raises(InputError, match="finite"):
        train(Broken(), fresh(), plan(), tmp_path)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(InputError, match=CHECKPOINT):
        averaged_weights(tmp_path)
