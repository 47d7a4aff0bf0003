"""Segment Anything: clicks, boxes and masks become mattes."""

from pathlib import Path

from tam_edit.models.sam.network import SamNetwork, SamShape, load_network
from tam_edit.models.sam.predictor import SamPredictor
from tam_edit.models.sam.segmenter import SamSegmenter

__all__ = ["SamNetwork", "SamPredictor", "SamSegmenter", "SamShape", "load_network", "load_sam"]


def load_sam(path: str | Path, device: str = "auto") -> SamSegmenter:
    """The segmenter of a checkpoint.

    Args:
        path: A released checkpoint: ViT-B, ViT-L or ViT-H.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """
    return SamSegmenter(load_network(path, device))
