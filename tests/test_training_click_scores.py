"""The script that fits the coefficients of the click scores."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tam_edit.models.builtin.segmenter import click_scores

SCRIPT = Path(__file__).resolve().parent.parent / "training" / "click_scores.py"


@pytest.fixture
def training(monkeypatch):
    spec = importlib.util.spec_from_file_location("training_click_scores", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def two_coloured(seed, height=60, width=80):
    """An object of two colours, one of which lies about elsewhere too, and its mask."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    middle_x, middle_y = rng.uniform(25, 55), rng.uniform(20, 40)
    half_x, half_y = rng.uniform(8, 22, 2)
    truth = ((x - middle_x) / half_x) ** 2 + ((y - middle_y) / half_y) ** 2 < 1
    colors = rng.uniform(60, 200, (3, 3))
    picture = np.where(truth[..., None], colors[0], colors[1])
    picture[truth & (y > middle_y)] = colors[2]
    picture[(np.hypot(x - rng.uniform(0, 80), y - rng.uniform(0, 60)) < 12) & ~truth] = colors[2]
    noise = cv2.GaussianBlur(rng.normal(0, 50, picture.shape), (0, 0), 1.5)
    return np.clip(picture + noise, 0, 255).astype(np.uint8), truth


def test_the_fitted_score_predicts_unseen_pictures_better_than_a_constant(training, monkeypatch):
    monkeypatch.setattr(training, "ROUNDS", 2)
    monkeypatch.setattr(training, "CLICKS", 3)
    count = 10
    tasks = [
        training.Task.of(*two_coloured(seed), seed * training.FOLDS // count)
        for seed in range(count)
    ]
    weights, report = training.learn(tasks)
    for kind in training.KINDS:
        found = report[kind]
        assert np.isfinite(weights[kind]).all()
        assert len(weights[kind]) == len(click_scores.FITTED[kind])
        assert found.error < 0.9 * found.constant_error
        assert found.mean_iou < found.top_iou <= found.best_iou


def test_the_fit_finds_the_coefficients_that_made_the_data(training):
    rng = np.random.default_rng(0)
    made = {kind: rng.normal(0, 0.2, 5) for kind in training.KINDS}
    answered = []
    for kind in training.KINDS * 30:
        measures = rng.normal(0, rng.uniform(0.5, 2, 5), (60, 5))
        iou = measures @ made[kind] + rng.uniform()  # each click has a constant of its own
        answered.append(training.Answered(kind, measures, iou, 0.0, 0))
    fitted = training.fit(answered)
    for kind in training.KINDS:
        # The ridge takes 0.3 % of measures that do not depend on each other.
        np.testing.assert_allclose(fitted[kind], made[kind], rtol=0.01, atol=0.002)


def test_no_two_objects_come_from_one_photograph_or_clip(training, tmp_path):
    mask = np.zeros((40, 50), np.uint8)
    mask[:20, :25] = 1
    tiny = np.zeros_like(mask)
    tiny[0, 0] = 1
    names = ["coco_cup01_007", "coco_bus02_007", "coco_cup00_008", "davis_000", "davis_007"]
    for name in names:
        cv2.imwrite(str(tmp_path / f"{name}.png"), mask)
    cv2.imwrite(str(tmp_path / "davis_008.png"), tiny)
    chosen = training.choose_objects(tmp_path, 10, seed=3)
    sources = [training.source_of(path.stem) for path, _ in chosen]
    assert sources == ["007", "008", "davis 000"]
    assert all(index == 1 for _, index in chosen)
    assert training.choose_objects(tmp_path, 10, seed=3) == chosen
    assert len(training.choose_objects(tmp_path, 2, seed=3)) == 2


def test_the_block_it_prints_is_what_the_package_holds(training):
    source = Path(click_scores.__file__).read_text(encoding="utf-8")
    assert training.as_python(click_scores.FITTED) in source
