"""Which frames are still to be tracked, in which passes.

Forward passes begin at keyframes and end at the out point or where tracked frames begin again.
What lies before an object's first keyframe is reached by a backward pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tam_edit.types import ObjectId

# Keyframes behind the start of a pass that are learned first: the nearest ones.
MAX_MEMORY = 8


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One run of the propagator over consecutive frames.

    Attributes:
        frames: The frames that the run is shown, in its order (step 1 or -1).
        keyframes: Per frame the objects whose keyframe enters there.
        memory: Keyframes that lie behind the first frame and are learned before it. Only a pass
            with one object has them: a model would carry other objects across the jump.
        resumes: Whether the run goes on from its snapshot, taken on the frame before the first.
    """

    frames: range
    keyframes: Mapping[int, tuple[ObjectId, ...]]
    memory: tuple[int, ...] = ()
    resumes: bool = False

    @property
    def object_ids(self) -> frozenset[ObjectId]:
        """The objects that enter during the pass."""
        return frozenset(i for ids in self.keyframes.values() for i in ids)

    @property
    def is_forward(self) -> bool:
        """Whether the frames run forward in time."""
        return self.frames.step > 0


@dataclass(frozen=True, kw_only=True)
class ObjectState:
    """What is known of one object before planning.

    Attributes:
        keyframes: Frames on which a person gave the mask, ascending.
        tracked: Half-open spans of frames that have a mask, ascending, keyframes included.
    """

    keyframes: Sequence[int]
    tracked: Sequence[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """A run that stopped early and left a snapshot.

    Attributes:
        frame_index: The last frame it finished.
        is_forward: Its direction.
        object_ids: The objects that were in it.
    """

    frame_index: int
    is_forward: bool
    object_ids: frozenset[ObjectId]


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """Untracked frames of one object, after a keyframe or after earlier work of a run."""

    object_id: ObjectId
    keyframe: int
    frames: range

    @property
    def is_fresh(self) -> bool:
        """Whether it begins right beside its keyframe."""
        return abs(self.frames.start - self.keyframe) == 1

    def from_keyframe(self) -> _Stretch:
        """The same stretch, begun anew at its keyframe."""
        step = self.frames.step
        return replace(self, frames=range(self.keyframe + step, self.frames.stop, step))


def plan_passes(
    objects: Mapping[ObjectId, ObjectState],
    in_frame: int,
    out_frame: int,
    interrupted: Interrupted | None = None,
) -> list[Pass]:
    """The passes that give every object a mask on every frame, forward ones first.

    Args:
        objects: State per object; objects without a keyframe are left out.
        in_frame: First frame of the project.
        out_frame: One past the last frame.
        interrupted: A run that can go on from its snapshot.
    """
    forward: dict[int, list[_Stretch]] = defaultdict(list)
    backward: dict[int, list[_Stretch]] = defaultdict(list)
    for object_id, state in objects.items():
        if not state.keyframes:
            continue
        for stretch in _stretches(object_id, state, in_frame, out_frame):
            group = forward if stretch.frames.step > 0 else backward
            group[stretch.frames.stop].append(stretch)
    _join_consecutive(forward)
    passes = [_to_pass(group, objects, interrupted) for _, group in sorted(forward.items())]
    return passes + [_to_pass(group, objects, interrupted) for _, group in sorted(backward.items())]


def _stretches(
    object_id: ObjectId, state: ObjectState, in_frame: int, out_frame: int
) -> list[_Stretch]:
    stretches = []
    for start, stop in _gaps(state.tracked, in_frame, out_frame):
        before = [k for k in state.keyframes if k < start]
        if before:
            frames, keyframe = range(start, stop), before[-1]
        else:
            frames, keyframe = range(stop - 1, start - 1, -1), state.keyframes[0]
        stretches.append(_Stretch(object_id=object_id, keyframe=keyframe, frames=frames))
    return stretches


def _gaps(
    tracked: Sequence[tuple[int, int]], in_frame: int, out_frame: int
) -> list[tuple[int, int]]:
    gaps = []
    at = in_frame
    for start, stop in tracked:
        if start > at:
            gaps.append((at, min(start, out_frame)))
        at = max(at, stop)
    if at < out_frame:
        gaps.append((at, out_frame))
    return [(start, stop) for start, stop in gaps if start < stop]


def _join_consecutive(forward: dict[int, list[_Stretch]]) -> None:
    """Let a stretch that ends at a keyframe go on with the one that begins there."""
    for stop in sorted(forward):
        for stretch in list(forward[stop]):
            follower = next(
                (
                    later
                    for group in forward.values()
                    for later in group
                    if later.object_id == stretch.object_id
                    and later.keyframe == stop
                    and later.is_fresh
                ),
                None,
            )
            if follower is None:
                continue
            forward[stop].remove(stretch)
            end = follower.frames.stop
            joined = replace(stretch, frames=range(stretch.frames.start, end))
            forward[end][forward[end].index(follower)] = joined
        if not forward[stop]:
            del forward[stop]


def _to_pass(
    group: list[_Stretch],
    objects: Mapping[ObjectId, ObjectState],
    interrupted: Interrupted | None,
) -> Pass:
    step = group[0].frames.step
    waiting = [s for s in group if not s.is_fresh]
    resumes = interrupted is not None and _can_resume(waiting, group, interrupted)
    if not resumes:
        group = [s.from_keyframe() for s in group]
    entries = [s.frames.start - step for s in group if s.is_fresh or not resumes]
    entry = min(entries, key=lambda frame: frame * step, default=None)
    if resumes and interrupted is not None:
        first = interrupted.frame_index + step
    else:
        first = entry if entry is not None else group[0].frames.start
    keyframes: dict[int, list[ObjectId]] = defaultdict(list)
    frames = range(first, group[0].frames.stop, step)
    for stretch in group:
        begin = stretch.frames.start if resumes and not stretch.is_fresh else stretch.keyframe
        for keyframe in objects[stretch.object_id].keyframes:
            if keyframe in frames and (keyframe - begin) * step >= 0:
                keyframes[keyframe].append(stretch.object_id)
    memory: tuple[int, ...] = ()
    if len(group) == 1 and not resumes:
        behind = [k for k in objects[group[0].object_id].keyframes if (k - first) * step < 0]
        memory = tuple(sorted(behind, reverse=step < 0)[-MAX_MEMORY:])
    return Pass(
        frames=frames,
        keyframes={frame: tuple(sorted(ids)) for frame, ids in sorted(keyframes.items())},
        memory=memory,
        resumes=resumes,
    )


def _can_resume(waiting: list[_Stretch], group: list[_Stretch], interrupted: Interrupted) -> bool:
    """Whether exactly the objects of the interrupted run wait right after its last frame."""
    step = group[0].frames.step
    following = interrupted.frame_index + step
    here = {s.object_id for s in group if s.frames.start == following}
    return (
        interrupted.is_forward == (step > 0)
        and here == interrupted.object_ids
        and all(s.frames.start == following for s in waiting)
        and all((s.frames.start - following) * step >= 0 for s in group)
    )
