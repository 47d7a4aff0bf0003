"""What the features are trained on: one object in two pictures, and pixels of both with labels.

An episode is what the tracker does in small: it learns an object from pixels of one picture and
has to tell it on another. The pixels are drawn and described as ``tracker.target`` does, at the
scale at which the tracker sees them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.tracker.deep import STRIDE_PX
from tam_edit.models.builtin.tracker.features import pixel_features
from tam_edit.models.builtin.tracker.propagator import WORKING_SHORT_SIDE_PX
from tam_edit.types import Box
from training.camera import recolored
from training.clips import Difficulty, Shape, made_clip
from training.objects import ObjectPictures

Float = NDArray[np.float32]
Rows = NDArray[np.intp]

# A square of the picture at working size, and the same enlarged as the network sees it.
CROP_PX = 226
ENLARGED_PX = 416
CELLS = ENLARGED_PX // STRIDE_PX
ZOOM = ENLARGED_PX / CROP_PX
# Half of these inside where that many are there, as on a keyframe.
DRAWN_PIXELS = 1024
# And so many next to the outline, where masks go wrong.
EDGE_PIXELS = 384
EDGE_PX = 6
MATCHES = 256
MATCH_PX = 1.5
# An object of fewer pixels is not learned from.
FEWEST_PIXELS = 40
PACES = (0.15, 1.2)


@dataclass(frozen=True, eq=False)
class Episode:
    """One object in two pictures.

    Attributes:
        pictures: uint8 (2, CROP_PX, CROP_PX, 3) RGB at working size.
        truth: bool (2, CROP_PX, CROP_PX), the object.
        matches: Numbers of cells (n,) in each picture that show the same point; none where the
            motion is not known.
    """

    pictures: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    matches: tuple[Rows, Rows]


def draw_episode(
    pictures: ObjectPictures, rng: np.random.Generator, *, real: float, cut_out: float
) -> Episode:
    """A made clip's two frames, or two frames of one DAVIS sequence.

    Args:
        pictures: What they are made of.
        rng: Draws everything.
        real: How often it is a DAVIS sequence, in [0, 1].
        cut_out: How often a made clip's target is cut out of another picture, in [0, 1].
    """
    if rng.random() < real:
        return real_episode(pictures, rng)
    return made_episode(pictures, rng, cut_out)


def made_episode(pictures: ObjectPictures, rng: np.random.Generator, cut_out: float) -> Episode:
    """Two frames of a made clip, some time apart."""
    pace = float(np.exp(rng.uniform(*np.log(PACES))))
    difficulty = replace(Difficulty(), cut_out=cut_out, second=cut_out / 2)
    clip = made_clip(pictures, Shape(2, (CROP_PX, CROP_PX), pace), difficulty, rng)
    number = int(rng.integers(clip.count)) + 1
    cells = np.rint((np.arange(CELLS) * STRIDE_PX + 0.5) / ZOOM - 0.5).astype(np.intp)
    one, other = clip.matches(0, 1, cells, cells, MATCH_PX)
    chosen = rng.permutation(len(one))[:MATCHES]
    return Episode(clip.frames, clip.masks == number, (one[chosen], other[chosen]))


def real_episode(pictures: ObjectPictures, rng: np.random.Generator) -> Episode:
    """Two frames of a DAVIS sequence around its object, now and then mirrored or recoloured."""
    sequences = [names for names in pictures.sequences if len(names) > 1]
    names = sequences[int(rng.integers(len(sequences)))]
    chosen = rng.choice(len(names), 2, replace=False)
    # At working size, or smaller where the object would fill the crop.
    size_factor = float(np.exp(rng.uniform(np.log(0.6), np.log(1.2))))
    is_mirrored, is_recolored = rng.random() < 0.5, rng.random() < 0.5
    tint = int(rng.integers(2**31))
    crops = []
    for k in chosen:
        picture = pictures.load(names[int(k)])
        crop, truth = _around_object(picture.rgb, picture.objects == 1, size_factor, rng)
        if is_recolored:
            crop = recolored(crop, np.random.default_rng(tint), 0.4)
        flip = slice(None, None, -1) if is_mirrored else slice(None)
        crops.append((crop[:, flip], truth[:, flip]))
    none = np.zeros(0, np.intp)
    return Episode(np.stack([c for c, _ in crops]), np.stack([t for _, t in crops]), (none, none))


def _around_object(
    rgb: NDArray[np.uint8], truth: NDArray[np.bool_], factor: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A crop at working size with a pixel of the object somewhere near its middle."""
    scale = max(factor * WORKING_SHORT_SIDE_PX, CROP_PX + 1) / min(rgb.shape[:2])
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    large = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    inside = cv2.resize(truth.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    ys, xs = np.nonzero(inside)
    k = int(rng.integers(len(ys))) if len(ys) else 0
    middle = (ys[k], xs[k]) if len(ys) else (size[1] // 2, size[0] // 2)
    jitter = rng.integers(-CROP_PX // 4, CROP_PX // 4 + 1, 2)
    top, left = (
        int(np.clip(middle[axis] + jitter[axis] - CROP_PX // 2, 0, size[1 - axis] - CROP_PX))
        for axis in (0, 1)
    )
    box = (slice(top, top + CROP_PX), slice(left, left + CROP_PX))
    return large[box], np.asarray(inside)[box]


def enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A crop as the network sees it, uint8 (ENLARGED_PX, ENLARGED_PX, 3) RGB."""
    size = (ENLARGED_PX, ENLARGED_PX)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def near_features(picture: NDArray[np.uint8]) -> Float:
    """The hand-made features of all pixels of a crop, float32 (CROP_PX², FEATURE_COUNT)."""
    return pixel_features(picture, Box(0, 0, picture.shape[1], picture.shape[0])).T


def drawn_rows(truth: NDArray[np.bool_], rng: np.random.Generator) -> Rows:
    """Pixels to learn from and, at the end, pixels next to the outline: numbers row by row.

    Returns:
        (DRAWN_PIXELS + EDGE_PIXELS,), with repeats where there are too few.
    """
    flat = truth.reshape(-1)
    inside, outside = np.flatnonzero(flat), np.flatnonzero(~flat)
    half = DRAWN_PIXELS // 2
    if len(inside) < FEWEST_PIXELS or len(outside) < FEWEST_PIXELS:
        drawn = rng.integers(0, flat.size, DRAWN_PIXELS)
    else:
        drawn = np.concatenate([rng.choice(inside, half), rng.choice(outside, half)])
    kernel = np.ones((2 * EDGE_PX + 1, 2 * EDGE_PX + 1), np.uint8)
    band = cv2.morphologyEx(truth.astype(np.uint8), cv2.MORPH_GRADIENT, kernel)
    near = np.flatnonzero(np.asarray(band).reshape(-1))
    edge = rng.choice(near if len(near) else np.arange(flat.size), EDGE_PIXELS)
    return np.concatenate([drawn, edge]).astype(np.intp)
