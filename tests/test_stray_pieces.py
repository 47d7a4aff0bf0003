"""Tests what is told of a mask's pieces to which no click points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tam_edit._cli.console import Output
from tam_edit._cli.prompting import tell_strays
from tam_edit.masks.pieces import stray_pieces
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.tracks import Origin, TrackedMatte
from tam_edit.types import Box, Mask


@pytest.fixture
def mask() -> Mask:
    """An object of 400 pixels, pieces of 100 and 6 pixels, and a speck of 1."""
    mask = np.zeros((60, 80), np.bool_)
    mask[5:25, 5:25] = mask[40:50, 10:20] = mask[40:42, 60:63] = mask[55, 75] = True
    return mask


def test_pieces_without_a_click_are_found_the_largest_first(mask: Mask) -> None:
    first, second = stray_pieces(mask, [(10, 10)], None)
    assert (first.sum(), second.sum()) == (100, 6)
    assert first[45, 15]
    (only,) = stray_pieces(mask, [(10, 10), (61.4, 41.2)], None)
    assert np.array_equal(only, first)


def test_what_a_box_touches_is_meant(mask: Mask) -> None:
    (only,) = stray_pieces(mask, [], Box(0, 0, 30, 45))
    assert only.sum() == 6
    assert stray_pieces(mask, [(10, 10)], Box(50, 30, 70, 45))[0].sum() == 100


def test_nothing_is_told_where_no_piece_is_meant(mask: Mask) -> None:
    assert stray_pieces(mask, [(70, 10)], None) == []
    assert stray_pieces(mask, [(79.4, 59.4)], None) == []
    assert stray_pieces(np.zeros_like(mask), [(1, 1)], None) == []


def test_a_prompt_says_where_they_are_and_how_they_go(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = map(float, disc_click.split(","))
    click = Prompts(positive=((x, y),))
    said = ObjectPrompts(object_name="disc", frame_index=0, prompts=click)
    with Session.create(disc_video, tmp_path / "shot.tam") as session:
        session.prompt(said)
        tell_strays(session, said, Output(json_file=None, is_quiet=False, is_verbose=False))
        assert not capsys.readouterr().err
        matte = session.project.entry(1, 0).matte.copy()
        matte[:10, :10] = 1
        session.project.append(0, {1: TrackedMatte(matte=matte, score=1, origin=Origin.KEYFRAME)})
        tell_strays(session, said, Output(json_file=None, is_quiet=False, is_verbose=False))
    (note,) = capsys.readouterr().err.splitlines()
    assert "a separate piece of the mask, around " in note
    px, py = map(float, note.rpartition("--not ")[2].removesuffix("@0").split(","))
    assert 0 <= px < 10
    assert 0 <= py < 10
