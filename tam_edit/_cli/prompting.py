"""Gives typed prompts to a session, and tells what each led to."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from tam_edit._cli.console import Output
from tam_edit._cli.prompt_options import PromptItem, resolve
from tam_edit.masks.clicks import first_click
from tam_edit.masks.ops import CUT_OFF, at_border
from tam_edit.masks.pieces import stray_pieces
from tam_edit.prompts import Gone, Keyframe, ObjectPrompts
from tam_edit.review.doubts import score_text
from tam_edit.review.words import counted, quoted, spans_text, voided
from tam_edit.session import Session
from tam_edit.tracking.verdict import is_grown, is_shrunk
from tam_edit.tracks import INSIDE, resized
from tam_edit.types import Box, Matte

MOST_STRAYS = 3  # that are told of a mask
PART = 0.5  # of the largest mask that prompts led to
MUCH_TAKEN = 0.2  # of a mask, on another object


def keyframes_json(keyframes: Sequence[Keyframe]) -> list[dict[str, Any]]:
    """Keyframes for ``--json``."""
    return [
        {
            "object": keyframe.object_name,
            "frame": keyframe.frame_index,
            "area_frac": round(keyframe.area_frac, 6),
            "score": round(keyframe.score, 4),
            "is_correction": keyframe.is_correction,
        }
        for keyframe in keyframes
    ]


def prompt_all(
    session: Session,
    items: Sequence[PromptItem],
    output: Output,
    *,
    carries_back: bool = True,
    is_repeatable: bool = True,
    is_kept: bool = True,
) -> list[Keyframe]:
    """Give typed prompts to a session and tell what mask each led to.

    Args:
        session: The project.
        items: In the order in which they were typed.
        output: Where it is told.
        carries_back: Whether corrections are carried back.
        is_repeatable: Whether the command may be given again, which says nothing new.
        is_kept: Whether the project stays when the command is done: commands about it are told
            only then.
    """
    keyframes = []
    names = list(session.project.objects().values())
    all_said = resolve(items, session.source, session.project.in_frame, names)
    _tell_one_object(items, all_said, output)
    if any(_is_tracked(session, said) for said in all_said):
        # A correction drops the masks after it, which others may be about.
        all_said.sort(key=lambda said: said.frame_index, reverse=True)
    for said in all_said:
        approved, was_dropped = _approved(session, said.object_name), _is_dropped(session, said)
        keyframe = session.prompt(
            said, carries_back=carries_back, is_repeatable=is_repeatable, spares_masks=True
        )
        if keyframe is None:
            continue
        keyframes.append(keyframe)
        if keyframe.gone is not None:
            _tell_gone(session, keyframe.object_name, keyframe.gone, output, is_kept=is_kept)
        else:
            _tell_mask(session, said, keyframe, output, is_kept=is_kept)
        if was_dropped and said.prompts.says_where:
            output.note(
                f"an earlier correction has dropped the mask on frame {said.frame_index}, so there "
                "was none to correct: take this back and track first to correct what comes of it"
            )
        if void := approved - _approved(session, said.object_name):
            # A command that may be given again goes on to track at once.
            project, number = quoted(session.project.path), _newest(session)
            undo = f"; before that, tam-edit history {project} --undo {number} gives them back"
            output.note(voided(len(void), said.object_name) + ("" if is_repeatable else undo))
    return keyframes


def _is_tracked(session: Session, said: ObjectPrompts) -> bool:
    """Whether the object has a mask on the frame that comes from others."""
    project = session.project
    ids = [i for i, name in project.objects().items() if name == said.object_name]
    index = said.frame_index
    return any(project.entry(i, index) and index not in project.prompts(i) for i in ids)


def _is_dropped(session: Session, said: ObjectPrompts) -> bool:
    """Whether the object had a mask on the frame that prompts on another one have dropped."""
    project = session.project
    ids = [i for i, name in project.objects().items() if name == said.object_name]
    index = said.frame_index
    return any(project.entry(i, index) is None and index in project.areas_before(i) for i in ids)


def _tell_one_object(
    items: Sequence[PromptItem], all_said: Sequence[ObjectPrompts], output: Output
) -> None:
    """Ask whether an object without a name is the same one on all frames that are clicked."""
    if any(item.object_name is not None for item in items):
        return
    frames = sorted({said.frame_index for said in all_said if said.prompts.says_where})
    if len(frames) > 1:
        output.note(
            f"frames {spans_text(frames)} are said to show one and the same object; another one "
            "begins with --object NAME before what is said of it"
        )


def _approved(session: Session, name: str) -> frozenset[int]:
    """The approved frames of an object; none where it is new."""
    project = session.project
    return next(
        (project.approved(i) for i, n in project.objects().items() if n == name), frozenset()
    )


def _tell_mask(
    session: Session, said: ObjectPrompts, keyframe: Keyframe, output: Output, *, is_kept: bool
) -> None:
    """Say what mask prompts led to, and what of it deserves a second thought."""
    project = quoted(session.project.path)
    word = "corrected" if keyframe.is_correction else "selected"
    output.say(
        f"{word} {keyframe.object_name!r} on frame {keyframe.frame_index}: "
        f"{keyframe.area_frac:.1%} of the frame, score {score_text(keyframe.score)}"
    )
    if keyframe.joins_earlier:
        more = f"to take it back: tam-edit history {project} --undo {_newest(session)}"
        if not is_kept:
            more = f"to begin anew with what this command says alone, delete {project} before"
        output.note(
            f"this was added to what was said of {keyframe.object_name!r} on this frame before; "
            f"{more}"
        )
    _tell_taken(session, said, output)
    _tell_cut_off(session, said, output)
    tell_strays(session, said, output)
    before = keyframe.area_before_frac or 0.0
    if is_shrunk(keyframe.area_frac, before):
        output.note(
            f"the mask is now {keyframe.area_frac / before:.0%} of what it was on this frame; if "
            "part of the object is missing, add clicks on it"
        )
    elif is_grown(keyframe.area_frac, before):
        output.note(
            f"the mask is now {keyframe.area_frac / before:.1f} times as large as it was on this "
            "frame; if something else was taken in, say --not X,Y on it"
        )
    if keyframe.score < session.usual_threshold:
        shows = f"; tam-edit review {project} --html DIR shows it"
        more = "add clicks or draw a box around the object"
        if said.prompts.is_confirmed or keyframe.joins_earlier:
            more = "add clicks where it is wrong; if it is right, never mind the score"
        elif said.prompts.box:
            more = "add clicks"
        output.note(f"this mask is uncertain: {more}{shows if is_kept else ''}")


def _tell_taken(session: Session, said: ObjectPrompts, output: Output) -> None:
    """Say which clicks on an object lie on the mask of another one."""
    project, frame = session.project, said.frame_index
    for object_id, name in project.objects().items():
        entry = project.entry(object_id, frame)
        if name == said.object_name or entry is None:
            continue
        _tell_overlap(session, said, name, entry.matte, output)
        rows, columns = entry.matte.shape
        for x, y in said.prompts.positive:
            row, column = int(y * rows / project.height), int(x * columns / project.width)
            if entry.matte[min(row, rows - 1), min(column, columns - 1)] <= INSIDE:
                continue
            away = f"--object {quoted(name)} --not {x:g},{y:g}@{frame}"
            output.note(
                f"the point {x:g},{y:g} is on {name!r} (frame {frame}), and a pixel belongs to one "
                f"object only: if it is not part of {name!r}, say that, too: {away}"
            )


def _tell_overlap(
    session: Session, said: ObjectPrompts, name: str, other: Matte, output: Output
) -> None:
    """Say how much of a mask lies on that of another object."""
    project = session.project
    entry = project.entry(project.object_id(said.object_name), said.frame_index)
    if entry is None:
        return
    mask = entry.matte > INSIDE
    there = resized(other, mask.shape[1], mask.shape[0]) > INSIDE
    share = float(there[mask].mean()) if mask.any() else 0.0
    if share >= MUCH_TAKEN:
        output.note(
            f"{share:.0%} of this mask lies on {name!r}, and a pixel belongs to one object only: "
            f"if that is not part of {said.object_name!r}, say --not X,Y on it"
        )


def _tell_cut_off(session: Session, said: ObjectPrompts, output: Output) -> None:
    """Say where the picture's edge leaves only a small part of the object to be learned."""
    project, frame = session.project, said.frame_index
    object_id = project.object_id(said.object_name)
    masks = {
        index: entry.matte > INSIDE
        for index in project.prompts(object_id)
        if (entry := project.entry(object_id, index)) is not None
    }
    largest = max((np.count_nonzero(mask) for mask in masks.values()), default=0)
    mask = masks.get(frame)
    if mask is None or at_border(mask) <= CUT_OFF:
        return
    if np.count_nonzero(mask) < PART * largest:
        output.note(
            "the picture's edge cuts this mask off, and it is much smaller than where the object "
            "is whole: what follows may come to be this part alone, so look at it, or say this on "
            "a frame nearby that shows more of the object, from which it is carried back here"
        )


