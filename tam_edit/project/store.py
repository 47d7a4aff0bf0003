"""The project's file: made private, held by one tam-edit at a time, closed as a single file.

While it is open, SQLite's write-ahead log lies beside it as ``-wal``: a kill at any moment leaves
every committed transaction readable. Two locks, both gone with the process that holds them: flock
on the file keeps a second tam-edit out, SQLite's exclusive locking mode any other program.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tam_edit.errors import ProjectError, meant_file
from tam_edit.project.schema import APPLICATION_ID, upgrade
from tam_edit.review import REPORT_SUFFIX
from tam_edit.review.words import quoted

# The file header (SQLite file format, section 1.3): magic, page size, change counter, page count,
# application id, change counter for which the page count is valid; the rest is skipped.
_HEADER = struct.Struct(">16sH6xII36xI20xI4x")
_MAGIC = b"SQLite format 3\x00"
PROJECT_SUFFIX = ".tam"
# A file with a larger share of unused pages is written anew when it is closed.
COMPACT_FROM_SHARE = 0.25
_COMPANIONS = ("-wal", "-shm", "-journal")


class Store:
    """An open project file; statements go through it so that every failure has plain words.

    Reads may come from any thread, writes from one thread only.

    Args:
        path: Absolute.
        descriptor: Open for reading and writing, and locked; the store closes it.
        connection: To the same file; the store closes it.
    """

    def __init__(self, path: Path, descriptor: int, connection: sqlite3.Connection) -> None:
        self.path = path
        self._descriptor = descriptor
        self._connection: sqlite3.Connection | None = connection

    @classmethod
    def create(cls, path: Path, *, overwrite: bool) -> Store:
        """Make a new file that only its owner may read, from its first byte on.

        Args:
            path: Where.
            overwrite: Whether a project that is there may be replaced; other files never are.

        Raises:
            ProjectError: There is a file or a folder already, or none can be made there.
        """
        path = path.absolute()
        is_new = True
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if path.is_dir():
                raise ProjectError(
                    f"{path} is a folder", hint="name a file that ends in .tam"
                ) from None
            if not overwrite:
                raise ProjectError(
                    f"{path} is there already", hint="choose another name, or add --overwrite"
                ) from None
            is_new = False
            descriptor = _opened(path)
        except OSError as error:
            raise _os_error(path, "made", error) from error
        try:
            _lock(descriptor, path)
            if not is_new:
                _check_is_project(descriptor, path, may_be_empty=True)
                _remove_companions(path)
                os.ftruncate(descriptor, 0)
            os.fchmod(descriptor, 0o600)
            return cls(path, descriptor, _connected(path))
        except BaseException as error:
            if is_new:
                _remove(path)
            os.close(descriptor)
            if isinstance(error, OSError):
                raise _os_error(path, "made", error) from error
            raise

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open a project, also one that a killed process left behind.

        Raises:
            ProjectError: It is not there, not a project, damaged, in use, or of a newer version.
        """
        path = path.absolute()
        descriptor = _opened(path)
        try:
            _lock(descriptor, path)
            _check_is_project(descriptor, path, may_be_empty=False)
            return cls(path, descriptor, _connected(path))
        except BaseException:
            os.close(descriptor)
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether something is written that is not yet committed."""
        return self._connection is not None and self._connection.in_transaction

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        """All rows of a query."""
        with _plain_errors(self.path):
            return self._open_connection().execute(statement, parameters).fetchall()

    def pages(
        self, statement: str, parameters: Sequence[object] = (), *, page_rows: int
    ) -> Iterator[Any]:
        """All rows of a query, some at a time: memory stays flat, and others may write meanwhile.

        Args:
            statement: Its first column is an ascending key of at least 0, and its last two
                parameters are the key to go on after and how many rows to give.
            parameters: The ones before those.
            page_rows: Rows that are in memory at a time.
        """
        after = -1
        while rows := self.rows(statement, (*parameters, after, page_rows)):
            for row in rows:
                # A damaged index may name any key in any order; following it might never end.
                if not isinstance(row[0], int) or row[0] <= after:
                    raise _damaged(self.path, "its rows are out of order")
                after = row[0]
                yield row

    def write(self, statement: str, parameters: Sequence[object] = ()) -> int:
        """Run a statement inside the open transaction; gives the id of a row it inserted."""
        with _plain_errors(self.path):
            return self._open_connection().execute(statement, parameters).lastrowid or 0

    def write_many(self, statement: str, parameters: Iterable[Sequence[object]]) -> None:
        """Run a statement once for every row, inside the open transaction."""
        with _plain_errors(self.path):
            self._open_connection().executemany(statement, parameters)

    def begin(self) -> None:
        """Start a transaction."""
        with _plain_errors(self.path):
            self._open_connection().execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make what was written since ``begin`` survive a kill of the process.

        Raises:
            ProjectError: The file was moved away, or the disk is full; then nothing was written.
        """
        try:
            self._check_is_there()
            with _plain_errors(self.path):
                self._open_connection().execute("COMMIT")
        except BaseException:
            self.rollback()
            raise

    def rollback(self) -> None:
        """Forget what was written since ``begin``."""
        if self._connection is None or not self._connection.in_transaction:
            return
        # A full disk has already rolled back; what it says then is no news.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, or nothing."""
        self.begin()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()

    @contextmanager
    def joined_transaction(self) -> Iterator[None]:
        """Part of the open transaction and committed with it, or one of its own."""
        if self.in_transaction:
            yield
            return
        with self.transaction():
            yield

    def close(self) -> None:
        """Fold the write-ahead log into the file, so that one file is left, and let go of it.

        Raises:
            ProjectError: The log could not be folded in. It stays beside the file with all that
                was committed, and the next ``open`` reads it.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            self._check_is_there()
            with _plain_errors(self.path):
                _compact(connection)
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("PRAGMA journal_mode = DELETE")
        finally:
            connection.close()
            # Last: closing any descriptor of a file drops SQLite's own locks on it.
            os.close(self._descriptor)

    def remove(self) -> None:
        """Close and delete the file."""
        try:
            self.close()
        finally:
            _remove(self.path)

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ProjectError(f"{self.path} was closed", hint="open the project again")
        return self._connection

    def _check_is_there(self) -> None:
        try:
            named = self.path.stat()
        except OSError:
            named = None
        held = os.fstat(self._descriptor)
        if named is None or (named.st_dev, named.st_ino) != (held.st_dev, held.st_ino):
            raise ProjectError(
                f"{self.path} was moved, deleted or replaced while tam-edit was using it",
                hint="put the file back where it was and repeat the command",
            )


def _remove_companions(path: Path) -> None:
    for companion in _COMPANIONS:
        Path(f"{path}{companion}").unlink(missing_ok=True)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _remove_companions(path)


def _meant(path: Path) -> str:
    """Which project may be meant by a file that is none."""
    beside = path.with_name(path.name + PROJECT_SUFFIX)
    output = path.with_suffix("")
    if path.suffix == PROJECT_SUFFIX and output.suffix and output.exists():
        report = output.with_name(output.name + REPORT_SUFFIX)
        told = f"; what was decided: tam-edit history {quoted(report)}" if report.exists() else ""
        return (
            f"the project of {output.name} goes when that is finished, unless the command that "
            f"writes it has --project FILE; repeat it with that and --overwrite{told}"
        )
    meant = f"did you mean {beside}?" if beside.is_file() else meant_file(path, PROJECT_SUFFIX)
    made = f"by the command that writes {output.name}, or " if output.suffix else ""
    return meant or f"a project is made {made}by: tam-edit new VIDEO"


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        raise ProjectError(f"there is no project {path}", hint=_meant(path)) from None
    except IsADirectoryError:
        raise ProjectError(
            f"{path} is a folder, not a project", hint=f"name a file that ends in {PROJECT_SUFFIX}"
        ) from None
    except OSError as error:
        raise _os_error(path, "opened for writing", error) from error


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(path, "another tam-edit") from None
    except OSError as error:
        raise _os_error(path, "locked", error) from error


def _check_is_project(descriptor: int, path: Path, *, may_be_empty: bool) -> None:
    header = os.pread(descriptor, _HEADER.size, 0)
    if may_be_empty and not header:
        return
    if not header:
        raise ProjectError(
            f"{path} is empty, so it is no project", hint="make it anew with --overwrite"
        )
    fields = _HEADER.unpack(header.ljust(_HEADER.size, b"\0"))
    magic, page_bytes, change, page_count, application_id, counted_at = fields
    if magic != _MAGIC or application_id != APPLICATION_ID:
        raise ProjectError(f"{path} is not a tam-edit project", hint=_meant(path))
    # SQLite reads a cut-off last page as if zeros followed. A log beside the file may still
    # bring what is missing.
    is_alone = not any(Path(f"{path}{companion}").exists() for companion in _COMPANIONS)
    if is_alone and change == counted_at and os.fstat(descriptor).st_size < page_bytes * page_count:
        raise _damaged(path, "its end is missing")


def _connected(path: Path) -> sqlite3.Connection:
    """A checked connection whose file has the tables of this version."""
    with _plain_errors(path):
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            # Before the first read: then no -shm file is needed either.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA foreign_keys = ON")
            _check_pages(connection, path)
            # With the rollback journal first: the header must say in the file itself what it is.
            upgrade(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
    return connection


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        # The first line only says which of several attached databases this is about.
        raise _damaged(path, " ".join(found.splitlines()[-1:]))


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """Say what SQLite says in words that help."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the kind of error, the rest of the code its details.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _in_use(path, "another program") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise _damaged(path, str(error)) from error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise ProjectError(
                f"{path} could not be read or written: {error}; what was saved before is kept",
                hint="see whether the disk is full, and repeat the command",
            ) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise ProjectError(
                f"{path} cannot be written: {error}",
                hint="the file and its folder must be writable; copy it to a place that is",
            ) from error
        raise ProjectError(
            f"{path} cannot be used: {error}", hint="go back to a copy of it"
        ) from error
    except UnicodeDecodeError as error:
        # SQLite quotes damaged text in its own messages.
        raise _damaged(path, "its text is unreadable") from error


def _compact(connection: sqlite3.Connection) -> None:
    """Give back the room of a finished pass's snapshot, where it is a large part of the file."""
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    total = connection.execute("PRAGMA page_count").fetchone()[0]
    if free > total * COMPACT_FROM_SHARE:
        connection.execute("VACUUM")


def _damaged(path: Path, why: str) -> ProjectError:
    return ProjectError(
        f"{path} is damaged: {why}",
        hint="go back to a copy of it, or make the project anew with tam-edit new --overwrite",
    )


def _in_use(path: Path, by_whom: str) -> ProjectError:
    return ProjectError(
        f"{path} is in use by {by_whom}",
        hint="wait until that is done; if it is tam-edit and ended with Ctrl-C, nothing is lost",
    )


def _os_error(path: Path, done: str, error: OSError) -> ProjectError:
    if not path.parent.is_dir():
        return ProjectError(
            f"there is no folder {path.parent}", hint="make it first, or check the path"
        )
    return ProjectError(
        f"{path} cannot be {done}: {error.strerror}",
        hint="the folder must exist, and it and the file must be writable",
    )
