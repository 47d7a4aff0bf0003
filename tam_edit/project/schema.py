"""The tables of a project, and how an older file becomes one of this version.

``user_version`` of the file says how many of the steps it has seen. A change of the tables is one
more step at the end of ``STEPS``; a step that was once released never changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from tam_edit.errors import ProjectError

APPLICATION_ID = int.from_bytes(b"TAMe", "big")
"""Says in the file's header that an SQLite file is a tam-edit project."""

_VERSION_1 = (
    """
    CREATE TABLE shot (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        source TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        frame_count INTEGER NOT NULL,
        in_frame INTEGER NOT NULL,
        out_frame INTEGER NOT NULL,
        created TEXT NOT NULL,
        CHECK (0 <= in_frame AND in_frame < out_frame AND out_frame <= frame_count)
    )
    """,
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # AUTOINCREMENT: an id is never given a second time, not even after its object has gone.
    """
    CREATE TABLE object (
        id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id >= 1),
        name TEXT NOT NULL UNIQUE
    )
    """,
    """
    CREATE TABLE prompt (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        object_id INTEGER NOT NULL REFERENCES object (id),
        frame INTEGER NOT NULL CHECK (frame >= 0),
        kind TEXT NOT NULL CHECK (kind IN ('click', 'not', 'box', 'mask')),
        numbers TEXT NOT NULL,
        mask BLOB,
        time TEXT NOT NULL,
        is_active INTEGER NOT NULL DEFAULT 1,
        CHECK ((kind = 'mask') = (mask IS NOT NULL))
    )
    """,
    "CREATE INDEX prompt_of_object ON prompt (object_id, frame)",
    # The bytes come last: scores are read without loading the pages that only hold mattes.
    """
    CREATE TABLE matte (
        object_id INTEGER NOT NULL REFERENCES object (id),
        frame INTEGER NOT NULL CHECK (frame >= 0),
        score REAL NOT NULL,
        origin TEXT NOT NULL,
        reasons TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('hard', 'soft')),
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (object_id, frame)
    )
    """,
    """
    CREATE TABLE approval (
        object_id INTEGER NOT NULL REFERENCES object (id),
        frame INTEGER NOT NULL CHECK (frame >= 0),
        reason TEXT NOT NULL,
        time TEXT NOT NULL,
        PRIMARY KEY (object_id, frame)
    )
    """,
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        model TEXT NOT NULL,
        direction TEXT NOT NULL CHECK (direction IN ('forward', 'backward')),
        frame INTEGER NOT NULL,
        object_ids TEXT NOT NULL,
        snapshot BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE log (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time TEXT NOT NULL,
        kind TEXT NOT NULL,
        details TEXT NOT NULL
    )
    """,
)


def _to_version_1(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for statement in _VERSION_1:
        connection.execute(statement)


_VERSION_2 = (
    # SQLite cannot change a CHECK: the table is made anew, with its rows and ids.
    "ALTER TABLE prompt RENAME TO prompt_1",
    """
    CREATE TABLE prompt (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        object_id INTEGER NOT NULL REFERENCES object (id),
        frame INTEGER NOT NULL CHECK (frame >= 0),
        kind TEXT NOT NULL CHECK (kind IN ('click', 'not', 'box', 'mask', 'gone')),
        numbers TEXT NOT NULL,
        mask BLOB,
        time TEXT NOT NULL,
        is_active INTEGER NOT NULL DEFAULT 1,
        CHECK ((kind = 'mask') = (mask IS NOT NULL))
    )
    """,
    "INSERT INTO prompt SELECT * FROM prompt_1",
    "DROP TABLE prompt_1",
    "CREATE INDEX prompt_of_object ON prompt (object_id, frame)",
    # Corrections whose way back to the keyframe before them is still to be tracked, and the
    # earliest frame whose mask it has replaced so far.
    """
    CREATE TABLE backtrack (
        object_id INTEGER NOT NULL REFERENCES object (id),
        frame INTEGER NOT NULL CHECK (frame >= 0),
        reached INTEGER NOT NULL CHECK (0 <= reached AND reached <= frame),
        PRIMARY KEY (object_id, frame)
    )
    """,
    # Frames outside the pass whose masks it has learned.
    "ALTER TABLE run ADD COLUMN memory TEXT NOT NULL DEFAULT '[]'",
)


def _to_version_2(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_2:
        connection.execute(statement)


_VERSION_3 = (
    # Whatever a person decided, in that order. `reached` is the earliest frame that a correction
    # has replaced on its way back; empty where it was not carried back.
    """
    CREATE TABLE decision (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time TEXT NOT NULL,
        kind TEXT NOT NULL,
        object_id INTEGER REFERENCES object (id),
        start INTEGER,
        stop INTEGER,
        details TEXT NOT NULL,
        taken_back TEXT,
        reached INTEGER
    )
    """,
    # The mask that prompts led to, for the day on which later ones on that frame are taken back.
    """
    CREATE TABLE keyframe (
        decision_id INTEGER PRIMARY KEY REFERENCES decision (id),
        score REAL NOT NULL,
        origin TEXT NOT NULL,
        reasons TEXT NOT NULL,
        kind TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        data BLOB NOT NULL
    )
    """,
    "ALTER TABLE prompt ADD COLUMN decision_id INTEGER REFERENCES decision (id)",
    # What was said about one object on one frame at one moment is one decision, and so is what
    # was approved of one object at one moment for one reason; in the order of their times.
    """
    INSERT INTO decision (time, kind, object_id, start, stop, details, taken_back)
    SELECT time, kind, object_id, start, stop, details, taken_back FROM (
        SELECT time, 'prompt' AS kind, object_id, frame AS start, frame + 1 AS stop,
            '{}' AS details, CASE WHEN max(is_active) THEN NULL ELSE time END AS taken_back,
            min(id) AS place
        FROM prompt GROUP BY object_id, frame, time
        UNION ALL
        SELECT time, 'approval', object_id, min(frame), max(frame) + 1,
            json_object('reason', reason, 'frames', count(*)), NULL, object_id
        FROM approval GROUP BY object_id, time, reason
    ) ORDER BY time, kind DESC, place, start
    """,
    """
    UPDATE prompt SET decision_id = (
        SELECT id FROM decision AS d WHERE d.kind = 'prompt' AND d.object_id = prompt.object_id
        AND d.start = prompt.frame AND d.time = prompt.time)
    """,
    # Only of what was said last on a frame is it known what mask it led to.
    """
    INSERT INTO keyframe
    SELECT max(d.id), m.score, m.origin, m.reasons, m.kind, m.width, m.height, m.data
    FROM decision AS d JOIN matte AS m ON m.object_id = d.object_id AND m.frame = d.start
    WHERE d.kind = 'prompt' AND d.taken_back IS NULL GROUP BY d.object_id, d.start
    """,
    # Two approvals of one frame are taken back one by one.
    "ALTER TABLE approval RENAME TO approval_2",
    """
    CREATE TABLE approval (
        object_id INTEGER NOT NULL REFERENCES object (id),
        frame INTEGER NOT NULL CHECK (frame >= 0),
        decision_id INTEGER NOT NULL REFERENCES decision (id),
        PRIMARY KEY (object_id, frame, decision_id)
    )
    """,
    """
    INSERT INTO approval SELECT a.object_id, a.frame, d.id FROM approval_2 AS a
    JOIN decision AS d ON d.kind = 'approval' AND d.object_id = a.object_id
    AND d.time = a.time AND json_extract(d.details, '$.reason') = a.reason
    """,
    "DROP TABLE approval_2",
    # A correction that is carried back once more goes no further than this.
    "ALTER TABLE backtrack ADD COLUMN earliest INTEGER NOT NULL DEFAULT 0",
)


def _to_version_3(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_3:
        connection.execute(statement)


# An object of which nothing that was said holds any more may be removed; decisions still name it.
# And that an object is gone may say up to which frame, which an older tam-edit cannot read.
_VERSION_4 = ("ALTER TABLE object ADD COLUMN removed TEXT",)


def _to_version_4(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_4:
        connection.execute(statement)


_VERSION_5 = (
    # What prompts have dropped, until something is tracked again; `decision_id` is empty until
    # they are written, `state` has the approvals and what else changed with them, as JSON.
    """
    CREATE TABLE aside (
        id INTEGER PRIMARY KEY,
        object_id INTEGER NOT NULL REFERENCES object (id),
        keyframe INTEGER NOT NULL,
        start INTEGER NOT NULL,
        stop INTEGER NOT NULL,
        state TEXT NOT NULL,
        decision_id INTEGER REFERENCES decision (id)
    )
    """,
    """
    CREATE TABLE aside_matte (
        aside_id INTEGER NOT NULL REFERENCES aside (id),
        frame INTEGER NOT NULL,
        score REAL NOT NULL,
        origin TEXT NOT NULL,
        reasons TEXT NOT NULL,
        kind TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (aside_id, frame)
    )
    """,
)


def _to_version_5(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_5:
        connection.execute(statement)


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _to_version_1,
    _to_version_2,
    _to_version_3,
    _to_version_4,
    _to_version_5,
)
"""Step ``n`` brings a file from version ``n`` to version ``n + 1``; the first makes the tables."""


def upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a file, or a new and empty one, to the version of this tam-edit: all of it or nothing.

    Args:
        connection: Open, outside a transaction.
        path: Names the file in the error.

    Raises:
        ProjectError: A newer tam-edit wrote the file.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(STEPS):
        raise ProjectError(
            f"{path} is a project of version {version}; this tam-edit reads up to {len(STEPS)}",
            hint="upgrade tam-edit",
        )
    if version == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in STEPS[version:]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
