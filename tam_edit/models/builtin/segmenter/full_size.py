"""From the network's logits to a matte of the frame's size in which every click holds."""

from __future__ import annotations

import cv2
import numpy as np

from tam_edit.frame import Frame
from tam_edit.models.builtin.segmenter.matte_edge import to_matte
from tam_edit.models.builtin.segmenter.predictor import Floats, Opinion
from tam_edit.models.click_points import Clicks, stamp
from tam_edit.types import Box, Matte

CLICK_RADIUS_FRAC = 0.003  # of the frame's longer side: what a click holds at least
EDGE_CELLS = 2.5  # how far an edge may move to one of the picture, in cells of the logits
SHARPNESS = 3.0  # of a matte's edge, against the network's logits
BOX_SLACK_FRAC = 0.03  # of a box's longer side: how far an object may stick out of it
HELD_LOGIT = 1.0  # of a click that the network left on the wrong side
HOLD_CELLS = (1.5, 8.0)  # how far such a click pulls its surroundings along


def finished(
    frame: Frame,
    opinion: Opinion,
    clicks: Clicks,
    box: tuple[float, float, float, float] | None,
) -> Matte:
    """A mask at the frame's size, with its edges on the picture's edges.

    Args:
        frame: The picture.
        opinion: What the network says.
        clicks: In source pixels; each one holds in the result.
        box: In source pixels; nothing lies clearly outside it, and something inside.
    """
    region = opinion.region
    logits = _held(opinion, clicks)
    large = cv2.resize(logits, (region.width, region.height), interpolation=cv2.INTER_LINEAR)
    # Sharper than the network's doubt: what is uncertain is no half-transparent object.
    rough = np.asarray(1 / (1 + np.exp(-np.clip(SHARPNESS * large, -20, 20))), np.float32)
    cell = max(region.width / logits.shape[1], region.height / logits.shape[0])
    picture = frame.region(region)
    guide = np.asarray(picture / np.float32(np.iinfo(picture.dtype).max), np.float32)
    part = to_matte(guide, rough, max(2, round(EDGE_CELLS * cell)))
    matte = np.zeros((frame.height, frame.width), np.float32)
    matte[region.slices] = part
    if box is not None:
        _keep_to(matte, box)
    radius = max(2, round(CLICK_RADIUS_FRAC * max(frame.width, frame.height)))
    stamp(matte, clicks, radius, matte > 0.5)
    return matte


def _held(opinion: Opinion, clicks: Clicks) -> Floats:
    """Logits in which every click lies on its side, together with what is near it."""
    logits = opinion.logits
    if not len(clicks.signs):
        return logits
    rows, columns = logits.shape
    begin = np.array([opinion.region.x0, opinion.region.y0]) - 0.5
    scale = np.array([columns / opinion.region.width, rows / opinion.region.height])
    points = (clicks.points - begin) * scale - 0.5
    y, x = np.mgrid[:rows, :columns]
    for k, (column, row) in enumerate(points):
        sign = 1.0 if clicks.signs[k] else -1.0
        i, j = int(np.clip(round(row), 0, rows - 1)), int(np.clip(round(column), 0, columns - 1))
        missing = HELD_LOGIT - sign * float(logits[i, j])
        if missing <= 0:
            continue
        others = points[clicks.signs != clicks.signs[k]]
        free = float(np.hypot(*(others - points[k]).T).min()) if len(others) else HOLD_CELLS[1]
        reach = float(np.clip(0.4 * free, *HOLD_CELLS))
        near = np.exp(-((x - j) ** 2 + (y - i) ** 2) / (2 * reach**2))
        logits = np.asarray(logits + sign * missing * near, np.float32)
    return logits


def _keep_to(matte: Matte, box: tuple[float, float, float, float]) -> None:
    """Take away what lies clearly outside a box, in place; something stays."""
    slack = 1 + BOX_SLACK_FRAC * max(box[2] - box[0], box[3] - box[1])
    rows, columns = matte.shape
    kept = Box(
        int(np.floor(box[0] - slack)),
        int(np.floor(box[1] - slack)),
        int(np.ceil(box[2] + slack)),
        int(np.ceil(box[3] + slack)),
    ).clipped(columns, rows)
    outside = np.ones(matte.shape, bool)
    outside[kept.slices] = False
    matte[outside] = 0
    if not (matte > 0.5).any():
        # Where nothing is seen in a box, it is taken whole, down to a single pixel.
        x0, y0, x1, y1 = (int(np.floor(side + 0.5)) for side in box)
        x0, y0 = min(max(x0, 0), columns - 1), min(max(y0, 0), rows - 1)
        matte[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = 1
