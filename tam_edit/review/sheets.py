"""The frames of every doubt on the page, with outlines, and the commands that settle it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from tam_edit.review.clickable import correction, large_picture, tile
from tam_edit.review.contents import MOST_PICTURED, Review, command_box, shell_code, span_code
from tam_edit.review.doubts import Doubt, score_text
from tam_edit.review.pictures import around, folded_frames, sheet_frames, tile_width
from tam_edit.review.words import (
    CAN_WAIT,
    Commands,
    close_look,
    counted,
    first_why,
    frames_text,
    times_text,
    to_look_at,
)

MOST_PICTURE_BYTES = 30_000_000
MOST_FOLDED_BYTES = 24_000_000  # from then on only what is not folded is pictured
MOST_FURTHER = 20  # reasons of one doubt


def sheet_count(review: Review) -> int:
    """How many pictures the doubts have at most."""
    shown = review.doubts[:MOST_PICTURED]
    sheets = [sheet_frames(doubt, review.frames) for doubt in shown]
    return sum(
        len(sheet) + len(folded_frames(doubt, sheet)) + 1
        for doubt, sheet in zip(shown, sheets, strict=True)
    )


def sheets(review: Review, advance: Callable[[], None]) -> Iterator[str]:
    """The doubts with their pictures and commands, one by one.

    Args:
        review: What the page is about.
        advance: Called after every picture.
    """
    if not review.doubts:
        return
    if review.cover is None:
        lines = "A yellow line is the border of the mask; a cover reaches further than this line."
    else:
        lines = (
            "A yellow line is the border of the mask, a blue one the border of what is hidden in "
            "the output (with margin, hold and all objects)."
        )
    yield '<h2 id="doubts">The frames to look at</h2>'
    yield (
        f"<p>{lines} Look at the frames with a red border; those without one are their "
        "neighbours. The small pictures show what is around the mask. Where it is empty they show "
        "the place where the object is seen on the frame close by that shows it, else the whole "
        "frame. Click on one to see it large; clicks on it then count, too.</p>"
    )
    shown = review.doubts[:MOST_PICTURED]
    width = tile_width(sheet_count(review))
    size, without = 0, 0
    for number, doubt in enumerate(shown, start=1):
        yield _span_head(review, number, doubt)
        if size < MOST_PICTURE_BYTES:
            parts = _pictures(review, number, doubt, width, MOST_FOLDED_BYTES - size)
            for part in parts:
                size += len(part)
                yield part
                if "<img" in part:
                    advance()
        else:
            without += 1
            yield "<p>Its pictures are left out, so that the page does not grow too large.</p>"
        yield _span_end(review, number, doubt, has_picture=not without)
    rest = len(review.doubts) - len(shown)
    if rest > 0:
        yield (
            f"<p>The pictures of {counted(rest, 'further span')}, which come after these, are "
            "left out. Correct or approve these first, then make the page again.</p>"
        )


def _span_head(review: Review, number: int, doubt: Doubt) -> str:
    more = "".join(f"<li>{escape(r)}</li>" for r in doubt.further_reasons[:MOST_FURTHER])
    if more:
        more = f"<details><summary>Further reasons</summary><ul>{more}</ul></details>"
    frames = frames_text(doubt)
    wait = "" if doubt.stops else f"<p>Can wait: {CAN_WAIT}.</p>"
    sought = "".join(f"<p>Look for: {escape(why)}</p>" for why in doubt.whys)
    return (
        f'<section class="span" id="span-{number}" aria-labelledby="head-{number}">'
        f'<h3 id="head-{number}">{number}. {escape(doubt.name)}, {frames}</h3>'
        f'<p class="dim">{times_text(doubt, review.timecode)} · '
        f"{to_look_at(doubt)}{', empty mask' if doubt.is_empty else ''} · score "
        f"{score_text(doubt.worst_score)} on frame {doubt.worst_frame}</p>"
        f"<p>Why: {escape(doubt.main_reasons)}.</p>{more}{sought}{wait}"
    )


def _pictures(review: Review, number: int, doubt: Doubt, width: int, room: int) -> Iterator[str]:
    """The small pictures one by one, then the proposed frame at a size that can be clicked on."""
    sheet = sheet_frames(doubt, review.frames)
    folded = folded_frames(doubt, sheet)
    yield '<div class="sheet">'
    for index in sheet:
        yield _figure(review, number, doubt, index, width)
    yield "</div>"
    if folded:
        yield (
            f"<details><summary>Show all {len(doubt.frames)} frames: the other {len(folded)} are "
            'here</summary><div class="sheet">'
        )
        left_out = 0
        for index in folded:
            if room <= 0:
                left_out += 1
                continue
            figure = _figure(review, number, doubt, index, width)
            room -= len(figure)
            yield figure
        yield "</div>"
        if left_out:
            yield (
                f"<p><strong>{counted(left_out, 'frame')} at the end of this span are left out, "
                "so that the page does not grow too large.</strong> Approve only the frames that "
                "you have seen, then make the page again.</p>"
            )
        yield "</details>"
    yield large_picture(
        review,
        doubt.object_id,
        doubt.proposed_frame,
        "the one to correct",
        first_why(doubt),
    )


def _figure(review: Review, number: int, doubt: Doubt, index: int, width: int) -> str:
    """One small picture of a span."""
    is_doubtful = index in set(doubt.frames)
    word = "" if is_doubtful else "neighbour, "
    if index == doubt.proposed_frame:
        word = "first to correct, "
    return tile(
        review,
        doubt.object_id,
        index,
        width,
        section=str(number),
        kind="doubtful" if is_doubtful else "neighbour",
        word=word,
        seen_on=around(index, review.frames),
    )


def _span_end(review: Review, number: int, doubt: Doubt, *, has_picture: bool) -> str:
    commands = Commands.about(doubt, review.project)
    approve = shell_code(commands.approve.removesuffix('WHY"')) + "<b>WHY</b>&quot;"
    wrong, right = "The mask is wrong", "The mask is right"
    if doubt.is_empty:
        wrong, right = "The object is there", "Nothing of it shows there (it is hidden)"
    correct = correction(
        review,
        doubt.object_id,
        doubt.proposed_frame,
        section=f"span-{number}",
        wrong=wrong,
        has_picture=has_picture,
    )
    gone = ""
    if commands.gone is not None:
        first = f" ({close_look(doubt)})" if doubt.seen_beside else ""
        gone = (
            f'<p class="what">The object is not in the picture where no mask shows it{first}:</p>'
            f"{command_box(span_code(commands.gone))}"
        )
    if not doubt.is_empty:
        gone = (
            '<p class="what">The mask is on something else and the object is not in the picture '
            "(the first and the last such frame for A-B; it is asked about them once more):</p>"
            f"{command_box(span_code(commands.elsewhere))}"
        )
    return f'{correct}{gone}<p class="what">{right}, say why:</p>{command_box(approve)}</section>'
