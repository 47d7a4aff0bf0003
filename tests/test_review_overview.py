"""Frames from all of the video on the review page, whatever their scores are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tam_edit.review import overview
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tests.review_pages import Page, picture, right, yellow


def tiles(found: Page, section: str = "all-1") -> list[int]:
    links = found.all("a", **{"class": "open target", "in section": section})
    return [int(a["data-frame"]) for a in links]


def page(session: Session, folder: Path) -> Page:
    return Page(session.write_review(folder, overwrite=True).read_text(encoding="utf-8"))


def test_a_short_video_is_shown_frame_by_frame(doubtful: Session, tmp_path: Path) -> None:
    found = page(doubtful, tmp_path / "page")
    assert tiles(found) == list(range(16))
    assert "every frame" in found.text
    assert {"href": "#overview", "in section": ""} in found.all("a")
    (code,) = [c for c in found.codes if c.endswith("X,Y@0")]
    assert code.startswith("tam-edit prompt ")
    images = found.all("img", **{"in section": "all-1"})
    assert all(yellow(picture(a["src"])).any() for a in images)


def test_the_buttons_of_each_section_are_its_own(doubtful: Session, tmp_path: Path) -> None:
    found = page(doubtful, tmp_path / "page")
    groups = {a["name"]: a["in section"] for a in found.all("input")}
    assert sorted(groups) == ["kind-all-1", "kind-span-1"]
    assert groups == {name: name.removeprefix("kind-") for name in groups}
    checked = [a["name"] for a in found.all("input") if "checked" in a]
    assert sorted(checked) == sorted(groups)


def test_of_a_longer_one_every_nth_tracked_frame_is_shown(
    doubtful: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST_FRAMES", 6)
    assert tiles(page(doubtful, tmp_path / "a")) == [0, 3, 6, 9, 12, 15]
    doubtful.project.discard(1, 7, 16)
    found = page(doubtful, tmp_path / "b")
    assert tiles(found) == [0, 3, 6]
    assert "one frame in 3" in found.text


def test_each_of_many_objects_has_fewer(
    doubtful: Session, disc: DrawnClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2, 5):
        doubtful.project.add_object(f"disc {number}")
    for index in range(16):
        mattes = {number: right(np.roll(disc.mask(1, index), 9, axis=0)) for number in range(2, 5)}
        doubtful.project.append(index, mattes)
    monkeypatch.setattr(overview, "MOST_TILES", 24)
    monkeypatch.setattr(overview, "MOST_OBJECTS", 3)
    found = page(doubtful, tmp_path / "page")
    assert [tiles(found, f"all-{number}") for number in range(1, 5)] == [
        [0, 2, 4, 6, 8, 10, 12, 14]
    ] * 3 + [[]]
    assert "Left out here: 1 further object." in found.text
