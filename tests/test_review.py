"""Which frames are shown to a person."""

from __future__ import annotations

from tam_edit.review import JOIN_FRAMES, MOST_TOLD, find_doubts, in_words
from tam_edit.tracks import FrameScore, Origin


def scored(scores: dict[int, float], reasons: tuple[str, ...] = ("blurred",)) -> list[FrameScore]:
    return [FrameScore(i, s, Origin.PROPAGATED, reasons) for i, s in scores.items()]


def test_doubtful_frames_that_are_close_form_one_span_worst_first() -> None:
    frames = scored({0: 0.9, 1: 0.3, 2: 0.2, 3: 0.9, 4: 0.4, 5 + JOIN_FRAMES: 0.1, 99: 0.8})
    worst, other = find_doubts({1: frames}, {1: "car"}, 0.5)
    assert (worst.frames, worst.worst_score) == ((5 + JOIN_FRAMES,), 0.1)
    assert (other.frames, other.worst_frame) == ((1, 2, 4), 2)
    assert (other.start, other.last, other.name) == (1, 4, "car")


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
    told = in_words(find_doubts({1: frames}, {1: "car"}, 0.5), lambda index: f"t{index}")
    assert told.splitlines()[1:] == [
        "  frames 3-4 (t3 - t4) of 'car': blurred (score 0.20 on frame 3)",
        "  frame 50 (t50) of 'car': blurred (score 0.30 on frame 50)",
    ]


def test_a_terminal_is_not_flooded_with_doubts() -> None:
    frames = scored({index * 10: 0.2 for index in range(MOST_TOLD + 30)})
    told = in_words(find_doubts({1: frames}, {1: "car"}, 0.5), str).splitlines()
    assert len(told) == MOST_TOLD + 2
    assert told[-1] == "  and 30 more, less doubtful"
