"""What is to be tracked: passes of the propagator, and frames that are filled without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tam_edit.tracks import Origin
from tam_edit.types import ObjectId


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One run of the propagator over consecutive frames.

    Attributes:
        frames: The frames that the run is shown, in its order (step 1 or -1).
        keyframes: Per frame the objects whose keyframe enters there.
        exits: Per frame the objects that take no part any more, from there on.
        memory: Keyframes outside the pass that are learned before it, the nearest last. Only a
            pass with one object has them: a model would carry other objects across the jump.
        resumes: Whether the run goes on from its snapshot, taken on the frame before the first.
        correction: The frame of the correction that it carries back, over frames that are tracked
            already, until it replaces nothing; None for every other pass.
        mask_count: How many masks the run is expected to make, keyframes and memory included;
            what it costs goes with these.
    """

    frames: range
    keyframes: Mapping[int, tuple[ObjectId, ...]]
    exits: Mapping[int, tuple[ObjectId, ...]] = field(default_factory=dict)
    memory: tuple[int, ...] = ()
    resumes: bool = False
    correction: int | None = None
    mask_count: int = field(default=0, compare=False)

    @property
    def object_ids(self) -> frozenset[ObjectId]:
        """The objects that enter during the pass."""
        return frozenset(i for ids in self.keyframes.values() for i in ids)

    @property
    def is_forward(self) -> bool:
        """Whether the frames run forward in time."""
        return self.frames.step > 0


@dataclass(frozen=True, kw_only=True)
class Fill:
    """Frames of one object that get an empty matte without a model.

    Attributes:
        object_id: The object.
        frames: Ascending.
        origin: ``Origin.ABSENT`` or ``Origin.UNREACHED``.
    """

    object_id: ObjectId
    frames: range
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done, in this order."""

    fills: list[Fill]
    passes: list[Pass]
