"""The Segment Anything segmenter, on a small network with drawn weights."""

from __future__ import annotations

import gc
import itertools
import math
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from tam_edit.errors import (
    InputError,
    ModelError,
    NotInstalledError,
    OutOfMemoryError,
    WeightsError,
)
from tam_edit.frame import Frame
from tam_edit.models.base import Segmenter
from tam_edit.models.sam import SamNetwork, SamSegmenter, load_sam
from tam_edit.models.sam.network import SamShape, _module
from tam_edit.models.sam.predictor import low_logits_of, stability
from tam_edit.models.sam.segmenter import FRAMES_KEPT, soft_edged
from tam_edit.prompts import Prompts

SIZES = {
    "encoder_embed_dim": 32,
    "encoder_depth": 2,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": (1,),
}
HEIGHT, WIDTH = 90, 160


@pytest.fixture(scope="module")
def state():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = _module("build_sam")._build_sam(**SIZES)
        drawn = {}
        for name, value in network.state_dict().items():
            scale = 0.3 if "decoder" in name else 0.1
            drawn[name] = value + scale * torch.randn(value.shape)
        return drawn


@pytest.fixture(scope="module")
def network(state):
    return SamNetwork.from_state(state, "cpu")


@pytest.fixture(scope="module")
def embeddings():
    return {}


@pytest.fixture
def segmenter(network, embeddings, monkeypatch):
    """A new one; what it sees in a picture is kept from test to test."""
    made = SamSegmenter(network)
    encode = made.predictor.encode

    def remembered(image):
        key = image.tobytes()
        if key not in embeddings:
            embeddings[key] = encode(image)
        return embeddings[key]

    monkeypatch.setattr(made.predictor, "encode", remembered)
    return made


