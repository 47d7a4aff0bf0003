"""An object that enters and leaves: what is said of where it is not takes no good mask away."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit.project import Project
from tam_edit.prompts import Prompts
from tam_edit.testing.clips import draw_clip
from tam_edit.tracking.plan import ObjectState, plan_passes
from tam_edit.tracks import Origin, TrackedMatte
from tam_edit.types import Mask

# Of a drawn object that is away in the middle of its clip, from where it is away on.
CLIP_FRAMES = 52
FIRST = 22
FRAMES = CLIP_FRAMES - FIRST
PROMPTED = 18
NAME = "the cap"
Stored = list[tuple[bytes, float, str]]


class Entering:
    """An object that is not there at first and then comes in."""

    def __init__(self) -> None:
        self.clip = draw_clip("leaves", frames=CLIP_FRAMES, width=160, height=120, seed=3)

    def mask(self, index: int) -> Mask:
        return self.clip.mask(1, FIRST + index)


CLIP = Entering()
ENTERS = next(index for index in range(FRAMES) if CLIP.mask(index).any())


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("enters")
    for index, image in enumerate(CLIP.clip.frames):
        if index >= FIRST:
            Image.fromarray(image).save(folder / f"{index - FIRST:04d}.png")
    return folder


@pytest.fixture
def path(video: Path, tmp_path: Path) -> Path:
    """Tracked: empty and doubtful up to ENTERS, doubtful for a while, good after that."""
    path = tmp_path / "shot.tam"
    assert run(["new", str(video), "-o", str(path), "--fps", "25", "-q"]) == 0
    with Project.open(path) as project:
        number = project.add_object(NAME)
        project.settings["loop"] = {"at_cuts": "ignore"}
        for index in range(FRAMES):
            is_given = index == PROMPTED
            entry = TrackedMatte(
                matte=CLIP.mask(index).astype(np.float32),
                score=1 if is_given else 0.4 if index < ENTERS else 0.6 if index < 12 else 0.9,
                origin=Origin.KEYFRAME if is_given else Origin.PROPAGATED,
            )
            project.append(index, {number: entry})
        project.add_prompts(number, PROMPTED, Prompts(mask=CLIP.mask(PROMPTED)))
    return path


def stored(path: Path) -> Stored:
    with Project.open(path) as project:
        found = [project.entry(1, index) for index in range(FRAMES)]
    return [(e.matte.tobytes(), e.score, str(e.origin)) for e in found if e is not None]


def shown(path: Path) -> list[int]:
    with Project.open(path) as project:
        found = [(i, project.entry(1, i)) for i in range(FRAMES)]
    return [i for i, entry in found if entry is not None and entry.matte.any()]


def gone(path: Path, frames: str) -> int:
    return run(["prompt", str(path), "--object", NAME, "--gone", frames])


def doubts(path: Path, below: str, folder: Path) -> list[dict[str, Any]]:
    told = folder / "doubts.json"
    assert run(["review", str(path), "--below", below, "--json", str(told), "-q"]) == 0
    found: list[dict[str, Any]] = json.loads(told.read_text())["spans"]
    return sorted(found, key=lambda span: int(span["start"]), reverse=True)


def track(path: Path) -> None:
    assert run(["track", str(path), "-q"]) == 0


def test_what_a_doubt_proposes_takes_no_mask_away(path: Path, tmp_path: Path) -> None:
    before = stored(path)
    other, span = doubts(path, "0.7", tmp_path)
    assert (span["start"], span["last"]) == (0, ENTERS - 1)
    assert (other["start"], other["last"], other["commands"]["gone"]) == (ENTERS, 11, None)
    # Next to the frame that shows it a person says up to where it is not: some of it may be seen.
    assert span["seen_beside"] == [ENTERS]
    assert span["proposed_frame"] == ENTERS - 1
    command = shlex.split(span["commands"]["gone"])
    assert command[-2:] == ["--gone", "0-B"]
    assert run(command[1:]) == 1
    assert run([*command[1:-1], f"0-{ENTERS - 1}"]) == 0
    track(path)
    after = stored(path)
    assert len(after) == FRAMES
    assert after[ENTERS:] == before[ENTERS:]
    assert [(score, origin) for _, score, origin in after[:ENTERS]] == [(1.0, "absent")] * ENTERS
    assert shown(path) == [*range(ENTERS, FRAMES)]
    # What is left to look at has masks: nothing is proposed that would take them away.
    (span,) = doubts(path, "0.7", tmp_path)
    assert (span["start"], span["last"], span["commands"]["gone"]) == (ENTERS, 11, None)


def test_without_an_end_good_masks_are_not_taken_away(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = stored(path)
    assert gone(path, "0") == 1
    told = capsys.readouterr().err
    masks = f"'{NAME}' has masks on frames {ENTERS} to {PROMPTED - 1} that this would take away"
    assert f"{masks}, with scores up to 0.90" in told
    assert f"--gone 0-{ENTERS - 1} leaves them" in told
    assert f"--gone 0-{PROMPTED - 1} takes them away, too" in told
    assert stored(path) == before


def test_an_end_takes_away_what_it_covers_and_says_so(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = stored(path)
    assert gone(path, f"24-{FRAMES - 1}") == 0
    said = capsys.readouterr()
    assert f"'{NAME}' is not there on frames 24 to {FRAMES - 1}" in said.out
    undo = f"tam-edit history {shlex.quote(str(path))} --undo 2"
    assert f"this took 6 masks of it away; to take it back: {undo}" in said.out + said.err
    assert gone(path, f"24-{FRAMES - 1}") == 0
    assert "already there" in capsys.readouterr().out
    track(path)
    assert shown(path) == [*range(ENTERS, 24)]
    assert stored(path)[:24] == before[:24]
    assert run(shlex.split(undo)[1:]) == 0
    with Project.open(path) as project:
        assert project.tracked_spans(1) == [(0, 24)]
    track(path)
    assert stored(path)[:24] == before[:24]
    assert len(shown(path)) > 24 - ENTERS


def test_a_sure_mask_is_not_taken_away_without_a_second_look(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip of the pen in a redaction would leave the object open on these frames."""
    assert gone(path, f"{PROMPTED - 6}-{PROMPTED - 1}") == 0
    track(path)
    # A person is believed where privacy is not at stake.
    assert all(span["last"] < PROMPTED - 6 for span in doubts(path, "0.7", tmp_path))
    span = doubts(path, "0.75", tmp_path)[0]
    # From the first frame on, which is the one that the prompt is on.
    assert span["frames"] == list(range(PROMPTED - 6, PROMPTED))
    assert span["reasons"] == ["said to be gone where a mask showed it before"]
    # It has been said already, so it is not proposed again.
    assert (span["is_empty"], span["commands"]["gone"]) == (True, None)
    capsys.readouterr()
    approve = ["approve", str(path), "--frames", f"{PROMPTED - 7}-{PROMPTED}", "--reason", "hidden"]
    assert run([*approve, "--json", str(tmp_path / "told.json")]) == 0
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["empty"] == {NAME: list(range(PROMPTED - 6, PROMPTED))}
    said = f"on 6 of these frames ({PROMPTED - 6}-{PROMPTED - 1}) the mask of '{NAME}' is empty"
    assert said in capsys.readouterr().err
    assert all(span["last"] < PROMPTED - 7 for span in doubts(path, "0.75", tmp_path))


