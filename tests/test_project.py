"""Projects: what was committed is there, whatever happens to the process or the file."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import InputError, ProjectError, UnknownNameError
from tam_edit.masks.codec import MATTE_ERROR
from tam_edit.project import Project, PromptKind, gathered, schema
from tam_edit.prompts import Prompts
from tam_edit.tracks import FrameScore, Origin, RunState, TrackedMatte, TrackReader, TrackSink
from tam_edit.types import Matte

SOURCE: dict[str, object] = {"path": "clip.mp4", "size": 123, "streams": [{"codec": "h264"}]}


def make(path: Path, *, overwrite: bool = False, frame_count: int = 100) -> Project:
    return Project.create(
        path,
        source=SOURCE,
        width=80,
        height=62,
        frame_count=frame_count,
        in_frame=0,
        out_frame=frame_count,
        overwrite=overwrite,
    )


def matte(seed: int = 0, height: int = 31, width: int = 40) -> Matte:
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - 15, columns - 10 - seed % 20)
    return np.asarray(1 / (1 + np.exp(distance - 9)), np.float32)


def tracked(seed: int = 0, origin: Origin = Origin.PROPAGATED) -> TrackedMatte:
    score = (seed % 11) / 10
    return TrackedMatte(matte=matte(seed), score=score, origin=origin, reasons=("dark", "Ä"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shot.tam"


@pytest.fixture
def project(path: Path) -> Iterator[Project]:
    with make(path) as made:
        made.add_object("dog")
        yield made


def files_of(path: Path) -> list[str]:
    return sorted(place.name for place in path.parent.iterdir())


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


# --- what is stored comes back ------------------------------------------------------------------


def test_a_project_is_a_sink_and_a_reader(project: Project) -> None:
    assert isinstance(project, TrackSink)
    assert isinstance(project, TrackReader)


def test_everything_comes_back_after_closing(path: Path) -> None:
    painted = np.zeros((62, 80), bool)
    painted[10:20, 30:55] = True
    with Project.create(
        path, source=SOURCE, width=80, height=62, frame_count=100, in_frame=5, out_frame=90
    ) as project:
        project.settings["model"] = "builtin"
        project.settings["short_side"] = 480
        dog, cat = project.add_object("dog"), project.add_object("cat")
        project.add_prompts(dog, 7, Prompts(positive=((1.5, 2),), mask=painted))
        project.append(7, {dog: tracked(3, Origin.KEYFRAME), cat: tracked(4)})
        project.log("rejected", frame=7, iou=0.25)
    with Project.open(str(path)) as project:
        assert project.path == path
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
def test_a_span_that_is_none_makes_no_file(path: Path, span: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="nothing to work on"):
        Project.create(
            path,
            source={},
            width=4,
            height=4,
            frame_count=100,
            in_frame=span[0],
            out_frame=span[1],
        )
    assert files_of(path) == []


# --- prompts ------------------------------------------------------------------------------------


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


def test_a_prompt_that_was_taken_back_no_longer_counts(path: Path, project: Project) -> None:
    project.add_prompts(1, 3, Prompts(positive=((1, 2), (5, 6)), box=(1, 1, 5, 5)))
    project.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE prompt SET is_active = 0 WHERE id IN (1, 2)")
    connection.close()
    with Project.open(path) as again:
        assert again.prompts(1)[3].box is None
        assert again.prompts(1)[3].positive == ((5, 6),)
        assert [r.is_active for r in again.prompt_records()] == [False, False, True]


def test_prompts_that_cannot_be_meant_are_refused(project: Project) -> None:
    click = Prompts(positive=((1, 2),))
    with pytest.raises(UnknownNameError, match="no object called '2'"):
        project.add_prompts(2, 0, click)
    for frame in (-1, 100):
        with pytest.raises(InputError, match=f"there is no frame {frame}: the video has 100"):
            project.add_prompts(1, frame, click)
    with pytest.raises(InputError, match="is 62x80, but the video is 80x62"):
        project.add_prompts(1, 0, Prompts(mask=np.ones((80, 62), bool)))
    with pytest.raises(InputError, match="nothing to say"):
        project.add_prompts(1, 0, Prompts())
    assert project.prompts(1) == {}


# --- mattes -------------------------------------------------------------------------------------


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
    with pytest.raises(UnknownNameError, match="'2'"):
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


# --- passes -------------------------------------------------------------------------------------


def test_frames_wait_for_their_commit_and_the_snapshot_is_of_the_newest(
    project: Project, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    taken: list[int] = []

    def snapshot_of(frame: int) -> Callable[[], bytes]:
        def snapshot() -> bytes:
            taken.append(frame)
            return b"state %d" % frame

        return snapshot

    project.flush()
    project._frames._committed_at = 0.0
    project.begin_run("builtin", "forward", [1])
    for frame in range(25):
        clock[0] = frame * 0.11
        project.append(frame, {1: tracked(frame)}, snapshot_of(frame))
        state = project.run_state()
        assert (state is None) == (frame < 10)
        assert state is None or state.frame_index == taken[-1]
    assert taken == [10, 20]  # the first frames at least 1 s after the last commit
    assert project.tracked_spans(1) == [(0, 25)]
    project.flush()
    assert taken == [10, 20, 24]
    assert project.run_state() == RunState(
        model="builtin", direction="forward", frame_index=24, object_ids=(1,), snapshot=b"state 24"
    )
    project.end_run()
    assert project.run_state() is None


def commit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes."""
    monkeypatch.setattr(gathered, "COMMIT_INTERVAL_S", 0.0)
    monkeypatch.setattr(gathered, "COMMIT_TIME_SHARE", 1.0)


