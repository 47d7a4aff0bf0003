"""Announcing frames to the built-in tracker: the same masks, bit by bit, whatever was announced."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
import torch

from tam_edit.flow import single_opencv_thread
from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo, TrackStep
from tam_edit.models.builtin.tracker import BuiltinPropagator
from tam_edit.models.builtin.tracker import views as views_module
from tam_edit.models.builtin.tracker.flow import motion_between
from tam_edit.models.builtin.tracker.propagator import BuiltinRun
from tam_edit.testing.clips import DrawnClip, draw_clip

FRAMES = 6


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    return draw_clip("two")


@pytest.fixture(scope="module")
def info(clip: DrawnClip) -> TrackingInfo:
    return TrackingInfo(width=clip.width, height=clip.height)


def frame_of(clip: DrawnClip, index: int) -> Frame:
    return Frame.from_rgb(clip.image(index), index=index)


def tracked(
    run: BuiltinRun,
    clip: DrawnClip,
    announced: Sequence[Sequence[int]],
    *,
    start: int = 0,
    cut_before: int | None = None,
) -> list[TrackStep]:
    """Steps of a run that is told of the frames ``announced[i]`` before its i-th frame."""
    steps = []
    for index, told in zip(range(start, FRAMES), announced, strict=True):
        for ahead in told:
            run.prefetch(frame_of(clip, ahead))
        if index == cut_before:
            run.cut()
        if index == 0:
            given = {n: clip.mask(n, 0).astype(np.float32) for n in (1, 2)}
            steps.append(run.keyframe(frame_of(clip, 0), given))
        else:
            steps.append(run.step(frame_of(clip, index)))
    return steps


def assert_alike(some: Sequence[TrackStep], others: Sequence[TrackStep]) -> None:
    for one, other in zip(some, others, strict=True):
        assert one.mattes.keys() == other.mattes.keys()
        for number, matte in one.mattes.items():
            np.testing.assert_array_equal(matte, other.mattes[number])
        assert (one.scores, one.reasons) == (other.scores, other.reasons)


@pytest.mark.parametrize(
    "announced",
    [
        [[0, 1], [2], [3], [4], [5], []],
        [[0, 1, 2, 3, 4, 5], [], [], [], [], []],
        [[], [1, 2], [], [], [4], []],
        # Frames that are announced out of order, twice or for nothing change nothing either.
        [[3], [5, 1], [], [3, 3], [17], [4]],
    ],
    ids=["one ahead", "all ahead", "some", "wrongly"],
)
def test_what_is_announced_changes_no_bit(
    clip: DrawnClip, info: TrackingInfo, announced: Sequence[Sequence[int]]
) -> None:
    told, untold = (BuiltinPropagator().start(info) for _ in range(2))
    mattes = tracked(told, clip, announced)
    assert_alike(mattes, tracked(untold, clip, [[]] * FRAMES))
    assert told.snapshot() == untold.snapshot()


def test_a_cut_and_a_new_beginning_change_no_bit_either(
    clip: DrawnClip, info: TrackingInfo
) -> None:
    ahead = [[0, 1], [2], [3], [4], [5], []]
    told, untold = (BuiltinPropagator().start(info) for _ in range(2))
    mattes = tracked(told, clip, ahead, cut_before=3)
    assert_alike(mattes, tracked(untold, clip, [[]] * FRAMES, cut_before=3))

    begun = BuiltinPropagator().start(info)
    whole = tracked(begun, clip, ahead)
    stopped = BuiltinPropagator().start(info)
    for index, told_of in enumerate(ahead[:3]):
        for coming in told_of:
            stopped.prefetch(frame_of(clip, coming))
        if index == 0:
            given = {n: clip.mask(n, 0).astype(np.float32) for n in (1, 2)}
            stopped.keyframe(frame_of(clip, 0), given)
        else:
            stopped.step(frame_of(clip, index))
    resumed = BuiltinPropagator().resume(info, stopped.snapshot())
    assert_alike(whole[3:], tracked(resumed, clip, [[3, 4], [5], []], start=3))


def test_each_motion_is_worked_out_once_and_beside(
    clip: DrawnClip, info: TrackingInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs: list[tuple[int, int]] = []
    grays = [cv2.cvtColor(clip.image(i), cv2.COLOR_RGB2GRAY) for i in range(FRAMES)]

    def watched(before: np.ndarray, after: np.ndarray) -> object:
        known = [
            next(i for i, gray in enumerate(grays) if (gray == g).all()) for g in (before, after)
        ]
        pairs.append((known[0], known[1]))
        return motion_between(before, after)

    monkeypatch.setattr(views_module, "motion_between", watched)
    tracked(BuiltinPropagator().start(info), clip, [[0, 1], [2], [3], [4], [5], []])
    assert pairs == list(itertools.pairwise(range(FRAMES)))


def test_counts_of_threads_are_what_they_were(clip: DrawnClip, info: TrackingInfo) -> None:
    opencv, other = cv2.getNumThreads(), torch.get_num_threads()
    tracked(BuiltinPropagator().start(info), clip, [[0, 1], [2], [3], [4], [5], []])
    assert (cv2.getNumThreads(), torch.get_num_threads()) == (opencv, other)
    with single_opencv_thread():
        with single_opencv_thread():
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == opencv
