"""A folder of pictures as a source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tam_edit.errors import DecodeError, InputError, OpenError
from tam_edit.frame import Frame
from tam_edit.media.container import main_video, open_input
from tam_edit.media.picture import PictureFacts, facts_of, frame_of
from tam_edit.media.source import Source, SourceInfo

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".exr"})
PRINTF = re.compile(r"%0?(\d*)d")


def is_pattern(path: Path) -> bool:
    """Whether a name stands for numbered pictures: ``a.%04d.png`` or ``a.*.png``."""
    return bool(PRINTF.search(path.name)) or any(c in path.name for c in "*?[")


class FolderSource(Source):
    """Pictures in natural order, one after the other at a constant rate.

    Args:
        path: A folder, or a printf or glob pattern.
        fps: Frames per second.

    Raises:
        InputError: The rate is not positive.
        OpenError: There are no pictures, or the first one cannot be read.
    """

    def __init__(self, path: Path, *, fps: Fraction) -> None:
        if fps <= 0:
            raise InputError(f"{fps} frames per second is no rate: it must be more than 0")
        self._path = path.absolute()
        self.files = _pictures_of(self._path)
        self._pts = np.arange(len(self.files), dtype=np.int64)
        picture, self._facts, codec = _decoded(self.files[0], None)
        del picture
        facts = self._facts
        self.info = SourceInfo(
            path=self._path,
            kind="folder",
            width=facts.display_size[0],
            height=facts.display_size[1],
            coded_width=facts.width,
            coded_height=facts.height,
            frame_count=len(self.files),
            layout=facts.layout,
            color=facts.color,
            quarter_turns=facts.quarter_turns,
            pixel_aspect=facts.pixel_aspect,
            time_base=1 / Fraction(fps),
            average_rate=Fraction(fps),
            duration_s=len(self.files) / Fraction(fps),
            container="folder",
            video_codec=codec,
        )

    def frame(self, index: int) -> Frame:
        """Read one picture."""
        file = self.files[self._checked_index(index)]
        picture, facts, _ = _decoded(file, index)
        name = f"{file.parent.name} ({file.name})"
        if facts.quarter_turns != self._facts.quarter_turns:
            raise DecodeError(
                f"frame {index} of {name} is to be turned otherwise than the first picture"
            )
        return frame_of(
            picture,
            self._facts,
            index=index,
            pts=index,
            time_base=self.info.time_base,
            duration=1,
            name=name,
            remedy=f"save all pictures like {self.files[0].name}",
        )

    def _decode(self, start: int, stop: int) -> Iterator[Frame]:
        return (self.frame(index) for index in range(start, stop))

    def _decode_reversed(self, start: int, stop: int) -> Iterator[Frame]:
        return (self.frame(index) for index in reversed(range(start, stop)))


def _pictures_of(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        candidates = list(path.iterdir())
    else:
        if not path.parent.is_dir():
            raise OpenError(f"there is no folder {path.parent}")
        candidates = _matching(path)
    files = [
        file
        for file in candidates
        if file.suffix.lower() in PICTURE_SUFFIXES
        and not file.name.startswith(".")
        and file.is_file()
    ]
    if not files:
        raise OpenError(
            f"{path} holds no pictures",
            hint=f"pictures are files that end in {' '.join(sorted(PICTURE_SUFFIXES))}",
        )
    return tuple(sorted(files, key=_natural))


def _matching(path: Path) -> list[Path]:
    printf = PRINTF.search(path.name)
    if printf is None:
        return list(path.parent.glob(path.name))
    before, after = path.name[: printf.start()], path.name[printf.end() :]
    digits = rf"\d{{{int(printf[1])},}}" if printf[1] else r"\d+"
    wanted = re.compile(re.escape(before) + digits + re.escape(after))
    return [file for file in path.parent.iterdir() if wanted.fullmatch(file.name)]


def _natural(file: Path) -> tuple[tuple[int, int, str], ...]:
    """Numbers in a name count as numbers: frame2 comes before frame10."""
    parts = re.split(r"(\d+)", file.name)
    key = tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts
    )
    return (*key, (2, 0, file.name))


def _decoded(file: Path, index: int | None) -> tuple[av.VideoFrame, PictureFacts, str]:
    try:
        with open_input(file) as container:
            video = main_video(container, file)
            picture = next(container.decode(video), None)
            if picture is not None:
                facts = facts_of(picture, video.codec_context, video.sample_aspect_ratio, file.name)
                return picture, facts, video.codec.name
    except (OpenError, av.FFmpegError) as error:
        if index is not None:
            raise DecodeError(f"frame {index} cannot be read: {error}") from error
        if isinstance(error, OpenError):
            raise
        raise OpenError(f"{file} is no picture that can be read ({error})") from error
    raise OpenError(f"{file} holds no picture")