@pytest.mark.parametrize(
    ("takes_s", "frames_apart"),
    [
        # 19 times as long is less than the interval of 1 s: as often as ever.
        (1 / 64, 8),
        # 19 x 0.25 s: 0.25 s of each 5 s.
        (0.25, 38),
        # 19 x 5 s would be 95 s: never longer than a minute.
        (5.0, 480),
    ],
)
def test_commits_take_a_twentieth_of_the_time_and_none_waits_more_than_a_minute(
    project: Project, monkeypatch: pytest.MonkeyPatch, takes_s: float, frames_apart: int
) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    project.flush()
    project._frames._committed_at = 0.0
    project.begin_run("builtin", "forward", [1])
    committed: list[int] = []
    count = 0

    def slow_snapshot() -> bytes:
        clock[0] += takes_s
        committed.append(count)
        return b"%d" % count

    entry = {1: tracked()}
    while len(committed) < 3:
        count += 1
        clock[0] += 0.125
        project.append(count % 90, entry, slow_snapshot)
    # Of the first one nobody knew how long it would take.
    assert committed == [8, 8 + frames_apart, 8 + 2 * frames_apart]
    assert clock[0] - count * 0.125 == 3 * takes_s
    state = project.run_state()
    assert state is not None
    assert state.snapshot == b"%d" % committed[-1]


def test_a_frame_without_snapshot_never_commits_others_without_theirs(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "COMMIT_INTERVAL_S", 3600.0)
    project.begin_run("builtin", "backward", [1])
    project.append(9, {1: tracked()}, lambda: b"nine")
    commit_at_once(monkeypatch)
    project.append(8, {1: tracked()})
    project.log("rejected", frame=8)
    assert project.run_state() is None
    project.append(7, {1: tracked()}, lambda: b"seven")
    state = project.run_state()
    assert state is not None
    assert (state.frame_index, state.snapshot, state.direction) == (7, b"seven", "backward")


