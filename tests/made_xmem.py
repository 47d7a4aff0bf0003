"""A small XMem network whose masks are neither empty nor full."""

from __future__ import annotations

import torch

from tam_edit.models.base import TrackingInfo
from tam_edit.models.xmem.network import Dimensions, XMem

TINY = Dimensions(key=8, value=16, hidden=8, stem=4, value_stem=4, drawing=16, middle=8, narrow=2)
# Odd, and no multiple of 16 either way.
INFO = TrackingInfo(width=75, height=53)


def made_network(sizes: Dimensions = TINY, seed: int = 0) -> XMem:
    rng = torch.Generator().manual_seed(seed)
    network = XMem(sizes).eval().requires_grad_(requires_grad=False)
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1:
            fan = parameter[0].numel()
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * fan**-0.5)
        elif name.endswith("bias"):
            parameter.copy_(0.05 * torch.randn(parameter.shape, generator=rng))
        else:
            parameter.fill_(0.4)
    return network
