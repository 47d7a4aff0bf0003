"""The file of a project: one, private, of one process, and only replaced when asked."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from pathlib import Path

import pytest

from tam_edit.errors import ProjectError
from tam_edit.project import Project
from tests.made_projects import files_of, make, python, tracked


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_only_the_owner_may_read_any_of_the_files(tam_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with make(tam_path) as project:
            project.add_object("dog")
            assert files_of(tam_path) == ["shot.tam", "shot.tam-wal"]
            for place in tam_path.parent.iterdir():
                assert stat.S_IMODE(place.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert files_of(tam_path) == ["shot.tam"]
    assert stat.S_IMODE(tam_path.stat().st_mode) == 0o600


def test_the_closed_file_is_one_that_plain_sqlite_reads(tam_path: Path, project: Project) -> None:
    project.append(0, {1: tracked()})
    project.close()
    project.close()
    assert files_of(tam_path) == ["shot.tam"]
    connection = sqlite3.connect(f"file:{tam_path}?mode=ro&immutable=1", uri=True)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA application_id").fetchone() == (0x54414D65,)
    assert connection.execute("SELECT count(*) FROM matte").fetchone() == (1,)
    connection.close()


def test_a_closed_project_says_so(project: Project) -> None:
    project.close()
    with pytest.raises(ProjectError, match="was closed"):
        project.objects()


def test_a_second_process_is_kept_out_until_the_first_is_done(
    tam_path: Path, project: Project
) -> None:
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
    refused = python(code, tam_path).communicate()[0]
    assert refused == f"{tam_path} is in use by another tam-edit\n"
    with pytest.raises(ProjectError, match="in use by another tam-edit"):
        Project.open(tam_path)
    project.add_object("cat")
    project.close()
    assert python(code, tam_path).communicate()[0] == "{1: 'dog', 2: 'cat'}\n"


def test_another_program_that_writes_is_noticed(tam_path: Path, project: Project) -> None:
    project.close()
    other = sqlite3.connect(tam_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ProjectError, match="in use by another program"):
        Project.open(tam_path)
    other.execute("ROLLBACK")
    other.close()
    with Project.open(tam_path) as again:
        assert again.objects() == {1: "dog"}


def test_an_existing_file_is_only_replaced_when_asked_and_only_a_project(tam_path: Path) -> None:
    with make(tam_path) as project:
        project.add_object("dog")
    with pytest.raises(ProjectError, match="is there already") as caught:
        make(tam_path)
    assert "--overwrite" in caught.value.hint
    with make(tam_path, overwrite=True) as project:
        assert project.objects() == {}
    film = tam_path.with_name("film.mp4")
    film.write_bytes(b"a film" * 100)
    with pytest.raises(ProjectError, match="is not a tam-edit project"):
        make(film, overwrite=True)
    assert film.read_bytes() == b"a film" * 100
    empty = tam_path.with_name("empty.tam")
    empty.touch(0o644)
    make(empty, overwrite=True).close()
    assert stat.S_IMODE(empty.stat().st_mode) == 0o600


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
