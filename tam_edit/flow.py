"""Dense optical flow between two grey pictures: DIS (Kroeger et al., ECCV 2016)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Gray = NDArray[np.uint8]

# DIS refuses pictures that its coarsest patch does not fit into; smaller ones are padded.
MIN_SIDE_PX = 16
FAST_MIN_SIDE_PX = 64


class _SingleThread:
    """Keeps OpenCV on one thread for as long as anybody needs that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._needed_by = 0
        self._before = 0

    def enter(self) -> None:
        with self._lock:
            if self._needed_by == 0:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._needed_by += 1

    def leave(self) -> None:
        with self._lock:
            self._needed_by -= 1
            if self._needed_by == 0:
                cv2.setNumThreads(self._before)


_SINGLE_THREAD = _SingleThread()


@contextmanager
def single_opencv_thread() -> Iterator[None]:
    """Let OpenCV work on one thread, since DIS gives other numbers on another count.

    The count is the process's; blocks of several threads may overlap.
    """
    _SINGLE_THREAD.enter()
    try:
        yield
    finally:
        _SINGLE_THREAD.leave()


def dense_flow(first: Gray, second: Gray, *, is_fast: bool = False) -> Float:
    """Where each pixel of one picture went in another; call it on a single OpenCV thread.

    Args:
        first: uint8 (H, W).
        second: uint8 (H, W).
        is_fast: Take the quicker of two settings, which sees less detail.

    Returns:
        Displacements in pixels, float32 (H, W, 2) as (x, y).
    """
    rows, columns = first.shape
    side = FAST_MIN_SIDE_PX if is_fast else MIN_SIDE_PX
    padding = ((0, max(0, side - rows)), (0, max(0, side - columns)))
    one, other = np.pad(first, padding, "edge"), np.pad(second, padding, "edge")
    preset = cv2.DISOPTICAL_FLOW_PRESET_FAST if is_fast else cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    engine = cv2.DISOpticalFlow.create(preset)
    flow = engine.calc(one, other, np.zeros((*one.shape, 2), np.float32))
    return np.ascontiguousarray(flow[:rows, :columns], np.float32)
