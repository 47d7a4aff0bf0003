"""Fits what the tracker and the assessment say of a mask to how good masks really are.

The built-in tracker runs over made clips whose truth is known, and the assessment beside it, as in
the loop. From all the masks a logistic model of J is fitted twice: of the tracker's own evidence,
then of that score and of what the pictures say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import spearmanr

from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo
from tam_edit.models.builtin.tracker import BuiltinPropagator, propagator
from tam_edit.models.builtin.tracker import assess as own
from tam_edit.tracking import assess as loop
from tam_edit.tracking import verdict
from tam_edit.tracking.assess import Assessor
from tam_edit.tracking.evidence import Evidence
from tam_edit.tracking.verdict import Verdict, Weighed
from tam_edit.tracks import DOUBTFUL_BELOW
from training.clips import Difficulty, Shape, made_clip
from training.layers import Clip
from training.objects import ObjectPictures

Array = NDArray[np.float64]

SIZES = ((360, 480), (360, 640), (400, 400), (480, 360))
PACES = (0.02, 0.1)  # between these, evenly in their logarithm
TRAVELS = (0.2, 1.2)
BAD_BELOW = 0.6  # J of a mask that the score should give away
SURE = 0.999


class Own(NamedTuple):
    """The tracker's own weights, as they stand in ``tracker/assess.py``."""

    bias: float = own.BIAS
    appearance: float = own.APPEARANCE_WEIGHT
    likeness: float = own.LIKENESS_WEIGHT
    carried: float = own.CARRIED_WEIGHT
    known: float = own.KNOWN_WEIGHT


class Shown(NamedTuple):
    """The assessment's weights, as they stand in ``tracking/verdict.py``."""

    bias: float = verdict.BIAS
    likeness: float = verdict.LIKENESS_WEIGHT
    edge: float = verdict.EDGE_WEIGHT
    change: float = verdict.CHANGE_WEIGHT
    own: float = verdict.OWN_WEIGHT


@dataclass(frozen=True, eq=False)
class Masks:
    """What was measured on masks, one row each.

    Attributes:
        clip: The number of the clip, (N,).
        own: Appearance, likeness, carried, known, (N, 4).
        shown: Likeness, edge, change, what growth and strays cost, (N, 4).
        doubt: What was left of the doubt about earlier frames, (N,).
        j: Intersection over union with the truth, (N,).
    """

    clip: NDArray[np.intp]
    own: Array
    shown: Array
    doubt: Array
    j: Array

    def where(self, chosen: NDArray[np.bool_]) -> Masks:
        """Some of the rows."""
        return Masks(
            self.clip[chosen],
            self.own[chosen],
            self.shown[chosen],
            self.doubt[chosen],
            self.j[chosen],
        )


@dataclass(frozen=True)
class Worth:
    """How well a score tells good masks from bad ones.

    Attributes:
        rho: Spearman's rank correlation with J over all masks.
        rho_inside: The mean of those inside each clip.
        flagged: Share of the masks with a score that counts as doubtful.
        recall: Share of the bad masks that are among them.
        bad: Share of the masks that are bad.
    """

    rho: float
    rho_inside: float
    flagged: float
    recall: float
    bad: float

    def __str__(self) -> str:
        """One line."""
        return (
            f"rho {self.rho:.3f}, inside clips {self.rho_inside:.3f}, flagged {self.flagged:.1%}, "
            f"of the {self.bad:.1%} with J below {BAD_BELOW} found {self.recall:.1%}"
        )


def clip_of(pictures: ObjectPictures, length: int, seed: int, number: int) -> Clip:
    """The made clip of a number, the same for the same seed."""
    rng = np.random.default_rng([seed, number])
    pace = float(np.exp(rng.uniform(*np.log(PACES))))
    shape = Shape(length, SIZES[int(rng.integers(len(SIZES)))], pace)
    return made_clip(pictures, shape, Difficulty(travel=float(rng.uniform(*TRAVELS))), rng)


def measured(clip: Clip, number: int) -> Masks:
    """Track a clip and measure every mask that shows something."""
    height, width = clip.masks.shape[1:]
    run = BuiltinPropagator().start(TrackingInfo(width=width, height=height))
    assessor = Assessor(width, height)
    rows: list[tuple[Array, Array, float, float]] = []
    with _watched() as (evidence, weighed):
        for index, picture in enumerate(clip.frames):
            frame = Frame.from_rgb(picture, index=index)
            true = {n: clip.masks[index] == n for n in range(1, clip.count + 1)}
            if index == 0:
                given = {n: mask.astype(np.float32) for n, mask in true.items()}
                run.keyframe(frame, given)
                assessor.look(frame)
                assessor.settle(given)
                continue
            evidence.clear()
            step = run.step(frame)
            assessor.look(frame)
            for n, matte in step.mattes.items():
                weighed.clear()
                said = Verdict(score=step.scores[n], reasons=step.reasons[n])
                assessor.judge(n, matte, said)
                known = evidence.pop(0)
                if known is not None and weighed:
                    j = own.agreement(matte > 0.5, true[n])
                    rows.append((_own_row(known), _shown_row(weighed[0]), weighed[0].doubt, j))
            assessor.settle(step.mattes)
    return Masks(
        np.full(len(rows), number, np.intp),
        np.array([row[0] for row in rows]).reshape(-1, 4),
        np.array([row[1] for row in rows]).reshape(-1, 4),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
    )


