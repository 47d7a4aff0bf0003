"""A published XMem checkpoint, read from its file into a network.

The widths come from the parameters'
shapes, so variants (without sensory memory, for one object only) load without being named.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from tam_edit.errors import WeightsError
from tam_edit.models.checkpoint import read_state_dict
from tam_edit.models.xmem.network import Dimensions, XMem

STEM = "value_encoder.conv1.weight"
STEM_CHANNELS = 5
COUNTER = "num_batches_tracked"
FETCH_AGAIN = "use the file that the network's authors published"


def load_network(path: Path) -> XMem:
    """The network in a checkpoint file, float32, in evaluation mode, on the CPU.

    Args:
        path: A file with a flat dictionary of names and tensors, as ``torch.save`` writes it.

    Raises:
        NotInstalledError: There is no such file.
        WeightsError: The file is damaged, contains code, is of another network or holds numbers
            that are not finite.
    """
    state = read_state_dict(path)
    return network_from(
        {name: v.float() if v.is_floating_point() else v for name, v in state.items()}, str(path)
    )


def network_from(state: Mapping[str, Tensor], place: str) -> XMem:
    """The network with given parameters, in their own type, in evaluation mode.

    Args:
        state: Names and parameters.
        place: Where they come from, for messages.

    Raises:
        WeightsError: They are of another network, or not finite.
    """
    try:
        sizes = Dimensions.read(state)
    except (KeyError, TypeError) as error:
        raise WeightsError(
            f"{place} is no XMem checkpoint: it has no {error}", hint=FETCH_AGAIN
        ) from error
    # Without memory for parameters: those of the checkpoint take their place.
    with torch.device("meta"):
        network = XMem(sizes)
    wanted = network.state_dict()
    complete = _completed(state, wanted)
    _check_names(complete, wanted, place)
    _check_numbers(complete, place)
    network.load_state_dict(complete, strict=True, assign=True)
    return network.requires_grad_(requires_grad=False).eval()


def _completed(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state with what older files and the one-object variant leave out."""
    complete = dict(state)
    for name in wanted:
        if name.endswith(COUNTER):
            complete.setdefault(name, torch.zeros((), dtype=torch.int64))
    stem = complete.get(STEM)
    if stem is not None and stem.ndim == 4 and stem.shape[1] == STEM_CHANNELS - 1:
        # Trained with one object: nothing was learned for the channel of the other objects.
        complete[STEM] = torch.cat((stem, torch.zeros_like(stem[:, :1])), 1)
    return complete


def _check_names(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], place: str) -> None:
    missing = [name for name in wanted if name not in state]
    unknown = [name for name in state if name not in wanted]
    misshapen = [n for n in wanted if n in state and state[n].shape != wanted[n].shape]
    for names, fault in (
        (missing, "has no"),
        (unknown, "has an unknown"),
        (misshapen, "has another shape of"),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise WeightsError(
                f"{place} is of another network than XMem: it {fault} {names[0]}{more}",
                hint=FETCH_AGAIN,
            )


def _check_numbers(state: Mapping[str, Tensor], place: str) -> None:
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise WeightsError(
                f"{place} holds numbers that are not finite, in {name}", hint=FETCH_AGAIN
            )
