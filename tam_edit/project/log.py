"""What happened to a project, line by line; lines are added and never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tam_edit.project.records import damaged, from_json, now, to_json
from tam_edit.project.store import Store

_PAGE_ROWS = 100


class LogRecord(NamedTuple):
    """One line of the log.

    Attributes:
        log_id: In the order in which things happened.
        time: UTC, ISO 8601.
        kind: What happened, in one word.
        details: As JSON has them.
    """

    log_id: int
    time: str
    kind: str
    details: Mapping[str, object]


def add(store: Store, kind: str, details: Mapping[str, object]) -> None:
    """Write a line, inside the open transaction where there is one."""
    text = to_json(dict(details), f"the log entry {kind!r}")
    with store.joined_transaction():
        store.write("INSERT INTO log (time, kind, details) VALUES (?, ?, ?)", (now(), kind, text))


def records(store: Store) -> Iterator[LogRecord]:
    """Every line from the first on; memory stays flat however many there are."""
    statement = "SELECT id, time, kind, details FROM log WHERE id > ? ORDER BY id LIMIT ?"
    for log_id, time, kind, text in store.pages(statement, page_rows=_PAGE_ROWS):
        where = f"line {log_id} of the log of {store.path}"
        details = from_json(text, where)
        if not isinstance(details, dict):
            raise damaged(where, text)
        yield LogRecord(log_id, time, kind, details)
