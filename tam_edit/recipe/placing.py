"""A recipe on a video: its positions become frames, its objects are looked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tam_edit.errors import InputError, did_you_mean
from tam_edit.media import Source, frame_at
from tam_edit.recipe.document import Recipe
from tam_edit.recipe.steps import (
    CheckpointStep,
    EffectStep,
    ExportStep,
    MatteStep,
    Position,
)
from tam_edit.recipe.text import Fault, Place, found


def frame_of(position: Position, source: Source) -> int:
    """The frame that a position names.

    Raises:
        InputError: It cannot be read, or no such frame exists.
    """
    return frame_at(str(position), source)


def span_of(step: EffectStep, source: Source, frames: range) -> range:
    """The frames of the work that an effect is on; empty where it lies before or after them.

    Raises:
        InputError: A position cannot be read, or no such frame exists.
    """
    start = frames.start if step.in_point is None else frame_of(step.in_point, source)
    stop = frames.stop if step.out_point is None else end_of(step.out_point, source)
    start = max(start, frames.start)
    return range(start, max(start, min(stop, frames.stop)))


def end_of(position: Position, source: Source) -> int:
    """The frame that is left out first; the end of the video counts as one."""
    count = source.info.frame_count
    return count if str(position) == str(count) else frame_of(position, source)


def check_positions(recipe: Recipe, source: Source, frames: range) -> None:
    """Refuse a recipe that names places which the video does not have.

    Args:
        recipe: What is to be done.
        source: The video.
        frames: Those of the work.

    Raises:
        RecipeError: It says at which key of which file, what stands there and what is allowed.
    """
    faults: list[Fault] = []
    for index, step in enumerate(recipe.steps):
        place: Place = ("steps", index)
        if isinstance(step, CheckpointStep):
            for number, position in enumerate(step.frames):
                faults += _outside((*place, "frames", number), position, source, frames)
        elif isinstance(step, EffectStep):
            faults += _span_faults(place, step, source)
            faults += _ramp_faults(place, step, source)
    recipe.refuse(faults)


def check_objects(recipe: Recipe, names: Collection[str]) -> None:
    """Refuse a recipe that names an object which nobody has given.

    Raises:
        RecipeError: It says at which key of which file, and which objects there are.
    """
    faults = []
    for index, step in enumerate(recipe.steps):
        named = CheckpointStep | EffectStep | MatteStep | ExportStep
        if not isinstance(step, named) or step.objects == "all":
            continue
        for number, name in enumerate(step.objects):
            if name not in names:
                trouble = f"is {found(name)}, but there is no object of that name"
                place: Place = ("steps", index, "objects", number)
                faults.append(Fault(place, trouble, did_you_mean(name, sorted(names))))
    recipe.refuse(faults)


def _outside(place: Place, position: Position, source: Source, frames: range) -> list[Fault]:
    """A position that is no frame, or none of the work's."""
    try:
        frame = frame_of(position, source)
    except InputError as error:
        return [Fault(place, f"is {found(position)}, but {error}", error.hint)]
    if frame in frames:
        return []
    trouble = f"is {found(position)}, which is not among the frames {frames[0]} to {frames[-1]}"
    return [Fault(place, trouble, "move the in or out point of the work, or leave the frame out")]


def _span_faults(place: Place, step: EffectStep, source: Source) -> Iterator[Fault]:
    ends = []
    for name, position, reader in (
        ("in_point", step.in_point, frame_of),
        ("out_point", step.out_point, end_of),
    ):
        if position is None:
            continue
        try:
            ends.append(reader(position, source))
        except InputError as error:
            yield Fault((*place, name), f"is {found(position)}, but {error}", error.hint)
    if len(ends) == 2 and ends[1] <= ends[0]:
        trouble = (
            f"is {found(step.out_point)} (frame {ends[1]}), but must be after in_point, "
            f"{found(step.in_point)} (frame {ends[0]})"
        )
        yield Fault((*place, "out_point"), trouble, "it is the first frame without the effect")


def _ramp_faults(place: Place, step: EffectStep, source: Source) -> Iterator[Fault]:
    for name, points in step.ramps.items():
        before = -1
        for number, point in enumerate(points):
            here: Place = (*place, "ramps", name, number, "at")
            try:
                frame = frame_of(point.at, source)
            except InputError as error:
                yield Fault(here, f"is {found(point.at)}, but {error}", error.hint)
                continue
            if frame <= before:
                trouble = f"is {found(point.at)} (frame {frame}), but must be after frame {before}"
                yield Fault(here, trouble, "state the points of a ramp in the order of the video")
            before = frame
