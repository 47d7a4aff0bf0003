"""One frame on a page of its own, on which clicks and boxes become prompts to paste."""

from __future__ import annotations

import base64
import html
from importlib import resources

import cv2
import numpy as np

from tam_edit.errors import EncodeError
from tam_edit.frame import Frame

JPEG_QUALITY = 92


def frame_page(frame: Frame, title: str) -> str:
    """A page without a network that shows one frame at its own size.

    Args:
        frame: The picture.
        title: What it is of.
    """
    rgb = frame.rgb
    if rgb.dtype == np.uint16:
        rgb = np.asarray(rgb >> 8, np.uint8)
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    is_done, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not is_done:
        raise EncodeError(f"frame {frame.index} cannot be encoded as a JPEG picture")
    page = resources.files("tam_edit.review").joinpath("frame_page.html").read_text("utf-8")
    values = {
        "TITLE": html.escape(title),
        "WIDTH": str(frame.width),
        "HEIGHT": str(frame.height),
        "FRAME": str(frame.index),
        "URI": "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode(),
    }
    for name, value in values.items():
        page = page.replace(f"@{name}@", value)
    return page
