"""Inpainting bundles; rendered by a recipe."""

from __future__ import annotations

from pathlib import Path

from tam_edit.export.job import ExportJob, ExportReport, Progress
from tam_edit.export.rendered import checked, recipe_for, rendered
from tam_edit.recipe import ExportStep, Recipe
from tam_edit.render import check_outputs

NAME = "inpaint"


def check_bundle(job: ExportJob, path: Path, overwrite: bool) -> None:
    """Refuse settings that a bundle cannot have, and a folder that cannot become one.

    Raises:
        InputError: An option is out of its range.
        EncodeError: The folder holds something else, or cannot be written to.
    """
    check_outputs(job.source, _recipe(job), path, overwrite=overwrite)


def write_bundle(job: ExportJob, path: Path, progress: Progress | None = None) -> ExportReport:
    """Write a bundle, check it against the rules of those who read it, and give it its name.

    Raises:
        EncodeError: It cannot be written.
    """
    report = rendered(job, _recipe(job), path, progress)
    return ExportReport(
        path=report.path,
        format=NAME,
        frames=job.frames,
        objects=tuple(job.names.values()),
        notes=report.notes,
    )


def _recipe(job: ExportJob) -> Recipe:
    options = job.options
    fields = {
        "kind": "export",
        "what": "inpaint",
        "grow_px": float(options.grow_px),
        "steady_frames": options.steady_frames,
        "lama_names": options.lama,
    }
    return recipe_for(NAME, checked(ExportStep, fields))
