"""The colours of an object and of what is behind it, where a soft matte shows both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Box, Image, Mask, Matte, box_of

Floats: TypeAlias = NDArray[np.float32]

#: Around the soft pixels so much of the picture is looked at, beside them.
REACH_PX = 32
#: What is looked at begins and ends at multiples of this: colours at one end of an object do not
#: flicker when the other end moves.
GRID_PX = 64
# Side of the window in which colours are taken to change little. On the composites that
# tests/test_foreground.py draws, 3 and 7 are a little worse.
WINDOW_PX = 5
# From so many rows or columns on there is nothing coarser to learn from.
COARSEST_PX = 4
# What a pixel without any of the object counts for as to the object's colour, and the other way
# round: a window without a better one takes it.
WEIGHT_MIN = np.float32(1e-3)
# Of larger pictures only squares of this side with soft pixels in them are worked on.
TILE_PX = 64
FINE_PASSES = 2
# How far a colour may lie, as a share of full scale, outside the range from what is seen to what
# is around. Mattes are seldom as soft as the edge in the picture; without the limit an edge that
# is sharper gets a bright line along a bright object. On true mattes it costs next to nothing.
SLACK = 0.02
# On small pictures, where it costs little, colours are carried further.
SMALL_PASSES = 6
SMALL_PIXELS = 128 * 128


class Colours(NamedTuple):
    """What a picture is made of.

    Attributes:
        foreground: The picture, its soft pixels in the object's own colour.
        background: The picture, its soft pixels in the colour of what is behind the object.
        is_soft: bool (h, w): where the matte is neither 0 nor 1.
    """

    foreground: Image
    background: Image
    is_soft: Mask


def estimate_colours(image: Image, alpha: Matte) -> Colours:
    """Part the picture's soft pixels into the object's colour and the background's.

    A soft pixel shows ``alpha * F + (1 - alpha) * B``. Both are first taken to be what the pixels
    around have, each weighted by how much of the object (of the background) it shows: the box
    means of Forte, "Approximate Fast Foreground Colour Estimation" (ICIP 2021). Then both are
    changed as little as makes the sum right. This is done from a tiny picture to the full one, as
    by Germer, Uelwer, Conrad and Harmeling, "Fast Multi-Level Foreground Estimation" (ICPR 2020),
    so that a colour reaches as far as it has to.

    Args:
        image: (h, w, 3) RGB, uint8 or uint16; with ``REACH_PX`` around the soft pixels where the
            picture has it.
        alpha: float32 (h, w) in [0, 1], 1 = object.

    Returns:
        Pictures of the image's shape and type. Where the matte is 0 or 1 they are the image.
    """
    is_soft: Mask = (alpha > 0) & (alpha < 1)
    foreground, background = image.copy(), image.copy()
    box = box_of(is_soft)
    if box.is_empty:
        return Colours(foreground, background, is_soft)
    box = box.grown(REACH_PX).aligned(GRID_PX, GRID_PX).clipped(alpha.shape[1], alpha.shape[0])
    part, share, soft = image[box.slices], alpha[box.slices], is_soft[box.slices]
    below = _coarse(*_halved(part, share))
    top = np.float32(np.iinfo(image.dtype).max)
    slack = np.float32(SLACK) * top
    for tile in _tiles(soft):
        found = _in_tile(part, share, below, tile, passes=FINE_PASSES, slack=slack)
        here = soft[tile.slices]
        for picture, colours in zip((foreground, background), found, strict=True):
            seen = np.rint(np.clip(colours[here], 0, top))
            picture[box.slices][tile.slices][here] = seen.astype(image.dtype)
    return Colours(foreground, background, is_soft)


def _coarse(image: Floats, alpha: Matte) -> tuple[Floats, Floats]:
    """Both colours everywhere."""
    size = (alpha.shape[1], alpha.shape[0])
    is_coarsest = min(size) <= COARSEST_PX
    below = (image, image) if is_coarsest else _coarse(*_halved(image, alpha))
    colours = (_resized(below[0], size), _resized(below[1], size))
    if is_coarsest or alpha.size <= SMALL_PIXELS:
        for _ in range(SMALL_PASSES):
            colours = _parted(image, alpha, *colours)
        return colours
    for tile in _tiles((alpha > 0) & (alpha < 1)):
        found = _in_tile(image, alpha, below, tile, passes=1)
        for whole, part in zip(colours, found, strict=True):
            whole[tile.slices] = part
    return colours


def _halved(image: Any, alpha: Any) -> tuple[Floats, Floats]:
    rows, columns = alpha.shape
    size = (-(-columns // 2), -(-rows // 2))
    small: Any = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    share: Any = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    return small.astype(np.float32), share


def _resized(colours: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(colours, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _in_tile(
    image: Any,
    alpha: Matte,
    below: tuple[Floats, Floats],
    tile: Box,
    *,
    passes: int,
    slack: np.float32 | None = None,
) -> tuple[Floats, Floats]:
    """Both colours in a tile, from those at half the size."""
    rows, columns = alpha.shape
    # Even corners, so that the half-sized pictures have it too.
    outer = tile.grown(passes * WINDOW_PX).aligned(2, 2).clipped(columns, rows)
    half = Box(outer.x0 // 2, outer.y0 // 2, -(-outer.x1 // 2), -(-outer.y1 // 2))
    size = (half.width * 2, half.height * 2)
    inside = (slice(0, outer.height), slice(0, outer.width))
    first, second = (_resized(colours[half.slices], size)[inside] for colours in below)
    shown, share = image[outer.slices].astype(np.float32), alpha[outer.slices]
    for _ in range(passes):
        first, second = _parted(shown, share, first, second, slack)
    x, y = tile.x0 - outer.x0, tile.y0 - outer.y0
    here = (slice(y, y + tile.height), slice(x, x + tile.width))
    return first[here], second[here]


def _parted(
    image: Floats,
    alpha: Floats,
    foreground: Floats,
    background: Floats,
    slack: np.float32 | None = None,
) -> tuple[Floats, Floats]:
    """Both colours as around each pixel, changed as little as makes their mix the picture.

    With a slack no further than that past the picture's own colour.
    """
    share: Any = cv2.merge((alpha, alpha, alpha))
    rest: Any = np.float32(1) - share
    first, second = _mean(foreground, share), _mean(background, rest)
    error: Any = cv2.subtract(image, cv2.multiply(share, first))
    error -= cv2.multiply(rest, second)
    error /= share * share + rest * rest
    changes = (cv2.multiply(share, error), cv2.multiply(rest, error))
    if slack is None:
        return first + changes[0], second + changes[1]
    return _changed(first, changes[0], image, slack), _changed(second, changes[1], image, slack)


def _changed(mean: Any, change: Any, image: Floats, slack: np.float32) -> Floats:
    lowest = cv2.min(mean, image) - slack
    highest = cv2.max(mean, image) + slack
    return np.asarray(cv2.min(cv2.max(mean + change, lowest), highest), np.float32)


def _mean(colours: Floats, weights: Any) -> Any:
    """Of the pixels in the window around each one."""
    window = (WINDOW_PX, WINDOW_PX)
    weights = weights + WEIGHT_MIN
    sums = cv2.blur(cv2.multiply(colours, weights), window)
    return cv2.divide(sums, cv2.blur(weights, window))


def _tiles(is_soft: Mask) -> Iterator[Box]:
    """Boxes that hold all soft pixels and not many others."""
    rows, columns = is_soft.shape
    for top in range(0, rows, TILE_PX):
        bottom = min(top + TILE_PX, rows)
        used: Any = is_soft[top:bottom].any(axis=0)
        first: int | None = None
        for left in [*range(0, columns, TILE_PX), columns]:
            holds = left < columns and used[left : left + TILE_PX].any()
            if holds and first is None:
                first = left
            elif not holds and first is not None:
                yield Box(first, top, min(left, columns), bottom)
                first = None
