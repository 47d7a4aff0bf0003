"""Review pages, taken apart as a browser would, and the masks that they are about."""

from __future__ import annotations

import base64
import io
import stat
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

from tam_edit.tracks import Origin, TrackedMatte

HOSTILE = "<b onclick='x'>O'Brien & \"co\"</b>"
VOID = ("meta", "img", "input", "br")
WRONG = range(5, 9)


class Page(HTMLParser):
    """The page as a browser would take it apart; refuses what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.codes: list[str] = []
        self.section = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        if tag == "section":
            self.section = own["id"]
        # Sections are not nested; what comes after one counts as in it, but is no picture.
        self.tags.append((tag, own | {"in section": self.section}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "code":
            self.codes.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data
        if "code" in self.open:
            self.codes[-1] += data

    def spans(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The same in the sections of spans to look at only."""
        return [a for a in self.all(tag, **wanted) if a["in section"].startswith("span-")]

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [a for t, a in self.tags if t == tag and wanted.items() <= a.items()]


def right(mask: np.ndarray) -> TrackedMatte:
    return TrackedMatte(matte=mask.astype(np.float32), score=0.9, origin=Origin.PROPAGATED)


def wrong(mask: np.ndarray) -> TrackedMatte:
    reasons = ("the mask has <jumped>", "it is small", "it is dark", "it is late")
    matte = np.roll(mask, 40, axis=1).astype(np.float32)
    return TrackedMatte(matte=matte, score=0.2, origin=Origin.PROPAGATED, reasons=reasons)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def picture(uri: str) -> np.ndarray:
    kind, _, data = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def yellow(image: np.ndarray) -> np.ndarray:
    red, green, blue = (image[..., c] for c in range(3))
    return (red > 170) & (green > 150) & (blue < 110)


def places(found: Page, index: int) -> list[tuple[int, ...]]:
    """Left, top, width and height of what the small pictures of a frame show."""
    names = ("data-x", "data-y", "data-width", "data-height")
    links = found.spans("a", **{"class": "open target", "data-frame": str(index)})
    return [tuple(int(a[name]) for name in names) for a in links]