def test_an_interrupted_pass_keeps_what_was_committed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(project: Project) -> None:
        with project:
            project.add_object("dog")
            project.begin_run("builtin", "forward", [1])
            project.append(0, {1: tracked()}, lambda: b"zero")
            project.flush()
            project.append(1, {1: tracked()}, lambda: pytest.fail("taken inside a step"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(make(path))
    assert files_of(path) == ["shot.tam"]
    with Project.open(path) as project:
        assert project.tracked_spans(1) == [(0, 1)]
        state = project.run_state()
        assert state is not None
        assert state.snapshot == b"zero"


def test_a_snapshot_that_fails_takes_its_frames_with_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_at_once(monkeypatch)
    project.begin_run("builtin", "forward", [1])
    project.append(0, {1: tracked()}, lambda: b"zero")

    def fail() -> bytes:
        raise MemoryError

    with pytest.raises(MemoryError):
        project.append(1, {1: tracked()}, fail)
    assert project.tracked_spans(1) == [(0, 1)]
    state = project.run_state()
    assert state is not None
    assert state.frame_index == 0


@pytest.mark.parametrize(
    ("direction", "frame", "span", "is_kept"),
    [
        ("forward", 5, (6, 9), True),
        ("forward", 5, (5, 9), False),
        ("forward", 5, (0, 2), False),
        ("backward", 5, (0, 5), True),
        ("backward", 5, (0, 6), False),
        ("backward", 5, (8, 9), False),
        ("forward", 5, (5, 5), True),
    ],
)
def test_discarding_takes_the_state_that_depends_on_it(
    project: Project, direction: str, frame: int, span: tuple[int, int], is_kept: bool
) -> None:
    project.add_object("cat")
    for index in range(10):
        project.append(index, {1: tracked(), 2: tracked()})
    project.begin_run("builtin", direction, [1])  # type: ignore[arg-type]
    project.append(frame, {1: tracked()}, lambda: b"state")
    project.flush()
    project.discard(2, *span)
    assert project.run_state() is not None
    project.discard(1, *span)
    assert (project.run_state() is not None) == is_kept
    left = [index for index in range(10) if not span[0] <= index < span[1]]
    for object_id in (1, 2):
        assert [known.frame_index for known in project.scores(object_id)] == left


def test_a_pass_needs_known_objects_and_a_direction(project: Project) -> None:
    with pytest.raises(UnknownNameError):
        project.begin_run("builtin", "forward", [1, 5])
    with pytest.raises(InputError, match="not 'sideways'"):
        project.begin_run("builtin", "sideways", [1])  # type: ignore[arg-type]


# --- kills --------------------------------------------------------------------------------------

TRACK = """
    import sys
    import numpy as np
    from tam_edit.project import Project, gathered
    from tam_edit.tracks import Origin, TrackedMatte

    gathered.COMMIT_INTERVAL_S = 0.02
    gathered.COMMIT_TIME_SHARE = 1.0
    rng = np.random.default_rng(0)
    with Project.open(sys.argv[1]) as project:
        state = project.run_state()
        project.begin_run("builtin", "forward", [1])
        start = 0 if state is None else state.frame_index + 1
        last = int(sys.argv[2])
        print("go", flush=True)
        for frame in range(start, last):
            matte = np.full((90, 160), (frame % 256) / 255, np.float32)
            matte[0] = rng.random(160)
            entry = TrackedMatte(matte=matte, score=0.5, origin=Origin.PROPAGATED)
            project.append(frame, {1: entry}, lambda: b"%d" % frame + bytes(50_000))
        project.flush()
        project.end_run()
    """


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_leaves_the_rows_up_to_the_snapshot(path: Path, kills: int) -> None:
    count = 10**6
    with make(path, frame_count=count) as project:
        project.add_object("dog")
    moments = random.Random(7)
    reached = 0
    for _ in range(kills):
        tracking = python(TRACK, path, count)
        assert tracking.stdout is not None
        assert tracking.stdout.readline() == "go\n"
        try:
            tracking.wait(moments.uniform(0.02, 0.25))
        except subprocess.TimeoutExpired:
            tracking.kill()
        tracking.communicate()
        assert tracking.returncode == -9
        assert set(files_of(path)) <= {"shot.tam", "shot.tam-wal"}
        with Project.open(path) as project:
            state = project.run_state()
            frame = -1 if state is None else state.frame_index
            assert frame >= reached - 1
            assert project.tracked_spans(1) == ([(0, frame + 1)] if frame >= 0 else [])
            assert state is None or state.snapshot.rstrip(b"\0") == b"%d" % frame
            for index in range(max(0, frame - 20), frame + 1):
                entry = project.entry(1, index)
                assert entry is not None
                assert entry.matte[1, 0] == np.float32(index % 256) / np.float32(255)
            reached = frame + 1
        assert files_of(path) == ["shot.tam"]
    assert reached > 0
    tracking = python(TRACK, path, reached + 50)
    tracking.communicate()
    assert tracking.returncode == 0
    with Project.open(path) as project:
        assert project.tracked_spans(1) == [(0, reached + 50)]
        assert project.run_state() is None


def test_a_killed_project_can_be_replaced_without_its_log_coming_back(path: Path) -> None:
    with make(path, frame_count=1000) as project:
        project.add_object("dog")
    tracking = python(TRACK.replace("project.flush()", "sys.stdin.read()"), path, 200)
    assert tracking.stdout is not None
    assert tracking.stdout.readline() == "go\n"
    with pytest.raises(subprocess.TimeoutExpired):
        tracking.wait(0.5)
    with pytest.raises(ProjectError, match="in use by another tam-edit"):
        make(path, overwrite=True)
    tracking.kill()
    tracking.communicate()
    assert files_of(path) == ["shot.tam", "shot.tam-wal"]
    with make(path, overwrite=True) as project:
        assert project.objects() == {}
        project.add_object("cat")
    with Project.open(path) as project:
        assert project.objects() == {1: "cat"}


# --- one file, private, one process ---------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_only_the_owner_may_read_any_of_the_files(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with make(path) as project:
            project.add_object("dog")
            assert files_of(path) == ["shot.tam", "shot.tam-wal"]
            for place in path.parent.iterdir():
                assert stat.S_IMODE(place.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert files_of(path) == ["shot.tam"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_closed_file_is_one_that_plain_sqlite_reads(path: Path, project: Project) -> None:
    project.append(0, {1: tracked()})
    project.close()
    project.close()
    assert files_of(path) == ["shot.tam"]
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA application_id").fetchone() == (0x54414D65,)
    assert connection.execute("SELECT count(*) FROM matte").fetchone() == (1,)
    connection.close()


def test_a_closed_project_says_so(project: Project) -> None:
    project.close()
    with pytest.raises(ProjectError, match="was closed"):
        project.objects()


def test_a_second_process_is_kept_out_until_the_first_is_done(path: Path, project: Project) -> None:
    code = """
        import sys
        from tam_edit.errors import ProjectError
        from tam_edit.project import Project
        try:
            with Project.open(sys.argv[1]) as project:
                print(project.objects())
        except ProjectError as error:
            print(error)
        """
    refused = python(code, path).communicate()[0]
    assert refused == f"{path} is in use by another tam-edit\n"
    with pytest.raises(ProjectError, match="in use by another tam-edit"):
        Project.open(path)
    project.add_object("cat")
    project.close()
    assert python(code, path).communicate()[0] == "{1: 'dog', 2: 'cat'}\n"


def test_another_program_that_writes_is_noticed(path: Path, project: Project) -> None:
    project.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ProjectError, match="in use by another program"):
        Project.open(path)
    other.execute("ROLLBACK")
    other.close()
    with Project.open(path) as again:
        assert again.objects() == {1: "dog"}


# --- files that cannot be used --------------------------------------------------------------------


def test_an_existing_file_is_only_replaced_when_asked_and_only_a_project(path: Path) -> None:
    with make(path) as project:
        project.add_object("dog")
    with pytest.raises(ProjectError, match="is there already") as caught:
        make(path)
    assert "--overwrite" in caught.value.hint
    with make(path, overwrite=True) as project:
        assert project.objects() == {}
    film = path.with_name("film.mp4")
    film.write_bytes(b"a film" * 100)
    with pytest.raises(ProjectError, match="is not a tam-edit project"):
        make(film, overwrite=True)
    assert film.read_bytes() == b"a film" * 100
    empty = path.with_name("empty.tam")
    empty.touch(0o644)
    make(empty, overwrite=True).close()
    assert stat.S_IMODE(empty.stat().st_mode) == 0o600


def test_what_is_no_project_is_refused(path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no project") as caught:
        Project.open(path)
    assert "tam-edit new" in caught.value.hint
    with pytest.raises(ProjectError, match="cannot be opened"):
        Project.open(path.parent)
    with pytest.raises(ProjectError, match="no folder"):
        make(path.parent / "no" / "folder.tam")
    path.write_bytes(b"")
    with pytest.raises(ProjectError, match="is empty"):
        Project.open(path)
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ProjectError, match="is not a tam-edit project"):
        Project.open(path)
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE shot (id)")
    other.close()
    with pytest.raises(ProjectError, match="is not a tam-edit project"):
        Project.open(path)


def test_a_project_of_a_newer_version_asks_for_an_upgrade(path: Path) -> None:
    make(path).close()
    before = path.read_bytes()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(schema.STEPS) + 1}")
    connection.close()
    with pytest.raises(
        ProjectError, match=rf"shot\.tam is a project of version {len(schema.STEPS) + 1}"
    ) as caught:
        Project.open(path)
    assert caught.value.hint == "upgrade tam-edit"
    assert len(path.read_bytes()) == len(before)


def test_an_older_project_is_upgraded_step_by_step(
    path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.append(0, {1: tracked()})
    project.close()
    before = path.read_bytes()

    def rename(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE object SET name = name || ' 2'")

    def extend(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE object ADD COLUMN colour TEXT DEFAULT 'red'")

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE missing")

    steps = schema.STEPS
    monkeypatch.setattr(schema, "STEPS", (*steps, rename, fail))
    with pytest.raises(ProjectError, match="no such table: missing"):
        Project.open(path)
    assert path.read_bytes() == before
    monkeypatch.setattr(schema, "STEPS", (*steps, rename, extend))
    for _ in range(2):  # the second time there is nothing left to do
        with Project.open(path) as upgraded:
            assert upgraded.objects() == {1: "dog 2"}
            assert upgraded.tracked_spans(1) == [(0, 1)]
            assert upgraded._store.rows("SELECT colour FROM object") == [("red",)]
            assert upgraded._store.rows("PRAGMA user_version") == [(len(steps) + 2,)]


def test_a_project_of_version_1_keeps_what_was_said_in_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = schema.STEPS
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", steps[:1])
        make(path).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.execute("INSERT INTO object (name) VALUES ('dog')")
    for number, frame in ((3, 4), (7, 2)):
        connection.execute(
            "INSERT INTO prompt (id, object_id, frame, kind, numbers, time)"
            " VALUES (?, 1, ?, 'click', ?, 'then')",
            (number, frame, f"[{number}.0, 1.0]"),
        )
    connection.commit()
    connection.close()
    with Project.open(path) as upgraded:
        assert [r.prompt_id for r in upgraded.prompt_records()] == [3, 7]
        assert {k: v.positive for k, v in upgraded.prompts(1).items()} == {
            2: ((7.0, 1.0),),
            4: ((3.0, 1.0),),
        }
        upgraded.add_prompts(1, 5, Prompts(gone=True))
        assert upgraded.prompts(1)[5].gone
        assert [r.prompt_id for r in upgraded.prompt_records()] == [3, 7, 8]
        upgraded.add_backtrack(1, 4)
        upgraded.add_backtrack(1, 4)
        upgraded.advance_backtrack(1, 4, 2)
        assert upgraded.backtracks(1) == {4: 2}
        upgraded.add_backtrack(1, 4)
        assert upgraded.backtracks(1) == {4: 4}
        upgraded.end_backtrack(1, 4)
        assert upgraded.backtracks(1) == {}


def test_what_was_said_after_an_object_was_gone_is_what_counts(project: Project) -> None:
    project.add_prompts(1, 3, Prompts(positive=((1, 1),)))
    project.add_prompts(1, 3, Prompts(gone=True))
    assert project.prompts(1)[3].gone
    assert project.prompts(1)[3].positive == ()
    project.add_prompts(1, 3, Prompts(positive=((2, 2),)))
    assert not project.prompts(1)[3].gone
    assert project.prompts(1)[3].positive == ((2, 2),)


def test_a_mask_that_replaces_an_approved_one_is_not_approved(project: Project) -> None:
    for index in (0, 1):
        project.append(index, {1: tracked()})
    project.approve(1, 0, 2, "looked at")
    project.append(1, {1: tracked()})
    assert project.approved(1) == {0}


def test_a_project_whose_making_was_interrupted_says_so(path: Path) -> None:
    make(path).close()
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM shot")
    connection.commit()
    connection.close()
    with pytest.raises(ProjectError, match="was never finished"):
        Project.open(path)


def read_all(path: Path) -> None:
    with Project.open(path) as project:
        for object_id in project.objects():
            project.prompts(object_id)
            project.tracked_spans(object_id)
            for known in project.scores(object_id):
                project.entry(object_id, known.frame_index)
        list(project.prompt_records())
        list(project.log_records())
        dict(project.settings)
        project.run_state()


@pytest.fixture
def full_file(path: Path) -> bytes:
    with make(path) as project:
        project.add_object("dog")
        project.settings["model"] = "builtin"
        project.begin_run("builtin", "forward", [1])
        project.add_prompts(1, 0, Prompts(positive=((3, 4),), mask=np.eye(62, 80, dtype=bool)))
        for frame in range(60):
            project.append(frame, {1: tracked(frame)}, lambda: bytes(range(256)) * 40)
            project.log("tracked", frame=frame)
    read_all(path)
    return path.read_bytes()


def test_a_file_that_was_cut_off_is_refused(path: Path, full_file: bytes) -> None:
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(full_file[: int(len(full_file) * share)])
        with pytest.raises(ProjectError) as caught:
            read_all(path)
        assert str(path) in str(caught.value)
        assert caught.value.hint


def test_overwritten_bytes_give_a_clear_error_or_do_no_harm(path: Path, full_file: bytes) -> None:
    rng = random.Random(11)
    refused = []
    for _ in range(40):
        damaged = bytearray(full_file)
        place = rng.randrange(len(damaged))
        size = rng.choice([1, 4, 64, 2000])
        damaged[place : place + size] = rng.randbytes(len(damaged[place : place + size]))
        path.write_bytes(damaged)
        try:
            read_all(path)
        except ProjectError as error:
            refused.append(str(error))
    assert len(refused) > 12
    assert all(str(path) in message and "\n" not in message for message in refused)


def test_a_damaged_matte_names_its_frame(path: Path, full_file: bytes) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE matte SET data = substr(data, 1, 40) WHERE frame = 33")
    connection.execute("UPDATE matte SET reasons = '[' WHERE frame = 34")
    connection.commit()
    connection.close()
    with Project.open(path) as project:
        with pytest.raises(ProjectError, match="object 1, frame 33: a stored matte is damaged"):
            project.entry(1, 33)
        with pytest.raises(ProjectError, match="object 1, frame 34 is damaged"):
            project.entry(1, 34)
        assert project.entry(1, 35) is not None


# --- a disk that is full, read-only, or gone ------------------------------------------------------


def test_a_full_disk_loses_nothing_that_was_committed(path: Path) -> None:
    code = """
        import resource, sys
        import numpy as np
        from tam_edit.errors import ProjectError
        from tam_edit.project import Project, gathered
        from tam_edit.tracks import Origin, TrackedMatte

        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        gathered.COMMIT_INTERVAL_S = 0.0
        gathered.COMMIT_TIME_SHARE = 1.0
        rng = np.random.default_rng(0)
        project = Project.open(sys.argv[1])
        project.begin_run("builtin", "forward", [1])
        try:
            for frame in range(1000):
                matte = rng.random((100, 100), np.float32)
                entry = TrackedMatte(matte=matte, score=0.5, origin=Origin.PROPAGATED)
                project.append(frame, {1: entry}, lambda: b"state")
        except ProjectError as error:
            print(frame, error)
        try:
            project.close()
        except ProjectError as error:
            print(frame, error)
        """
    with make(path, frame_count=1000) as project:
        project.add_object("dog")
    running = python(code, path)
    told = running.communicate()[0].splitlines()
    assert running.returncode == 0
    assert "could not be read or written" in told[0]
    failed = int(told[0].split()[0])
    assert failed > 5
    with Project.open(path) as project:
        assert project.tracked_spans(1) == [(0, failed)]
        state = project.run_state()
        assert state is not None
        assert state.frame_index == failed - 1
        project.append(failed, {1: tracked()})
    assert files_of(path) == ["shot.tam"]


def test_sqlite_reports_a_full_disk_and_work_goes_on_after_it(project: Project) -> None:
    project.append(0, {1: tracked()})
    project.flush()
    pages = project._store.rows("PRAGMA page_count")[0][0]
    project._store.rows(f"PRAGMA max_page_count = {pages + 2}")
    noise = np.random.default_rng(0).random((62, 80), np.float32)
    entry = TrackedMatte(matte=noise, score=0.5, origin=Origin.PROPAGATED)
    with pytest.raises(ProjectError, match="disk is full") as caught:  # noqa: PT012 - which one?
        for frame in range(1, 50):
            project.append(frame, {1: entry})
    assert "disk is full" in caught.value.hint
    assert project.tracked_spans(1) == [(0, 1)]
    project._store.rows("PRAGMA max_page_count = 100000")
    project.append(1, {1: entry})
    assert project.tracked_spans(1) == [(0, 2)]


def test_read_only_files_and_folders_are_named() -> None:
    # The super-user may write everywhere, so this runs as somebody else.
    code = """
        import os, sys
        from tam_edit.errors import ProjectError
        from tam_edit.project import Project

        folder = sys.argv[1]
        if os.getuid() == 0:
            for name in ("", "/a.tam"):
                os.chown(folder + name, 65534, 65534)
            os.setgid(65534)
            os.setuid(65534)
        os.chmod(folder + "/a.tam", 0o400)
        for mode, opens in ((0o500, True), (0o700, True), (0o500, False)):
            os.chmod(folder, mode)
            try:
                if opens:
                    Project.open(folder + "/a.tam").close()
                else:
                    Project.create(
                        folder + "/b.tam", source={}, width=1, height=1, frame_count=1,
                        in_frame=0, out_frame=1,
                    )
            except ProjectError as error:
                print(error)
        os.chmod(folder + "/a.tam", 0o600)
        try:
            Project.open(folder + "/a.tam").close()
        except ProjectError as error:
            print(error)
        os.chmod(folder, 0o700)
        Project.open(folder + "/a.tam").close()
        """
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "a.tam").close()
        running = python(code, folder)
        told = running.communicate()[0].splitlines()
        assert running.returncode == 0
        assert told == [
            f"{folder}/a.tam cannot be opened for writing: Permission denied",
            f"{folder}/a.tam cannot be opened for writing: Permission denied",
            f"{folder}/b.tam cannot be made: Permission denied",
            f"{folder}/a.tam cannot be written: attempt to write a readonly database",
        ]
        assert os.listdir(folder) == ["a.tam"]  # noqa: PTH208 - names only


def test_a_file_that_vanishes_is_noticed_before_more_work_is_lost(
    path: Path, project: Project
) -> None:
    project.append(0, {1: tracked()})
    project.flush()
    elsewhere = path.with_name("elsewhere.tam")
    path.rename(elsewhere)
    project.append(1, {1: tracked()})
    with pytest.raises(ProjectError, match="was moved, deleted or replaced"):
        project.flush()
    elsewhere.rename(path)
    project.append(1, {1: tracked()})
    project.flush()
    assert project.tracked_spans(1) == [(0, 2)]


def test_rows_out_of_order_are_no_endless_loop(project: Project) -> None:
    # The check at opening does not compare an index with its table, so a damaged one gets through.
    pages = project._store.pages("SELECT 5 WHERE ? < 9 LIMIT ?", page_rows=1)
    assert next(pages) == (5,)
    with pytest.raises(ProjectError, match="rows are out of order"):
        next(pages)


def test_the_room_of_a_finished_pass_is_given_back(path: Path) -> None:
    with make(path) as project:
        object_id = project.add_object("car")
        project.begin_run("model", "forward", [object_id])
        project.append(0, {object_id: tracked()}, lambda: bytes(4_000_000))
        project.flush()
        project.end_run()
    assert path.stat().st_size < 200_000
