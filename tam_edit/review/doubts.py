"""Which frames a person should look at, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple, TypeAlias

from tam_edit.tracks import FrameScore, Origin
from tam_edit.types import ObjectId

# Frames to look at that are no further apart than this are shown as one span.
JOIN_FRAMES = 5
# A frame is judged together with so many on either side. With the robot of benchmarks/ this was
# better than the lowest score alone, the first frame of a span, or where it falls by half.
NEAR_FRAMES = 3
# A mask counts whole only so many frames from one on which somebody has worked, less the nearer it
# is: what was said there has mended it about as far as saying more would. With the robot 10 and 20
# are worth the same.
MENDED_FRAMES = 10
MOST_REASONS = 3  # that are told of a span; its JSON has them all
# Frames on which a person said where it is, and whether somebody has worked on its mask there.
Given: TypeAlias = Mapping[int, bool]


class Concern(NamedTuple):
    """One frame of one object that a person should look at."""

    scored: FrameScore
    is_doubtful: bool = True
    """Whether its score is the reason, or that no prompt reaches it."""
    asked: tuple[str, ...] = ()
    """What else is a reason to look at it, in plain words."""
    whys: tuple[str, ...] = ()
    """What the person is to look for, as the recipe puts it."""
    is_empty: bool = False
    """Whether its mask shows nothing of the object."""


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A span of frames on which an object's mask may be wrong, or that somebody must see.

    Attributes:
        object_id: The object.
        name: Its name.
        frames: The frames to look at themselves, ascending; between two of them at most a few
            need no look.
        worst_frame: The frame with the lowest score.
        worst_score: That score, in [0, 1].
        proposed_frame: The frame to look at first, and to correct: a mask that one click led to,
            else where the worst stretch of masks on which nobody has worked is.
        proposed_why: Why that one and no other, in plain words.
        whole_frame: The nearest of the frames that show more of the object, where the picture's
            edge cuts the mask off on the proposed one, or it is much smaller there than around;
            None where neither is so, or no frame is better.
        whole_why: In plain words, which of these it is.
        reasons: What is wrong, in plain words, most frequent first.
        asked: Why a look was asked for whatever the score is, in the order of the frames.
        whys: What the person is to look for, as the recipe puts it.
        sure_frames: Those of the frames that are only looked at because that was asked for.
        is_empty: Whether the masks of all of the frames show nothing of the object; where it is
            False, all of them show something.
        empty_span: First and last frame of those at its start or end on which no mask shows the
            object at all; None where there are none, or nobody looked.
        seen_beside: Where no mask shows it: those of the frames right before and after that do.
            Some of it is likely to be seen on the frames next to them, too.
        stops: Whether the output that was to be written last waits for it.
    """

    object_id: ObjectId
    name: str
    frames: tuple[int, ...]
    worst_frame: int
    worst_score: float
    proposed_frame: int
    reasons: tuple[str, ...]
    asked: tuple[str, ...] = ()
    whys: tuple[str, ...] = ()
    sure_frames: tuple[int, ...] = ()
    is_empty: bool = False
    empty_span: tuple[int, int] | None = None
    seen_beside: tuple[int, ...] = ()
    proposed_why: str = ""
    whole_frame: int | None = None
    whole_why: str = ""
    stops: bool = True

    def as_json(self) -> dict[str, object]:
        """The doubt as JSON values."""
        return {
            "object": self.name,
            "frames": list(self.frames),
            "doubtful_frames": list(self.doubtful_frames),
            "worst_frame": self.worst_frame,
            "worst_score": rounded_down(self.worst_score, 4),
            "is_empty": self.is_empty,
            "proposed_frame": self.proposed_frame,
            "proposed_why": self.proposed_why,
            "whole_frame": self.whole_frame,
            "seen_beside": list(self.seen_beside),
            "reasons": [*self.asked, *self.reasons],
            "stops": self.stops,
            "look_for": list(self.whys),
        }

    def as_span(self) -> dict[str, object]:
        """The doubt as JSON values of a bounded size."""
        return {
            "object": self.name,
            "start": self.start,
            "last": self.last,
            "frames": len(self.frames),
            "worst_score": rounded_down(self.worst_score, 4),
            "reasons": [*self.asked[:MOST_REASONS], *self.reasons[:MOST_REASONS]],
        }

    @property
    def main_reasons(self) -> str:
        """The most frequent reasons, as many as a person reads."""
        wrong = self.reasons[:MOST_REASONS]
        if self.doubtful_frames and not wrong:
            wrong = ("several small signs together",)
        return ", ".join([*self.asked[:MOST_REASONS], *wrong])

    @property
    def further_reasons(self) -> tuple[str, ...]:
        """Those that the main ones leave out."""
        return (*self.asked[MOST_REASONS:], *self.reasons[MOST_REASONS:])

    @property
    def doubtful_frames(self) -> tuple[int, ...]:
        """The frames with a low score, or that no prompt reaches."""
        sure = set(self.sure_frames)
        return tuple(index for index in self.frames if index not in sure)

    @property
    def start(self) -> int:
        """The first frame to look at."""
        return self.frames[0]

    @property
    def last(self) -> int:
        """The last frame to look at."""
        return self.frames[-1]


