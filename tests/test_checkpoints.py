"""What the checkpoints of a recipe stop for, and what lets them pass."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.errors import EncodeError, RecipeError, ReviewPending
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.session.questions import ALWAYS, STATED, spread
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte
from tests.scored_sessions import (
    CUT,
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
    ("checkpoints", "of_car", "of_dog"),
    [
        (['when = "doubt"\nthreshold = 0.3'], [7], []),
        (['when = "doubt"\nthreshold = 0.5\nobjects = ["dog"]'], [], [3]),
        # Each object has a threshold of its own; nothing that asks for more weakens one.
        (
            ['threshold = 0.1\nobjects = ["dog"]', 'threshold = 0.5\nobjects = ["dog"]'],
            [],
            [3],
        ),
        (['when = "always"\nframe_count = 4'], [0, 5, 10, 15], [0, 5, 10, 15]),
        (['when = "always"\nframe_count = 2\nobjects = ["car"]'], [0, 15], []),
        (['when = "frames"\nframes = [2, "00:00:00.480", "@14"]'], [2, 12, 14], [2, 12, 14]),
        (['when = "cuts"\nobjects = ["dog"]'], [], [CUT]),
        (['when = "frames"\nframes = [7]', "threshold = 0.5"], [7], [3, 7]),
        (["threshold = 0.0"], None, None),
    ],
)
def test_each_kind_asks_about_its_own_frames(
    session: Session,
    tmp_path: Path,
    checkpoints: list[str],
    of_car: list[int] | None,
    of_dog: list[int] | None,
) -> None:
    recipe, out = recipe_with(*checkpoints), tmp_path / "out.mp4"
    if of_car is None or of_dog is None:
        assert session.render(recipe, out).frame_count == FRAMES
        return
    doubts = asked(session, recipe, out)
    assert (frames_of(doubts, "car"), frames_of(doubts, "dog")) == (of_car, of_dog)
    # A review without a recipe shows all that, and what is doubtful of an object whose doubts
    # the recipe does not ask about.
    asks_for_doubts = [text for text in checkpoints if "threshold" in text]
    others = {
        name: [index]
        for name, index in (("car", 7), ("dog", 3))
        if not any("objects" not in text or name in text for text in asks_for_doubts)
    }
    shown = [doubt.as_json() for doubt in session.open_doubts()]
    for name, frames in (("car", of_car), ("dog", of_dog)):
        assert frames_of(shown, name) == sorted({*frames, *others.get(name, [])})
        if frames:
            session.approve("seen", object_name=name, frames=frames)
    assert session.render(recipe, out).frame_count == FRAMES
    left = [doubt.as_json() for doubt in session.open_doubts()]
    for name, asked_about in (("car", of_car), ("dog", of_dog)):
        assert frames_of(left, name) == sorted({*others.get(name, [])} - {*asked_about})


def test_what_two_checkpoints_ask_is_told_once_with_both_reasons(
    session: Session, tmp_path: Path
) -> None:
    recipe = recipe_with(
        'threshold = 0.3\nwhy = "Is it covered?"',
        f'when = "frames"\nframes = [7, {CUT}]\nobjects = ["car"]\nwhy = "The sign."',
        'when = "cuts"\nobjects = ["car"]',
    )
    out = tmp_path / "out.mp4"
    (doubt,) = asked(session, recipe, out)
    cut = "first frame after a cut at 00:00:00:10"
    assert doubt["frames"] == [7, CUT]
    assert doubt["doubtful_frames"] == [7]
    assert doubt["reasons"] == [STATED, cut, "it jumped"]
    assert doubt["look_for"] == ["Is it covered?", "The sign."]
    with pytest.raises(ReviewPending) as caught:
        session.render(recipe, out)
    told = str(caught.value).splitlines()
    assert told[1:3] == ["  look for: Is it covered?", "  look for: The sign."]
    assert told[3] == (
        "  frames 7, 10 (00:00:00:07 - 00:00:00:10) of 'car': "
        f"{STATED}, {cut}, it jumped (score 0.20 on frame 7)"
    )
    assert told[4].endswith("--object car --click X,Y@7")


def test_a_correction_voids_the_look_that_was_given(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    recipe, out = recipe_with('when = "always"\nframe_count = 2'), tmp_path / "out.mp4"
    session.project.settings["cuts"] = []
    assert [doubt["reasons"] for doubt in asked(session, recipe, out)] == [[ALWAYS]] * 4
    session.approve("seen", frames=range(FRAMES))
    painted = Prompts(mask=disc.mask(1, 12))
    session.prompt(ObjectPrompts(object_name="car", frame_index=12, prompts=painted))
    session.track()
    doubts = asked(session, recipe, out)
    assert (frames_of(doubts, "car"), frames_of(doubts, "dog")) == ([15], [])


@pytest.mark.parametrize("choice", ["continue", "cover-frame"])
def test_going_on_covers_what_is_doubtful_and_keeps_what_nobody_has_seen(
    session: Session, tmp_path: Path, choice: str
) -> None:
    recipe = recipe_with("threshold = 0.3", 'when = "frames"\nframes = [0, 7]\nobjects = ["car"]')
    report = session.render(recipe, tmp_path / "out.mp4", on_doubt=choice)  # type: ignore[arg-type]
    assert report.covered_frames == ((7,) if choice == "cover-frame" else ())
    decision = session.history()[-1]
    assert (decision.details["choice"], decision.details["count"]) == (choice, 2)
    assert session.project.approved(1) == frozenset()


def test_frames_that_no_prompt_reaches_stop_whatever_the_checkpoints_are(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    nowhere = TrackedMatte(
        matte=np.zeros((disc.height, disc.width), np.float32), score=0.0, origin=Origin.UNREACHED
    )
    session.project.append(15, {2: nowhere})
    out = tmp_path / "out.mp4"
    for recipe in (recipe_with(), recipe_with('threshold = 0.1\nobjects = ["car"]')):
        (doubt,) = asked(session, recipe, out)
        assert (doubt["object"], doubt["frames"], doubt["doubtful_frames"]) == ("dog", [15], [15])


def test_a_cut_checkpoint_looks_for_cuts_where_tracking_does_not(
    session: Session, tmp_path: Path
) -> None:
    from dataclasses import replace

    session.loop = replace(session.loop, at_cuts="ignore")
    assert session.cuts() == ()
    doubts = asked(session, recipe_with('when = "cuts"'), tmp_path / "out.mp4")
    assert frames_of(doubts, "car") == frames_of(doubts, "dog") == [CUT]


@pytest.mark.parametrize(
    ("frames", "told", "hint"),
    [
        (
            "[99]",
            r"steps\[1\]\.frames\[0\] \(checkpoint\) is the number 99, .*16 frames",
            "15",
        ),
        ('[1, "00:00:09.000"]', r"frames\[1\].*is past the end", "15"),
        ('["soon"]', r"frames\[0\].*'soon' names no frame", "120"),
    ],
)
def test_a_frame_that_is_not_there_is_refused_before_tracking(
    session: Session, tmp_path: Path, frames: str, told: str, hint: str
) -> None:
    recipe = recipe_with(f'when = "frames"\nframes = {frames}')
    with pytest.raises(RecipeError, match=told) as caught:
        session.check_output(recipe, tmp_path / "out.mp4")
    assert hint in caught.value.hint


def test_a_frame_outside_the_work_is_refused(disc_video: Path, tmp_path: Path) -> None:
    shot = tmp_path / "part.tam"
    with (
        Session.create(disc_video, shot, in_frame=4, out_frame=12) as session,
        pytest.raises(RecipeError, match="is the number 2, which is not among the frames 4 to 11"),
    ):
        session.check_output(
            recipe_with('when = "frames"\nframes = [5, 2]'), tmp_path / "out" / "out.mp4"
        )


def test_an_object_that_is_not_there_is_refused_with_the_nearest_name(session: Session) -> None:
    with pytest.raises(RecipeError, match=r"steps\[1\]\.objects\[1\].*cat") as caught:
        session.check_objects(recipe_with('when = "cuts"\nobjects = ["car", "cat"]'))
    assert "did you mean 'car'" in caught.value.hint


@pytest.mark.parametrize(
    ("start", "stop", "count", "frames"),
    [
        (0, 101, 5, (0, 25, 50, 75, 100)),
        (10, 13, 5, (10, 11, 12)),
        (4, 9, 1, (6,)),
        (7, 8, 3, (7,)),
        (0, 1000, 2, (0, 999)),
    ],
)
def test_frames_are_spread_from_the_first_to_the_last(
    start: int, stop: int, count: int, frames: tuple[int, ...]
) -> None:
    assert spread(range(start, stop), count) == frames


def test_the_terminal_and_the_page_list_what_a_recipe_asks_about(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = recipe_with(
        'when = "frames"\nframes = [14]\nobjects = ["car"]\nwhy = "Is <the sign> free?"'
    )
    asked(session, recipe, tmp_path / "work" / "out.mp4")
    path = session.project.path
    session.close()
    told = tmp_path / "told.json"
    assert run(["review", str(path), "--json", str(told), "--html", str(tmp_path / "page")]) == 0
    shown = capsys.readouterr().out
    assert "masks to look at (unapproved, with a score below 0.7 or asked for" in shown
    assert "    look for:  Is <the sign> free?" in shown
    assert f"frame 14 (00:00:00:14) of 'car': {STATED} (score 0.90)" in shown
    # What is doubtful is not forgotten over it.
    spans = json.loads(told.read_text(encoding="utf-8"))["spans"]
    assert [(span["object"], span["frames"]) for span in spans] == [
        ("car", [7]),
        ("dog", [3]),
        ("car", [14]),
    ]
    assert spans[2]["reasons"] == [STATED]
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert f"<p>Why: {STATED}.</p><p>Look for: Is &lt;the sign&gt; free?</p>" in page
    assert "or that a recipe asks about" in page
    # A threshold that is typed counts; what the recipe asks about stays.
    assert run(["review", str(path), "--below", "0.3"]) == 0
    shown = capsys.readouterr().out
    assert [f"frame {index} " in shown for index in (3, 7, 14)] == [False, True, True]


def test_what_was_decided_lies_beside_the_output(session: Session, tmp_path: Path) -> None:
    recipe, out = recipe_with("threshold = 0.5"), tmp_path / "out.mp4"
    proof = tmp_path / "out.mp4.report.json"
    asked(session, recipe, out)
    assert not proof.exists()
    session.approve("hidden by a tree", object_name="car")
    proof.write_text("somebody's", encoding="utf-8")
    with pytest.raises(EncodeError, match=r"report\.json exists already"):
        session.check_output(recipe, out)
    proof.unlink()
    rendered = session.render(recipe, out, on_doubt="cover-frame")
    assert rendered.proof == proof
    told = json.loads(proof.read_text(encoding="utf-8"))
    assert told["schema"] == "tam_edit.report/1"
    assert told["outputs"][0]["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert told["source"]["identity"] == session.project.source["identity"]
    assert [step["kind"] for step in told["recipe"]["steps"]][:2] == ["track", "checkpoint"]
    assert (told["threshold"], told["doubtful_approved"], told["frames_covered_whole"]) == (
        0.5,
        1,
        [3],
    )
    car, dog = told["objects"]["car"], told["objects"]["dog"]
    assert (car["frames_covered"], car["frames_without_mask"], car["worst_score"]) == (
        FRAMES,
        0,
        0.2,
    )
    others = {key: [] for key in ("shown", "held", "without_mask", "unsettled")}
    assert car["spans"] == {"covered": [[0, FRAMES - 1]], **others}
    assert [score < 0.5 for score in car["scores"]] == [i == 7 for i in range(FRAMES)]
    source = session.source.info.path
    assert told["source"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert told["hides"] is True
    assert (car["doubtful"], car["doubtful_approved"]) == (1, 1)
    assert (dog["doubtful"], dog["doubtful_approved"]) == (1, 0)
    kinds = [each["kind"] for each in told["decisions"]]
    assert kinds == ["prompt", "prompt", "approval", "on-doubt"]
    approval = told["decisions"][2]
    assert (approval["reason"], approval["frames"], approval["worst_score"]) == (
        "hidden by a tree",
        [0, FRAMES - 1],
        0.2,
    )
    assert all(each["user"] for each in told["decisions"])
    # The output stays, and so may its own report; a report alone is somebody's only proof.
    session.check_output(recipe, out)
    out.unlink()
    with pytest.raises(EncodeError, match="exists already"):
        session.check_output(recipe, out)
    session.check_output(recipe, out, overwrite=True)


def test_a_recipe_that_promises_nothing_writes_no_report(session: Session, tmp_path: Path) -> None:
    assert session.render(recipe_with(), tmp_path / "out.mp4").proof is None
    assert [path.name for path in tmp_path.glob("out*")] == ["out.mp4"]


def test_a_first_mask_comes_before_what_follows_from_it_until_somebody_came_back_to_it(
    disc_video: Path, disc: DrawnClip, disc_click: str, tmp_path: Path
) -> None:
    """However many clicks it took; that an object was gone in between changes nothing."""
    x, y = map(float, disc_click.split(","))

    def say(session: Session, *clicks: tuple[float, float]) -> list[int]:
        said = Prompts(positive=clicks)
        session.prompt(ObjectPrompts(object_name="disc", frame_index=0, prompts=said))
        for index in (0, *range(1, 4), *range(5, FRAMES)):
            entry = TrackedMatte(
                matte=disc.mask(1, index).astype(np.float32),
                score=0.1 if index >= 12 else 0.6 if index == 0 else 0.9,
                origin=Origin.PROPAGATED if index else Origin.KEYFRAME,
            )
            session.project.append(index, {1: entry})
        return [doubt.proposed_frame for doubt in session.doubts(0.7)]

    with Session.create(disc_video, tmp_path / "shot.tam") as session:
        session.prompt(
            ObjectPrompts(
                object_name="disc", frame_index=4, prompts=Prompts(gone=True, gone_last=4)
            )
        )
        assert say(session, (x, y), (x + 1, y))[0] == 0
        first, *_, last = say(session, (x, y + 1))
        assert (first, last) == (12, 0)
