"""A project's tracks, as effects, exports and reviews read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from tam_edit.project import approvals, dropped, mattes, objects
from tam_edit.project.shot import ShotFacts
from tam_edit.project.store import Store
from tam_edit.tracks import FrameScore, MaskTrack, TrackedMatte, TrackSet
from tam_edit.types import ObjectId


class StoredTracks(ShotFacts):
    """What is stored of objects and their masks; it may be read from any thread."""

    _store: Store

    @property
    def object_ids(self) -> tuple[ObjectId, ...]:
        """Every object, ascending, tracked or not."""
        return tuple(self.objects())

    def objects(self) -> dict[ObjectId, str]:
        """The name of every object, by ascending id."""
        return objects.names(self._store)

    def former_objects(self) -> dict[ObjectId, str]:
        """The name of every object that was removed, by ascending id."""
        return objects.former_names(self._store)

    def object_id(self, name: str) -> ObjectId:
        """The object of that name.

        Raises:
            UnknownNameError: There is none.
        """
        return objects.id_of(self._store, name)

    def entry(self, object_id: ObjectId, frame_index: int) -> TrackedMatte | None:
        """One frame's matte, or None where the object was not tracked.

        Raises:
            ProjectError: What is stored for it is damaged.
        """
        return mattes.entry(self._store, object_id, frame_index)

    def tracked_spans(self, object_id: ObjectId) -> list[tuple[int, int]]:
        """Half-open spans of consecutive frames that have a matte, ascending."""
        return mattes.spans(self._store, object_id)

    def scores(self, object_id: ObjectId) -> Iterator[FrameScore]:
        """What is known of each tracked frame, ascending, without reading mattes."""
        return mattes.scores(self._store, object_id)

    def empty_frames(self, object_id: ObjectId, frames: Iterable[int]) -> set[int]:
        """Those of some frames whose matte is there and shows nothing of the object.

        Raises:
            ProjectError: What is stored for one is damaged.
        """
        return mattes.empty_frames(self._store, object_id, frames)

    def areas_before(self, object_id: ObjectId) -> dict[int, float]:
        """The share of the picture that masks had before prompts dropped them, by frame."""
        return dropped.areas(self._store, object_id)

    def approved(self, object_id: ObjectId) -> frozenset[int]:
        """The frames on which the object's mask, as it is, was approved."""
        return approvals.approved(self._store, object_id)

    def track(
        self, object_id: ObjectId, timestamps: Sequence[Fraction] | Sequence[float] = ()
    ) -> MaskTrack:
        """One object's track; it stays readable until the project is closed."""
        return MaskTrack(self, object_id, timestamps)

    def track_set(self, timestamps: Sequence[Fraction] | Sequence[float] = ()) -> TrackSet:
        """The tracks of all objects."""
        return TrackSet(self, timestamps)
