"""What is exported: which objects, on which frames, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from tam_edit.media import Source, known_timecode
from tam_edit.prompts import Said
from tam_edit.tracks import FrameScore, Origin, TrackedMatte, TrackReader, TrackSet
from tam_edit.types import ObjectId

# Options that treat mattes, by the names that fields of a recipe's matte step have.
MATTE_FLAGS = {
    "smooth_frames": "--smooth",
    "follow_edges_frac": "--follow-edges",
    "closed_form_frac": "--closed-form",
    "fill_holes_frac": "--fill-holes",
    "drop_specks_frac": "--drop-specks",
    "smooth_edge_px": "--round",
    "grow_px": "--grow",
    "feather_px": "--feather",
}
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What only some formats can be told; each says which of these it takes.

    Attributes:
        grow_px: How far mattes reach past the object, in pixels; below 0 they keep inside of it,
            which masks of an inpainting bundle cannot.
        steady_frames: On how many frames before and after one the masks of a bundle take in what
            is masked on it; 0 leaves each frame's mask alone.
        lama: Whether a bundle also has the names that LaMa reads.
        mattes: Files of mattes that a timeline shows above the video.
        smooth_frames: As in a recipe's matte step, like the next six.
        follow_edges_frac: How far an edge may move to one of the picture.
        closed_form_frac: The same by closed-form matting.
        fill_holes_frac: Up to which share of the object holes are filled.
        drop_specks_frac: Below which share of the object pieces are dropped.
        smooth_edge_px: How strongly a jagged edge is rounded.
        feather_px: Half of the width over which the edge fades.
        alpha: ``"straight"`` or ``"premultiplied"``.
        bits: Depth of the samples: 8, 10 or 16.
        compression: Of EXR.
        picture: Whether EXRs hold the picture, too.
        transfer: How the video's code values become light in EXR, where its tags are not to count.
    """

    grow_px: float = 0.0
    steady_frames: int = 1
    lama: bool = False
    mattes: tuple[Path, ...] = ()
    smooth_frames: int = 0
    follow_edges_frac: float = 0.0
    closed_form_frac: float = 0.0
    fill_holes_frac: float = 0.0
    drop_specks_frac: float = 0.0
    smooth_edge_px: float = 0.0
    feather_px: float = 0.0
    alpha: Literal["straight", "premultiplied"] | None = None
    bits: Literal[8, 10, 16] | None = None
    compression: str | None = None
    picture: bool = False
    transfer: str | None = None

    def given(self) -> set[str]:
        """The names of the options that are not as they are if nothing is said."""
        return {f.name for f in fields(self) if getattr(self, f.name) != f.default}


@dataclass(frozen=True, kw_only=True)
class KnownMedia:
    """A video or a folder of pictures that was exported before and may be shown as a matte.

    Attributes:
        path: Where it was written.
        first_frame: The frame of the source that it begins with.
        alpha: ``"straight"``, ``"premultiplied"``, or ``"luma"`` where the picture is the matte.
        objects: Names of the objects that it shows.
        frame_count: How many frames it has; None where that was not kept.
        is_outdated: Whether masks of it were changed after it was written.
    """

    path: Path
    first_frame: int
    alpha: str
    objects: tuple[str, ...]
    frame_count: int | None = None
    is_outdated: bool = False


@dataclass(frozen=True, kw_only=True)
class ExportJob:
    """Everything that an export needs to know.

    Attributes:
        source: The video.
        reader: Where the mattes of all objects are kept.
        names: The objects that are exported, with their names.
        in_frame: First frame of the work.
        out_frame: One past the last.
        handles: Frames wanted before and after that.
        cuts: First frames of new shots, ascending.
        options: What only some formats can be told.
        known_media: What was exported before.
        lost_media: What was, too, and is not where it was written any more.
        said: What persons said of an object on a frame; it stands whatever is done to mattes.
    """

    source: Source
    reader: TrackReader
    names: Mapping[ObjectId, str]
    in_frame: int
    out_frame: int
    handles: int = 0
    cuts: tuple[int, ...] = ()
    options: ExportOptions = field(default_factory=ExportOptions)
    known_media: tuple[KnownMedia, ...] = ()
    lost_media: tuple[Path, ...] = ()
    said: Mapping[ObjectId, Mapping[int, Said]] = field(default_factory=dict)

    @property
    def frames(self) -> range:
        """The frames that are exported: with handles, as far as the video has them."""
        count = self.source.info.frame_count
        return range(
            max(0, self.in_frame - self.handles), min(count, self.out_frame + self.handles)
        )

    def is_handle(self, frame_index: int) -> bool:
        """Whether a frame lies before the in point or after the out point."""
        return not self.in_frame <= frame_index < self.out_frame

    def timecode(self, frame_index: int) -> str | None:
        """A frame's timecode; None where the file's start timecode is none at its rate."""
        return known_timecode(frame_index, self.source)

    @cached_property
    def tracks(self) -> TrackSet:
        """The tracks of the exported objects; on handles their mattes are empty."""
        return TrackSet(_Selection(self))

    def scores(self, object_id: ObjectId) -> dict[int, FrameScore]:
        """What is known of an object on the frames from the in point to the out point."""
        span = range(self.in_frame, self.out_frame)
        return {s.frame_index: s for s in self.reader.scores(object_id) if s.frame_index in span}


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was written.

    Attributes:
        path: The file or folder.
        format: The name of its format.
        frames: Frames of the source that it has.
        objects: Names of the objects in it.
        notes: What a person should know about it, in sentences.
        alpha: How a video or picture in it carries the matte; None where it is no such thing.
    """

    path: Path
    format: str
    frames: range
    objects: tuple[str, ...]
    notes: tuple[str, ...] = ()
    alpha: str | None = None

    def as_json(self) -> dict[str, object]:
        """The report as JSON values."""
        return {
            "path": str(self.path),
            "format": self.format,
            "frames": len(self.frames),
            "first_frame": self.frames.start,
            "objects": list(self.objects),
            "notes": list(self.notes),
            "alpha": self.alpha,
        }


class _Selection:
    """The exported objects of a reader; nothing is read on handles, where nothing was tracked."""

    def __init__(self, job: ExportJob) -> None:
        self._job = job

    @property
    def object_ids(self) -> tuple[ObjectId, ...]:
        return tuple(sorted(self._job.names))

    def tracked_spans(self, object_id: ObjectId) -> list[tuple[int, int]]:
        return self._job.reader.tracked_spans(object_id)

    def scores(self, object_id: ObjectId) -> Iterator[FrameScore]:
        return iter(self._job.scores(object_id).values())

    def entry(self, object_id: ObjectId, frame_index: int) -> TrackedMatte | None:
        if not self._job.is_handle(frame_index):
            return self._job.reader.entry(object_id, frame_index)
        info = self._job.source.info
        empty = np.zeros((info.height, info.width), np.float32)
        return TrackedMatte(matte=empty, score=1.0, origin=Origin.ABSENT)