def joined(parts: Sequence[Masks]) -> Masks:
    """All rows of several clips."""
    return Masks(
        np.concatenate([p.clip for p in parts]),
        np.concatenate([p.own for p in parts]),
        np.concatenate([p.shown for p in parts]),
        np.concatenate([p.doubt for p in parts]),
        np.concatenate([p.j for p in parts]),
    )


def own_score(masks: Masks, weights: Own) -> Array:
    """What the tracker says of each mask, (N,)."""
    strength = weights.bias + masks.own @ np.array(weights[1:])
    result: Array = expit(strength)
    return result


def shown_score(masks: Masks, said: Array, weights: Shown) -> Array:
    """What the assessment says of each mask, given the tracker's word, (N,)."""
    likeness, edge, change, cost = masks.shown.T
    shown = weights.bias + weights.likeness * likeness + weights.edge * edge
    shown = shown - weights.change * change - cost
    mixed = weights.own * logit(np.clip(said, 1 - SURE, SURE)) + (1 - weights.own) * shown
    limited = np.minimum(mixed, shown + verdict.ABOVE_EVIDENCE)
    result: Array = expit(limited - masks.doubt)
    return result


def fitted(masks: Masks) -> tuple[Own, Shown]:
    """Both sets of weights with the least cross-entropy to J, every clip counting the same."""
    weight = _clip_weights(masks)

    def own_loss(values: Array) -> float:
        return _cross_entropy(own_score(masks, Own(*values)), masks.j, weight)

    bounds = [(-50.0, 50.0), *[(0.0, 50.0)] * 4]
    found = minimize(own_loss, np.array(Own()), method="L-BFGS-B", bounds=bounds)
    first = Own(*(round(float(v), 1) for v in found.x))
    said = own_score(masks, first)

    def shown_loss(values: Array) -> float:
        return _cross_entropy(shown_score(masks, said, Shown(*values)), masks.j, weight)

    bounds = [(-50.0, 50.0), *[(0.0, 50.0)] * 3, (0.0, 1.0)]
    found = minimize(shown_loss, np.array(Shown()), method="L-BFGS-B", bounds=bounds)
    return first, Shown(*(round(float(v), 2) for v in found.x))


def worth(masks: Masks, score: Array) -> Worth:
    """How well a score does on masks."""
    inside = [
        float(spearmanr(score[masks.clip == n], masks.j[masks.clip == n]).statistic)
        for n in np.unique(masks.clip)
        if len(np.unique(masks.j[masks.clip == n])) > 2
    ]
    bad, flagged = masks.j < BAD_BELOW, score < DOUBTFUL_BELOW
    return Worth(
        rho=float(spearmanr(score, masks.j).statistic),
        rho_inside=float(np.nanmean(inside)) if inside else float("nan"),
        flagged=float(flagged.mean()),
        recall=float((flagged & bad).sum() / max(1, bad.sum())),
        bad=float(bad.mean()),
    )


@contextmanager
def _watched() -> Iterator[tuple[list[own.Evidence | None], list[Weighed]]]:
    """Lists that fill with what the tracker and the assessment judge by."""
    evidence: list[own.Evidence | None] = []
    weighed: list[Weighed] = []
    assess, weigh_up = own.assess, verdict.weigh_up

    def assess_watched(
        known: own.Evidence | None, *, is_lost: bool
    ) -> tuple[float, tuple[str, ...]]:
        evidence.append(None if is_lost else known)
        return assess(known, is_lost=is_lost)

    def weigh_up_watched(said: Verdict, one: Weighed, shown: Evidence) -> Verdict:
        weighed.append(one)
        return weigh_up(said, one, shown)

    with (
        mock.patch.object(propagator, "assess", assess_watched),
        mock.patch.object(loop, "weigh_up", weigh_up_watched),
    ):
        yield evidence, weighed


def _own_row(known: own.Evidence) -> Array:
    return np.array([known.appearance, known.likeness, known.carried, known.known])


def _shown_row(weighed: Weighed) -> Array:
    strengths = verdict.strengths_of(weighed)
    evidence = weighed.evidence
    likeness = verdict.USUAL_LIKENESS if evidence.likeness is None else evidence.likeness
    edge = verdict.USUAL_EDGE if weighed.edge is None else weighed.edge
    cost = -strengths["the mask has changed a good deal"] - verdict.CHANGE_WEIGHT * weighed.change
    return np.array([likeness, edge, weighed.change, cost])


def _clip_weights(masks: Masks) -> Array:
    _, which, counts = np.unique(masks.clip, return_inverse=True, return_counts=True)
    result: Array = 1 / counts[which] / len(counts)
    return result


def _cross_entropy(score: Array, j: Array, weight: Array) -> float:
    score = np.clip(score, 1 - SURE, SURE)
    return float(-(weight * (j * np.log(score) + (1 - j) * np.log(1 - score))).sum())
