"""Exports that are pictures: cut-outs with alpha, mattes as luma, EXR; rendered by a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from tam_edit.errors import InputError
from tam_edit.export.job import MATTE_FLAGS, ExportJob, ExportReport, Progress
from tam_edit.recipe import EffectStep, ExportStep, MatteStep, Recipe, Step, TrackStep
from tam_edit.render import RenderJob, check_outputs, render

Kind = TypeVar("Kind", MatteStep, ExportStep)
# Sound that WebM holds.
WEBM_SOUND = ("opus", "vorbis")


@dataclass(frozen=True, kw_only=True)
class PictureExport:
    """One format that is a picture.

    Attributes:
        name: What ``--as`` calls it.
        format: What a recipe calls it; None is the matte alone, as its extension says.
    """

    name: str
    format: Literal["prores4444", "vp9-alpha", "ffv1", "png", "exr"] | None

    def check(self, job: ExportJob, path: Path, overwrite: bool) -> None:
        """Refuse what the format cannot hold and a place where it cannot be written."""
        check_outputs(job.source, self._recipe(job), path, overwrite=overwrite)

    def write(self, job: ExportJob, path: Path, progress: Progress | None) -> ExportReport:
        """Render it."""
        frames = job.frames
        recipe = self._recipe(job)
        rendered = render(
            job.source,
            RenderJob(
                recipe=recipe,
                tracks=job.tracks,
                names=job.names,
                in_frame=job.in_frame,
                out_frame=job.out_frame,
                lead_frames=job.in_frame - frames.start,
                tail_frames=frames.stop - job.out_frame,
                said=job.said,
            ),
            path,
            overwrite=True,
            progress=progress,
        )
        return ExportReport(
            path=rendered.path,
            format=self.name,
            frames=frames,
            objects=tuple(job.names.values()),
            notes=(*rendered.notes, *self._notes(job)),
            alpha=self._alpha(job),
        )

    def _recipe(self, job: ExportJob) -> Recipe:
        """The same that a person would write by hand."""
        steps: list[Step] = [TrackStep(kind="track")]
        options = job.options
        treated = {field: v for field in MATTE_FLAGS if (v := getattr(options, field))}
        if treated:
            steps.append(_checked(MatteStep, {"kind": "matte", **treated}))
        if self._has_picture(job):
            steps.append(EffectStep(kind="effect", effect="background-remove"))
        steps.append(self._export_step(job))
        return Recipe(schema="tam_edit.recipe/1", title=f"Export {self.name}", steps=tuple(steps))

    def _export_step(self, job: ExportJob) -> ExportStep:
        options = job.options
        has_picture = self._has_picture(job)
        stated: dict[str, Any] = {"what": "picture" if has_picture else "luma"}
        if self.format is not None:
            stated["format"] = self.format
        if has_picture and options.alpha is not None and self.format != "exr":
            stated["alpha"] = options.alpha
        if options.bits is not None:
            stated["bits"] = options.bits
        if self._loses_sound(job):
            stated["copy_sound"] = False
        given = {"compression": options.compression, "transfer": options.transfer}
        stated["codec_options"] = {k: v for k, v in given.items() if v is not None}
        return _checked(ExportStep, {"kind": "export", **stated})

    def _has_picture(self, job: ExportJob) -> bool:
        return job.options.picture if self.format == "exr" else self.format is not None

    def _alpha(self, job: ExportJob) -> str | None:
        if self.format is None:
            return "luma"
        if self.format == "exr":
            # FFmpeg, and so a timeline of ours, reads no EXR without colours.
            return "premultiplied" if job.options.picture else None
        return job.options.alpha or "straight"

    def _loses_sound(self, job: ExportJob) -> bool:
        return self.format == "vp9-alpha" and any(
            track.codec not in WEBM_SOUND for track in job.source.info.audio
        )

    def _notes(self, job: ExportJob) -> list[str]:
        notes = []
        if self._loses_sound(job):
            codecs = ", ".join(sorted({track.codec for track in job.source.info.audio}))
            notes.append(f"the sound is left out: WebM cannot hold {codecs} without coding it anew")
        if job.source.info.is_interlaced:
            notes.append(
                "the video is interlaced: its frames are written as woven fields, and the mattes "
                "were tracked on these; deinterlace it first where edges must be exact"
            )
        return notes


def _checked(kind: type[Kind], fields: dict[str, Any]) -> Kind:
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
        flag = MATTE_FLAGS.get(field, f"--{field}")
        raise InputError(f"{flag} is {first['input']}, but {allowed}") from error
