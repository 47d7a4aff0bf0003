"""The built-in click segmenter on drawn pictures whose true masks are known."""

from __future__ import annotations

import gc

import cv2
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.masks.clicks import first_click, next_click
from tam_edit.masks.guided import guided_filter
from tam_edit.models.base import Segmenter
from tam_edit.models.builtin.segmenter.mask_so_far import doubted
from tam_edit.models.builtin.segmenter.predictor import shipped_predictor
from tam_edit.models.builtin.segmenter.segmenter import (
    ANSWERS_KEPT,
    FRAMES_KEPT,
    LOOKS_KEPT,
    BuiltinSegmenter,
)
from tam_edit.prompts import Prompts
from tam_edit.types import box_of

SHAPES = {
    "disc": lambda x, y: (x - 90) ** 2 + (y - 60) ** 2 < 35**2,
    "ellipse": lambda x, y: ((x - 70) / 50) ** 2 + ((y - 65) / 22) ** 2 < 1,
    "diamond": lambda x, y: np.abs(x - 80) + np.abs(y - 60) < 40,
    "cross": lambda x, y: (
        ((np.abs(x - 80) < 14) & (np.abs(y - 60) < 42))
        | ((np.abs(y - 60) < 14) & (np.abs(x - 80) < 42))
    ),
    "at the border": lambda x, y: (x < 40) & (y > 30) & (y < 90),
}


