"""Writing an inpainting bundle: ``frames/``, ``masks/`` and ``bundle.json``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from tam_edit import __version__
from tam_edit.effect import COVER_THRESHOLD
from tam_edit.errors import EncodeError
from tam_edit.export.inpaint.cover import CoverMasks
from tam_edit.export.inpaint.document import (
    BUNDLE_FILE,
    FRAMES,
    LAMA,
    MASKS,
    MULTIPLE_PX,
    Bundle,
    BundleFrame,
    Masking,
    Origin,
    identity_hash,
)
from tam_edit.export.inpaint.pictures import eight_bits, padded, write_png
from tam_edit.export.inpaint.rules import broken_rules
from tam_edit.export.job import ExportJob, ExportReport, Progress
from tam_edit.export.target import finished_folder
from tam_edit.media import identify

PARTS = frozenset({BUNDLE_FILE, FRAMES, MASKS, LAMA})
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


def is_part_of_bundle(entry: Path) -> bool:
    """Whether something in a folder belongs to an inpainting bundle."""
    return entry.name in PARTS


def write_bundle(job: ExportJob, path: Path, progress: Progress | None = None) -> ExportReport:
    """Write a bundle, check it against the rules of those who read it, and give it its name.

    Raises:
        EncodeError: It cannot be written.
    """
    with finished_folder(path) as part:
        for name in (FRAMES, MASKS):
            (part / name).mkdir()
        frames = _write_pictures(job, part, progress)
        if job.options.lama:
            _add_lama_names(part, frames)
        (part / BUNDLE_FILE).write_text(_document(job, frames).as_text(), encoding="utf-8")
        broken = broken_rules(part)
        if broken:
            raise EncodeError(f"{path} was written, but {broken[0]}; it was deleted")
    return ExportReport(
        path=path,
        format="inpaint",
        frames=job.frames,
        objects=tuple(job.names.values()),
        notes=tuple(_notes(job)),
    )


def _write_pictures(job: ExportJob, part: Path, progress: Progress | None) -> list[BundleFrame]:
    masks = CoverMasks(job)
    frames = []
    span = job.frames
    for number, frame in enumerate(job.source.frames(span.start, span.stop)):
        name = f"{number:05d}.png"
        mask = masks.mask(frame.index)
        white = mask.astype(np.uint8) * np.uint8(255)
        frames.append(
            BundleFrame(
                name=name,
                source_frame=frame.index,
                pts=frame.pts,
                timecode=job.timecode(frame.index),
                is_handle=job.is_handle(frame.index),
                masked_px=int(np.count_nonzero(mask)),
                frame_sha256=write_png(
                    part / FRAMES / name, padded(eight_bits(frame.rgb), MULTIPLE_PX)
                ),
                mask_sha256=write_png(part / MASKS / name, padded(white, MULTIPLE_PX)),
            )
        )
        if progress is not None:
            progress(number + 1, len(span))
    return frames


def _document(job: ExportJob, frames: list[BundleFrame]) -> Bundle:
    info, options = job.source.info, job.options
    return Bundle(
        made_with=__version__,
        source=Origin(
            name=info.path.name,
            identity_sha256=identity_hash(identify(job.source)),
            bits=info.layout.bits,
            transfer=info.color.transfer,
            is_variable_rate=info.is_variable_rate,
        ),
        width=info.width + -info.width % MULTIPLE_PX,
        height=info.height + -info.height % MULTIPLE_PX,
        crop=(0, 0, info.width, info.height),
        fps=str(info.average_rate),
        time_base=str(info.time_base),
        in_frame=job.in_frame,
        out_frame=job.out_frame,
        masking=Masking(
            objects=tuple(job.names.values()),
            threshold=COVER_THRESHOLD,
            steady_frames=options.steady_frames,
            dilation_px=float(options.grow_px),
        ),
        has_lama_names=options.lama,
        frames=tuple(frames),
    )


def _add_lama_names(part: Path, frames: list[BundleFrame]) -> None:
    """LaMa wants picture and mask in one folder: the same files again, under its names."""
    folder = part / LAMA
    folder.mkdir()
    for frame in frames:
        stem = Path(frame.name).stem
        _link(part / FRAMES / frame.name, folder / frame.name)
        _link(part / MASKS / frame.name, folder / f"{stem}_mask001.png")


def _link(file: Path, other: Path) -> None:
    try:
        os.link(file, other)
    except OSError:  # not every file system has links
        shutil.copyfile(file, other)


def _notes(job: ExportJob) -> list[str]:
    info = job.source.info
    notes = []
    if info.layout.bits > 8:
        notes.append(
            f"the pictures have 8 of the video's {info.layout.bits} bits, as all three models "
            "read them; recomposite leaves every sample that no model changed as it was"
        )
    if info.color.transfer in HDR_TRANSFERS:
        notes.append(
            f"the video is {HDR_TRANSFERS[info.color.transfer]}: the pictures look flat, because "
            "their values are the video's"
        )
    if info.is_interlaced:
        notes.append("the video is interlaced: models take its fields for one picture")
    return notes
