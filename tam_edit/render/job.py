"""What a render is told, and what is refused of it before it begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.prompts import Prompts, Said
from tam_edit.recipe import Recipe
from tam_edit.review.words import counted, spans_text
from tam_edit.tracks import TrackSet
from tam_edit.types import ObjectId


class OnObjects(Protocol):
    """A step of a recipe that names objects."""

    @property
    def objects(self) -> str | tuple[str, ...]:
        """``"all"``, or their names."""
        ...


class OnTracks(Protocol):
    """What is done with the masks of objects between two points: a render, an export."""

    @property
    def tracks(self) -> TrackSet:
        """Masks per object."""
        ...

    @property
    def names(self) -> Mapping[ObjectId, str]:
        """Object names by id."""
        ...

    @property
    def in_frame(self) -> int:
        """First frame of the work."""
        ...

    @property
    def out_frame(self) -> int:
        """One past the last."""
        ...


class PromptReader(Protocol):
    """Where prompts are kept, such as a project."""

    @property
    def object_ids(self) -> tuple[ObjectId, ...]:
        """Every object."""
        ...

    def prompts(self, object_id: ObjectId) -> Mapping[int, Prompts]:
        """What is said about an object, by frame."""
        ...


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """Everything that a render needs to know.

    Attributes:
        recipe: Its matte steps, its effects, its outputs and its check are used.
        tracks: Masks per object.
        names: Object names by id.
        in_frame: First frame of the work.
        out_frame: One past its last.
        covered_frames: Frames on which effects act on the whole picture.
        lead_frames: Frames before the first that are written as well; the tracks are empty there.
        tail_frames: The same after the last.
        cuts: First frames of new shots, ascending; known where tracking looked for them.
        said: What persons said of an object on a frame; matte steps leave it standing.
        part: The frames that are written where that is not all of the work: effects act and look
            at the video as if all of it were.
    """

    recipe: Recipe
    tracks: TrackSet
    names: Mapping[ObjectId, str]
    in_frame: int
    out_frame: int
    covered_frames: Collection[int] = field(default=())
    lead_frames: int = 0
    tail_frames: int = 0
    cuts: tuple[int, ...] = ()
    said: Mapping[ObjectId, Mapping[int, Said]] = field(default_factory=dict)
    part: range | None = None

    @property
    def frames(self) -> range:
        """All frames that are written."""
        return self.work if self.part is None else self.part

    @property
    def work(self) -> range:
        """All frames that effects may look at."""
        return range(self.in_frame - self.lead_frames, self.out_frame + self.tail_frames)


def said_in(reader: PromptReader) -> dict[ObjectId, dict[int, Said]]:
    """What persons said of each object on each frame; of painted masks only that they are there."""
    return {
        object_id: {index: Said.of(said) for index, said in reader.prompts(object_id).items()}
        for object_id in reader.object_ids
    }


def check_tracked(job: OnTracks) -> None:
    """Refuse work in which an object's place is not known on some frame.

    Raises:
        InputError: An object lacks a mask on a frame between in and out point, or there is none.
    """
    if not job.names:
        raise InputError(
            "there is no object yet, so there is nothing to do",
            hint="say where it is: tam-edit prompt SHOT.tam --click X,Y",
        )
    for object_id, name in job.names.items():
        tracked = {i for start, stop in job.tracks[object_id].spans() for i in range(start, stop)}
        lacking = sorted(set(range(job.in_frame, job.out_frame)) - tracked)
        if lacking:
            raise InputError(
                f"{name!r} has no mask yet on {counted(len(lacking), 'frame')} "
                f"({spans_text(lacking)}): a correction drops the masks that it changes, and "
                "tracking makes them",
                hint="track it first: tam-edit track SHOT.tam",
            )


def objects_of(step: OnObjects, names: Mapping[ObjectId, str]) -> tuple[ObjectId, ...]:
    """The objects that a recipe's step acts on.

    Raises:
        UnknownNameError: The recipe names one that is not there.
    """
    if isinstance(step.objects, str):
        return tuple(names)
    ids = {name: object_id for object_id, name in names.items()}
    for name in step.objects:
        if name not in ids:
            raise UnknownNameError("object", name, ids)
    return tuple(ids[name] for name in step.objects)