def textured(mask, seed=0, inside=(190, 90, 60), outside=(70, 110, 90)):
    """A shape on a background, both with smooth random texture."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(0, 60, (*mask.shape, 3)), (0, 0), 2.0)
    flat = np.where(mask[..., None], np.float64(inside), np.float64(outside))
    return np.clip(flat + noise, 0, 255).astype(np.uint8)


def drawn(name, height=120, width=160):
    y, x = np.mgrid[:height, :width]
    return SHAPES[name](x, y)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def holds(matte, prompts):
    inside = [matte[round(y), round(x)] > 0.5 for x, y in prompts.positive]
    outside = [matte[round(y), round(x)] < 0.5 for x, y in prompts.negative]
    return all(inside) and all(outside)


def check_matte(matte, frame):
    assert matte.dtype == np.float32
    assert matte.shape == (frame.height, frame.width)
    assert np.isfinite(matte).all()
    assert matte.min() >= 0
    assert matte.max() <= 1


def test_it_is_a_segmenter():
    assert isinstance(BuiltinSegmenter(), Segmenter)
    assert BuiltinSegmenter().name == "builtin"


@pytest.mark.parametrize("name", SHAPES)
def test_three_clicks_find_a_drawn_shape(name):
    truth = drawn(name)
    frame, segmenter = Frame.from_rgb(textured(truth)), BuiltinSegmenter()
    clicks = {True: [first_click(truth)], False: []}
    matte = None
    for _ in range(3):
        prompts = Prompts(positive=tuple(clicks[True]), negative=tuple(clicks[False]))
        matte = segmenter.segment(frame, prompts, matte).best
        check_matte(matte, frame)
        assert holds(matte, prompts)
        point, is_positive = next_click(truth, matte > 0.5)
        clicks[is_positive].append(point)
    assert iou(matte > 0.5, truth) > 0.9


@pytest.mark.parametrize("name", SHAPES)
def test_a_box_finds_a_drawn_shape_and_keeps_inside(name):
    truth = drawn(name)
    frame, box = Frame.from_rgb(textured(truth, seed=1)), box_of(truth)
    matte = BuiltinSegmenter().segment(frame, Prompts(box=tuple(box))).best
    check_matte(matte, frame)
    assert iou(matte > 0.5, truth) > 0.85
    beyond = matte.copy()
    beyond[box.grown(4).clipped(160, 120).slices] = 0
    assert not beyond.any()


@pytest.mark.parametrize("seed", range(3))
def test_every_click_holds_wherever_it_is(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(10, 80, 2)
    image = cv2.resize(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8), (width, height))
    frame, segmenter = Frame.from_rgb(image), BuiltinSegmenter()
    spots = rng.permutation(height * width)[:5]
    points = [(float(s % width), float(s // width)) for s in spots]
    corner = (-0.5, -0.5) if (0.0, 0.0) not in points else (width - 1.0, 0.0)
    positive, negative, matte = [], [], None
    for k, point in enumerate([*points, corner]):
        (negative if k % 2 else positive).append(point)
        prompts = Prompts(positive=tuple(positive), negative=tuple(negative))
        matte = segmenter.segment(frame, prompts, matte).best
        check_matte(matte, frame)
        assert holds(matte, prompts)
    at_once = segmenter.segment(frame, prompts)
    assert holds(at_once.best, prompts)


def test_neighbouring_pixels_can_be_told_apart():
    frame = Frame.from_rgb(np.full((60, 80, 3), 128, np.uint8))
    prompts = Prompts(positive=((40.0, 30.0), (42.0, 31.0)), negative=((41.0, 30.0),))
    assert holds(BuiltinSegmenter().segment(frame, prompts).best, prompts)


def test_a_mask_is_the_result():
    truth = drawn("cross")
    frame = Frame.from_rgb(textured(truth))
    result = BuiltinSegmenter().segment(frame, Prompts(mask=truth))
    np.testing.assert_array_equal(result.best, truth.astype(np.float32))


def test_a_click_beside_a_mask_corrects_it_near_the_click():
    truth = drawn("disc") | drawn("at the border")
    painted = drawn("disc")
    prompts = Prompts(mask=painted, positive=((15.0, 60.0),))
    result = BuiltinSegmenter().segment(Frame.from_rgb(textured(truth)), prompts).best
    assert iou(result > 0.5, truth) > 0.9
    right = np.s_[:, 100:]
    np.testing.assert_array_equal(result[right], painted.astype(np.float32)[right])


def test_a_new_box_replaces_a_matte_outside_it():
    left = drawn("at the border")
    truth = (np.hypot(*np.mgrid[-60:60, -120:40])) < 28
    frame, before = Frame.from_rgb(textured(truth | left)), left.astype(np.float32)
    box = tuple(box_of(truth))
    for prompts in (Prompts(box=box), Prompts(box=box, positive=((120.0, 60.0),))):
        result = BuiltinSegmenter().segment(frame, prompts, before).best
        assert iou(result > 0.5, truth) > 0.85


def test_a_matte_that_holds_all_clicks_stays():
    truth = drawn("ellipse")
    soft = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 3)
    prompts = Prompts(positive=(first_click(truth),), negative=((3.0, 3.0),))
    result = BuiltinSegmenter().segment(Frame.from_rgb(textured(truth)), prompts, soft)
    np.testing.assert_array_equal(result.best, soft)


def test_a_correction_leaves_what_is_far_away():
    left = np.zeros((120, 160), bool)
    left[30:90, 15:55] = True
    image = textured(left | np.roll(left, 90, 1), seed=3)
    rng = np.random.default_rng(0)
    before = np.where(left, rng.uniform(0.6, 1, left.shape), 0).astype(np.float32)
    prompts = Prompts(positive=((35.0, 60.0), (125.0, 60.0)))
    result = BuiltinSegmenter().segment(Frame.from_rgb(image), prompts, before).best
    assert iou(result > 0.5, left | np.roll(left, 90, 1)) > 0.9
    near = distance_transform_edt(~np.roll(left, 90, 1)) < 20
    np.testing.assert_array_equal(result[~near], before[~near])


def test_a_single_click_offers_up_to_three_candidates_best_first():
    truth = drawn("disc")
    frame = Frame.from_rgb(textured(truth))
    result = BuiltinSegmenter().segment(frame, Prompts(positive=(first_click(truth),)))
    assert 1 <= len(result.mattes) == len(result.scores) <= 3
    assert list(result.scores) == sorted(result.scores, reverse=True)
    # Below what any redacting preset believes: a second click has to confirm it.
    assert all(0 <= score <= 0.7 for score in result.scores)
    for a in range(len(result.mattes)):
        for b in range(a):
            assert iou(result.mattes[a] > 0.5, result.mattes[b] > 0.5) < 0.9


def test_more_clicks_are_more_certain():
    truth = drawn("cross")
    frame, segmenter = Frame.from_rgb(textured(truth, seed=5)), BuiltinSegmenter()
    one = segmenter.segment(frame, Prompts(positive=((80.0, 60.0),)))
    two = Prompts(positive=((80.0, 60.0),), negative=((5.0, 5.0), (155.0, 115.0)))
    assert segmenter.segment(frame, two).scores[0] > one.scores[0]


def test_the_same_clicks_give_the_same_matte():
    truth = drawn("diamond")
    prompts = Prompts(positive=((80.0, 60.0),), negative=((20.0, 60.0),))
    image = textured(truth)
    first, second = (
        BuiltinSegmenter().segment(Frame.from_rgb(image), prompts).best for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


class Counting:
    """Notes what the network is asked to see and to answer."""

    def __init__(self):
        self.own = shipped_predictor()
        self.looks, self.asks = [], 0

    def look(self, frame, region):
        self.looks.append(region)
        return self.own.look(frame, region)

    def ask(self, *prompts):
        self.asks += 1
        return self.own.ask(*prompts)


def test_a_picture_is_seen_once_and_a_part_of_it_once():
    truth = drawn("disc")
    frame, predictor = Frame.from_rgb(textured(truth)), Counting()
    segmenter = BuiltinSegmenter(predictor)
    prompts = Prompts(positive=(first_click(truth),))
    first = segmenter.segment(frame, prompts).best
    seen = list(predictor.looks)
    assert seen[0] == (0, 0, 160, 120)
    assert len(seen) == len(set(seen))
    np.testing.assert_array_equal(segmenter.segment(frame, prompts).best, first)
    assert predictor.looks == seen


def test_a_further_click_asks_once():
    frame, predictor = Frame.from_rgb(textured(drawn("disc"))), Counting()
    segmenter = BuiltinSegmenter(predictor)
    prompts = Prompts(positive=((90.0, 60.0),))
    matte = segmenter.segment(frame, prompts).best
    asked = predictor.asks
    assert matte[60, 100] > 0.5
    segmenter.segment(frame, prompts.joined(Prompts(negative=((100.0, 60.0),))), matte)
    assert predictor.asks == asked + 1


def test_a_mask_is_in_doubt_only_around_clicks_that_contradict_it():
    mask = np.zeros((40, 60), np.float32)
    mask[10:30, 10:30] = 1
    points = np.array([[20.0, 20.0], [50.0, 5.0]])
    same = doubted(mask, points, np.array([True, False]))
    np.testing.assert_array_equal(same, mask)
    found = doubted(mask, points[::-1], np.array([True, True]))
    assert found[5, 50] == pytest.approx(0.5)
    assert found[20, 20] > 0.9
    assert doubted(mask, points[:1], np.array([False]))[20, 20] == pytest.approx(0.5)


def test_frames_are_kept_while_they_live_and_only_a_few():
    segmenter = BuiltinSegmenter()
    frames = [Frame.from_rgb(textured(drawn("disc"), seed=s)[::4, ::4]) for s in range(6)]
    for frame in frames:
        segmenter.segment(frame, Prompts(positive=((20.0, 15.0),)))
    assert 1 <= len(segmenter._seen) <= FRAMES_KEPT
    kept = segmenter._seen[frames[-1]]
    for k in range(12):
        segmenter.segment(frames[-1], Prompts(positive=((3.0 * k, 2.0 * k),)))
    assert segmenter._seen[frames[-1]] is kept
    assert len(kept.looks) <= LOOKS_KEPT
    assert len(kept.answers) <= ANSWERS_KEPT
    del frames, frame, kept
    gc.collect()
    assert len(segmenter._seen) == 0


def test_memory_of_a_large_picture_is_that_of_its_views():
    frame = Frame.from_rgb(np.zeros((2160, 3840, 3), np.uint8))
    segmenter = BuiltinSegmenter()
    matte = segmenter.segment(frame, Prompts(positive=((1900.0, 1000.0),))).best
    check_matte(matte, frame)
    (seen,) = segmenter._seen.values()
    kept = [t for look in seen.looks for t in (look.features.fine, *look.features.levels)]
    assert sum(t.nbytes for t in kept) < 25e6
    assert all(o.logits.nbytes < 2e6 for o in seen.answers.values())


def test_a_matte_from_elsewhere_changes_only_where_a_click_points():
    left = drawn("at the border")
    right = (np.hypot(*np.mgrid[-60:60, -120:40])) < 28
    frame = Frame.from_rgb(textured(right))
    before = (left | right).astype(np.float32)
    prompts = Prompts(positive=((120.0, 60.0),), negative=((20.0, 60.0),))
    result = BuiltinSegmenter().segment(frame, prompts, before).best
    assert holds(result, prompts)
    far = np.s_[:, 70:]
    np.testing.assert_array_equal(result[far], before[far])


@pytest.mark.parametrize("is_there", [False, True])
def test_nothing_of_the_soft_edge_stays_where_the_edge_was(is_there):
    mask = drawn("disc")
    frame = Frame.from_rgb(textured(mask))
    y, x = np.mgrid[:120, :160]
    # From elsewhere, with a soft edge of 10 pixels: a part is too much, or lacks.
    part = (x < 45) & (y > 20) & (y < 90) if not is_there else (x > 95)
    given = np.where(part, not is_there, mask).astype(np.float32)
    given = cv2.GaussianBlur(given, (0, 0), 3.0)
    point = ((105, 60),) if is_there else ((20, 55),)
    kind = "positive" if is_there else "negative"
    (matte,) = BuiltinSegmenter().segment(frame, Prompts(**{kind: point}), given).mattes
    inside = matte > 0.5
    assert iou(inside, mask) > 0.85
    far = distance_transform_edt(~inside) > 12
    assert matte[far].max() < 0.02
    deep = distance_transform_edt(inside) > 12
    assert matte[deep].min() > 0.9


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40), (33, 1), (15, 17)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_small_and_odd_sizes(size, dtype):
    height, width = size
    rng = np.random.default_rng(0)
    frame = Frame.from_rgb(rng.integers(0, np.iinfo(dtype).max, (*size, 3), dtype=dtype))
    click = ((width - 1.0, height - 1.0),)
    for prompts in (
        Prompts(positive=click),
        Prompts(box=(0, 0, width, height)),
        Prompts(box=(-0.09 * width, -0.09 * height, 0.6, 0.7)),
        Prompts(mask=np.ones(size, bool)),
    ):
        matte = BuiltinSegmenter().segment(frame, prompts).best
        check_matte(matte, frame)
        assert holds(matte, prompts)
        assert (matte > 0.5).any()


@pytest.mark.parametrize("value", [0, 255])
def test_a_picture_of_one_colour(value):
    frame = Frame.from_rgb(np.full((45, 81, 3), value, np.uint8))
    for prompts in (
        Prompts(positive=((40.0, 20.0),), negative=((3.0, 3.0),)),
        Prompts(box=(0, 0, 81, 45)),
        Prompts(box=(60, 30, 89, 49)),
    ):
        matte = BuiltinSegmenter().segment(frame, prompts).best
        check_matte(matte, frame)
        assert holds(matte, prompts)
        assert (matte > 0.5).any()


def test_depth_of_samples_does_not_matter():
    truth = drawn("disc")
    image = textured(truth)
    prompts = Prompts(positive=(first_click(truth),), negative=((5.0, 5.0),))
    deep = Frame.from_rgb(image.astype(np.uint16) * 257)
    masks = [
        BuiltinSegmenter().segment(frame, prompts).best > 0.5
        for frame in (Frame.from_rgb(image), deep)
    ]
    assert iou(*masks) > 0.95


def test_unusable_prompts_are_refused():
    frame = Frame.from_rgb(np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(InputError, match="outside"):
        BuiltinSegmenter().segment(frame, Prompts(positive=((20.0, 0.0),)))
    with pytest.raises(InputError, match="there is no mask on frame 0 yet"):
        BuiltinSegmenter().segment(frame, Prompts(negative=((2.0, 0.0),)))


@pytest.mark.parametrize("radius", [4, 13])
def test_the_guided_filter_keeps_what_is_linear_in_the_guide(radius):
    rng = np.random.default_rng(0)
    guide = rng.random((60, 71, 3)).astype(np.float32)
    values = (guide @ np.float32([0.5, -0.2, 0.3]) + 0.1).astype(np.float32)
    np.testing.assert_allclose(guided_filter(guide, values, radius, 1e-6), values, atol=1e-3)


def test_a_wide_guided_filter_finds_an_edge_as_a_narrow_one_does():
    truth = drawn("disc", 120, 160)
    guide = np.where(truth[..., None], np.float32([0.8, 0.4, 0.2]), np.float32([0.2, 0.4, 0.5]))
    rough = cv2.GaussianBlur(np.roll(truth, 3, 1).astype(np.float32), (0, 0), 3)
    for radius in (5, 12, 20):
        found = guided_filter(guide.astype(np.float32), rough, radius, 1e-4) > 0.5
        assert iou(found, truth) > 0.97
