"""What alpha or matte an encoder was given, kept small, to be compared with what comes back."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable

import numpy as np

from tam_edit.frame import Frame
from tam_edit.pixels import PixelLayout, Plane

# Deflated mattes of 1080p have 13 to 85 kB each; those of long videos go to a temporary file.
MOST_IN_MEMORY = 64 * 2**20


class KeptPlane:
    """One plane of every frame as the encoder was given it, deflated.

    Args:
        layout: Of the pictures that the encoder takes.
        plane: Which of their planes is kept; -1 is the last one, alpha.
    """

    def __init__(self, layout: PixelLayout, plane: int) -> None:
        self._layout = layout
        self._plane = plane
        self._sizes: list[int] = []
        # Open until ``close``, which the sink calls.
        self._file = tempfile.SpooledTemporaryFile(max_size=MOST_IN_MEMORY)  # noqa: SIM115
        self._shape = (0, 0)

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "alpha" if self._plane == -1 else "matte"

    def add(self, planes: tuple[Plane, ...]) -> None:
        """Keep the next frame's plane."""
        samples = np.ascontiguousarray(planes[self._plane])
        self._shape = samples.shape
        data = zlib.compress(samples.tobytes(), 1)
        self._file.write(data)
        self._sizes.append(len(data))

    def worst(self, frames: Iterable[Frame]) -> tuple[float, int]:
        """Compare with what was read back.

        Args:
            frames: As decoded, as many as were kept, in coded orientation.

        Returns:
            The largest difference of two samples as a share of full scale, and the place of the
            first frame that has it.
        """
        worst, place = 0.0, 0
        self._file.seek(0)
        for index, (size, frame) in enumerate(zip(self._sizes, frames, strict=True)):
            data = zlib.decompress(self._file.read(size))
            given = np.frombuffer(data, self._layout.dtype).reshape(self._shape)
            found = frame.planes[self._plane]
            if found.dtype == given.dtype and np.array_equal(found, given):
                continue
            wanted = given.astype(np.float32) / np.float32(self._layout.max_value)
            error = np.abs(found.astype(np.float32) / np.float32(frame.layout.max_value) - wanted)
            if float(error.max()) > worst:
                worst, place = float(error.max()), index
        return worst, place

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
