"""The clean plate of each frame: what is gathered for it, and from where."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tam_edit.frame import Frame
from tam_edit.types import Box, Mask

from ._camera import CameraPath, follow_camera, transformed
from ._estimate import borrowed, disagreement, made_up, mean_of, restlessness, trailed
from ._fusion import fused, lit_alike, seam_light, weighed
from ._holes import Hole
from ._inpaint import Fallback, Floats, invented
from ._mosaic import Mosaic, Stretch, build_mosaic, stretches
from ._patch import Candidate, Patch, aligned, brought, levels_of, patch_of
from ._trails import Trails

# How far around its hole a frame is looked at: a share of the hole's size, within bounds.
RING_FRAC = 0.25
RING_RANGE_PX = (24, 96)
# The window's frames are asked for on a grid of so many to each side, so that frames that follow
# one another are filled from the same ones.
SOURCES_PER_SIDE = 8
SOURCES_MAX = 7
# So many sources are wanted for each place.
VOTES = 4
# A source that adds votes to less of the hole than this is not worth its time.
WORTHWHILE_FRAC = 0.02
PROBES_MAX = 600
# A pixel counts as invented where that much of it is inpainted.
INVENTED_MIN_SHARE = 0.5
# From this on the picture of what moves has the larger part.
MOSTLY_MOVING = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Plate:
    """What stands in a hole.

    Attributes:
        image: float32 (h, w, 3) of the hole's box, in levels from 0 to 255.
        is_recovered: bool (h, w); False where it is invented.
    """

    image: Floats
    is_recovered: Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class _Place:
    """What is looked at to fill a hole.

    Attributes:
        index: The frame.
        crop: The hole and what is around it.
        target: float32 (h, w, 3), that part of the frame in levels; 0 in the hole.
        is_known: bool (h, w), where there is no hole.
    """

    index: int
    crop: Box
    target: Floats
    is_known: Mask


class PlateRun:
    """Makes the plates of one run; what it holds does not grow with the run's length.

    Args:
        frame: Gives any frame of the run.
        hole: Gives any frame's hole.
        indices: The run's frames.
        size: Columns and rows of a frame.
        window_frames: How far before and after a frame others are brought onto it.
        fallback: How what no frame shows is invented.
    """

    def __init__(
        self,
        frame: Callable[[int], Frame],
        hole: Callable[[int], Hole],
        indices: range,
        size: tuple[int, int],
        *,
        window_frames: int,
        fallback: Fallback,
    ) -> None:
        self._frame, self._hole = frame, hole
        self._indices = indices
        self._size = size
        self._window = window_frames
        self._stride = max(1, -(-window_frames // SOURCES_PER_SIDE))
        self._fallback: Fallback = fallback
        self._sources: OrderedDict[int, tuple[Frame, Hole]] = OrderedDict()
        self._mosaic: Mosaic | None = None
        boxes: dict[int, Box] = {}

        def view(index: int) -> tuple[Frame, Mask]:
            here = hole(index)
            if not here.box.is_empty:
                boxes[index] = here.box
            return frame(index), here.whole()

        self._path: CameraPath = follow_camera(indices, view, *size)
        ring = max((_ring_px(box) for box in boxes.values()), default=0)
        self._stretches = stretches(self._path, boxes, *size, ring)
        self._trails = Trails(self._view, self._path, size, window_frames)

    def plate(self, frame: Frame, hole: Hole) -> Plate:
        """The plate of one frame.

        Args:
            frame: The picture.
            hole: What is to be filled; not empty.
        """
        place = _place_of(frame, hole, self._size)
        target, is_known = place.target, place.is_known
        stretch = self._stretch_of(frame.index)
        is_still = stretch is not None and stretch.is_still
        mosaic = None if stretch is None else self._mosaic_of(stretch)
        patches = self._patches(frame.index, hole, place.crop)
        if mosaic is not None:
            patches.insert(0, mosaic.patch(self._path, frame.index))
        candidates = _candidates(patches, place.crop, target, is_known, is_still=is_still)
        weights = weighed(candidates, target, is_known)
        shape = (place.crop.height, place.crop.width)
        levels = disagreement(candidates, weights, is_known)
        moving = restlessness(candidates, levels, ~is_known)
        image, is_recovered = np.zeros_like(target), np.zeros_like(is_known)
        if moving < 1:
            given = [each.given for each in weights]
            image, is_recovered = fused(candidates, given, shape, is_averaged=not is_still)
            image = self._completed(place, mosaic, image, is_recovered)
        if moving > 0:
            strict = [each.strict for each in weights]
            seen, is_seen = fused(candidates, strict, shape, is_averaged=not is_still)
            mixed, is_followed = self._mixed(place, mosaic, seen, is_seen, levels)
            image = image + (mixed - image) * np.float32(moving)
            is_recovered = is_followed if moving >= MOSTLY_MOVING else is_recovered
        crop = place.crop
        part = Box(
            hole.box.x0 - crop.x0,
            hole.box.y0 - crop.y0,
            hole.box.x1 - crop.x0,
            hole.box.y1 - crop.y0,
        ).slices
        return Plate(image=image[part], is_recovered=is_recovered[part] & hole.mask)

    def _completed(
        self, place: _Place, mosaic: Mosaic | None, image: Floats, is_seen: Mask
    ) -> Floats:
        """The plate with its invented part, and lit as the picture around it."""
        target, is_known = place.target, place.is_known
        is_there = is_seen.copy()
        lasting = None if is_seen.all() else self._lasting(place, mosaic)
        if lasting is not None:
            image = np.where(is_seen[..., None], image, lasting.image)
            is_there |= weighed([lasting], target, is_known)[0].given > 0
        image = image + seam_light(image, is_there, target, is_known)
        image = np.where(is_known[..., None], target, image)
        return invented(image, is_there | is_known, self._fallback)

    def _mixed(
        self,
        place: _Place,
        mosaic: Mosaic | None,
        image: Floats,
        is_seen: Mask,
        levels: Floats,
    ) -> tuple[Floats, Mask]:
        """The plate where something moves behind the hole, and where most of it was seen."""
        target, is_known = place.target, place.is_known
        seen = borrowed(image + seam_light(image, is_seen, target, is_known), levels)
        trails = [
            trailed(trail) for trail in self._trails.followed(place.index, place.crop, is_known)
        ]
        painted = invented(target, is_known, self._fallback)
        is_lost = np.logical_and.reduce([np.isinf(each.variance) for each in (seen, *trails)])
        lasting = self._lasting(place, mosaic) if (is_lost & ~is_known).any() else None
        if lasting is not None:
            # What was invented once for all frames does not flicker.
            is_there = is_lost & (weighed([lasting], target, is_known)[0].strict > 0)
            painted = np.where(is_there[..., None], lasting.image, painted)
        guess = made_up(painted, ~is_known, min(self._size))
        mixed, shares = mean_of([guess, seen, *trails])
        return np.where(is_known[..., None], target, mixed), shares[0] < INVENTED_MIN_SHARE

    def _lasting(self, place: _Place, mosaic: Mosaic | None) -> Candidate | None:
        """The mosaic with what was invented on it, lit as the picture around the hole."""
        if mosaic is None:
            return None
        image, is_inside = brought(mosaic.filled(self._path, place.index), place.crop)
        filled = Candidate(
            image=image, is_usable=is_inside, prior=1.0, is_reliable=mosaic.is_reliable
        )
        is_local = not mosaic.stretch.is_still
        return lit_alike(filled, place.target, place.is_known, is_local=is_local)

    def _stretch_of(self, index: int) -> Stretch | None:
        for stretch in self._stretches:
            if stretch.start <= index < stretch.stop:
                return stretch
        return None

    def _mosaic_of(self, stretch: Stretch) -> Mosaic:
        if self._mosaic is None or self._mosaic.stretch != stretch:
            self._mosaic = None  # its memory first
            self._mosaic = build_mosaic(
                stretch, self._path, self._view, self._window, self._fallback
            )
        return self._mosaic

    def _view(self, index: int) -> tuple[Frame, Hole]:
        return self._frame(index), self._hole(index)

    def _source(self, index: int) -> tuple[Frame, Hole]:
        """A frame of the window; these few are kept."""
        if index not in self._sources:
            self._sources[index] = self._view(index)
            while len(self._sources) > 2 * SOURCES_PER_SIDE + 2:
                self._sources.popitem(last=False)
        self._sources.move_to_end(index)
        return self._sources[index]

    def _patches(self, index: int, hole: Hole, crop: Box) -> list[Patch]:
        """Parts of the window's frames, nearest first, until each place has its votes."""
        probes = _probes(hole)
        votes = np.zeros(len(probes), int)
        patches = []
        for other in self._window_of(index):
            source, other_hole = self._source(other)
            matrix = self._path.between(index, other)
            shows = _shows(probes, matrix, other_hole)
            if (shows & (votes < VOTES)).mean() < WORTHWHILE_FRAC:
                continue
            patch = patch_of(
                source,
                other_hole,
                matrix,
                crop,
                gain=self._path.gain(other, index),
                prior=1 - abs(other - index) / (self._window + self._stride),
            )
            if patch is not None:
                votes += shows
                patches.append(patch)
            if len(patches) == SOURCES_MAX:
                break
        return patches

    def _window_of(self, index: int) -> list[int]:
        first = self._indices.start
        low, high = index - self._window, index + self._window
        grid = [
            other
            for other in self._indices[:: self._stride]
            if low <= other <= high and other != index and self._path.are_related(index, other)
        ]
        return sorted(grid, key=lambda other: (abs(other - index), other - first))


