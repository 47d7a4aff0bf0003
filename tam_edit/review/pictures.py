"""Small pictures of frames with an object's outline, as text that a page carries in itself."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import EncodeError
from tam_edit.media import Source
from tam_edit.review.doubts import Doubt
from tam_edit.tracks import TrackedMatte, TrackReader, resized

MOST_INSIDE = 6  # doubtful frames that a sheet shows, beside one neighbour on either side
TILE_WIDTH = 320
LARGE_WIDTH = 960
JPEG_QUALITY = 80
INSIDE = 0.5
# Yellow on black: seen on any picture, and by those who do not tell red from green.
LINE = (255, 225, 0)
EDGE = (0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One frame with the outline of one object.

    Attributes:
        uri: The picture as a ``data:`` address.
        width: Columns.
        height: Rows.
        entry: What is stored of the object there; None where it was not tracked.
        area_frac: Share of the frame that the mask covers.
    """

    uri: str
    width: int
    height: int
    entry: TrackedMatte | None
    area_frac: float


def sheet_frames(doubt: Doubt, frames: range) -> list[int]:
    """The frames that show a doubt: some doubtful ones and a neighbour on either side, ascending.

    Args:
        doubt: A span of frames.
        frames: The frames from in to out point.
    """
    inside = list(doubt.frames)
    if len(inside) > MOST_INSIDE:
        places = np.linspace(0, len(inside) - 1, MOST_INSIDE).round().astype(int)
        chosen = [inside[place] for place in places]
        if doubt.proposed_frame not in chosen:
            # The first and the last stay: they say where it begins and ends.
            middle = chosen[1:-1]
            nearest = min(middle, key=lambda index: abs(index - doubt.proposed_frame))
            chosen[chosen.index(nearest)] = doubt.proposed_frame
        inside = chosen
    around = [index for index in (doubt.start - 1, doubt.last + 1) if index in frames]
    return sorted({*inside, *around})


def picture(
    source: Source, reader: TrackReader, object_id: int, frame_index: int, *, most_width: int
) -> Picture:
    """A frame with the outline of an object's mask.

    Args:
        source: The video.
        reader: Where mattes are.
        object_id: The object.
        frame_index: The frame.
        most_width: Columns at most.

    Raises:
        EncodeError: The picture cannot be written as JPEG.
    """
    info = source.info
    width = min(most_width, info.width)
    height = max(1, round(info.height * width / info.width))
    image = source.frame(frame_index).scaled(width, height).copy()
    entry = reader.entry(object_id, frame_index)
    area = 0.0
    if entry is not None:
        mask = resized(entry.matte, width, height) > INSIDE
        area = float(mask.mean())
        _outline(image, mask)
    # Full chroma: a thin coloured line would be washed out without it.
    how = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR]
    how.append(cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    is_written, data = cv2.imencode(".jpg", image[..., ::-1], how)
    if not is_written:
        raise EncodeError(f"frame {frame_index} cannot be written as JPEG ({width}x{height})")
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return Picture(
        uri=f"data:image/jpeg;base64,{text}",
        width=width,
        height=height,
        entry=entry,
        area_frac=area,
    )


def _outline(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Draw the border of a mask into a picture."""
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    thin = 1 + image.shape[1] // 640
    cv2.drawContours(image, lines, -1, EDGE, thin + 2, cv2.LINE_AA)
    cv2.drawContours(image, lines, -1, LINE, thin, cv2.LINE_AA)
