"""Before and after, side by side on one picture: what a person looks at first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam_edit.errors import EncodeError, InputError
from tam_edit.media import open_source

GAP_PX = 6
BACKGROUND = 255


def write_strip(
    before: str | Path,
    after: str | Path,
    frames: Sequence[int],
    path: str | Path,
    *,
    in_frame: int = 0,
    column_width: int = 320,
) -> None:
    """Write a picture with one column per frame, the source above, the result below.

    Args:
        before: The source video.
        after: The result.
        frames: Frame indices of the source, the columns from left to right.
        path: PNG or JPEG.
        in_frame: The frame of the source that the result begins with.
        column_width: Columns of every picture, in pixels.

    Raises:
        InputError: No frame was asked for.
        EncodeError: The picture cannot be written.
    """
    if not frames:
        raise InputError("a strip needs at least one frame")
    shown = [index - in_frame for index in frames]
    rows = [_row(before, frames, column_width), _row(after, shown, column_width)]
    gap = np.full((GAP_PX, rows[0].shape[1], 3), BACKGROUND, np.uint8)
    picture = np.concatenate([rows[0], gap, rows[1]])
    try:
        Image.fromarray(picture).save(path)
    except (OSError, ValueError) as error:
        raise EncodeError(f"{path}: the strip cannot be written ({error})") from error


def _row(video: str | Path, frames: Sequence[int], column_width: int) -> NDArray[np.uint8]:
    pictures: list[NDArray[np.uint8]] = []
    with open_source(video) as source:
        height = max(1, round(column_width * source.info.height / source.info.width))
        gap = np.full((height, GAP_PX, 3), BACKGROUND, np.uint8)
        for index in frames:
            frame = source.frame(index)
            sized = cv2.resize(
                frame.scaled(frame.width, frame.height),
                (column_width, height),
                interpolation=cv2.INTER_AREA,
            )
            pictures += [gap, np.asarray(sized, np.uint8)]
    return np.concatenate(pictures[1:], axis=1)
