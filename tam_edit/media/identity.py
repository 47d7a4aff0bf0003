"""Recognising a video again: size, hashes of its ends, and what it says about its streams."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tam_edit.errors import OpenError
from tam_edit.media.folder_source import FolderSource
from tam_edit.media.opening import open_source
from tam_edit.media.source import Source, SourceInfo

END_BYTES = 1 << 20


@dataclass(frozen=True)
class SourceIdentity:
    """What tells one video from another without reading all of it.

    Attributes:
        size_bytes: Of the file; of all pictures of a folder together.
        head_sha256: Of the first MiB; of the names and sizes of a folder's pictures.
        tail_sha256: Of the last MiB; of the first and last picture's first MiB for a folder.
        facts: Size, frame count, clock, coding and sound, fit for JSON.
    """

    size_bytes: int
    head_sha256: str
    tail_sha256: str
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The identity as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SourceIdentity:
        """The identity that ``to_json`` gave."""
        return cls(
            int(values["size_bytes"]),
            str(values["head_sha256"]),
            str(values["tail_sha256"]),
            dict(values["facts"]),
        )

    def difference(self, other: SourceIdentity) -> str:
        """In which respect two videos differ, in a few words; empty where they are the same."""
        for key in sorted({*self.facts, *other.facts}):
            mine, theirs = self.facts.get(key), other.facts.get(key)
            if mine != theirs:
                told = f"{mine} and {theirs}" if key != "audio" else "other tracks"
                return f"{key.replace('_', ' ')}: {told}"
        if self.size_bytes != other.size_bytes:
            return f"size: {self.size_bytes} and {other.size_bytes} bytes"
        if (self.head_sha256, self.tail_sha256) != (other.head_sha256, other.tail_sha256):
            return "their contents"
        return ""


def identify(path: str | Path | Source) -> SourceIdentity:
    """The identity of a video file or a folder of pictures.

    Args:
        path: As for ``open_source``, or a source that is open already.

    Raises:
        OpenError: It cannot be read.
        DecodeError: It breaks off.
    """
    if isinstance(path, Source):
        return _identity_of(path)
    with open_source(path) as source:
        return _identity_of(source)


def _identity_of(source: Source) -> SourceIdentity:
    facts = _facts_of(source.info)
    try:
        if isinstance(source, FolderSource):
            return _identity_of_folder(source, facts)
        place = source.info.path
        size = place.stat().st_size
        return SourceIdentity(size, _hash(place, 0), _hash(place, max(0, size - END_BYTES)), facts)
    except OSError as error:
        raise OpenError(f"{source.info.path} cannot be read: {error.strerror}") from error


def _identity_of_folder(source: FolderSource, facts: dict[str, Any]) -> SourceIdentity:
    listing = hashlib.sha256()
    total = 0
    for file in source.files:
        size = file.stat().st_size
        total += size
        listing.update(os.fsencode(file.name) + b"\0" + str(size).encode() + b"\0")
    ends = _hash(source.files[0], 0) + _hash(source.files[-1], 0)
    tail = hashlib.sha256(ends.encode()).hexdigest()
    return SourceIdentity(total, listing.hexdigest(), tail, facts)


def _hash(file: Path, offset: int) -> str:
    with file.open("rb") as data:
        data.seek(offset)
        return hashlib.sha256(data.read(END_BYTES)).hexdigest()


def _facts_of(info: SourceInfo) -> dict[str, Any]:
    # What another rate for the same pictures changes (time base, rate) is left out for folders.
    facts: dict[str, Any] = {
        "kind": info.kind,
        "width": info.width,
        "height": info.height,
        "frame_count": info.frame_count,
        "pixel_format": info.layout.name,
        "quarter_turns": info.quarter_turns,
        "video_codec": info.video_codec,
    }
    if info.kind == "file":
        facts["time_base"] = str(info.time_base)
        facts["audio"] = [
            [track.codec, track.sample_rate_hz, track.channels, track.language]
            for track in info.audio
        ]
    return facts