def rounded_down(score: float, digits: int) -> float:
    """A score with fewer digits; one below a threshold of so many digits never becomes equal."""
    return float(Decimal(repr(float(score))).quantize(Decimal(1).scaleb(-digits), ROUND_DOWN))


def score_text(score: float) -> str:
    """A score as a person reads it, rounded down: ``0.74`` for 0.7499."""
    return f"{rounded_down(score, 2):.2f}"


def find_doubts(
    scores: Mapping[ObjectId, Iterable[FrameScore]],
    names: Mapping[ObjectId, str],
    threshold: float,
    given: Mapping[ObjectId, Given] | None = None,
    empty: Mapping[ObjectId, Collection[int]] | None = None,
) -> list[Doubt]:
    """Spans of frames whose score lies below a threshold, in the order of :func:`in_spans`.

    Args:
        scores: Per object its frames in ascending order.
        names: Per object its name.
        threshold: Frames with a lower score are doubtful, in [0, 1].
        given: As :func:`in_spans` takes it.
        empty: Per object the frames whose mask shows nothing of it.
    """
    without = empty or {}
    concerns = {
        object_id: [
            Concern(scored, is_empty=scored.frame_index in without.get(object_id, ()))
            for scored in frames
            if scored.score < threshold
        ]
        for object_id, frames in scores.items()
    }
    return in_spans(concerns, names, given or {})


def in_spans(
    concerns: Mapping[ObjectId, Sequence[Concern]],
    names: Mapping[ObjectId, str],
    given: Mapping[ObjectId, Given],
) -> list[Doubt]:
    """Frames to look at as spans, in the order in which a person should look at them.

    The worst first, with two exceptions. Tracking follows a wrong first mask faithfully:
    correcting it mends what comes after it, too, while a correction after it leaves it wrong. So a
    mask that was given comes right before the worst span that it may have led to. And
    masks on which a person has already worked come last: whoever was asked to mend one and did is
    not asked to mend it again before anything else. Frames with a mask and frames whose mask is
    empty are never in one span: what settles the ones is wrong for the others.

    How bad a span is, its worst stretch says, not its lowest score, and what is near a frame on
    which somebody has worked counts less. When this was chosen, the robot of
    ``benchmarks/checkpoint_robot.py`` had a J&F after one, two and three corrections of 0.829,
    0.843 and 0.848 so, of 0.829, 0.842 and 0.844 where all frames count the same, and of 0.829,
    0.842 and 0.839 by the lowest score.

    Args:
        concerns: Per object its frames in ascending order.
        names: Per object its name.
        given: Per object the frames on which a person said something, ascending, each with
            whether somebody has worked on its mask there.
    """
    placed = []
    for object_id, frames in concerns.items():
        known = given.get(object_id, {})
        spans = list(_spans(frames))
        for span in spans:
            led_to = [other for other in spans if other is span or _leads(span, other, known)]
            is_last = all(known.get(c.scored.frame_index, False) for c in span)
            lacking = max(max(_lacking(other, known).values()) for other in led_to)
            doubt = _doubt(object_id, names[object_id], span, known)
            order = (is_last, -lacking, object_id, len(led_to) == 1, doubt.worst_score, doubt.start)
            placed.append((order, doubt))
    return [doubt for _, doubt in sorted(placed, key=lambda each: each[0])]


