"""Which frames a person should look at, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tam_edit.tracks import FrameScore
from tam_edit.types import ObjectId

# Doubtful frames that are no further apart than this are shown as one span.
JOIN_FRAMES = 5
MOST_REASONS = 3  # that are told of a span; its JSON has them all


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A span of frames on which an object's mask may be wrong.

    Attributes:
        object_id: The object.
        name: Its name.
        frames: The doubtful frames themselves, ascending; between two of them at most a few
            frames are not doubtful.
        worst_frame: The frame with the lowest score.
        worst_score: That score, in [0, 1].
        reasons: What is wrong, in plain words, most frequent first.
    """

    object_id: ObjectId
    name: str
    frames: tuple[int, ...]
    worst_frame: int
    worst_score: float
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The doubt as JSON values."""
        return {
            "object": self.name,
            "frames": list(self.frames),
            "worst_frame": self.worst_frame,
            "worst_score": round(self.worst_score, 4),
            "reasons": list(self.reasons),
        }

    def as_span(self) -> dict[str, object]:
        """The doubt as JSON values of a bounded size."""
        return {
            "object": self.name,
            "start": self.start,
            "last": self.last,
            "frames": len(self.frames),
            "worst_score": round(self.worst_score, 4),
            "reasons": list(self.reasons[:MOST_REASONS]),
        }

    @property
    def main_reasons(self) -> str:
        """The most frequent reasons, as many as a person reads."""
        return ", ".join(self.reasons[:MOST_REASONS]) or "the score is low"

    @property
    def start(self) -> int:
        """The first doubtful frame."""
        return self.frames[0]

    @property
    def last(self) -> int:
        """The last doubtful frame."""
        return self.frames[-1]


def find_doubts(
    scores: Mapping[ObjectId, Iterable[FrameScore]],
    names: Mapping[ObjectId, str],
    threshold: float,
) -> list[Doubt]:
    """Spans of frames whose score lies below a threshold, worst first.

    Args:
        scores: Per object its frames in ascending order.
        names: Per object its name.
        threshold: Frames with a lower score are doubtful, in [0, 1].
    """
    doubts = []
    for object_id, frames in scores.items():
        span: list[FrameScore] = []
        for scored in frames:
            if scored.score >= threshold:
                continue
            if span and scored.frame_index - span[-1].frame_index > JOIN_FRAMES:
                doubts.append(_doubt(object_id, names[object_id], span))
                span = []
            span.append(scored)
        if span:
            doubts.append(_doubt(object_id, names[object_id], span))
    return sorted(doubts, key=lambda d: (d.worst_score, d.object_id, d.start))


def _doubt(object_id: ObjectId, name: str, span: list[FrameScore]) -> Doubt:
    worst = min(span, key=lambda scored: scored.score)
    counts: dict[str, int] = {}
    for scored in span:
        for reason in scored.reasons:
            counts[reason] = counts.get(reason, 0) + 1
    return Doubt(
        object_id=object_id,
        name=name,
        frames=tuple(scored.frame_index for scored in span),
        worst_frame=worst.frame_index,
        worst_score=worst.score,
        reasons=tuple(sorted(counts, key=lambda reason: (-counts[reason], reason))),
    )
