"""Pictures laid over each other frame by frame, with the truth of what is seen where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from training.motions import Float, Move

Frames = NDArray[np.uint8]
Places = NDArray[np.intp]
NOWHERE = 255  # instead of a layer's number: what is seen there is beyond its picture


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture, or what is cut out of one, on its way through the frames.

    Attributes:
        rgb: uint8 (h, w, 3).
        alpha: float32 (h, w) in [0, 1], or None where it covers everything behind it; beyond its
            edge it is then mirrored.
        owners: uint8 (h, w), the number of the target at each pixel, 0 for none.
        moves: One per frame.
        smears: Per frame the line (x, y) in pixels of the frame along which motion blurs it.
    """

    rgb: Frames
    alpha: Float | None
    owners: NDArray[np.uint8]
    moves: Sequence[Move]
    smears: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip with its truth.

    Attributes:
        frames: uint8 (T, H, W, 3) RGB.
        masks: uint8 (T, H, W), the number of the target that is seen, 0 for none.
        count: How many targets there are, 1 … count; each is seen on the first frame.
        layers: uint8 (T, H, W), the number of the layer that is seen, or ``NOWHERE``.
        origins: float32 (T, H, W, 2), the place (x, y) in that layer's own picture.
    """

    frames: Frames
    masks: NDArray[np.uint8]
    count: int
    layers: NDArray[np.uint8]
    origins: Float

    def matches(
        self, one: int, other: int, rows: Places, columns: Places, within_px: float
    ) -> tuple[Places, Places]:
        """Places of two frames that show the same point of the same thing.

        Args:
            one: Index of a frame.
            other: Index of another.
            rows: Of the grid of places in each frame, (r,).
            columns: Of that grid, (c,).
            within_px: How far apart in the layer's picture the same point may be.

        Returns:
            Two arrays (n,) that go together: numbers of places in each of the frames, counted row
            by row through the grid.
        """
        grids = [(i, rows[:, None], columns[None]) for i in (one, other)]
        layers = [self.layers[g].reshape(-1) for g in grids]
        origins = [self.origins[g].reshape(-1, 2) for g in grids]
        found_one: list[Places] = []
        found_other: list[Places] = []
        for layer in np.unique(layers[0]):
            here, there = (np.flatnonzero(numbers == layer) for numbers in layers)
            if layer == NOWHERE or len(there) == 0:
                continue
            distance, nearest = KDTree(origins[1][there]).query(origins[0][here])
            near = np.asarray(distance) <= within_px
            found_one.append(here[near])
            found_other.append(there[np.asarray(nearest)[near]])
        empty = [np.zeros(0, np.intp)]
        return np.concatenate(found_one or empty), np.concatenate(found_other or empty)


def rendered(layers: Sequence[Layer], size: tuple[int, int], count: int) -> Clip:
    """Lay layers over each other, the first at the bottom.

    Args:
        layers: With as many moves each; the first covers everything.
        size: Height and width of the frames.
        count: How many targets there are.
    """
    length = len(layers[0].moves)
    frames = np.zeros((length, *size, 3), np.uint8)
    masks = np.zeros((length, *size), np.uint8)
    numbers = np.full((length, *size), NOWHERE, np.uint8)
    origins = np.zeros((length, *size, 2), np.float32)
    for t in range(length):
        picture = np.zeros((*size, 3), np.float32)
        for number, layer in enumerate(layers):
            seen = _moved(layer, t, size)
            cover = seen.alpha[..., None]
            picture = picture * (1 - cover) + seen.premultiplied
            on_top = seen.alpha > 0.5
            masks[t][on_top] = seen.owners[on_top]
            numbers[t][on_top] = np.where(seen.is_inside, number, NOWHERE)[on_top]
            origins[t][on_top] = seen.origins[on_top]
        frames[t] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return Clip(frames, masks, count, numbers, origins)


@dataclass(frozen=True, eq=False)
class _Seen:
    premultiplied: Float
    alpha: Float
    owners: NDArray[np.uint8]
    origins: Float
    is_inside: NDArray[np.bool_]


def _moved(layer: Layer, t: int, size: tuple[int, int]) -> _Seen:
    """A layer as one frame shows it."""
    height, width = layer.rgb.shape[:2]
    origins = layer.moves[t].origins(size, (height, width))
    x, y = np.ascontiguousarray(origins[..., 0]), np.ascontiguousarray(origins[..., 1])
    is_inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    is_endless = layer.alpha is None
    beyond = cv2.BORDER_REFLECT_101 if is_endless else cv2.BORDER_CONSTANT
    owners = cv2.remap(layer.owners, x, y, cv2.INTER_NEAREST, borderMode=beyond)
    rgb = layer.rgb.astype(np.float32)
    if layer.alpha is None:
        premultiplied = cv2.remap(rgb, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        alpha = np.ones(size, np.float32)
    else:
        whole = np.dstack([rgb * layer.alpha[..., None], layer.alpha])
        whole = cv2.remap(whole, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        premultiplied = whole[..., :3]
        alpha = np.array(whole[..., 3], np.float32)
    smear = layer.smears[t] if layer.smears else (0.0, 0.0)
    if np.hypot(*smear) >= 1.5:
        line = smear_kernel(smear)
        premultiplied = cv2.filter2D(premultiplied, -1, line)
        alpha = np.asarray(cv2.filter2D(alpha, -1, line), np.float32)
        owners = _smeared_owners(np.asarray(owners, np.uint8), line)
    return _Seen(
        np.asarray(premultiplied, np.float32),
        np.asarray(alpha, np.float32),
        np.asarray(owners, np.uint8),
        origins,
        is_inside,
    )


def smear_kernel(line: tuple[float, float]) -> Float:
    """The blur of a steady motion along (x, y) pixels while the shutter is open; sums to 1."""
    half = int(np.ceil(np.hypot(*line) / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    count = 8 * half
    for share in (np.arange(count) + 0.5) / count - 0.5:
        x, y = half + share * line[0], half + share * line[1]
        left, top = int(x), int(y)
        right, down = x - left, y - top
        kernel[top : top + 2, left : left + 2] += np.outer([1 - down, down], [1 - right, right])
    return np.asarray(kernel / kernel.sum(), np.float32)


def _smeared_owners(owners: NDArray[np.uint8], line: Float) -> NDArray[np.uint8]:
    """Targets where at least half of what passed while the shutter was open was theirs."""
    smeared = np.zeros_like(owners)
    for number in np.unique(owners[owners > 0]).tolist():
        share = cv2.filter2D((owners == number).astype(np.float32), -1, line)
        smeared[np.asarray(share) > 0.5] = number
    return smeared
