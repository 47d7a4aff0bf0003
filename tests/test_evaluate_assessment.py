"""How well scores tell bad frames, against SciPy and against counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tam_edit.evaluate import SequenceFlags, assess


def test_the_assessment_agrees_with_scipy_and_with_counting() -> None:
    rng = np.random.default_rng(0)
    j = [rng.random(40), rng.random(25), np.full(5, 0.9)]
    scores = [np.round(0.5 * a + 0.5 * rng.random(a.size), 1) for a in j]
    found = assess([s.tolist() for s in scores], [a.tolist() for a in j], flag_below=0.45)
    all_j, all_scores = np.concatenate(j), np.concatenate(scores)
    # Spearman's rho is Pearson's r of the ranks.
    ranks = [stats.rankdata(v) for v in (all_scores, all_j)]
    assert found.spearman == pytest.approx(np.corrcoef(ranks)[0, 1])
    inside = [stats.spearmanr(s, a).statistic for s, a in zip(scores[:2], j[:2], strict=True)]
    assert found.spearman_within == pytest.approx(np.mean(inside))
    hits = sum(s < 0.45 and t < 0.6 for s, t in zip(all_scores, all_j, strict=True))
    assert found.precision == pytest.approx(hits / sum(all_scores < 0.45))
    assert found.recall == pytest.approx(hits / sum(all_j < 0.6))
    assert found.flagged_share == pytest.approx(np.mean(all_scores < 0.45))
    assert found.bad_share == pytest.approx(np.mean(all_j < 0.6))


def test_what_is_not_defined_is_left_open() -> None:
    found = assess([[0.9, 0.9, 0.9]], [[0.8, 0.9, 1.0]], flag_below=0.5)
    assert (found.spearman, found.spearman_within) == (None, None)
    assert (found.precision, found.recall, found.flagged_share) == (None, None, 0)
    assert found.sequence_flags is None


def test_flagging_whole_tracks_takes_the_worst_ones_until_as_many_bad_frames_are_found() -> None:
    scores = [[0.9, 0.9, 0.2, 0.9], [0.6, 0.6], [0.5, 0.5, 0.5], [0.95]]
    j = [[0.9, 0.9, 0.1, 0.9], [0.9, 0.1], [0.1, 0.9, 0.9], [0.9]]
    found = assess(scores, j, flag_below=0.55)
    # By frame: 4 of 10 frames flagged, 2 of the 3 bad ones among them.
    assert (found.flagged_share, found.recall, found.precision) == (0.4, 2 / 3, 0.5)
    # Whole: the third track holds one bad frame, the second one the next.
    assert found.sequence_flags == SequenceFlags(
        count=2, recall=2 / 3, precision=2 / 5, flagged_share=5 / 10
    )
    none = assess(scores, j, flag_below=0.1).sequence_flags
    assert none == SequenceFlags(count=0, recall=0, precision=None, flagged_share=0)
