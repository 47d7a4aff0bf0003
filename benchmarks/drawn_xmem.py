"""XMem in its published size with weights that are drawn, and frames to show it."""

import numpy as np
import torch

from tam_edit.frame import Frame
from tam_edit.models.xmem import XMemPropagator
from tam_edit.models.xmem.network import Dimensions, XMem


def drawn_xmem() -> XMemPropagator:
    """A propagator whose work is that of the published weights; its masks mean nothing."""
    generator = torch.Generator().manual_seed(0)
    network = XMem(Dimensions()).eval().requires_grad_(requires_grad=False)
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1:
            # So that numbers stay of the order of one through all layers.
            fan = parameter[0].numel()
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * fan**-0.5)
        else:
            parameter.fill_(0.0 if name.endswith("bias") else 0.4)
    return XMemPropagator(network, precision="full")


def drawn_frame(index: int, width: int, height: int) -> Frame:
    """A texture that moves two pixels a frame."""
    rng = np.random.default_rng(0)
    still = rng.integers(0, 256, (height, width, 3), np.uint8)
    return Frame.from_rgb(np.roll(still, 2 * index, 1), index=index)


def drawn_matte(width: int, height: int) -> np.ndarray:
    """A rectangle in the middle, a ninth of the picture."""
    matte = np.zeros((height, width), np.float32)
    matte[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 1
    return matte
