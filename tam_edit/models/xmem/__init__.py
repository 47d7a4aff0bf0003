"""XMem: a tracker with a sensory, a working and a long-term memory."""

from __future__ import annotations

from pathlib import Path

from tam_edit.models.checkpoint import torch_device
from tam_edit.models.xmem.checkpoint import load_network
from tam_edit.models.xmem.memory import MemorySettings
from tam_edit.models.xmem.propagator import Precision, XMemPropagator

__all__ = ["MemorySettings", "XMemPropagator", "load_xmem"]


def load_xmem(path: Path, device: str = "auto", precision: Precision = "auto") -> XMemPropagator:
    """Load a checkpoint as a propagator.

    Args:
        path: One of the published files, or one of the same layout.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: See :class:`XMemPropagator`.

    Raises:
        NotInstalledError: There is no such file.
        WeightsError: The file is damaged, contains code or is of another network.
        InputError: This machine has no such device.
    """
    return XMemPropagator(load_network(path).to(torch_device(device)), precision=precision)
