"""A keyframe enters a track: what it changes is dropped, everything else stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tam_edit.prompts import Prompts
from tam_edit.tracking.plan import shots_of
from tam_edit.tracking.store import TrackStore
from tam_edit.tracking.verdict import gone_over
from tam_edit.tracks import TrackedMatte
from tam_edit.types import ObjectId


def place_keyframe(
    store: TrackStore,
    object_id: ObjectId,
    frame_index: int,
    said: Prompts,
    entry: TrackedMatte,
    *,
    cuts: Sequence[int] = (),
    carries_back: bool = True,
) -> range:
    """Let a person's word on a frame hold from now on.

    Forward, the masks up to the next keyframe or the end of the shot are dropped, so that
    tracking makes them again. Backward, those up to the beginning of the shot are dropped where
    the object has no keyframe before; where it has one, a correction is carried back towards it,
    over the masks that are there, where it is clearly surer than they are. The correction at the
    end of what is dropped is carried back once more, no further than this frame: what it had mended
    on its way is dropped, too. Nothing else changes. How large the dropped masks were is kept:
    much smaller ones in their place are doubtful, and so is that the object is gone where one of
    them showed it.

    Args:
        store: The track.
        object_id: The object.
        frame_index: The frame.
        said: What the person said that is new.
        entry: The matte that it led to.
        cuts: First frames of new shots that tracking does not cross.
        carries_back: Whether a correction is carried back at all.

    Returns:
        The frames that were dropped.
    """
    known = store.prompts(object_id)
    span = touched_span(known, frame_index, said, store.in_frame, store.out_frame, cuts)
    before = _before(known, frame_index)
    goes_back = (
        carries_back
        and span.start == frame_index
        and not said.gone
        and before is not None
        and not known[before].gone
        and _is_tracked_between(store, object_id, before, frame_index)
    )
    after = span.stop if span.stop in known else None
    store.discard(object_id, span.start, span.stop, keyframe=frame_index)
    if said.gone:
        score, reasons = gone_over(store.areas_before(object_id).get(frame_index, 0.0))
        entry = replace(entry, score=score, reasons=reasons)
    # The mask first: a prompt without one could not be tracked after a kill in between.
    store.append(frame_index, {object_id: entry})
    if goes_back:
        store.add_backtrack(object_id, frame_index)
    if after is not None and not said.gone and after in store.carried_back(object_id):
        store.add_backtrack(object_id, after)
    store.add_prompts(object_id, frame_index, said)
    return span


def touched_span(
    known: Mapping[int, Prompts],
    frame_index: int,
    said: Prompts,
    in_frame: int,
    out_frame: int,
    cuts: Sequence[int] = (),
) -> range:
    """The frames whose masks depend on a keyframe.

    Args:
        known: What was said of the object before, by frame.
        frame_index: Where the keyframe is.
        said: What is said there now.
        in_frame: The first frame to track.
        out_frame: One past the last frame to track.
        cuts: First frames of new shots that tracking does not cross.
    """
    shot = next(s for s in shots_of(in_frame, out_frame, cuts) if frame_index in s)
    before = _before(known, frame_index)
    stop = min((k for k in known if k > frame_index), default=out_frame)
    earlier = known.get(frame_index)
    was_gone = earlier is not None and earlier.gone
    was_gone_on = was_gone and earlier is not None and earlier.gone_last is None
    if said.gone_last is not None and not was_gone_on:
        # What comes after its end hangs on other prompts, as if this were not said.
        ends = [p.gone_last for p in (said, earlier) if p is not None and p.gone_last is not None]
        return range(frame_index, min(stop, max(ends) + 1))
    follows_gone = before is not None and known[before].gone
    if not (said.gone or was_gone or follows_gone):
        # That an object is gone holds in later shots, too; where it is does not.
        stop = min(stop, shot.stop)
    is_reached = before is not None and (before in shot or known[before].gone)
    if is_reached or (said.gone and said.gone_last is None):
        return range(frame_index, stop)
    lasts = [p.gone_last for k, p in known.items() if k < frame_index and p.gone_last is not None]
    return range(max([shot.start, *(last + 1 for last in lasts)]), stop)


def _is_tracked_between(store: TrackStore, object_id: ObjectId, first: int, second: int) -> bool:
    spans = store.tracked_spans(object_id)
    return any(start < second and stop > first + 1 for start, stop in spans)


def _before(known: Mapping[int, Prompts], frame_index: int) -> int | None:
    """The last keyframe before a frame that says something of it."""

    def reaches(said: Prompts) -> bool:
        return said.gone_last is None or said.gone_last >= frame_index

    return max((k for k, said in known.items() if k < frame_index and reaches(said)), default=None)


def spans_across_cuts(
    store: TrackStore, object_id: ObjectId, cuts: Sequence[int]
) -> list[tuple[int, int]]:
    """Frames whose masks can only have come from another shot.

    Args:
        store: The track.
        object_id: The object.
        cuts: First frames of new shots.

    Returns:
        Half-open spans, ascending: shots without a keyframe, and what lies before the first one
        of a shot where an earlier shot has one. Frames of which a person said that the object is
        gone are not among them.
    """
    known = store.prompts(object_id)
    spans = []
    for shot in shots_of(store.in_frame, store.out_frame, cuts):
        before = _before(known, shot.start)
        first = min((k for k in known if k in shot), default=shot.stop)
        is_carried = before is not None or first == shot.stop
        if is_carried and not (before is not None and known[before].gone):
            spans.append((shot.start, first))
    return [(start, stop) for start, stop in spans if start < stop]
