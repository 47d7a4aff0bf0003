"""Projects: what is stored comes back, and what makes no sense is not stored."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.masks.codec import MATTE_ERROR
from tam_edit.project import Project, PromptKind
from tam_edit.prompts import Prompts
from tam_edit.tracks import FrameScore, Origin, TrackedMatte, TrackReader, TrackSink
from tests.made_projects import SOURCE, files_of, matte, tracked


def test_a_project_is_a_sink_and_a_reader(project: Project) -> None:
    assert isinstance(project, TrackSink)
    assert isinstance(project, TrackReader)


def test_everything_comes_back_after_closing(tam_path: Path) -> None:
    painted = np.zeros((62, 80), bool)
    painted[10:20, 30:55] = True
    with Project.create(
        tam_path, source=SOURCE, width=80, height=62, frame_count=100, in_frame=5, out_frame=90
    ) as project:
        project.settings["model"] = "builtin"
        project.settings["short_side"] = 480
        dog, cat = project.add_object("dog"), project.add_object("cat")
        project.add_prompts(dog, 7, Prompts(positive=((1.5, 2),), mask=painted))
        project.append(7, {dog: tracked(3, Origin.KEYFRAME), cat: tracked(4)})
        project.log("rejected", frame=7, iou=0.25)
    with Project.open(str(tam_path)) as project:
        assert project.path == tam_path
        assert project.source == SOURCE
        assert (project.width, project.height, project.frame_count) == (80, 62, 100)
        assert (project.in_frame, project.out_frame) == (5, 90)
        assert dict(project.settings) == {"model": "builtin", "short_side": 480}
        assert project.objects() == {1: "dog", 2: "cat"}
        assert project.object_id("cat") == 2
        assert np.array_equal(project.prompts(dog)[7].mask, painted)  # type: ignore[arg-type]
        entry = project.entry(dog, 7)
        assert entry is not None
        assert (entry.score, entry.origin, entry.reasons) == (0.3, Origin.KEYFRAME, ("dark", "Ä"))
        assert np.abs(entry.matte - matte(3)).max() <= MATTE_ERROR + 1e-7
        assert project.entry(cat, 8) is None
        (line,) = project.log_records()
        assert (line.log_id, line.kind, line.details) == (1, "rejected", {"frame": 7, "iou": 0.25})
        assert line.time.endswith("+00:00")


def test_settings_are_a_dictionary(project: Project) -> None:
    project.settings["a"] = [1, None, {"b": "ü"}]
    project.settings["a"] = "again"
    project.settings["c"] = 2
    del project.settings["c"]
    assert dict(project.settings) == {"a": "again"}
    assert project.settings.get("c", 7) == 7
    with pytest.raises(KeyError):
        del project.settings["c"]
    for value in (float("nan"), object()):
        with pytest.raises(InputError, match="the setting 'a' cannot be kept"):
            project.settings["a"] = value
    assert project.settings["a"] == "again"


def test_objects_keep_their_ids_and_names_are_unique(project: Project) -> None:
    assert project.add_object("cat") == 2
    with pytest.raises(InputError, match="called 'dog' already"):
        project.add_object("dog")
    with pytest.raises(InputError, match="needs a name"):
        project.add_object(" ")
    with pytest.raises(UnknownNameError, match="no object called 'dgo'") as caught:
        project.object_id("dgo")
    assert caught.value.hint == "did you mean 'dog'?"
    assert project.add_object("bird") == 3
    assert project.object_ids == (1, 2, 3)


@pytest.mark.parametrize("span", [(0, 0), (5, 4), (-1, 4), (0, 101)])
def test_a_span_that_is_none_makes_no_file(tam_path: Path, span: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="nothing to work on"):
        Project.create(
            tam_path,
            source={},
            width=4,
            height=4,
            frame_count=100,
            in_frame=span[0],
            out_frame=span[1],
        )
    assert files_of(tam_path) == []


def test_prompts_of_one_frame_come_back_as_one(project: Project) -> None:
    first, second = np.zeros((62, 80), bool), np.zeros((62, 80), bool)
    first[3, 4] = second[5:9, 6:60] = True
    cat = project.add_object("cat")
    project.add_prompts(1, 9, Prompts(positive=((1, 2), (0.1, 2.7)), negative=((9, 9),)))
    project.add_prompts(1, 4, Prompts(box=(1, 2, 30, 40)))
    project.add_prompts(cat, 9, Prompts(positive=((70, 60),)))
    project.add_prompts(1, 9, Prompts(negative=((float(np.float32(3.5)), 4),)))
    before = project.prompts(1)[9]
    assert list(before.positive) == [(1, 2), (0.1, 2.7)]
    assert list(before.negative) == [(9, 9), (3.5, 4)]
    project.add_prompts(1, 9, Prompts(positive=((5, 6),), box=(0, 0, 9.5, 9), mask=first))
    assert project.prompts(1)[9].positive == ((5, 6),)
    project.add_prompts(1, 9, Prompts(box=(0, 0, 8, 8), mask=second))
    said = project.prompts(1)
    assert list(said) == [4, 9]
    assert said[4].box == (1, 2, 30, 40)
    # A newer mask takes the place of everything before it.
    assert (said[9].positive, said[9].negative) == ((), ())
    assert said[9].box == (0, 0, 8, 8)
    assert np.array_equal(said[9].mask, second)  # type: ignore[arg-type]
    project.add_prompts(1, 9, Prompts(negative=((7, 7),)))
    assert project.prompts(1)[9].negative == ((7, 7),)
    assert [once.positive for once in project.ever_said(1, 9)].count(((1, 2),)) == 1
    assert list(project.prompts(cat)) == [9]


def test_prompt_records_tell_everything_in_order(project: Project) -> None:
    mask = np.eye(62, 80, dtype=bool)
    project.add_prompts(1, 3, Prompts(positive=((1, 2),), negative=((3, 4),)))
    project.add_prompts(1, 2, Prompts(mask=mask, box=(1, 2, 3, 4)))
    records = list(project.prompt_records())
    assert [record.prompt_id for record in records] == [1, 2, 3, 4]
    assert [(record.kind, record.frame_index, record.numbers) for record in records] == [
        (PromptKind.CLICK, 3, (1, 2)),
        (PromptKind.NOT, 3, (3, 4)),
        (PromptKind.MASK, 2, (80, 62)),
        (PromptKind.BOX, 2, (1, 2, 3, 4)),
    ]
    assert np.array_equal(records[2].mask, mask)  # type: ignore[arg-type]
    assert all(record.is_active and record.object_id == 1 for record in records)


def test_a_prompt_that_was_taken_back_no_longer_counts(tam_path: Path, project: Project) -> None:
    project.add_prompts(1, 3, Prompts(positive=((1, 2), (5, 6)), box=(1, 1, 5, 5)))
    project.close()
    with sqlite3.connect(tam_path) as connection:
        connection.execute("UPDATE prompt SET is_active = 0 WHERE id IN (1, 2)")
    connection.close()
    with Project.open(tam_path) as again:
        assert again.prompts(1)[3].box is None
        assert again.prompts(1)[3].positive == ((5, 6),)
        assert [r.is_active for r in again.prompt_records()] == [False, False, True]


def test_prompts_that_cannot_be_meant_are_refused(project: Project) -> None:
    click = Prompts(positive=((1, 2),))
    with pytest.raises(UnknownNameError, match="no object 2"):
        project.add_prompts(2, 0, click)
    for frame in (-1, 100):
        with pytest.raises(InputError, match=f"there is no frame {frame}: the video has 100"):
            project.add_prompts(1, frame, click)
    with pytest.raises(InputError, match="is 62x80, but the video is 80x62"):
        project.add_prompts(1, 0, Prompts(mask=np.ones((80, 62), bool)))
    with pytest.raises(InputError, match="nothing to say"):
        project.add_prompts(1, 0, Prompts())
    assert project.prompts(1) == {}


def test_what_was_said_after_an_object_was_gone_is_what_counts(project: Project) -> None:
    project.add_prompts(1, 3, Prompts(positive=((1, 1),)))
    project.add_prompts(1, 3, Prompts(gone=True))
    assert project.prompts(1)[3].gone
    assert project.prompts(1)[3].positive == ()
    project.add_prompts(1, 3, Prompts(positive=((2, 2),)))
    assert not project.prompts(1)[3].gone
    assert project.prompts(1)[3].positive == ((2, 2),)


def test_a_keyframe_mask_is_exact_at_display_size(project: Project) -> None:
    hard = (matte(0, 62, 80) > 0.5).astype(np.float32)
    project.append(5, {1: TrackedMatte(matte=hard, score=1.0, origin=Origin.KEYFRAME)})
    project.append(6, {1: tracked(1)})
    track = project.track(1, [0.0, 0.1, 0.3])
    assert np.array_equal(track.matte(5, 80, 62), hard)
    assert track.matte(6, 80, 62).shape == (62, 80)
    assert track.index_at(0.2) == 1
    assert project.track_set()[1].score(6) == 0.1
    with pytest.raises(InputError, match="never tracked on frame 7"):
        track.matte(7, 80, 62)


def test_spans_and_scores_reach_over_pages_of_rows(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tam_edit.project.mattes._PAGE_ROWS", 3)
    frames = [*range(8), 10, 11, *range(20, 29)]
    for frame in random.Random(1).sample(frames, len(frames)):
        project.append(frame, {1: tracked(frame)})
    assert project.tracked_spans(1) == [(0, 8), (10, 12), (20, 29)]
    known = list(project.scores(1))
    assert [it.frame_index for it in known] == frames
    assert known[3] == FrameScore(3, 0.3, Origin.PROPAGATED, ("dark", "Ä"))
    assert project.tracked_spans(2) == []


def test_scores_may_be_read_while_frames_are_written(project: Project) -> None:
    for frame in range(10):
        project.append(frame, {1: tracked(frame)})
    seen = []
    for known in project.scores(1):
        seen.append(known.frame_index)
        project.append(known.frame_index, {1: tracked(5, Origin.REFINED)})
        project.flush()
    assert seen == list(range(10))


def test_append_refuses_what_makes_no_sense_and_writes_nothing(project: Project) -> None:
    good = tracked()
    bad = TrackedMatte(matte=matte() * 2, score=0.5, origin=Origin.PROPAGATED)
    unsure = TrackedMatte(matte=matte(), score=float("nan"), origin=Origin.PROPAGATED)
    project.append(0, {1: good})
    project.flush()
    with pytest.raises(UnknownNameError, match="no object 2"):
        project.append(1, {1: good, 2: good})
    with pytest.raises(InputError, match="no frame 100"):
        project.append(100, {1: good})
    with pytest.raises(InputError, match="from 0 to 1"):
        project.append(1, {1: bad})
    with pytest.raises(InputError, match="score nan"):
        project.append(1, {1: unsure})
    with pytest.raises(InputError, match="begin_run"):
        project.append(1, {1: good}, lambda: b"")
    assert project.tracked_spans(1) == [(0, 1)]


def test_a_mask_that_replaces_an_approved_one_is_not_approved(project: Project) -> None:
    for index in (0, 1):
        project.append(index, {1: tracked()})
    project.approve(1, range(2), "looked at")
    project.append(1, {1: tracked()})
    assert project.approved(1) == {0}
