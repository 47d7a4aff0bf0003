"""A picture of made clips, to look at before training on them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.clips import Difficulty, Shape, made_clip
from training.layers import Clip
from training.objects import ObjectPictures

# Of the targets' outlines, as RGB.
COLORS = ((255, 40, 40), (40, 255, 40), (60, 120, 255))


def draw_sheet(
    pictures: ObjectPictures, shape: Shape, difficulty: Difficulty, clips: int, seed: int, out: Path
) -> None:
    """Write a PNG with one made clip a row, its targets outlined."""
    rows = [
        outlined(made_clip(pictures, shape, difficulty, np.random.default_rng([seed, k])))
        for k in range(clips)
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


def outlined(clip: Clip) -> NDArray[np.uint8]:
    """A clip's frames side by side, uint8 (h, T · w, 3), with the outlines of its targets."""
    drawn = []
    for frame, mask in zip(clip.frames, clip.masks, strict=True):
        picture = frame.copy()
        for number in range(1, clip.count + 1):
            inside = (mask == number).astype(np.uint8)
            edge = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
            picture[np.asarray(edge) > 0] = COLORS[(number - 1) % len(COLORS)]
        drawn.append(picture)
    return np.concatenate(drawn, axis=1)
