"""Examples of the click segmenter as a picture to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.objects import ObjectPictures
from training.segmenter_clicks import Dialogue
from training.segmenter_examples import LARGE_SIZES, ExampleSource

ROWS, COLUMNS = 5, 6
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def draw_examples(pictures: ObjectPictures, seed: int, out: Path) -> None:
    """Write views with the object's outline (red), clicks, a box or a mask given before (blue)."""
    source = ExampleSource(pictures)
    rng = np.random.default_rng(seed)
    rows = [np.hstack([_tile(source, rng) for _ in range(COLUMNS)]) for _ in range(ROWS)]
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), np.vstack(rows)[..., ::-1])


def _tile(source: ExampleSource, rng: np.random.Generator) -> NDArray[np.uint8]:
    example = source.draw(rng, LARGE_SIZES[0])
    dialogue = Dialogue.begun(example.target > 0, example.other > 0, rng)
    tile = example.rgb.copy()
    if dialogue.previous is not None:
        given = cv2.resize(dialogue.previous, LARGE_SIZES[0][::-1])
        tile[..., 2] = np.maximum(tile[..., 2], (120 * given).astype(np.uint8))
    outlines, _ = cv2.findContours(example.target, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(tile, outlines, -1, RED, 1)
    if dialogue.box is not None:
        x0, y0, x1, y1 = (round(side) for side in dialogue.box)
        cv2.rectangle(tile, (x0, y0), (x1, y1), BLUE, 1)
    for x, y, sign in dialogue.points:
        cv2.circle(tile, (round(x), round(y)), 4, GREEN if sign > 0 else WHITE, -1)
    return tile