def _place_of(frame: Frame, hole: Hole, size: tuple[int, int]) -> _Place:
    crop = hole.box.grown(_ring_px(hole.box)).clipped(*size)
    is_known = ~hole.within(crop)
    region = frame.region(crop)
    target = region.astype(np.float32) * np.float32(levels_of(region))
    target = np.where(is_known[..., None], target, np.float32(0))
    return _Place(index=frame.index, crop=crop, target=target, is_known=is_known)


def _candidates(
    patches: list[Patch], crop: Box, target: Floats, is_known: Mask, *, is_still: bool
) -> list[Candidate]:
    found = []
    for patch in patches:
        candidate = aligned(patch, crop, target, is_known, is_refined=not is_still)
        lit = lit_alike(candidate, target, is_known, is_local=not is_still)
        if lit is not None and lit.is_usable.any():
            found.append(lit)
    return found


def _ring_px(box: Box) -> int:
    size = RING_FRAC * (box.width * box.height) ** 0.5
    return int(np.clip(size, *RING_RANGE_PX))


def _probes(hole: Hole) -> Floats:
    """Some pixels of a hole, evenly spread; float32 (n, 2)."""
    rows, columns = np.nonzero(hole.mask)
    step = max(1, len(rows) // PROBES_MAX)
    places = np.column_stack((columns[::step] + hole.box.x0, rows[::step] + hole.box.y0))
    return places.astype(np.float32)


def _shows(probes: Floats, matrix: np.ndarray, hole: Hole) -> Mask:
    """Which places another frame shows."""
    places = np.rint(np.clip(transformed(probes, matrix), -1e6, 1e6)).astype(int)
    width, height = hole.size
    x, y = places[:, 0], places[:, 1]
    shows = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    if not hole.box.is_empty:
        column = np.clip(x - hole.box.x0, 0, hole.box.width - 1)
        row = np.clip(y - hole.box.y0, 0, hole.box.height - 1)
        is_in_box = (x - hole.box.x0 == column) & (y - hole.box.y0 == row)
        shows &= ~(is_in_box & hole.mask[row, column])
    return shows
