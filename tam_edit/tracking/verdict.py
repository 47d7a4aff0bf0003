"""What the assessment says of a mask: a score, and in plain words why it is low.

The propagator's own verdict is weighed with what the pictures say. The weights were fitted on an
earlier built-in tracker's masks of ten DAVIS-2016 sequences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tam_edit.tracking.absence import Absence, Sighting
from tam_edit.tracking.evidence import REGION_SHARE, Evidence
from tam_edit.tracks import DOUBTFUL_BELOW, TrackedMatte
from tam_edit.types import Matte

# Logistic fit of J, rounded, when the tracker had no networks yet. Rank correlation with J over all
# frames and, in the mean, inside one sequence: 0.73 and 0.63 for the built-in tracker's own score,
# 0.76 and 0.69 weighed up (0.74 and 0.70 when these four are fitted to the other nine sequences).
# With the present tracker it is 0.71 and 0.52 weighed up.
BIAS = -9.0
LIKENESS_WEIGHT = 11.0
EDGE_WEIGHT = 1.0
CHANGE_WEIGHT = 0.22
# Only what a good mask hardly ever does counts by itself: strength per unit beyond the limit.
GROWTH_FREE, GROWTH_COST = 0.1, 2.0
STRAYS_FREE, STRAYS_COST = 0.02, 6.0
# Between two masks of one frame the edges tell more than from frame to frame.
GAIN_WEIGHT = 0.8

EDGE_RATE = 0.5  # how fast the smoothed edge contrast follows, per frame

OWN_WEIGHT = 0.65  # of the propagator's own strength in the mean
# The score stays this near to what the pictures say, however sure the propagator is.
ABOVE_EVIDENCE = 0.4
# After a mask that was poor, one that looks good may be on something else: that much of the poor
# one's log-odds below zero counts against the next frames, at most so much, and fades.
DOUBT_SHARE, DOUBT_LIMIT, DOUBT_KEPT = 0.5, 1.0, 0.9
SURE = 0.999  # scores beyond it, or below its complement, are taken for it

# Taken where there is nothing to compare with: about the middle of the good masks.
USUAL_LIKENESS, USUAL_EDGE = 0.98, 0.3

# Beyond these lie at most five in a hundred of the good masks (J above 0.75) there.
LIKENESS_LOW = 0.88
EDGE_LOW = -0.12
KEPT_LOW = 0.65
GROWTH_HIGH = 0.1
STRAYS_HIGH = 0.02
JUMP_HIGH = 0.15
CHANGE_HIGH = 4.2
DOUBT_HIGH = 0.3

LEFT_SCORE, VANISHED_SCORE, NOT_FOUND_SCORE = 0.72, 0.1, 0.3
BACK_FRAMES, BACK_SCORE = 3, 0.65
CUT_SCORE = 0.5
SPECK_SHARE, SPECK_OWN = 0.02, 0.5
# A mask this much smaller than the one that a correction dropped may have lost part of the object.
SHRUNK_TO, SHRUNK_SCORE = 0.6, 0.65
SHRUNK = "smaller than before the correction"
LEAST_AREA = 2e-4  # of the picture; smaller masks change by as much from frame to frame
# Where a person says that the object is gone, a believed mask of it is worth a second look; the
# person is believed more than the mask was, though.
GONE_OVER_SCORE, GONE_OVER = 0.72, "said to be gone where a mask showed it before"

ABSENCES = {
    Absence.LEFT: (LEFT_SCORE, "the object seems to be beyond the picture's edge"),
    Absence.VANISHED: (VANISHED_SCORE, "the object was lost sight of inside the picture"),
    Absence.CUT: (NOT_FOUND_SCORE, "the object was not found after the cut"),
    Absence.SAID: (LEFT_SCORE, "the object is absent since a person said so"),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the assessment says of one object on one frame.

    Attributes:
        score: How sure it is that the mask is right, in [0, 1].
        reasons: Why the score is low, in plain words; empty where it is not.
        is_absent: Whether the object is judged not to be in the picture. The matte is empty then
            or no more than a speck, which is better emptied.
    """

    score: float
    reasons: tuple[str, ...] = ()
    is_absent: bool = False


