"""The folder of an inpainting bundle: ``frames/``, ``masks/`` and ``bundle.json``."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tam_edit import __version__
from tam_edit.effect import COVER_THRESHOLD
from tam_edit.errors import EncodeError
from tam_edit.frame import Frame
from tam_edit.inpaint.document import (
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
from tam_edit.inpaint.pictures import eight_bits, padded, write_png
from tam_edit.inpaint.rules import broken_rules
from tam_edit.media import NewFolder, Source, identify, known_timecode
from tam_edit.types import Mask

PARTS = frozenset({BUNDLE_FILE, FRAMES, MASKS, LAMA})
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True, kw_only=True)
class BundleFacts:
    """What a bundle is made from, and how.

    Attributes:
        source: The video.
        frames: The frames that it has, handles included.
        in_frame: First frame of the work.
        out_frame: One past the last.
        objects: Names of the objects that are masked.
        steady_frames: As in :class:`~tam_edit.inpaint.cover.CoverMasks`.
        grow_px: How far masks reach past the objects.
        has_lama_names: Whether it also has the names that LaMa reads.
    """

    source: Source
    frames: range
    in_frame: int
    out_frame: int
    objects: tuple[str, ...]
    steady_frames: int
    grow_px: float
    has_lama_names: bool = False


class BundleFolder(NewFolder):
    """A bundle that is being written; it gets its name when it keeps the rules of its readers.

    Args:
        folder: Must not exist, be empty or, with ``overwrite``, hold a bundle.
        facts: What is written.
        overwrite: Whether a bundle that stands there is replaced.

    Attributes:
        notes: What a person should know about it, in sentences.

    Raises:
        EncodeError: The folder cannot be made, or something else stands there.
    """

    def __init__(self, folder: str | Path, facts: BundleFacts, *, overwrite: bool = False) -> None:
        check_bundle_folder(folder, overwrite=overwrite)
        super().__init__(folder, "the bundle")
        self._facts = facts
        self._frames: list[BundleFrame] = []
        self.notes = tuple(_notes(facts.source))
        with self._reported():
            for name in (FRAMES, MASKS):
                (self.hidden / name).mkdir()

    def write(self, frame: Frame, mask: Mask) -> None:
        """Append a frame of the video and its mask, bool (H, W)."""
        name = f"{len(self._frames):05d}.png"
        white = mask.astype(np.uint8) * np.uint8(255)
        facts = self._facts
        with self._reported():
            entry = BundleFrame(
                name=name,
                source_frame=frame.index,
                pts=frame.pts,
                timecode=known_timecode(frame.index, facts.source),
                is_handle=not facts.in_frame <= frame.index < facts.out_frame,
                masked_px=int(np.count_nonzero(mask)),
                frame_sha256=write_png(
                    self.hidden / FRAMES / name, padded(eight_bits(frame.rgb), MULTIPLE_PX)
                ),
                mask_sha256=write_png(self.hidden / MASKS / name, padded(white, MULTIPLE_PX)),
            )
        self._frames.append(entry)

    def complete(self) -> None:
        """Write the document and check everything against the rules of those who read it.

        Raises:
            EncodeError: Frames are missing, something cannot be written, or a rule is broken.
        """
        count, wanted = len(self._frames), len(self._facts.frames)
        if count != wanted:
            raise EncodeError(f"{self.path.name} was given {count} of {wanted} frames")
        with self._reported():
            if self._facts.has_lama_names:
                _add_lama_names(self.hidden, self._frames)
            text = _document(self._facts, self._frames).as_text()
            (self.hidden / BUNDLE_FILE).write_text(text, encoding="utf-8")
            broken = broken_rules(self.hidden)
        if broken:
            raise EncodeError(f"{self.path} was written, but {broken[0]}; it was deleted")


def check_bundle_folder(folder: str | Path, *, overwrite: bool = False) -> None:
    """Refuse a folder that a bundle must not be written to, before any work begins.

    Raises:
        EncodeError: It holds something else, or a bundle that must stay.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return
    found = sorted(entry.name for entry in folder.iterdir())
    foreign = [name for name in found if name not in PARTS]
    if foreign:
        raise EncodeError(
            f"{folder} holds {foreign[0]!r}, which is no part of an inpainting bundle, so it is "
            "left alone",
            hint="name a new folder",
        )
    if found and not overwrite:
        raise EncodeError(
            f"{folder} already holds an inpainting bundle",
            hint="add --overwrite to replace it or name another",
        )


def _document(facts: BundleFacts, frames: list[BundleFrame]) -> Bundle:
    info = facts.source.info
    return Bundle(
        made_with=__version__,
        source=Origin(
            name=info.path.name,
            identity_sha256=identity_hash(identify(facts.source)),
            bits=info.layout.bits,
            transfer=info.color.transfer,
            is_variable_rate=info.is_variable_rate,
        ),
        width=info.width + -info.width % MULTIPLE_PX,
        height=info.height + -info.height % MULTIPLE_PX,
        crop=(0, 0, info.width, info.height),
        fps=str(info.average_rate),
        time_base=str(info.time_base),
        in_frame=facts.in_frame,
        out_frame=facts.out_frame,
        masking=Masking(
            objects=facts.objects,
            threshold=COVER_THRESHOLD,
            steady_frames=facts.steady_frames,
            dilation_px=facts.grow_px,
        ),
        has_lama_names=facts.has_lama_names,
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


def _notes(source: Source) -> list[str]:
    info = source.info
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
