"""``tam-edit history``: what was decided about a project, and taking it back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.decisions import decision_line
from tam_edit._cli.reported import tell_report
from tam_edit.errors import InputError, TamEditError
from tam_edit.media import Source, timecode_at
from tam_edit.project import Decision, DecisionKind, Project, open_video
from tam_edit.review import REPORT_SUFFIX, spanned
from tam_edit.review.words import counted, quoted, voided
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

    Outputs that are still there follow. The OUT.report.json beside an output may stand for its
    project: it tells the same, who is covered on which frames, and whether OUT is still that file.

    With --undo ID one of them is taken back. Before anything is tracked from it, the masks and
    approvals that it dropped come back; later, `tam-edit track` makes again the masks that came of
    it, and all others stay as they are. What was taken back stays in the list.
    """
    if project.name.endswith(REPORT_SUFFIX):
        if decision_id is not None:
            raise InputError(
                f"{project} is about an output that is finished: nothing in it can be taken back",
                hint="take it back in the project, where that was kept, and render again",
            )
        tell_report(project, output)
        return
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
            output.say(decision_line(row))
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
    if undone.is_restored:
        back = f", {counted(undone.approved_count, 'frame')} of them approved again"
        return (
            f"{begin}: what it said of {name!r} on frame {decision.start} holds no more, and the "
            f"masks of {name!r} are as they were before it{back if undone.approved_count else ''}"
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
    is_final = decision.kind is not DecisionKind.PROMPT or undone.is_removed or undone.is_restored
    if is_final or not approvals:
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
        "restored": undone.is_restored,
        "approved": undone.approved_count,
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
