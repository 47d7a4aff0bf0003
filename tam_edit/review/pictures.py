"""Small pictures of frames with an object's outline, as text that a page carries in itself."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import EncodeError
from tam_edit.media import Source
from tam_edit.review.doubts import Doubt
from tam_edit.tracks import INSIDE, TrackedMatte, TrackReader, resized
from tam_edit.types import Mask

MOST_INSIDE = 6  # frames of a long span that are not folded, beside a neighbour on either side
MOST_OPEN = 24  # frames of a span that are all shown at once; of more, the rest is folded
NEAR_SEEN = 8  # frames next to one that shows an object are never folded where no mask does
LARGE_WIDTH = 1152
JPEG_QUALITY = 80
TILE_QUALITY = 70
# Columns of a small picture, by how many of them a page has at most: a page of 166 or of 1000 of
# them is about as large, and a page of few shows each at a size that can be opened large.
TILE_WIDTHS = ((200, 480), (500, 320), (1500, 240))
LEAST_TILE_WIDTH = 200
# A small picture shows so much around the object, as a multiple of its box, and at least so much
# of the frame: a mask on the wrong thing is only seen beside the right one.
AROUND = 2.0
LEAST_SHOWN = 0.3
# Yellow on black: seen on any picture, and by those who do not tell red from green.
LINE = (255, 225, 0)
# Light blue: told from yellow whichever colours one sees.
COVER_LINE = (120, 200, 255)
EDGE = (0, 0, 0)


Region: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One frame with the outline of one object.

    Attributes:
        uri: The picture as a ``data:`` address.
        width: Columns.
        height: Rows.
        region: Left, top, width and height of what it shows, in pixels of the video.
        entry: What is stored of the object there; None where it was not tracked.
        area_frac: Share of the frame that the mask covers.
    """

    uri: str
    width: int
    height: int
    region: Region
    entry: TrackedMatte | None
    area_frac: float


def sheet_frames(doubt: Doubt, frames: range) -> list[int]:
    """The frames that show a doubt: all of a short span, some of a long one, and the neighbours.

    Args:
        doubt: A span of frames.
        frames: The frames from in to out point.
    """
    inside = list(doubt.frames)
    if len(inside) > MOST_OPEN:
        places = np.linspace(0, len(inside) - 1, MOST_INSIDE).round().astype(int)
        chosen = [inside[place] for place in places]
        if doubt.proposed_frame not in chosen:
            # The first and the last stay: they say where it begins and ends.
            middle = chosen[1:-1]
            nearest = min(middle, key=lambda index: abs(index - doubt.proposed_frame))
            chosen[chosen.index(nearest)] = doubt.proposed_frame
        inside = [index for index in inside if index in chosen or is_beside_seen(doubt, index)]
    around = [index for index in (doubt.start - 1, doubt.last + 1) if index in frames]
    return sorted({*inside, *around})


def is_beside_seen(doubt: Doubt, index: int) -> bool:
    """Whether a frame close by shows the object of a doubt whose masks do not."""
    return any(abs(seen - index) <= NEAR_SEEN for seen in doubt.seen_beside)


def around(index: int, frames: range) -> list[int]:
    """The frames close to one, the nearest first."""
    near = range(max(frames.start, index - NEAR_SEEN), min(frames.stop, index + NEAR_SEEN + 1))
    return sorted(near, key=lambda other: abs(other - index))[1:]


def folded_frames(doubt: Doubt, sheet: Sequence[int]) -> list[int]:
    """The doubtful frames that the sheet of a long span leaves out, ascending."""
    return sorted(set(doubt.frames).difference(sheet))


def tile_width(count: int) -> int:
    """Columns of small pictures, of which a page has so many."""
    return next((width for most, width in TILE_WIDTHS if count <= most), LEAST_TILE_WIDTH)


