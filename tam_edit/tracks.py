"""Where an object is on every frame, how sure that is, and where it comes from.

Tracking writes through :class:`TrackSink`; everything that uses masks reads through
:class:`MaskTrack`. A project implements both sides on disk, :class:`MemoryTracks` in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

import cv2
import numpy as np

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.masks.codec import EncodedMatte, decode, encode
from tam_edit.types import Matte, ObjectId

Direction: TypeAlias = Literal["forward", "backward"]

# Built-in tracker on ten DAVIS-2016 sequences: 95 % of the frames with J below 0.6 score lower than
# this, and 11 % of all frames.
DOUBTFUL_BELOW = 0.7
#: Above it a pixel of a matte counts as the object's.
INSIDE = 0.5

# A mask whose score is lower says nothing about how large the object is.
BELIEVED = 0.5

# A time that was computed with floats may fall this short of the frame it means; no frame of any
# real video is that brief.
_TIME_TOLERANCE_S = 1e-6


class Origin(StrEnum):
    """Where a matte comes from."""

    KEYFRAME = "keyframe"
    """A person gave it."""
    PROPAGATED = "propagated"
    """The tracker carried it there."""
    REFINED = "refined"
    """The tracker carried it there and the segmenter improved it."""
    CORRECTED = "corrected"
    """A person gave it on a frame that was already tracked."""
    ABSENT = "absent"
    """A person said that the object is not there; the matte is empty."""
    UNREACHED = "unreached"
    """No prompt reaches it across a cut; the matte is empty and nobody knows what is there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedMatte:
    """One object on one frame.

    Attributes:
        matte: float32 (H, W) in [0, 1], at tracking size; at source size where a person gave it.
            All zero says that the object is not in this frame.
        score: How sure it is that the matte is right, in [0, 1].
        origin: Where it comes from.
        reasons: Why the score is low, in plain words.
    """

    matte: Matte
    score: float
    origin: Origin
    reasons: tuple[str, ...] = ()


class FrameScore(NamedTuple):
    """What is known of one object on one frame, without its matte."""

    frame_index: int
    score: float
    origin: Origin
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Where a pass was when it was last committed.

    Attributes:
        model: The propagator's name.
        direction: ``"forward"`` or ``"backward"``.
        frame_index: The last frame whose mattes are stored; the snapshot was taken right
            after it.
        object_ids: The objects of the pass, ascending.
        memory: Frames outside the pass whose mattes it has learned.
        snapshot: For ``Propagator.resume``.
    """

    model: str
    direction: Direction
    frame_index: int
    object_ids: tuple[ObjectId, ...]
    memory: tuple[int, ...] = ()
    snapshot: bytes = field(repr=False)

    def depends_on(self, object_id: ObjectId, start: int, stop: int) -> bool:
        """Whether the pass has already used this object on a frame of a half-open span."""
        if object_id not in self.object_ids or start >= stop:
            return False
        if any(start <= frame_index < stop for frame_index in self.memory):
            return True
        if self.direction == "forward":
            return start <= self.frame_index
        return stop > self.frame_index


@runtime_checkable
class TrackSink(Protocol):
    """What tracking writes to."""

    def append(
        self,
        frame_index: int,
        entries: Mapping[ObjectId, TrackedMatte],
        snapshot: Callable[[], bytes] | None = None,
    ) -> None:
        """Keep the mattes of one frame; those already there for it are replaced.

        Args:
            frame_index: Any frame; a pass may run backward.
            entries: The objects that this frame says something about.
            snapshot: Gives the tracker's state right after this frame. A sink that survives
                the process calls it when it commits, so at most about once a second, and
                before it returns.
        """
        ...


@runtime_checkable
class TrackReader(Protocol):
    """Where mattes are read from."""

    @property
    def object_ids(self) -> tuple[ObjectId, ...]:
        """Every object, in ascending order, tracked or not."""
        ...

    def tracked_spans(self, object_id: ObjectId) -> list[tuple[int, int]]:
        """Half-open spans of consecutive frames that have a matte, in ascending order."""
        ...

    def scores(self, object_id: ObjectId) -> Iterator[FrameScore]:
        """What is known of each tracked frame, in ascending order, without reading mattes."""
        ...

    def entry(self, object_id: ObjectId, frame_index: int) -> TrackedMatte | None:
        """One frame's matte, or None where the object was not tracked."""
        ...


