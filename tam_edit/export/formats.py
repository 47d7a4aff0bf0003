"""The formats that masks are exported in, and writing one.

Another format is one more entry of :data:`EXPORT_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.export.bundle import check_bundle, write_bundle
from tam_edit.export.coco import write_coco
from tam_edit.export.job import (
    MATTE_FLAGS,
    ExportJob,
    ExportReport,
    Progress,
)
from tam_edit.export.pictures import PictureExport
from tam_edit.export.sidecar import EXTENSIONS, check_sidecar, write_sidecar
from tam_edit.export.target import check_file, named_after
from tam_edit.export.ytvos import write_ytvos
from tam_edit.media.formats import NUMBERED
from tam_edit.render import check_tracked
from tam_edit.render.palette import check_mask_folder, write_palette_masks

Write: TypeAlias = Callable[[ExportJob, Path, "Progress | None"], ExportReport]
Check: TypeAlias = Callable[[ExportJob, Path, bool], None]


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One way of exporting masks.

    Attributes:
        name: What ``--as`` calls it.
        summary: What it is and who reads it, in a few words.
        write: Writes it; nothing stands under the target's name before it is read back.
        check: Refuses a job that the format cannot hold and a target that it cannot have, given
            whether the target may be replaced.
        extensions: Those of its file; empty for a folder.
        options: The names of those :class:`ExportOptions` that it takes.
        can_split: Whether each object can have an export of its own.
    """

    name: str
    summary: str
    write: Write
    check: Check
    extensions: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    can_split: bool = True


