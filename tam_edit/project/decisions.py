"""What persons decided about a project, in that order; nothing of it is ever deleted."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tam_edit.errors import UnknownNameError
from tam_edit.project.records import damaged, from_json, now, to_json
from tam_edit.project.store import Store
from tam_edit.types import ObjectId

_COLUMNS = "id, time, kind, object_id, start, stop, details, taken_back"
_PAGE_ROWS = 100


class DecisionKind(StrEnum):
    """What a person did."""

    PROMPT = "prompt"
    """Said where an object is; on a tracked frame this is a correction."""
    APPROVAL = "approval"
    """Found masks right."""
    UNDO = "undo"
    """Took back an earlier decision."""
    ON_DOUBT = "on-doubt"
    """Had the work go on although there were doubts."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One thing that a person decided.

    Attributes:
        decision_id: In the order in which things were decided.
        time: When, UTC, ISO 8601.
        kind: What was done.
        object_id: About which object; None where about the whole project.
        start: First frame it is about; None where it is about no frames.
        stop: One past the last.
        details: As JSON has them: of prompts ``said`` and ``is_correction``, of an approval
            ``reason``, ``frames``, ``doubtful`` and ``worst_score``, of an undo ``decision``, of a
            decision on doubt ``choice`` and ``doubts``; of all of them ``user``.
        taken_back: When it was taken back; None where it holds.
    """

    decision_id: int
    time: str
    kind: DecisionKind
    object_id: ObjectId | None
    start: int | None
    stop: int | None
    details: Mapping[str, object]
    taken_back: str | None

    @property
    def user(self) -> str | None:
        """Who decided it, as the operating system calls them; None where it was not noted."""
        user = self.details.get("user")
        return None if user is None else str(user)


def add(
    store: Store,
    kind: DecisionKind,
    object_id: ObjectId | None,
    start: int | None,
    stop: int | None,
    details: Mapping[str, object],
) -> int:
    """Write one inside the open transaction; gives its id."""
    text = to_json({**details, "user": current_user()}, f"the decision {kind!r}")
    return store.write(
        "INSERT INTO decision (time, kind, object_id, start, stop, details)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (now(), kind, object_id, start, stop, text),
    )


def current_user() -> str:
    """The name of the person at work: ``TAM_EDIT_USER``, else as the operating system has it."""
    if stated := os.environ.get("TAM_EDIT_USER", "").strip():
        return stated
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        # A container's number may have no name, and Windows may not say one.
        return "unknown"


def records(store: Store) -> Iterator[Decision]:
    """Every decision from the first on; memory stays flat however many there are."""
    statement = f"SELECT {_COLUMNS} FROM decision WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
    return (_decision(store, row) for row in store.pages(statement, page_rows=_PAGE_ROWS))


def newest(store: Store) -> int:
    """The number of the newest decision; 0 where there is none."""
    return int(store.rows("SELECT coalesce(max(id), 0) FROM decision")[0][0])


def get(store: Store, decision_id: int) -> Decision:
    """One decision.

    Raises:
        UnknownNameError: There is none of that number.
    """
    statement = f"SELECT {_COLUMNS} FROM decision WHERE id = ?"  # noqa: S608 - no input
    rows = store.rows(statement, (decision_id,))
    if not rows:
        last = newest(store)
        error = UnknownNameError("decision", str(decision_id), ())
        error.hint = f"there are the decisions 1 to {last}" if last else "nothing was decided yet"
        raise error
    return _decision(store, rows[0])


def mark_taken_back(store: Store, decision: Decision) -> int:
    """Note inside the open transaction that a decision holds no more; that is a decision, too."""
    store.write("UPDATE decision SET taken_back = ? WHERE id = ?", (now(), decision.decision_id))
    span = (decision.object_id, decision.start, decision.stop)
    return add(store, DecisionKind.UNDO, *span, {"decision": decision.decision_id})


def _decision(store: Store, row: tuple[Any, ...]) -> Decision:
    decision_id, time, kind, object_id, start, stop, text, taken_back = row
    where = f"decision {decision_id} of {store.path}"
    details = from_json(text, where)
    if kind not in list(DecisionKind) or not isinstance(details, dict):
        raise damaged(where, f"{kind} {text}")
    return Decision(
        decision_id=decision_id,
        time=time,
        kind=DecisionKind(kind),
        object_id=object_id,
        start=start,
        stop=stop,
        details=details,
        taken_back=taken_back,
    )