def _spans(concerns: Iterable[Concern]) -> Iterator[list[Concern]]:
    span: list[Concern] = []
    for concern in concerns:
        index = concern.scored.frame_index
        if span and (
            index - span[-1].scored.frame_index > JOIN_FRAMES
            or concern.is_empty != span[-1].is_empty
        ):
            yield span
            span = []
        span.append(concern)
    if span:
        yield span


def _unconfirmed(span: Iterable[Concern], known: Given) -> list[Concern]:
    """Doubtful masks that one click or box led to."""
    return [c for c in span if c.is_doubtful and not known.get(c.scored.frame_index, True)]


def _leads(span: Sequence[Concern], other: Sequence[Concern], known: Given) -> bool:
    """Whether the masks of another span may come from an unconfirmed one in this span."""
    if _unconfirmed(other, known) or all(c.scored.origin is Origin.UNREACHED for c in other):
        return False
    start = other[0].scored.frame_index
    before = [index for index in known if index <= start]
    came_from = before[-1] if before else next(iter(known), None)
    return any(c.scored.frame_index == came_from for c in _unconfirmed(span, known))


def _lacking(span: Iterable[Concern], known: Given) -> dict[int, float]:
    """How much is missing around each frame: of the scores up to 1, with those on either side.

    A mask that fails on one frame is often better on the next by itself, and shows least of the
    object. So it is not the lowest score that counts.
    """
    worked = [index for index, is_worked in known.items() if is_worked]
    alone = {
        index: (1 - score) * min([1.0, *(abs(index - there) / MENDED_FRAMES for there in worked)])
        for index, score in ((c.scored.frame_index, c.scored.score) for c in span)
    }
    around = range(-NEAR_FRAMES, NEAR_FRAMES + 1)
    return {index: sum(alone.get(index + off, 0.0) for off in around) for index in alone}


def _proposed(span: Sequence[Concern], known: Given) -> FrameScore:
    """The frame to look at first."""
    unconfirmed = _unconfirmed(span, known)
    if unconfirmed:
        return min(unconfirmed, key=lambda concern: concern.scored.score).scored
    return _worst_stretch(span, known, known)


def _worst_stretch(span: Sequence[Concern], known: Given, mended: Given) -> FrameScore:
    """The frame around which most is missing, one on which nobody said anything if there is any.

    Args:
        span: The frames.
        known: Where somebody said something.
        mended: Those of them near which less is missing.
    """
    lacking = _lacking(span, mended)
    tracked = [concern.scored for concern in span if concern.scored.frame_index not in known]
    candidates = tracked or [concern.scored for concern in span]
    return min(candidates, key=lambda each: (-lacking[each.frame_index], each.score))


def _proposed_why(span: Sequence[Concern], known: Given, proposed: int, worst: int) -> str:
    """Why a frame is to be looked at first."""
    if any(concern.scored.frame_index == proposed for concern in _unconfirmed(span, known)):
        return "what comes after it follows from this mask"
    if proposed == worst:
        return "its score is the lowest"
    if worst in known:
        others = "of the others, those around this one are the worst"
        return f"on frame {worst} somebody has said already where it is; {others}"
    if proposed == _worst_stretch(span, known, {}).frame_index:
        return "the masks around it are the worst together"
    return "of the masks that no corrected one is near, those around it are the worst"


def _doubt(object_id: ObjectId, name: str, span: Sequence[Concern], known: Given) -> Doubt:
    worst = min(span, key=lambda concern: concern.scored.score).scored
    counts = Counter(r for c in span if c.is_doubtful for r in c.scored.reasons)
    proposed = _proposed(span, known).frame_index
    return Doubt(
        object_id=object_id,
        name=name,
        frames=tuple(concern.scored.frame_index for concern in span),
        worst_frame=worst.frame_index,
        worst_score=worst.score,
        proposed_frame=proposed,
        proposed_why=_proposed_why(span, known, proposed, worst.frame_index),
        reasons=tuple(sorted(counts, key=lambda reason: (-counts[reason], reason))),
        asked=tuple(dict.fromkeys(reason for concern in span for reason in concern.asked)),
        whys=tuple(dict.fromkeys(why for concern in span for why in concern.whys)),
        sure_frames=tuple(c.scored.frame_index for c in span if not c.is_doubtful),
        is_empty=span[0].is_empty,
    )
