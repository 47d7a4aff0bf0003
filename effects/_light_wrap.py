"""Light of a new background that reaches around an object's edge."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from tam_edit.types import Box, Image, Matte

from ._cutout import Cutout
from ._means import SMALL_SIGMA_PX

# Past so many sigmas nothing of a Gaussian is left that 8 bits can show.
SIGMAS = 3.0
# Less light than this changes no 8-bit value: those pixels stay the frame's own.
WEIGHT_MIN = 1 / 512


def lit_box(found: Cutout, sigma_px: float, width: int, height: int) -> Box:
    """From where light reaches a cut-out, in a frame of that size."""
    return found.box.grown(math.ceil(SIGMAS * sigma_px)).clipped(width, height)


def wrapped(
    found: Cutout, background: Image, outer: Box, sigma_px: float, strength: float
) -> Cutout:
    """Let the background's light reach over the object's edge.

    The usual light wrap of compositing (Brinkmann, "The Art and Science of Digital Compositing"):
    the background, blurred, is screened onto the object as much as the blurred rest of the matte
    reaches into it. A straight edge gets half of the light, deep inside there is none.

    Args:
        found: The object's own colours.
        background: (h, w, 3), of the cut-out's type.
        outer: What of the frame it fills, see :func:`lit_box`.
        sigma_px: How far light reaches: standard deviation of both blurs.
        strength: In [0, 1].

    Returns:
        The cut-out with light on it; the frame's own pixels where none arrives.
    """
    if found.box.is_empty or strength == 0:
        return found
    box = found.box
    inner = Box(box.x0 - outer.x0, box.y0 - outer.y0, box.x1 - outer.x0, box.y1 - outer.y0).slices
    rest = np.ones((outer.height, outer.width), np.float32)
    rest[inner] -= found.kept
    light, around = (part[inner] for part in _blurred(background, rest, sigma_px))
    weight = np.float32(strength) * np.clip(around, 0, 1) * (found.kept > 0)
    is_lit = weight >= WEIGHT_MIN
    top = np.float32(np.iinfo(found.image.dtype).max)
    own = found.image[is_lit].astype(np.float32)
    lit = own + weight[is_lit, None] * np.clip(light[is_lit], 0, top) * (1 - own / top)
    image: Any = found.image.copy()
    image[is_lit] = np.rint(np.clip(lit, 0, top)).astype(image.dtype)
    return found._replace(image=image, is_changed=found.is_changed | is_lit)


def _blurred(background: Image, rest: Matte, sigma_px: float) -> tuple[Any, Any]:
    """The background and how much of it is seen, both blurred, with a large sigma reduced.

    What lies past the border is taken to be as there: an object that leaves the frame gets no
    light from outside.
    """
    rows, columns = rest.shape
    step = max(1, int(sigma_px / SMALL_SIGMA_PX))
    small = (math.ceil(columns / step), math.ceil(rows / step))
    parts = []
    for part in (background, rest):
        reduced: Any = cv2.resize(part, small, interpolation=cv2.INTER_AREA).astype(np.float32)
        blurred = cv2.GaussianBlur(
            reduced, (0, 0), sigma_px / step, borderType=cv2.BORDER_REPLICATE
        )
        parts.append(cv2.resize(blurred, (columns, rows), interpolation=cv2.INTER_LINEAR))
    return parts[0], parts[1]
