"""Exports that are carried out as a recipe: what a person would write by hand, rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from tam_edit.errors import InputError
from tam_edit.export.job import MATTE_FLAGS, ExportJob, Progress
from tam_edit.recipe import ExportStep, MatteStep, Recipe, Step, TrackStep
from tam_edit.render import RenderJob, RenderReport, render

Kind = TypeVar("Kind", MatteStep, ExportStep)
# What commands call the fields of a recipe's steps.
FLAGS = MATTE_FLAGS | {"steady_frames": "--steady", "lama_names": "--lama"}


def recipe_for(name: str, *steps: Step) -> Recipe:
    """A recipe of these steps after tracking."""
    return Recipe(
        schema="tam_edit.recipe/1",
        title=f"Export {name}",
        steps=(TrackStep(kind="track"), *steps),
    )


def rendered(job: ExportJob, recipe: Recipe, path: Path, progress: Progress | None) -> RenderReport:
    """Write the output of a recipe over what is exported; what stands there is replaced."""
    frames = job.frames
    return render(
        job.source,
        RenderJob(
            recipe=recipe,
            tracks=job.tracks,
            names=job.names,
            in_frame=job.in_frame,
            out_frame=job.out_frame,
            lead_frames=job.in_frame - frames.start,
            tail_frames=frames.stop - job.out_frame,
            cuts=job.cuts,
            said=job.said,
        ),
        path,
        overwrite=True,
        progress=progress,
    )


def checked(kind: type[Kind], fields: dict[str, Any]) -> Kind:
    """A step of a recipe from options that a person gave.

    Raises:
        InputError: One is out of the range that a recipe allows.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        allowed = first["msg"].removeprefix("Input ")
        flag = FLAGS.get(field, f"--{field}")
        raise InputError(f"{flag} is {first['input']}, but {allowed}") from error
