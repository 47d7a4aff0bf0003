"""The Segment Anything segmenter, on a small network with drawn weights."""

from __future__ import annotations

import gc

import cv2
import numpy as np
import pytest
import torch

from tam_edit.frame import Frame
from tam_edit.models.base import Segmenter
from tam_edit.models.sam.network import SamShape, _module
from tam_edit.models.sam.predictor import low_logits_of, stability
from tam_edit.models.sam.segmenter import FRAMES_KEPT, soft_edged
from tam_edit.prompts import Prompts
from tests.made_sam import HEIGHT, WIDTH, picture


@pytest.fixture
def asked(sam, monkeypatch):
    """What the predictor is asked, call by call."""
    calls = []
    predict = sam.predictor.predict

    def told(embedding, **call):
        calls.append(call)
        return predict(embedding, **call)

    monkeypatch.setattr(sam.predictor, "predict", told)
    return calls


def holds(matte, prompts):
    inside = [matte[round(y), round(x)] > 0.5 for x, y in prompts.positive]
    outside = [matte[round(y), round(x)] < 0.5 for x, y in prompts.negative]
    return all(inside) and all(outside)


def test_it_is_a_segmenter(sam):
    assert isinstance(sam, Segmenter)
    assert sam.name == "sam"


def test_sizes_are_read_from_the_tensors(sam_state, sam_network):
    assert sam_network.shape == SamShape(width=32, depth=2, heads=2, global_blocks=(1,))
    for kind, released in (("b", "ViT-B"), ("l", "ViT-L"), ("h", "ViT-H")):
        with torch.device("meta"):
            tensors = _module("build_sam").sam_model_registry[f"vit_{kind}"]().state_dict()
        assert SamShape.of(tensors).name == released


def test_a_first_click_is_answered_twice_and_gives_candidates(sam, asked, frame):
    prompts = Prompts(positive=((80, 40),))
    found = sam.segment(frame, prompts)
    first, second = asked
    assert first["is_multimask"]
    assert first.get("mask") is None
    assert not second.get("is_multimask", False)
    assert second["mask"].shape == (256, 256)
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert 1 <= len(found.mattes) <= 3
    for matte in found.mattes:
        assert matte.dtype == np.float32
        assert matte.shape == (HEIGHT, WIDTH)
        assert matte.min() >= 0
        assert matte.max() <= 1
        assert holds(matte, prompts)


def test_the_best_of_three_goes_back_in(sam, frame):
    embedding = sam._look(frame).embedding
    three = sam.predictor.predict(embedding, points=[(80, 40)], signs=[True], is_multimask=True)
    again = sam.predictor.predict(
        embedding,
        points=[(80, 40)],
        signs=[True],
        mask=three.low_logits[three.scores.argmax()],
    )
    best = sam.segment(frame, Prompts(positive=((80, 40),))).best
    differs = (best > 0.5) != again.masks[0]
    assert differs.sum() <= 25  # at most the disc around the click


def test_a_further_click_goes_on_from_the_networks_own_logits(sam, asked, frame):
    first = sam.segment(frame, Prompts(positive=((80, 40),)))
    for candidate in first.mattes:
        asked.clear()
        prompts = Prompts(positive=((80, 40),), negative=((20, 70),))
        found = sam.segment(frame, prompts, candidate)
        assert len(asked) == 1
        assert not asked[0].get("is_multimask", False)
        assert asked[0]["points"] == [(80, 40), (20, 70)]
        assert asked[0]["signs"] == [True, False]
        # Its own logits are no two-valued picture of the matte.
        assert not np.array_equal(asked[0]["mask"], low_logits_of(candidate, 7.0))
        assert len(found.mattes) == 1
        assert holds(found.best, prompts)


def test_clicks_at_once_are_clicks_one_after_the_other(sam, frame):
    first = Prompts(positive=((80, 40),))
    both = Prompts(positive=((80, 40), (120, 60)))
    step = sam.segment(frame, both, sam.segment(frame, first).best).best
    at_once = sam.segment(frame, both).best
    np.testing.assert_array_equal(step, at_once)


def test_a_matte_from_elsewhere_is_a_mask_prompt(sam, asked, frame):
    previous = np.zeros((HEIGHT, WIDTH), np.float32)
    previous[20:60, 50:110] = 1
    sam.segment(frame, Prompts(positive=((80, 40),)), previous)
    np.testing.assert_array_equal(asked[0]["mask"], low_logits_of(previous, 7.0))
    assert len(asked) == 1


def test_an_empty_matte_so_far_counts_for_nothing(sam, frame):
    prompts = Prompts(positive=((80, 40),))
    empty = np.zeros((HEIGHT, WIDTH), np.float32)
    np.testing.assert_array_equal(
        sam.segment(frame, prompts, empty).best, sam.segment(frame, prompts).best
    )


def test_a_box_alone_begins_anew_and_with_clicks_goes_on(sam, asked, frame):
    box = (40.0, 10.0, 120.0, 80.0)
    inside = np.zeros((HEIGHT, WIDTH), np.float32)
    inside[20:60, 50:110] = 1
    outside = np.roll(inside, 60, axis=1)
    sam.segment(frame, Prompts(box=box), inside)
    assert asked[-1]["mask"] is None
    assert asked[-1]["box"] == box
    clicked = Prompts(box=box, negative=((60, 30),))
    found = sam.segment(frame, clicked, inside)
    assert asked[-1]["mask"] is not None
    assert holds(found.best, clicked)
    sam.segment(frame, clicked, outside)
    assert asked[-1]["mask"] is None


