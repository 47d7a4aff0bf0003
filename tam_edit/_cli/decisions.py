"""Decisions as a person reads them, from a project or from the report beside an output."""

from __future__ import annotations

from tam_edit.project import DecisionKind
from tam_edit.review import spanned
from tam_edit.review.words import counted, spans_text


def decision_line(row: dict[str, object]) -> str:
    """One decision.

    Args:
        row: As ``history --json`` has it.
    """
    details = row["details"]
    known = details if isinstance(details, dict) else {}
    time = str(row["time"])[:19].replace("T", " ")
    who = f"  {row['user']}" if row["user"] else ""
    begin = f"{row['id']:>4}  {time} UTC{who}  {row['kind']:<10}"
    if row["kind"] == DecisionKind.UNDO:
        return f"{begin}  took back {known['decision']}"
    if row["kind"] == DecisionKind.ON_DOUBT:
        return f"{begin}  --on-doubt {known['choice']}, {counted(known['count'], 'doubtful span')}"
    text = f"{begin}  {row['object']!r} {_where(row)}"
    if row["kind"] == DecisionKind.APPROVAL:
        count, holding = known["frames"], row["holding"]
        held = "" if holding == count else f", holds on {holding} of them now"
        text += f": {known['reason']!r} ({counted(count, 'frame')}{held})"
    else:
        said = row["said"]
        text += f": {', '.join(said) if isinstance(said, list) else said}"
    return f"{text} (taken back)" if row["taken_back"] else text


def _where(row: dict[str, object]) -> str:
    spans, times = row.get("spans"), row.get("timecodes")
    if not isinstance(spans, list):
        return "on no frame"
    shown = ""
    if isinstance(times, list):
        shown = f" ({' - '.join(dict.fromkeys(map(str, times)))})"
    if len(spans) == 1:
        return f"{spanned(*spans[0])}{shown}"
    frames = {index for first, last in spans for index in range(first, last + 1)}
    return f"frames {spans_text(frames)}{shown}"