@dataclass(frozen=True, eq=False)
class Weighed:
    """A matte that was measured on the present frame.

    Attributes:
        matte: float32 (height, width), at tracking size.
        small: The same at small size, uint8 (h, w).
        evidence: What was measured.
        edge: The edge contrast, smoothed over the last frames; None before the first.
        change: How much the mask has changed against the flow since the keyframe; fades.
        doubt: What is left of the doubt about earlier frames, in log-odds, at least 0.
        gained: How much better its edges lie than those of the matte that it is to replace.
    """

    matte: Matte
    small: NDArray[np.uint8]
    evidence: Evidence
    edge: float | None
    change: float
    doubt: float
    gained: float = 0.0


def proposal(weighed: Weighed, instead_of: Weighed) -> Weighed:
    """A matte that is proposed in another's place: the same but for its edges."""
    edge, other = weighed.evidence.edge, instead_of.evidence.edge
    gained = 0.0 if edge is None or other is None else edge - other
    return replace(
        weighed,
        evidence=replace(instead_of.evidence, edge=edge),
        edge=None if instead_of.edge is None else instead_of.edge + EDGE_RATE * gained,
        change=instead_of.change,
        gained=gained,
    )


def weigh_up(own: Verdict, weighed: Weighed, evidence: Evidence) -> Verdict:
    """The score and the reasons of a matte that shows the object."""
    strengths = _strengths(weighed)
    shown = sum(strengths.values())
    said = _log_odds(own.score)
    mixed = OWN_WEIGHT * said + (1 - OWN_WEIGHT) * shown
    limited = min(mixed, shown + ABOVE_EVIDENCE)
    score = _share(limited + GAIN_WEIGHT * weighed.gained - weighed.doubt)
    if score >= DOUBTFUL_BELOW:
        return Verdict(score=score)
    reasons = (*own.reasons, *_doubts(weighed, evidence))
    if not reasons:
        reasons = (_weakest(strengths, said),)
    return Verdict(score=score, reasons=tuple(dict.fromkeys(reasons)))


def _strengths(weighed: Weighed) -> dict[str, float]:
    """What each kind of evidence adds to the log-odds, by the reason that it may become."""
    evidence = weighed.evidence
    likeness = USUAL_LIKENESS if evidence.likeness is None else evidence.likeness
    edge = USUAL_EDGE if weighed.edge is None else weighed.edge
    growth = 0.0 if evidence.growth is None else abs(evidence.growth)
    strays = 0.0 if evidence.strays is None else evidence.strays
    return {
        "the object's colours have changed": BIAS + LIKENESS_WEIGHT * likeness,
        "the mask's edge is weak in the picture": EDGE_WEIGHT * edge,
        "the mask has changed a good deal": -CHANGE_WEIGHT * weighed.change
        - GROWTH_COST * max(0.0, growth - GROWTH_FREE)
        - STRAYS_COST * max(0.0, strays - STRAYS_FREE),
    }


def _weakest(strengths: Mapping[str, float], said: float) -> str:
    """The likeliest reason where nothing is out of bounds by itself."""
    usual = (BIAS + LIKENESS_WEIGHT * USUAL_LIKENESS, EDGE_WEIGHT * USUAL_EDGE, -0.3)
    short = {
        name: value - wanted for (name, value), wanted in zip(strengths.items(), usual, strict=True)
    }
    short["the tracker itself is not sure"] = OWN_WEIGHT * (said - _log_odds(0.9))
    return min(short, key=lambda name: short[name])


