"""XMem's network: what it sees in a picture, what it remembers of objects, and how it draws them.

Cheng and Schwing, "XMem: Long-Term Video Object Segmentation with an Atkinson-Shiffrin Memory
Model", ECCV 2022. The memory itself is in ``memory``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tam_edit.models.xmem.blocks import Fusion, SensoryUpdate, Upsampling
from tam_edit.models.xmem.encoders import KeyEncoder, ValueEncoder

# One token of the memory is a square of this many pixels.
TOKEN_PX = 16
PROBABILITY_MARGIN = 1e-7


@dataclass(frozen=True, kw_only=True)
class Dimensions:
    """The network's widths; the defaults are those of the published checkpoints.

    Attributes:
        key: C^k, channels of a key.
        value: C^v, channels of a value.
        hidden: C^h, channels of a sensory map; 0 for the variant without sensory memory.
        stem: Channels after the first convolution of the key encoder.
        value_stem: Channels after the first convolution of the value encoder.
        drawing: Channels of the decoder at 1/16.
        middle: Channels of the decoder at 1/8 and 1/4.
        narrow: Channels inside the attention's shared layers.
    """

    key: int = 64
    value: int = 512
    hidden: int = 64
    stem: int = 64
    value_stem: int = 64
    drawing: int = 512
    middle: int = 256
    narrow: int = 32

    @classmethod
    def read(cls, state: Mapping[str, Tensor]) -> Dimensions:
        """The widths that a checkpoint was made with.

        Args:
            state: Names and parameters.

        Raises:
            KeyError: A parameter is missing that tells a width.
        """
        transform = state.get("decoder.hidden_update.transform.weight")
        return cls(
            key=len(state["key_proj.key_proj.weight"]),
            value=len(state["value_encoder.fuser.block2.conv2.weight"]),
            hidden=0 if transform is None else len(transform) // 3,
            stem=len(state["key_encoder.conv1.weight"]),
            value_stem=len(state["value_encoder.conv1.weight"]),
            drawing=len(state["decoder.fuser.block2.conv2.weight"]),
            middle=len(state["decoder.up_8_4.out_conv.conv2.weight"]),
            narrow=len(state["value_encoder.fuser.attention.ChannelGate.mlp.1.weight"]),
        )


@dataclass(frozen=True, kw_only=True)
class Tokenised:
    """What is remembered of a picture of H x W; h and w are H / 16 and W / 16.

    Attributes:
        f16: (1, C, h, w).
        key: (1, C^k, h, w).
        shrinkage: (1, 1, h, w), at least 1.
        selection: (1, C^k, h, w), in [0, 1].
    """

    f16: Tensor
    key: Tensor
    shrinkage: Tensor
    selection: Tensor


@dataclass(frozen=True, kw_only=True)
class Seen(Tokenised):
    """All that the key encoder says of a picture.

    Attributes:
        f8: (1, C, 2h, 2w).
        f4: (1, C, 4h, 4w).
    """

    f8: Tensor
    f4: Tensor

    def tokenised(self) -> Tokenised:
        """Without the fine features, which take several times as much memory as the rest."""
        return Tokenised(
            f16=self.f16, key=self.key, shrinkage=self.shrinkage, selection=self.selection
        )


class KeyHead(nn.Module):
    """Turns features at 1/16 into keys with their shrinkage and selection."""

    def __init__(self, width: int, key: int) -> None:
        super().__init__()
        self.key_proj = nn.Conv2d(width, key, 3, padding=1)
        self.d_proj = nn.Conv2d(width, 1, 3, padding=1)
        self.e_proj = nn.Conv2d(width, key, 3, padding=1)

    def forward(self, f16: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(1, C, h, w) to key, shrinkage and selection."""
        return self.key_proj(f16), self.d_proj(f16) ** 2 + 1, torch.sigmoid(self.e_proj(f16))


class Decoder(nn.Module):
    """Draws each object's mask from what the memory says of it."""

    def __init__(self, sizes: Dimensions) -> None:
        super().__init__()
        told = sizes.value + sizes.hidden
        self.fuser = Fusion(16 * sizes.stem + told, sizes.drawing, sizes.narrow)
        self.hidden_update = (
            SensoryUpdate(
                (sizes.drawing, sizes.middle, sizes.middle + 1), sizes.middle, sizes.hidden
            )
            if sizes.hidden
            else None
        )
        self.up_16_8 = Upsampling(8 * sizes.stem, sizes.drawing, sizes.middle)
        self.up_8_4 = Upsampling(4 * sizes.stem, sizes.middle, sizes.middle)
        self.pred = nn.Conv2d(sizes.middle, 1, 3, padding=1)

    def forward(
        self, seen: Seen, readout: Tensor, hidden: Tensor | None, *, updates: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Draw n objects.

        Args:
            seen: The picture's features.
            readout: (n, C^v, h, w).
            hidden: (n, C^h, h, w); None for the variant without sensory memory.
            updates: Whether the next sensory maps are wanted.

        Returns:
            Logits (n, 16h, 16w) and the next sensory maps.
        """
        told = readout if hidden is None else torch.cat((readout, hidden), 1)
        g16 = self.fuser(seen.f16, told)
        g8 = self.up_16_8(seen.f8, g16)
        g4 = self.up_8_4(seen.f4, g8)
        logits = self.pred(functional.relu(g4))
        if updates and self.hidden_update is not None and hidden is not None:
            hidden = self.hidden_update(g16, g8, torch.cat((g4, logits), 1), hidden)
        whole = functional.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)
        return whole[:, 0], hidden


class XMem(nn.Module):
    """The whole network; parameters are named as in the published checkpoints."""

    def __init__(self, sizes: Dimensions) -> None:
        super().__init__()
        self.sizes = sizes
        self.key_encoder = KeyEncoder(sizes.stem)
        self.value_encoder = ValueEncoder(
            stem=sizes.value_stem,
            picture=16 * sizes.stem,
            value=sizes.value,
            hidden=sizes.hidden,
            narrow=sizes.narrow,
        )
        self.key_proj = KeyHead(16 * sizes.stem, sizes.key)
        self.decoder = Decoder(sizes)

    def see(self, picture: Tensor) -> Seen:
        """Encode a normalised picture (1, 3, H, W) whose sides are multiples of 16."""
        f16, f8, f4 = self.key_encoder(picture)
        key, shrinkage, selection = self.key_proj(f16)
        return Seen(f16=f16, f8=f8, f4=f4, key=key, shrinkage=shrinkage, selection=selection)


def aggregated(masks: Tensor, *, shares_pixels: bool = False) -> Tensor:
    """Make the objects' probabilities and the background's add up to one.

    Args:
        masks: (n, H, W), each object's own probability.
        shares_pixels: Whether objects may overlap; then each competes with the background only.

    Returns:
        (n, H, W), the objects' probabilities.
    """
    if shares_pixels:
        return torch.stack([aggregated(mask[None])[0] for mask in masks])
    background = torch.prod(1 - masks, dim=0, keepdim=True)
    every = torch.cat((background, masks)).clamp(PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)
    return torch.softmax(torch.log(every / (1 - every)), dim=0)[1:]
