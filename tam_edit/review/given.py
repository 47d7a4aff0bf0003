"""The masks that were just given, on the page: nothing was tracked from them yet."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tam_edit.review.clickable import correction, large_picture
from tam_edit.review.contents import Review
from tam_edit.review.doubts import score_text
from tam_edit.review.words import counted
from tam_edit.tracks import FrameScore
from tam_edit.types import ObjectId

MOST_GIVEN = 12  # masks that are pictured; of more, how many others there are is said


def given(review: Review) -> list[tuple[ObjectId, FrameScore]]:
    """The masks that a person said and from which nothing was tracked yet, by frame.

    What is doubtful or approved is left out: it is told elsewhere, or was seen.
    """
    doubtful = {(doubt.object_id, index) for doubt in review.doubts for index in doubt.frames}
    found = []
    for object_id, indices in review.keyframes.items():
        approved = review.approved.get(object_id, ())
        tracked = {scored.frame_index: scored for scored in review.reader.scores(object_id)}
        for index in indices:
            is_settled = (object_id, index) in doubtful or index in approved
            if is_settled or index not in tracked or index not in review.frames:
                continue
            beside = {index - 1, index + 1}.intersection(review.frames)
            if not beside <= tracked.keys():
                found.append((object_id, tracked[index]))
    return sorted(found, key=lambda mask: (mask[1].frame_index, mask[0]))


def given_masks(review: Review) -> Iterator[str]:
    """Those masks with a large picture each, and the command that corrects it."""
    masks = given(review)
    if not masks:
        return
    yield '<h2 id="given">What the prompts led to</h2>'
    yield (
        "<p>Nothing was tracked from these masks yet. A yellow line is the border of the mask: "
        "what is wrong there goes wrong in the frames that follow.</p>"
    )
    for object_id, scored in masks[:MOST_GIVEN]:
        index = scored.frame_index
        name, own = escape(review.names[object_id]), f"given-{object_id}-{index}"
        yield (
            f'<section class="span" id="{own}" aria-labelledby="head-{own}">'
            f'<h3 id="head-{own}">{name}, frame {index}</h3><p class="dim">'
            f"{review.timecode(index)} · score {score_text(scored.score)}</p>"
        )
        yield large_picture(review, object_id, index, "from your prompts", "")
        yield correction(
            review, object_id, index, section=own, wrong="The mask is wrong", has_picture=True
        )
        yield "</section>"
    rest = len(masks) - MOST_GIVEN
    if rest > 0:
        yield f"<p>Left out here: {counted(rest, 'further mask')} of this kind.</p>"
