"""What a kill, a full disk or a file that vanishes leaves of a project."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import ProjectError
from tam_edit.project import Project
from tam_edit.tracks import Origin, TrackedMatte
from tests.made_projects import files_of, make, python, tracked

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
def test_a_kill_at_any_moment_leaves_the_rows_up_to_the_snapshot(
    tam_path: Path, kills: int
) -> None:
    count = 10**6
    with make(tam_path, frame_count=count) as project:
        project.add_object("dog")
    moments = random.Random(7)
    reached = 0
    for _ in range(kills):
        tracking = python(TRACK, tam_path, count)
        assert tracking.stdout is not None
        assert tracking.stdout.readline() == "go\n"
        try:
            tracking.wait(moments.uniform(0.02, 0.25))
        except subprocess.TimeoutExpired:
            tracking.kill()
        tracking.communicate()
        assert tracking.returncode == -9
        assert set(files_of(tam_path)) <= {"shot.tam", "shot.tam-wal"}
        with Project.open(tam_path) as project:
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
        assert files_of(tam_path) == ["shot.tam"]
    assert reached > 0
    tracking = python(TRACK, tam_path, reached + 50)
    tracking.communicate()
    assert tracking.returncode == 0
    with Project.open(tam_path) as project:
        assert project.tracked_spans(1) == [(0, reached + 50)]
        assert project.run_state() is None


def test_a_killed_project_can_be_replaced_without_its_log_coming_back(tam_path: Path) -> None:
    with make(tam_path, frame_count=1000) as project:
        project.add_object("dog")
    tracking = python(TRACK.replace("project.flush()", "sys.stdin.read()"), tam_path, 200)
    assert tracking.stdout is not None
    assert tracking.stdout.readline() == "go\n"
    with pytest.raises(subprocess.TimeoutExpired):
        tracking.wait(0.5)
    with pytest.raises(ProjectError, match="in use by another tam-edit"):
        make(tam_path, overwrite=True)
    tracking.kill()
    tracking.communicate()
    assert files_of(tam_path) == ["shot.tam", "shot.tam-wal"]
    with make(tam_path, overwrite=True) as project:
        assert project.objects() == {}
        project.add_object("cat")
    with Project.open(tam_path) as project:
        assert project.objects() == {1: "cat"}


def test_a_full_disk_loses_nothing_that_was_committed(tam_path: Path) -> None:
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
    with make(tam_path, frame_count=1000) as project:
        project.add_object("dog")
    running = python(code, tam_path)
    told = running.communicate()[0].splitlines()
    assert running.returncode == 0
    assert "could not be read or written" in told[0]
    failed = int(told[0].split()[0])
    assert failed > 5
    with Project.open(tam_path) as project:
        assert project.tracked_spans(1) == [(0, failed)]
        state = project.run_state()
        assert state is not None
        assert state.frame_index == failed - 1
        project.append(failed, {1: tracked()})
    assert files_of(tam_path) == ["shot.tam"]


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


def test_a_file_that_vanishes_is_noticed_before_more_work_is_lost(
    tam_path: Path, project: Project
) -> None:
    project.append(0, {1: tracked()})
    project.flush()
    elsewhere = tam_path.with_name("elsewhere.tam")
    tam_path.rename(elsewhere)
    project.append(1, {1: tracked()})
    with pytest.raises(ProjectError, match="was moved, deleted or replaced"):
        project.flush()
    elsewhere.rename(tam_path)
    project.append(1, {1: tracked()})
    project.flush()
    assert project.tracked_spans(1) == [(0, 2)]
