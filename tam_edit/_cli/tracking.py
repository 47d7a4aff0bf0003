"""Tracks what is missing, and tells which masks were made, changed and kept."""

from __future__ import annotations

import shlex
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tam_edit._cli.console import Output
from tam_edit._cli.prompt_options import PromptItem, resolve
from tam_edit.media import timecode_at
from tam_edit.prompts import Prompts
from tam_edit.review import proposed_option
from tam_edit.review.words import counted, masks_counted, quoted, spans_text
from tam_edit.session import Session
from tam_edit.tracking import Tally
from tam_edit.tracks import Origin

# That are named in a terminal; the JSON has them all.
MOST_CUTS = 5
MOST_OBJECTS = 4


def track(session: Session, output: Output) -> dict[str, Any]:
    """Track what is missing and tell which masks came of it, and how long it took."""
    begin = time.monotonic()
    with output.progress("looking for cuts") as progress:
        cuts = session.cuts(progress)
    if cuts:
        shown = ", ".join(f"{cut} ({timecode_at(cut, session.source)})" for cut in cuts[:MOST_CUTS])
        more = f" and {len(cuts) - MOST_CUTS} more" if len(cuts) > MOST_CUTS else ""
        output.note(f"the video is cut at frame {shown}{more}")
    tally = Tally()
    unit = "frames" if len(session.project.objects()) == 1 else "masks"
    with output.progress("tracking", unit) as progress:
        count = session.track(progress, tally)
    seconds = time.monotonic() - begin
    model = " ".join((session.models.name, *session.models.weights))
    stayed = _mask_count(session) - tally.new_count
    if count:
        _tell_tracked(session, tally, seconds, model, output)
    elif not tally.new_count:
        output.say(f"every frame was already tracked with the model {model!r}")
    _tell_filled(session, tally, output)
    if tally.new_count:
        _tell_stayed(session, stayed, output)
    threshold = session.usual_threshold
    doubts = session.doubts(threshold)
    if doubts:
        worst = min(doubts, key=lambda d: d.worst_score)
        output.note(
            f"the tracker is unsure of {masks_counted(doubts)} (score below {threshold:g}; "
            f"a recipe's checkpoint may ask about more), "
            f"least sure of frame {worst.worst_frame} of {worst.name!r}: {worst.main_reasons}"
        )
    return {
        "model": model,
        "frames": count,
        "seconds": round(seconds, 3),
        "cuts": list(cuts),
        "doubts": [doubt.as_json() for doubt in doubts],
        **_tally_json(session, tally),
        "stayed": stayed,
    }


def _tell_tracked(
    session: Session, tally: Tally, seconds: float, model: str, output: Output
) -> None:
    """What the tracker has made and changed."""
    took = f"in {seconds:.1f} s with the model {model!r}"
    made = _by_object(session, tally.made)
    frames = set().union(*tally.made.values())
    if frames and not tally.ways_back:
        rate = len(frames) / seconds
        took = f"in {seconds:.1f} s ({rate:.1f} frames/s) with the model {model!r}"
    output.say(f"tracked {made} {took}" if made else f"nothing new was tracked, {took}")
    for way in tally.ways_back:
        if not way.seen:
            continue
        changed, seen = len(way.changed), len(way.seen)
        whose = _whose(session, way.object_id)
        output.say(
            f"{counted(seen, 'frame')}{whose} before the correction on frame "
            f"{way.correction} {_verb(way.seen, 'was', 'were')} looked at again on the way back "
            f"({spans_text(way.seen)}): "
            + (f"{changed} changed ({spans_text(way.changed)})" if changed else "none changed")
        )
        # What was made in this run, too, is nothing that it found there and left.
        kept = set(way.kept) - tally.made.get(way.object_id, set())
        if kept:
            approved = not session.project.approved(way.object_id).isdisjoint(kept)
            output.note(
                f"{'frame' if len(kept) == 1 else 'frames'} {spans_text(kept)}{whose} "
                f"{_verb(kept, 'stays', 'stay')} as earlier prompts have made them: this "
                "correction makes no clearly surer ones"
                f"{', or they are approved' if approved else ''}; where they are wrong, correct "
                "one of them, too"
            )


def _tell_filled(session: Session, tally: Tally, output: Output) -> None:
    for object_id, filled in tally.filled.items():
        unreached = {
            scored.frame_index
            for scored in session.project.scores(object_id)
            if scored.origin is Origin.UNREACHED
        }
        said = [i for i, each in session.project.prompts(object_id).items() if each.gone]
        where = f"{'frame' if len(said) == 1 else 'frames'} {spans_text(said)}"
        gone = filled - unreached
        gone |= {index for index in said if index + 1 in gone}
        for frames, why in (
            (gone, f"it was said on {where} to be gone there"),
            (filled & unreached, "no prompt reaches it there"),
        ):
            if frames:
                output.say(
                    f"{_counted(frames)}{_whose(session, object_id)} "
                    f"{_verb(frames, 'has', 'have')} an empty mask: {why}"
                )


