"""What the Segment Anything segmenter says of bad weights, full devices and broken numbers."""

from __future__ import annotations

import itertools
import math
import os
from dataclasses import replace

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
from tam_edit.models.sam import SamNetwork, SamSegmenter, load_sam
from tam_edit.prompts import Prompts
from tests.made_sam import picture


def test_prompts_that_cannot_be_used_are_refused(sam, frame):
    with pytest.raises(InputError, match="outside frame 0"):
        sam.segment(frame, Prompts(positive=((500, 40),)))


def test_numbers_that_are_none_are_an_error(sam_state, frame):
    broken = dict(sam_state)
    name = "image_encoder.neck.0.weight"
    broken[name] = torch.full_like(sam_state[name], float("nan"))
    with pytest.raises(ModelError, match="image encoder gave something that is no number"):
        SamSegmenter(SamNetwork.from_state(broken)).segment(frame, Prompts(positive=((80, 40),)))


@pytest.mark.parametrize("part", ["masks", "scores"])
def test_answers_that_are_no_numbers_are_an_error(sam, monkeypatch, frame, part):
    decoder = sam.predictor.network.mask_decoder
    answer = decoder.forward

    def broken(**asked):
        masks, scores = answer(**asked)
        return (masks * math.nan, scores) if part == "masks" else (masks, scores * math.nan)

    monkeypatch.setattr(decoder, "forward", broken)
    with pytest.raises(ModelError, match="mask decoder gave something that is no number") as told:
        sam.segment(frame, Prompts(positive=((80, 40),)))
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
    sam, monkeypatch, frame, fault, part
):
    def full(*_args, **_kwargs):
        raise fault

    network = sam.predictor.network
    monkeypatch.setattr(getattr(network, part), "forward", full)
    new = frame if part == "mask_decoder" else Frame.from_rgb(picture(9))
    with pytest.raises(OutOfMemoryError, match="does not fit on cpu") as told:
        sam.segment(new, Prompts(positive=((80, 40),)))
    assert "--size" in told.value.hint
    assert "short_side_px" in told.value.hint
    assert "sam_vit_b" in told.value.hint
    assert "--device" not in told.value.hint
    # Of the smallest weights there are no smaller ones, and a GPU is not the only device.
    small = replace(network, shape=replace(network.shape, width=768), device=torch.device("meta"))
    monkeypatch.setattr(sam.predictor, "network", small)
    with pytest.raises(OutOfMemoryError, match="ViT-B") as told:
        sam.predictor._asked(full)
    assert "sam_vit_b" not in told.value.hint
    assert "--device cpu" in told.value.hint


def test_other_faults_are_told_as_they_are(sam, monkeypatch):
    def wrong(*_args, **_kwargs):
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(sam.predictor.network.image_encoder, "forward", wrong)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        sam.segment(Frame.from_rgb(picture(9)), Prompts(positive=((80, 40),)))


class Sly:
    def __reduce__(self):
        return (eval, ("open('was_run', 'w')",))


class Shell:
    """As ``Sly``, with a function whose module PyTorch blocks by name."""

    def __reduce__(self):
        return os.system, ("touch was_run",)


def test_files_that_are_no_weights_each_have_their_own_words(
    tmp_path, sam_state, monkeypatch, sam, frame
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sam.pth"
    with pytest.raises(NotInstalledError, match="no weights here"):
        load_sam(path)
    torch.save(sam_state, path)
    whole = path.read_bytes()
    prompts = Prompts(positive=((80, 40),))
    np.testing.assert_array_equal(
        load_sam(path, "cpu").segment(frame, prompts).best, sam.segment(frame, prompts).best
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
    torch.save({"state": sam_state}, path)
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
def test_a_checkpoint_of_another_network_is_said_to_be_one(tmp_path, sam_state, change, words):
    other = dict(sam_state)
    change(other)
    torch.save(other, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=f"another network: .*{words}"):
        load_sam(tmp_path / "other.pth")


def test_a_device_that_is_not_there_is_refused(sam_state, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="'cuda' was asked for"):
        SamNetwork.from_state(sam_state, "cuda")
