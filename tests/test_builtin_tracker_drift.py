"""What the built-in tracker does while its object is hidden, and when it shows up elsewhere."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo, TrackStep
from tam_edit.models.builtin.tracker import BuiltinPropagator
from tam_edit.models.builtin.tracker.assess import Evidence
from tam_edit.models.builtin.tracker.features import Region
from tam_edit.models.builtin.tracker.online import FIRST_RATE, Classifier, single_torch_thread
from tam_edit.models.builtin.tracker.propagator import BuiltinRun
from tam_edit.models.builtin.tracker.target import STRANGE_FRAMES, Guess, Target
from tam_edit.types import Box, Mask

WIDTH, HEIGHT = 240, 120
RADIUS = 16
WALL = slice(90, 150)
INFO = TrackingInfo(width=WIDTH, height=HEIGHT)


def texture(seed: int, base: tuple[int, int, int]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH, 3)).astype(np.float32)
    smooth = 150 * cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.clip(np.array(base) + smooth, 0, 255).astype(np.uint8)


def behind_the_wall(x: int, index: int) -> tuple[Frame, Mask]:
    """A red disc that a grey wall may hide, and its visible part."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image = texture(0, (70, 130, 70))
    inside = (columns - x) ** 2 + (rows - 60) ** 2 <= RADIUS**2
    image[inside] = np.roll(texture(9, (190, 80, 60)), x, axis=1)[inside]
    image[:, WALL] = texture(4, (120, 115, 125))[:, WALL]
    inside[:, WALL] = False
    return Frame.from_rgb(image, index=index), inside


# It goes in at the left, stays, and comes out at the right.
PATH = [40, 46, 52, 58, 64, 70, 76, 82, 88, 94, 100, 106, 112, 120, 120, 120, 120, 120]
PATH += [150, 158, 166, 174, 182, 186, 190, 194]
HIDDEN = range(14, 18)
BACK = range(23, 26)


@pytest.fixture(scope="module")
def hidden_and_back() -> list[tuple[TrackStep, Mask]]:
    run = BuiltinPropagator().start(INFO)
    steps = []
    for index, x in enumerate(PATH):
        frame, mask = behind_the_wall(x, index)
        given = {1: mask.astype(np.float32)}
        steps.append((run.keyframe(frame, given) if index == 0 else run.step(frame), mask))
    return steps


def test_a_hidden_object_is_said_to_be_gone(hidden_and_back: list[tuple[TrackStep, Mask]]) -> None:
    for index in HIDDEN:
        step, mask = hidden_and_back[index]
        assert not mask.any()
        assert not (step.mattes[1] > 0.5).any()
        assert step.scores[1] < 0.3


def test_it_is_found_again_on_the_other_side(hidden_and_back: list[tuple[TrackStep, Mask]]) -> None:
    for index in BACK:
        step, mask = hidden_and_back[index]
        found = step.mattes[1] > 0.5
        assert np.count_nonzero(found & mask) / np.count_nonzero(found | mask) > 0.8


STRANGE = Evidence(
    flow=1.0, carried=1.0, appearance=1.0, growth=0.0, likeness=0.7, known=0.2, size=0.3
)


def followed(frames: int) -> tuple[BuiltinRun, Target]:
    run = BuiltinPropagator().start(INFO)
    for index, x in enumerate(PATH[:frames]):
        frame, mask = behind_the_wall(x, index)
        if index == 0:
            run.keyframe(frame, {1: mask.astype(np.float32)})
        else:
            run.step(frame)
    return run, run._state.targets[1]


def test_what_stays_strange_is_given_up_and_what_was_learned_from_it_with_it() -> None:
    _, target = followed(4)
    network = target.classifier
    assert network is not None
    taught = [w.clone() for w in network.weights]
    guess = Guess(target.matte, target.seen, None, STRANGE)
    rng = np.random.default_rng(0)
    for count in range(1, STRANGE_FRAMES):
        target.accept(guess, target.matte, rng)
        assert (target.strange, target.missing) == (count, 0)
        # Nothing is learned from what is strange.
        assert all((a == b).all() for a, b in zip(network.weights, taught, strict=True))
    target.accept(guess, target.matte, rng)
    assert target.missing == 1
    assert not target.matte.any()
    assert all((a == b).all() for a, b in zip(network.weights, network.first, strict=True))
    assert network.recent == []


def test_a_strange_picture_between_others_is_no_matter() -> None:
    _, target = followed(4)
    rng = np.random.default_rng(0)
    for _ in range(3):
        target.accept(Guess(target.matte, target.seen, None, STRANGE), target.matte, rng)
        target.accept(Guess(target.matte, target.seen, None, None), target.matte, rng)
    assert (target.strange, target.missing) == (0, 0)


@pytest.mark.parametrize("index", [12, 15])
def test_a_run_resumed_in_doubt_or_while_searching_goes_on_to_the_same_bits(index: int) -> None:
    run, target = followed(index)
    target.strange = 1
    resumed = BuiltinPropagator().resume(INFO, run.snapshot())
    assert resumed._state.targets[1].strange == 1
    for later in range(index, len(PATH)):
        frame, _ = behind_the_wall(PATH[later], later)
        one, other = run.step(frame), resumed.step(frame)
        np.testing.assert_array_equal(one.mattes[1], other.mattes[1])
        assert one.scores == other.scores
    assert run.snapshot() == resumed.snapshot()


def test_the_keyframes_alone_tell_what_is_known() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((4000, 3)).astype(np.float32)
    is_object = features[:, 0] > 0
    network = Classifier.fresh(features, rng)
    assert network.known_share(features) == 1
    network.keep(features, is_object.astype(np.float32))
    with single_torch_thread():
        network.fit(200, FIRST_RATE, rng)
        network.remember()
        # What comes later says the opposite, and counts for nothing here.
        network.note(features, (~is_object).astype(np.float32))
        network.fit(200, FIRST_RATE, rng)
    assert network.known_share(features[is_object]) > 0.95
    assert network.known_share(features[~is_object]) < 0.05
    near = np.ascontiguousarray(features.T)
    before = network.log_odds(Region(Box(0, 0, len(features), 1), near, None))
    network.return_to_first()
    after = network.log_odds(Region(Box(0, 0, len(features), 1), near, None))
    assert np.mean((after[0] > 0) == is_object) > 0.95
    assert np.mean((before[0] > 0) == is_object) < 0.95
