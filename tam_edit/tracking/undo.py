"""Prompts leave a track: what came of them is made anew, everything else stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tam_edit.prompts import Prompts
from tam_edit.tracking.correct import touched_span


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """What taking prompts back changes.

    Attributes:
        frames: The span outside which nothing changes; keyframes in it stay, too.
        dropped: Half-open spans of frames whose masks are to be made anew.
        carried_back: Corrections whose own way back leads into the span: they are carried back
            once more, each no further than the frame that is given.
    """

    frames: range
    dropped: tuple[tuple[int, int], ...]
    carried_back: Mapping[int, int]


def undoing(
    remaining: Mapping[int, Prompts],
    frame_index: int,
    said: Prompts,
    *,
    in_frame: int,
    out_frame: int,
    cuts: Sequence[int] = (),
    reached: int | None = None,
    carried_back: Collection[int] = (),
) -> Undoing:
    """What taking back prompts changes.

    Forward these are the masks up to the next keyframe or the end of the shot; backward those that
    the prompts had replaced, or up to the beginning of the shot where no keyframe comes before.

    Args:
        remaining: What is said of the object without them, by frame.
        frame_index: Their frame.
        said: What they said.
        in_frame: The first frame to track.
        out_frame: One past the last frame to track.
        cuts: First frames of new shots that tracking does not cross.
        reached: The earliest frame that they have replaced on their way back.
        carried_back: The frames of all corrections of the object that were carried back.
    """
    span = touched_span(remaining, frame_index, said, in_frame, out_frame, cuts)
    # That an object is gone is also why nothing reaches what lies before, up to another keyframe.
    is_here = replace(said, gone=False) if said.gone_last is None else said
    start = touched_span(remaining, frame_index, is_here, in_frame, out_frame, cuts).start
    start = min(span.start, start, frame_index if reached is None else reached)
    inside = [k for k in sorted(remaining) if start <= k < span.stop and k != frame_index]
    edges = [start - 1, *inside, span.stop]
    dropped = [(a + 1, b) for a, b in pairwise(edges) if a + 1 < b]
    again = {k: start for k in carried_back if k in remaining and start < k <= span.stop}
    return Undoing(frames=range(start, span.stop), dropped=tuple(dropped), carried_back=again)