def _doubts(weighed: Weighed, evidence: Evidence) -> tuple[str, ...]:
    """What is out of bounds, in plain words."""

    def is_low(value: float | None, limit: float) -> bool:
        return value is not None and value < limit

    def is_high(value: float | None, limit: float) -> bool:
        return value is not None and value > limit

    doubts = {
        "the mask has jumped": is_high(evidence.jump, JUMP_HIGH),
        "the mask does not move as the picture does": is_low(evidence.kept, KEPT_LOW),
        "the mask has grown suddenly": is_high(evidence.growth, GROWTH_HIGH),
        "the mask has shrunk suddenly": is_low(evidence.growth, -GROWTH_HIGH),
        "a separate part has appeared": is_high(evidence.strays, STRAYS_HIGH),
        "the mask has come apart": is_high(evidence.parts_gained, 0)
        and not is_high(evidence.strays, STRAYS_HIGH),
        "the object was all but lost shortly before": weighed.doubt > DOUBT_HIGH,
        "changes have piled up since it was selected": weighed.change > CHANGE_HIGH,
        "the colours are unlike what was selected": is_low(evidence.likeness, LIKENESS_LOW),
        "the mask's edge is not on edges of the picture": is_low(evidence.edge, EDGE_LOW),
        "part of the mask looks like the background": evidence.unlike_memory > REGION_SHARE,
        "the object is also seen outside the mask": evidence.dropped > REGION_SHARE,
    }
    return tuple(reason for reason, holds in doubts.items() if holds)


def absent(absence: Absence, sightings: Sequence[Sighting]) -> Verdict:
    """What is said of an object that is not in the picture.

    That it has left is believed no more than its mask was while it could be seen: a mask that had
    slipped onto the background leaves with it.
    """
    score, reason = ABSENCES[absence]
    if absence is Absence.LEFT:
        score = min(score, max(sighting.score for sighting in sightings))
    return Verdict(score=score, reasons=(reason,), is_absent=True)


def lasting_doubt(before: float, score: float) -> float:
    """What of the doubt about a frame, and those before it, counts on the next one, in log-odds."""
    return max(DOUBT_KEPT * before, min(DOUBT_LIMIT, -DOUBT_SHARE * _log_odds(score)))


def past_cut(verdict: Verdict) -> Verdict:
    """The same on the first frame after a cut."""
    reasons = ("there is a cut before this frame", *verdict.reasons)
    return replace(verdict, score=min(verdict.score, CUT_SCORE), reasons=reasons)


def come_back(verdict: Verdict, *, is_first: bool) -> Verdict:
    """The same on the first frames on which an object is seen again."""
    score = min(verdict.score, BACK_SCORE) if is_first else verdict.score
    return replace(verdict, score=score, reasons=("the object has come back", *verdict.reasons))


def area_of(matte: Matte) -> float:
    """The share of the picture that a matte covers."""
    return float(np.count_nonzero(matte > 0.5)) / matte.size


def is_shrunk(area: float, before: float) -> bool:
    """Whether a mask is much smaller than another one of the same frame; shares of the picture."""
    return before >= LEAST_AREA and area < SHRUNK_TO * before


def is_grown(area: float, before: float) -> bool:
    """Whether a mask is much larger than another one of the same frame; shares of the picture."""
    return is_shrunk(before, area) and before >= LEAST_AREA


def gone_over(area: float) -> tuple[float, tuple[str, ...]]:
    """Score and reasons of a frame on which a person says that an object is not there.

    Args:
        area: The share of the picture that a believed mask covered there before.
    """
    return (GONE_OVER_SCORE, (GONE_OVER,)) if area >= LEAST_AREA else (1.0, ())


def smaller(entry: TrackedMatte) -> TrackedMatte:
    """The same where the mask is much smaller than before a correction: it is doubtful."""
    reasons = tuple(dict.fromkeys((SHRUNK, *entry.reasons)))
    return replace(entry, score=min(entry.score, SHRUNK_SCORE), reasons=reasons)


def _log_odds(score: float) -> float:
    inside = min(max(score, 1 - SURE), SURE)
    return math.log(inside / (1 - inside))


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
