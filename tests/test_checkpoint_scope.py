"""Which objects and frames a recipe asks about: those that have a part in what it writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.errors import ReviewPending
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.review.words import CAN_WAIT
from tam_edit.session import Session
from tam_edit.session.questions import GIVEN
from tam_edit.testing.clips import DrawnClip
from tests.review_pages import Page
from tests.scored_sessions import (
    FILL,
    FRAMES,
    asked,
    frames_of,
    recipe_with,
    two_tracked,
)


@pytest.fixture
def session(disc_video: Path, disc: DrawnClip, tmp_path: Path) -> Iterator[Session]:
    folder = tmp_path / "work"
    folder.mkdir()
    with two_tracked(disc_video, disc, folder / "shot.tam") as opened:
        yield opened


@pytest.mark.parametrize(
    ("checkpoint", "of_car", "of_dog"),
    [
        ('when = "frames"\nframes = [2, 8]', [8], [8]),
        ('when = "always"\nframe_count = 2', [6, 9], [6, 9]),
        ("threshold = 0.5", [7], []),
        # All that follows comes from what was given.
        ('when = "prompts"\nobjects = ["dog"]', [], [0]),
    ],
)
def test_what_is_asked_of_a_part(
    session: Session, tmp_path: Path, checkpoint: str, of_car: list[int], of_dog: list[int]
) -> None:
    recipe, out = recipe_with(checkpoint), tmp_path / "part.mp4"
    with pytest.raises(ReviewPending) as caught:
        session.render(recipe, out, part=range(6, 10))
    doubts = [dict(doubt) for doubt in caught.value.doubts]
    assert (frames_of(doubts, "car"), frames_of(doubts, "dog")) == (of_car, of_dog)


def test_a_review_says_what_a_part_does_not_wait_for(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, look = recipe_with("threshold = 0.5"), tmp_path.parent / f"{tmp_path.name}-look"
    assert all(doubt.stops for doubt in session.open_doubts())
    with pytest.raises(ReviewPending):
        session.render(recipe, tmp_path / "part.mp4", part=range(1, 5))
    # The worse one of the other object comes after the one that stops it.
    told = [(doubt.name, doubt.frames, doubt.stops) for doubt in session.open_doubts()]
    assert told == [("dog", (3,), True), ("car", (7,), False)]
    found = Page(session.write_review(look).read_text(encoding="utf-8"))
    # Above it in the list, and beside its pictures.
    assert [found.text.count(told) for told in ("These can wait", CAN_WAIT)] == [1, 1]
    capsys.readouterr()
    path = session.project.path
    session.close()
    assert run(["review", str(path)]) == 0
    first, second = capsys.readouterr().out.split("of 'car'")
    assert CAN_WAIT not in first
    assert f"can wait:  {CAN_WAIT}" in second
    # Where all is asked for, all of it stops again.
    with Session.open(path) as again:
        again.approve("seen", object_name="dog")
        with pytest.raises(ReviewPending):
            again.render(recipe, tmp_path / "all.mp4")
        assert [(doubt.name, doubt.stops) for doubt in again.open_doubts()] == [("car", True)]


def test_doubtful_masks_of_other_frames_matter_where_these_show_through(
    session: Session, tmp_path: Path
) -> None:
    recipe = recipe_with("threshold = 0.5", 'when = "frames"\nframes = [2]', effect='"remove"')
    with pytest.raises(ReviewPending) as caught:
        session.render(recipe, tmp_path / "part.mp4", part=range(8, 10))
    doubts = [dict(doubt) for doubt in caught.value.doubts]
    assert (frames_of(doubts, "car"), frames_of(doubts, "dog")) == ([7], [3])


@pytest.mark.parametrize(
    ("effect", "part", "frames"),
    [
        (FILL, None, [3, 7]),
        (FILL, range(5, 9), [7]),
        (f"{FILL}\nin_point = 5", None, [7]),
        (f'{FILL}\nobjects = ["dog"]', None, [3]),
        # What lies behind the object may come from any frame.
        ('"remove"\nin_point = 5', None, [3, 7]),
    ],
)
def test_doubtful_frames_of_an_output_are_those_on_which_something_is_done(
    session: Session, effect: str, part: range | None, frames: list[int]
) -> None:
    assert session.doubtful_frames(recipe_with(effect=effect), part) == frames


def test_a_review_goes_by_a_recipe_that_was_asked_before_anything_is_written(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    session.prompt(
        ObjectPrompts(object_name="dog", frame_index=9, prompts=Prompts(gone=True, gone_last=9))
    )
    session.ask(recipe_with("threshold = 0.95", 'when = "prompts"'))
    assert session.usual_threshold == 0.95
    doubts = [doubt.as_json() for doubt in session.open_doubts()]
    assert frames_of(doubts, "car") == list(range(FRAMES))
    # That it is gone is nothing that could lie beside it.
    (given,) = (d for d in doubts if d["object"] == "dog" and GIVEN in str(d["reasons"]))
    assert isinstance(given["frames"], list)
    assert 9 not in given["frames"]
    session.project.discard(1, 12, 13)
    path = session.project.path
    session.close()
    assert run(["approve", str(path), "--reason", "seen"]) == 0
    capsys.readouterr()
    assert run(["review", str(path)]) == 0
    told = capsys.readouterr()
    assert "nothing needs a look so far:" in told.out
    assert "no mask yet on" in told.err


def test_who_is_not_hidden_is_not_asked_about_and_reported_as_shown(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill = f'{FILL}\nobjects = ["dog"]\nin_point = 2'
    recipe = recipe_with("threshold = 0.5", 'when = "prompts"', effect=fill)
    out = tmp_path / "out.mp4"
    doubts = asked(session, recipe, out)
    assert (frames_of(doubts, "car"), frames_of(doubts, "dog")) == ([], [0, 3])
    session.approve("seen", object_name="dog")
    assert session.render(recipe, out).proof is not None
    told = json.loads((tmp_path / "out.mp4.report.json").read_text(encoding="utf-8"))
    of_dog, of_car = told["objects"]["dog"], told["objects"]["car"]
    assert (of_dog["frames_covered"], of_dog["frames_shown"]) == (FRAMES - 2, 2)
    assert (of_car["frames_covered"], of_car["frames_shown"]) == (0, FRAMES)
    # Of an effect on the background, the object is what is shown.
    inverted = recipe_with(effect=f"{FILL}\ninvert = true")
    coverage = session.coverage(inverted)
    assert [(name, len(each.shown)) for name, each in coverage.items()] == [
        ("car", FRAMES),
        ("dog", FRAMES),
    ]
    path = session.project.path
    session.close()
    job = ["render", str(path), "--preset", "redact-solid", "--set", "cover.objects=dog"]
    assert run([*job, "-o", str(tmp_path / "dog.mp4")]) == 0
    said = capsys.readouterr().err
    assert "shown, for nothing in this output hides them: 'car'" in said
    assert "nobody was looked for but 'dog':" in said
