"""Revising the built-in tracker's latest frame, and shot cuts, on drawn clips."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.models.base import PropagationRun, TrackingInfo
from tam_edit.models.builtin.tracker import BuiltinPropagator
from tam_edit.models.builtin.tracker import propagator as propagator_module
from tam_edit.models.builtin.tracker import views as views_module
from tam_edit.models.builtin.tracker.flow import motion_between
from tam_edit.models.builtin.tracker.propagator import BuiltinRun
from tam_edit.models.builtin.tracker.target import Guess, Scene, Target
from tam_edit.testing.clips import DrawnClip, draw_clip
from tam_edit.types import box_of

Mask = NDArray[np.bool_]
Matte = NDArray[np.float32]


@pytest.fixture(scope="module")
def disc() -> DrawnClip:
    return draw_clip("disc")


@pytest.fixture(scope="module")
def two() -> DrawnClip:
    return draw_clip("two")


@pytest.fixture(scope="module")
def before_3(two: DrawnClip) -> bytes:
    """The state of a run with both objects right before frame 3."""
    return started(two, 3).snapshot()


def frame_of(clip: DrawnClip, index: int) -> Frame:
    return Frame.from_rgb(clip.image(index), index=index)


def matte_of(clip: DrawnClip, number: int, index: int) -> Matte:
    return clip.mask(number, index).astype(np.float32)


def iou(matte: Matte, mask: Mask) -> float:
    inside = matte > 0.5
    return float((inside & mask).sum() / max(1, (inside | mask).sum()))


def started(clip: DrawnClip, frames: int, mattes: dict[int, Matte] | None = None) -> BuiltinRun:
    run = BuiltinPropagator().start(TrackingInfo(width=clip.width, height=clip.height))
    given = {n + 1: matte_of(clip, n + 1, 0) for n in range(len(clip.names))}
    run.keyframe(frame_of(clip, 0), given if mattes is None else mattes)
    for index in range(1, frames):
        run.step(frame_of(clip, index))
    return run


def at_3(two: DrawnClip, before_3: bytes) -> BuiltinRun:
    """A run that has just tracked frame 3."""
    info = TrackingInfo(width=two.width, height=two.height)
    run = BuiltinPropagator().resume(info, before_3)
    run.step(frame_of(two, 3))
    return run


def assert_go_on_alike(
    one: PropagationRun, other: PropagationRun, clip: DrawnClip, start: int
) -> None:
    for index in range(start, start + 3):
        a, b = one.step(frame_of(clip, index)), other.step(frame_of(clip, index))
        assert a.mattes.keys() == b.mattes.keys()
        for number, matte in a.mattes.items():
            np.testing.assert_array_equal(matte, b.mattes[number])
        assert (a.scores, a.reasons) == (b.scores, b.reasons)
    assert one.snapshot() == other.snapshot()


@pytest.mark.parametrize(("kind", "number"), [("disc", 1), ("two", 1), ("two", 2)])
def test_the_frames_after_a_revision_are_better(kind: str, number: int) -> None:
    clip = draw_clip(kind)
    half = matte_of(clip, number, 0)
    half[:, : int(np.nonzero(half)[1].mean())] = 0
    wrong, mended = (started(clip, 5, {number: half}) for _ in range(2))
    mended.revise(frame_of(clip, 4), {number: matte_of(clip, number, 4)})
    before, after = [], []
    for index in range(5, 9):
        truth = clip.mask(number, index)
        before.append(iou(wrong.step(frame_of(clip, index)).mattes[number], truth))
        after.append(iou(mended.step(frame_of(clip, index)).mattes[number], truth))
    assert np.mean(before) < 0.65
    assert np.min(after) > 0.75


def test_a_revision_is_the_guess_that_the_tracker_should_have_made(
    two: DrawnClip, before_3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    better = matte_of(two, 1, 3)
    run = at_3(two, before_3)
    run.revise(frame_of(two, 3), {1: better})

    info = TrackingInfo(width=two.width, height=two.height)
    known = BuiltinPropagator().resume(info, before_3)
    predict = Target.predict
    first = known._state.targets[1]

    def knowing(target: Target, scene: Scene) -> Guess:
        if target is not first:
            return predict(target, scene)
        box = target._around(box_of(better > 0.5))
        return Guess(better, box, scene.region(box))

    monkeypatch.setattr(Target, "predict", knowing)
    # What the object claims must not change what is left to the other one.
    monkeypatch.setattr(propagator_module, "settle", lambda claims, _: dict(claims))
    known.step(frame_of(two, 3))
    monkeypatch.undo()
    assert_same_target(run._state.targets[1], known._state.targets[1])


def test_a_revision_takes_back_what_was_learned(two: DrawnClip, before_3: bytes) -> None:
    """A mistaken revision, made good, leaves no trace; the other object notices nothing."""
    better = matte_of(two, 1, 3)
    at_once, mended, untouched = (at_3(two, before_3) for _ in range(3))
    at_once.revise(frame_of(two, 3), {1: better})
    mended.revise(frame_of(two, 3), {1: np.roll(better, 20, 0)})
    mended.revise(frame_of(two, 3), {1: better})
    assert_same_target(mended._state.targets[2], untouched._state.targets[2])
    assert mended.snapshot() == at_once.snapshot() != untouched.snapshot()
    assert_go_on_alike(at_once, mended, two, 4)


def test_revising_with_nothing_says_that_the_object_is_not_there(disc: DrawnClip) -> None:
    run = started(disc, 4)
    _, before = run._before[1]
    run.revise(frame_of(disc, 3), {1: np.zeros((disc.height, disc.width), np.float32)})
    target = run._state.targets[1]
    assert target.missing == 1
    assert not target.matte.any()
    assert (target.area, target.usual_area, target.seen) == (
        before.area,
        before.usual_area,
        before.seen,
    )
    assert target.classifier is not None
    assert before.classifier is not None
    assert target.classifier.steps_done == before.classifier.steps_done
    # It is there all the same, and so it is found again.
    assert iou(run.step(frame_of(disc, 4)).mattes[1], disc.mask(1, 4)) > 0.8


def test_an_object_that_was_lost_is_revised_back() -> None:
    clip = draw_clip("leaves")
    gone = next(i for i in range(len(clip)) if not clip.mask(1, i).any())
    back = next(i for i in range(gone, len(clip)) if clip.mask(1, i).sum() > 150)
    run = started(clip, 3)
    for index in (gone, gone + 1):
        step = run.step(frame_of(clip, index))
    assert not step.mattes[1].any()
    run.step(frame_of(clip, back))
    run.revise(frame_of(clip, back), {1: matte_of(clip, 1, back)})
    target = run._state.targets[1]
    assert target.missing == 0
    assert target.area == clip.mask(1, back).sum()


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_run_resumed_after_a_revision_or_a_cut_goes_on_to_the_same_bits(
    two: DrawnClip, before_3: bytes, is_cut: bool
) -> None:
    run = at_3(two, before_3)
    run.revise(frame_of(two, 3), {1: matte_of(two, 1, 3)})
    if is_cut:
        run.cut()
    info = TrackingInfo(width=two.width, height=two.height)
    resumed = BuiltinPropagator().resume(info, run.snapshot())
    assert_go_on_alike(run, resumed, two, 4)


def test_only_the_latest_frame_and_what_was_carried_to_it_can_be_revised(
    two: DrawnClip, before_3: bytes
) -> None:
    run = at_3(two, before_3)
    latest, better = frame_of(two, 3), {1: matte_of(two, 1, 3)}
    with pytest.raises(InputError, match="object 7 cannot be revised on frame 3"):
        run.revise(latest, {7: better[1]})
    with pytest.raises(InputError, match=r"object 1 on frame 3 is of shape \(5, 5\)"):
        run.revise(latest, {1: np.zeros((5, 5), np.float32)})
    with pytest.raises(InputError, match="frame 2 cannot be revised"):
        run.revise(frame_of(two, 2), better)
    info = TrackingInfo(width=two.width, height=two.height)
    with pytest.raises(InputError, match="frame 3 cannot be revised"):
        BuiltinPropagator().resume(info, run.snapshot()).revise(latest, better)
    run.forget(2)
    with pytest.raises(InputError, match="object 2 cannot be revised on frame 3"):
        run.revise(latest, {2: better[1]})
    run.keyframe(frame_of(two, 4), better)
    with pytest.raises(InputError, match="object 1 cannot be revised on frame 4"):
        run.revise(frame_of(two, 4), better)
    run.cut()
    with pytest.raises(InputError, match="frame 4 cannot be revised"):
        run.revise(frame_of(two, 4), better)


# --- cuts ---------------------------------------------------------------------------------------

WIDTH, HEIGHT, RADIUS = 160, 120, 17


def smooth_noise(seed: int, base: tuple[int, int, int]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH, 3)).astype(np.float32)
    return np.clip(np.array(base) + 150 * cv2.GaussianBlur(noise, (0, 0), 1.5), 0, 255).astype(
        np.uint8
    )


def shot(places: list[tuple[int, int] | None], ground: int, start: int) -> list[tuple[Frame, Mask]]:
    """A red disc, or none, on one of two grounds."""
    base = ((70, 130, 70), (90, 100, 140))[ground]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    skin = smooth_noise(9, (190, 80, 60))
    frames = []
    for i, place in enumerate(places):
        image = smooth_noise(ground, base)
        mask = np.zeros((HEIGHT, WIDTH), bool)
        if place is not None:
            mask = (columns - place[0]) ** 2 + (rows - place[1]) ** 2 <= RADIUS**2
            image[mask] = np.roll(skin, (place[1], place[0]), (0, 1))[mask]
        frames.append((Frame.from_rgb(image, index=start + i), mask))
    return frames


FIRST_SHOT = shot([(35 + 4 * i, 40 + i) for i in range(6)], 0, 0)


def run_through_first_shot() -> BuiltinRun:
    run = BuiltinPropagator().start(TrackingInfo(width=WIDTH, height=HEIGHT))
    run.keyframe(FIRST_SHOT[0][0], {1: FIRST_SHOT[0][1].astype(np.float32)})
    for frame, _ in FIRST_SHOT[1:]:
        run.step(frame)
    return run


def test_after_a_cut_the_object_is_found_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    second = shot([(130 - 3 * i, 92 - i) for i in range(5)], 1, 6)
    run = run_through_first_shot()
    measured: list[int] = []

    def watched(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> object:
        measured.append(len(measured))
        return motion_between(before, after)

    monkeypatch.setattr(views_module, "motion_between", watched)
    run.cut()
    found = run.step(second[0][0])
    # Between the shots nothing has moved.
    assert measured == []
    assert iou(found.mattes[1], second[0][1]) > 0.8
    for frame, mask in second[1:]:
        assert iou(run.step(frame).mattes[1], mask) > 0.8
    assert len(measured) == len(second) - 1

    # Without being told of the cut it looks where it was.
    blind = run_through_first_shot()
    assert iou(blind.step(second[0][0]).mattes[1], second[0][1]) < 0.1


def test_an_object_that_appears_some_time_after_a_cut_is_still_looked_for_everywhere() -> None:
    second = shot([None, None, (125, 90), (122, 89)], 1, 6)
    run = run_through_first_shot()
    run.cut()
    for frame, _ in second[:2]:
        step = run.step(frame)
        assert not (step.mattes[1] > 0.5).any()
        assert step.scores[1] < 0.3
        assert step.reasons[1] == ("the object seems to have left",)
    for frame, mask in second[2:]:
        assert iou(run.step(frame).mattes[1], mask) > 0.8


def test_a_keyframe_right_after_a_cut_begins_the_shot() -> None:
    second = shot([(130, 92), (127, 91)], 1, 6)
    run = run_through_first_shot()
    run.cut()
    run.keyframe(second[0][0], {1: second[0][1].astype(np.float32)})
    assert iou(run.step(second[1][0]).mattes[1], second[1][1]) > 0.85


def test_a_cut_before_the_first_frame_is_no_matter() -> None:
    run = BuiltinPropagator().start(TrackingInfo(width=WIDTH, height=HEIGHT))
    run.cut()
    run.keyframe(FIRST_SHOT[0][0], {1: FIRST_SHOT[0][1].astype(np.float32)})
    assert iou(run.step(FIRST_SHOT[1][0]).mattes[1], FIRST_SHOT[1][1]) > 0.85


# --- comparing ----------------------------------------------------------------------------------


def assert_same_target(one: Target, other: Target) -> None:
    np.testing.assert_array_equal(one.matte, other.matte)
    for name in ("usual_area", "half_extent", "area", "seen", "missing", "strange"):
        assert getattr(one, name) == getattr(other, name)
    a, b = one.classifier, other.classifier
    assert a is not None
    assert b is not None
    assert a.steps_done == b.steps_done
    tensors = ((*c.weights, *c.moments, *c.first) for c in (a, b))
    for mine, theirs in zip(*tensors, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    assert len(a.recent) == len(b.recent)
    for mine_set, their_set in zip(a.recent, b.recent, strict=True):
        np.testing.assert_array_equal(mine_set.features, their_set.features)
        np.testing.assert_array_equal(mine_set.labels, their_set.labels)
