"""What does not lead to what somebody said of the same object: masks, and that it is gone."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np

from tam_edit.masks.ops import at_border
from tam_edit.project import Project
from tam_edit.tracking import said_gone
from tam_edit.tracks import INSIDE, TrackedMatte, resized, spans_of
from tam_edit.types import ObjectId

# True masks of neighbouring frames share at least 0.28 of the smaller one, on all 700 of ten
# DAVIS-2016 sequences; masks of two people side by side share next to nothing.
LEAST_SHARED = 0.1


def elsewhere(
    project: Project, object_id: ObjectId, cuts: Collection[int]
) -> dict[int, tuple[str, ...]]:
    """Frames of an object whose masks end beside a mask that somebody gave, each with reasons.

    Either they have gone over to something else, or what was said is of something else. So it is
    all of them, back to the frame before on which somebody said something, on which it is not
    seen, or after which another shot begins.

    Args:
        project: The project.
        object_id: The object.
        cuts: First frames of new shots: from one to the next nothing needs to be in its place.
    """
    said = project.prompts(object_id)
    found: dict[int, tuple[str, ...]] = {}
    for before, given in pairwise(sorted(said)):
        frames = range(max([before + 1, *(cut for cut in cuts if cut <= given)]), given)
        if not frames or said[given].gone:
            continue
        if _meet(project.entry(object_id, given - 1), project.entry(object_id, given)):
            continue
        empty = project.empty_frames(object_id, frames)
        first = max(empty, default=frames.start - 1) + 1
        reason = f"does not lead to the mask that was given on frame {given}"
        found |= dict.fromkeys(range(first, given), (reason,))
    return found


def half_gone(
    project: Project, object_id: ObjectId, cuts: Collection[int]
) -> dict[int, tuple[str, ...]]:
    """Frames at the ends of where an object is said to be gone, each with reasons.

    They are those next to a mask in the middle of the picture: it comes out from behind something
    there, or it is on more frames than was thought.

    Args:
        project: The project.
        object_id: The object.
        cuts: First frames of new shots: there an object may come and go anywhere.
    """
    found: dict[int, tuple[str, ...]] = {}
    gone = said_gone(project.prompts(object_id), project.out_frame)
    for start, stop in spans_of(sorted(gone)):
        ends = [(start, start - 1, start), (stop - 1, stop, stop)]
        for end, beside, later in ends:
            entry = project.entry(object_id, beside)
            mask = None if entry is None else entry.matte > INSIDE
            if mask is None or not mask.any() or later in cuts or at_border(mask) > 0:
                continue
            where = f"in the middle of the picture on frame {beside}"
            found[end] = (f"it is said to be gone here, and is {where}",)
    return found


def _meet(before: TrackedMatte | None, given: TrackedMatte | None) -> bool:
    """Whether masks of neighbouring frames share a part; those that are not there do not tell."""
    if before is None or given is None:
        return True
    height, width = before.matte.shape
    mask, other = before.matte > INSIDE, resized(given.matte, width, height) > INSIDE
    least = min(np.count_nonzero(mask), np.count_nonzero(other))
    return bool(np.count_nonzero(mask & other) >= LEAST_SHARED * least)
