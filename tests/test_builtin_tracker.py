"""The built-in tracker against drawn clips whose masks are known, and two real ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tam_edit.errors import InputError, ModelError
from tam_edit.frame import Frame
from tam_edit.models.base import Propagator, TrackingInfo, TrackStep
from tam_edit.models.builtin.tracker.features import Region
from tam_edit.models.builtin.tracker.online import (
    FIRST_RATE,
    KEPT_SAMPLES,
    RECENT_FRAMES,
    SAMPLES_PER_FRAME,
    SAMPLES_PER_KEYFRAME,
    Classifier,
    single_torch_thread,
)
from tam_edit.models.builtin.tracker.propagator import BuiltinPropagator, settle
from tam_edit.types import Box

WIDTH, HEIGHT = 161, 120
RADIUS = 17


def texture(seed: int, shape: tuple[int, int], base: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Smooth coloured noise about a base colour."""
    noise = np.random.default_rng(seed).standard_normal((*shape, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.clip(np.array(base) + 150 * smooth, 0, 255).astype(np.uint8)


def disc(x: float, y: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2)


def picture(discs: Sequence[tuple[float, float, int]]) -> NDArray[np.uint8]:
    """Textured discs (x, y, seed) on a textured ground; each texture moves with its disc."""
    image = texture(0, (HEIGHT, WIDTH), (70, 130, 70))
    for x, y, seed in discs:
        base = (190, 80, 60) if seed % 2 else (60, 80, 200)
        skin = texture(seed, (HEIGHT, WIDTH), base)
        moved = np.roll(skin, (round(y), round(x)), axis=(0, 1))
        inside = disc(x, y)
        image[inside] = moved[inside]
    return image


def frame_of(image: NDArray[np.uint8], index: int) -> Frame:
    return Frame.from_rgb(image, index=index)


def moving_disc(count: int) -> list[tuple[Frame, NDArray[np.bool_]]]:
    places = [(40 + 5 * i, 45 + 2 * i) for i in range(count)]
    return [(frame_of(picture([(x, y, 1)]), i), disc(x, y)) for i, (x, y) in enumerate(places)]


def iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float((first & second).sum() / max(1, (first | second).sum()))


def info(shares_pixels: bool = False) -> TrackingInfo:
    return TrackingInfo(width=WIDTH, height=HEIGHT, shares_pixels=shares_pixels)


def matte_of(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return mask.astype(np.float32)


def track(clip: Iterable[tuple[Frame, NDArray[np.bool_]]]) -> list[TrackStep]:
    """The first mask given, the others tracked."""
    run = BuiltinPropagator().start(info())
    steps = []
    for i, (frame, mask) in enumerate(clip):
        steps.append(run.keyframe(frame, {1: matte_of(mask)}) if i == 0 else run.step(frame))
    return steps


@pytest.fixture(scope="module")
def clip() -> list[tuple[Frame, NDArray[np.bool_]]]:
    return moving_disc(12)


def test_it_is_a_propagator() -> None:
    assert isinstance(BuiltinPropagator(), Propagator)
    assert BuiltinPropagator().name == "builtin"


@pytest.mark.parametrize("order", [1, -1], ids=["forward", "backward"])
def test_a_moving_disc_is_followed(clip: list[tuple[Frame, NDArray[np.bool_]]], order: int) -> None:
    ordered = clip[::order]
    for step, (_, mask) in zip(track(ordered), ordered, strict=True):
        matte = step.mattes[1]
        assert matte.dtype == np.float32
        assert matte.min() >= 0
        assert matte.max() <= 1
        assert iou(matte > 0.5, mask) >= 0.85
        assert step.scores[1] >= 0.5
        assert all(isinstance(reason, str) for reason in step.reasons[1])


def test_two_runs_are_bit_identical(clip: list[tuple[Frame, NDArray[np.bool_]]]) -> None:
    for one, other in zip(track(clip[:5]), track(clip[:5]), strict=True):
        np.testing.assert_array_equal(one.mattes[1], other.mattes[1])
        assert one.scores == other.scores


def test_a_resumed_run_goes_on_bit_identically(
    clip: list[tuple[Frame, NDArray[np.bool_]]],
) -> None:
    straight = track(clip)
    run = BuiltinPropagator().start(info())
    run.keyframe(clip[0][0], {1: matte_of(clip[0][1])})
    for frame, _ in clip[1:6]:
        run.step(frame)
    snapshot = run.snapshot()
    assert len(snapshot) < 8 * 2**20
    resumed = BuiltinPropagator().resume(info(), snapshot)
    assert resumed.snapshot() == snapshot
    for (frame, _), expected in zip(clip[6:], straight[6:], strict=True):
        step = resumed.step(frame)
        np.testing.assert_array_equal(step.mattes[1], expected.mattes[1])
        assert step.scores == expected.scores
        assert step.reasons == expected.reasons


def test_two_objects_never_overlap() -> None:
    run = BuiltinPropagator().start(info())
    for i in range(10):
        places = [(45.0 + i, 60.0, 1), (95.0 - i, 62.0, 2)]
        masks = {number + 1: disc(x, y) for number, (x, y, _) in enumerate(places)}
        frame = frame_of(picture(places), i)
        given = {number: matte_of(mask) for number, mask in masks.items()}
        step = run.keyframe(frame, given) if i == 0 else run.step(frame)
        assert not ((step.mattes[1] > 0.5) & (step.mattes[2] > 0.5)).any()
        for number, mask in masks.items():
            assert iou(step.mattes[number] > 0.5, mask) >= 0.8


def test_settled_claims_sum_to_at_most_one_with_the_surest_unchanged() -> None:
    rng = np.random.default_rng(3)
    claims = {i: rng.random((20, 30), dtype=np.float32) for i in (1, 2, 5)}
    fixed = {7: (rng.random((20, 30)) > 0.5).astype(np.float32)}
    settled = settle(claims, fixed)
    everyone = np.sort(np.stack([*settled.values(), *fixed.values()]), axis=0)
    assert (everyone[-1] + everyone[-2] <= 1).all()
    free = fixed[7] == 0
    highest = np.max(list(claims.values()), axis=0)
    np.testing.assert_array_equal(np.max(list(settled.values()), axis=0)[free], highest[free])


def test_objects_may_share_pixels_where_that_is_asked_for() -> None:
    run = BuiltinPropagator().start(info(shares_pixels=True))
    mask = disc(60, 60)
    both = {1: matte_of(mask), 2: matte_of(mask)}
    run.keyframe(frame_of(picture([(60, 60, 1)]), 0), both)
    step = run.step(frame_of(picture([(62, 60, 1)]), 1))
    for number in (1, 2):
        assert iou(step.mattes[number] > 0.5, disc(62, 60)) >= 0.85


def test_an_object_added_later_leaves_the_others_running(
    clip: list[tuple[Frame, NDArray[np.bool_]]],
) -> None:
    run = BuiltinPropagator().start(info())
    run.keyframe(clip[0][0], {1: matte_of(clip[0][1])})
    second = np.zeros((HEIGHT, WIDTH), bool)
    second[5:20, 120:150] = True
    step = run.keyframe(clip[1][0], {4: matte_of(second)})
    np.testing.assert_array_equal(step.mattes[4], matte_of(second))
    assert step.scores[4] == 1
    assert iou(step.mattes[1] > 0.5, clip[1][1]) >= 0.85
    run.forget(1)
    run.forget(99)
    assert set(run.step(clip[2][0]).mattes) == {4}


def test_a_correction_replaces_what_was_tracked(
    clip: list[tuple[Frame, NDArray[np.bool_]]],
) -> None:
    run = BuiltinPropagator().start(info())
    wrong = np.zeros((HEIGHT, WIDTH), bool)
    wrong[80:110, 100:150] = True
    run.keyframe(clip[0][0], {1: matte_of(wrong)})
    run.step(clip[1][0])
    run.keyframe(clip[2][0], {1: matte_of(clip[2][1])})
    assert iou(run.step(clip[3][0]).mattes[1] > 0.5, clip[3][1]) >= 0.8


def test_an_object_that_leaves_is_empty_and_doubted_and_comes_back() -> None:
    xs = [120, 132, 144, 156, 168, 180, 190, 190, 180, 168, 156, 144, 132]
    run = BuiltinPropagator().start(info())
    steps = []
    for i, x in enumerate(xs):
        frame = frame_of(picture([(x, 60, 1)]), i)
        given = {1: matte_of(disc(x, 60))}
        steps.append(run.keyframe(frame, given) if i == 0 else run.step(frame))
    for gone in (6, 7):
        assert not (steps[gone].mattes[1] > 0.5).any()
        assert steps[gone].scores[1] < 0.3
        assert "the object seems to have left" in steps[gone].reasons[1]
    assert iou(steps[-1].mattes[1] > 0.5, disc(xs[-1], 60)) >= 0.7


def test_an_empty_keyframe_says_that_the_object_is_not_here(
    clip: list[tuple[Frame, NDArray[np.bool_]]],
) -> None:
    run = BuiltinPropagator().start(info())
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    assert run.keyframe(clip[0][0], {1: nothing}).scores[1] == 1
    step = run.step(clip[1][0])
    assert not step.mattes[1].any()
    assert step.scores[1] < 0.3
    run.keyframe(clip[2][0], {1: matte_of(clip[2][1])})
    assert iou(run.step(clip[3][0]).mattes[1] > 0.5, clip[3][1]) >= 0.85


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (2, 3), (5, 5), (1, 40), (13, 11), (33, 21), (601, 7)]
)
@pytest.mark.parametrize("filling", ["one pixel", "whole", "none", "border"])
def test_odd_pictures_give_finite_mattes_of_the_right_size(
    width: int, height: int, filling: str
) -> None:
    matte = np.full((height, width), float(filling == "whole"), np.float32)
    if filling == "one pixel":
        matte[height // 2, width // 2] = 1
    elif filling == "border":
        matte[:, : (width + 1) // 2] = 1
    run = BuiltinPropagator().start(TrackingInfo(width=width, height=height))
    flat = frame_of(np.full((height, width, 3), 90, np.uint8), 0)
    run.keyframe(flat, {1: matte})
    noisy = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    for frame in (flat, frame_of(noisy, 1)):
        step = run.step(frame)
        assert step.mattes[1].shape == (height, width)
        assert np.isfinite(step.mattes[1]).all()
        assert 0 <= step.scores[1] <= 1
    if filling == "none":
        assert not step.mattes[1].any()
    resumed = BuiltinPropagator().resume(TrackingInfo(width=width, height=height), run.snapshot())
    assert resumed.step(flat).mattes[1].shape == (height, width)


def test_the_buffers_stay_bounded_and_no_keyframe_is_pushed_out() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((SAMPLES_PER_KEYFRAME, 5)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(np.float32)
    network = Classifier.fresh(features, rng)
    for count in range(1, 60):
        network.keep(features + count, labels)
        network.note(features[:SAMPLES_PER_FRAME], labels[:SAMPLES_PER_FRAME])
        assert len(network.kept) == count
        assert len(network.recent) <= RECENT_FRAMES
        assert sum(len(samples) for samples in network.kept) <= KEPT_SAMPLES
    assert min(len(samples) for samples in network.kept) == KEPT_SAMPLES // 59
    # A slice would hold on to the array that it was cut from.
    assert all(samples.features.base is None for samples in network.kept)


def test_the_classifier_learns_a_curved_border() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((6000, 4)).astype(np.float32)
    labels = (np.hypot(features[:, 0], features[:, 1]) < 1.2).astype(np.float32)
    network = Classifier.fresh(features[:5000], rng)
    network.keep(features[:5000], labels[:5000])
    with single_torch_thread():
        network.fit(300, FIRST_RATE, rng)
    near = np.ascontiguousarray(features[5000:].T)
    found = network.log_odds(Region(Box(0, 0, near.shape[1], 1), near, None))[0] > 0
    assert np.mean(found == (labels[5000:] > 0.5)) > 0.95


def test_a_snapshot_that_does_not_fit_is_refused(
    clip: list[tuple[Frame, NDArray[np.bool_]]],
) -> None:
    run = BuiltinPropagator().start(info())
    run.keyframe(clip[0][0], {1: matte_of(clip[0][1])})
    snapshot = run.snapshot()
    propagator = BuiltinPropagator()
    with pytest.raises(ModelError, match="size"):
        propagator.resume(TrackingInfo(width=WIDTH + 1, height=HEIGHT), snapshot)
    newer = snapshot.replace(rb"\"version\": 4", rb"\"version\": 9")
    assert newer != snapshot
    with pytest.raises(ModelError, match="version"):
        propagator.resume(info(), newer)
    with pytest.raises(ModelError, match="shares_pixels"):
        propagator.resume(info(shares_pixels=True), snapshot)
    for garbage in (b"", b"\0" * 8, b"garbage" * 50, snapshot[:-100], snapshot[:40]):
        with pytest.raises(ModelError, match="damaged"):
            propagator.resume(info(), garbage)


def test_a_matte_of_another_size_is_refused(
    clip: list[tuple[Frame, NDArray[np.bool_]]],
) -> None:
    with pytest.raises(InputError, match="object 1"):
        BuiltinPropagator().start(info()).keyframe(
            clip[0][0], {1: np.zeros((HEIGHT, WIDTH - 1), np.float32)}
        )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "floor"), [("dog", 0.65), ("drift-chicane", 0.6)])
def test_real_clips_keep_their_floor(shared_data: Path, name: str, floor: float) -> None:
    folder = shared_data / "data" / "davis16-dev" / name
    pictures = sorted((folder / "frames").glob("*.jpg"))[:25]
    overlaps = []
    run = None
    for i, path in enumerate(pictures):
        image = np.asarray(Image.open(path).convert("RGB"))
        truth = np.asarray(Image.open(folder / "masks" / f"{path.stem}.png").convert("L")) > 127
        if run is None:
            height, width = truth.shape
            run = BuiltinPropagator().start(TrackingInfo(width=width, height=height))
            run.keyframe(frame_of(image, i), {1: matte_of(truth)})
            continue
        overlaps.append(iou(run.step(frame_of(image, i)).mattes[1] > 0.5, truth))
    assert np.mean(overlaps) >= floor
