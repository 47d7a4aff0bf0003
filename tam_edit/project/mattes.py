"""Masks, scores and origins per object and frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tam_edit.errors import InputError, ProjectError
from tam_edit.masks.codec import EncodedMatte, Encoding, covered_frac, decode, encode
from tam_edit.project.records import damaged, from_json, to_json
from tam_edit.project.store import Store
from tam_edit.tracks import FrameScore, Origin, TrackedMatte, spans_of
from tam_edit.types import ObjectId

# Rows that a reader holds in memory at a time. Between two such pages others may write.
_PAGE_ROWS = 1000


def put(store: Store, frame_index: int, entries: Mapping[ObjectId, TrackedMatte]) -> None:
    """Write one frame's mattes inside the open transaction; those there are replaced."""
    rows = []
    for object_id, entry in entries.items():
        if not 0 <= entry.score <= 1:
            raise InputError(
                f"the score {entry.score} of object {object_id} on frame {frame_index}"
                " is not between 0 and 1"
            )
        reasons = to_json(list(entry.reasons), "a reason")
        known = (float(entry.score), Origin(entry.origin), reasons)
        encoded = encode(entry.matte)
        what = (encoded.encoding, encoded.width, encoded.height, encoded.data)
        rows.append((object_id, frame_index, *known, *what))
    store.write_many("INSERT OR REPLACE INTO matte VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def entry(store: Store, object_id: ObjectId, frame_index: int) -> TrackedMatte | None:
    """One frame's matte, or None where the object was not tracked."""
    rows = store.rows(
        "SELECT score, origin, reasons, kind, height, width, data FROM matte"
        " WHERE object_id = ? AND frame = ?",
        (object_id, frame_index),
    )
    if not rows:
        return None
    score, origin, reasons, kind, height, width, data = rows[0]
    where = _where(store, object_id, frame_index)
    known = _known(where, (frame_index, score, origin, reasons))
    try:
        matte = decode(EncodedMatte(Encoding(kind), height, width, data))
    except ProjectError as error:
        raise ProjectError(f"{where}: {error}", hint=error.hint) from error
    return TrackedMatte(matte=matte, score=known.score, origin=known.origin, reasons=known.reasons)


def spans(store: Store, object_id: ObjectId) -> list[tuple[int, int]]:
    """Half-open spans of consecutive frames that have a matte, in ascending order."""
    return spans_of(int(row[0]) for row in _pages(store, "frame", object_id))


def scores(store: Store, object_id: ObjectId) -> Iterator[FrameScore]:
    """What is known of each tracked frame, in ascending order, without reading mattes."""
    for row in _pages(store, "frame, score, origin, reasons", object_id):
        yield _known(_where(store, object_id, row[0]), row)


def empty_frames(store: Store, object_id: ObjectId, frames: Iterable[int]) -> set[int]:
    """Those of some frames whose matte is there and shows nothing of the object."""
    found = set()
    for frame_index in frames:
        rows = store.rows(
            "SELECT kind, height, width, data FROM matte WHERE object_id = ? AND frame = ?",
            (object_id, frame_index),
        )
        try:
            if rows and not covered_frac(EncodedMatte(Encoding(rows[0][0]), *rows[0][1:])):
                found.add(frame_index)
        except ProjectError as error:
            where = _where(store, object_id, frame_index)
            raise ProjectError(f"{where}: {error}", hint=error.hint) from error
    return found


def digest(store: Store, object_id: ObjectId, start: int, stop: int) -> str:
    """SHA-256 of all that is stored of a half-open span of frames."""
    columns = "frame, score, origin, reasons, kind, height, width, data"
    total = hashlib.sha256()
    for row in _pages(store, columns, object_id):
        if start <= row[0] < stop:
            *known, data = row
            total.update(repr(known).encode() + hashlib.sha256(data).digest())
    return total.hexdigest()


def encoded(
    store: Store, object_id: ObjectId, start: int, stop: int
) -> Iterator[tuple[FrameScore, EncodedMatte]]:
    """What is known of each tracked frame of a half-open span, with its matte as it is stored."""
    rows = store.pages(
        "SELECT frame, score, origin, reasons, kind, height, width, data FROM matte"
        " WHERE object_id = ? AND frame >= ? AND frame < ? AND frame > ? ORDER BY frame LIMIT ?",
        (object_id, start, stop),
        page_rows=_PAGE_ROWS,
    )
    for *known, kind, height, width, data in rows:
        score = _known(_where(store, object_id, known[0]), tuple(known))
        yield score, EncodedMatte(Encoding(kind), height, width, data)


def remove(store: Store, object_id: ObjectId, start: int, stop: int) -> None:
    """Delete the mattes of a half-open span inside the open transaction."""
    store.write(
        "DELETE FROM matte WHERE object_id = ? AND frame >= ? AND frame < ?",
        (object_id, start, stop),
    )


def _pages(store: Store, columns: str, object_id: ObjectId) -> Iterator[tuple[Any, ...]]:
    return store.pages(
        f"SELECT {columns} FROM matte WHERE object_id = ? AND frame > ?"  # noqa: S608 - no input
        " ORDER BY frame LIMIT ?",
        (object_id,),
        page_rows=_PAGE_ROWS,
    )


def _where(store: Store, object_id: ObjectId, frame_index: int) -> str:
    return f"{store.path}, object {object_id}, frame {frame_index}"


def _known(where: str, row: tuple[object, ...]) -> FrameScore:
    frame_index, score, origin, reasons_text = row
    reasons = from_json(reasons_text, where)
    if (
        not isinstance(frame_index, int)
        or not isinstance(score, float)
        or not isinstance(reasons, list)
        or origin not in list(Origin)
    ):
        raise damaged(where, f"{score} {origin} {reasons_text}")
    return FrameScore(frame_index, score, Origin(str(origin)), tuple(map(str, reasons)))
