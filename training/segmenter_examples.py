"""Examples for the click segmenter: a view of a picture, changed at random, and what is meant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.types import box_of
from training.objects import ObjectPictures, Picture

# Height and width of the views, one of them per batch. Small ones cost half as much.
LARGE_SIZES = ((256, 256), (224, 320), (320, 224), (192, 320))
SMALL_SIZES = ((192, 192), (160, 224), (224, 160), (128, 256))
SMALL_SHARE = 0.7
DAVIS_SHARE = 0.3  # its outlines are finer than those of COCO, but it has 30 sequences only
PASTE_SHARE = 0.5
FILLS = (0.1, 1.0)  # the object's longer side, as a share of the view's
ZOOMED_SHARE, ZOOMED_FILLS = 0.4, (0.55, 0.95)
SMALLEST_PX = 40  # of an object in a view

Bytes = NDArray[np.uint8]


def drawn_size(rng: np.random.Generator) -> tuple[int, int]:
    """The size of a batch's views."""
    sizes = SMALL_SIZES if rng.random() < SMALL_SHARE else LARGE_SIZES
    return sizes[int(rng.integers(len(sizes)))]


@dataclass(frozen=True, eq=False)
class Example:
    """A view and the object that is meant.

    Attributes:
        rgb: uint8 (h, w, 3).
        target: uint8 (h, w), 1 where the object is.
        other: uint8 (h, w), 1 where something lies that may be taken for it; may be empty.
    """

    rgb: Bytes
    target: Bytes
    other: Bytes


class ExampleSource:
    """Draws examples from one part of the pictures, which are kept in memory."""

    def __init__(self, pictures: ObjectPictures) -> None:
        self._pictures = pictures
        self._davis = [name for name in pictures.names if name.startswith("davis_")]
        self._coco = [name for name in pictures.names if not name.startswith("davis_")]
        self._load = lru_cache(maxsize=None)(pictures.load)

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Example:
        """A random example.

        Args:
            rng: Everything about the example is drawn from it.
            size: Height and width of the view.
        """
        while True:
            picture = self._picture(rng)
            rgb, objects = picture.rgb, picture.objects
            number = int(rng.integers(1, picture.count + 1))
            target = (objects == number).astype(np.uint8)
            if picture.count > 1 and rng.random() < 0.3:
                target = (objects > 0).astype(np.uint8)
            other = ((objects > 0) & (target == 0)).astype(np.uint8)
            if rng.random() < PASTE_SHARE:
                rgb, target, other = self._pasted(rng, rgb, target, other)
            if np.count_nonzero(target) < SMALLEST_PX:
                continue
            example = _view(rng, rgb, target, other, size)
            if np.count_nonzero(example.target) >= SMALLEST_PX:
                return example

    def _picture(self, rng: np.random.Generator) -> Picture:
        names = self._davis if self._davis and rng.random() < DAVIS_SHARE else self._coco
        names = names or self._davis
        while True:
            picture = self._load(names[int(rng.integers(len(names)))])
            if picture.count:
                return picture

    def _pasted(
        self, rng: np.random.Generator, rgb: Bytes, target: Bytes, other: Bytes
    ) -> tuple[Bytes, Bytes, Bytes]:
        """Another picture's object laid over this one; it, this one's or both may be meant."""
        guest = self._picture(rng)
        sharp = (guest.objects > 0).astype(np.float32)
        cut = np.asarray(cv2.GaussianBlur(sharp, (0, 0), float(rng.uniform(0.5, 1.2))))
        around = box_of(guest.objects > 0)
        rows, columns = target.shape
        long_side = max(around.x1 - around.x0, around.y1 - around.y0)
        scale = float(np.exp(rng.uniform(np.log(0.15), np.log(0.8)))) * max(rows, columns)
        scale = min(scale / long_side, 2.0)
        place = _affine(
            center=((around.x0 + around.x1) / 2, (around.y0 + around.y1) / 2),
            to=(float(rng.uniform(0, columns)), float(rng.uniform(0, rows))),
            scale=(scale * float(rng.choice([-1, 1])), scale),
            turn=float(rng.normal(0, 0.15)),
        )
        alpha = cv2.warpAffine(cut, place, (columns, rows), flags=cv2.INTER_LINEAR)
        moved = cv2.warpAffine(_recolored(rng, guest.rgb), place, (columns, rows))
        mixed = rgb * (1 - alpha[..., None]) + moved * alpha[..., None]
        new = (alpha > 0.5).astype(np.uint8)
        old = target & (1 - new)
        meaning = rng.random()
        if meaning < 0.45 or not old.any():
            target, other = new, old | (other & (1 - new))
        elif meaning < 0.9 or not cv2.dilate(new, np.ones((5, 5), np.uint8))[old > 0].any():
            target, other = old, new
        else:
            target, other = old | new, other & (1 - new)
        return np.clip(mixed, 0, 255).astype(np.uint8), target, other


