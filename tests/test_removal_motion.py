"""Removal where what is behind the object moves by itself: made clips with a known background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from tam_edit.effect import ClipInfo, apply
from tam_edit.effects import Remove
from tam_edit.effects._camera import CameraPath, Pose
from tam_edit.effects._estimate import (
    RESTLESS_FRAC,
    RESTLESS_LEVELS,
    Estimate,
    disagreement,
    mean_of,
    restlessness,
)
from tam_edit.effects._fusion import ERROR_SCALE_LEVELS, Weight
from tam_edit.effects._holes import hole_of
from tam_edit.effects._patch import Candidate
from tam_edit.effects._trails import STEPS_MAX, Trails
from tam_edit.frame import Frame
from tam_edit.types import Box

WIDTH, HEIGHT, COUNT = 240, 160, 24
RADIUS = 14.0
# Of the moving thing and of the removed object, in pixels a frame.
THING_SPEED = (1.0, 2.0)
OBJECT_SPEED = (5.0, 0.0)


def texture(height: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    fine = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (2, 2, 0))
    wide = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (9, 9, 0))
    return np.clip(125 + 20 * fine / fine.std() + 25 * wide / wide.std(), 20, 235)


def disc(x: float, y: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.clip(0.5 + RADIUS - np.hypot(columns - x, rows - y), 0, 1).astype(np.float32)


class Clip:
    """A textured thing that moves over a still picture, and an object that passes before it."""

    def __init__(self, *, behind: bool = True, noise: float = 0.0) -> None:
        rng = np.random.default_rng(7)
        room, thing = texture(HEIGHT, WIDTH, 1), texture(90, 130, 2)
        self.truth, self.mattes, self.frames = [], [], []
        for i in range(COUNT):
            image = room.copy()
            if behind:
                x, y = (
                    round(start + v * i) for start, v in zip((50, 10), THING_SPEED, strict=True)
                )
                image[y : y + 90, x : x + 130] = thing
            image = image + noise * rng.standard_normal(image.shape)
            matte = disc(60 + OBJECT_SPEED[0] * i, 80 + OBJECT_SPEED[1] * i)
            shown = image + ((250, 20, 160) - image) * matte[..., None]
            self.truth.append(np.rint(np.clip(image, 0, 255)).astype(np.uint8))
            self.mattes.append(matte)
            shown = np.rint(np.clip(shown, 0, 255)).astype(np.uint8)
            self.frames.append(Frame.from_rgb(shown, index=i))

    def frame(self, index: int) -> Frame:
        return self.frames[index]

    def matte(self, index: int) -> np.ndarray:
        return self.mattes[index]

    def asset(self, name: str) -> None:
        raise AssertionError(name)

    def begun(self) -> Remove:
        info = ClipInfo(width=WIDTH, height=HEIGHT, frame_count=COUNT)
        run = Remove().begin(info, self)
        assert isinstance(run, Remove)
        return run

    def removed(self) -> list[np.ndarray]:
        run = self.begun()
        pairs = zip(self.frames, self.mattes, strict=True)
        return [apply(run, frame, matte).rgb for frame, matte in pairs]

    def hole(self, index: int) -> np.ndarray:
        return hole_of(self.mattes[index], 4.0, 0.04).whole()


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip()


@pytest.fixture(scope="module")
def removed(clip: Clip) -> list[np.ndarray]:
    return clip.removed()


def trails_of(clip: Clip, shots: list[int] | None = None, window_frames: int = 40) -> Trails:
    poses = [
        Pose(shot=shot, to_world=np.eye(3), gain=np.ones(3, np.float32))
        for shot in shots or [0] * COUNT
    ]
    path = CameraPath(0, poses, WIDTH, HEIGHT)

    def view(index: int) -> tuple[Frame, object]:
        return clip.frame(index), hole_of(clip.matte(index), 4.0, 0.04)

    return Trails(view, path, (WIDTH, HEIGHT), window_frames)


def psnr(results: list[np.ndarray], clip: Clip) -> float:
    squares = [
        ((result.astype(float) - truth) ** 2)[clip.hole(i)]
        for i, (result, truth) in enumerate(zip(results, clip.truth, strict=True))
    ]
    return float(10 * np.log10(255**2 / np.concatenate(squares).mean()))


def telea(clip: Clip) -> list[np.ndarray]:
    return [
        cv2.inpaint(frame.rgb, clip.hole(i).view(np.uint8), 5, cv2.INPAINT_TELEA)
        for i, frame in enumerate(clip.frames)
    ]


def test_what_moves_behind_the_object_is_shown_where_it_is(
    clip: Clip, removed: list[np.ndarray]
) -> None:
    assert psnr(removed, clip) > psnr(telea(clip), clip) + 6


def test_it_flickers_less_than_each_frame_by_itself(clip: Clip, removed: list[np.ndarray]) -> None:
    def flicker(results: list[np.ndarray]) -> float:
        x, y = (int(v) for v in THING_SPEED)
        steps = []
        for i in range(5, COUNT - 6):
            both = clip.hole(i)[:-y, :-x] & clip.hole(i + 1)[y:, x:]
            change = results[i][:-y, :-x].astype(float) - results[i + 1][y:, x:]
            steps.append(np.abs(change)[both].mean())
        return float(np.mean(steps))

    assert flicker(removed) < 0.6 * flicker(telea(clip))


def test_a_trail_ends_when_the_place_comes_out_from_under_the_hole(clip: Clip) -> None:
    index = 10
    crop = Box(80, 50, 140, 110)
    hole = clip.hole(index)[crop.slices]
    trails = trails_of(clip).followed(index, crop, ~hole)
    rows, columns = np.nonzero(hole)
    for trail, direction in zip(trails, (1, -1), strict=True):
        expected = np.full(len(rows), np.inf)
        for step in range(STEPS_MAX, 0, -1):
            other = index + direction * step
            x = columns + crop.x0 + round(direction * step * THING_SPEED[0])
            y = rows + crop.y0 + round(direction * step * THING_SPEED[1])
            if 0 <= other < COUNT:
                expected[~clip.hole(other)[y, x]] = step
        steps = trail.steps[rows, columns]
        # Within a frame: a chained step is not whole pixels, and borders are refused.
        near = np.abs(steps - expected) <= 1
        assert near.mean() > 0.95
        error = np.abs(trail.image - clip.truth[index][crop.slices]).mean(axis=2)[rows, columns]
        assert error[near].mean() < 8


def test_a_trail_does_not_go_on_in_another_shot(clip: Clip) -> None:
    crop = Box(80, 50, 140, 110)
    known = ~clip.hole(10)[crop.slices]
    trails = trails_of(clip, [0] * 11 + [1] * (COUNT - 11))
    later, earlier = trails.followed(10, crop, known)
    assert np.isinf(later.steps[~known]).all()
    assert np.isfinite(earlier.steps[~known]).mean() > 0.9


def test_a_trail_stays_within_the_window(clip: Clip) -> None:
    crop = Box(80, 50, 140, 110)
    known = ~clip.hole(10)[crop.slices]
    trails = trails_of(clip, window_frames=3)
    steps = [trail.steps for trail in trails.followed(10, crop, known)]
    assert all(each[np.isfinite(each)].max() == 3 for each in steps)
    assert set(trails._frames) == set(range(7, 14))


def test_a_plate_does_not_depend_on_what_was_rendered_before(
    clip: Clip, removed: list[np.ndarray]
) -> None:
    run = clip.begun()
    for index in (17, 3, 16, 0):
        result = apply(run, clip.frames[index], clip.mattes[index]).rgb
        np.testing.assert_array_equal(result, removed[index])


def test_what_is_kept_for_following_is_bounded(clip: Clip) -> None:
    trails = trails_of(clip)
    for index in range(COUNT):
        hole = hole_of(clip.matte(index), 4.0, 0.04)
        trails.followed(index, hole.box, ~hole.mask)
        assert len(trails._frames) <= 2 * STEPS_MAX + 2
        assert len(trails._flows) <= 2 * STEPS_MAX + 2


def test_where_nothing_moves_nothing_is_followed() -> None:
    clip = Clip(behind=False, noise=2.0)
    run = clip.begun()
    for frame, matte in zip(clip.frames, clip.mattes, strict=True):
        apply(run, frame, matte)
    assert run._run is not None
    assert not run._run._trails._frames


def test_the_mean_of_estimates_is_weighted_by_inverse_variances() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 255, (80, 90, 3))
    spreads = (3.0, 9.0, 20.0)
    estimates = [
        Estimate(
            image=(truth + spread * rng.standard_normal(truth.shape)).astype(np.float32),
            variance=np.full(truth.shape[:2], spread**2, np.float32),
        )
        for spread in spreads
    ]
    silent = Estimate(
        image=np.full(truth.shape, 1e6, np.float32),
        variance=np.full(truth.shape[:2], np.inf, np.float32),
    )
    mean, shares = mean_of([*estimates, silent])
    expected = 1 / sum(spread**-2 for spread in spreads)
    assert ((mean - truth) ** 2).mean() == pytest.approx(expected, rel=0.05)
    for share, spread in zip(shares, (*spreads, np.inf), strict=True):
        np.testing.assert_allclose(share, expected / spread**2, rtol=1e-5)


def test_disagreement_is_the_best_sources() -> None:
    levels = np.array([[0.0, 3.0], [12.0, np.inf]], np.float32)
    sources, weights = [], []
    for prior, more in ((1.0, 4.0), (6.0, 0.0)):
        strict = (prior * np.exp(-(levels + more) / ERROR_SCALE_LEVELS)).astype(np.float32)
        image = np.zeros((2, 2, 3), np.float32)
        sources.append(Candidate(image=image, is_usable=np.ones((2, 2), bool), prior=prior))
        weights.append(Weight(given=strict, strict=strict))
    found = disagreement(sources, weights, np.ones((2, 2), bool))
    np.testing.assert_allclose(found, levels, atol=1e-5)


@pytest.mark.parametrize(
    ("unlike_frac", "wanted"),
    [(0.0, 0.0), (0.2, 0.0), (0.25, 0.25), (0.3, 0.5), (0.4, 1.0), (1, 1)],
)
def test_a_leash_in_the_hole_is_no_restless_background(unlike_frac: float, wanted: float) -> None:
    assert RESTLESS_FRAC == (0.2, 0.4)
    is_hole = np.zeros((20, 50), bool)
    is_hole[5:15, 10:30] = True
    levels = np.full(is_hole.shape, 1e9, np.float32)  # beside the hole it says nothing
    inside = np.full(is_hole.sum(), RESTLESS_LEVELS, np.float32)
    inside[: round(unlike_frac * inside.size)] = np.nextafter(np.float32(RESTLESS_LEVELS), 99)
    levels[is_hole] = inside
    source = Candidate(
        image=np.zeros((*is_hole.shape, 3), np.float32),
        is_usable=np.ones_like(is_hole),
        prior=1.0,
        is_reliable=True,
    )
    assert restlessness([source], levels, is_hole) == pytest.approx(wanted)
    # What no source shows is unknown, not restless.
    assert restlessness([], levels, is_hole) == 0
