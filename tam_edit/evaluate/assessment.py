"""How well the scores of the masks tell good frames from bad ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

BAD_BELOW_J = 0.6  # a frame that a person should be shown

Values = Sequence[float] | NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class SequenceFlags:
    """What flagging whole tracks instead of frames would give.

    A track is one object in one sequence. All frames of the track with the lowest mean score are
    flagged, then all those of the next one, and so on, until the recall is at least that of the
    flags by frame.

    Attributes:
        count: How many tracks are flagged then.
        recall: The share of the frames with J below 0.6 that lie in them.
        precision: The share of their frames with J below 0.6; None where no track is flagged.
        flagged_share: The share of all scored frames that lie in them.
    """

    count: int
    recall: float
    precision: float | None
    flagged_share: float


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """How well the score of a mask tells good frames from bad ones.

    Attributes:
        spearman: Spearman's rank correlation of score and J over all scored frames; None where
            all scores or all J are equal.
        spearman_within: Its mean over the tracks (one object in one sequence) in which it is
            defined; None without any.
        precision: The share of the flagged frames with J below 0.6; None where none is flagged.
        recall: The share of the frames with J below 0.6 that are flagged; None where none is bad.
        flagged_share: The share of all scored frames that are flagged.
        bad_share: The share of all scored frames with J below 0.6.
        flag_below: Frames with a lower score are flagged.
        sequence_flags: What flagging whole tracks would give; None where no frame is bad.
    """

    spearman: float | None
    spearman_within: float | None
    precision: float | None
    recall: float | None
    flagged_share: float
    bad_share: float
    flag_below: float
    sequence_flags: SequenceFlags | None


def assess(scores: Sequence[Values], j: Sequence[Values], *, flag_below: float) -> Assessment:
    """Compare scores with the truth.

    Args:
        scores: Per track the score of each frame.
        j: Per track J of each frame.
        flag_below: Frames with a lower score count as flagged.
    """
    all_scores, all_j = np.concatenate(scores), np.concatenate(j)
    inside = [_rho(np.asarray(s), np.asarray(t)) for s, t in zip(scores, j, strict=True)]
    defined = [rho for rho in inside if rho is not None]
    flagged, bad = all_scores < flag_below, all_j < BAD_BELOW_J
    hits = int(np.count_nonzero(flagged & bad))
    recall = hits / int(bad.sum()) if bad.any() else None
    return Assessment(
        spearman=_rho(all_scores, all_j),
        spearman_within=float(np.mean(defined)) if defined else None,
        precision=hits / int(flagged.sum()) if flagged.any() else None,
        recall=recall,
        flagged_share=float(flagged.mean()),
        bad_share=float(bad.mean()),
        flag_below=flag_below,
        sequence_flags=None if recall is None else _flag_tracks(scores, j, hits),
    )


def _flag_tracks(scores: Sequence[Values], j: Sequence[Values], wanted_hits: int) -> SequenceFlags:
    """Flag whole tracks, lowest mean score first, until they hold that many bad frames."""
    sizes = [len(track) for track in j]
    bad = [int(np.count_nonzero(np.asarray(track) < BAD_BELOW_J)) for track in j]
    order = np.argsort([float(np.mean(track)) for track in scores], kind="stable")
    taken, hits, frames = 0, 0, 0
    while hits < wanted_hits:
        track = order[taken]
        hits, frames, taken = hits + bad[track], frames + sizes[track], taken + 1
    return SequenceFlags(
        count=taken,
        recall=hits / sum(bad),
        precision=hits / frames if frames else None,
        flagged_share=frames / sum(sizes),
    )


def _rho(scores: NDArray[Any], j: NDArray[Any]) -> float | None:
    if scores.size < 2 or np.ptp(scores) == 0 or np.ptp(j) == 0:
        return None
    return float(stats.spearmanr(scores, j).statistic)