def picture(seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH, 3)), (0, 0), 5)
    unit = np.clip(0.5 + 2 * smooth, 0, 1)
    return np.rint(unit * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture(scope="module")
def frame():
    return Frame.from_rgb(picture())


@pytest.fixture
def asked(segmenter, monkeypatch):
    """What the predictor is asked, call by call."""
    calls = []
    predict = segmenter.predictor.predict

    def told(embedding, **call):
        calls.append(call)
        return predict(embedding, **call)

    monkeypatch.setattr(segmenter.predictor, "predict", told)
    return calls


def holds(matte, prompts):
    inside = [matte[round(y), round(x)] > 0.5 for x, y in prompts.positive]
    outside = [matte[round(y), round(x)] < 0.5 for x, y in prompts.negative]
    return all(inside) and all(outside)


def test_it_is_a_segmenter(segmenter):
    assert isinstance(segmenter, Segmenter)
    assert segmenter.name == "sam"


def test_sizes_are_read_from_the_tensors(state, network):
    assert network.shape == SamShape(width=32, depth=2, heads=2, global_blocks=(1,))
    for kind, released in (("b", "ViT-B"), ("l", "ViT-L"), ("h", "ViT-H")):
        with torch.device("meta"):
            tensors = _module("build_sam").sam_model_registry[f"vit_{kind}"]().state_dict()
        assert SamShape.of(tensors).name == released


def test_a_first_click_is_answered_twice_and_gives_candidates(segmenter, asked, frame):
    prompts = Prompts(positive=((80, 40),))
    found = segmenter.segment(frame, prompts)
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


def test_the_best_of_three_goes_back_in(segmenter, frame):
    embedding = segmenter._look(frame).embedding
    three = segmenter.predictor.predict(
        embedding, points=[(80, 40)], signs=[True], is_multimask=True
    )
    again = segmenter.predictor.predict(
        embedding,
        points=[(80, 40)],
        signs=[True],
        mask=three.low_logits[three.scores.argmax()],
    )
    best = segmenter.segment(frame, Prompts(positive=((80, 40),))).best
    differs = (best > 0.5) != again.masks[0]
    assert differs.sum() <= 25  # at most the disc around the click


def test_a_further_click_goes_on_from_the_networks_own_logits(segmenter, asked, frame):
    first = segmenter.segment(frame, Prompts(positive=((80, 40),)))
    for candidate in first.mattes:
        asked.clear()
        prompts = Prompts(positive=((80, 40),), negative=((20, 70),))
        found = segmenter.segment(frame, prompts, candidate)
        assert len(asked) == 1
        assert not asked[0].get("is_multimask", False)
        assert asked[0]["points"] == [(80, 40), (20, 70)]
        assert asked[0]["signs"] == [True, False]
        # Its own logits are no two-valued picture of the matte.
        assert not np.array_equal(asked[0]["mask"], low_logits_of(candidate, 7.0))
        assert len(found.mattes) == 1
        assert holds(found.best, prompts)


def test_clicks_at_once_are_clicks_one_after_the_other(segmenter, frame):
    first = Prompts(positive=((80, 40),))
    both = Prompts(positive=((80, 40), (120, 60)))
    step = segmenter.segment(frame, both, segmenter.segment(frame, first).best).best
    at_once = segmenter.segment(frame, both).best
    np.testing.assert_array_equal(step, at_once)


def test_a_matte_from_elsewhere_is_a_mask_prompt(segmenter, asked, frame):
    previous = np.zeros((HEIGHT, WIDTH), np.float32)
    previous[20:60, 50:110] = 1
    segmenter.segment(frame, Prompts(positive=((80, 40),)), previous)
    np.testing.assert_array_equal(asked[0]["mask"], low_logits_of(previous, 7.0))
    assert len(asked) == 1


def test_an_empty_matte_so_far_counts_for_nothing(segmenter, frame):
    prompts = Prompts(positive=((80, 40),))
    empty = np.zeros((HEIGHT, WIDTH), np.float32)
    np.testing.assert_array_equal(
        segmenter.segment(frame, prompts, empty).best, segmenter.segment(frame, prompts).best
    )


def test_a_box_alone_begins_anew_and_with_clicks_goes_on(segmenter, asked, frame):
    box = (40.0, 10.0, 120.0, 80.0)
    inside = np.zeros((HEIGHT, WIDTH), np.float32)
    inside[20:60, 50:110] = 1
    outside = np.roll(inside, 60, axis=1)
    segmenter.segment(frame, Prompts(box=box), inside)
    assert asked[-1]["mask"] is None
    assert asked[-1]["box"] == box
    clicked = Prompts(box=box, negative=((60, 30),))
    found = segmenter.segment(frame, clicked, inside)
    assert asked[-1]["mask"] is not None
    assert holds(found.best, clicked)
    segmenter.segment(frame, clicked, outside)
    assert asked[-1]["mask"] is None


def test_a_painted_mask_changes_only_where_clicks_point(segmenter, asked, frame):
    painted = np.zeros((HEIGHT, WIDTH), bool)
    painted[20:60, 50:110] = True
    kept = segmenter.segment(frame, Prompts(mask=painted, positive=((80, 40),)))
    np.testing.assert_array_equal(kept.best > 0.5, painted)
    assert not asked
    prompts = Prompts(mask=painted, positive=((150, 80),), negative=((55, 25),))
    found = segmenter.segment(frame, prompts)
    assert holds(found.best, prompts)
    answer = segmenter.predictor.predict(
        segmenter._look(frame).embedding,
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


def test_a_click_that_the_network_ignores_holds_and_costs_score(segmenter, monkeypatch, frame):
    predict = segmenter.predictor.predict
    nothing = Prompts(positive=((80, 40),), negative=((20, 70),))

    def stubborn(embedding, **call):
        found = predict(embedding, **call)
        found.logits[:] = -5
        found.scores[:] = 0.8
        found.logits[:, 60:, :40] = 5
        return found

    monkeypatch.setattr(segmenter.predictor, "predict", stubborn)
    found = segmenter.segment(frame, nothing)
    assert holds(found.best, nothing)
    mask = found.best > 0.5
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    expected = (y >= 60) & (x < 40) & (np.hypot(x - 20, y - 70) > 2)
    expected |= np.hypot(x - 80, y - 40) <= 2
    np.testing.assert_array_equal(mask, expected)
    assert found.scores[0] == 0  # neither of the two clicks was followed


def test_each_frame_is_looked_at_once_and_few_are_kept(segmenter, monkeypatch):
    looked = []
    kept = segmenter.predictor.encode(picture())
    monkeypatch.setattr(segmenter.predictor, "encode", lambda image: looked.append(1) or kept)
    frames = [Frame.from_rgb(picture(i)) for i in range(FRAMES_KEPT + 1)]
    prompts = Prompts(positive=((80, 40),))
    for _ in range(3):
        segmenter._look(frames[0])
    assert len(looked) == 1
    for each in frames[1:FRAMES_KEPT]:
        segmenter._look(each)
    segmenter._look(frames[0])  # now the newest again
    segmenter._look(frames[FRAMES_KEPT])  # pushes out frames[1]
    looked.clear()
    segmenter.segment(frames[0], prompts)
    assert not looked
    segmenter._look(frames[1])
    assert len(looked) == 1
    assert len(segmenter._seen) == FRAMES_KEPT
    del frames, each
    gc.collect()
    assert len(segmenter._seen) == 0


def test_deep_pictures_are_seen_as_eight_bits(segmenter):
    deep = Frame.from_rgb(picture().astype(np.uint16) * 257)
    flat = Frame.from_rgb(picture())
    prompts = Prompts(positive=((80, 40),))
    np.testing.assert_array_equal(
        segmenter.segment(deep, prompts).best, segmenter.segment(flat, prompts).best
    )


def test_prompts_that_cannot_be_used_are_refused(segmenter, frame):
    with pytest.raises(InputError, match="outside frame 0"):
        segmenter.segment(frame, Prompts(positive=((500, 40),)))


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


def test_numbers_that_are_none_are_an_error(state, frame):
    broken = dict(state)
    name = "image_encoder.neck.0.weight"
    broken[name] = torch.full_like(state[name], float("nan"))
    with pytest.raises(ModelError, match="image encoder gave something that is no number"):
        SamSegmenter(SamNetwork.from_state(broken)).segment(frame, Prompts(positive=((80, 40),)))


@pytest.mark.parametrize("part", ["masks", "scores"])
def test_answers_that_are_no_numbers_are_an_error(segmenter, monkeypatch, frame, part):
    decoder = segmenter.predictor.network.mask_decoder
    answer = decoder.forward

    def broken(**asked):
        masks, scores = answer(**asked)
        return (masks * math.nan, scores) if part == "masks" else (masks, scores * math.nan)

    monkeypatch.setattr(decoder, "forward", broken)
    with pytest.raises(ModelError, match="mask decoder gave something that is no number") as told:
        segmenter.segment(frame, Prompts(positive=((80, 40),)))
    assert "tam-edit models check" in told.value.hint


@pytest.mark.parametrize("part", ["image_encoder", "mask_decoder"])
@pytest.mark.parametrize(
    "fault",
    [
        torch.cuda.OutOfMemoryError("Allocation on device"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"
        ),
        MemoryError(),
    ],
)
def test_a_device_that_is_full_is_an_error_that_names_the_way_out(
    segmenter, monkeypatch, frame, fault, part
):
    def full(*_args, **_kwargs):
        raise fault

    network = segmenter.predictor.network
    monkeypatch.setattr(getattr(network, part), "forward", full)
    new = frame if part == "mask_decoder" else Frame.from_rgb(picture(9))
    with pytest.raises(OutOfMemoryError, match="does not fit on cpu") as told:
        segmenter.segment(new, Prompts(positive=((80, 40),)))
    assert "--size" in told.value.hint
    assert "short_side_px" in told.value.hint
    assert "sam_vit_b" in told.value.hint
    assert "--device" not in told.value.hint
    # Of the smallest weights there are no smaller ones, and a GPU is not the only device.
    small = replace(network, shape=replace(network.shape, width=768), device=torch.device("meta"))
    monkeypatch.setattr(segmenter.predictor, "network", small)
    with pytest.raises(OutOfMemoryError, match="ViT-B") as told:
        segmenter.predictor._asked(full)
    assert "sam_vit_b" not in told.value.hint
    assert "--device cpu" in told.value.hint


def test_other_faults_are_told_as_they_are(segmenter, monkeypatch):
    def wrong(*_args, **_kwargs):
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(segmenter.predictor.network.image_encoder, "forward", wrong)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        segmenter.segment(Frame.from_rgb(picture(9)), Prompts(positive=((80, 40),)))


class Sly:
    def __reduce__(self):
        return (eval, ("open('was_run', 'w')",))


class Shell:
    """As ``Sly``, with a function whose module PyTorch blocks by name."""

    def __reduce__(self):
        return os.system, ("touch was_run",)


def test_files_that_are_no_weights_each_have_their_own_words(
    tmp_path, state, monkeypatch, segmenter, frame
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sam.pth"
    with pytest.raises(NotInstalledError, match="no weights here"):
        load_sam(path)
    torch.save(state, path)
    whole = path.read_bytes()
    prompts = Prompts(positive=((80, 40),))
    np.testing.assert_array_equal(
        load_sam(path, "cpu").segment(frame, prompts).best, segmenter.segment(frame, prompts).best
    )
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="breaks off"):
        load_sam(path)
    path.write_bytes(b"<html>Please log in to this network</html>")
    with pytest.raises(WeightsError, match="damaged or no checkpoint"):
        load_sam(path)
    path.write_bytes(b"")
    with pytest.raises(WeightsError, match="damaged or no checkpoint"):
        load_sam(path)
    for sly, legacy in itertools.product((Sly(), Shell()), (False, True)):
        torch.save({"a": sly}, path, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(WeightsError, match="would run code"):
            load_sam(path)
    assert not (tmp_path / "was_run").exists()
    torch.save({"state": state}, path)
    with pytest.raises(WeightsError, match="not a flat list"):
        load_sam(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.clear(), "no image encoder"),
        (lambda s: s.pop("mask_decoder.iou_token.weight"), "1 tensors are missing"),
        (lambda s: s.update(extra=torch.zeros(1)), "1 tensors are unknown, such as extra"),
        (
            lambda s: s.update({"image_encoder.pos_embed": torch.zeros(1, 14, 14, 32)}),
            r"has the shape \(1, 14, 14, 32\) instead of \(1, 64, 64, 32\)",
        ),
        (
            lambda s: s.update({"image_encoder.blocks.0.attn.rel_pos_h": torch.zeros(27, 7)}),
            "cannot be shared among heads",
        ),
    ],
)
def test_a_checkpoint_of_another_network_is_said_to_be_one(tmp_path, state, change, words):
    other = dict(state)
    change(other)
    torch.save(other, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=f"another network: .*{words}"):
        load_sam(tmp_path / "other.pth")


def test_a_device_that_is_not_there_is_refused(state, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="'cuda' was asked for"):
        SamNetwork.from_state(state, "cuda")
