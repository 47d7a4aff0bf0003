"""Which masks tracking has made, and which it looked at again, so that a person can be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tam_edit.types import ObjectId


@dataclass(kw_only=True)
class WayBack:
    """What became of the frames before a correction.

    Attributes:
        object_id: The object.
        correction: The frame of the correction.
        first: The earliest frame that it could have changed.
        reached: How far down it had changed masks before, where it goes on after a stop.
        seen: The frames that were looked at again.
        changed: Those of them whose mask is another one now.
    """

    object_id: ObjectId
    correction: int
    first: int
    reached: int
    seen: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)

    @property
    def kept(self) -> range:
        """The frames before it, down to the keyframe before, that stay as they were."""
        return range(self.first, min([*self.changed, self.reached]))


@dataclass(kw_only=True)
class Tally:
    """What tracking has done.

    Attributes:
        made: Per object the frames that had no mask and got one from the tracker.
        filled: Per object the frames that got an empty mask without the tracker, because the
            object is gone there or no prompt reaches it.
        ways_back: What became of the frames before each correction, in the order of work.
    """

    made: dict[ObjectId, set[int]] = field(default_factory=lambda: defaultdict(set))
    filled: dict[ObjectId, set[int]] = field(default_factory=lambda: defaultdict(set))
    ways_back: list[WayBack] = field(default_factory=list)

    def note_made(self, frame_index: int, object_ids: Iterable[ObjectId]) -> None:
        """Note that objects got a mask on a frame."""
        for object_id in object_ids:
            self.made[object_id].add(frame_index)

    @property
    def new_count(self) -> int:
        """How many masks are there now that were not there, or were others."""
        there: dict[ObjectId, set[int]] = defaultdict(set)
        for frames in (self.made, self.filled):
            for object_id, indices in frames.items():
                there[object_id] |= indices
        for way in self.ways_back:
            there[way.object_id] |= way.changed
        return sum(map(len, there.values()))
