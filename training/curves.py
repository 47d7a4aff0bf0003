"""The curves of a training run as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

PANEL = (220, 360)  # height and width in pixels
COLUMNS = 3
MARGIN_PX = 30
NOT_DRAWN = {"step", "seconds"}


def draw_curves(log: Path, out: Path) -> None:
    """Draw every column of a log over the steps, one panel each, as a PNG."""
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name not in NOT_DRAWN]
    panels = [_panel(name, [(row["step"], row[name]) for row in rows]) for name in names]
    if not panels:
        return
    blank = np.full((*PANEL, 3), 255, np.uint8)
    panels += [blank] * (-len(panels) % COLUMNS)
    lines = [np.hstack(panels[k : k + COLUMNS]) for k in range(0, len(panels), COLUMNS)]
    cv2.imwrite(str(out), np.vstack(lines))


def _panel(name: str, cells: list[tuple[str, str]]) -> NDArray[np.uint8]:
    panel = np.full((*PANEL, 3), 255, np.uint8)
    points = np.array([(float(x), float(y)) for x, y in cells if y], np.float64).reshape(-1, 2)
    if len(points) == 0:
        return panel
    low, high = points.min(0), points.max(0)
    span = np.maximum(high - low, 1e-12)
    size = np.array([PANEL[1], PANEL[0]]) - 2 * MARGIN_PX
    places = (points - low) / span * size + MARGIN_PX
    places[:, 1] = PANEL[0] - places[:, 1]
    cv2.polylines(panel, [np.rint(places).astype(np.int32)], isClosed=False, color=(160, 60, 0))
    for text, place in (
        (f"{name}: {points[-1, 1]:.4g}", (MARGIN_PX, 18)),
        (f"{high[1]:.4g}", (2, MARGIN_PX + 4)),
        (f"{low[1]:.4g}", (2, PANEL[0] - MARGIN_PX)),
        (f"{high[0]:.0f} steps", (PANEL[1] - 110, PANEL[0] - 8)),
    ):
        cv2.putText(panel, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return panel
