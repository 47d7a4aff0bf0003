"""The masks that prompts led to, kept for the day on which later prompts are taken back."""

from __future__ import annotations

from tam_edit.project.store import Store
from tam_edit.tracks import Origin
from tam_edit.types import ObjectId

_COLUMNS = "score, origin, reasons, kind, width, height, data"
# What a person gave; a mask of any other origin is none that prompts led to.
_GIVEN = tuple(map(str, (Origin.KEYFRAME, Origin.CORRECTED, Origin.ABSENT)))


def keep(store: Store, decision_id: int, object_id: ObjectId, frame_index: int) -> None:
    """Note inside the open transaction that prompts led to the matte that is on their frame."""
    store.write(
        f"INSERT INTO keyframe (decision_id, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM matte"  # noqa: S608
        " WHERE object_id = ? AND frame = ? AND origin IN (?, ?, ?)",
        (decision_id, object_id, frame_index, *_GIVEN),
    )


def is_kept(store: Store, decision_id: int) -> bool:
    """Whether it is known what mask a decision's prompts led to."""
    return bool(store.rows("SELECT 1 FROM keyframe WHERE decision_id = ?", (decision_id,)))


def is_correction(store: Store, decision_id: int) -> bool:
    """Whether a decision's prompts corrected a tracked mask."""
    rows = store.rows("SELECT origin FROM keyframe WHERE decision_id = ?", (decision_id,))
    return rows == [(str(Origin.CORRECTED),)]


def restore(store: Store, decision_id: int) -> None:
    """Put the mask that prompts led to on their frame again, inside the open transaction."""
    store.write(
        f"INSERT OR REPLACE INTO matte (object_id, frame, {_COLUMNS})"  # noqa: S608 - no input
        " SELECT d.object_id, d.start, k.score, k.origin, k.reasons, k.kind, k.width, k.height,"
        " k.data FROM keyframe AS k JOIN decision AS d ON d.id = k.decision_id WHERE d.id = ?",
        (decision_id,),
    )
