"""Rounds of corrections: what is proposed, what is clicked, and what that changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit.errors import ModelError
from tam_edit.evaluate import Report, evaluate, find_sequences, format_report
from tam_edit.evaluate.clicking import click
from tam_edit.evaluate.rounds import worst_frame
from tam_edit.frame import Frame
from tam_edit.masks.measure import iou
from tam_edit.models import Models
from tam_edit.models.base import Segmentation, TrackingInfo, TrackStep
from tam_edit.prompts import Prompts
from tam_edit.testing.clips import DrawnClip, draw_clip
from tam_edit.tracking import LoopSettings
from tam_edit.tracks import FrameScore, Origin
from tam_edit.types import Mask, Matte

FRAMES = 13
AS_TOLD = LoopSettings(assesses=False, refine_below=0, at_cuts="ignore")


class Holding:
    """A propagator and its run: each object stays where it was given last.

    Scores are as told; of a pass backward they are 0, so that it replaces nothing.
    """

    name = "holding"

    def __init__(self, score: Callable[[int, int], float]) -> None:
        self._score = score
        self._held: dict[int, Matte] = {}
        self._last = -1
        self.shown = 0

    def start(self, info: TrackingInfo) -> Holding:
        self._held, self._last = {}, -1
        return self

    def resume(self, info: TrackingInfo, snapshot: bytes) -> Holding:
        raise ModelError("it cannot be resumed")

    def keyframe(self, frame: Frame, mattes: Mapping[int, Matte]) -> TrackStep:
        self._held |= mattes
        return self.step(frame)

    def step(self, frame: Frame) -> TrackStep:
        is_forward = frame.index > self._last
        self._last, self.shown = frame.index, self.shown + 1
        scores = {n: self._score(frame.index, n) if is_forward else 0.0 for n in self._held}
        return TrackStep(mattes=dict(self._held), scores=scores)

    def prefetch(self, frame: Frame) -> None:
        """Nothing to begin with."""

    def revise(self, frame: Frame, mattes: Mapping[int, Matte]) -> None:
        raise ModelError("nothing is refined")

    def cut(self) -> None:
        """A frame that lies elsewhere was learned before; that changes nothing."""

    def forget(self, object_id: int) -> None:
        del self._held[object_id]

    def snapshot(self) -> bytes:
        return b"state"


class Answering:
    """A segmenter that answers as told and keeps what it was asked."""

    name = "answering"

    def __init__(self, answer: Callable[[Frame, Prompts], Mask]) -> None:
        self._answer = answer
        self.asked: list[tuple[Prompts, Matte | None]] = []

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        prompts.check(frame.width, frame.height, has_mask=previous is not None)
        self.asked.append((prompts, previous))
        answer = self._answer(frame, prompts).astype(np.float32)
        return Segmentation(mattes=(answer,), scores=(0.8,))


def save(clip: DrawnClip, folder: Path) -> None:
    for part in ("frames", "masks"):
        (folder / part).mkdir(parents=True)
    for index in range(len(clip)):
        Image.fromarray(clip.image(index)).save(folder / "frames" / f"{index:05d}.png")
        values = np.zeros((clip.height, clip.width), np.uint8)
        for number in range(1, len(clip.names) + 1):
            values[clip.mask(number, index)] = number
        Image.fromarray(values).save(folder / "masks" / f"{index:05d}.png")


def measured(folder: Path, propagator: Holding, segmenter: Answering, **options: Any) -> Report:
    models = Models(name="test", segmenter=segmenter, propagator=propagator)
    return evaluate(find_sequences(folder), models, settings=AS_TOLD, **options)


def test_the_worst_frame_is_corrected_and_what_follows_is_tracked_again(tmp_path: Path) -> None:
    clip = draw_clip("disc", frames=FRAMES, width=80, height=60)
    save(clip, tmp_path / "set" / "disc")
    truth = [clip.mask(1, index) for index in range(FRAMES)]
    tracker = Holding(lambda index, _: {6: 0.2, 3: 0.3}.get(index, 0.9))
    segmenter = Answering(lambda frame, _: truth[frame.index])
    report = measured(tmp_path / "set", tracker, segmenter, corrections=2, clicks=2)

    held_from = ([0] * 13, [0] * 6 + [6] * 7, [0] * 3 + [3] * 3 + [6] * 7)
    rounds = report.sequences["disc"].rounds
    for found, held in zip(rounds, held_from, strict=True):
        expected = [iou(truth[held[index]], truth[index]) for index in range(1, FRAMES - 1)]
        assert found.objects[1].j == pytest.approx(expected)
    first, second = (found.corrections[0] for found in rounds[1:])
    assert (first.frame_index, first.score) == (6, 0.2)
    assert (first.j_before, first.j_after) == (pytest.approx(iou(truth[0], truth[6])), 1)
    assert second.frame_index == 3
    assert rounds[1].objects[1].origins[5] == "corrected"
    # Every correction is the clicks of one person on the mask as it is.
    said = [len(p.positive) + len(p.negative) for p, _ in segmenter.asked]
    assert said[1] - said[0] == said[3] - said[2] == 1
    assert (first.click_count, second.click_count) == (said[1], said[3])
    before = segmenter.asked[0][1]
    assert before is not None
    np.testing.assert_array_equal(before >= 0.5, truth[0])
    # The model is shown what changes, and the costs add up to what it was shown.
    assert tracker.shown == sum(found.frame_count for found in rounds)
    assert rounds[1].frame_count < 2 * FRAMES
    # The first correction, which had been carried back, is so once more.
    assert rounds[2].frame_count < 2 * FRAMES

    told = report.as_json()
    assert [r["j"] for r in told["rounds"]] == pytest.approx(
        [report.mean(k)["j"] for k in range(3)]
    )
    assert told["rounds"][0]["corrections"] == []
    assert told["rounds"][1]["sequences"] == {"disc": told["rounds"][1]["jf"]}
    assert told["rounds"][1]["corrections"][0] | {"j_before": 0} == {
        "sequence": "disc",
        "object": 1,
        "frame": 6,
        "score": 0.2,
        "clicks": said[1],
        "gone": False,
        "j_before": 0,
        "j_after": 1,
    }
    assert told["mean"]["jf"] == told["rounds"][-1]["jf"] > told["rounds"][0]["jf"]
    # The assessment is that of the first round: what a person gave needs none.
    plain = measured(tmp_path / "set", tracker, segmenter)
    assert plain.assessment == report.assessment
    assert "disc object 1 frame 6 (score 0.20; " in format_report(report)
    assert "corrected in round" not in format_report(plain)


def test_where_the_object_is_not_there_the_correction_says_so(tmp_path: Path) -> None:
    clip = draw_clip("leaves", frames=FRAMES, width=80, height=60)
    save(clip, tmp_path / "set" / "leaves")
    truth = [clip.mask(1, index) for index in range(FRAMES)]
    gone = [index for index, mask in enumerate(truth) if not mask.any()]
    tracker = Holding(lambda index, _: 0.1 if index == gone[0] else 0.9)
    segmenter = Answering(lambda frame, _: truth[frame.index])
    report = measured(tmp_path / "set", tracker, segmenter, corrections=1)
    (correction,) = report.sequences["leaves"].rounds[1].corrections
    assert correction.is_gone
    assert (correction.frame_index, correction.click_count) == (gone[0], 0)
    assert (correction.j_before, correction.j_after) == (0, 1)
    assert segmenter.asked == []
    found = report.sequences["leaves"].objects[1]
    # It holds until something else is said.
    after = range(gone[0], FRAMES - 1)
    assert [found.j[index - 1] for index in after] == [float(index in gone) for index in after]
    assert {found.origins[index - 1] for index in after} == {"absent"}


def test_each_object_is_corrected_on_its_own_worst_frame(tmp_path: Path) -> None:
    clip = draw_clip("two", frames=FRAMES, width=80, height=60)
    save(clip, tmp_path / "set" / "two")
    worst = {1: 4, 2: 9}
    numbers = {frame: number for number, frame in worst.items()}
    tracker = Holding(lambda index, number: 0.1 if index == worst[number] else 0.9)
    segmenter = Answering(lambda frame, _: clip.mask(numbers[frame.index], frame.index))
    report = measured(tmp_path / "set", tracker, segmenter, corrections=1)
    first, second = report.sequences["two"].rounds
    assert {c.object_id: c.frame_index for c in second.corrections} == worst
    for number, frame in worst.items():
        before, after = first.objects[number].j, second.objects[number].j
        assert after[frame - 1] == 1
        assert after[: frame - 1] == before[: frame - 1]


def test_a_correction_can_be_the_true_mask(tmp_path: Path) -> None:
    clip = draw_clip("disc", frames=FRAMES, width=80, height=60)
    save(clip, tmp_path / "set" / "disc")
    tracker = Holding(lambda index, _: 0.2 if index == 6 else 0.9)
    segmenter = Answering(lambda *_: np.zeros((60, 80), bool))
    report = measured(tmp_path / "set", tracker, segmenter, corrections=1, correct_by="mask")
    (correction,) = report.sequences["disc"].rounds[1].corrections
    assert (correction.frame_index, correction.j_after, correction.click_count) == (6, 1, 0)
    assert segmenter.asked == []
    assert report.settings["correct_by"] == "mask"


def test_a_correction_may_only_say_what_is_not_the_object() -> None:
    truth = np.zeros((60, 80), bool)
    truth[10:30, 10:40] = True
    current = np.zeros((60, 80), np.float32)
    current[10:30, 20:40] = 1  # a strip of ten columns is missing
    current[35:57, 50:78] = 1  # and much too much is taken
    frame = Frame.from_rgb(np.zeros((60, 80, 3), np.uint8))
    segmenter = Answering(lambda *_: truth)
    found = click(frame, truth, segmenter, 1, current)
    ((prompts, previous),) = segmenter.asked
    np.testing.assert_array_equal(previous, current)
    ((x, y),) = prompts.negative
    deepest = cv2.distanceTransform(
        np.pad((current > 0) & ~truth, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )[1:-1, 1:-1]
    assert deepest[int(y), int(x)] == deepest.max()
    assert prompts.positive == ()
    assert found.prompts is prompts
    # Nothing is wrong where the truth is not known.
    click(frame, truth, segmenter, 1, current, (current > 0) & ~truth)
    last = segmenter.asked[-1][0]
    assert (len(last.positive), len(last.negative)) == (1, 0)
    assert not current[int(last.positive[0][1]), int(last.positive[0][0])]
    # Where the object itself is missed most, that is clicked on and nothing else.
    click(frame, truth, segmenter, 1, np.zeros((60, 80), np.float32))
    last = segmenter.asked[-1][0]
    assert (len(last.positive), len(last.negative)) == (1, 0)


def test_the_options_of_the_command_reach_the_loop(tmp_path: Path) -> None:
    save(draw_clip("disc", frames=5, width=40, height=30), tmp_path / "set" / "disc")
    told = tmp_path / "told.json"
    options = ["--no-assess", "--at-cuts", "ignore", "--corrections", "1", "--clicks", "2"]
    assert run(["evaluate", str(tmp_path / "set"), *options, "--json", str(told), "-q"]) == 0
    found = json.loads(told.read_text(encoding="utf-8"))
    assert len(found["rounds"]) == 2
    assert found["rounds"][1]["corrections"][0]["clicks"] >= 2
    settings = found["settings"]
    assert (settings["assesses"], settings["refine_below"]) == (False, 0)
    assert (settings["at_cuts"], settings["corrections"], settings["clicks"]) == ("ignore", 1, 2)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({1: 0.9, 2: 0.4, 3: 0.5}, 2),
        ({1: 0.4, 2: 0.4, 3: 0.4, 4: 0.9, 5: 0.4}, 2),
        ({1: 0.4, 2: 0.9, 4: 0.4, 5: 0.4, 6: 0.4, 7: 0.4}, 5),
        ({1: 0.4, 3: 0.4, 4: 0.6}, 1),
        ({}, None),
    ],
)
def test_the_lowest_score_is_proposed_and_of_equals_the_middle(
    scores: dict[int, float], expected: int | None
) -> None:
    known = [FrameScore(i, score, Origin.PROPAGATED, ()) for i, score in scores.items()]
    found = worst_frame(known)
    assert (found.frame_index if found is not None else None) == expected
