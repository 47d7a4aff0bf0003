"""Removal: clips whose background is known, so that the plate can be compared with it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from scipy import ndimage

from tam_edit.effect import ClipInfo, Effect, apply
from tam_edit.effects import Remove
from tam_edit.effects._camera import CameraTracker, transformed
from tam_edit.effects._inpaint import continued, invented
from tam_edit.effects._mosaic import MOSAIC_MAX_FRAMES
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.masks import ops
from tam_edit.pixels import ColorTags, PixelLayout

WIDTH, HEIGHT = 200, 140


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth coloured noise with details of some pixels; float in levels."""
    rng = np.random.default_rng(seed)
    fine = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (2, 2, 0))
    wide = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (12, 12, 0))
    return np.clip(125 + 25 * fine / fine.std() + 25 * wide / wide.std(), 20, 235)


def disc(x: float, y: float, radius: float = 16.0) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = np.hypot(columns - x, rows - y) - radius
    return np.clip(0.5 - inside, 0, 1).astype(np.float32)


class Clip:
    """A made clip that any frame can be read from, and what was read."""

    def __init__(
        self, truth: list[np.ndarray], mattes: list[np.ndarray], first_index: int = 0
    ) -> None:
        self.first_index = first_index
        self.truth = [np.rint(np.clip(image, 0, 255)).astype(np.uint8) for image in truth]
        self.mattes = mattes
        checks = (np.indices((HEIGHT, WIDTH)).sum(axis=0) // 4 % 2)[..., None]
        thing = np.where(checks, (250, 20, 160), (10, 240, 30))
        self.frames = []
        for i, (image, matte) in enumerate(zip(self.truth, mattes, strict=True)):
            mixed = image + (thing - image) * matte[..., None]
            shown = np.rint(mixed).astype(np.uint8)
            self.frames.append(Frame.from_rgb(shown, index=first_index + i))

    def frame(self, index: int) -> Frame:
        return self.frames[index - self.first_index]

    def matte(self, index: int) -> np.ndarray:
        return self.mattes[index - self.first_index]

    def asset(self, name: str) -> None:
        raise AssertionError(name)

    def begun(self, effect: Effect) -> Effect:
        frame = self.frames[0]
        info = ClipInfo(
            width=frame.width,
            height=frame.height,
            frame_count=len(self.frames),
            bits=frame.layout.bits,
            first_index=self.first_index,
        )
        return effect.begin(info, self)

    def removed(self, effect: Effect | None = None) -> tuple[list[np.ndarray], Effect]:
        run = self.begun(effect or Remove())
        pairs = zip(self.frames, self.mattes, strict=True)
        return [apply(run, frame, matte).rgb for frame, matte in pairs], run


def holes(clip: Clip, effect: Remove | None = None) -> list[np.ndarray]:
    """What is replaced, from the documented parameters."""
    effect = effect or Remove()
    found = []
    for matte in clip.mattes:
        margin = effect.grow_px + effect.grow_frac * float(np.sqrt(matte.sum()))
        found.append(ops.grow(matte >= 0.25, radius_px=margin))
    return found


def still(count: int = 12, step: float = 10.0, light: Callable[[int], float] = lambda _: 1.0):
    image = texture(HEIGHT, WIDTH)
    mattes = [disc(40 + step * i, 60 + 1.3 * i) for i in range(count)]
    return Clip([image * light(i) for i in range(count)], mattes)


def panned(count: int = 14, noise: float = 0.0) -> tuple[Clip, list[np.ndarray]]:
    """A camera that pans, turns and zooms a little over a large picture."""
    image = texture(320, 460, seed=2).astype(np.float32)
    rng = np.random.default_rng(3)
    motions, truth, mattes = [], [], []
    for i in range(count):
        angle, scale = 0.004 * i, 1 + 0.003 * i
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        motion = np.array([[cos, -sin, -40 - 7.3 * i], [sin, cos, -60 + 1.7 * i], [1e-5, 0, 1]])
        seen = cv2.warpPerspective(image, motion, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
        truth.append(seen + noise * rng.standard_normal(seen.shape))
        motions.append(motion)
        mattes.append(disc(60 + 6 * i, 70))
    return Clip(truth, mattes), motions


def psnr(results: list[np.ndarray], clip: Clip) -> float:
    squares = [
        ((result.astype(float) - truth) ** 2)[hole]
        for result, truth, hole in zip(results, clip.truth, holes(clip), strict=True)
    ]
    return float(10 * np.log10(255**2 / np.concatenate(squares).mean()))


def telea(clip: Clip) -> list[np.ndarray]:
    pairs = zip(clip.frames, holes(clip), strict=True)
    return [cv2.inpaint(f.rgb, h.view(np.uint8), 5, cv2.INPAINT_TELEA) for f, h in pairs]


def test_with_a_still_camera_the_plate_is_the_background() -> None:
    clip = still()
    results, run = clip.removed()
    for result, truth in zip(results, clip.truth, strict=True):
        assert np.abs(result.astype(int) - truth).max() <= 1
    assert run.report()["invented_frac"] == 0


def test_with_a_camera_that_pans_the_plate_is_nearly_the_background() -> None:
    clip, _ = panned()
    results, run = clip.removed()
    assert psnr(results, clip) > 38
    assert psnr(results, clip) > psnr(telea(clip), clip) + 12
    assert run.report()["recovered_frac"] > 0.98
    assert "comes from other frames (look at it: what no mask covers" in run.report()["summary"]


def test_camera_motion_is_the_known_one() -> None:
    clip, motions = panned()
    tracker = CameraTracker(WIDTH, HEIGHT)
    corners = np.array([(0, 0), (WIDTH, 0), (0, HEIGHT), (WIDTH, HEIGHT)], float)
    pairs = zip(clip.frames, holes(clip), strict=True)
    for motion, (frame, hole) in zip(motions, pairs, strict=True):
        pose = tracker.follow(frame, hole)
        expected = motions[0] @ np.linalg.inv(motion)
        away = transformed(corners, pose.to_world) - transformed(corners, expected)
        assert np.linalg.norm(away, axis=1).max() < 0.6


def test_a_still_camera_is_found_to_stand_exactly_still() -> None:
    clip = still()
    tracker = CameraTracker(WIDTH, HEIGHT)
    for frame, hole in zip(clip.frames, holes(clip), strict=True):
        pose = tracker.follow(frame, hole)
        np.testing.assert_array_equal(pose.to_world, np.eye(3))
        np.testing.assert_array_equal(pose.gain, np.ones(3))


def test_what_no_frame_shows_is_reported_as_invented() -> None:
    clip = still(count=6, step=3.0)
    _, run = clip.removed()
    never_seen = int(np.logical_and.reduce(holes(clip)).sum())
    assert never_seen > 300
    for share, hole in zip(run.report()["frames"], holes(clip), strict=True):
        assert share["hole_px"] == hole.sum()
        assert share["invented_px"] == pytest.approx(never_seen, abs=0.12 * never_seen)
        assert share["recovered_px"] + share["invented_px"] == share["hole_px"]


def test_an_object_that_never_moves_is_invented_and_never_flickers() -> None:
    image = texture(HEIGHT, WIDTH)
    clip = Clip([image] * 5, [disc(90, 70)] * 5)
    results, run = clip.removed()
    assert run.report()["invented_frac"] == 1
    for result in results:
        np.testing.assert_array_equal(result, results[0])
    assert np.abs(results[0].astype(int) - clip.frames[0].rgb)[holes(clip)[0]].mean() > 30


@pytest.mark.parametrize(("change", "window_frames"), [(1.25, 40), (0.8, 0)])
def test_a_plate_has_the_light_of_its_frame(change: float, window_frames: int) -> None:
    clip = still(light=lambda i: change ** (i / 11))
    results, _ = clip.removed(Remove(window_frames=window_frames))
    pairs = zip(results, clip.truth, holes(clip), strict=True)
    errors = [np.abs(result.astype(int) - truth)[hole].mean() for result, truth, hole in pairs]
    assert max(errors) < 1.5


def test_a_plate_flickers_less_than_each_frame_by_itself() -> None:
    rng = np.random.default_rng(1)
    image = texture(HEIGHT, WIDTH)
    mattes = [disc(50 + 5 * i, 70) for i in range(16)]
    clip = Clip([image + 3 * rng.standard_normal(image.shape) for _ in mattes], mattes)

    def flicker(results: list[np.ndarray]) -> float:
        both = [a & b for a, b in zip(holes(clip)[1:], holes(clip)[:-1], strict=True)]
        steps = zip(results[1:], results[:-1], both, strict=True)
        return float(np.mean([np.abs(a.astype(float) - b)[at].mean() for a, b, at in steps]))

    ours = clip.removed()[0]
    assert flicker(ours) < 0.5 * flicker(telea(clip))
    assert flicker(ours) < flicker(clip.truth)


def test_a_frames_plate_does_not_depend_on_what_was_rendered_before() -> None:
    clip, _ = panned(count=10, noise=2.0)
    forward, _ = clip.removed()
    run = clip.begun(Remove())
    for index in (7, 2, 9, 0):
        result = apply(run, clip.frames[index], clip.mattes[index]).rgb
        np.testing.assert_array_equal(result, forward[index])


def test_a_run_may_begin_anywhere_in_the_video() -> None:
    clip = still()
    later = Clip(list(clip.truth), clip.mattes, first_index=731)
    for a, b in zip(clip.removed()[0], later.removed()[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_shot_has_no_say() -> None:
    here, there = texture(HEIGHT, WIDTH, seed=5), texture(HEIGHT, WIDTH, seed=6) * 0.3
    mattes = [disc(40 + 20 * (i % 5), 70) for i in range(10)]
    clip = Clip([here] * 5 + [there] * 5, mattes)
    results, _ = clip.removed()
    for result, truth in zip(results, clip.truth, strict=True):
        assert np.abs(result.astype(int) - truth).max() <= 1


def test_mosaics_of_a_long_pan_stay_bounded() -> None:
    wide = texture(HEIGHT + 40, 2400, seed=4)
    truth = [wide[20 : 20 + HEIGHT, 24 * i : 24 * i + WIDTH] for i in range(60)]
    clip = Clip(truth, [disc(100 + 40 * np.sin(i), 70) for i in range(60)])
    run = clip.begun(Remove())
    plates = run._run
    assert len(plates._stretches) > 1
    for stretch in plates._stretches:
        area = stretch.box.width * stretch.box.height
        assert area <= MOSAIC_MAX_FRAMES * WIDTH * HEIGHT
    for index in range(0, 60, 6):
        apply(run, clip.frames[index], clip.mattes[index])
        assert len(plates._sources) <= 18
        assert plates._mosaic is not None
    assert run.report()["recovered_frac"] > 0.9


def test_ten_bits_stay_ten_bits() -> None:
    layout = PixelLayout.of("yuv420p10le")
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    luma = (300 + columns + rows + 40 * np.sin(columns / 5) * np.cos(rows / 7)).astype(np.uint16)
    chroma = (480 + columns[::2, ::2] // 3).astype(np.uint16)
    truth = (luma, chroma, 1023 - chroma)
    frames, mattes = [], [disc(40 + 12 * i, 70) for i in range(9)]
    for i, matte in enumerate(mattes):
        inside = matte > 0
        small = inside.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any(axis=(1, 3))
        planes = [p.copy() for p in truth]
        planes[0][inside] = 900
        planes[1][small], planes[2][small] = 300, 800
        frames.append(Frame(planes=tuple(planes), layout=layout, index=i, color=ColorTags()))
    clip = Clip([np.zeros((HEIGHT, WIDTH, 3))] * 9, mattes)
    clip.frames = frames
    run = clip.begun(Remove())
    for frame, matte in zip(frames, mattes, strict=True):
        result = apply(run, frame, matte)
        assert np.abs(result.planes[0].astype(int) - truth[0]).max() <= 2
        for c in (1, 2):
            assert np.abs(result.planes[c].astype(int) - truth[c]).max() <= 4
        # More than the 256 values that eight bits could tell apart were on their way.
        assert (result.planes[0] % 4 != 0).any()


def test_no_rim_of_the_object_is_left() -> None:
    clip = still()
    results, _ = clip.removed()
    for result, matte in zip(results, clip.mattes, strict=True):
        greenness = result[..., 1].astype(int) - result[..., 0]
        before = clip.truth[0][..., 1].astype(int) - clip.truth[0][..., 0]
        assert (np.abs(greenness - before)[matte > 0] <= 2).all()


def test_it_says_what_it_needs() -> None:
    clip = still(count=2)
    with pytest.raises(InputError, match="begin"):
        apply(Remove(), clip.frames[0], clip.mattes[0])
    with pytest.raises(InputError, match="whole clip"):
        Remove().begin(ClipInfo(width=WIDTH, height=HEIGHT), clip)


def test_a_run_without_the_object_changes_nothing() -> None:
    clip = Clip([texture(HEIGHT, WIDTH)] * 3, [np.zeros((HEIGHT, WIDTH), np.float32)] * 3)
    run = clip.begun(Remove())
    for frame, matte in zip(clip.frames, clip.mattes, strict=True):
        assert apply(run, frame, matte) is frame
    nothing = {"recovered_frac": None, "invented_frac": None, "frames": []}
    assert run.report() == {"summary": "nothing was removed", **nothing}


def test_push_pull_continues_a_plane_and_keeps_what_is_known() -> None:
    rows, columns = np.mgrid[:64, :64].astype(np.float32)
    plane = (2 * columns + rows)[..., None]
    known = np.ones((64, 64), np.float32)
    known[24:40, 20:44] = 0
    filled = continued(np.where(known[..., None] > 0, plane, 1e9), known)
    np.testing.assert_array_equal(filled[known > 0], plane[known > 0])
    assert np.abs(filled - plane).max() < 24  # of a range of 189; 1e9 has no say


@pytest.mark.parametrize("fallback", ["telea", "navier-stokes", "smooth"])
def test_what_is_invented_lies_between_what_is_around(fallback: str) -> None:
    image = np.full((50, 60, 3), 80, np.float32)
    image[:, 30:] = 120.5
    known = np.ones((50, 60), bool)
    known[15:35, 20:40] = False
    image[~known] = 999
    filled = invented(image, known, fallback)
    np.testing.assert_array_equal(filled[known], image[known])
    assert filled[~known].min() >= 78
    assert filled[~known].max() <= 123
    nothing = invented(image, np.zeros_like(known), fallback)
    np.testing.assert_array_equal(nothing, np.full_like(image, 127.5))
