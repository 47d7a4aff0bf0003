"""Where tracking keeps what it was told and what it found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from tam_edit.prompts import Prompts
from tam_edit.tracks import Direction, FrameScore, RunState, TrackedMatte
from tam_edit.types import ObjectId


class TrackStore(Protocol):
    """Objects, prompts, mattes and the state of a run; a project is one."""

    @property
    def width(self) -> int:
        """Columns of the displayed picture."""
        ...

    @property
    def height(self) -> int:
        """Rows of the displayed picture."""
        ...

    @property
    def in_frame(self) -> int:
        """The first frame to track."""
        ...

    @property
    def out_frame(self) -> int:
        """One past the last frame to track."""
        ...

    def objects(self) -> Mapping[ObjectId, str]:
        """Names by id."""
        ...

    def former_objects(self) -> Mapping[ObjectId, str]:
        """Names by id of objects that were taken back as a whole."""
        ...

    def add_object(self, name: str) -> ObjectId:
        """Begin a new object."""
        ...

    def prompts(self, object_id: ObjectId) -> Mapping[int, Prompts]:
        """What holds of what a person said, by frame; each of these frames has a matte."""
        ...

    def ever_said(self, object_id: ObjectId, frame_index: int) -> Sequence[Prompts]:
        """Everything that was ever said about an object on a frame."""
        ...

    def add_prompts(self, object_id: ObjectId, frame_index: int, said: Prompts) -> None:
        """Keep what a person said."""
        ...

    def tracked_spans(self, object_id: ObjectId) -> list[tuple[int, int]]:
        """Half-open spans of frames that have a matte, ascending."""
        ...

    def entry(self, object_id: ObjectId, frame_index: int) -> TrackedMatte | None:
        """What is stored of one object on one frame."""
        ...

    def scores(self, object_id: ObjectId) -> Iterator[FrameScore]:
        """What is known of each tracked frame, ascending, without reading mattes."""
        ...

    def approved(self, object_id: ObjectId) -> Collection[int]:
        """The frames on which a person has found the mask right."""
        ...

    def discard(
        self, object_id: ObjectId, start: int, stop: int, *, keyframe: int | None = None
    ) -> None:
        """Drop the object's mattes on a half-open span.

        Where the prompts on a keyframe drop them, keep how large they were.
        """
        ...

    def areas_before(self, object_id: ObjectId) -> Mapping[int, float]:
        """The share of the picture that masks had before prompts dropped them, by frame."""
        ...

    def append(
        self,
        frame_index: int,
        entries: Mapping[ObjectId, TrackedMatte],
        snapshot: Callable[[], bytes] | None = None,
    ) -> None:
        """Store one frame; now and then commit, together with a snapshot."""
        ...

    def flush(self) -> None:
        """Commit what waits, with a snapshot; called between two frames."""
        ...

    def add_backtrack(self, object_id: ObjectId, frame_index: int) -> None:
        """Keep that a correction is still to be carried back."""
        ...

    def carried_back(self, object_id: ObjectId) -> Collection[int]:
        """The frames of corrections that were carried back, or are still to be."""
        ...

    def backtracks(self, object_id: ObjectId) -> Mapping[int, int]:
        """Corrections that are still to be carried back, and how far each has come."""
        ...

    def backtrack_limits(self, object_id: ObjectId) -> Mapping[int, int]:
        """The same corrections, and the earliest frame that each may replace."""
        ...

    def advance_backtrack(self, object_id: ObjectId, frame_index: int, reached: int) -> None:
        """Keep how far a correction was carried back, with the frames that wait."""
        ...

    def end_backtrack(self, object_id: ObjectId, frame_index: int) -> None:
        """Say that a correction was carried back."""
        ...

    def begin_run(
        self,
        model: str,
        direction: Direction,
        object_ids: Iterable[ObjectId],
        memory: Iterable[int] = (),
    ) -> None:
        """Say which run the following frames come from."""
        ...

    def end_run(self) -> None:
        """Say that the run is complete."""
        ...

    def run_state(self) -> RunState | None:
        """The last committed run."""
        ...

    def log(self, kind: str, **details: object) -> None:
        """Keep a line about what happened."""
        ...
