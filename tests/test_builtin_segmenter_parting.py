"""A click away takes the whole thing that it is on, and leaves the object."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tam_edit.frame import Frame
from tam_edit.models.builtin.segmenter import parting
from tam_edit.models.builtin.segmenter.parting import (
    FLAT_STEP,
    THING_DEPTH,
    WALK_PULL,
    WALK_SHARPNESS,
    Contest,
    colours_of,
    parted,
)
from tam_edit.models.builtin.segmenter.segmenter import BuiltinSegmenter
from tam_edit.prompts import Prompts

HEIGHT, WIDTH = 180, 240
Y, X = np.mgrid[:HEIGHT, :WIDTH]
GROUND, OBJECT, THING = (96, 118, 92), (196, 96, 62), (64, 84, 168)
# Name: the object, the thing beside it, a click on the object, clicks on the thing.
SCENES = {
    "side by side": (
        (X >= 40) & (X < 120) & (Y >= 40) & (Y < 140),
        (X >= 120) & (X < 200) & (Y >= 40) & (Y < 140),
        (80.0, 90.0),
        [(160.0, 90.0), (140.0, 65.0), (180.0, 120.0)],
    ),
    "a long thing": (
        np.hypot(X - 55, Y - 60) < 38,
        (X >= 90) & (X < 230) & (Y >= 60) & (Y < 110),
        (52.0, 58.0),
        [(115.0, 85.0), (205.0, 85.0)],
    ),
    "a thing around the object": (
        np.hypot(X - 120, Y - 90) < 32,
        (np.hypot(X - 120, Y - 90) >= 32) & (np.hypot(X - 120, Y - 90) < 80),
        (120.0, 90.0),
        [(120.0, 146.0), (64.0, 90.0), (160.0, 50.0)],
    ),
    "a thing on the object": (
        (np.abs(X - 120) < 90) & (np.abs(Y - 90) < 65) & (np.hypot(X - 165, Y - 90) >= 34),
        np.hypot(X - 165, Y - 90) < 34,
        (80.0, 90.0),
        [(165.0, 90.0), (150.0, 78.0)],
    ),
    "apart": (
        np.hypot(X - 60, Y - 90) < 42,
        np.hypot(X - 170, Y - 90) < 48,
        (60.0, 90.0),
        [(170.0, 90.0), (150.0, 110.0)],
    ),
}


def picture(thing_colour, truth, thing, seed=0):
    """Both on a ground, all with smooth random texture."""
    rng = np.random.default_rng(seed)
    flat = np.empty((HEIGHT, WIDTH, 3))
    flat[:] = GROUND
    flat[truth], flat[thing] = OBJECT, thing_colour
    noise = cv2.GaussianBlur(rng.normal(0, 40, flat.shape), (0, 0), 2.0)
    return np.clip(flat + noise, 0, 255).astype(np.uint8)


def after(rgb, before, on, away):
    prompts = Prompts(positive=(on,), negative=(away,))
    return BuiltinSegmenter().segment(Frame.from_rgb(rgb), prompts, before).best > 0.5


@pytest.mark.parametrize(
    ("name", "away"), [(name, click) for name, scene in SCENES.items() for click in scene[3]]
)
def test_a_click_away_removes_the_whole_thing_and_leaves_the_object(name, away):
    truth, thing, on, _ = SCENES[name]
    before = (truth | thing).astype(np.float32)
    found = after(picture(THING, truth, thing), before, on, away)
    assert (found & thing).sum() < 0.05 * thing.sum()
    assert (found & truth).sum() > 0.95 * truth.sum()
    assert (found & ~truth & ~thing).sum() < 0.03 * truth.sum()


@pytest.mark.parametrize("seed", range(3))
def test_it_does_not_matter_which_of_the_two_is_meant(seed):
    truth, thing, on, away = SCENES["side by side"]
    rgb, before = picture(THING, truth, thing, seed), (truth | thing).astype(np.float32)
    for meant, other, click, beside in ((truth, thing, on, away[0]), (thing, truth, away[0], on)):
        found = after(rgb, before, click, beside)
        assert (found & other).sum() < 0.05 * other.sum()
        assert (found & meant).sum() > 0.95 * meant.sum()


def test_a_thing_taken_by_a_first_click_goes_with_the_second():
    truth, thing, on, away = SCENES["side by side"]
    alike = tuple(int(0.85 * a + 0.15 * b) for a, b in zip(OBJECT, THING, strict=True))
    frame, segmenter = Frame.from_rgb(picture(alike, truth, thing)), BuiltinSegmenter()
    prompts = Prompts(positive=(on,))
    first = segmenter.segment(frame, prompts).best
    assert ((first > 0.5) & thing).sum() > 0.9 * thing.sum()
    second = segmenter.segment(frame, prompts.joined(Prompts(negative=(away[0],))), first).best
    assert ((second > 0.5) & thing).sum() < 0.1 * thing.sum()
    assert ((second > 0.5) & truth).sum() > 0.9 * truth.sum()


def contest(mask, on, away):
    points = np.array([*on, *away], np.float64).reshape(-1, 2)
    return Contest.of(mask, points, np.arange(len(points)) < len(on))


def test_only_a_click_deep_in_the_mask_points_at_a_thing():
    y, x = np.mgrid[:81, :81]
    disc = np.hypot(x - 40, y - 40) <= 30
    border = 30 * (1 - THING_DEPTH)
    deep, shallow = (40 + border - 3, 40.0), (40 + border + 3, 40.0)
    on = [(20.0, 40.0)]
    assert contest(disc, on, [deep]).is_about_a_thing
    assert contest(disc, on, [shallow, deep]).is_about_a_thing
    assert not contest(disc, on, [shallow]).is_about_a_thing
    assert not contest(disc, on, [(2.0, 2.0)]).is_about_a_thing
    assert not contest(disc, [deep], []).is_about_a_thing
    # With nothing that is meant there is nothing to part the thing from.
    assert not contest(disc, [], [deep]).is_about_a_thing


def without_network(asked, rgb):
    """What the picture alone says; every place has the same features."""
    rows, columns = asked.mask.shape
    match, silent = np.ones((rows, columns, 1), np.float32), np.zeros((rows, columns), np.float32)
    return parted(asked, colours_of(rgb, rows, columns), match, silent, silent)


def test_colours_part_a_mask_where_they_change():
    rgb = np.full((40, 60, 3), OBJECT, np.uint8)
    rgb[:, 37:] = THING
    mask = np.zeros((40, 60), bool)
    mask[5:35, 4:56] = True
    # Near the border and far from it, the border stays.
    for away in ((50.0, 30.0), (39.0, 20.0)):
        logits = without_network(contest(mask, [(8.0, 8.0)], [away]), rgb)
        np.testing.assert_array_equal(logits[mask] > 0, (np.mgrid[:40, :60][1] < 37)[mask])
    assert not logits[~mask].any()


def test_what_is_near_within_the_mask_counts_not_what_is_near_in_the_picture():
    mask = np.zeros((40, 60), bool)
    mask[5:35, 5:25] = mask[5:35, 29:55] = True
    mask[30:35, 5:55] = True  # a U: at the top its arms are near each other, and far by way
    asked = contest(mask, [(22.0, 7.0)], [(52.0, 7.0)])
    logits = without_network(asked, np.full((40, 60, 3), 120, np.uint8))
    assert logits[8, 20] > 0 > logits[8, 31]


def test_swapping_what_is_meant_turns_the_answer_around():
    rng = np.random.default_rng(0)
    rgb = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (40, 30))
    match = rng.normal(size=(30, 40, 5)).astype(np.float32)
    match /= np.linalg.norm(match, axis=-1, keepdims=True)
    mask = np.hypot(*np.mgrid[-15:15, -20:20]) < 14
    asked = contest(mask, [(12.0, 15.0), (18.0, 8.0)], [(28.0, 15.0)])
    other = Contest(mask, asked.cells, ~asked.signs)
    silent, colours = np.zeros(mask.shape, np.float32), colours_of(rgb, 30, 40)
    one, two = (parted(each, colours, match, silent, silent) for each in (asked, other))
    np.testing.assert_allclose(one, -two, atol=1e-3)
    assert (one[mask] > 0).any()
    assert (one[mask] < 0).any()


def test_a_walk_along_a_row_is_what_a_dense_solution_says():
    count = 24
    mask = np.zeros((5, count + 4), bool)
    mask[2, 2:-2] = True
    grey = np.full((5, count + 4, 3), 120, np.uint8)
    own = np.random.default_rng(2).normal(0, 3, mask.shape).astype(np.float32)
    asked = contest(mask, [(3.0, 2.0)], [(20.0, 2.0)])
    match, silent = np.ones((*mask.shape, 1), np.float32), np.zeros(mask.shape, np.float32)
    found = parted(asked, colours_of(grey, *mask.shape), match, own, silent)[mask]
    places = np.arange(count) + 2.0
    on, away = FLAT_STEP * abs(places - 3), FLAT_STEP * abs(places - 20)
    said = parting.OWN_WEIGHT * own[mask] + parting.WAY_WEIGHT * (away - on) / (away + on)
    share = 1 / (1 + np.exp(-said))
    pull = WALK_PULL * (abs(2 * share - 1) + 0.02)
    step = np.exp(-WALK_SHARPNESS * 0) + 1e-4
    between = np.diag(np.full(count - 1, step), 1)
    between += between.T
    dense = np.diag(between.sum(0) + pull) - between
    expected = np.linalg.solve(dense, pull * share)
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), expected, atol=2e-4)


def test_parts_of_a_mask_that_no_click_reaches_are_judged_by_their_looks():
    rgb = np.full((40, 80, 3), OBJECT, np.uint8)
    rgb[:, 40:] = THING
    mask = np.zeros((40, 80), bool)
    for column in (4, 22, 42, 62):  # two places of each colour, each by itself
        mask[10:30, column : column + 14] = True
    logits = without_network(contest(mask, [(10.0, 20.0)], [(68.0, 20.0)]), rgb)
    np.testing.assert_array_equal(logits[mask] > 0, (np.mgrid[:40, :80][1] < 40)[mask])
