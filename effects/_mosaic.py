"""The background of a stretch of frames as one large picture, with the object gone from it.

First the median of each place is taken over all samples of the stretch, on a small mosaic; then
each full-size sample counts by how near it is to that median. So what passed by leaves no ghost,
the noise averages out, and memory is bounded whatever the length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.frame import Frame
from tam_edit.types import Box, Mask

from ._camera import CameraPath, Homography, corners_of, transformed
from ._holes import Hole
from ._inpaint import Fallback, Floats, invented, largest
from ._patch import Patch, levels_of

View: TypeAlias = Callable[[int], tuple[Frame, Hole]]

# A mosaic covers at most so many frames' area; a longer pan gets several.
MOSAIC_MAX_FRAMES = 2.0
# A frame whose pixels come out larger or smaller than this on a mosaic gets another mosaic.
SCALE_RANGE = (0.6, 1.7)
# So many frames of a stretch are looked at; each place is seen in a part of them.
SAMPLES_MAX = 48
# Medians are taken on a mosaic of at most so many cells.
MEDIAN_CELLS_MAX = 200_000
# How far a sample may be from the median, in levels, and what a worse one still counts.
NEAR_MEDIAN_LEVELS = 10.0
LEAST_WEIGHT = 1e-4
# A place where fewer of the samples agree was never one place: the camera moved past near and far.
AGREED_MIN_FRAC = 0.3
AGREED_BLUR_PX = 1.0
# Where so many of all samples agree, the camera's motion explains the scene, and the mosaic is
# right also beside what moves by itself. Tripods and pans have 0.5 to 0.9, walks 0.2 to 0.3.
RELIABLE_MIN_FRAC = 0.5
# Mosaics are kept with 8 bits after the point.
STEPS = 256
MOSAIC_PRIOR = 1.0
STILL_MOSAIC_PRIOR = 6.0


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Frames whose holes lie on one mosaic.

    Attributes:
        start: First frame.
        stop: One past the last.
        reference: The frame on whose pixels the mosaic lies.
        box: The mosaic's extent, in pixels of the reference; it may reach out of it.
        is_still: Whether the camera stood still.
    """

    start: int
    stop: int
    reference: int
    box: Box
    is_still: bool


def stretches(
    path: CameraPath, holes: Mapping[int, Box], width: int, height: int, margin_px: int
) -> list[Stretch]:
    """Cut a run into stretches, each as long as one bounded mosaic can hold its holes.

    Args:
        path: How the camera moved.
        holes: The box of the hole by frame, for the frames that have one.
        width: Columns of a frame.
        height: Rows of a frame.
        margin_px: How far around its hole a frame looks at the mosaic.
    """
    found: list[Stretch] = []
    for index in sorted(holes):
        box = holes[index].grown(margin_px).clipped(width, height)
        last = found[-1] if found else None
        longer = None if last is None else _extended(last, path, index, box, width, height)
        if last is not None and longer is not None:
            found[-1] = longer
        else:
            found.append(
                Stretch(start=index, stop=index + 1, reference=index, box=box, is_still=True)
            )
    return found


def _extended(
    stretch: Stretch, path: CameraPath, index: int, box: Box, width: int, height: int
) -> Stretch | None:
    """The stretch with one more frame, or None where its mosaic cannot hold that."""
    if not path.are_related(stretch.reference, index):
        return None
    matrix = path.between(index, stretch.reference)
    corners = transformed(corners_of(box), matrix)
    if not _is_alike(matrix, box):
        return None
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    merged = Box(
        min(stretch.box.x0, int(low[0])),
        min(stretch.box.y0, int(low[1])),
        max(stretch.box.x1, int(high[0])),
        max(stretch.box.y1, int(high[1])),
    )
    if merged.width * merged.height > MOSAIC_MAX_FRAMES * width * height:
        return None
    return Stretch(
        start=stretch.start,
        stop=index + 1,
        reference=stretch.reference,
        box=merged,
        is_still=stretch.is_still and np.array_equal(matrix, np.eye(3)),
    )


