"""Which frames are shown to a person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from tam_edit.review import JOIN_FRAMES, find_doubts, in_words
from tam_edit.review.doubts import score_text
from tam_edit.review.words import FEW_MORE, MOST_TOLD, frames_counted, to_look_at
from tam_edit.tracks import FrameScore, Origin


def scored(scores: dict[int, float], reasons: tuple[str, ...] = ("blurred",)) -> list[FrameScore]:
    return [FrameScore(i, s, Origin.PROPAGATED, reasons) for i, s in scores.items()]


def test_doubtful_frames_that_are_close_form_one_span_the_worst_stretch_first() -> None:
    frames = scored({0: 0.9, 1: 0.3, 2: 0.2, 3: 0.9, 4: 0.4, 5 + JOIN_FRAMES: 0.1, 99: 0.8})
    worst, other = find_doubts({1: frames}, {1: "car"}, 0.5)
    assert (worst.frames, worst.worst_frame) == ((1, 2, 4), 2)
    assert (worst.start, worst.last, worst.name) == (1, 4, "car")
    assert (other.frames, other.worst_score) == ((5 + JOIN_FRAMES,), 0.1)
    frames = scored({0: 0.3, 20: 0.2})
    assert [doubt.start for doubt in find_doubts({1: frames}, {1: "car"}, 0.5)] == [20, 0]


def test_frames_with_a_mask_and_empty_ones_are_never_in_one_span() -> None:
    scores = {1: scored({index: 0.3 for index in range(153, 319) if index != 200})}
    both = find_doubts(scores, {1: "car"}, 0.5, empty={1: range(173, 319)})
    spans = [(d.start, d.last, d.is_empty) for d in both]
    assert sorted(spans) == [(153, 172, False), (173, 318, True)]
    assert [to_look_at(d) for d in sorted(both, key=lambda d: d.start)] == [
        "20 frames to look at",
        "145 of these 146 frames to look at",
    ]
    assert frames_counted(both) == "165 frames in 2 spans"
    two = find_doubts({**scores, 2: scored({153: 0.1})}, {1: "car", 2: "dog"}, 0.5)
    assert frames_counted(two) == "166 masks on 165 frames in 2 spans"
    told = in_words(both, str, Path("shot.tam"))
    assert "165 frames in 2 spans" in told.splitlines()[0]
    assert told.count("if the object is there: ") == told.count("if it is wrong: ") == 1
    assert "--gone" not in told  # nobody looked where no mask shows anything
    sure = [replace(doubt, empty_span=(201, 318)) if doubt.is_empty else doubt for doubt in both]
    told = in_words(sure, str, Path("shot.tam"))
    gone = "if it is not there: tam-edit prompt shot.tam --object car --gone 201-318"
    assert told.count(gone) == told.count("--gone") == 1


@pytest.mark.parametrize(
    ("score", "shown"),
    [(0.7499999, "0.74"), (0.75, "0.75"), (0.29, "0.29"), (0.0, "0.00"), (1.0, "1.00")],
)
def test_a_score_below_the_threshold_never_reads_as_equal_to_it(score: float, shown: str) -> None:
    assert score_text(score) == shown
    (doubt,) = find_doubts({1: scored({0: score})}, {1: "car"}, 2)
    assert f"(score {shown})" in in_words([doubt], str, Path("shot.tam"))
    assert cast("float", doubt.as_json()["worst_score"]) <= score


def test_a_score_at_the_threshold_is_not_doubtful() -> None:
    assert find_doubts({1: scored({0: 0.5})}, {1: "car"}, 0.5) == []


def test_reasons_come_most_frequent_first() -> None:
    frames = [
        FrameScore(0, 0.1, Origin.PROPAGATED, ("small", "dark")),
        FrameScore(1, 0.1, Origin.PROPAGATED, ("dark",)),
    ]
    (doubt,) = find_doubts({1: frames}, {1: "car"}, 0.5)
    assert doubt.reasons == ("dark", "small")


def test_objects_are_looked_at_one_by_one() -> None:
    scores = {1: scored({0: 0.4}), 2: scored({0: 0.2})}
    assert [d.object_id for d in find_doubts(scores, {1: "a", 2: "b"}, 0.5)] == [2, 1]


def test_doubts_are_told_in_words() -> None:
    frames = scored({3: 0.2, 4: 0.4, 50: 0.3})
    doubts = find_doubts({1: frames}, {1: "car"}, 0.5)
    told = in_words(doubts, lambda index: f"t{index}", Path("a shot.tam"))
    correct = "    if it is wrong: tam-edit prompt 'a shot.tam' --object car --click"
    assert told.splitlines()[1:] == [
        "  frames 3-4 (t3 - t4) of 'car': blurred (score 0.20 on frame 3)",
        f"{correct} X,Y@3",
        "  frame 50 (t50) of 'car': blurred (score 0.30)",
        f"{correct} X,Y@50",
    ]


def test_a_terminal_is_not_flooded_with_doubts() -> None:
    frames = scored({index * 10: 0.2 for index in range(MOST_TOLD + 30)})
    doubts = find_doubts({1: frames}, {1: "car"}, 0.5)
    told = in_words(doubts, str, Path("shot.tam")).splitlines()
    assert len(told) == 2 * MOST_TOLD + 2
    assert told[-1] == "  and 30 more; all of them: tam-edit review shot.tam --json -"
    # Nobody is sent elsewhere for a few.
    told = in_words(doubts[: MOST_TOLD + FEW_MORE], str, Path("shot.tam")).splitlines()
    assert len(told) == 2 * (MOST_TOLD + FEW_MORE) + 1


def test_a_mask_that_others_follow_from_comes_right_before_the_worst_of_them() -> None:
    """Frame 0 was clicked once; what follows up to frame 200, where more was said, hangs on it."""
    scores = {1: scored({0: 0.69, 40: 0.1, 80: 0.3, 240: 0.2}), 2: scored({30: 0.15})}
    names = {1: "car", 2: "dog"}
    doubts = find_doubts(scores, names, 0.7, {1: {0: False, 200: True}})
    assert [d.proposed_frame for d in doubts] == [0, 40, 30, 240, 80]
    # Once somebody has worked on it, it is asked about last, whatever it scores.
    doubts = find_doubts(scores, names, 0.7, {1: {0: True, 40: True, 200: True}})
    assert [d.worst_frame for d in doubts] == [30, 240, 80, 40, 0]


def test_a_span_proposes_the_mask_that_one_click_led_to_else_one_that_was_tracked() -> None:
    frames = scored({0: 0.6, 1: 0.5, 2: 0.3})
    # Nothing leads across a cut.
    unreached = ("no prompt reaches it",)
    frames += [FrameScore(i, 0.0, Origin.UNREACHED, unreached) for i in range(30, 33)]
    first, second = find_doubts({1: frames}, {1: "car"}, 0.7, {1: {0: False}})
    assert (first.proposed_frame, second.proposed_frame, second.worst_frame) == (30, 0, 2)
    assert second.proposed_why == "what comes after it follows from this mask"
    _, second = find_doubts({1: frames}, {1: "car"}, 0.7, {1: {2: True}})
    assert (second.proposed_frame, second.worst_frame) == (1, 2)
    assert second.proposed_why.startswith("on frame 2 somebody has said already where it is")


def test_a_long_bad_stretch_is_proposed_before_one_bad_frame() -> None:
    scores = {0: 0.1, **dict.fromkeys(range(4, 9), 0.4), 9: 0.5}
    (doubt,) = find_doubts({1: scored(scores)}, {1: "car"}, 0.7)
    assert (doubt.worst_frame, doubt.proposed_frame) == (0, 6)
    assert doubt.proposed_why == "the masks around it are the worst together"
    (doubt,) = find_doubts({1: scored({3: 0.2, 4: 0.4})}, {1: "car"}, 0.7)
    assert doubt.proposed_why == "its score is the lowest"


def test_what_is_near_a_corrected_frame_is_proposed_after_what_no_correction_has_reached() -> None:
    scores = dict.fromkeys(range(8, 12), 0.2) | dict.fromkeys(range(12, 40), 0.4)
    (doubt,) = find_doubts({1: scored(scores)}, {1: "car"}, 0.7)
    assert doubt.proposed_frame == 11
    (doubt,) = find_doubts({1: scored(scores)}, {1: "car"}, 0.7, {1: {10: True}})
    assert doubt.proposed_frame == 23
    assert doubt.proposed_why == (
        "of the masks that no corrected one is near, those around it are the worst"
    )
    # One click that nobody has worked on mends nothing around it.
    (doubt,) = find_doubts({1: scored(scores)}, {1: "car"}, 0.7, {1: {60: False}})
    assert doubt.proposed_frame == 11
    # The same between spans, and between objects.
    far = scored({10: 0.1, 11: 0.1, 50: 0.3, 51: 0.3})
    first, second = find_doubts(
        {1: far, 2: scored({30: 0.6})}, {1: "a", 2: "b"}, 0.7, {1: {12: True}}
    )[:2]
    assert (first.start, second.name) == (50, "b")
