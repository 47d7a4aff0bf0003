"""A keyframe enters a track: what it changes is dropped, everything else stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tam_edit.prompts import Prompts
from tam_edit.tracking.plan import shots_of
from tam_edit.tracks import Origin, TrackedMatte
from tam_edit.types import ObjectId


class CorrectableStore(Protocol):
    """Where keyframes are kept; a project is one."""

    @property
    def in_frame(self) -> int:
        """The first frame to track."""
        ...

    @property
    def out_frame(self) -> int:
        """One past the last frame to track."""
        ...

    def prompts(self, object_id: ObjectId) -> Mapping[int, Prompts]:
        """What a person said about the object, by frame."""
        ...

    def entry(self, object_id: ObjectId, frame_index: int) -> TrackedMatte | None:
        """What is stored of one object on one frame."""
        ...

    def discard(self, object_id: ObjectId, start: int, stop: int) -> None:
        """Drop the object's mattes on a half-open span."""
        ...

    def append(self, frame_index: int, entries: Mapping[ObjectId, TrackedMatte]) -> None:
        """Store one frame's mattes."""
        ...

    def add_prompts(self, object_id: ObjectId, frame_index: int, said: Prompts) -> None:
        """Keep what a person said."""
        ...

    def add_backtrack(self, object_id: ObjectId, frame_index: int) -> None:
        """Keep that a correction is still to be carried back."""
        ...


def place_keyframe(
    store: CorrectableStore,
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
    over the masks that are there, where it is clearly surer than they are. Nothing else changes.

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
    there = store.entry(object_id, frame_index)
    span = touched_span(known, frame_index, said, store.in_frame, store.out_frame, cuts)
    before = max((k for k in known if k < frame_index), default=None)
    goes_back = (
        carries_back
        and there is not None
        and there.origin not in (Origin.UNREACHED, Origin.ABSENT)
        and span.start == frame_index
        and not said.gone
        and before is not None
        and not known[before].gone
    )
    # The mask first: a prompt without one could not be tracked after a kill in between.
    store.discard(object_id, span.start, span.stop)
    store.append(frame_index, {object_id: entry})
    store.add_prompts(object_id, frame_index, said)
    if goes_back:
        store.add_backtrack(object_id, frame_index)
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
    before = max((k for k in known if k < frame_index), default=None)
    stop = min((k for k in known if k > frame_index), default=out_frame)
    was_gone = frame_index in known and known[frame_index].gone
    if not (said.gone or was_gone):
        # That an object is gone holds in later shots, too; where it is does not.
        stop = min(stop, shot.stop)
    is_reached = before is not None and (before in shot or known[before].gone)
    start = frame_index if is_reached or said.gone else shot.start
    return range(start, stop)
