"""Tells what a render wrote: every output, what its verify step measured, who is covered where."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tam_edit._cli.console import Output
from tam_edit.render import Coverage, OutputReport, RenderReport
from tam_edit.review.words import counted, spans_text
from tam_edit.session import Session

MOST_NAMES = 5
MUCH_INVENTED = 0.1  # of what a removal shows


def tell(
    session: Session,
    report: RenderReport,
    seconds: float,
    output: Output,
    *,
    part: range | None = None,
) -> None:
    """Tell what was written, one line for each output.

    Args:
        session: The project.
        report: What is known of the outputs.
        seconds: What they took.
        output: Where it is told.
        part: The frames that were to be written; all of the work where None.
    """
    for text in dict.fromkeys(note for each in report.outputs for note in each.notes):
        output.note(text)
    if report.covered_frames:
        verb = "was" if len(report.covered_frames) == 1 else "were"
        output.note(f"{counted(len(report.covered_frames), 'doubtful frame')} {verb} covered whole")
    if report.unseen_frames:
        output.note(
            f"the recipe asks for a look at {_on(report.unseen_frames)}, and nobody has said that "
            "they are right"
        )
    for told in report.effects:
        if "summary" in told:
            output.note(str(told["summary"]))
        if (told.get("invented_frac") or 0) > MUCH_INVENTED and not _is_whole(session):
            output.note(_more_to_borrow(session))
    for each in report.outputs:
        facts = f"{counted(each.frame_count, 'frame')}, {each.pixel_format}"
        if each.was_there:
            output.say(f"{each.path}: already written ({facts})")
        else:
            output.say(f"wrote {each.path}: {facts}, in {seconds:.1f} s{_verified_in_words(each)}")
    if report.proof is not None:
        output.say(f"wrote {report.proof}: decisions, scores and checksums")
    if any(each.verified and each.verified.inside_correlation for each in report.outputs):
        _tell_who_is_covered(session, report, output, part)


def _tell_who_is_covered(
    session: Session, report: RenderReport, output: Output, part: range | None
) -> None:
    """Say on which frames of what was written each object is hidden, and on which it is not."""
    shown = [name for name, each in report.coverage.items() if each.shown and not each.covered]
    if shown:
        output.note(f"shown, for nothing in this output hides them: {_listed(shown)}")
    covered = [name for name in report.coverage if name not in shown]
    for name in covered:
        output.note(f"the mask of {name!r} is {_covered_in_words(report.coverage[name])}")
    first = session.project.in_frame if part is None else part.start
    if first:
        output.note(
            f"frames are counted as in the source: {report.path.name} begins with frame {first}"
        )
    output.note(
        f"nobody was looked for but {_listed(covered)}: watch the whole file before you hand it on"
    )


def _covered_in_words(coverage: Coverage) -> str:
    told = [f"covered on {_on(coverage.covered)}"]
    if coverage.shown:
        told.append(f"shown on {_on(coverage.shown)}")
    if coverage.held:
        told.append(
            f"empty on {_on(coverage.held)}, where what it covers shortly before or after still is"
        )
    if coverage.absent:
        told.append(f"empty, so that nothing is covered, on {_on(coverage.absent)}")
    if coverage.unsettled:
        told.append(
            "nobody has said that it is gone, or approved the empty mask, on "
            f"{_on(coverage.unsettled)}: LOOK AT THEM"
        )
    return "; ".join(told)


def _on(frames: Collection[int]) -> str:
    return f"{counted(len(frames), 'frame')} ({spans_text(frames)})" if frames else "no frame"


def _is_whole(session: Session) -> bool:
    return session.project.out_frame - session.project.in_frame == session.project.frame_count


def _more_to_borrow(session: Session) -> str:
    project = session.project
    points = f"--in {project.in_frame} --out {project.out_frame}"
    return (
        f"it was looked for on frames {project.in_frame} to {project.out_frame - 1} only, and the "
        "others may show it: track the whole shot (tam-edit new, prompt, track), then write this "
        f"part of it: tam-edit render SHOT.tam --preset remove-object {points} -o OUT"
    )


def _listed(names: Sequence[str]) -> str:
    """Names of objects as a person reads them: ``'man', 'woman' and 3 more``."""
    rest = len(names) - MOST_NAMES
    shown = ", ".join(map(repr, names[:MOST_NAMES]))
    return f"{shown} and {rest} more" if rest > 0 else shown


def _verified_in_words(written: OutputReport) -> str:
    if written.verified is None:
        return ""
    psnr, correlation = written.verified.outside_psnr_db, written.verified.inside_correlation
    told = []
    if correlation is not None:
        without = written.verified.bare_frames
        covered = written.frame_count - len(without)
        bare = f" and nothing on {spans_text(without)}" if without else ""
        told.append(
            f"something is covered on {covered} of {written.frame_count} frames{bare}, and what "
            f"is under the covers correlates with the source by {correlation.value:.2f} at most "
            f"(frame {correlation.frame}; 1 would be the picture itself)"
        )
    if psnr is not None:
        told.append(
            f"elsewhere the picture is the source's but for its coding ({psnr.value:.1f} dB or "
            "better)"
        )
    return f"; read back and compared: {'; '.join(told) or 'nothing was large enough to measure'}"


def rendered_json(report: RenderReport) -> dict[str, Any]:
    """A render's result for ``--json``: its main output, and all of them."""
    covered = {"covered_frames": list(report.covered_frames)}
    return {
        "report": report.proof and str(report.proof),
        "output": {**report.main.as_json(), **covered},
        "outputs": [{**each.as_json(), **covered} for each in report.outputs],
        "effects": [dict(told) for told in report.effects],
        "coverage": {name: each.as_json() for name, each in report.coverage.items()},
    }
