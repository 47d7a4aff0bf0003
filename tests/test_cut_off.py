"""Where the proposed frame shows a part of the object only, one near it that shows all is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.masks.ops import at_border
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte
from tests.review_pages import Page


def square(disc: DrawnClip, right: int) -> np.ndarray:
    """A square of 30 pixels whose right edge lies so far from the picture's left one."""
    mask = np.zeros((disc.height, disc.width), bool)
    mask[20:50, max(0, right - 30) : right] = True
    return mask


def test_how_much_of_the_border_a_mask_takes_up(disc: DrawnClip) -> None:
    assert at_border(square(disc, 0)) == 0
    assert at_border(square(disc, disc.width - 1)) == 0
    assert at_border(square(disc, disc.width)) == pytest.approx(1)
    assert at_border(square(disc, 10)) == pytest.approx(30 / np.sqrt(300))


def test_a_frame_with_the_whole_object_is_named(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shot.tam"
    with Session.create(disc_video, path) as session:
        said = ObjectPrompts(
            object_name="box", frame_index=0, prompts=Prompts(mask=square(disc, 90))
        )
        session.prompt(said)
        for index in range(1, len(disc)):
            # It leaves to the left: 30 pixels are seen on frame 9, 5 on frame 14.
            mask = square(disc, max(0, 75 - 5 * index))
            score = {12: 0.1, 13: 0.3}.get(index, 0.5 if index > 6 else 0.9)
            entry = TrackedMatte(
                matte=mask.astype(np.float32), score=score, origin=Origin.PROPAGATED
            )
            session.project.append(index, {1: entry})
        (doubt,) = (each for each in session.open_doubts() if not each.is_empty)
        assert doubt.proposed_frame in range(10, 15)
        assert doubt.whole_frame == 8
        assert doubt.as_json()["whole_frame"] == 8
        page = Page(session.write_review(tmp_path / "look").read_text(encoding="utf-8"))
    told = "where part of the object is outside, correct it on frame 8 instead"
    assert told in page.text
    assert run(["review", str(path)]) == 0
    assert told in capsys.readouterr().out


def test_a_frame_with_more_of_a_hidden_object_is_named(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    with Session.create(disc_video, tmp_path / "shot.tam") as session:
        whole, hidden = square(disc, 90), range(9, 13)
        said = ObjectPrompts(object_name="box", frame_index=0, prompts=Prompts(mask=whole))
        session.prompt(said)
        for index in range(1, len(disc)):
            mask = whole.copy()
            if index in hidden:
                mask[:, 70:] = False
            score = 0.05 if index in hidden else 0.69
            entry = TrackedMatte(
                matte=mask.astype(np.float32), score=score, origin=Origin.PROPAGATED
            )
            session.project.append(index, {1: entry})
        (doubt,) = session.open_doubts()
    assert doubt.proposed_frame in hidden
    assert doubt.whole_frame in (8, 13)
    assert "much smaller here than around" in doubt.whole_why


def test_an_object_that_is_cut_off_everywhere_is_no_matter(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    with Session.create(disc_video, tmp_path / "shot.tam") as session:
        mask = square(disc, 12)
        said = ObjectPrompts(object_name="box", frame_index=0, prompts=Prompts(mask=mask))
        session.prompt(said)
        for index in range(1, len(disc)):
            entry = TrackedMatte(matte=mask.astype(np.float32), score=0.3, origin=Origin.PROPAGATED)
            session.project.append(index, {1: entry})
        (doubt,) = session.open_doubts()
    assert doubt.whole_frame is None
