"""Write the backbone's shipped weights from the public ImageNet checkpoint, as float16.

    python training/export_backbone.py ../shared/weights/shufflenetv2_x0_5_imagenet.pth

The same checkpoint gives the same bytes; their SHA-256 is printed.
"""

import argparse
import hashlib
from pathlib import Path

import safetensors.torch
import torch

from tam_edit.models.builtin.backbone import STAGES, STEM, WEIGHTS

TARGET = Path(__file__).resolve().parent.parent / "tam_edit/models/builtin/weights" / WEIGHTS


def main() -> None:
    """Read the checkpoint, keep what is used and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=TARGET)
    chosen = parser.parse_args()
    stored = torch.load(chosen.checkpoint, map_location="cpu", weights_only=True)
    used = (STEM, *(name for name, _ in STAGES))
    kept = {
        name: tensor.half().contiguous()
        for name, tensor in sorted(stored.items())
        if name.split(".")[0] in used and not name.endswith("num_batches_tracked")
    }
    written = safetensors.torch.save(kept)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_bytes(written)
    print(f"{chosen.out}: {len(written)} bytes, SHA-256 {hashlib.sha256(written).hexdigest()}")


if __name__ == "__main__":
    main()
