"""Frames from all of the video on the page: a wrong mask may have a high score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from tam_edit.review.clickable import correction, tile
from tam_edit.review.contents import Review
from tam_edit.review.pictures import tile_width
from tam_edit.review.words import counted
from tam_edit.types import ObjectId

MOST_FRAMES = 24  # of one object
MOST_TILES = 72  # of all together
LEAST_FRAMES = 6
MOST_OBJECTS = MOST_TILES // LEAST_FRAMES


def overview_frames(review: Review) -> dict[ObjectId, list[int]]:
    """Per object those of every Nth frame that are tracked, of the first objects that have any."""
    objects = list(review.names)[:MOST_OBJECTS]
    count = max(LEAST_FRAMES, min(MOST_FRAMES, MOST_TILES // max(1, len(objects))))
    every = max(1, -(-len(review.frames) // count))
    found = {}
    for object_id in objects:
        tracked = {scored.frame_index for scored in review.reader.scores(object_id)}
        frames = [index for index in review.frames[::every] if index in tracked]
        if len(frames) > 1:
            found[object_id] = frames
    return found


def overview(review: Review, advance: Callable[[], None]) -> Iterator[str]:
    """Those frames in small pictures, object by object, with the command that corrects them.

    Args:
        review: What the page is about.
        advance: Called after every picture.
    """
    chosen = overview_frames(review)
    if not chosen:
        return
    width = tile_width(sum(map(len, chosen.values())))
    yield '<h2 id="overview">All of the video</h2>'
    yield (
        "<p>A wrong mask may have a high score: look through these, too. A click makes a picture "
        "large, the next one on it is written into the command.</p>"
    )
    for object_id, frames in chosen.items():
        own, name = f"all-{object_id}", escape(review.names[object_id])
        every = frames[1] - frames[0]
        which = "every frame" if every == 1 else f"one frame in {every}"
        yield (
            f'<section class="span" id="{own}" aria-labelledby="head-{own}">'
            f'<h3 id="head-{own}">{name}, {which}</h3><div class="sheet">'
        )
        for index in frames:
            yield tile(review, object_id, index, width, section=own)
            advance()
        yield "</div>"
        yield correction(
            review, object_id, frames[0], section=own, wrong="A mask is wrong", has_picture=True
        )
        yield "</section>"
    rest = len(review.names) - MOST_OBJECTS
    if rest > 0:
        yield f"<p>Left out here: {counted(rest, 'further object')}.</p>"