def picture(
    source: Source,
    reader: TrackReader,
    object_id: int,
    frame_index: int,
    *,
    most_width: int,
    is_close: bool = False,
    seen_on: Iterable[int] = (),
    cover: Mask | None = None,
) -> Picture:
    """A frame with the outline of an object's mask, and of what is hidden.

    Args:
        source: The video.
        reader: Where mattes are.
        object_id: The object.
        frame_index: The frame.
        most_width: Columns at most.
        is_close: Whether only the surroundings of the mask are shown; the whole frame where the
            mask is empty.
        seen_on: Frames, the nearest first: where the frame's own mask is empty, the first mask
            of these that is not says what is shown close.
        cover: What is hidden on the frame, bool (H, W) at its size; outlined in another colour.

    Raises:
        EncodeError: The picture cannot be written as JPEG.
    """
    info = source.info
    entry = reader.entry(object_id, frame_index)
    region: Region = (0, 0, info.width, info.height)
    if is_close:
        entries = itertools.chain([entry], (reader.entry(object_id, other) for other in seen_on))
        masks = (each.matte > INSIDE for each in entries if each is not None)
        shown = next((mask for mask in masks if mask.any()), None)
        if shown is not None:
            region = _region(shown, info.width, info.height)
    scale = min(1.0, most_width / region[2])
    size = max(1, round(info.width * scale)), max(1, round(info.height * scale))
    x, y, width, height = _on(region, (info.width, info.height), size)
    image = source.frame(frame_index).scaled(*size)[y : y + height, x : x + width].copy()
    if cover is not None:
        hidden = resized(cover.astype(np.float32), *size) > INSIDE
        draw_outline(image, hidden[y : y + height, x : x + width], COVER_LINE)
    area = 0.0
    if entry is not None:
        mask = resized(entry.matte, *size) > INSIDE
        area = float(mask.mean())
        draw_outline(image, mask[y : y + height, x : x + width])
    # Full chroma: a thin coloured line would be washed out without it.
    quality = TILE_QUALITY if is_close else JPEG_QUALITY
    how = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR]
    how.append(cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    is_written, data = cv2.imencode(".jpg", image[..., ::-1], how)
    if not is_written:
        raise EncodeError(f"frame {frame_index} cannot be written as JPEG ({width}x{height})")
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return Picture(
        uri=f"data:image/jpeg;base64,{text}",
        width=width,
        height=height,
        region=region,
        entry=entry,
        area_frac=area,
    )


def _region(mask: NDArray[np.bool_], width: int, height: int) -> Region:
    """What is shown around a mask, in the shape of the frame; all of it where nothing is inside."""
    left, top, columns, rows = cv2.boundingRect(mask.astype(np.uint8))
    if not columns:
        return 0, 0, width, height
    box_width, box_height = columns / mask.shape[1], rows / mask.shape[0]
    share = min(1.0, max(AROUND * box_width, AROUND * box_height, LEAST_SHOWN))
    shown = max(1, round(share * width)), max(1, round(share * height))
    middle = (left + columns / 2) / mask.shape[1], (top + rows / 2) / mask.shape[0]
    x = min(max(0, round(middle[0] * width - shown[0] / 2)), width - shown[0])
    y = min(max(0, round(middle[1] * height - shown[1] / 2)), height - shown[1])
    return x, y, *shown


def _on(region: Region, whole: tuple[int, int], size: tuple[int, int]) -> Region:
    """A region of a frame on a picture of the frame at another size."""
    x0, x1 = (round(at * size[0] / whole[0]) for at in (region[0], region[0] + region[2]))
    y0, y1 = (round(at * size[1] / whole[1]) for at in (region[1], region[1] + region[3]))
    return x0, y0, max(1, x1 - x0), max(1, y1 - y0)


def draw_outline(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], color: tuple[int, int, int] = LINE
) -> None:
    """Draw the border of a mask into a picture of its size, uint8 (H, W, 3) in RGB, in place."""
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    thin = 1 + image.shape[1] // 640
    cv2.drawContours(image, lines, -1, EDGE, thin + 2, cv2.LINE_AA)
    cv2.drawContours(image, lines, -1, color, thin, cv2.LINE_AA)
