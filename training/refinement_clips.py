"""The clips that the refinement network is trained and measured on, made and real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.camera import compressed
from training.clips import Difficulty, Shape, made_clip
from training.layers import Layer, rendered
from training.motions import Move, placed, random_bend, wander
from training.objects import VOID, ObjectPictures

# Height and width; the tracker works at up to 400 pixels of the short side.
SIZES = ((360, 480), (360, 640), (300, 400), (400, 400), (400, 300), (240, 320))
# Of the clips, so many are a real sequence, and of the made ones so many stand still.
REAL_SHARE = 0.3
STILL_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class TrueClip:
    """Frames and whose pixels they show.

    Attributes:
        frames: uint8 (H, W, 3) RGB each.
        masks: uint8 (H, W) each, the number of the object, 0 for none.
        told: Frames on which the tracker is told the truth after it made its guess.
    """

    frames: Sequence[NDArray[np.uint8]]
    masks: Sequence[NDArray[np.uint8]]
    told: frozenset[int] = frozenset()


def drawn_clip(pictures: ObjectPictures, rng: np.random.Generator, longest: int) -> TrueClip:
    """A random clip of at most so many frames, with an object on the first."""
    if pictures.sequences and rng.random() < REAL_SHARE:
        found = _real(pictures, rng, longest)
        if found.masks[0].any():
            return found
    size = SIZES[int(rng.integers(len(SIZES)))]
    length = int(rng.integers(max(2, longest // 2), longest + 1))
    # Over a clip about as much happens, however few its frames.
    pace = np.exp(rng.uniform(np.log(0.2), np.log(1.6))) / length
    shape = Shape(length, size, float(np.clip(pace, 0.015, 0.2)))
    travel = 0.0 if rng.random() < STILL_SHARE else float(rng.uniform(0.3, 1.4))
    made = made_clip(pictures, shape, replace(Difficulty(), travel=travel), rng)
    return TrueClip(list(made.frames), list(made.masks))


def _real(pictures: ObjectPictures, rng: np.random.Generator, longest: int) -> TrueClip:
    """Some frames of a real sequence, each under a camera that moves for a while.

    The order of a sequence's frames is not known and they lie far apart. So the tracker is told the
    object on the first picture of each but the first, as if it had followed it there: what it
    learned is then from another time, as it is in a long clip.
    """
    names = pictures.sequences[int(rng.integers(len(pictures.sequences)))]
    frames: list[NDArray[np.uint8]] = []
    masks: list[NDArray[np.uint8]] = []
    told = set()
    most = max(3, min(8, longest // 2 + 1))
    for name in rng.permutation(names).tolist():
        rgb, mask = _frame(pictures.folder / name)
        if len(frames) >= longest or (frames and mask.shape != masks[0].shape):
            continue
        moved = _panned(rgb, mask, int(rng.integers(2, most)), rng)
        told.add(len(frames))
        frames += moved.frames
        masks += moved.masks
    return TrueClip(frames[:longest], masks[:longest], frozenset(told - {0}))


def _panned(
    rgb: NDArray[np.uint8], mask: NDArray[np.uint8], length: int, rng: np.random.Generator
) -> TrueClip:
    """A picture under a moving camera, compressed half the time."""
    rows, columns = mask.shape
    center, travel = ((columns - 1) / 2, (rows - 1) / 2), float(rng.uniform(0.2, 1.0))
    paths = [wander(rng, travel * reach) for reach in (0.3 * columns, 0.3 * rows, 0.5, 0.4)]
    bend, strength = random_bend(rng, (rows, columns), 0.02)[0], wander(rng, 1.0)
    moves = []
    for time in np.arange(length) * rng.uniform(0.02, 0.08):
        x, y, zoom, angle = (path.at(time) for path in paths)
        at = (center[0] + x, center[1] + y)
        matrix = placed(center, at, scale=1.05 * float(np.exp(zoom)), angle=angle)
        moves.append(Move(matrix, np.asarray(bend * strength.at(time), np.float32)))
    clip = rendered([Layer(rgb, None, mask, moves)], (rows, columns), int(mask.max()))
    quality = int(rng.integers(30, 95)) if rng.random() < 0.5 else 0
    frames = [compressed(frame, quality) if quality else frame for frame in clip.frames]
    return TrueClip(frames, list(clip.masks))


def _frame(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A frame with its objects' own numbers, which are the same all along the sequence."""
    with Image.open(path.with_suffix(".jpg")) as picture, Image.open(path.with_suffix(".png")) as m:
        mask = np.asarray(m, np.uint8)
        return np.asarray(picture.convert("RGB"), np.uint8), np.where(mask == VOID, 0, mask)
