"""The light that a green or blue screen throws onto the object, taken off it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import cv2
import numpy as np

from tam_edit.types import Image, Mask

Screen: TypeAlias = Literal["none", "green", "blue"]
SCREENS: tuple[Screen, ...] = get_args(Screen)
Limit: TypeAlias = Literal["average", "max"]
LIMITS: tuple[Limit, ...] = get_args(Limit)
CHANNEL = {"green": 1, "blue": 2}


def despilled(
    image: Image, is_object: Mask, screen: Screen, limit: Limit, strength: float
) -> tuple[Image, Mask]:
    """Limit the screen's colour by the other two.

    What of green lies above the other two's average, or above the larger of them, is the screen's
    light: Wright, "Digital Compositing for Film and Video" (chapter on despill); it goes back to
    Vlahos's blue-screen equations (Smith and Blinn, "Blue Screen Matting", SIGGRAPH 1996). Both on
    the coded values, as keyers do it.

    Args:
        image: (h, w, 3) RGB, uint8 or uint16; not changed.
        is_object: bool (h, w): only these pixels change.
        screen: Its colour; ``"none"`` changes nothing.
        limit: ``"average"`` or ``"max"``.
        strength: Share of the light that goes, in [0, 1].

    Returns:
        The picture, and bool (h, w): which pixels changed.
    """
    if screen == "none":
        return image, np.zeros(is_object.shape, bool)
    channel = CHANNEL[screen]
    bands = cv2.split(image)
    one, other = (bands[i] for i in range(3) if i != channel)
    if limit == "max":
        allowed: Any = cv2.max(one, other)
    else:
        allowed = cv2.addWeighted(one, 0.5, other, 0.5, 0)
    # Whole-number subtraction of OpenCV stops at 0: below the limit there is no spill.
    spill: Any = cv2.subtract(bands[channel], allowed)
    if strength < 1:
        spill = np.rint(spill * np.float32(strength)).astype(image.dtype)
    spill = cv2.copyTo(spill, is_object.view(np.uint8))
    result: Any = image.copy()
    result[..., channel] -= spill
    return result, spill > 0
