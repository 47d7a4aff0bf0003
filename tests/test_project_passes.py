"""Passes: frames are committed together with the state of the tracker that wrote them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.project import Project, gathered
from tam_edit.tracks import RunState
from tests.made_projects import commit_at_once, files_of, make, tracked


def test_frames_wait_for_their_commit_and_the_snapshot_is_of_the_newest(
    project: Project, tam_path: Path, monkeypatch: pytest.MonkeyPatch
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
    tam_path: Path, monkeypatch: pytest.MonkeyPatch
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
        interrupted(make(tam_path))
    assert files_of(tam_path) == ["shot.tam"]
    with Project.open(tam_path) as project:
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


def test_the_room_of_a_finished_pass_is_given_back(tam_path: Path) -> None:
    with make(tam_path) as project:
        object_id = project.add_object("car")
        project.begin_run("model", "forward", [object_id])
        project.append(0, {object_id: tracked()}, lambda: bytes(4_000_000))
        project.flush()
        project.end_run()
    assert tam_path.stat().st_size < 200_000
