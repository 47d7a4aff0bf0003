"""The masks that were just given, on the review page: nothing was tracked from them yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.review.given import MOST_GIVEN
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tests.review_pages import Page, picture, right, yellow

HEADING = "What the prompts led to"


@pytest.fixture
def begun(disc_video: Path, disc: DrawnClip, tmp_path: Path) -> Iterator[Session]:
    """A project in which the disc was painted on frame 3, and nothing is tracked."""
    with Session.create(disc_video, tmp_path / "shot.tam") as opened:
        paint(opened, disc, 3)
        yield opened


def paint(session: Session, disc: DrawnClip, index: int) -> None:
    painted = Prompts(mask=disc.mask(1, index))
    session.prompt(ObjectPrompts(object_name="disc", frame_index=index, prompts=painted))


def track(session: Session, disc: DrawnClip) -> None:
    for index in range(len(disc)):
        session.project.append(index, {1: right(disc.mask(1, index))})


def page(session: Session, folder: Path) -> Page:
    written = session.write_review(folder, overwrite=True)
    return Page(written.read_text(encoding="utf-8"))


def test_a_mask_is_shown_before_anything_is_tracked_from_it(
    begun: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    found = page(begun, tmp_path / "page")
    assert HEADING in found.text
    assert "Nothing needs a look" in found.text
    (section,) = found.all("section")
    assert section["id"] == "given-1-3"
    image = picture(found.all("img")[0]["src"])
    assert image.shape[:2] == disc.mask(1, 3).shape
    mask = disc.mask(1, 3)
    border = mask & ~binary_erosion(mask)
    assert binary_dilation(yellow(image), iterations=2)[border].mean() > 0.7
    (command,) = [code for code in found.codes if " prompt " in code]
    assert command.endswith("--object disc --click X,Y@3")
    assert len(found.all("input", name="kind-given-1-3")) == 2


def test_what_was_tracked_from_approved_or_is_doubtful_is_not_shown_twice(
    begun: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    begun.approve("seen", frames=range(3, 4))
    assert HEADING not in page(begun, tmp_path / "page").text
    begun.undo(begun.history()[-1].decision_id)
    assert HEADING in page(begun, tmp_path / "page").text
    track(begun, disc)
    assert HEADING not in page(begun, tmp_path / "page").text
    # A correction takes away what followed, and stands alone until it is tracked from.
    paint(begun, disc, 9)
    sections = [s["id"] for s in page(begun, tmp_path / "page").all("section")]
    assert sections == ["given-1-9", "all-1"]


def test_a_doubtful_mask_is_told_among_the_doubts_only(
    disc_video: Path, disc_click: str, tmp_path: Path
) -> None:
    with Session.create(disc_video, tmp_path / "shot.tam") as session:
        x, y = disc_click.split(",")
        clicked = Prompts(positive=((int(x), int(y)),))
        session.prompt(ObjectPrompts(object_name="disc", frame_index=0, prompts=clicked))
        written = session.write_review(tmp_path / "page", below=1.0)
        found = Page(written.read_text(encoding="utf-8"))
    assert [section["id"] for section in found.all("section")] == ["span-1"]
    assert HEADING not in found.text


def test_masks_with_nothing_between_them_are_tracked(
    begun: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    for index in range(len(disc)):
        if index != 3:
            paint(begun, disc, index)
    assert HEADING not in page(begun, tmp_path / "page").text


def test_no_more_are_pictured_than_a_page_holds(
    begun: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    for number in range(MOST_GIVEN + 1):
        painted = Prompts(mask=disc.mask(1, 3))
        name = f"disc {number}"
        begun.prompt(ObjectPrompts(object_name=name, frame_index=3, prompts=painted))
    found = page(begun, tmp_path / "page")
    assert len(found.all("section")) == MOST_GIVEN
    assert "Left out here: 2 further masks of this kind." in found.text
