"""The drawing of scores over time on a review page."""

from __future__ import annotations

import re

import pytest

from tam_edit.review import find_doubts
from tam_edit.review.timeline import MOST_COLUMNS, Timeline
from tam_edit.tracks import FrameScore, Origin


def test_a_timeline_of_any_length_keeps_its_worst_frame() -> None:
    count = 200_000
    scores = (
        FrameScore(i, 0.05 if i == 123_456 else 0.9, Origin.PROPAGATED, ()) for i in range(count)
    )
    drawn = Timeline(range(count), scores, approved=range(0, count, 7), keyframes=range(count))
    (doubt,) = find_doubts({1: [FrameScore(123_456, 0.05, Origin.PROPAGATED, ())]}, {1: "car"}, 0.5)
    svg = drawn.svg([("span-1", doubt)], 0.5, "scores")
    assert len(svg) < 60_000
    path = re.search(r'class="score" d="M0 ([^"]*)"', svg)
    assert path is not None
    heights = [float(h) for h in re.findall(r"V([\d.]+)", path[1])]
    assert len(heights) == MOST_COLUMNS
    column = 123_456 * MOST_COLUMNS // count
    assert [i for i, height in enumerate(heights) if height > 50] == [column]
    assert heights[column] == pytest.approx(95)
    mark = re.search(r'class="doubt" x="([\d.]+)" y="0" width="([\d.]+)"', svg)
    assert mark is not None
    x, width = map(float, mark.groups())
    assert x <= column <= x + width
    # Wide enough for a finger on a phone of 375 pixels.
    assert width * 375 / MOST_COLUMNS >= 4


def test_a_timeline_is_interrupted_where_nothing_was_tracked() -> None:
    scores = [FrameScore(i, 0.5, Origin.PROPAGATED, ()) for i in (0, 1, 4)]
    svg = Timeline(range(6), scores, (), ()).svg([], 0.7, "scores")
    assert 'd="M0 50V50h1V50h1M4 50V50h1"' in svg
