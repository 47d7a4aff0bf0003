"""Which frames are still to be tracked, in which passes.

Cuts divide a video into shots. Within a shot, forward passes begin at keyframes and end where the
shot does, where tracked frames begin again or where the object is said to be gone; what lies
before an object's first keyframe is reached by a backward pass. Where it is said up to which
frame an object is gone, what comes after is reached as though that had not been said. A correction
is also carried back towards the keyframe before it. What no keyframe reaches is not tracked but
filled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tam_edit.tracking.passes import Fill, Pass, Plan
from tam_edit.tracks import Origin
from tam_edit.types import ObjectId

# Keyframes beside the one that a pass begins with which are learned first: the nearest ones.
MAX_MEMORY = 8
# A way back ends where masks stay as they are, mostly soon; as far as this it is counted on.
LIKELY_BACK = 10


@dataclass(frozen=True, kw_only=True)
class ObjectState:
    """What is known of one object before planning.

    Attributes:
        keyframes: Frames on which a person said something, ascending.
        tracked: Half-open spans of frames that have a mask, ascending, keyframes included.
        gone: Those of the keyframes on which the object is said to be gone.
        gone_last: The last frame on which it is, for those where that was said.
        backtracks: Those that are still to be carried back to the keyframe before them.
        earliest: The first frame that each of these may replace, where that is known.
    """

    keyframes: Sequence[int]
    tracked: Sequence[tuple[int, int]]
    gone: frozenset[int] = frozenset()
    gone_last: Mapping[int, int] = field(default_factory=dict)
    backtracks: Sequence[int] = ()
    earliest: Mapping[int, int] = field(default_factory=dict)

    def before(self, frame: int) -> int | None:
        """The last keyframe before a frame that says something of it."""
        said = (k for k in self.keyframes if k < frame and self.gone_last.get(k, frame) >= frame)
        return max(said, default=None)

    def after(self, frame: int) -> int | None:
        """The first keyframe on or after a frame that says something of those before it."""
        said = (k for k in self.keyframes if k >= frame and k not in self.gone_last)
        return min(said, default=None)


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

    @property
    def following(self) -> int:
        """The frame that it would have gone on with."""
        return self.frame_index + (1 if self.is_forward else -1)


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """Untracked frames of one object, after a keyframe or after earlier work of a run."""

    object_id: ObjectId
    keyframe: int
    frames: range
    shot: range
    needs_memory: bool
    resumes: bool = False

    @property
    def entry(self) -> int:
        """The frame on which the object enters a run."""
        return self.frames.start if self.resumes else self.keyframe

    @property
    def is_fresh(self) -> bool:
        """Whether it begins right beside its keyframe."""
        return abs(self.frames.start - self.keyframe) == 1


def shots_of(start: int, stop: int, cuts: Sequence[int]) -> list[range]:
    """The shots of a half-open span of frames.

    Args:
        start: First frame.
        stop: One past the last frame.
        cuts: First frames of new shots, in any order; those outside the span do not matter.
    """
    inside = sorted({cut for cut in cuts if start < cut < stop})
    return [range(a, b) for a, b in zip([start, *inside], [*inside, stop], strict=True)]


def plan_passes(
    objects: Mapping[ObjectId, ObjectState],
    in_frame: int,
    out_frame: int,
    interrupted: Interrupted | None = None,
    *,
    cuts: Sequence[int] = (),
    most_objects: int | None = None,
) -> Plan:
    """What gives every object a mask on every frame: fills, then forward passes, then backward.

    Args:
        objects: State per object; objects without a keyframe are left out.
        in_frame: First frame of the project.
        out_frame: One past the last frame.
        interrupted: A run that can go on from its snapshot.
        cuts: Frames that no pass crosses, each the first one of its shot.
        most_objects: How many objects one pass may carry; any number where None.
    """
    fills: list[Fill] = []
    forward: list[_Stretch] = []
    backward: list[_Stretch] = []
    shots = shots_of(in_frame, out_frame, cuts)
    for object_id, state in objects.items():
        if not state.keyframes:
            continue
        for gap in _gaps(state.tracked, shots, state.gone_last.values()):
            shot = next(shot for shot in shots if gap.start in shot)
            found = _stretch(object_id, state, gap, shot)
            if isinstance(found, Fill):
                fills.append(found)
            else:
                (forward if found.frames.step > 0 else backward).append(found)
    forward = _joined(forward)
    passes = [
        _to_pass(group, objects, interrupted)
        for stretches in (forward, backward)
        for group in _groups(_resumed(stretches, interrupted), most_objects)
    ]
    passes += [
        way
        for object_id, state in objects.items()
        for way in _ways_back(object_id, state, shots, interrupted)
    ]
    # What goes on comes first: the state of the run is that of one pass only.
    passes.sort(key=lambda one_pass: not one_pass.resumes)
    return Plan(fills=fills, passes=passes)


def _gaps(
    tracked: Sequence[tuple[int, int]], shots: Sequence[range], ends: Collection[int]
) -> list[range]:
    """Spans without a mask, ascending, each within one shot and on one side of every end."""
    gaps = []
    cuts = [last + 1 for last in ends]
    for shot in (part for whole in shots for part in shots_of(whole.start, whole.stop, cuts)):
        at = shot.start
        for start, stop in tracked:
            if start > at:
                gaps.append(range(at, min(start, shot.stop)))
            at = max(at, stop)
        gaps.append(range(at, shot.stop))
    return [gap for gap in gaps if gap]


def _stretch(object_id: ObjectId, state: ObjectState, gap: range, shot: range) -> _Stretch | Fill:
    """How a gap is closed."""
    before, after = state.before(gap.start), state.after(gap.stop)
    if before is not None and before in state.gone:
        return Fill(object_id=object_id, frames=gap, origin=Origin.ABSENT)
    if before is not None and before in shot:
        frames, keyframe = gap, before
    elif after is not None and after in shot and after not in state.gone:
        frames, keyframe = gap[::-1], after
    else:
        return Fill(object_id=object_id, frames=gap, origin=Origin.UNREACHED)
    behind = [k for k in state.keyframes if (k - keyframe) * frames.step < 0]
    return _Stretch(
        object_id=object_id,
        keyframe=keyframe,
        frames=frames,
        shot=shot,
        needs_memory=any(k not in state.gone for k in behind),
    )


def _joined(forward: Sequence[_Stretch]) -> list[_Stretch]:
    """Let a stretch that ends at a keyframe go on with the one that begins there."""
    joined: dict[ObjectId, list[_Stretch]] = defaultdict(list)
    for stretch in sorted(forward, key=lambda s: s.frames.start):
        done = joined[stretch.object_id]
        meets = bool(done) and done[-1].frames.stop == stretch.keyframe in done[-1].shot
        if meets and stretch.is_fresh:
            whole = range(done[-1].frames.start, stretch.frames.stop)
            done[-1] = replace(done[-1], frames=whole)
        else:
            done.append(stretch)
    return [stretch for done in joined.values() for stretch in done]


def _resumed(stretches: Sequence[_Stretch], interrupted: Interrupted | None) -> list[_Stretch]:
    """The stretches, where those of an interrupted run go on and all others begin anew.

    An object of that run goes on where its frames are missing, or where it has a keyframe and
    they are missing from there on; any other leaves the run.
    """
    step = stretches[0].frames.step if stretches else 1
    following: int | None = None
    if interrupted is not None and interrupted.is_forward == (step > 0):
        following = interrupted.following
    resumed = []
    for stretch in stretches:
        first = stretch.keyframe if stretch.is_fresh else stretch.frames.start
        goes_on = (
            interrupted is not None
            and stretch.object_id in interrupted.object_ids
            and following in (stretch.frames.start, first)
        )
        start = following if goes_on and following is not None else stretch.keyframe + step
        frames = range(start, stretch.frames.stop, step)
        resumed.append(replace(stretch, frames=frames, resumes=goes_on))
    return resumed


def _groups(stretches: Sequence[_Stretch], most_objects: int | None) -> list[list[_Stretch]]:
    """Stretches of different objects that one run can carry together, in the order of work.

    They follow each other without a frame in between, and none needs a memory of its own.
    """
    if not stretches:
        return []
    step = stretches[0].frames.step
    groups: list[list[_Stretch]] = []
    ends: list[int] = []
    ordered = sorted(stretches, key=lambda s: (not s.resumes, s.entry * step, s.object_id))
    for stretch in ordered:
        end = stretch.frames.stop
        alone = stretch.needs_memory and not stretch.resumes
        for i, group in enumerate(groups):
            is_full = most_objects is not None and len(group) >= most_objects
            clashes = any(
                s.object_id == stretch.object_id or (s.needs_memory and not s.resumes)
                for s in group
            )
            starts_inside = group[0].entry * step <= stretch.entry * step < ends[i] * step
            if not (alone or is_full or clashes) and starts_inside:
                group.append(stretch)
                ends[i] = max(ends[i] * step, end * step) * step
                break
        else:
            groups.append([stretch])
            ends.append(end)
    return groups


def _to_pass(
    group: Sequence[_Stretch],
    objects: Mapping[ObjectId, ObjectState],
    interrupted: Interrupted | None,
) -> Pass:
    step = group[0].frames.step
    first = group[0].entry
    stop = max(s.frames.stop * step for s in group) * step
    keyframes: dict[int, list[ObjectId]] = defaultdict(list)
    exits: dict[int, list[ObjectId]] = defaultdict(list)
    for stretch in group:
        own = range(stretch.entry, stretch.frames.stop, step)
        for keyframe in objects[stretch.object_id].keyframes:
            if keyframe in own and keyframe not in objects[stretch.object_id].gone:
                keyframes[keyframe].append(stretch.object_id)
        if stretch.frames.stop != stop:
            exits[stretch.frames.stop].append(stretch.object_id)
    frames = range(first, stop, step)
    if interrupted is not None and group[0].resumes:
        going_on = {stretch.object_id for stretch in group if stretch.resumes}
        exits[first] += interrupted.object_ids - going_on
    memory: tuple[int, ...] = ()
    if len(group) == 1 and not group[0].resumes:
        memory = _memory(objects[group[0].object_id], frames)
    return Pass(
        frames=frames,
        keyframes={frame: tuple(sorted(ids)) for frame, ids in sorted(keyframes.items())},
        exits={frame: tuple(sorted(ids)) for frame, ids in sorted(exits.items()) if ids},
        memory=memory,
        resumes=group[0].resumes,
        mask_count=len(memory) + sum(len(range(s.entry, s.frames.stop, step)) for s in group),
    )


def _memory(state: ObjectState, frames: range) -> tuple[int, ...]:
    """Keyframes that show the object outside a pass, the nearest last."""
    others = [k for k in state.keyframes if k not in frames and k not in state.gone]
    others.sort(key=lambda k: (-abs(k - frames.start), k))
    return tuple(others[-MAX_MEMORY:])


def _ways_back(
    object_id: ObjectId,
    state: ObjectState,
    shots: Sequence[range],
    interrupted: Interrupted | None,
) -> list[Pass]:
    passes = []
    for keyframe in state.backtracks:
        before = state.before(keyframe)
        shot = next((shot for shot in shots if keyframe in shot), None)
        if before is None or shot is None or before not in shot:
            continue
        if keyframe not in state.keyframes or state.gone & {keyframe, before}:
            continue
        absent = [last for last in state.gone_last.values() if last < keyframe]
        end = max(before, state.earliest.get(keyframe, 0) - 1, *absent)
        frames = range(keyframe, end, -1)
        keyframes = {keyframe: (object_id,)}
        memory = _memory(state, frames)
        resumes = (
            interrupted is not None
            and not interrupted.is_forward
            and interrupted.object_ids == {object_id}
            and end < interrupted.frame_index < keyframe
        )
        if resumes and interrupted is not None:
            frames, keyframes, memory = range(interrupted.following, end, -1), {}, ()
        passes.append(
            Pass(
                frames=frames,
                keyframes=keyframes,
                memory=memory,
                resumes=resumes,
                correction=keyframe,
                mask_count=min(len(frames), LIKELY_BACK) + len(memory),
            )
        )
    return passes
