"""What an evaluation found: per sequence, over all, and how well the tracker knows its failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from tam_edit.masks.measure import Statistics

BAD_BELOW_J = 0.6  # a frame that a person should be shown


@dataclass(frozen=True, kw_only=True)
class SequenceReport:
    """What was measured on one sequence.

    Attributes:
        frame_count: Frames of the sequence, all of them tracked.
        init_iou: J of the mask that tracking began with.
        j: J of each scored frame: all but the first and the last.
        f: F of each scored frame.
        scores: The tracker's own score of each scored frame.
        j_statistics: Mean, recall and decay of J.
        f_statistics: Mean, recall and decay of F.
        seconds_init: Time that the clicks took; 0 where the true mask was given.
        seconds_tracking: Time from the first picture to the last matte, reading included, true
            masks and scoring left out.
    """

    frame_count: int
    init_iou: float
    j: tuple[float, ...]
    f: tuple[float, ...]
    scores: tuple[float, ...]
    j_statistics: Statistics
    f_statistics: Statistics
    seconds_init: float
    seconds_tracking: float

    @property
    def fps(self) -> float:
        """Frames tracked per second."""
        return self.frame_count / max(self.seconds_tracking, 1e-9)

    def as_json(self) -> dict[str, Any]:
        """The values by their names on the command line."""
        j, f = self.j_statistics, self.f_statistics
        return {
            "j": j.mean,
            "f": f.mean,
            "jf": (j.mean + f.mean) / 2,
            "j_recall": j.recall,
            "j_decay": j.decay,
            "f_recall": f.recall,
            "f_decay": f.decay,
            "frames": self.frame_count,
            "fps": self.fps,
            "init_iou": self.init_iou,
            "seconds_init": self.seconds_init,
            "seconds_tracking": self.seconds_tracking,
            "per_frame": {"j": list(self.j), "f": list(self.f), "score": list(self.scores)},
        }


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """How well the tracker's score tells good frames from bad ones.

    Attributes:
        spearman: Spearman's rank correlation of score and J over all scored frames; None where
            all scores or all J are equal.
        spearman_within: Its mean over the sequences in which it is defined; None without any.
        precision: The share of the flagged frames with J below 0.6; None where none is flagged.
        recall: The share of the frames with J below 0.6 that are flagged; None where none is bad.
        flagged_share: The share of all scored frames that are flagged.
        bad_share: The share of all scored frames with J below 0.6.
        flag_below: Frames with a lower score are flagged.
    """

    spearman: float | None
    spearman_within: float | None
    precision: float | None
    recall: float | None
    flagged_share: float
    bad_share: float
    flag_below: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation found.

    Attributes:
        sequences: By name, in the order they were tracked.
        assessment: How good the tracker's own scores are.
        peak_rss_mb: The most memory that the process ever held, in MiB.
        settings: Models and parameters that were measured, for the record.
    """

    sequences: Mapping[str, SequenceReport]
    assessment: Assessment
    peak_rss_mb: float
    settings: Mapping[str, str | int | float]

    @property
    def j(self) -> float:
        """Mean over the sequences of their mean J."""
        return float(np.mean([s.j_statistics.mean for s in self.sequences.values()]))

    @property
    def f(self) -> float:
        """Mean over the sequences of their mean F."""
        return float(np.mean([s.f_statistics.mean for s in self.sequences.values()]))

    @property
    def fps(self) -> float:
        """Frames tracked per second over all sequences."""
        seconds = sum(s.seconds_tracking for s in self.sequences.values())
        return sum(s.frame_count for s in self.sequences.values()) / max(seconds, 1e-9)

    def as_json(self) -> dict[str, Any]:
        """The whole report, ready for ``json.dumps``."""
        parts = {name: s.as_json() for name, s in self.sequences.items()}
        keys = ("j_recall", "j_decay", "f_recall", "f_decay", "init_iou")
        means = {key: float(np.mean([part[key] for part in parts.values()])) for key in keys}
        return {
            "mean": {"j": self.j, "f": self.f, "jf": (self.j + self.f) / 2, **means},
            "fps": self.fps,
            "peak_rss_mb": self.peak_rss_mb,
            "sequences": parts,
            "assessment": dict(vars(self.assessment)),
            "settings": dict(self.settings),
        }


def assess(
    scores: Sequence[Sequence[float]], j: Sequence[Sequence[float]], *, flag_below: float
) -> Assessment:
    """Compare the tracker's scores with the truth.

    Args:
        scores: Per sequence the score of each frame.
        j: Per sequence J of each frame.
        flag_below: Frames with a lower score count as flagged.
    """
    all_scores, all_j = np.concatenate(scores), np.concatenate(j)
    inside = [_rho(np.asarray(s), np.asarray(t)) for s, t in zip(scores, j, strict=True)]
    defined = [rho for rho in inside if rho is not None]
    flagged, bad = all_scores < flag_below, all_j < BAD_BELOW_J
    hits = int(np.count_nonzero(flagged & bad))
    return Assessment(
        spearman=_rho(all_scores, all_j),
        spearman_within=float(np.mean(defined)) if defined else None,
        precision=hits / int(flagged.sum()) if flagged.any() else None,
        recall=hits / int(bad.sum()) if bad.any() else None,
        flagged_share=float(flagged.mean()),
        bad_share=float(bad.mean()),
        flag_below=flag_below,
    )


def format_report(report: Report) -> str:
    """The report as a table in plain text, with the mean and the assessment below it."""
    found = report.as_json()
    names = [*found["sequences"], "mean"]
    width = max(len(name) for name in (*names, "sequence"))
    columns = (
        ("J", "j"),
        ("F", "f"),
        ("J&F", "jf"),
        ("J recall", "j_recall"),
        ("J decay", "j_decay"),
        ("F recall", "f_recall"),
        ("F decay", "f_decay"),
        ("init IoU", "init_iou"),
    )
    titles = [title for title, _ in columns] + ["frames", "frames/s"]
    lines = ["  ".join([f"{'sequence':<{width}}", *(f"{title:>8}" for title in titles)])]
    total = sum(s.frame_count for s in report.sequences.values())
    rows = {**found["sequences"], "mean": {**found["mean"], "frames": total, "fps": report.fps}}
    for name, row in rows.items():
        cells = [f"{row[key]:8.3f}" for _, key in columns]
        cells += [f"{row['frames']:8d}", f"{row['fps']:8.2f}"]
        lines.append("  ".join([f"{name:<{width}}", *cells]))
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], "", *_remarks(report)])


def _remarks(report: Report) -> list[str]:
    a = report.assessment
    agreement = (
        f"assessment: Spearman's rho {_or_dash(a.spearman)} over all frames, "
        f"{_or_dash(a.spearman_within)} inside sequences"
    )
    flags = (
        f"flagged (score below {a.flag_below:g}): {a.flagged_share:.1%} of the frames; "
        f"J below {BAD_BELOW_J:g}: {a.bad_share:.1%}; "
        f"precision {_or_dash(a.precision)}, recall {_or_dash(a.recall)}"
    )
    seconds = sum(s.seconds_init for s in report.sequences.values())
    cost = f"peak memory {report.peak_rss_mb:.0f} MiB; clicks {seconds:.1f} s, not in frames/s"
    return [agreement, flags, cost]


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _rho(scores: np.ndarray[Any, Any], j: np.ndarray[Any, Any]) -> float | None:
    if np.ptp(scores) == 0 or np.ptp(j) == 0:
        return None
    return float(stats.spearmanr(scores, j).statistic)
