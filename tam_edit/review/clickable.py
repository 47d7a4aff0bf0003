"""A large picture that takes clicks, and the command that they are written into."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from tam_edit.review.contents import Review, command_box, shell_code
from tam_edit.review.doubts import score_text
from tam_edit.review.pictures import LARGE_WIDTH, Picture, Region, picture
from tam_edit.review.words import correct_command
from tam_edit.types import ObjectId


def place(index: int, region: Region) -> str:
    """What a picture shows, for the script: clicks on it are told in pixels of the video."""
    x, y, width, height = region
    return (
        f'data-frame="{index}" data-x="{x}" data-y="{y}" data-width="{width}"'
        f' data-height="{height}"'
    )


def drawn(
    review: Review,
    object_id: ObjectId,
    index: int,
    width: int,
    *,
    is_close: bool,
    seen_on: Iterable[int] = (),
) -> Picture:
    """A frame with the object's mask and what the recipe hides, at most ``width`` columns."""
    return picture(
        review.source,
        review.reader,
        object_id,
        index,
        most_width=width,
        is_close=is_close,
        seen_on=seen_on,
        cover=None if review.cover is None else review.cover(index),
    )


def tile(
    review: Review,
    object_id: ObjectId,
    index: int,
    width: int,
    *,
    section: str,
    kind: str = "neighbour",
    word: str = "",
    seen_on: Iterable[int] = (),
) -> str:
    """One small picture; its link makes it large, without a script too.

    Args:
        review: What the page is about.
        object_id: The object.
        index: The frame.
        width: Columns at most.
        section: What the identifier of the section's heading ends in.
        kind: ``doubtful`` or ``neighbour``.
        word: What stands before the score.
        seen_on: Frames, the nearest first: where the frame's own mask is empty, the first mask
            of these that is not says what is shown.
    """
    shown = drawn(review, object_id, index, width, is_close=True, seen_on=seen_on)
    entry, name = shown.entry, review.names[object_id]
    if entry is None:
        score, what = "not tracked yet", f"no mask of {name} yet"
    elif shown.area_frac:
        score = f"score {score_text(entry.score)}"
        what = f"the mask of {name} covers {shown.area_frac:.1%} of the picture"
    else:
        score, what = f"score {score_text(entry.score)}, empty mask", f"the mask of {name} is empty"
    own = f"frame-{section}-{index}"
    return (
        f'<figure class="{kind}" id="{own}"><a class="open target" href="#{own}"'
        f' {place(index, shown.region)}><img src="{shown.uri}" width="{shown.width}"'
        f' height="{shown.height}" alt="{escape(f"Frame {index}: {what}")}"></a>'
        f"<figcaption>{index} · {review.timecode(index)}<br>{word}{score}"
        f'<a class="close" href="#head-{section}">Small again</a></figcaption></figure>'
    )


def large_picture(review: Review, object_id: ObjectId, index: int, what: str, why: str) -> str:
    """The whole frame, to be clicked on.

    Args:
        review: What the page is about.
        object_id: The object.
        index: The frame.
        what: What the frame is, after its number: ``the one to correct``.
        why: A remark on it; may be empty.
    """
    shown = drawn(review, object_id, index, LARGE_WIDTH, is_close=False)
    label = f"Frame {index} of {review.names[object_id]}, {what}, large"
    said = f"{what}: {why}" if why else what
    return (
        f'<div class="pick"><div class="target" tabindex="0" role="application"'
        f' aria-label="{escape(label)}. Arrow keys move, Enter clicks."'
        f' {place(index, shown.region)}><figure><img src="{shown.uri}"'
        f' width="{shown.width}" height="{shown.height}" alt="{escape(label)}">'
        f'</figure></div><p class="dim">Frame {index}, {escape(said)}<span class="scripted">. '
        "With the keyboard: arrow keys move, with Shift by one pixel, Enter clicks.</span></p>"
        "</div>"
    )


def correction(
    review: Review,
    object_id: ObjectId,
    index: int,
    *,
    section: str,
    wrong: str,
    has_picture: bool,
) -> str:
    """The command that corrects a frame; clicks on the section's pictures are written into it.

    Args:
        review: What the page is about.
        object_id: The object.
        index: The frame that is named where nobody clicks.
        section: What the section is called; its buttons are its own.
        wrong: When the command is wanted, in plain words.
        has_picture: Whether the section has pictures to click on.
    """
    command = correct_command(review.project, review.names[object_id], index)
    before = command.removesuffix(f"--click X,Y@{index}")
    at = f"<b>X,Y</b>@{index}"
    code = f'{shell_code(before)}<span class="prompts">{shell_code("--click")} {at}</span>'
    choice, by_hand = "", "fill in the place, in pixels of the video"
    if has_picture:
        choice = _CHOICE.replace("SECTION", escape(section))
        by_hand = f"click on the object in the large picture (or {by_hand})"
    return f'{choice}<p class="what">{wrong}: {by_hand}.</p>{command_box(code)}'


# Each section has radio buttons of its own.
_CHOICE = (
    '<fieldset class="scripted"><legend>A click on the large picture says:</legend>'
    '<label><input type="radio" name="kind-SECTION" value="--click" checked> this is the object'
    '</label><label><input type="radio" name="kind-SECTION" value="--not"> this is not the object'
    '</label><button type="button" class="clear">Clear clicks</button></fieldset>'
)
