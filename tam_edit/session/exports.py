"""Exports of a project, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.export import (
    ExportJob,
    ExportOptions,
    ExportReport,
    KnownMedia,
    export,
)
from tam_edit.inpaint import BUNDLE_FILE, Recomposite, RecompositeReport, recomposite
from tam_edit.media import Source
from tam_edit.project import Project
from tam_edit.recipe import Recipe
from tam_edit.render import EXR_PIXEL_FORMAT, RenderReport, objects_of, said_in
from tam_edit.session import checkpoint
from tam_edit.types import ObjectId

# A setting of a project: what was exported, the newest last.
EXPORTS = "exports"
MOST_EXPORTS = 100
# What stands for the format of an output that a recipe wrote.
RENDERED = "rendered"
# And for that of an inpainting bundle, whether exported or written by a recipe.
INPAINT = "inpaint"


def export_masks(
    project: Project,
    source: Source,
    name: str,
    path: Path,
    *,
    objects: Sequence[str] = (),
    each: bool = False,
    handles: int = 0,
    cuts: tuple[int, ...] = (),
    options: ExportOptions | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[ExportReport]:
    """Export a project's masks; see ``OpenedShot.export``."""
    if handles < 0:
        raise InputError(f"--handles is {handles}, but must be at least 0 frames")
    job = ExportJob(
        source=source,
        reader=project,
        names=_chosen(project, objects),
        in_frame=project.in_frame,
        out_frame=project.out_frame,
        handles=handles,
        cuts=cuts,
        options=options or ExportOptions(),
        known_media=_known_media(project),
        lost_media=_lost_media(project),
        said=said_in(project),
    )
    checkpoint.remember_output(project, path, hides=False)
    reports = export(name, job, path, each=each, overwrite=overwrite, progress=progress)
    _remember(project, reports)
    return reports


def put_back(
    project: Project,
    source: Source,
    what: Recomposite,
    path: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RecompositeReport:
    """Put inpainted frames back into a project's video; see ``OpenedShot.recomposite``."""
    checkpoint.remember_output(project, path, hides=True)
    return recomposite(source, what, path, overwrite=overwrite, progress=progress)


def bundle_for(project: Project, returned: Path) -> Path:
    """The inpainting bundle that returned frames belong to, where only one can be meant.

    Raises:
        InputError: There is none any more, or more than one.
    """
    known = [Path(str(r["path"])) for r in _records(project) if r["format"] == INPAINT]
    bundles = [path for path in dict.fromkeys(known) if (path / BUNDLE_FILE).is_file()]
    around = [path for path in bundles if path in returned.absolute().parents]
    found = around or bundles
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(
            "there is no inpainting bundle of this project",
            hint="name it with --bundle, or export one: tam-edit export SHOT.tam --as inpaint",
        )
    raise InputError(
        f"{returned} may belong to any of {len(found)} bundles of this project",
        hint=f"say which with --bundle, such as --bundle {found[-1]}",
    )


def _chosen(project: Project, objects: Sequence[str]) -> Mapping[ObjectId, str]:
    names = project.objects()
    unknown = [name for name in objects if name not in names.values()]
    if unknown:
        raise UnknownNameError("object", unknown[0], names.values())
    return {k: name for k, name in names.items() if not objects or name in objects}


def _remember(
    project: Project, reports: Sequence[ExportReport], *, written: Sequence[Path] = ()
) -> None:
    """Keep what was exported; what else was written is an earlier export no more."""
    digests = _digests(project)
    new = [
        {
            "format": report.format,
            "path": str(report.path.absolute()),
            "first_frame": report.frames.start,
            "frame_count": len(report.frames),
            "alpha": report.alpha,
            "objects": list(report.objects),
            "digests": {name: digests[name] for name in report.objects},
        }
        for report in reports
    ]
    known = _records(project)
    replaced = {record["path"] for record in new} | {str(path.absolute()) for path in written}
    kept = [record for record in known if record["path"] not in replaced]
    if new or kept != known:
        project.settings[EXPORTS] = [*kept, *new][-MOST_EXPORTS:]


def remember_rendered(
    project: Project, recipe: Recipe, rendered: RenderReport, frames: range
) -> None:
    """Keep which outputs of a recipe a timeline shows, or inpainted frames belong to.

    Args:
        project: What they were made from.
        recipe: Its exports are the outputs.
        rendered: What is known of them.
        frames: Those that are in them.
    """
    names = project.objects()
    cut_out = {
        names[object_id]
        for use in recipe.effects()
        if use.effect.needs_alpha and not use.step.invert
        for object_id in objects_of(use.step, names)
    }
    new = []
    for step, output in zip(recipe.exports, rendered.outputs, strict=True):
        is_exr = output.pixel_format == EXR_PIXEL_FORMAT
        alpha: str | None = "premultiplied" if is_exr else step.alpha
        shown = cut_out
        if step.what != "picture":
            alpha = "luma" if step.what == "luma" else None
            shown = {names[i] for i in objects_of(step, names)}
        # FFmpeg, and so a timeline of ours, reads no EXR without colours.
        if step.what == "masks" or not shown or (is_exr and step.what == "luma"):
            continue
        new.append(
            ExportReport(
                path=output.path,
                format=INPAINT if step.what == "inpaint" else RENDERED,
                frames=frames,
                objects=tuple(name for name in names.values() if name in shown),
                alpha=alpha,
            )
        )
    _remember(project, new, written=[output.path for output in rendered.outputs])


def _lost_media(project: Project) -> tuple[Path, ...]:
    """What was exported before, carries a matte, and was moved or deleted since."""
    carrying = [Path(str(r["path"])) for r in _records(project) if r["alpha"] is not None]
    return tuple(path for path in carrying if not path.exists())


def _known_media(project: Project) -> tuple[KnownMedia, ...]:
    """What was exported before and carries a matte, as far as it is still there."""
    digests = _digests(project)
    return tuple(
        KnownMedia(
            path=Path(str(record["path"])),
            first_frame=int(record["first_frame"]),
            alpha=str(record["alpha"]),
            objects=tuple(str(name) for name in record["objects"]),
            frame_count=record.get("frame_count"),
            is_outdated=any(digests.get(n) != d for n, d in record.get("digests", {}).items()),
        )
        for record in _records(project)
        if record["alpha"] is not None and Path(str(record["path"])).exists()
    )


def _digests(project: Project) -> dict[str, str]:
    """Per object's name a digest of its masks as they are now."""
    return {name: project.mattes_digest(i) for i, name in project.objects().items()}


def _records(project: Project) -> list[dict[str, Any]]:
    return list(cast("Sequence[dict[str, Any]]", project.settings.get(EXPORTS, ())))
