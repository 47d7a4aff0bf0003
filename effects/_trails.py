"""What moves by itself behind the hole, followed from frame to frame until it is seen.

Between neighbouring frames motion is small: it is measured around the holes (DIS), continued
smoothly into them, and chained until a place comes out from under the object, before and after.
Completing flow before colour is the way of Xu et al. (CVPR 2019) and Gao et al. (ECCV 2020);
here flow has no network. It all happens on small pictures, so its cost does not grow with size.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tam_edit.flow import dense_flow, single_opencv_thread
from tam_edit.frame import Frame
from tam_edit.types import Box, Mask

from ._camera import SHORT_SIDE_PX, CameraPath, Gray, without_hole
from ._holes import Hole
from ._inpaint import Floats, smoothed

# Further than this, chained flow is worth less than inpainting.
STEPS_MAX = 12
# Flow is measured on a picture of half the sides of the one that colours come from.
FLOW_SHRINK = 2
# Patches of DIS that touch a hole are wrong; so far around it none is believed.
HOLE_MARGIN_PX = 2
# Flow is believed by how near it comes back to where it started, in its own pixels, and by how
# alike what it connects is, in levels.
BACK_PX = 1.0
ALIKE_LEVELS = 10.0
# Over how many of the flow's pixels its way into the hole is smoothed.
FLOW_SIGMA_PX = 4.0
BELIEVED_MIN = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Trail:
    """Where one direction of time leads from under a hole.

    Attributes:
        image: float32 (h, w, 3) in levels; what stands there as soon as it is seen.
        steps: float32 (h, w), after how many frames that is; infinite where it is never.
    """

    image: Floats
    steps: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class _Small:
    """A frame as far as it is followed."""

    rgb: Any
    is_free: Mask
    gray: Gray
    is_known: Mask


class Trails:
    """Follows what is under a hole; keeps the last few frames, small, and the flow between them.

    Args:
        view: Gives any frame and its hole.
        path: How the camera moved; nothing is followed from one shot into another.
        size: Columns and rows of a frame.
        window_frames: How far before and after a frame it may look.
    """

    def __init__(
        self,
        view: Callable[[int], tuple[Frame, Hole]],
        path: CameraPath,
        size: tuple[int, int],
        window_frames: int,
    ) -> None:
        self._steps_max = min(STEPS_MAX, window_frames)
        self._view, self._path, self._size = view, path, size
        scale = min(1.0, SHORT_SIDE_PX / min(size))
        self._small_size = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        self._flow_size = (
            max(1, self._small_size[0] // FLOW_SHRINK),
            max(1, self._small_size[1] // FLOW_SHRINK),
        )
        self._frames: OrderedDict[int, _Small] = OrderedDict()
        self._flows: OrderedDict[int, tuple[Floats, Floats]] = OrderedDict()

    def followed(self, index: int, crop: Box, is_known: Mask) -> list[Trail]:
        """What is seen of a hole's content later, and what was seen before.

        Args:
            index: The frame.
            crop: A part of it.
            is_known: bool (h, w), where that part shows background.
        """
        return [self._trail(index, direction, crop, is_known) for direction in (1, -1)]

    def _trail(self, index: int, direction: int, crop: Box, is_known: Mask) -> Trail:
        ratio = np.array(self._small_size) / self._size
        width, height = (
            max(1, round(n * r)) for n, r in zip(is_known.shape[::-1], ratio, strict=True)
        )
        part: Any = cv2.resize(
            is_known.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
        )
        is_under = part < 1
        x = (crop.x0 + (np.arange(width) + 0.5) * crop.width / width) * ratio[0] - 0.5
        y = (crop.y0 + (np.arange(height) + 0.5) * crop.height / height) * ratio[1] - 0.5
        columns, rows = (each.astype(np.float32) for each in np.meshgrid(x, y))
        image = np.zeros((height, width, 3), np.float32)
        steps = np.full((height, width), np.inf, np.float32)
        for step in range(1, self._steps_max + 1):
            other = index + direction * step
            if not is_under.any() or not self._is_followed(index, other):
                break
            move = self._flow(other - direction, other)
            move = _at(move, columns, rows, self._small_size)
            columns, rows = columns + move[..., 0], rows + move[..., 1]
            frame = self._frame(other)
            free: Any = cv2.remap(
                frame.is_free.astype(np.float32), columns, rows, cv2.INTER_LINEAR, borderValue=0
            )
            found = is_under & (free > 0.99)
            colours: Any = cv2.remap(frame.rgb, columns, rows, cv2.INTER_LINEAR)
            image[found] = (colours * self._path.gain(other, index))[found]
            steps[found] = step
            is_under &= ~found
        return _enlarged(image, steps, is_known.shape)

    def _is_followed(self, index: int, other: int) -> bool:
        inside = self._path.start <= other < self._path.stop
        return inside and self._path.are_related(index, other)

    def _frame(self, index: int) -> _Small:
        if index not in self._frames:
            self._frames[index] = self._shrunk(*self._view(index))
            _forget(self._frames)
        self._frames.move_to_end(index)
        return self._frames[index]

    def _shrunk(self, frame: Frame, hole: Hole) -> _Small:
        rgb = frame.scaled(*self._small_size)
        gray: Any = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        is_free = _is_free(hole, self._small_size)
        is_known = _is_free(hole, self._flow_size)
        small: Any = cv2.resize(gray, self._flow_size, interpolation=cv2.INTER_AREA)
        return _Small(
            rgb=rgb, is_free=is_free, gray=without_hole(small, is_known), is_known=is_known
        )

    def _flow(self, start: int, stop: int) -> Floats:
        """Completed flow from one frame to its neighbour."""
        first = min(start, stop)
        if first not in self._flows:
            self._flows[first] = _completed_flows(self._frame(first), self._frame(first + 1))
            _forget(self._flows)
        self._flows.move_to_end(first)
        return self._flows[first][0 if start < stop else 1]


def _forget(kept: OrderedDict[int, Any]) -> None:
    while len(kept) > 2 * STEPS_MAX + 2:
        kept.popitem(last=False)


def _is_free(hole: Hole, size: tuple[int, int]) -> Mask:
    shown = hole.whole().astype(np.float32)
    share: Any = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    is_free: Mask = share == 0
    return is_free


def _completed_flows(one: _Small, other: _Small) -> tuple[Floats, Floats]:
    """Flow there and back, continued into the holes."""
    with single_opencv_thread():
        there, back = dense_flow(one.gray, other.gray), dense_flow(other.gray, one.gray)
    return _completed(one, other, there, back), _completed(other, one, back, there)


def _completed(one: _Small, other: _Small, there: Floats, back: Floats) -> Floats:
    side = 2 * HOLE_MARGIN_PX + 1
    clear = [
        cv2.erode(each.is_known.view(np.uint8), np.ones((side, side), np.uint8))
        for each in (one, other)
    ]
    x, y = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in one.gray.shape[::-1]))
    maps = (x + there[..., 0], y + there[..., 1])
    returned: Any = cv2.remap(back, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    moved: Any = cv2.remap(other.gray, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    arrives: Any = cv2.remap(clear[1].astype(np.float32), *maps, cv2.INTER_LINEAR, borderValue=0)
    error = ((there + returned) ** 2).sum(axis=2) / BACK_PX**2
    unlike = cv2.absdiff(one.gray, moved).astype(np.float32) / ALIKE_LEVELS
    is_known = (clear[0] > 0) & (arrives > 0.99)
    trust = np.where(is_known, np.exp(-error - unlike**2), 0).astype(np.float32)
    smooth = smoothed(there, trust, FLOW_SIGMA_PX)
    return np.where((trust > BELIEVED_MIN)[..., None], there, smooth)


def _at(flow: Floats, columns: Floats, rows: Floats, size: tuple[int, int]) -> Floats:
    """Flow at places of the picture that colours come from, in that picture's pixels."""
    height, width = flow.shape[:2]
    x, y = size[0] / width, size[1] / height
    maps = ((columns + 0.5) / x - 0.5, (rows + 0.5) / y - 0.5)
    maps = (maps[0].astype(np.float32), maps[1].astype(np.float32))
    move: Any = cv2.remap(flow, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    moved: Floats = move * np.array((x, y), np.float32)
    return moved


def _enlarged(image: Floats, steps: Floats, shape: tuple[int, ...]) -> Trail:
    """A trail at the crop's own size; colours of what is not found do not mix into the rest."""
    size = (shape[1], shape[0])
    is_found = np.isfinite(steps).astype(np.float32)
    share: Any = cv2.resize(is_found, size, interpolation=cv2.INTER_LINEAR)
    sums: Any = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    counted: Any = cv2.resize(
        np.where(is_found > 0, steps, 0), size, interpolation=cv2.INTER_LINEAR
    )
    by = np.maximum(share, np.float32(1e-6))
    away = np.where(share > 0.5, counted / by, np.float32(np.inf)).astype(np.float32)
    return Trail(image=(sums / by[..., None]).astype(np.float32), steps=away)