def tell_strays(session: Session, said: ObjectPrompts, output: Output) -> None:
    """Say where the mask has pieces that hold no click and lie outside of the box."""
    project, frame = session.project, said.frame_index
    object_id = project.object_id(said.object_name)
    entry, prompts = project.entry(object_id, frame), project.prompts(object_id)[frame]
    if entry is None or prompts.mask is not None:
        return
    mask = resized(entry.matte, project.width, project.height) > INSIDE
    box = None
    if prompts.box is not None:
        x0, y0, x1, y1 = prompts.box
        box = Box(int(x0), int(y0), ceil(x1), ceil(y1)).clipped(project.width, project.height)
    for piece in stray_pieces(mask, prompts.positive, box)[:MOST_STRAYS]:
        x, y = first_click(piece)
        output.note(
            f"a separate piece of the mask, around {x:g},{y:g}, holds no click; if it is not part "
            f"of {said.object_name!r}: --not {x:g},{y:g}@{frame}"
        )


def _newest(session: Session) -> int:
    """The number of the decision that was noted last."""
    return session.project.history.newest()


def _tell_gone(session: Session, name: str, gone: Gone, output: Output, *, is_kept: bool) -> None:
    first, last = gone.frames.start, gone.frames.stop - 1
    if gone.is_bounded:
        where = f"on frame {first}" if first == last else f"on frames {first} to {last}"
    elif gone.frames.stop < session.project.out_frame:
        where = f"from frame {first} on, until the prompts on {gone.frames.stop}"
    else:
        where = f"from frame {first} to the end"
    output.say(f"{name!r} is not there {where}")
    if gone.taken_count:
        project = quoted(session.project.path)
        back = f"; to take it back: tam-edit history {project} --undo {_newest(session)}"
        masks = counted(gone.taken_count, "mask")
        output.note(f"this took {masks} of it away{back if is_kept else ''}")
