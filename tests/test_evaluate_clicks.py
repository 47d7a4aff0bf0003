"""Clicks on single pictures: the protocol, the counting and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit.errors import InputError
from tam_edit.evaluate import (
    StillReport,
    evaluate_clicks,
    find_still_objects,
    format_clicks,
)
from tam_edit.frame import Frame
from tam_edit.models import Models
from tam_edit.models.base import Segmentation
from tam_edit.prompts import Prompts
from tam_edit.types import Mask, Matte


class Scripted:
    """A segmenter that gives one matte after the other, and notes what it was asked."""

    name = "scripted"

    def __init__(self, answers: list[Matte], others: tuple[Matte, ...] = ()) -> None:
        self.answers, self.others = answers, others
        self.asked: list[Prompts] = []
        self.previous: list[Matte | None] = []

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        self.asked.append(prompts)
        self.previous.append(previous)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        mattes = (answer, *(self.others if len(self.asked) == 1 else ()))
        return Segmentation(mattes=mattes, scores=(0.5,) * len(mattes))


class Unused:
    name = "unused"


def data_set(folder: Path, masks: dict[str, np.ndarray]) -> Path:
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for name, mask in masks.items():
        Image.fromarray(np.zeros((*mask.shape[:2], 3), np.uint8)).save(
            folder / f"images/{name}.jpg"
        )
        Image.fromarray(mask).save(folder / f"masks/{name}.png")
    return folder


def measured(folder: Path, segmenter: Scripted):
    models = Models(name="test", segmenter=segmenter, propagator=Unused())
    return evaluate_clicks(find_still_objects(folder), models)


def half(share: float, height: int = 20, width: int = 40) -> Mask:
    """The left part of a picture."""
    mask = np.zeros((height, width), bool)
    mask[:, : round(share * width)] = True
    return mask


def test_counts_are_those_of_the_answers(tmp_path):
    truth = half(1.0)
    folder = data_set(tmp_path, {"a": np.uint8(255) * truth})
    answers = [half(share).astype(np.float32) for share in (0.5, 0.8, 0.875, 0.7, 0.9)]
    report = measured(folder, Scripted(answers, others=(half(0.6).astype(np.float32),)))
    found = report.objects["a"]
    assert found.ious[:5] == pytest.approx((0.5, 0.8, 0.875, 0.7, 0.9))
    assert found.ious[5:] == pytest.approx((0.9,) * 15)
    assert found.best_candidate_iou == pytest.approx(0.6)
    assert found.box_iou == pytest.approx(0.9)
    assert report.mean_clicks_to(0.85) == 3
    assert report.mean_clicks_to(0.9) == 5
    assert report.mean_clicks_to(0.95) == 20
    assert (report.missing(0.85), report.missing(0.95)) == (0, 1)
    assert [report.mean_iou(k) for k in (1, 2, 5)] == pytest.approx([0.5, 0.8, 0.9])


def test_means_are_over_objects_with_the_cap_for_those_that_never_get_there(tmp_path):
    truths = {"a": half(1.0), "b": half(1.0)}
    folder = data_set(tmp_path, {name: np.uint8(255) * mask for name, mask in truths.items()})
    good, bad = np.ones((20, 40), np.float32), half(0.5).astype(np.float32)
    # 20 clicks and a box on each object.
    report = measured(folder, Scripted([good] * 21 + [bad]))
    assert report.mean_clicks_to(0.85) == (1 + 20) / 2
    assert report.mean_iou(1) == pytest.approx(0.75)
    shown = format_clicks(report)
    assert "clicks to 85%: 10.50 of 20; 1 of 2 objects never" in shown
    assert "never at 85%: b" in shown


def test_clicks_follow_the_protocol(tmp_path):
    truth = np.zeros((21, 61), bool)
    truth[:, 20:41] = True
    folder = data_set(tmp_path, {"a": np.uint8(255) * truth})
    too_much = truth | (np.arange(61) > 40)
    segmenter = Scripted([too_much.astype(np.float32), truth.astype(np.float32)])
    measured(folder, segmenter)
    first, second, third = segmenter.asked[:3]
    assert first.positive == ((30.0, 10.0),)
    assert segmenter.previous[0] is None
    assert second.positive == first.positive
    ((x, y),) = second.negative
    assert (x, y) == (50.0, 9.0)
    assert segmenter.previous[1] is not None
    # Nothing is wrong any more: the object's own middle, once more.
    assert third.positive == ((30.0, 10.0),) * 2
    assert segmenter.asked[-1].box == (20, 0, 41, 21)
    assert not segmenter.asked[-1].positive


def test_nothing_counts_where_nobody_knows(tmp_path):
    grey = np.full((20, 40), 128, np.uint8)
    grey[:, :10], grey[:, 30:] = 255, 0
    folder = data_set(tmp_path, {"a": grey})
    answer = half(0.7).astype(np.float32)
    segmenter = Scripted([answer])
    report = measured(folder, segmenter)
    assert report.objects["a"].ious == pytest.approx((1.0,) * 20)
    assert all(not asked.negative for asked in segmenter.asked)


@pytest.mark.parametrize(
    ("mask", "count", "unknown"),
    [
        (np.uint8(1) * half(0.5), 1, False),
        (np.uint8(128) * half(0.5), 1, False),
        (np.dstack([np.uint8(255) * half(0.5)] * 3), 1, False),
        (np.uint8(1) * half(0.5) + half(0.25), 2, False),
        (np.where(half(0.5), 1, np.where(half(0.6), 255, 0)).astype(np.uint8), 1, True),
        (np.where(half(0.5), 243, np.where(half(0.6), 128, 0)).astype(np.uint8), 1, True),
    ],
)
def test_masks_of_several_kinds(tmp_path, mask, count, unknown):
    found = find_still_objects(data_set(tmp_path, {"a": mask}))
    assert len(found) == count
    parts = [each.truth() for each in found]
    np.testing.assert_array_equal(np.any([part for part, _ in parts], axis=0), half(0.5))
    assert parts[0][1].any() == unknown
    if unknown:
        np.testing.assert_array_equal(parts[0][1], half(0.6) & ~half(0.5))


def test_first_frames_of_sequences_serve_too(tmp_path):
    for part, suffix in (("frames", "jpg"), ("masks", "png")):
        (tmp_path / "clip" / part).mkdir(parents=True)
        for k in range(3):
            picture = np.uint8(255) * half(0.25 * (k + 1))
            image = Image.fromarray(picture)
            image.save(tmp_path / "clip" / part / f"{k:05}.{suffix}")
    (found,) = find_still_objects(tmp_path)
    assert found.name == "clip"
    np.testing.assert_array_equal(found.truth()[0], half(0.25))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "masks/a.png").unlink(), "only one of"),
        (lambda folder: (folder / "images/a.jpg").write_bytes(b"no"), "cannot|not a picture"),
        (
            lambda folder: Image.fromarray(np.zeros((5, 5), np.uint8)).save(folder / "masks/a.png"),
            "5x5",
        ),
        (
            lambda folder: Image.fromarray(np.zeros((20, 40), np.uint8)).save(
                folder / "masks/a.png"
            ),
            "shows no object",
        ),
    ],
)
def test_a_data_set_that_is_not_whole_is_refused(tmp_path, change, said):
    folder = data_set(tmp_path, {"a": np.uint8(255) * half(0.5)})
    change(folder)
    with pytest.raises(InputError, match=said):
        find_still_objects(folder)


def test_an_empty_or_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        find_still_objects(tmp_path / "none")
    with pytest.raises(InputError, match="no pictures"):
        find_still_objects(data_set(tmp_path, {}))


def test_clicks_to_counts_the_first_time():
    report = StillReport(ious=(0.5, 0.9, 0.6), best_candidate_iou=0, box_iou=0, seconds=(0,) * 3)
    assert [report.clicks_to(wanted) for wanted in (0.5, 0.85, 0.95)] == [1, 2, 3]


def test_the_command_measures_and_writes_json(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    truth = np.hypot(*np.mgrid[-20:20, -30:30]) < 12
    folder = data_set(tmp_path / "data", {"disc": np.uint8(255) * truth})
    picture = np.where(truth[..., None], np.uint8([200, 40, 40]), np.uint8([40, 60, 120]))
    Image.fromarray(picture).save(folder / "images/disc.jpg", quality=95)
    where = tmp_path / "report.json"
    told = ["evaluate", "--clicks-only", str(folder), "--model", "builtin", "--json", str(where)]
    assert run(told) == 0
    assert "mean IoU" in capsys.readouterr().out
    found = json.loads(where.read_text())
    assert found["settings"] == {
        "model": "builtin",
        "segmenter": "builtin",
        "clicks": 20,
        "objects": 1,
    }
    assert set(found["iou"]) == {"1", "2", "3", "5", "10", "20"}
    assert len(found["objects"]["disc"]["iou"]) == 20


@pytest.mark.parametrize("option", [["--init", "click"], ["--corrections", "1"], ["--size", "240"]])
def test_options_of_tracking_are_refused(tmp_path, capsys, option):
    folder = data_set(tmp_path, {"a": np.uint8(255) * half(0.5)})
    assert run(["evaluate", "--clicks-only", str(folder), *option]) != 0
    assert option[0] in capsys.readouterr().err
