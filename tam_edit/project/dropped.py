"""How large the masks were that prompts have dropped, so that smaller ones do not go unseen.

Each frame with prompts that dropped masks has one entry among the settings: for each frame of a
span, the area that its mask is held to from then on, in parts per million of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from tam_edit.errors import ProjectError
from tam_edit.masks.codec import covered_frac
from tam_edit.project import approvals, mattes
from tam_edit.project.records import damaged, from_json, to_json
from tam_edit.project.store import Store
from tam_edit.tracks import BELIEVED, Origin
from tam_edit.types import ObjectId

_PARTS = 1_000_000
# A person's own word on a frame, whatever the masks were before it.
_GIVEN = (Origin.KEYFRAME, Origin.CORRECTED, Origin.ABSENT)


class _Entry(NamedTuple):
    """What is held to because of the prompts on one frame.

    Attributes:
        number: Of several that know a frame the one with the highest number counts.
        start: The first frame.
        parts: The area on each frame from it on, in parts per million; 0 where none is known.
    """

    number: int
    start: int
    parts: list[int]

    def by_frame(self) -> dict[int, int]:
        return dict(enumerate(self.parts, self.start))


def remember(store: Store, object_id: ObjectId, keyframe: int, start: int, stop: int) -> None:
    """Keep the areas of a half-open span's masks, inside the transaction that drops them.

    The larger of the mask that is dropped and those that had been dropped before it counts, so
    that a second correction hides nothing of what the first one lost. What a person has given or
    approved counts alone.

    Args:
        store: The project.
        object_id: The object.
        keyframe: The frame whose prompts drop the masks.
        start: First frame.
        stop: One past the last frame.
    """
    entries = _entries(store, object_id)
    known = _together(entries)
    approved = approvals.approved(store, object_id)
    parts = {frame: known[frame] for frame in range(start, stop) if frame in known}
    for score, encoded in mattes.encoded(store, object_id, start, stop):
        frame, is_sure = score.frame_index, score.origin in _GIVEN or score.frame_index in approved
        if not is_sure and score.score < BELIEVED:
            continue
        try:
            area = round(covered_frac(encoded) * _PARTS)
        except ProjectError:
            # A damaged mask may be what the prompts are given for.
            continue
        parts[frame] = area if is_sure else max(area, parts.get(frame, 0))
    if parts:
        _put(store, object_id, keyframe, _next(entries), parts)


def hand_on(store: Store, object_id: ObjectId, keyframe: int) -> None:
    """Let what prompts have dropped be forgotten with them, inside the open transaction.

    Where the frames are tracked from prompts that had dropped masks, too, these inherit it.
    """
    entries = _entries(store, object_id)
    left = entries.pop(keyframe, None)
    if left is None:
        return
    store.write("DELETE FROM setting WHERE name = ?", (_name(object_id, keyframe),))
    heir = max((k for k in entries if k < keyframe), default=min(entries, default=None))
    if heir is not None:
        parts = _together({keyframe: left, heir: entries[heir]})
        number = max(left.number, entries[heir].number)
        _put(store, object_id, heir, number, parts)


def areas(store: Store, object_id: ObjectId) -> dict[int, float]:
    """The share of the picture that masks had before prompts dropped them, by frame."""
    known = _together(_entries(store, object_id))
    return {frame: parts / _PARTS for frame, parts in sorted(known.items()) if parts}


def prefix_of(object_id: ObjectId) -> tuple[int, str]:
    """What the names of an object's entries begin with, and its length."""
    prefix = _name(object_id, "")
    return len(prefix), prefix


def _entries(store: Store, object_id: ObjectId) -> dict[int, _Entry]:
    """All entries of an object, by the frame of the prompts."""
    entries = {}
    length, prefix = prefix_of(object_id)
    for name, text in store.rows(
        "SELECT name, value FROM setting WHERE substr(name, 1, ?) = ?", (length, prefix)
    ):
        where = f"the setting {name!r} of {store.path}"
        value = from_json(text, where)
        try:
            number, start, parts = cast("tuple[int, int, list[int]]", value)
            entries[int(name.removeprefix(prefix))] = _Entry(
                int(number), int(start), [int(n) for n in parts]
            )
        except (TypeError, ValueError) as error:
            raise damaged(where, str(error)) from error
    return entries


def _together(entries: Mapping[int, _Entry]) -> dict[int, int]:
    known: dict[int, int] = {}
    for entry in sorted(entries.values()):
        known |= entry.by_frame()
    return known


def _next(entries: Mapping[int, _Entry]) -> int:
    return 1 + max((entry.number for entry in entries.values()), default=0)


def _put(
    store: Store, object_id: ObjectId, keyframe: int, number: int, parts: Mapping[int, int]
) -> None:
    start, stop = min(parts), max(parts) + 1
    value = [number, start, [parts.get(frame, 0) for frame in range(start, stop)]]
    name = _name(object_id, keyframe)
    text = to_json(value, name)
    store.write("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, text))


def _name(object_id: ObjectId, keyframe: int | str) -> str:
    return f"dropped {object_id} {keyframe}"
