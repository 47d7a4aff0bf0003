"""A small Segment Anything network with drawn weights, and a picture for it."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tam_edit.models.sam.network import _module

SIZES = {
    "encoder_embed_dim": 32,
    "encoder_depth": 2,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": (1,),
}
HEIGHT, WIDTH = 90, 160


def drawn_state() -> dict[str, torch.Tensor]:
    """Weights under the names that released checkpoints have."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = _module("build_sam")._build_sam(**SIZES)
        drawn = {}
        for name, value in network.state_dict().items():
            scale = 0.3 if "decoder" in name else 0.1
            drawn[name] = value + scale * torch.randn(value.shape)
        return drawn


def picture(seed: int = 0, dtype: type = np.uint8) -> NDArray:
    """Smooth noise, (HEIGHT, WIDTH, 3)."""
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH, 3)), (0, 0), 5)
    unit = np.clip(0.5 + 2 * smooth, 0, 1)
    return np.rint(unit * np.iinfo(dtype).max).astype(dtype)
