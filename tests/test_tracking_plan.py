"""Which passes are planned, from what is known of the objects."""

from __future__ import annotations

import pytest

from tam_edit.tracking.plan import Interrupted, ObjectState, Pass, plan_passes


def state(keyframes: list[int], tracked: list[tuple[int, int]] | None = None) -> ObjectState:
    return ObjectState(keyframes=keyframes, tracked=tracked or [(k, k + 1) for k in keyframes])


def test_one_object_from_the_first_frame_is_one_forward_pass() -> None:
    assert plan_passes({1: state([0])}, 0, 10) == [Pass(frames=range(10), keyframes={0: (1,)})]


def test_what_lies_before_the_first_keyframe_is_reached_backward() -> None:
    passes = plan_passes({1: state([4])}, 2, 10)
    assert passes == [
        Pass(frames=range(4, 10), keyframes={4: (1,)}),
        Pass(frames=range(4, 1, -1), keyframes={4: (1,)}),
    ]


def test_later_keyframes_join_the_pass() -> None:
    passes = plan_passes({1: state([0, 5])}, 0, 10)
    assert passes == [Pass(frames=range(10), keyframes={0: (1,), 5: (1,)})]


def test_objects_share_a_pass_and_enter_at_their_keyframes() -> None:
    passes = plan_passes({1: state([0]), 2: state([6])}, 0, 10)
    assert passes == [
        Pass(frames=range(10), keyframes={0: (1,), 6: (2,)}),
        Pass(frames=range(6, -1, -1), keyframes={6: (2,)}),
    ]


def test_a_correction_recomputes_up_to_the_next_keyframe_and_learns_the_earlier_ones() -> None:
    tracked = [(0, 4), (8, 9), (9, 20)]
    passes = plan_passes({1: state([0, 3, 8], tracked)}, 0, 20)
    assert passes == [Pass(frames=range(3, 8), keyframes={3: (1,)}, memory=(0,))]


def test_an_object_that_is_tracked_everywhere_needs_nothing() -> None:
    assert plan_passes({1: state([0], [(0, 10)])}, 0, 10) == []


def test_an_object_without_keyframe_is_left_out() -> None:
    assert plan_passes({1: ObjectState(keyframes=[], tracked=[])}, 0, 10) == []


@pytest.mark.parametrize("is_forward", [True, False])
def test_an_interrupted_run_goes_on(is_forward: bool) -> None:
    if is_forward:
        objects, stopped, frames = {1: state([0], [(0, 6)])}, 5, range(6, 10)
    else:
        objects, stopped, frames = {1: state([9], [(4, 10)])}, 4, range(3, -1, -1)
    interrupted = Interrupted(frame_index=stopped, is_forward=is_forward, object_ids=frozenset({1}))
    assert plan_passes(objects, 0, 10, interrupted) == [
        Pass(frames=frames, keyframes={}, resumes=True)
    ]


def test_an_interrupted_run_still_meets_the_objects_that_enter_later() -> None:
    objects = {1: state([0], [(0, 4)]), 2: state([6])}
    interrupted = Interrupted(frame_index=3, is_forward=True, object_ids=frozenset({1}))
    passes = plan_passes(objects, 0, 10, interrupted)
    assert passes[0] == Pass(frames=range(4, 10), keyframes={6: (2,)}, resumes=True)


def test_a_run_without_its_snapshot_begins_anew_at_the_keyframe() -> None:
    objects = {1: state([0], [(0, 6)])}
    assert plan_passes(objects, 0, 10) == [Pass(frames=range(10), keyframes={0: (1,)})]


def test_a_snapshot_of_other_objects_is_not_used() -> None:
    objects = {1: state([0], [(0, 6)]), 2: state([0], [(0, 6)])}
    interrupted = Interrupted(frame_index=5, is_forward=True, object_ids=frozenset({1}))
    passes = plan_passes(objects, 0, 10, interrupted)
    assert passes == [Pass(frames=range(10), keyframes={0: (1, 2)})]
