"""Segment Anything agrees with what its own predictor gave on a small network."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch

from tam_edit.models.sam import SamNetwork, SamPredictor

CALLS = {
    "one_click_multimask": {"points": [(200, 120)], "signs": [True], "is_multimask": True},
    "clicks_single": {
        "points": [(200, 120), (30.5, 40.25), (400, 200)],
        "signs": [True, False, True],
    },
    "box": {"box": (120, 50, 300, 220)},
    "box_and_click": {
        "box": (120, 50, 300, 220),
        "points": [(200, 120)],
        "signs": [False],
        "is_multimask": True,
    },
    "click_and_previous_logits": {"points": [(200, 120)], "signs": [True]},
}


def weights_from_name(name, shape):
    """As shared/sam/README.md says."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    if name.endswith("bias"):
        values = 0.05 * generator.standard_normal(shape)
    elif len(shape) <= 1:
        values = generator.uniform(0.5, 1, shape)
    else:
        values = generator.standard_normal(shape) * np.sqrt(1 / np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(values, np.float32))


@pytest.fixture(scope="module")
def golden(shared_data):
    with np.load(shared_data / "sam" / "golden.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def predictor(shared_data):
    shapes = json.loads((shared_data / "sam" / "tiny_state_dict_shapes.json").read_text())
    state = {name: weights_from_name(name, tuple(shape)) for name, shape in shapes.items()}
    return SamPredictor(SamNetwork.from_state(state, "cpu"))


@pytest.fixture(scope="module")
def embedding(predictor, golden):
    return predictor.encode(golden["image"])


def test_the_embedding_is_the_same(embedding, golden):
    ours = embedding.features[0, ::16].numpy()
    assert np.abs(ours - golden["embedding"]).max() < 1e-4  # 6e-6 measured, values up to 2.7


@pytest.mark.parametrize("name", CALLS)
def test_the_call_gives_the_same_masks(name, predictor, embedding, golden):
    call = dict(CALLS[name])
    if name == "click_and_previous_logits":
        first = predictor.predict(embedding, **CALLS["one_click_multimask"])
        call["mask"] = first.low_logits[first.scores.argmax()]
    found = predictor.predict(embedding, **call)
    shape = tuple(golden[f"{name}/masks_shape"])
    masks = np.unpackbits(golden[f"{name}/masks"])[: np.prod(shape)].reshape(shape) > 0
    assert found.masks.shape == shape
    assert (found.masks != masks).mean() <= 1e-3  # none measured
    assert np.abs(found.low_logits - golden[f"{name}/low_res_logits"]).max() <= 1e-3  # 2e-5
    assert np.abs(found.scores - golden[f"{name}/scores"]).max() <= 1e-4  # 5e-7


def test_the_package_stays_out_of_sight_and_torchvision_unneeded(tmp_path):
    code = """
import sys, importlib.abc
class NoTorchvision(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torchvision":
            raise ImportError("torchvision is not to be imported")
sys.meta_path.insert(0, NoTorchvision())
from tam_edit.models.sam.network import _module
assert callable(_module("build_sam").build_sam_vit_b)
names = {name.split(".")[0] for name in sys.modules}
assert not names & {"segment_anything", "torchvision"}, names
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
