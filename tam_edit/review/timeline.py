"""An object's scores over time as a drawing that scales: lowest values stay visible."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape
from itertools import groupby

import numpy as np

from tam_edit.review.doubts import Doubt
from tam_edit.tracks import FrameScore

MOST_COLUMNS = 600
HEIGHT = 100
APPROVED_HEIGHT = 6
# So wide, as a share of the drawing, is a mark at least: a finger must hit it.
MARK_SHARE = 0.012


class Timeline:
    """The scores of one object, gathered into a bounded number of columns.

    Args:
        frames: The frames from in to out point.
        scores: Ascending.
        approved: Frames that a person has approved.
        keyframes: Frames on which a person said something.
    """

    def __init__(
        self,
        frames: range,
        scores: Iterable[FrameScore],
        approved: Collection[int],
        keyframes: Collection[int],
    ) -> None:
        self._frames = frames
        self.columns = max(1, min(MOST_COLUMNS, len(frames)))
        # The lowest score of each column: one bad frame among a hundred is what is looked for.
        self._lowest = np.full(self.columns, np.inf)
        self.tracked_count = 0
        for scored in scores:
            if scored.frame_index in frames:
                column = self._column(scored.frame_index)
                self._lowest[column] = min(self._lowest[column], scored.score)
                self.tracked_count += 1
        self._approved = sorted({self._column(i) for i in approved if i in frames})
        self._keyframes = sorted({self._column(i) for i in keyframes if i in frames})

    def svg(self, doubts: Sequence[tuple[str, Doubt]], below: float, description: str) -> str:
        """The drawing as an ``svg`` element, sized by the page.

        Args:
            doubts: Doubts of this object, each with the id of the place that it links to.
            below: Frames with a lower score are doubtful.
            description: What it shows, for those who do not see it.
        """
        head = (
            f'<svg class="timeline" viewBox="0 0 {self.columns} {HEIGHT}" role="group"'
            f' preserveAspectRatio="none" aria-label="{escape(description)}">'
        )
        top = _y(below)
        low = f'<rect class="low" x="0" y="{top:g}" width="{self.columns}"'
        parts = [head, f'{low} height="{HEIGHT - top:g}"/>']
        for a, b in _runs(self._approved):
            size = f'width="{b - a}" height="{APPROVED_HEIGHT}"'
            parts.append(f'<rect class="approved" x="{a}" y="{HEIGHT - APPROVED_HEIGHT}" {size}/>')
        parts += [self._mark(place, doubt) for place, doubt in doubts]
        parts.append(f'<path class="score" d="{self._path()}"/>')
        parts += [f'<path class="keyframe" d="M{x + 0.5} 0v12"/>' for x in self._keyframes]
        return "".join([*parts, "</svg>"])

    def _mark(self, place: str, doubt: Doubt) -> str:
        x0, x1 = self._column(doubt.start), self._column(doubt.last) + 1
        width = max(x1 - x0, self.columns * MARK_SHARE)
        x = min(max(0, (x0 + x1 - width) / 2), self.columns - width)
        ends = sorted({doubt.start, doubt.last})
        name = f"frame {'-'.join(map(str, ends))}: {doubt.main_reasons}"
        return (
            f'<a href="#{place}" aria-label="{escape(name)}"><title>{escape(name)}</title>'
            f'<rect class="doubt" x="{x:.5g}" y="0" width="{width:.5g}" height="{HEIGHT}"/></a>'
        )

    def _path(self) -> str:
        """The scores as steps; interrupted where nothing was tracked."""
        known = np.flatnonzero(np.isfinite(self._lowest))
        parts = []
        for first, stop in _runs(known.tolist()):
            heights = [f"{_y(score):.4g}" for score in self._lowest[first:stop]]
            parts.append(f"M{first} {heights[0]}" + "".join(f"V{y}h1" for y in heights))
        return "".join(parts)

    def _column(self, frame_index: int) -> int:
        return (frame_index - self._frames.start) * self.columns // max(1, len(self._frames))


def _y(score: float) -> float:
    return HEIGHT * (1 - min(1.0, max(0.0, score)))


def _runs(columns: Sequence[int]) -> list[tuple[int, int]]:
    """Half-open runs of consecutive columns."""
    runs = []
    for _, group in groupby(enumerate(columns), key=lambda pair: pair[1] - pair[0]):
        members = [column for _, column in group]
        runs.append((members[0], members[-1] + 1))
    return runs
