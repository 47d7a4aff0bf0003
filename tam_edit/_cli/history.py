"""``tam-edit history``: what was decided about a project, and taking it back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit.errors import TamEditError
from tam_edit.media import Source, timecode_at
from tam_edit.project import Decision, DecisionKind, Project, open_video
from tam_edit.review import spanned
from tam_edit.review.words import counted, quoted, spans_text, voided
from tam_edit.session import Session, Undone, outputs_of


class DecisionId(click.ParamType[int]):
    """The number of one decision."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or how several are taken back."""
        text = str(value)
        ids = [int(part) for part in re.split(r"[\s,]+", text) if part.isdecimal()]
        if len(ids) > 1:
            self.fail(f"one at a time, the newest first: --undo {max(ids)}", param, ctx)
        if not text.isdecimal() or int(text) == 0:
            self.fail(f"{text!r} is no ID: it is the number at the start of a line", param, ctx)
        return int(text)


@click.command("history", cls=Command)
@click.argument("project", type=click.Path(path_type=Path), metavar="SHOT.tam")
@click.option(
    "--undo",
    "decision_id",
    type=DecisionId(),
    metavar="ID",
    help="Take this prompt, correction or approval back.",
)
@output_options
def command(project: Path, decision_id: int | None, output: Output) -> None:
    """List the prompts, corrections, approvals and other decisions about SHOT.tam, in order.

    Outputs that are still there follow.

    With --undo ID one of them is taken back: `tam-edit track` then makes again the masks that came
    of it, and all others stay as they are. What was taken back stays in the list.
    """
    undone, void, written = None, "", []
    if decision_id is not None:
        with Session.open(project) as session:
            undone = session.undo(decision_id)
            void = _void_before(session, undone)
            written = session.written_with(undone.decision)
    with Project.open(project) as opened:
        rows = _rows(opened, output)
        outputs = outputs_of(opened)
    if undone is not None:
        output.say(_told(undone, project) + void)
        for place in written:
            output.note(
                f"{place} was written with what is taken back now and does not change: if it was "
                "given to somebody, say so, and render it again"
            )
    elif not rows:
        output.say(f"nothing was decided about {project} yet")
    else:
        for row in rows:
            output.say(_line(row))
        for place in outputs:
            output.say(f"written: {place}")
    output.result(
        {
            "history": rows,
            "undone": None if undone is None else _undone_json(undone),
            "outputs": [str(place) for place in outputs],
        }
    )


def _rows(project: Project, output: Output) -> list[dict[str, object]]:
    """Every decision; without timecodes where the video is not there any more."""
    try:
        source = open_video(project)
    except TamEditError as error:
        output.note(f"{error}: frames are listed without their timecodes")
        return [_json(decision, project) for decision in project.history]
    with source:
        return [_json(decision, project, source) for decision in project.history]


def _told(undone: Undone, project: Path) -> str:
    decision, name = undone.decision, undone.object_name
    begin = f"took back {decision.decision_id}"
    if decision.kind is DecisionKind.APPROVAL and not undone.held_count:
        return f"{begin}: it held on no frame of {name!r} any more, for their masks were made anew"
    if decision.kind is DecisionKind.APPROVAL and not undone.unapproved_count:
        return f"{begin}: all these frames of {name!r} stay approved by others"
    if decision.kind is DecisionKind.APPROVAL:
        return (
            f"{begin}: {counted(undone.unapproved_count, 'frame')} of {name!r} no longer "
            "approved, so a checkpoint asks again"
        )
    if undone.is_removed:
        return (
            f"{begin}: nothing else that was said of {name!r} holds, so this object was removed; "
            "nothing needs to be tracked again"
        )
    span = spanned(undone.frames.start, undone.frames.stop - 1)
    void = f"; {voided(undone.unapproved_count, name)}" if undone.unapproved_count else ""
    return (
        f"{begin}: what it said of {name!r} on frame {decision.start} holds no more; "
        f"masks on {span} are made again by: tam-edit track {quoted(project)}{void}"
    )


def _void_before(session: Session, undone: Undone) -> str:
    """Whether approvals do not come back that what was taken back, or others, had voided."""
    history, decision = session.project.history, undone.decision
    approvals = [
        each
        for each in session.history()
        if each.kind is DecisionKind.APPROVAL
        and each.object_id == decision.object_id
        and each.taken_back is None
        and each.decision_id < decision.decision_id
        and history.holding(each) < int(str(each.details["frames"]))
    ]
    if decision.kind is not DecisionKind.PROMPT or undone.is_removed or not approvals:
        return ""
    return "; approvals of masks that were made anew since do not come back"


def _undone_json(undone: Undone) -> dict[str, object]:
    frames = undone.frames
    return {
        "id": undone.decision.decision_id,
        "object": undone.object_name,
        "frames": [frames.start, frames.stop - 1] if frames else None,
        "dropped": undone.dropped_count,
        "unapproved": undone.unapproved_count,
        "removed": undone.is_removed,
    }


def _json(decision: Decision, project: Project, source: Source | None = None) -> dict[str, object]:
    kind, history = str(decision.kind), project.history
    row: dict[str, object] = {"id": decision.decision_id, "time": decision.time, "kind": kind}
    if decision.object_id is not None:
        row["object"] = history.object_name(decision)
    if spans := history.spans(decision):
        ends = (spans[0][0], spans[-1][1])
        row["frames"] = list(ends)
        row["spans"] = [list(span) for span in spans]
        if source is not None:
            row["timecodes"] = [timecode_at(index, source) for index in ends]
    if decision.kind is DecisionKind.APPROVAL:
        row["holding"] = history.holding(decision)
    if decision.kind is DecisionKind.PROMPT:
        if history.is_correction(decision):
            row["kind"] = "correction"
        row["said"] = history.said(decision)
    row["user"] = decision.user
    row["details"] = dict(decision.details)
    row["taken_back"] = decision.taken_back
    return row


def _line(row: dict[str, object]) -> str:
    """One decision as a person reads it."""
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