def test_taking_it_back_leaves_the_masks_after_its_end(path: Path) -> None:
    before = stored(path)
    assert gone(path, "2-5") == 0
    track(path)
    assert run(["history", str(path), "--undo", "2", "-q"]) == 0
    with Project.open(path) as project:
        assert project.tracked_spans(1) == [(0, 2), (6, FRAMES)]
    track(path)
    after = stored(path)
    assert after[:2] + after[6:] == before[:2] + before[6:]
    assert "absent" not in [origin for _, _, origin in after]


def test_a_later_correction_reaches_the_masks_after_its_end_and_no_others(
    path: Path, tmp_path: Path
) -> None:
    assert gone(path, f"0-{ENTERS - 1}") == 0
    track(path)
    before = stored(path)
    picture = tmp_path / "mask.png"
    Image.fromarray(CLIP.mask(14).astype(np.uint8)).save(picture)
    correction = ["--object", NAME, "--mask", f"{picture}@14"]
    assert run(["prompt", str(path), *correction, "-q"]) == 0
    with Project.open(path) as project:
        assert project.tracked_spans(1) == [(0, ENTERS), (14, 15), (PROMPTED, FRAMES)]
    track(path)
    after = stored(path)
    assert after[:ENTERS] + after[PROMPTED:] == before[:ENTERS] + before[PROMPTED:]
    assert "absent" not in [origin for _, _, origin in after[ENTERS:]]


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ("9-5", "the last frame comes before the first"),
        ("5-", "not a frame or a time, nor two of them"),
        ("5-99", "there is no frame 99"),
        ("3-20", f"frame {PROMPTED} has prompts"),
    ],
)
def test_spans_that_make_no_sense_are_refused(
    path: Path, capsys: pytest.CaptureFixture[str], frames: str, why: str
) -> None:
    before = stored(path)
    assert gone(path, frames) == 1
    assert why in capsys.readouterr().err
    assert stored(path) == before


def test_times_name_the_span_as_well(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gone(path, "00:00:00.080-00:00:00.200") == 0
    assert f"'{NAME}' is not there on frames 2 to 5" in capsys.readouterr().out
    assert run(["history", str(path)]) == 0
    assert "gone up to frame 5" in capsys.readouterr().out


@pytest.mark.parametrize(("keyframe", "step"), [(0, 1), (20, -1)])
def test_what_comes_after_the_end_is_reached_as_if_it_had_not_been_said(
    keyframe: int, step: int
) -> None:
    state = ObjectState(
        keyframes=sorted([keyframe, 5]),
        tracked=sorted([(keyframe, keyframe + 1), (5, 6)]),
        gone=frozenset([5]),
        gone_last={5: 9},
    )
    plan = plan_passes({1: state}, 0, 21)
    assert [(fill.frames, fill.origin) for fill in plan.fills] == [(range(6, 10), Origin.ABSENT)]
    reached: set[Any] = set()
    for one_pass in plan.passes:
        assert one_pass.keyframes == {keyframe: (1,)}
        assert one_pass.frames.step == step
        reached |= {*one_pass.frames}
    assert reached >= {*range(1, 5), *range(10, 20)}
