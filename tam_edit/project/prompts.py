"""What persons said, one row each, and what it comes to per object and frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from tam_edit.errors import InputError, ProjectError
from tam_edit.masks.codec import decode_mask, encode_mask
from tam_edit.project import aside, decisions, keyframes
from tam_edit.project.decisions import DecisionKind
from tam_edit.project.records import damaged, from_json, now, to_json
from tam_edit.project.store import Store
from tam_edit.prompts import Prompts
from tam_edit.types import Mask, ObjectId

_COLUMNS = "id, object_id, frame, kind, numbers, mask, time, is_active"
_NUMBER_COUNTS = {"click": (2,), "not": (2,), "box": (4,), "mask": (2,), "gone": (0, 1)}


class PromptKind(StrEnum):
    """The option of the command line that gives such a prompt."""

    CLICK = "click"
    NOT = "not"
    BOX = "box"
    MASK = "mask"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True, eq=False)
class PromptRecord:
    """One thing that was said.

    Attributes:
        prompt_id: In the order in which things were said.
        object_id: About which object.
        frame_index: On which frame.
        kind: Of what kind.
        numbers: ``(x, y)`` of a click, ``(x0, y0, x1, y1)`` of a box, ``(width, height)`` of a
            mask; pixels. Of an object that is gone the last frame, where that was said.
        mask: The painted mask at source size, of a mask only.
        time: When, UTC, ISO 8601.
        is_active: False once it was taken back.
    """

    prompt_id: int
    object_id: ObjectId
    frame_index: int
    kind: PromptKind
    numbers: tuple[float, ...]
    mask: Mask | None = field(default=None, repr=False)
    time: str
    is_active: bool


def add(store: Store, object_id: ObjectId, frame_index: int, prompts: Prompts) -> None:
    """Write every click, the box and the mask, each as one row, in one transaction.

    Together they are one decision; the matte that is on the frame is what they led to.
    """
    said: list[tuple[PromptKind, tuple[float, ...], bytes | None]] = []
    if prompts.gone:
        last = () if prompts.gone_last is None else (prompts.gone_last,)
        said.append((PromptKind.GONE, last, None))
    if prompts.mask is not None:
        height, width = prompts.mask.shape
        said.append((PromptKind.MASK, (width, height), encode_mask(prompts.mask)))
    if prompts.box is not None:
        said.append((PromptKind.BOX, prompts.box, None))
    said += [(PromptKind.CLICK, point, None) for point in prompts.positive]
    said += [(PromptKind.NOT, point, None) for point in prompts.negative]
    if not said:
        raise InputError(
            f"there is nothing to say about object {object_id} on frame {frame_index}",
            hint="give a click, a box or a mask",
        )
    time = now()
    span = (object_id, frame_index, frame_index + 1)
    with store.transaction():
        decision_id = decisions.add(store, DecisionKind.PROMPT, *span, {})
        rows = [
            (object_id, frame_index, kind, _numbers_text(numbers), mask, time, decision_id)
            for kind, numbers, mask in said
        ]
        store.write_many(
            "INSERT INTO prompt (object_id, frame, kind, numbers, mask, time, decision_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        keyframes.keep(store, decision_id, object_id, frame_index)
        aside.claim(store, object_id, frame_index, decision_id)


def merged(store: Store, object_id: ObjectId, *, without: int = 0) -> dict[int, Prompts]:
    """What is said about an object, frame by frame, ascending; what was taken back is left out.

    It adds up as :meth:`~tam_edit.prompts.Prompts.joined` says, in the order it was given.

    Args:
        store: The project.
        object_id: The object.
        without: A decision that is left out, too.
    """
    rows = store.rows(
        f"SELECT {_COLUMNS} FROM prompt WHERE object_id = ? AND is_active"  # noqa: S608 - no input
        " AND decision_id IS NOT ? ORDER BY frame, id",
        (object_id, without),
    )
    by_frame: dict[int, list[PromptRecord]] = {}
    for row in rows:
        record = _record(store, row)
        by_frame.setdefault(record.frame_index, []).append(record)
    return {frame_index: _together(said) for frame_index, said in by_frame.items()}


def on_frame(store: Store, object_id: ObjectId, frame_index: int) -> list[Prompts]:
    """Everything that was ever said about an object on a frame, also what holds no more."""
    rows = store.rows(
        f"SELECT {_COLUMNS} FROM prompt WHERE object_id = ? AND frame = ? ORDER BY id",  # noqa: S608
        (object_id, frame_index),
    )
    return [_alone(_record(store, row)) for row in rows]


def of_decision(store: Store, decision_id: int) -> Prompts:
    """What was said by one decision."""
    statement = f"SELECT {_COLUMNS} FROM prompt WHERE decision_id = ? ORDER BY id"  # noqa: S608
    return _together([_record(store, row) for row in store.rows(statement, (decision_id,))])


def in_words(store: Store, decision_id: int) -> list[str]:
    """What was said by one decision, as ``click 320,180``; masks are not read."""
    words = []
    for kind, text in store.rows(
        "SELECT kind, numbers FROM prompt WHERE decision_id = ? ORDER BY id", (decision_id,)
    ):
        numbers = from_json(text, f"a prompt of decision {decision_id} of {store.path}")
        values = numbers if isinstance(numbers, list) else []
        if kind == PromptKind.GONE and values:
            words.append(f"gone up to frame {values[0]:g}")
            continue
        joined = ("x" if kind == PromptKind.MASK else ",").join(f"{value:g}" for value in values)
        words.append(f"{kind} {joined}".strip())
    return words


def take_back(store: Store, decision_id: int) -> None:
    """Let what a decision said hold no more, inside the open transaction."""
    store.write("UPDATE prompt SET is_active = 0 WHERE decision_id = ?", (decision_id,))


def records(store: Store) -> Iterator[PromptRecord]:
    """Everything that was ever said, in that order; one row is in memory at a time."""
    statement = f"SELECT {_COLUMNS} FROM prompt WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
    # One at a time: a row may hold a mask.
    return (_record(store, row) for row in store.pages(statement, page_rows=1))


def _together(said: list[PromptRecord]) -> Prompts:
    together = Prompts()
    for record in said:
        together = together.joined(_alone(record))
    return together


def _alone(record: PromptRecord) -> Prompts:
    """What one record says."""
    if record.kind is PromptKind.GONE:
        return Prompts(gone=True, gone_last=int(record.numbers[0]) if record.numbers else None)
    if record.kind is PromptKind.MASK:
        return Prompts(mask=record.mask)
    if record.kind is PromptKind.BOX:
        x0, y0, x1, y1 = record.numbers
        return Prompts(box=(x0, y0, x1, y1))
    point = (record.numbers[0], record.numbers[1])
    is_positive = record.kind is PromptKind.CLICK
    return Prompts(positive=(point,)) if is_positive else Prompts(negative=(point,))


def _numbers_text(numbers: tuple[float, ...]) -> str:
    # Numbers may come as NumPy scalars, which JSON does not know; 17 digits keep every float.
    return to_json([float(number) for number in numbers], "a prompt")


def _record(store: Store, row: tuple[Any, ...]) -> PromptRecord:
    prompt_id, object_id, frame_index, kind_text, numbers_text, data, time, is_active = row
    where = f"prompt {prompt_id} of {store.path}"
    numbers = from_json(numbers_text, where)
    if (
        not isinstance(numbers, list)
        or len(numbers) not in _NUMBER_COUNTS.get(kind_text, ())
        or not all(isinstance(n, float) and np.isfinite(n) for n in numbers)
    ):
        raise damaged(where, f"{kind_text} {numbers_text}")
    kind = PromptKind(kind_text)
    mask = None
    if kind is PromptKind.MASK:
        try:
            mask = decode_mask(data, int(numbers[1]), int(numbers[0]))
        except ProjectError as error:
            raise ProjectError(f"{where}: {error}", hint=error.hint) from error
    return PromptRecord(
        prompt_id=prompt_id,
        object_id=object_id,
        frame_index=frame_index,
        kind=kind,
        numbers=tuple(numbers),
        mask=mask,
        time=time,
        is_active=bool(is_active),
    )
