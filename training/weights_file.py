"""Writing weights as they are shipped: float16 safetensors, with their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch


def write_weights(tensors: Mapping[str, torch.Tensor], out: Path) -> str:
    """Write tensors as float16 and say what was written; the same tensors give the same bytes.

    Returns:
        One line with size and SHA-256.
    """
    kept = {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
    written = safetensors.torch.save(dict(sorted(kept.items())))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(written)
    return f"{out}: {len(written)} bytes, SHA-256 {hashlib.sha256(written).hexdigest()}"
