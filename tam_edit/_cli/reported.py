"""The report beside an output, told again once the project is gone."""

from __future__ import annotations

from pathlib import Path

from tam_edit._cli.console import Output
from tam_edit._cli.decisions import decision_line
from tam_edit.render import digest_of
from tam_edit.review import OutputProof, ReportedDecision, ReportedOutput, read_report
from tam_edit.review.words import counted, spans_text

STATES = {
    "same": "beside the report lies this very file",
    "changed": "WHAT LIES BESIDE THE REPORT IS ANOTHER FILE",
    "missing": "it is not beside the report",
}


def tell_report(path: Path, output: Output) -> None:
    """Say what was decided, who is covered where, and whether the outputs are still these files.

    Args:
        path: A ``.report.json``.
        output: Where it is told.

    Raises:
        OpenError: It cannot be read.
        InputError: It is no report.
    """
    report = read_report(path)
    rows = [_row(decision) for decision in report.decisions]
    for row in rows:
        output.say(decision_line(row))
    for name, each in report.objects.items():
        parts = (
            f"{told} on {spans_text(_frames(spans))}"
            for told, spans in (
                ("covered", each.spans.covered),
                ("shown", each.spans.shown),
                ("without a mask, but held over", each.spans.held),
                ("without a mask", each.spans.without_mask),
                ("of these neither said to be gone nor approved", each.spans.unsettled),
            )
            if spans
        )
        output.say(f"{name!r}: {'; '.join(parts)}")
    if report.frames_covered_whole:
        output.say(f"covered whole, as doubtful: frames {spans_text(report.frames_covered_whole)}")
    if report.frames_not_looked_at:
        output.say(f"not looked at: frames {spans_text(report.frames_not_looked_at)}")
    source = report.source
    known = "" if source.sha256 is None else f", SHA-256 {source.sha256}"
    output.say(f"source: {source.name}, frames {source.frames[0]}-{source.frames[1]}{known}")
    outputs = [(written, _state(path.parent, written)) for written in report.outputs]
    for written, state in outputs:
        output.say(_output_line(report, written, state))
    output.result(
        {
            "history": rows,
            "objects": {n: each.spans.model_dump() for n, each in report.objects.items()},
            "outputs": [{**o.model_dump(mode="json"), "state": s} for o, s in outputs],
        }
    )


def _row(decision: ReportedDecision) -> dict[str, object]:
    spans = decision.spans or ((decision.frames,) if decision.frames else None)
    return {
        "id": decision.id,
        "time": decision.time,
        "kind": "correction" if decision.is_correction else decision.kind,
        "object": decision.object,
        "spans": None if spans is None else [list(span) for span in spans],
        "holding": decision.holding,
        "said": list(decision.said),
        "user": decision.user,
        "details": {
            "frames": decision.frame_count,
            "reason": decision.reason,
            "decision": decision.decision,
            "choice": decision.choice,
            "count": decision.count,
        },
        "taken_back": decision.taken_back,
    }


def _frames(spans: tuple[tuple[int, int], ...]) -> set[int]:
    return {index for first, last in spans for index in range(first, last + 1)}


def _state(folder: Path, output: ReportedOutput) -> str:
    """Whether what lies beside the report is what the report is about."""
    now = digest_of(folder / output.name)
    return "missing" if not now else "same" if now == output.sha256 else "changed"


def _output_line(report: OutputProof, output: ReportedOutput, state: str) -> str:
    written = report.written[:19].replace("T", " ")
    return (
        f"written: {output.name}, {counted(output.frames, 'frame')}, {written} UTC, with tam-edit "
        f"{report.made_with}, SHA-256 {output.sha256}; {STATES[state]}"
    )
