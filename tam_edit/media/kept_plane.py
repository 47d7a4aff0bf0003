"""What alpha or matte an encoder was given, kept small, to be compared with what comes back."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np

from tam_edit.frame import Frame
from tam_edit.pixels import PixelLayout, Plane


class KeptPlane:
    """One plane of every frame as the encoder was given it, deflated.

    Args:
        layout: Of the pictures that the encoder takes.
        plane: Which of their planes is kept; -1 is the last one, alpha.
    """

    def __init__(self, layout: PixelLayout, plane: int) -> None:
        self._layout = layout
        self._plane = plane
        self._data: list[bytes] = []
        self._shape = (0, 0)

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "alpha" if self._plane == -1 else "matte"

    def add(self, planes: tuple[Plane, ...]) -> None:
        """Keep the next frame's plane."""
        samples = np.ascontiguousarray(planes[self._plane])
        self._shape = samples.shape
        self._data.append(zlib.compress(samples.tobytes(), 1))

    def worst(self, frames: Iterable[Frame]) -> tuple[float, int]:
        """Compare with what was read back.

        Args:
            frames: As decoded, as many as were kept, in coded orientation.

        Returns:
            The largest difference of two samples as a share of full scale, and the place of the
            first frame that has it.
        """
        worst, place = 0.0, 0
        for index, (data, frame) in enumerate(zip(self._data, frames, strict=True)):
            given = np.frombuffer(zlib.decompress(data), self._layout.dtype).reshape(self._shape)
            found = frame.planes[self._plane]
            if found.dtype == given.dtype and np.array_equal(found, given):
                continue
            wanted = given.astype(np.float32) / np.float32(self._layout.max_value)
            error = np.abs(found.astype(np.float32) / np.float32(frame.layout.max_value) - wanted)
            if float(error.max()) > worst:
                worst, place = float(error.max()), index
        return worst, place
