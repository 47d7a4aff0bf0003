"""Made clips: their truth against closed forms, and each difficulty by what it must do."""

from __future__ import annotations

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from training.camera import compressed, noisy
from training.clips import Difficulty, Shape, made_clip
from training.cutouts import cut_out, is_cut_off
from training.layers import NOWHERE, Layer, rendered, smear_kernel
from training.motions import Move, placed, thin_plate
from training.objects import ObjectPictures, Picture

NOTHING = Difficulty(**{field.name: 0.0 for field in fields(Difficulty)})
SHAPE = Shape(6, (90, 120), 0.1)


def textured(seed, height=80, width=100):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (10, 12, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Pictures with one ellipse each, three of a kind."""
    folder = tmp_path_factory.mktemp("objects")
    for k in range(24):
        rng = np.random.default_rng(k)
        truth = np.zeros((80, 100), np.uint8)
        middle = (int(rng.integers(35, 65)), int(rng.integers(30, 50)))
        axes = (int(rng.integers(12, 24)), int(rng.integers(10, 20)))
        cv2.ellipse(truth, middle, axes, 0, 0, 360, 1, -1)
        rgb = textured(k)
        rgb[truth > 0] = 255 - rgb[truth > 0]
        name = f"coco_thing{'abcdefgh'[k % 8]}{k // 8:02d}_{k:012d}"
        cv2.imwrite(str(folder / f"{name}.jpg"), rgb[..., ::-1])
        cv2.imwrite(str(folder / f"{name}.png"), truth)
    return ObjectPictures(folder, "train")


def whole(rgb, owners, matrices):
    return Layer(rgb, None, owners, [Move(np.asarray(m, float)) for m in matrices])


def shifted(dx, dy):
    return [[1, 0, dx], [0, 1, dy], [0, 0, 1]]


def test_standing_still_is_the_picture_itself():
    rgb = textured(1)
    owners = (rgb[..., 0] > 128).astype(np.uint8)
    clip = rendered([whole(rgb, owners, [np.eye(3)] * 2)], rgb.shape[:2], 1)
    np.testing.assert_array_equal(clip.frames[1], rgb)
    np.testing.assert_array_equal(clip.masks[1], owners)
    y, x = np.mgrid[:80, :100]
    np.testing.assert_array_equal(clip.origins[1], np.dstack([x, y]))


def test_a_shift_moves_pixels_masks_and_origins_alike():
    rgb = textured(2)
    owners = (rgb[..., 1] > 128).astype(np.uint8)
    clip = rendered([whole(rgb, owners, [np.eye(3), shifted(7, -3)])], rgb.shape[:2], 1)
    np.testing.assert_array_equal(clip.frames[1][:-3, 7:], rgb[3:, :-7])
    np.testing.assert_array_equal(clip.masks[1][:-3, 7:], owners[3:, :-7])
    y, x = np.mgrid[:77, 7:100]
    np.testing.assert_array_equal(clip.origins[1][:-3, 7:], np.dstack([x - 7, y + 3]))
    # What came in from beyond the picture is of no known place.
    assert (clip.layers[1][:, :7] == NOWHERE).all()


def test_matches_of_a_shift_lie_that_far_apart():
    rgb = textured(3)
    nobody = np.zeros(rgb.shape[:2], np.uint8)
    clip = rendered([whole(rgb, nobody, [np.eye(3), shifted(8, 4)])], rgb.shape[:2], 0)
    rows, columns = np.arange(0, 80, 4), np.arange(0, 100, 4)
    one, other = clip.matches(0, 1, rows, columns, 0.1)
    np.testing.assert_array_equal(other // 25, one // 25 + 1)
    np.testing.assert_array_equal(other % 25, one % 25 + 2)
    # All but the lowest row and the two columns at the right, which have left.
    assert len(one) == 19 * 23


def test_what_is_hidden_matches_nothing():
    rgb = textured(4)
    nobody = np.zeros(rgb.shape[:2], np.uint8)
    cover = Layer(
        textured(5, 40, 40),
        np.ones((40, 40), np.float32),
        np.zeros((40, 40), np.uint8),
        [Move(np.asarray(shifted(-200, 0), float)), Move(np.asarray(shifted(20, 20), float))],
    )
    clip = rendered([whole(rgb, nobody, [np.eye(3)] * 2), cover], rgb.shape[:2], 0)
    grid = np.arange(80)
    one, _ = clip.matches(0, 1, grid, grid, 0.1)
    found = np.zeros((80, 80), bool)
    found.reshape(-1)[one] = True
    assert not found[20:60, 20:60].any()
    assert found.sum() == 80 * 80 - 40 * 40


def test_an_object_twice_as_large_has_four_times_the_area(pictures):
    picture = pictures.load(pictures.names[0])
    piece = cut_out(picture, 1, 1.0)
    owners = piece.mask.astype(np.uint8)
    moves = [Move(placed(piece.center, (100, 100), scale=s, angle=0.7)) for s in (1.0, 2.0)]
    ground = whole(textured(6, 200, 200), np.zeros((200, 200), np.uint8), [np.eye(3)] * 2)
    clip = rendered([ground, Layer(piece.rgb, piece.alpha, owners, moves)], (200, 200), 1)
    small, large = ((mask == 1).sum() for mask in clip.masks)
    assert small == pytest.approx((picture.objects == 1).sum(), rel=0.03)
    assert large == pytest.approx(4 * small, rel=0.03)


def test_a_place_is_put_where_it_is_said():
    matrix = placed((30, 40), (5, 6), scale=1.7, angle=0.4, tilt=(1e-3, -2e-3), squeeze=0.2)
    x, y, depth = matrix @ [30, 40, 1]
    assert (x / depth, y / depth) == pytest.approx((5, 6))


def test_a_thin_plate_goes_through_its_points_and_keeps_planes():
    y, x = np.mgrid[0:3, 0:3].reshape(2, -1) / 2
    places = np.stack([x, y], axis=1).astype(np.float32)
    values = np.random.default_rng(0).standard_normal((9, 2)).astype(np.float32)
    corners = thin_plate(places, values, (60, 90))[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners, values[[0, 2, 6, 8]], atol=1e-5)
    plane = (2 * x - 3 * y + 1)[:, None].astype(np.float32)
    surface = thin_plate(places, plane, (60, 90))[..., 0]
    down, right = np.mgrid[0:1:24j, 0:1:24j]
    np.testing.assert_allclose(surface, 2 * right - 3 * down + 1, atol=1e-4)


def test_a_cut_out_put_back_gives_the_picture_again():
    truth = np.zeros((80, 100), np.uint8)
    cv2.ellipse(truth, (50, 40), (25, 18), 0, 0, 360, 1, -1)
    picture = Picture("p", textured(7), truth, 1)
    piece = cut_out(picture, 1, 0.7)
    rows, columns = np.nonzero(truth)
    # By the box, and the box by the margin that the mask leaves around itself.
    inner_rows, inner_columns = np.nonzero(piece.mask)
    dy, dx = rows.min() - inner_rows.min(), columns.min() - inner_columns.min()
    back = Layer(
        piece.rgb,
        piece.alpha,
        piece.mask.astype(np.uint8),
        [Move(np.asarray(shifted(dx, dy), float))],
    )
    ground = whole(np.zeros((80, 100, 3), np.uint8), np.zeros_like(truth), [np.eye(3)])
    clip = rendered([ground, back], (80, 100), 1)
    np.testing.assert_array_equal(clip.masks[0], truth)
    core = cv2.erode(truth, np.ones((9, 9), np.uint8)) > 0
    np.testing.assert_array_equal(clip.frames[0][core], picture.rgb[core])


def test_an_object_at_the_border_is_cut_off():
    truth = np.zeros((80, 100), np.uint8)
    truth[30:60, 70:], truth[5:20, 5:20] = 1, 2
    picture = Picture("p", textured(8), truth, 2)
    assert is_cut_off(picture, 1)
    assert not is_cut_off(picture, 2)


def test_the_same_numbers_give_the_same_clip_and_others_another(pictures):
    clips = [made_clip(pictures, SHAPE, Difficulty(), np.random.default_rng(s)) for s in (3, 3, 4)]
    for one, other in zip(vars(clips[0]).values(), vars(clips[1]).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(clips[0].frames, clips[2].frames)


def test_without_any_difficulty_nothing_happens(pictures):
    clip = made_clip(pictures, SHAPE, NOTHING, np.random.default_rng(0))
    assert (clip.frames == clip.frames[0]).all()
    assert (clip.masks == clip.masks[0]).all()
    assert clip.count == 1


@pytest.mark.parametrize("seed", range(5))
def test_who_leaves_is_seen_first_and_then_not_at_all(pictures, seed):
    difficulty = replace(NOTHING, cut_out=1.0, leaves=1.0)
    clip = made_clip(pictures, SHAPE, difficulty, np.random.default_rng(seed))
    areas = (clip.masks > 0).sum((1, 2))
    assert areas[0] > 0
    assert (areas == 0).any()


def test_some_who_leave_come_back_and_some_do_not(pictures):
    difficulty = replace(NOTHING, cut_out=1.0, leaves=1.0)
    returns = set()
    for seed in range(20):
        clip = made_clip(
            pictures, Shape(12, (90, 120), 0.1), difficulty, np.random.default_rng(seed)
        )
        is_seen = (clip.masks > 0).any((1, 2))
        returns.add(bool(is_seen[int(np.argmin(is_seen)) :].any()))
    assert returns == {True, False}


@pytest.mark.parametrize("seed", range(4))
def test_a_look_alike_is_never_the_target(pictures, seed):
    difficulty = replace(NOTHING, cut_out=1.0, look_alike=1.0, travel=1.0)
    clip = made_clip(pictures, SHAPE, difficulty, np.random.default_rng(seed))
    assert np.unique(clip.layers[clip.masks > 0]).size == 1
    assert np.unique(clip.layers[clip.layers != NOWHERE]).size == 3


@pytest.mark.parametrize("seed", range(4))
def test_an_occluder_takes_some_of_the_target(pictures, seed):
    difficulty = replace(NOTHING, cut_out=1.0, occluder=1.0)
    clip = made_clip(pictures, Shape(8, (90, 120), 0.1), difficulty, np.random.default_rng(seed))
    areas = (clip.masks > 0).sum((1, 2))
    assert areas.min() < 0.9 * areas.max()


def test_the_second_target_has_a_number_of_its_own(pictures):
    difficulty = replace(NOTHING, second=1.0)
    clip = made_clip(pictures, SHAPE, difficulty, np.random.default_rng(1))
    assert clip.count == 2
    assert set(np.unique(clip.masks[0])) == {0, 1, 2}


@pytest.mark.parametrize("kind", ["light", "noisy", "compressed", "soft"])
def test_what_the_camera_does_changes_frames_and_no_truth(pictures, kind):
    plain = made_clip(pictures, SHAPE, NOTHING, np.random.default_rng(5))
    taken = made_clip(pictures, SHAPE, replace(NOTHING, **{kind: 1.0}), np.random.default_rng(5))
    np.testing.assert_array_equal(plain.masks, taken.masks)
    assert not np.array_equal(plain.frames, taken.frames)


@pytest.mark.parametrize("line", [(6.0, 0.0), (0.0, 4.0), (5.0, -5.0)])
def test_a_smear_is_a_steady_line(line):
    kernel = smear_kernel(line).astype(float)
    half = kernel.shape[0] // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    assert kernel.sum() == pytest.approx(1)
    assert (kernel * x).sum() == pytest.approx(0, abs=1e-3)
    # The variance of a uniform line is its length squared over 12; between pixels it is a bit more.
    along = (kernel * (x * x + y * y)).sum()
    assert along == pytest.approx(np.hypot(*line) ** 2 / 12, abs=0.4)


def test_noise_is_as_strong_as_asked():
    grey = np.full((200, 200, 3), 128, np.uint8)
    taken = noisy(grey, np.random.default_rng(0), 10.0).astype(float)
    assert taken.std() == pytest.approx(10 * (0.3 + 0.7 * np.sqrt(128 / 255)), rel=0.03)


def test_compression_keeps_colours_in_their_order():
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[..., 0] = 200
    taken = compressed(rgb, 95)
    assert np.abs(taken.astype(int) - rgb).max() <= 6
