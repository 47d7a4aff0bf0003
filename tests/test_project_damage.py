"""Files that are no project, or a damaged one, are refused in one clear sentence."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import ProjectError
from tam_edit.project import Project
from tam_edit.prompts import Prompts
from tests.made_projects import make, tracked


def test_what_is_no_project_is_refused(tam_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no project") as caught:
        Project.open(tam_path)
    assert "tam-edit new" in caught.value.hint
    with pytest.raises(ProjectError, match="is a folder, not a project"):
        Project.open(tam_path.parent)
    with pytest.raises(ProjectError, match="no folder"):
        make(tam_path.parent / "no" / "folder.tam")
    tam_path.write_bytes(b"")
    with pytest.raises(ProjectError, match="is empty"):
        Project.open(tam_path)
    tam_path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ProjectError, match="is not a tam-edit project"):
        Project.open(tam_path)
    tam_path.unlink()
    other = sqlite3.connect(tam_path)
    other.execute("CREATE TABLE shot (id)")
    other.close()
    with pytest.raises(ProjectError, match="is not a tam-edit project"):
        Project.open(tam_path)


def test_a_project_whose_making_was_interrupted_says_so(tam_path: Path) -> None:
    make(tam_path).close()
    connection = sqlite3.connect(tam_path)
    connection.execute("DELETE FROM shot")
    connection.commit()
    connection.close()
    with pytest.raises(ProjectError, match="was never finished"):
        Project.open(tam_path)


def read_all(tam_path: Path) -> None:
    with Project.open(tam_path) as project:
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
def full_file(tam_path: Path) -> bytes:
    with make(tam_path) as project:
        project.add_object("dog")
        project.settings["model"] = "builtin"
        project.begin_run("builtin", "forward", [1])
        project.add_prompts(1, 0, Prompts(positive=((3, 4),), mask=np.eye(62, 80, dtype=bool)))
        for frame in range(60):
            project.append(frame, {1: tracked(frame)}, lambda: bytes(range(256)) * 40)
            project.log("tracked", frame=frame)
    read_all(tam_path)
    return tam_path.read_bytes()


def test_a_file_that_was_cut_off_is_refused(tam_path: Path, full_file: bytes) -> None:
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        tam_path.write_bytes(full_file[: int(len(full_file) * share)])
        with pytest.raises(ProjectError) as caught:
            read_all(tam_path)
        assert str(tam_path) in str(caught.value)
        assert caught.value.hint


def test_overwritten_bytes_give_a_clear_error_or_do_no_harm(
    tam_path: Path, full_file: bytes
) -> None:
    rng = random.Random(11)
    refused = []
    for _ in range(40):
        damaged = bytearray(full_file)
        place = rng.randrange(len(damaged))
        size = rng.choice([1, 4, 64, 2000])
        damaged[place : place + size] = rng.randbytes(len(damaged[place : place + size]))
        tam_path.write_bytes(damaged)
        try:
            read_all(tam_path)
        except ProjectError as error:
            refused.append(str(error))
    assert len(refused) > 12
    assert all(str(tam_path) in message and "\n" not in message for message in refused)


def test_a_damaged_matte_names_its_frame(tam_path: Path, full_file: bytes) -> None:
    connection = sqlite3.connect(tam_path)
    connection.execute("UPDATE matte SET data = substr(data, 1, 40) WHERE frame = 33")
    connection.execute("UPDATE matte SET reasons = '[' WHERE frame = 34")
    connection.commit()
    connection.close()
    with Project.open(tam_path) as project:
        with pytest.raises(ProjectError, match="object 1, frame 33: a stored matte is damaged"):
            project.entry(1, 33)
        with pytest.raises(ProjectError, match="object 1, frame 34 is damaged"):
            project.entry(1, 34)
        assert project.entry(1, 35) is not None


def test_rows_out_of_order_are_no_endless_loop(project: Project) -> None:
    # The check at opening does not compare an index with its table, so a damaged one gets through.
    pages = project._store.pages("SELECT 5 WHERE ? < 9 LIMIT ?", page_rows=1)
    assert next(pages) == (5,)
    with pytest.raises(ProjectError, match="rows are out of order"):
        next(pages)
