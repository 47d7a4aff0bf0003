"""Exports that are pictures: cut-outs with alpha, mattes as luma, EXR; rendered by a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tam_edit.export.job import MATTE_FLAGS, ExportJob, ExportReport, Progress
from tam_edit.export.rendered import checked, recipe_for, rendered
from tam_edit.recipe import EffectStep, ExportStep, MatteStep, Recipe, Step
from tam_edit.render import check_outputs

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
        report = rendered(job, self._recipe(job), path, progress)
        return ExportReport(
            path=report.path,
            format=self.name,
            frames=job.frames,
            objects=tuple(job.names.values()),
            notes=(*report.notes, *self._notes(job)),
            alpha=self._alpha(job),
        )

    def _recipe(self, job: ExportJob) -> Recipe:
        """The same that a person would write by hand."""
        steps: list[Step] = []
        options = job.options
        treated = {field: v for field in MATTE_FLAGS if (v := getattr(options, field))}
        if treated:
            steps.append(checked(MatteStep, {"kind": "matte", **treated}))
        if self._has_picture(job):
            steps.append(EffectStep(kind="effect", effect="background-remove"))
        steps.append(self._export_step(job))
        return recipe_for(self.name, *steps)

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
        return checked(ExportStep, {"kind": "export", **stated})

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