def _is_alike(matrix: Homography, box: Box) -> bool:
    """Whether a homography keeps the size of pixels about, all over a box."""
    corners = corners_of(box)
    depth = np.column_stack((corners, np.ones(4))) @ matrix[2]
    if depth.min() <= 0:
        return False
    scales = np.sqrt(np.abs(np.linalg.det(matrix)) / depth**3)
    return bool(SCALE_RANGE[0] <= scales.min() and scales.max() <= SCALE_RANGE[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Mosaic:
    """The background of a stretch.

    Attributes:
        stretch: What it was made from.
        pixels: uint16 (h, w, 3), levels times 256.
        is_seen: bool (h, w), where any frame showed it; the rest is invented.
        is_reliable: Whether it shows the place whatever stands beside it.
    """

    stretch: Stretch
    pixels: NDArray[np.uint16]
    is_seen: Mask
    is_reliable: bool

    def patch(self, path: CameraPath, index: int) -> Patch:
        """The mosaic as a source for one frame; only what was seen is usable."""
        return self._patch(path, index, self.is_seen)

    def filled(self, path: CameraPath, index: int) -> Patch:
        """The same with what is invented."""
        return self._patch(path, index, np.ones_like(self.is_seen))

    def _patch(self, path: CameraPath, index: int, is_usable: Mask) -> Patch:
        stretch = self.stretch
        shift = np.array([[1.0, 0, -stretch.box.x0], [0, 1, -stretch.box.y0], [0, 0, 1]])
        return Patch(
            pixels=self.pixels,
            is_usable=is_usable,
            from_frame=shift @ path.between(index, stretch.reference),
            levels=1 / STEPS,
            gain=path.gain(stretch.reference, index),
            prior=STILL_MOSAIC_PRIOR if stretch.is_still else MOSAIC_PRIOR,
            is_reliable=self.is_reliable,
        )


def build_mosaic(
    stretch: Stretch, path: CameraPath, view: View, reach_frames: int, fallback: Fallback
) -> Mosaic:
    """Gather the background of a stretch.

    Args:
        stretch: Which frames, and where.
        path: How the camera moved.
        view: Gives a frame and its hole; asked twice for each sample, in ascending order.
        reach_frames: How many frames before and after the stretch are looked at as well.
        fallback: How places that nobody saw are invented.
    """
    samples = _samples(stretch, path, reach_frames)
    weights, is_agreed, agreement = _nearness(stretch, path, view, samples)
    height, width = stretch.box.height, stretch.box.width
    total = np.zeros((height, width, 3), np.float32)
    weight = np.zeros((height, width), np.float32)
    for index, near in zip(samples, weights, strict=True):
        _add(stretch, path, index, view(index), near, (total, weight))
    large: Any = cv2.resize(is_agreed, (width, height))
    is_seen = (weight > 0) & (large > 0.5)
    total /= np.maximum(weight, np.float32(1e-12))[..., None]
    picture = invented(total, is_seen, fallback)
    pixels: Any = np.rint(np.clip(picture, 0, 255) * STEPS).astype(np.uint16)
    is_reliable = stretch.is_still or agreement >= RELIABLE_MIN_FRAC
    return Mosaic(stretch=stretch, pixels=pixels, is_seen=is_seen, is_reliable=is_reliable)


def _samples(stretch: Stretch, path: CameraPath, reach_frames: int) -> list[int]:
    start = max(path.start, stretch.start - reach_frames)
    stop = min(path.stop, stretch.stop + reach_frames)
    related = [i for i in range(start, stop) if path.are_related(i, stretch.reference)]
    count = min(SAMPLES_MAX, len(related))
    places = np.rint(np.linspace(0, len(related) - 1, count)).astype(int)
    return [related[i] for i in places]


def _nearness(
    stretch: Stretch, path: CameraPath, view: View, samples: Sequence[int]
) -> tuple[list[Floats], Floats, float]:
    """How near each sample is to the median of all, on a small mosaic; 0 where it shows nothing.

    And 1 where enough of them are near, else 0; and which share of all are.
    """
    cells = stretch.box.width * stretch.box.height
    shrink = max(2.0, (cells / MEDIAN_CELLS_MAX) ** 0.5)
    size = (max(1, round(stretch.box.width / shrink)), max(1, round(stretch.box.height / shrink)))
    pictures = np.zeros((len(samples), size[1], size[0], 3), np.uint8)
    seen = np.zeros((len(samples), size[1], size[0]), bool)
    for k, index in enumerate(samples):
        pictures[k], seen[k] = _small_sample(stretch, path, index, view(index), size)
    median = _medians(pictures, seen)
    weights = []
    for picture, is_seen in zip(pictures, seen, strict=True):
        away = largest(np.abs(picture.astype(np.float32) - median))
        away[~is_seen] = 0
        # The edge of something that passed by is mixed with the background.
        away = cv2.dilate(away, np.ones((3, 3), np.uint8)).astype(np.float32)
        near = np.exp(-((away / np.float32(NEAR_MEDIAN_LEVELS)) ** 2))
        weights.append(np.where(is_seen, near, np.float32(0)).astype(np.float32))
    agreed = cv2.GaussianBlur(sum(weights[1:], weights[0]), (0, 0), AGREED_BLUR_PX)
    asked = cv2.GaussianBlur(seen.sum(axis=0).astype(np.float32), (0, 0), AGREED_BLUR_PX)
    is_agreed = agreed >= AGREED_MIN_FRAC * asked
    return weights, is_agreed.astype(np.float32), float(agreed.sum() / max(asked.sum(), 1))


def _small_sample(
    stretch: Stretch,
    path: CameraPath,
    index: int,
    view: tuple[Frame, Hole],
    size: tuple[int, int],
) -> tuple[NDArray[np.uint8], Mask]:
    frame, hole = view
    ratio = (size[0] / stretch.box.width, size[1] / stretch.box.height)
    small = (
        max(1, round(frame.width * min(1.0, ratio[0]))),
        max(1, round(frame.height * min(1.0, ratio[1]))),
    )
    onto = _scaling(stretch.box, size) @ path.between(index, stretch.reference)
    onto = onto @ np.linalg.inv(_scaling(Box(0, 0, frame.width, frame.height), small))
    gained = frame.scaled(*small) * path.gain(index, stretch.reference)
    image: Any = np.rint(np.clip(gained, 0, 255)).astype(np.uint8)
    picture: Any = cv2.warpPerspective(image, onto, size, flags=cv2.INTER_LINEAR)
    shown = (~hole.whole()).astype(np.float32)
    free: Any = cv2.resize(shown, small, interpolation=cv2.INTER_AREA)
    share: Any = cv2.warpPerspective(free, onto, size, flags=cv2.INTER_LINEAR)
    return picture, share > 0.99


def _medians(pictures: NDArray[np.uint8], seen: Mask) -> Floats:
    """The median of the samples that show a cell; float32 (h, w, 3)."""
    count = seen.sum(axis=0)
    lower = np.maximum(count - 1, 0) // 2
    upper = np.minimum(count // 2, len(pictures) - 1)
    medians = np.zeros(pictures.shape[1:], np.float32)
    for c in range(3):
        ordered = np.sort(np.where(seen, pictures[..., c], 255), axis=0)
        low = np.take_along_axis(ordered, lower[None], axis=0)[0]
        high = np.take_along_axis(ordered, upper[None], axis=0)[0]
        medians[..., c] = (low.astype(np.float32) + high) / 2
    return medians


def _add(
    stretch: Stretch,
    path: CameraPath,
    index: int,
    view: tuple[Frame, Hole],
    near: Floats,
    sums: tuple[Floats, Floats],
) -> None:
    """Add a full-size sample to the weighted sums."""
    frame, hole = view
    onto = path.between(index, stretch.reference)
    part = _part_shown(stretch, onto, frame)
    if part.is_empty:
        return
    source = _source_box(part, np.linalg.inv(onto), frame)
    if source.is_empty:
        return
    pixels = frame.region(source)
    move = np.array([[1.0, 0, -part.x0], [0, 1, -part.y0], [0, 0, 1]]) @ onto
    move = move @ np.array([[1.0, 0, source.x0], [0, 1, source.y0], [0, 0, 1]])
    size = (part.width, part.height)
    free = (~hole.within(source)).astype(np.float32)
    if np.array_equal(move, np.eye(3)) and size == (source.width, source.height):
        image, share = pixels.astype(np.float32), free
    else:
        warped: Any = cv2.warpPerspective(
            pixels, move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        image = warped.astype(np.float32)
        share = cv2.warpPerspective(free, move, size, flags=cv2.INTER_LINEAR)  # type: ignore[assignment]
    image *= path.gain(index, stretch.reference) * np.float32(levels_of(pixels))
    place = Box(
        part.x0 - stretch.box.x0,
        part.y0 - stretch.box.y0,
        part.x1 - stretch.box.x0,
        part.y1 - stretch.box.y0,
    ).slices
    large: Any = cv2.resize(near, (stretch.box.width, stretch.box.height))
    counts = np.maximum(large[place], np.float32(LEAST_WEIGHT)) * (share > 0.999)
    sums[0][place] += image * counts[..., None]
    sums[1][place] += counts


def _part_shown(stretch: Stretch, onto: Homography, frame: Frame) -> Box:
    """The part of a mosaic that a frame may show, in pixels of the reference."""
    whole = Box(0, 0, frame.width, frame.height)
    if not _is_alike(onto, whole):
        return stretch.box
    corners = transformed(corners_of(whole), onto)
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    box = stretch.box
    x0, y0 = max(box.x0, int(low[0])), max(box.y0, int(low[1]))
    return Box(x0, y0, max(x0, min(box.x1, int(high[0]))), max(y0, min(box.y1, int(high[1]))))


def _source_box(part: Box, back: Homography, frame: Frame) -> Box:
    """The part of a frame that a part of the mosaic is made from."""
    whole = Box(0, 0, frame.width, frame.height)
    if np.array_equal(back, np.eye(3)):
        return part.clipped(frame.width, frame.height)
    if not _is_alike(back, part):
        return whole
    corners = transformed(corners_of(part), back)
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    box = Box(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)
    return box.grown(4).clipped(frame.width, frame.height)


def _scaling(box: Box, size: tuple[int, int]) -> Homography:
    """From the pixels of a box to those of a picture of it in another size."""
    x, y = size[0] / box.width, size[1] / box.height
    return np.array(
        [
            [x, 0, (0.5 - box.x0) * x - 0.5],
            [0, y, (0.5 - box.y0) * y - 0.5],
            [0, 0, 1],
        ]
    )