def test_a_painted_mask_changes_only_where_clicks_point(sam, asked, frame):
    painted = np.zeros((HEIGHT, WIDTH), bool)
    painted[20:60, 50:110] = True
    kept = sam.segment(frame, Prompts(mask=painted, positive=((80, 40),)))
    np.testing.assert_array_equal(kept.best > 0.5, painted)
    assert not asked
    prompts = Prompts(mask=painted, positive=((150, 80),), negative=((55, 25),))
    found = sam.segment(frame, prompts)
    assert holds(found.best, prompts)
    answer = sam.predictor.predict(
        sam._look(frame).embedding,
        points=[(150, 80), (55, 25)],
        signs=[True, False],
        mask=low_logits_of(painted.astype(np.float32), 7.0),
    ).masks[0]
    _, places = cv2.connectedComponents((answer != painted).astype(np.uint8), connectivity=4)
    pointed = {places[80, 150], places[25, 55]} - {0}
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    near = (np.hypot(x - 150, y - 80) <= 2) | (np.hypot(x - 55, y - 25) <= 2)
    untouched = ~np.isin(places, list(pointed)) & ~near
    np.testing.assert_array_equal((found.best > 0.5)[untouched], painted[untouched])


def test_a_click_that_the_network_ignores_holds_and_costs_score(sam, monkeypatch, frame):
    predict = sam.predictor.predict
    nothing = Prompts(positive=((80, 40),), negative=((20, 70),))

    def stubborn(embedding, **call):
        found = predict(embedding, **call)
        found.logits[:] = -5
        found.scores[:] = 0.8
        found.logits[:, 60:, :40] = 5
        return found

    monkeypatch.setattr(sam.predictor, "predict", stubborn)
    found = sam.segment(frame, nothing)
    assert holds(found.best, nothing)
    mask = found.best > 0.5
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    expected = (y >= 60) & (x < 40) & (np.hypot(x - 20, y - 70) > 2)
    expected |= np.hypot(x - 80, y - 40) <= 2
    np.testing.assert_array_equal(mask, expected)
    assert found.scores[0] == 0  # neither of the two clicks was followed


def test_each_frame_is_looked_at_once_and_few_are_kept(sam, monkeypatch):
    looked = []
    kept = sam.predictor.encode(picture())
    monkeypatch.setattr(sam.predictor, "encode", lambda image: looked.append(1) or kept)
    frames = [Frame.from_rgb(picture(i)) for i in range(FRAMES_KEPT + 1)]
    prompts = Prompts(positive=((80, 40),))
    for _ in range(3):
        sam._look(frames[0])
    assert len(looked) == 1
    for each in frames[1:FRAMES_KEPT]:
        sam._look(each)
    sam._look(frames[0])  # now the newest again
    sam._look(frames[FRAMES_KEPT])  # pushes out frames[1]
    looked.clear()
    sam.segment(frames[0], prompts)
    assert not looked
    sam._look(frames[1])
    assert len(looked) == 1
    assert len(sam._seen) == FRAMES_KEPT
    del frames, each
    gc.collect()
    assert len(sam._seen) == 0


def test_deep_pictures_are_seen_as_eight_bits(sam):
    deep = Frame.from_rgb(picture().astype(np.uint16) * 257)
    flat = Frame.from_rgb(picture())
    prompts = Prompts(positive=((80, 40),))
    np.testing.assert_array_equal(sam.segment(deep, prompts).best, sam.segment(flat, prompts).best)


def test_the_soft_edge_lies_on_the_networks_edge():
    y, x = np.mgrid[:80, :100].astype(np.float32)
    apart = 20 - np.hypot(x - 50, y - 40)  # distance to a circle, in pixels
    for sureness in (0.05, 1.0, 30.0):
        matte = soft_edged(apart * np.float32(sureness))
        np.testing.assert_array_equal(matte > 0.5, apart > 0)
        away = np.abs(apart) > 1.5
        np.testing.assert_array_equal(matte[away], (apart > 0)[away])
        near = (np.abs(apart) > 0.1) & (np.abs(apart) < 0.9)
        np.testing.assert_allclose(matte[near], 0.5 + apart[near] / 2, atol=0.03)
    assert not (soft_edged(np.zeros((5, 5), np.float32)) > 0.5).any()


def test_stability_is_the_overlap_of_two_thresholds():
    logits = np.array([[-3, -0.5, 0.5, 3]], np.float32)
    assert stability(logits) == pytest.approx(1 / 3)
    assert stability(np.full((2, 2), 9, np.float32)) == 1
    assert stability(np.full((2, 2), -9, np.float32)) == 0


def test_a_matte_as_mask_prompt_lies_in_the_padded_square():
    matte = np.zeros((128, 256), np.float32)
    matte[32:96, 64:128] = 1
    low = low_logits_of(matte, 7.0)
    expected = np.full((256, 256), -7.0)
    expected[32:96, 64:128] = 7
    assert np.abs(low - expected).mean() < 0.1
    assert low[64, 96] == 7
    assert (low[128:] == -7).all()
