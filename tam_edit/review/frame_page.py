"""One frame on a page of its own, on which clicks and boxes become prompts to paste."""

from __future__ import annotations

import base64
import html
import json
from importlib import resources
from pathlib import Path

import cv2
import numpy as np

from tam_edit.errors import EncodeError
from tam_edit.frame import Frame
from tam_edit.media import Source, timecode_at
from tam_edit.review.folder import GENERATOR, ONE_FRAME
from tam_edit.review.pictures import draw_outline
from tam_edit.types import Mask

JPEG_QUALITY = 92


def frame_title(source: Source, frame_index: int) -> str:
    """``talk.mp4, frame 120 (00:00:04:20)``."""
    when = timecode_at(frame_index, source)
    return f"{Path(source.info.path).name}, frame {frame_index} ({when})"


def frame_page(
    frame: Frame,
    title: str,
    *,
    mask: Mask | None = None,
    command: str = "",
    name: str = "",
    remark: str = "",
) -> str:
    """A page without a network that shows one frame, and takes clicks for several objects.

    Args:
        frame: The picture.
        title: What it is of.
        mask: Drawn as an outline, bool (H, W) at the frame's size.
        command: What the prompts are added to; left out, they are shown alone.
        name: The object that the first clicks are about; may be empty.
        remark: What else is to be told, in plain words.
    """
    rgb = frame.rgb
    shown = np.asarray(rgb >> 8 if rgb.dtype == np.uint16 else rgb, np.uint8)
    if mask is not None:
        shown = shown.copy()
        draw_outline(shown, mask)
    bgr = np.ascontiguousarray(shown[..., ::-1])
    is_done, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not is_done:
        raise EncodeError(f"frame {frame.index} cannot be encoded as a JPEG picture")
    page = resources.files("tam_edit.review").joinpath("frame_page.html").read_text("utf-8")
    values = {
        "GENERATOR": GENERATOR + ONE_FRAME,
        "TITLE": html.escape(title),
        "WIDTH": str(frame.width),
        "HEIGHT": str(frame.height),
        "FRAME": str(frame.index),
        "REMARK": f"<p>{html.escape(remark)}</p>" if remark else "",
        "ASKED": "The command"
        if command
        else "What to paste after tam-edit run PRESET VIDEO -o OUT",
        "AGAIN": "" if name else ", and so does a second box",
        "COMMAND": _as_script(command),
        "NAME": _as_script(name),
        "URI": "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode(),
    }
    for key, value in values.items():
        page = page.replace(f"@{key}@", value)
    return page


def _as_script(text: str) -> str:
    """A text in the page's script; no end of the script may stand in it."""
    return json.dumps(text).replace("<", "\\u003c")