def export(
    name: str,
    job: ExportJob,
    path: Path,
    *,
    each: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[ExportReport]:
    """Export masks.

    Args:
        name: Of the format.
        job: What to export.
        path: File or folder.
        each: Whether each object gets a file or folder of its own, named after it.
        overwrite: Whether something that stands there is replaced.
        progress: Told the frames done and the frames in all.

    Returns:
        What was written, one report per file or folder.

    Raises:
        UnknownNameError: There is no such format.
        InputError: A frame was never tracked, or the format takes no such option.
        EncodeError: The target cannot be written.
    """
    chosen = format_called(name)
    wrong = job.options.given() - chosen.options
    if wrong:
        raise InputError(f"{name} takes no option {', '.join(sorted(wrong))}")
    if each and not chosen.can_split:
        raise InputError(f"{name} is one file for all objects", hint="leave --each out")
    check_tracked(job)
    parts = _split(job, path) if each else [(job, path)]
    for part, target in parts:
        chosen.check(part, target, overwrite)
    reports = []
    for done, (part, target) in enumerate(parts):
        told = None if progress is None else _share(progress, done, len(parts))
        reports.append(chosen.write(part, target, told))
    return reports


def format_called(name: str) -> ExportFormat:
    """The format of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in EXPORT_FORMATS:
        unknown = UnknownNameError("export format", name, EXPORT_FORMATS)
        writers = [e.name for e in EXPORT_FORMATS.values() if f".{name.lower()}" in e.extensions]
        if writers:
            ways = " or ".join(f"--as {writer}" for writer in writers)
            unknown.hint = f"{ways} writes a file whose name ends in .{name.lower()}"
        raise unknown
    return EXPORT_FORMATS[name]


def _split(job: ExportJob, path: Path) -> list[tuple[ExportJob, Path]]:
    parts: dict[Path, ExportJob] = {}
    for object_id, name in job.names.items():
        target = _named_after(path, name)
        if target in parts:
            target = _named_after(path, f"{name}-{object_id}")
        parts[target] = replace(job, names={object_id: name})
    return [(part, target) for target, part in parts.items()]


def _named_after(path: Path, name: str) -> Path:
    """The target of one object; of a pattern of pictures the folder is named after it."""
    if NUMBERED.search(path.name):
        if path.parent == Path():
            raise InputError(
                f"each object gets a folder of its own, but {path} names none",
                hint=f"write out/{path} for the folders out_NAME",
            )
        return named_after(path.parent.absolute(), name) / path.name
    return named_after(path, name)


def _share(progress: Progress, done: int, parts: int) -> Progress:
    return lambda frame, total: progress(done * total + frame, parts * total)


def _write_palette(job: ExportJob, path: Path, progress: Progress | None) -> ExportReport:
    info = job.source.info
    write_palette_masks(
        path,
        job.tracks,
        job.frames,
        width=info.width,
        height=info.height,
        names=job.names,
        overwrite=True,
        progress=progress,
    )
    objects = tuple(job.names.values())
    return ExportReport(path=path, format="davis-png", frames=job.frames, objects=objects)


def _file_check(what: str, *extensions: str) -> Check:
    def check(job: ExportJob, path: Path, overwrite: bool) -> None:
        check_file(path, job.source, extensions, what, overwrite=overwrite)

    return check


def _picture(
    exported: PictureExport, summary: str, options: frozenset[str], *extensions: str
) -> ExportFormat:
    return ExportFormat(
        name=exported.name,
        summary=summary,
        write=exported.write,
        check=exported.check,
        extensions=extensions,
        options=options | frozenset(MATTE_FLAGS),
    )


def _check_timeline(job: ExportJob, path: Path, overwrite: bool) -> None:
    check_file(path, job.source, EXTENSIONS, "otio", overwrite=overwrite)
    check_sidecar(job, path)


EXPORT_FORMATS: Mapping[str, ExportFormat] = {
    entry.name: entry
    for entry in (
        ExportFormat(
            name="davis-png",
            summary="palette PNGs as DAVIS-2017 has them, one per frame, and scores.json",
            write=_write_palette,
            check=lambda _job, path, overwrite: check_mask_folder(path, overwrite=overwrite),
        ),
        ExportFormat(
            name="coco-json",
            summary="one JSON file with run-length masks, which pycocotools reads",
            write=write_coco,
            check=_file_check("coco-json", ".json"),
            extensions=(".json",),
        ),
        ExportFormat(
            name="ytvos-json",
            summary="one JSON file with tracks, as YouTube-VIS has them",
            write=write_ytvos,
            check=_file_check("ytvos-json", ".json"),
            extensions=(".json",),
        ),
        _picture(
            PictureExport(name="luma", format=None),
            "the matte as a grey picture of full range (.mp4 .mov .mkv), or a folder of PNGs",
            frozenset({"bits"}),
            ".mp4",
            ".mov",
            ".m4v",
            ".mkv",
        ),
        _picture(
            PictureExport(name="prores4444", format="prores4444"),
            "the object with alpha as ProRes 4444, for editing programs",
            frozenset({"alpha", "bits"}),
            ".mov",
            ".mkv",
        ),
        _picture(
            PictureExport(name="webm-alpha", format="vp9-alpha"),
            "the object with alpha as VP9, for web pages",
            frozenset({"alpha"}),
            ".webm",
            ".mkv",
        ),
        _picture(
            PictureExport(name="ffv1", format="ffv1"),
            "the object with alpha, lossless",
            frozenset({"alpha", "bits"}),
            ".mkv",
        ),
        _picture(
            PictureExport(name="png", format="png"),
            "the object with alpha as a folder of PNGs, 8 or 16 bits",
            frozenset({"alpha", "bits"}),
        ),
        _picture(
            PictureExport(name="exr", format="exr"),
            "a folder of half-float EXRs with a layer per object, for compositors",
            frozenset({"compression", "picture", "transfer"}),
        ),
        ExportFormat(
            name="inpaint",
            summary="frames and masks for ProPainter, E2FGVI and LaMa",
            write=write_bundle,
            check=check_bundle,
            options=frozenset({"grow_px", "steady_frames", "lama"}),
        ),
        ExportFormat(
            name="otio",
            summary="a timeline (.otio .edl .xml .fcpxml) or a list of frames (.csv .txt)",
            write=write_sidecar,
            check=_check_timeline,
            extensions=EXTENSIONS,
            options=frozenset({"mattes"}),
            can_split=False,
        ),
    )
}
