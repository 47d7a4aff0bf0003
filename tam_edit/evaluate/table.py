"""A report as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tam_edit.evaluate.assessment import BAD_BELOW_J
from tam_edit.evaluate.report import MEASURES, Report

TITLES = ("J", "F", "J&F", "J recall", "J decay", "F recall", "F decay", "init IoU")


def format_report(report: Report) -> str:
    """The report as a table, with the mean, the rounds of corrections and the assessment below.

    Sequences with several objects have a line for each of them, too.
    """
    lines = _rows(report)
    names = [name for name, _ in lines]
    width = max(len(name) for name in (*names, "sequence"))
    titles = [*TITLES, "frames", "frames/s"]
    head = "  ".join([f"{'sequence':<{width}}", *(f"{title:>8}" for title in titles)])
    body = ["  ".join([f"{name:<{width}}", *_cells(row)]) for name, row in lines]
    rule = "-" * len(head)
    parts = [head, rule, *body[:-1], rule, body[-1], ""]
    return "\n".join([*parts, *_rounds(report), *_remarks(report)])


def _rows(report: Report) -> list[tuple[str, Mapping[str, Any]]]:
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for name, sequence in report.sequences.items():
        rows.append((name, sequence.as_json()))
        if len(sequence.objects) > 1:
            rows += [(f"  {number}", o.measures()) for number, o in sequence.objects.items()]
    total = sum(s.frame_count for s in report.sequences.values())
    return [*rows, ("mean", {**report.mean(), "frames": total, "fps": report.fps})]


def _cells(row: Mapping[str, Any]) -> list[str]:
    cells = [f"{row[key]:8.3f}" for key in MEASURES]
    if "frames" in row:
        return [*cells, f"{row['frames']:8d}", f"{row['fps']:8.2f}"]
    return [*cells, " " * 8, " " * 8]


def _rounds(report: Report) -> list[str]:
    rounds = report.rounds_as_json()
    if len(rounds) < 2:
        return []
    lines = ["corrections         J         F       J&F    frames   seconds  clicks s"]
    for index, found in enumerate(rounds):
        cells = [f"{found[key]:8.3f}" for key in ("j", "f", "jf")]
        cells += [f"{found['frames']:8d}", f"{found['seconds']:8.1f}"]
        cells.append(f"{found['seconds_clicks']:8.1f}")
        lines.append("  ".join([f"{index:<11}", *cells]))
    lines.append("")
    for index, found in enumerate(rounds[1:], start=1):
        lines.append(f"corrected in round {index}: " + ", ".join(map(_told, found["corrections"])))
    return [*lines, ""]


def _told(correction: Mapping[str, Any]) -> str:
    said = "gone" if correction["gone"] else f"{correction['clicks']} clicks"
    return (
        f"{correction['sequence']} object {correction['object']} frame {correction['frame']} "
        f"(score {correction['score']:.2f}; {said}, "
        f"J {correction['j_before']:.2f} to {correction['j_after']:.2f})"
    )


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
    lines = [agreement, flags]
    if a.sequence_flags is not None:
        whole = a.sequence_flags
        lines.append(
            f"flagging whole sequences instead: {whole.flagged_share:.1%} of the frames; "
            f"precision {_or_dash(whole.precision)}, recall {_or_dash(whole.recall)}"
        )
    left_out = [f"{n} {i}" for n, s in report.sequences.items() for i in s.left_out]
    if left_out:
        lines.append(f"objects seen too late to be scored: {', '.join(left_out)}")
    seconds = sum(s.rounds[0].seconds_clicks for s in report.sequences.values())
    cost = f"peak memory {report.peak_rss_mb:.0f} MiB; clicks {seconds:.1f} s, not in frames/s"
    return [*lines, cost]


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
