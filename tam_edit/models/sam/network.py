"""Segment Anything's network from the segment-anything package, without torchvision.

The package's ``__init__`` imports its own predictor, which needs torchvision. Only the modules
that hold the network are loaded here, as parts of a private package with the same search path.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tam_edit.errors import NotInstalledError, WeightsError
from tam_edit.models.checkpoint import read_state_dict, torch_device
from tam_edit.models.sam.attention import PiecewiseAttention

PUBLIC_NAME = "segment_anything"
PRIVATE_NAME = "_tam_edit_segment_anything"
IMAGE_SIDE = 1024  # what every released network was trained at
GRID_SIDE = 64  # of the image embedding
SMALLEST = "ViT-B"
RELEASED = {768: SMALLEST, 1024: "ViT-L", 1280: "ViT-H"}


@dataclass(frozen=True, kw_only=True)
class SamShape:
    """The sizes in which Segment Anything networks differ: those of the image encoder.

    Attributes:
        width: Channels of a token.
        depth: How many blocks.
        heads: Attention heads per block.
        global_blocks: Indices of the blocks that look at the whole picture.
    """

    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name people know it by."""
        return RELEASED.get(self.width, f"{self.width} channels, {self.depth} blocks")

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> SamShape:
        """Read the sizes from a checkpoint.

        Raises:
            WeightsError: These are not the tensors of such a network.
        """
        table = re.compile(r"image_encoder\.blocks\.(\d+)\.attn\.rel_pos_h")
        offsets = {int(m[1]): v for k, v in state.items() if (m := table.fullmatch(k))}
        patches = state.get("image_encoder.patch_embed.proj.weight")
        if patches is None or patches.ndim != 4 or sorted(offsets) != list(range(len(offsets))):
            raise WeightsError("no image encoder of Segment Anything is in it")
        if not offsets or any(v.ndim != 2 or v.shape[1] == 0 for v in offsets.values()):
            raise WeightsError("its image encoder has no attention blocks")
        width, per_head = int(patches.shape[0]), int(offsets[0].shape[1])
        if width % per_head:
            raise WeightsError(f"{width} channels cannot be shared among heads of {per_head}")
        whole = 2 * GRID_SIDE - 1
        return cls(
            width=width,
            depth=len(offsets),
            heads=width // per_head,
            global_blocks=tuple(i for i in sorted(offsets) if offsets[i].shape[0] == whole),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SamNetwork:
    """The three parts of Segment Anything, ready to be asked.

    Attributes:
        image_encoder: (1, 3, 1024, 1024) to the embedding (1, 256, 64, 64).
        prompt_encoder: Points, boxes and masks to tokens and a dense embedding.
        mask_decoder: Embeddings to logits (1, n, 256, 256) and predicted IoUs (1, n).
        shape: Its sizes.
        device: Where it is.
    """

    image_encoder: nn.Module
    prompt_encoder: nn.Module
    mask_decoder: nn.Module
    shape: SamShape
    device: torch.device

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], device: str = "auto") -> SamNetwork:
        """Build the network that a checkpoint was saved from.

        Args:
            state: Tensors by their official names; float32 or half precision.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

        Raises:
            NotInstalledError: The segment-anything package is missing.
            WeightsError: A tensor is missing, has another shape or is not of this network.
            InputError: The device is not there.
        """
        place = torch_device(device)
        shape = SamShape.of(state)
        build: Any = _module("build_sam")
        # On the meta device nothing is drawn at random and no memory is taken twice.
        with torch.device("meta"):
            # Of the package's builders, the only one that takes sizes.
            whole: nn.Module = build._build_sam(
                encoder_embed_dim=shape.width,
                encoder_depth=shape.depth,
                encoder_num_heads=shape.heads,
                encoder_global_attn_indexes=shape.global_blocks,
                checkpoint=None,
            )
        wanted = whole.state_dict()
        _compare(wanted, state)
        whole.load_state_dict({k: state[k].float() for k in wanted}, strict=True, assign=True)
        whole.eval().requires_grad_(requires_grad=False)
        encoder: Any = whole.get_submodule("image_encoder")
        for block in encoder.blocks:
            block.attn = PiecewiseAttention(block.attn)
        parts = {
            name: whole.get_submodule(name).to(place)
            for name in ("image_encoder", "prompt_encoder", "mask_decoder")
        }
        return cls(**parts, shape=shape, device=place)


def load_network(path: str | Path, device: str = "auto") -> SamNetwork:
    """Load a released checkpoint or one of the same kind.

    Raises:
        NotInstalledError: The file or the segment-anything package is missing.
        WeightsError: The file is damaged, holds code or is of another network.
    """
    state = read_state_dict(path)
    try:
        return SamNetwork.from_state(state, device)
    except WeightsError as error:
        raise WeightsError(
            f"{path}: this is a checkpoint of another network: {error}",
            hint="tam-edit models fetch sam_vit_b adds one of Segment Anything",
        ) from error


def _compare(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    missing, unknown = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    if missing:
        raise WeightsError(f"{len(missing)} tensors are missing, such as {missing[0]}")
    if unknown:
        raise WeightsError(f"{len(unknown)} tensors are unknown, such as {unknown[0]}")
    for name, tensor in wanted.items():
        if tensor.shape != state[name].shape:
            is_there, should_be = tuple(state[name].shape), tuple(tensor.shape)
            raise WeightsError(f"{name} has the shape {is_there} instead of {should_be}")


@cache
def _module(name: str) -> Any:
    """A module of the package, loaded without running the package's own ``__init__``."""
    found = importlib.util.find_spec(PUBLIC_NAME)
    if found is None or found.submodule_search_locations is None:
        raise NotInstalledError(
            "the package segment-anything is missing", hint="pip install segment-anything"
        )
    if PRIVATE_NAME not in sys.modules:
        spec = ModuleSpec(PRIVATE_NAME, loader=None, is_package=True)
        spec.submodule_search_locations = list(found.submodule_search_locations)
        sys.modules[PRIVATE_NAME] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{PRIVATE_NAME}.{name}")
