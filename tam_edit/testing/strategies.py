"""Drawn frames and mattes: from a seed, and as hypothesis strategies (extra ``[testing]``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tam_edit.errors import NotInstalledError
from tam_edit.frame import Frame
from tam_edit.pixels import ColorTags, PixelLayout
from tam_edit.types import Matte

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

LAYOUTS = ("yuv420p", "yuv444p", "yuv420p10le", "yuv422p10le", "gbrp", "gray", "yuva420p")
MATTE_KINDS = ("empty", "full", "blob", "specks", "soft")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One picture with an object.

    Attributes:
        layout: FFmpeg's name of the pixel format.
        width: Columns in display orientation.
        height: Rows in display orientation.
        quarter_turns: The frame's rotation.
        matte_kind: One of ``MATTE_KINDS``.
        seed: Where the samples come from.
    """

    layout: str
    width: int
    height: int
    quarter_turns: int = 0
    matte_kind: str = "blob"
    seed: int = 0

    @property
    def frame(self) -> Frame:
        """The picture: noise over the whole legal range, which hides no error."""
        return noise_frame(
            self.layout, self.width, self.height, quarter_turns=self.quarter_turns, seed=self.seed
        )

    @property
    def matte(self) -> Matte:
        """The object."""
        return drawn_matte(self.matte_kind, self.width, self.height, seed=self.seed)


def noise_frame(
    layout: str, width: int, height: int, *, quarter_turns: int = 0, seed: int = 0
) -> Frame:
    """A frame of random samples within the range that video uses.

    Args:
        layout: FFmpeg's name of a planar pixel format.
        width: Columns in display orientation.
        height: Rows in display orientation.
        quarter_turns: The frame's rotation.
        seed: Where the samples come from.
    """
    pixels = PixelLayout.of(layout)
    rng = np.random.default_rng(seed)
    columns, rows = (height, width) if quarter_turns % 2 else (width, height)
    low, high = (0, pixels.max_value) if pixels.is_rgb else (16, 235)
    scale = 1 if pixels.is_rgb else 1 << (pixels.bits - 8)
    planes: list[Any] = []
    for i in range(pixels.plane_count):
        step_x, step_y = pixels.step(i)
        size = (-(-rows // step_y), -(-columns // step_x))
        samples = rng.integers(low * scale, high * scale, size, endpoint=True)
        planes.append(samples.astype(pixels.dtype))
        planes[-1].flags.writeable = False
    return Frame(
        planes=tuple(planes),
        layout=pixels,
        color=ColorTags(matrix=0, full_range=True) if pixels.is_rgb else ColorTags(),
        quarter_turns=quarter_turns,
    )


def drawn_matte(kind: str, width: int, height: int, *, seed: int = 0) -> Matte:
    """A matte of one of ``MATTE_KINDS``; read-only.

    Args:
        kind: ``blob`` is an ellipse that may leave the picture, ``specks`` single pixels,
            ``soft`` a wide ramp with every value between 0 and 1.
        width: Columns.
        height: Rows.
        seed: Where and how large.
    """
    rng = np.random.default_rng(seed)
    matte = np.zeros((height, width), np.float32)
    if kind == "full":
        matte[:] = 1
    elif kind == "specks":
        matte[rng.random(matte.shape) < 0.05] = 1
    elif kind in ("blob", "soft"):
        center = rng.random(2) * (width, height)
        radii = (0.1 + 0.5 * rng.random(2)) * (width, height)
        y, x = np.mgrid[:height, :width]
        distance = np.hypot((x - center[0]) / radii[0], (y - center[1]) / radii[1])
        ramp = np.clip(1.5 - distance, 0, 1) if kind == "soft" else distance <= 1
        matte[:] = ramp
    matte.flags.writeable = False
    return matte


def cases(max_side: int = 32) -> SearchStrategy[Case]:
    """Hypothesis strategy: any layout, rotation, size from 1x1 on, and matte.

    Args:
        max_side: Largest width and height.

    Raises:
        NotInstalledError: hypothesis is missing.
    """
    try:
        from hypothesis import strategies as st
    except ImportError as error:
        raise NotInstalledError(
            "random cases need hypothesis", hint='pip install "tam-edit[testing]"'
        ) from error
    return st.builds(
        Case,
        layout=st.sampled_from(LAYOUTS),
        width=st.integers(1, max_side),
        height=st.integers(1, max_side),
        quarter_turns=st.integers(0, 3),
        matte_kind=st.sampled_from(MATTE_KINDS),
        seed=st.integers(0, 2**16),
    )