class MaskTrack:
    """One object through the whole video, as effects and exports read it.

    Args:
        reader: Where the mattes are kept.
        object_id: The object.
        timestamps: The time of every frame in seconds, ascending, for ``index_at``.
    """

    def __init__(
        self,
        reader: TrackReader,
        object_id: ObjectId,
        timestamps: Sequence[Fraction] | Sequence[float] = (),
    ) -> None:
        if object_id not in reader.object_ids:
            raise UnknownNameError("object", str(object_id), map(str, reader.object_ids))
        self._reader = reader
        self.object_id = object_id
        self._timestamps = timestamps

    def is_tracked(self, frame_index: int) -> bool:
        """Whether this frame has a matte, be it empty."""
        return self._reader.entry(self.object_id, frame_index) is not None

    def spans(self) -> list[tuple[int, int]]:
        """Half-open spans of consecutive frames that have a matte, in ascending order."""
        return self._reader.tracked_spans(self.object_id)

    def scores(self) -> Iterator[FrameScore]:
        """What is known of each tracked frame, in ascending order, without reading mattes."""
        return self._reader.scores(self.object_id)

    def matte(self, frame_index: int, width: int, height: int) -> Matte:
        """The object's matte at display size.

        The tracker's soft matte is interpolated linearly, so its outline stays smooth.

        Args:
            frame_index: A tracked frame.
            width: Columns that are wanted.
            height: Rows that are wanted.

        Returns:
            float32 (height, width) in [0, 1]. All zero where the object is not in the frame.

        Raises:
            InputError: The frame was never tracked. That is no empty matte: nobody knows
                whether the object is there.
        """
        return resized(self.entry(frame_index).matte, width, height)

    def score(self, frame_index: int) -> float:
        """How sure it is that the matte of a frame is right, in [0, 1].

        Raises:
            InputError: The frame was never tracked.
        """
        return self.entry(frame_index).score

    def entry(self, frame_index: int) -> TrackedMatte:
        """Everything that is stored for a frame.

        Raises:
            InputError: The frame was never tracked.
        """
        entry = self._reader.entry(self.object_id, frame_index)
        if entry is None:
            raise InputError(
                f"object {self.object_id} was never tracked on frame {frame_index}",
                hint="track the whole span from the in point to the out point first",
            )
        return entry

    def index_at(self, time_s: float | Fraction) -> int:
        """The frame that is on screen at a time, whatever the frame rate does.

        Args:
            time_s: In seconds, on the clock of the timestamps.

        Returns:
            The last frame that begins at or before the time; the first one before it begins.

        Raises:
            InputError: The track was made without timestamps.
        """
        if not self._timestamps:
            raise InputError("this track does not know at which time its frames are shown")
        after = bisect_right(self._timestamps, time_s + _TIME_TOLERANCE_S)
        return max(0, after - 1)


class TrackSet(Mapping[ObjectId, MaskTrack]):
    """The tracks of several objects, by object id in ascending order.

    Args:
        reader: Where the mattes are kept.
        timestamps: The time of every frame in seconds, ascending.
    """

    def __init__(
        self, reader: TrackReader, timestamps: Sequence[Fraction] | Sequence[float] = ()
    ) -> None:
        self._reader = reader
        self._timestamps = timestamps

    def __getitem__(self, object_id: ObjectId) -> MaskTrack:
        if object_id not in self._reader.object_ids:
            raise KeyError(object_id)
        return MaskTrack(self._reader, object_id, self._timestamps)

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(self._reader.object_ids)

    def __len__(self) -> int:
        return len(self._reader.object_ids)


class MemoryTracks:
    """Tracks that end with the process; mattes are kept encoded, a few kilobytes each.

    A matte comes back within ``masks.codec.MATTE_ERROR`` of what was given, as from a project.
    """

    def __init__(self) -> None:
        self._kept: dict[ObjectId, dict[int, tuple[EncodedMatte, FrameScore]]] = {}

    @property
    def object_ids(self) -> tuple[ObjectId, ...]:
        """Every object that something was appended for, in ascending order."""
        return tuple(sorted(self._kept))

    def append(
        self,
        frame_index: int,
        entries: Mapping[ObjectId, TrackedMatte],
        snapshot: Callable[[], bytes] | None = None,  # noqa: ARG002 - nothing outlives the process
    ) -> None:
        """Keep the mattes of one frame; those already there for it are replaced."""
        for object_id, entry in entries.items():
            known = FrameScore(frame_index, entry.score, entry.origin, entry.reasons)
            self._kept.setdefault(object_id, {})[frame_index] = encode(entry.matte), known

    def tracked_spans(self, object_id: ObjectId) -> list[tuple[int, int]]:
        """Half-open spans of consecutive frames that have a matte, in ascending order."""
        return spans_of(sorted(self._kept.get(object_id, ())))

    def scores(self, object_id: ObjectId) -> Iterator[FrameScore]:
        """What is known of each tracked frame, in ascending order."""
        frames = self._kept.get(object_id, {})
        return (frames[frame_index][1] for frame_index in sorted(frames))

    def entry(self, object_id: ObjectId, frame_index: int) -> TrackedMatte | None:
        """One frame's matte, or None where the object was not tracked."""
        kept = self._kept.get(object_id, {}).get(frame_index)
        if kept is None:
            return None
        encoded, (_, score, origin, reasons) = kept
        return TrackedMatte(matte=decode(encoded), score=score, origin=origin, reasons=reasons)

    def track(
        self, object_id: ObjectId, timestamps: Sequence[Fraction] | Sequence[float] = ()
    ) -> MaskTrack:
        """One object's track."""
        return MaskTrack(self, object_id, timestamps)

    def track_set(self, timestamps: Sequence[Fraction] | Sequence[float] = ()) -> TrackSet:
        """All tracks; objects that are appended later are seen too."""
        return TrackSet(self, timestamps)


def spans_of(frame_indices: Iterable[int]) -> list[tuple[int, int]]:
    """Half-open spans of consecutive numbers.

    Args:
        frame_indices: Ascending, each once.
    """
    spans: list[tuple[int, int]] = []
    for index in frame_indices:
        if spans and spans[-1][1] == index:
            spans[-1] = (spans[-1][0], index + 1)
        else:
            spans.append((index, index + 1))
    return spans


def resized(matte: Matte, width: int, height: int) -> Matte:
    """A matte at another size: linear where it grows, the mean of what merges where it shrinks.

    Args:
        matte: float32 (H, W) in [0, 1]; comes back as it is where it already has that size.
        width: Columns that are wanted.
        height: Rows that are wanted.

    Returns:
        float32 (height, width) in [0, 1]; pixel centres of both grids lie on the same picture.
    """
    rows, columns = matte.shape
    if (rows, columns) == (height, width):
        return matte
    shrinks = width <= columns and height <= rows
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    scaled = cv2.resize(matte, (width, height), interpolation=how)
    # The weights of a pixel may sum to a hair more than one.
    cv2.threshold(scaled, 1, 1, cv2.THRESH_TRUNC, dst=scaled)
    return np.asarray(scaled, np.float32)