def _view(
    rng: np.random.Generator, rgb: Bytes, target: Bytes, other: Bytes, size: tuple[int, int]
) -> Example:
    """A window of the picture around the object, at a random scale, turned, in other colours."""
    rows, columns = target.shape
    height, width = size
    around = box_of(target > 0)
    wide, high = around.x1 - around.x0, around.y1 - around.y0
    fills = ZOOMED_FILLS if rng.random() < ZOOMED_SHARE else FILLS
    fill = float(np.exp(rng.uniform(*np.log(fills))))
    scale = fill * min(width / wide, height / high)
    # No smaller than what fills the view or shows the whole object, and not blown up to blur.
    least = min(max(width / columns, height / rows), width / wide, height / high)
    scale = float(np.clip(scale, least, 4.0))
    stretch = float(np.exp(rng.normal(0, 0.1)))
    scales = (scale * stretch, scale / stretch)
    view = (width / scales[0], height / scales[1])
    begin = [
        _begin(rng, low, high, seen, whole)
        for low, high, seen, whole in (
            (around.x0, around.x1, view[0], columns),
            (around.y0, around.y1, view[1], rows),
        )
    ]
    place = _affine(
        center=(begin[0] + view[0] / 2 - 0.5, begin[1] + view[1] / 2 - 0.5),
        to=(width / 2 - 0.5, height / 2 - 0.5),
        scale=(scales[0] * float(rng.choice([-1, 1])), scales[1]),
        turn=float(rng.normal(0, 0.08)),
    )
    smooth = cv2.INTER_LINEAR
    source = rgb
    if scale < 0.75:  # what is made smaller must not alias
        source = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.4 / scale), np.uint8)
    gray = tuple(float(v) for v in rng.integers(90, 160, 3))
    seen = cv2.warpAffine(source, place, (width, height), flags=smooth, borderValue=gray)
    masks = [
        cv2.warpAffine(255 * mask, place, (width, height), flags=smooth) for mask in (target, other)
    ]
    inside, beside = ((np.asarray(mask) > 127).astype(np.uint8) for mask in masks)
    return Example(_degraded(rng, _recolored(rng, np.asarray(seen, np.uint8))), inside, beside)


def _begin(rng: np.random.Generator, low: int, high: int, seen: float, whole: int) -> float:
    """Where a view of a length begins so that it shows the object, seldom cut off."""
    if rng.random() < 0.1:  # part of it lies outside
        over = 0.3 * (high - low)
        low, high = round(low + over), round(high - over)
    first, last = sorted((high - seen, float(low)))
    begin = float(rng.uniform(first, last))
    if seen >= whole:
        return (whole - seen) / 2
    return float(np.clip(begin, 0, whole - seen))


def _affine(
    center: tuple[float, float],
    to: tuple[float, float],
    scale: tuple[float, float],
    turn: float,
) -> NDArray[np.float64]:
    """The 2 x 3 matrix that scales, turns and brings a point to another."""
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag(scale)
    return np.column_stack([linear, np.array(to) - linear @ np.array(center)])


def _recolored(rng: np.random.Generator, rgb: Bytes) -> Bytes:
    """Other light: gain, contrast, colour cast, saturation and gamma."""
    levels = np.arange(256, dtype=np.float64)[:, None] / 255
    gain = np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.05, 3))
    gamma = float(np.exp(rng.normal(0, 0.15)))
    table = np.clip(levels**gamma * gain + rng.normal(0, 0.03), 0, 1)
    colored = cv2.LUT(rgb, np.rint(table * 255).astype(np.uint8)[None])
    if rng.random() < 0.5:
        share = 0.0 if rng.random() < 0.1 else float(rng.uniform(0.4, 1.4))
        matrix = share * np.eye(3) + (1 - share) / 3
        colored = cv2.transform(colored, matrix)
    return np.asarray(colored, np.uint8)


def _degraded(rng: np.random.Generator, rgb: Bytes) -> Bytes:
    """Blur, noise and compression, each now and then."""
    if rng.random() < 0.1:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), float(rng.uniform(0.5, 1.5))), np.uint8)
    if rng.random() < 0.15:
        noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(2, 10))
        rgb = np.clip(rgb + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))]
        packed = cv2.imencode(".jpg", rgb, quality)[1]
        rgb = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return rgb
