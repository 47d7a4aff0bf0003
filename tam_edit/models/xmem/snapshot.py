"""A pass's whole state as safetensors bytes, and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from tam_edit.models.base import TrackingInfo
from tam_edit.models.runs import damaged_snapshot, snapshot_header, snapshot_state
from tam_edit.models.xmem.memory import SHARED_PARTS, Memory, MemorySettings, Tokens
from tam_edit.models.xmem.tracker import PassState
from tam_edit.types import ObjectId

MODEL = "xmem"
# Goes up with every change that would make an older run go on differently.
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What must be the same for a run to go on as if undisturbed.

    Attributes:
        info: Size and rules of the run.
        settings: How much is remembered.
        weights: Checksum of the network's parameters.
        precision: The type that convolutions are computed in.
    """

    info: TrackingInfo
    settings: MemorySettings
    weights: int
    precision: str

    def facts(self) -> dict[str, Any]:
        """As it stands in the snapshot."""
        return {
            "model": MODEL,
            "version": VERSION,
            "size": f"{self.info.width}x{self.info.height}",
            "shares_pixels": self.info.shares_pixels,
            "memory": asdict(self.settings),
            "weights": self.weights,
            "precision": self.precision,
        }


def pack(identity: Identity, state: PassState) -> bytes:
    """The state as bytes; ``unpack`` gives it back to the last bit."""
    tensors: dict[str, Tensor] = {}
    tokens = state.memory.tokens
    if tokens is not None:
        tensors |= {f"tokens.{name}": getattr(tokens, name) for name in SHARED_PARTS}
        for number in tokens.owned:
            tensors[f"{number}.owned"] = tokens.owned[number]
            tensors[f"{number}.values"] = tokens.values[number]
    tensors |= {f"{number}.sensory": sensory for number, sensory in state.sensory.items()}
    facts = {
        "objects": state.objects,
        "owners": [] if tokens is None else list(tokens.owned),
        "step": state.step,
        "remembered": state.remembered,
    }
    whole = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    result: bytes = safetensors.torch.save(whole, snapshot_header(identity.facts(), facts))
    return result


def unpack(identity: Identity, snapshot: bytes, device: torch.device) -> PassState:
    """The state that ``pack`` was given.

    Raises:
        ModelError: The bytes are no snapshot, or one of another model, version or size.
    """
    facts = snapshot_state(snapshot, identity.facts())
    try:
        # Copied: torch must own (and align) what it changes in place.
        loaded = {
            name: tensor.clone().to(device)
            for name, tensor in safetensors.torch.load(snapshot).items()
        }
        return PassState(
            memory=Memory(identity.settings, _tokens(loaded, facts["owners"])),
            objects=[int(number) for number in facts["objects"]],
            sensory={
                int(name.partition(".")[0]): tensor
                for name, tensor in loaded.items()
                if name.endswith(".sensory")
            },
            step=int(facts["step"]),
            remembered=int(facts["remembered"]),
        )
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        raise damaged_snapshot() from error


def _tokens(loaded: dict[str, Tensor], owners: list[ObjectId]) -> Tokens | None:
    if not owners:
        return None
    return Tokens(
        owned={number: loaded[f"{number}.owned"] for number in owners},
        values={number: loaded[f"{number}.values"] for number in owners},
        **{name: loaded[f"tokens.{name}"] for name in SHARED_PARTS},
    )
