"""Projects of older versions are upgraded, those of newer ones refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tam_edit.errors import ProjectError
from tam_edit.project import Project, schema
from tam_edit.prompts import Prompts
from tests.made_projects import make, tracked


def test_a_project_of_a_newer_version_asks_for_an_upgrade(tam_path: Path) -> None:
    make(tam_path).close()
    before = tam_path.read_bytes()
    connection = sqlite3.connect(tam_path)
    connection.execute(f"PRAGMA user_version = {len(schema.STEPS) + 1}")
    connection.close()
    with pytest.raises(
        ProjectError, match=rf"shot\.tam is a project of version {len(schema.STEPS) + 1}"
    ) as caught:
        Project.open(tam_path)
    assert caught.value.hint == "upgrade tam-edit"
    assert len(tam_path.read_bytes()) == len(before)


def test_an_older_project_is_upgraded_step_by_step(
    tam_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.append(0, {1: tracked()})
    project.close()
    before = tam_path.read_bytes()

    def rename(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE object SET name = name || ' 2'")

    def extend(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE object ADD COLUMN colour TEXT DEFAULT 'red'")

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE missing")

    steps = schema.STEPS
    monkeypatch.setattr(schema, "STEPS", (*steps, rename, fail))
    with pytest.raises(ProjectError, match="no such table: missing"):
        Project.open(tam_path)
    assert tam_path.read_bytes() == before
    monkeypatch.setattr(schema, "STEPS", (*steps, rename, extend))
    for _ in range(2):  # the second time there is nothing left to do
        with Project.open(tam_path) as upgraded:
            assert upgraded.objects() == {1: "dog 2"}
            assert upgraded.tracked_spans(1) == [(0, 1)]
            assert upgraded._store.rows("SELECT colour FROM object") == [("red",)]
            assert upgraded._store.rows("PRAGMA user_version") == [(len(steps) + 2,)]


def test_a_project_of_version_1_keeps_what_was_said_in_it(
    tam_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = schema.STEPS
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", steps[:1])
        make(tam_path).close()
    connection = sqlite3.connect(tam_path)
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
    with Project.open(tam_path) as upgraded:
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