def _tell_stayed(session: Session, stayed: int, output: Output) -> None:
    """What tracking has left alone: with what it has made and changed these are all masks."""
    project = session.project
    given = sum(len(project.prompts(object_id)) for object_id in project.object_ids)
    if stayed > given:
        output.say(f"the other {stayed} of {_mask_count(session)} masks stayed as they were")
    elif stayed:
        what = "mask comes" if stayed == 1 else f"{stayed} masks come"
        output.say(f"the other {what} from the prompts")


def _tally_json(session: Session, tally: Tally) -> dict[str, Any]:
    names = session.project.objects()
    return {
        "made": {names[i]: sorted(frames) for i, frames in tally.made.items() if frames},
        "filled": {names[i]: sorted(frames) for i, frames in tally.filled.items() if frames},
        "ways_back": [
            {
                "object": names[way.object_id],
                "correction": way.correction,
                "seen": sorted(way.seen),
                "changed": sorted(way.changed),
            }
            for way in tally.ways_back
        ],
    }


def _mask_count(session: Session) -> int:
    project = session.project
    return (project.out_frame - project.in_frame) * len(project.object_ids)


def _by_object(session: Session, made: dict[int, set[int]]) -> str:
    """``18 frames (252-269)``, of several objects with their names."""
    names = session.project.objects()
    told = [(names[i], frames) for i, frames in sorted(made.items()) if frames]
    if len(names) == 1:
        return " ".join(_counted(frames) for _, frames in told)
    parts = [f"{name!r} on {_counted(frames)}" for name, frames in told[:MOST_OBJECTS]]
    rest = len(told) - MOST_OBJECTS
    return ", ".join([*parts, *([f"{rest} more objects"] if rest > 0 else [])])


def _whose(session: Session, object_id: int) -> str:
    names = session.project.objects()
    return f" of {names[object_id]!r}" if len(names) > 1 else ""


def _counted(frames: Collection[int]) -> str:
    return f"{counted(len(frames), 'frame')} ({spans_text(frames)})"


def _verb(frames: Collection[int], one: str, more: str) -> str:
    return one if len(frames) == 1 else more


def tell_how_to_correct(
    session: Session,
    command: str,
    typed: Sequence[str],
    items: Sequence[PromptItem],
    path: Path,
    output: Output,
    *,
    is_kept: bool,
) -> None:
    """Say how doubtful frames can be looked at.

    Args:
        session: The project.
        command: The command's name.
        typed: What was typed after it.
        items: The prompts among it.
        path: Where the project is, and may be kept.
        output: Where it is told.
        is_kept: Whether the project stays when the command is done.
    """
    doubts = session.doubts(session.usual_threshold)
    if not doubts:
        if not is_kept and _is_decided_elsewhere(session, items):
            output.note(f"{path} is deleted now, with what was corrected and approved in it")
        return
    them = f"the {masks_counted(doubts, 'doubtful ')}".replace("the 1 ", "the ")
    look = f"tam-edit review {quoted(path)} {proposed_option([path])}"
    if is_kept:
        output.note(f"to look at {them} and correct what is wrong: {look}")
        return
    kept = ["--project", str(path), *([] if "--overwrite" in typed else ["--overwrite"])]
    again = shlex.join(["tam-edit", command, *kept, *typed])
    lost = ""
    if _says_more(session, items):
        lost = " (from these prompts alone: what earlier commands said goes with the project)"
    output.note(
        f"the project is deleted now; to look at {them} and correct what is wrong, have it made "
        f"again and kept{lost}: {again}\n  then: {look}"
    )


def _is_decided_elsewhere(session: Session, items: Sequence[PromptItem]) -> bool:
    """Whether somebody has corrected or approved something by other commands."""
    approved = any(session.project.approved(i) for i in session.project.object_ids)
    return approved or _says_more(session, items)


def _says_more(session: Session, items: Sequence[PromptItem]) -> bool:
    """Whether a project knows prompts that are not among the typed ones."""
    project = session.project
    typed = {
        (said.object_name, said.frame_index): said.prompts
        for said in resolve(
            items, session.source, project.in_frame, list(project.objects().values())
        )
    }
    return any(
        not prompts.beyond(typed.get((name, frame), Prompts())).is_empty
        for object_id, name in project.objects().items()
        for frame, prompts in project.prompts(object_id).items()
    )
