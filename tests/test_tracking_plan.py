"""Which passes are planned, from what is known of the objects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_edit.tracking.plan import (
    Fill,
    Interrupted,
    ObjectState,
    Pass,
    Plan,
    plan_passes,
    shots_of,
)
from tam_edit.tracks import Origin, spans_of


def state(
    keyframes: list[int], tracked: list[tuple[int, int]] | None = None, **more: Any
) -> ObjectState:
    tracked = tracked or [(k, k + 1) for k in keyframes]
    return ObjectState(keyframes=keyframes, tracked=tracked, **more)


def test_one_object_from_the_first_frame_is_one_forward_pass() -> None:
    assert plan_passes({1: state([0])}, 0, 10).passes == [
        Pass(frames=range(10), keyframes={0: (1,)})
    ]


def test_what_lies_before_the_first_keyframe_is_reached_backward() -> None:
    passes = plan_passes({1: state([4])}, 2, 10).passes
    assert passes == [
        Pass(frames=range(4, 10), keyframes={4: (1,)}),
        Pass(frames=range(4, 1, -1), keyframes={4: (1,)}),
    ]


def test_later_keyframes_join_the_pass() -> None:
    passes = plan_passes({1: state([0, 5])}, 0, 10).passes
    assert passes == [Pass(frames=range(10), keyframes={0: (1,), 5: (1,)})]


def test_objects_share_a_pass_and_enter_at_their_keyframes() -> None:
    passes = plan_passes({1: state([0]), 2: state([6])}, 0, 10).passes
    assert passes == [
        Pass(frames=range(10), keyframes={0: (1,), 6: (2,)}),
        Pass(frames=range(6, -1, -1), keyframes={6: (2,)}),
    ]


def test_a_correction_recomputes_up_to_the_next_keyframe_and_learns_the_others() -> None:
    tracked = [(0, 4), (8, 9), (9, 20)]
    passes = plan_passes({1: state([0, 3, 8], tracked)}, 0, 20).passes
    assert passes == [Pass(frames=range(3, 8), keyframes={3: (1,)}, memory=(8, 0))]


def test_an_object_that_is_tracked_everywhere_needs_nothing() -> None:
    assert plan_passes({1: state([0], [(0, 10)])}, 0, 10).passes == []


def test_an_object_without_keyframe_is_left_out() -> None:
    assert plan_passes({1: ObjectState(keyframes=[], tracked=[])}, 0, 10).passes == []


@pytest.mark.parametrize("is_forward", [True, False])
def test_an_interrupted_run_goes_on(is_forward: bool) -> None:
    if is_forward:
        objects, stopped, frames = {1: state([0], [(0, 6)])}, 5, range(6, 10)
    else:
        objects, stopped, frames = {1: state([9], [(4, 10)])}, 4, range(3, -1, -1)
    interrupted = Interrupted(frame_index=stopped, is_forward=is_forward, object_ids=frozenset({1}))
    assert plan_passes(objects, 0, 10, interrupted).passes == [
        Pass(frames=frames, keyframes={}, resumes=True)
    ]


def test_an_interrupted_run_still_meets_the_objects_that_enter_later() -> None:
    objects = {1: state([0], [(0, 4)]), 2: state([6])}
    interrupted = Interrupted(frame_index=3, is_forward=True, object_ids=frozenset({1}))
    passes = plan_passes(objects, 0, 10, interrupted).passes
    assert passes[0] == Pass(frames=range(4, 10), keyframes={6: (2,)}, resumes=True)


def test_a_run_without_its_snapshot_begins_anew_at_the_keyframe() -> None:
    objects = {1: state([0], [(0, 6)])}
    assert plan_passes(objects, 0, 10).passes == [Pass(frames=range(10), keyframes={0: (1,)})]


def test_an_object_that_the_run_does_not_know_begins_anew() -> None:
    objects = {1: state([0], [(0, 6)]), 2: state([0], [(0, 6)])}
    interrupted = Interrupted(frame_index=5, is_forward=True, object_ids=frozenset({1}))
    passes = plan_passes(objects, 0, 10, interrupted).passes
    assert passes == [
        Pass(frames=range(6, 10), keyframes={}, resumes=True),
        Pass(frames=range(10), keyframes={0: (2,)}),
    ]


def test_a_run_that_stopped_before_an_object_leaves_goes_on_without_it() -> None:
    objects = {1: state([0], [(0, 4)]), 2: state([0, 4], [(0, 5)], gone=frozenset({4}))}
    interrupted = Interrupted(frame_index=3, is_forward=True, object_ids=frozenset({1, 2}))
    passes = plan_passes(objects, 0, 10, interrupted).passes
    assert passes == [Pass(frames=range(4, 10), keyframes={}, exits={4: (2,)}, resumes=True)]


def test_a_run_that_stopped_before_a_later_keyframe_takes_it_in() -> None:
    objects = {1: state([0, 8], [(0, 8), (8, 9)]), 2: state([0], [(0, 8)])}
    interrupted = Interrupted(frame_index=7, is_forward=True, object_ids=frozenset({1, 2}))
    passes = plan_passes(objects, 0, 12, interrupted).passes
    assert passes == [Pass(frames=range(8, 12), keyframes={8: (1,)}, resumes=True)]


def test_what_was_interrupted_comes_first_whichever_way_it_runs() -> None:
    objects = {1: state([9], [(4, 10)]), 2: state([0], [(0, 1)])}
    interrupted = Interrupted(frame_index=4, is_forward=False, object_ids=frozenset({1}))
    passes = plan_passes(objects, 0, 10, interrupted).passes
    assert [(p.frames, p.resumes) for p in passes] == [
        (range(3, -1, -1), True),
        (range(10), False),
    ]


def test_no_pass_crosses_a_cut_and_what_no_prompt_reaches_is_filled() -> None:
    plan = plan_passes({1: state([2]), 2: state([7])}, 0, 12, cuts=[5, 10])
    assert plan == Plan(
        fills=[
            Fill(object_id=1, frames=range(5, 10), origin=Origin.UNREACHED),
            Fill(object_id=1, frames=range(10, 12), origin=Origin.UNREACHED),
            Fill(object_id=2, frames=range(5), origin=Origin.UNREACHED),
            Fill(object_id=2, frames=range(10, 12), origin=Origin.UNREACHED),
        ],
        passes=[
            Pass(frames=range(2, 5), keyframes={2: (1,)}),
            Pass(frames=range(7, 10), keyframes={7: (2,)}),
            Pass(frames=range(7, 4, -1), keyframes={7: (2,)}),
            Pass(frames=range(2, -1, -1), keyframes={2: (1,)}),
        ],
    )


def test_an_object_that_is_gone_leaves_the_pass_and_is_not_looked_for() -> None:
    objects = {1: state([0]), 2: state([0, 4], gone=frozenset({4}))}
    plan = plan_passes(objects, 0, 10)
    assert plan.passes == [Pass(frames=range(10), keyframes={0: (1, 2)}, exits={4: (2,)})]
    assert plan.fills == [Fill(object_id=2, frames=range(5, 10), origin=Origin.ABSENT)]


def test_that_an_object_is_gone_holds_across_cuts_up_to_its_next_prompt() -> None:
    objects = {1: state([0, 2, 8], gone=frozenset({2}))}
    plan = plan_passes(objects, 0, 10, cuts=[5])
    assert plan.fills == [
        Fill(object_id=1, frames=range(3, 5), origin=Origin.ABSENT),
        Fill(object_id=1, frames=range(5, 8), origin=Origin.ABSENT),
    ]
    assert [p.frames for p in plan.passes] == [range(2), range(8, 10)]


def test_a_correction_is_carried_back_to_the_keyframe_before_it() -> None:
    objects = {1: state([0, 6, 9], [(0, 12)], backtracks=[6])}
    (way_back,) = plan_passes(objects, 0, 12).passes
    assert way_back == Pass(
        frames=range(6, 0, -1), keyframes={6: (1,)}, memory=(0, 9), correction=6
    )


def test_a_way_back_that_was_interrupted_goes_on() -> None:
    objects = {1: state([0, 6], [(0, 12)], backtracks=[6])}
    interrupted = Interrupted(frame_index=4, is_forward=False, object_ids=frozenset({1}))
    (way_back,) = plan_passes(objects, 0, 12, interrupted).passes
    assert way_back == Pass(frames=range(3, 0, -1), keyframes={}, resumes=True, correction=6)


def test_a_way_back_does_not_cross_a_cut() -> None:
    objects = {1: state([0, 6], [(0, 12)], backtracks=[6])}
    assert plan_passes(objects, 0, 12, cuts=[3]).passes == []


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_pass_carries_no_more_objects_than_the_device_can_hold(most: int) -> None:
    objects = {number: state([0]) for number in range(1, 6)}
    passes = plan_passes(objects, 0, 10, most_objects=most).passes
    assert max(len(p.object_ids) for p in passes) == most
    assert sorted(i for p in passes for i in p.object_ids) == [1, 2, 3, 4, 5]


def objects_strategy(frames: int) -> st.SearchStrategy[ObjectState]:
    @st.composite
    def draw_state(draw: st.DrawFn) -> ObjectState:
        keyframes = draw(st.lists(st.integers(0, frames - 1), unique=True, max_size=4))
        others = draw(st.sets(st.integers(0, frames - 1)))
        gone = frozenset(k for k in keyframes if draw(st.booleans()))
        tracked = spans_of(sorted({*keyframes, *(others if keyframes else ())}))
        return ObjectState(keyframes=sorted(keyframes), tracked=tracked, gone=gone)

    return draw_state()


@given(
    states=st.lists(objects_strategy(14), min_size=1, max_size=3),
    cuts=st.sets(st.integers(0, 14), max_size=2),
    most=st.one_of(st.none(), st.integers(1, 3)),
)
def test_every_plan_gives_every_object_a_mask_on_every_frame(
    states: list[ObjectState], cuts: set[int], most: int | None
) -> None:
    objects = dict(enumerate(states, 1))
    plan = plan_passes(objects, 0, 14, cuts=sorted(cuts), most_objects=most)
    has = {
        number: {f for start, stop in known.tracked for f in range(start, stop)}
        for number, known in objects.items()
    }
    for fill in plan.fills:
        assert not has[fill.object_id] & set(fill.frames)
        has[fill.object_id] |= set(fill.frames)
    for one_pass in plan.passes:
        assert any(set(one_pass.frames) <= set(shot) for shot in shots_of(0, 14, sorted(cuts)))
        assert most is None or len(one_pass.object_ids) <= most
        members: set[int] = set()
        for frame in one_pass.frames:
            members -= set(one_pass.exits.get(frame, ()))
            members |= set(one_pass.keyframes.get(frame, ()))
            for number in members:
                assert frame in objects[number].keyframes or frame not in objects[number].gone
                has[number].add(frame)
        entering = one_pass.keyframes[one_pass.frames[0]]
        assert not any(one_pass.frames[0] in objects[number].gone for number in entering)
    for number, known in objects.items():
        assert not known.keyframes or has[number] == set(range(14))
