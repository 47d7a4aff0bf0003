"""Evaluation on drawn sequences with trackers whose result is known beforehand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tam_edit.errors import InputError, ModelError
from tam_edit.evaluate import (
    ObjectReport,
    Report,
    Sequence,
    evaluate,
    find_sequences,
    format_report,
)
from tam_edit.frame import Frame
from tam_edit.masks.measure import boundary_f, iou
from tam_edit.models import Models
from tam_edit.models.base import Segmentation, Segmenter, TrackingInfo, TrackStep
from tam_edit.prompts import Prompts
from tam_edit.testing.clips import DrawnClip, draw_clip
from tam_edit.tracking import LoopSettings
from tam_edit.types import Mask, Matte
from tests.made_sequences import save

FRAMES = 9
# What the scripted tracker says is what is measured.
AS_TOLD = LoopSettings(assesses=False, refine_below=0, at_cuts="ignore")


class Scripted:
    """A propagator and its run: what it answers on each frame is given as a function."""

    name = "scripted"

    def __init__(
        self,
        answer: Callable[[int, Matte], Matte],
        score: Callable[[int], float] = lambda index: 1 - index / 100,
    ) -> None:
        self._answer, self._score = answer, score
        self.first: Matte = np.zeros((1, 1), np.float32)
        self.starts: list[TrackingInfo] = []

    def start(self, info: TrackingInfo) -> Scripted:
        self.starts.append(info)
        return self

    def resume(self, info: TrackingInfo, snapshot: bytes) -> Scripted:
        raise ModelError("it cannot be resumed")

    def keyframe(self, frame: Frame, mattes: Mapping[int, Matte]) -> TrackStep:
        self.first = mattes[1]
        return TrackStep(mattes=mattes, scores={1: 1.0})

    def step(self, frame: Frame) -> TrackStep:
        matte = self._answer(frame.index, self.first)
        return TrackStep(mattes={1: matte}, scores={1: self._score(frame.index)})

    def prefetch(self, frame: Frame) -> None:
        """Nothing to begin with."""

    def revise(self, frame: Frame, mattes: Mapping[int, Matte]) -> None:
        raise ModelError("nothing is refined")

    def cut(self) -> None:
        raise ModelError("there is no cut")

    def forget(self, object_id: int) -> None:
        raise ModelError("nothing to forget")

    def snapshot(self) -> bytes:
        return b"state"


class Clicked:
    """A segmenter that answers a square around each positive click, less negative ones."""

    name = "clicked"

    def __init__(self, reach: int) -> None:
        self.reach = reach
        self.prompts: list[Prompts] = []
        self.previous: list[Matte | None] = []

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        self.prompts.append(prompts)
        self.previous.append(previous)
        matte = np.zeros((frame.height, frame.width), np.float32)
        for value, points in ((1, prompts.positive), (0, prompts.negative)):
            for x, y in points:
                top, left = max(0, int(y) - self.reach), max(0, int(x) - self.reach)
                matte[top : int(y) + self.reach + 1, left : int(x) + self.reach + 1] = value
        return Segmentation(mattes=(matte,), scores=(0.5,))


def measured(
    folder: Path, propagator: Scripted, segmenter: Segmenter | None = None, **options: Any
) -> Report:
    models = Models(name="test", segmenter=segmenter or Clicked(1), propagator=propagator)
    return evaluate(find_sequences(folder), models, settings=AS_TOLD, **options)


def only(report: Report) -> ObjectReport:
    """The only object of the only sequence."""
    (sequence,) = report.sequences.values()
    (found,) = sequence.objects.values()
    return found


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    return draw_clip("disc", frames=FRAMES)


@pytest.fixture(scope="module")
def data(clip: DrawnClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    save(clip, folder / "disc")
    return folder


def masks_of(clip: DrawnClip) -> list[Mask]:
    return [clip.mask(1, index) for index in range(len(clip))]


def test_a_perfect_tracker_has_j_and_f_of_one(data: Path, clip: DrawnClip) -> None:
    truth = masks_of(clip)
    perfect = Scripted(lambda index, _: truth[index].astype(np.float32))
    report = measured(data, perfect)
    assert (report.j, report.f) == (1, 1)
    disc = only(report)
    assert disc.init_iou == 1
    assert disc.j == disc.f == (1,) * (FRAMES - 2)
    assert disc.j_statistics == disc.f_statistics == (1, 1, 0)
    assert (perfect.starts[0].width, perfect.starts[0].height) == (160, 120)


def test_repeating_the_first_mask_gives_the_overlap_of_two_discs(
    data: Path, clip: DrawnClip
) -> None:
    report = measured(data, Scripted(lambda _, first: first))
    radius = 0.2 * 120
    for index, j in enumerate(only(report).j, start=1):
        passed = index / (FRAMES - 1)
        apart = math.hypot(0.4 * 160 * passed, 0.28 * 120 * passed)
        lens = 0.0
        if apart < 2 * radius:
            lens = 2 * radius**2 * math.acos(apart / (2 * radius))
            lens -= apart / 2 * math.sqrt(4 * radius**2 - apart**2)
        assert j == pytest.approx(lens / (2 * math.pi * radius**2 - lens), abs=0.02)
    truth = masks_of(clip)
    assert only(report).j == tuple(iou(truth[0], m) for m in truth[1:-1])
    assert only(report).f == tuple(boundary_f(truth[0], m) for m in truth[1:-1])


def test_the_first_and_last_frame_are_not_scored(data: Path, clip: DrawnClip) -> None:
    truth = masks_of(clip)

    def all_but_the_last(index: int, first: Matte) -> Matte:
        wanted = truth[index].astype(np.float32)
        return np.zeros_like(wanted) if index == FRAMES - 1 else wanted

    report = measured(data, Scripted(all_but_the_last))
    assert report.j == report.f == 1


def test_small_mattes_are_brought_to_source_size_bilinearly(data: Path, clip: DrawnClip) -> None:
    small = [
        cv2.resize(m.astype(np.float32), (80, 60), interpolation=cv2.INTER_AREA)
        for m in masks_of(clip)
    ]
    tracker = Scripted(lambda index, _: small[index])
    report = measured(data, tracker, short_side=60)
    assert (tracker.starts[0].width, tracker.starts[0].height) == (80, 60)
    np.testing.assert_array_equal(tracker.first, small[0])
    large = [cv2.resize(m, (160, 120), interpolation=cv2.INTER_LINEAR) >= 0.5 for m in small]
    expected = [iou(m, t) for m, t in zip(large, masks_of(clip), strict=True)][1:-1]
    assert only(report).j == tuple(expected)
    assert report.j > 0.95


def test_clicks_begin_in_the_middle_and_go_to_the_largest_error(
    data: Path, clip: DrawnClip
) -> None:
    segmenter = Clicked(reach=12)
    report = measured(
        data,
        Scripted(lambda _, first: first),
        segmenter,
        init="click",
        clicks=3,
    )
    truth = clip.mask(1, 0)
    assert len(segmenter.prompts) == 3
    x, y = segmenter.prompts[0].positive[0]
    assert math.hypot(x - 0.3 * 160, y - 0.36 * 120) <= 1.5
    assert [len(p.positive) for p in segmenter.prompts] == [1, 2, 3]
    first_square = np.zeros_like(truth)
    first_square[int(y) - 12 : int(y) + 13, int(x) - 12 : int(x) + 13] = True
    second = segmenter.prompts[1].positive[1]
    assert truth[int(second[1]), int(second[0])]
    assert not first_square[int(second[1]), int(second[0])]
    assert segmenter.previous[0] is None
    assert segmenter.previous[1] is not None
    np.testing.assert_array_equal(segmenter.previous[1] > 0, first_square)
    final = Clicked(12).segment(Frame.from_rgb(clip.image(0)), segmenter.prompts[-1]).best
    disc = only(report)
    assert disc.init_iou == iou(final > 0, truth)
    assert disc.j[0] == iou(final > 0, clip.mask(1, 1))
    assert report.as_json()["sequences"]["disc"]["seconds_init"] > 0


def test_a_click_on_what_is_wrongly_taken_is_negative(data: Path) -> None:
    segmenter = Clicked(reach=60)
    measured(
        data,
        Scripted(lambda _, first: first),
        segmenter,
        init="click",
        clicks=2,
    )
    assert len(segmenter.prompts[1].positive) == len(segmenter.prompts[1].negative) == 1


def test_the_score_of_the_tracker_is_assessed_frame_by_frame(data: Path) -> None:
    report = measured(
        data,
        Scripted(lambda _, first: first, score=lambda index: 1 - 0.1 * index),
        flag_below=0.75,
    )
    assert only(report).scores == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    # J of the still mask falls with every frame, as the score does, until both discs part.
    assert report.assessment.spearman == pytest.approx(1, abs=0.05)
    bad = sum(j < 0.6 for j in only(report).j)
    assert bad == 6
    assert report.assessment.precision == 1
    assert report.assessment.recall == pytest.approx(5 / 6)


def test_the_json_has_the_promised_names_and_the_table_the_same_values(
    clip: DrawnClip, data: Path, tmp_path: Path
) -> None:
    save(clip, tmp_path / "disc")
    save(draw_clip("leaves", frames=7), tmp_path / "leaves-and-returns")
    told: list[tuple[str, int, int]] = []
    report = measured(
        tmp_path,
        Scripted(lambda _, first: first),
        progress=lambda *said: told.append(said),
    )
    assert told[0] == ("disc", 1, FRAMES + 7)
    assert told[-1] == ("leaves-and-returns", FRAMES + 7, FRAMES + 7)
    found = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert {"mean", "fps", "peak_rss_mb", "sequences", "assessment"} <= found.keys()
    assert {"j", "f", "jf"} <= found["mean"].keys()
    promised = {"spearman", "precision", "recall", "flagged_share"}
    assert promised <= found["assessment"].keys()
    wanted = {"j", "f", "jf", "j_recall", "j_decay", "f_recall", "f_decay"}
    wanted |= {"frames", "fps", "init_iou", "seconds_init"}
    rows = found["sequences"]
    assert list(rows) == ["disc", "leaves-and-returns"]
    assert all(wanted <= row.keys() for row in rows.values())
    assert found["mean"]["jf"] == pytest.approx(np.mean([row["jf"] for row in rows.values()]))
    assert found["fps"] > 0
    assert 10 < found["peak_rss_mb"] < 100_000
    lines = format_report(report).splitlines()
    assert len({len(line) for line in lines[:6]}) == 1
    for name, row in rows.items():
        line = next(text for text in lines if text.startswith(name + " "))
        shown = [float(cell) for cell in line.split()[1:4]]
        assert shown == pytest.approx([row["j"], row["f"], row["jf"]], abs=5e-4)
    assert any(line.startswith("assessment:") for line in lines)


def test_reading_the_truth_and_scoring_take_no_tracking_time(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("tam_edit.evaluate.rounds.time.perf_counter", lambda: clock[0])

    def in_thousand_seconds(*_: Any) -> float:
        clock[0] += 1000
        return 1.0

    def in_two_seconds(_: int, first: Matte) -> Matte:
        clock[0] += 2
        return first

    for name in ("boundary_f", "region_similarity"):
        monkeypatch.setattr(f"tam_edit.evaluate.scoring.{name}", in_thousand_seconds)
    values = Sequence.mask_values

    def slow_values(self: Sequence, index: int) -> Any:
        clock[0] += 1000
        return values(self, index)

    monkeypatch.setattr(Sequence, "mask_values", slow_values)
    report = measured(data, Scripted(in_two_seconds))
    assert report.sequences["disc"].seconds_tracking == 2 * (FRAMES - 1)
    assert report.fps == FRAMES / (2 * (FRAMES - 1))


def test_what_cannot_be_evaluated_is_said(data: Path, tmp_path: Path) -> None:
    still = Scripted(lambda _, first: first)
    models = Models(name="test", segmenter=Clicked(1), propagator=still)
    with pytest.raises(InputError, match="no sequence"):
        evaluate([], models)
    with pytest.raises(InputError, match="0 clicks and 1 corrections"):
        measured(data, still, clicks=0, corrections=1)
    save(draw_clip("leaves", frames=3, width=20, height=16), tmp_path / "gone")
    for index in range(3):
        Image.new("L", (20, 16)).save(tmp_path / "gone" / "masks" / f"{index:05d}.png")
    with pytest.raises(InputError, match="all masks of the sequence gone are empty"):
        measured(tmp_path, still)
    Image.new("L", (20, 16), 255).save(tmp_path / "gone" / "masks" / "00001.png")
    with pytest.raises(InputError, match="gone shows its objects on its last two frames only"):
        measured(tmp_path, still)
