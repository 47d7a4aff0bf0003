"""Drawn sequences as folders of frames and masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tam_edit.testing.clips import DrawnClip


def save(clip: DrawnClip, folder: Path) -> None:
    """Write the frames, and the masks of the first object in black and white."""
    for part in ("frames", "masks"):
        (folder / part).mkdir(parents=True)
    for index in range(len(clip)):
        Image.fromarray(clip.image(index)).save(folder / "frames" / f"{index:05d}.png")
        mask = clip.mask(1, index).astype(np.uint8) * 255
        Image.fromarray(mask).save(folder / "masks" / f"{index:05d}.png")
