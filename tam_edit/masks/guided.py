"""Values as functions of a picture's colours, window by window: the guided filter."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


# What goes into windows of twice this radius and more is worked out on a smaller picture: a quarter
# of the radius is a step that cannot be seen, says the paper.
STEP_RADIUS_PX = 6
# Values that vary less than this within a window are taken for even.
EVEN_VARIANCE = 1e-5
CHANNELS = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


class ColourWindows:
    """Square windows around every pixel of a colour picture (He, Sun and Tang 2010).

    In every window values become a linear function of the colours; what differs between windows is
    averaged. Wide windows are looked at on a smaller picture (He and Sun, "Fast Guided Filter",
    arXiv 1505.00996).

    Args:
        picture: float32 (h, w, 3), about [0, 1].
        radius_px: Half the side of a window.
        epsilon: Variance of the colours below which a window counts as flat.
    """

    def __init__(self, picture: Floats, radius_px: int, epsilon: float) -> None:
        self._picture = picture
        self._step = max(1, radius_px // STEP_RADIUS_PX)
        self._radius_px = round(radius_px / self._step)
        rows, columns = picture.shape[:2]
        self._size = (columns, rows)
        self._small_size = (-(-columns // self._step), -(-rows // self._step))
        self._small = self._reduced(picture)
        self._mean = self._averaged(self._small)
        small, mean = self._small, self._mean
        self._inverse = _inverted(
            [
                self._averaged(small[..., a] * small[..., b])
                - mean[..., a] * mean[..., b]
                + np.float32(epsilon * (a == b))
                for a, b in CHANNELS
            ],
            epsilon,
        )

    def smoothed(self, values: Floats) -> Floats:
        """Values smoothed along the edges of the picture: the guided filter.

        Args:
            values: float32 (h, w).
        """
        small = self._reduced(values)
        mean = self._averaged(small)
        slope = self._inverse_times(self._joint(small, mean))
        offset = mean - _dot(slope, self._mean)
        slope = self._enlarged(self._averaged(slope))
        return _dot(slope, self._picture) + self._enlarged(self._averaged(offset))

    def explained(self, values: Floats, pool_px: float) -> Floats:
        """How much of what varies around a pixel the colours account for.

        Args:
            values: float32 (h, w).
            pool_px: Half the side of the square over which windows are taken together.

        Returns:
            float32 (h, w) in [0, 1]: the share of the variance; 0 where the values are even.
        """
        small = self._reduced(values)
        mean = self._averaged(small)
        joint = self._joint(small, mean)
        radius = max(1, round(pool_px / self._step))
        by_colours = _blurred(_dot(self._inverse_times(joint), joint), radius)
        variance = _blurred(self._averaged(small * small) - mean * mean, radius)
        share = np.clip(by_colours / np.maximum(variance, np.float32(EVEN_VARIANCE)), 0, 1)
        return self._enlarged(np.asarray(share, np.float32))

    def _joint(self, small: Floats, mean: Floats) -> Floats:
        """Covariance of values and colours, (h, w, 3)."""
        return self._averaged(self._small * small[..., None]) - self._mean * mean[..., None]

    def _inverse_times(self, right: Floats) -> Floats:
        aa, ab, ac, bb, bc, cc = self._inverse
        x, y, z = right[..., 0], right[..., 1], right[..., 2]
        product = (aa * x + ab * y + ac * z, ab * x + bb * y + bc * z, ac * x + bc * y + cc * z)
        return np.asarray(cv2.merge(product), np.float32)

    def _averaged(self, array: Floats) -> Floats:
        return _blurred(array, self._radius_px)

    def _reduced(self, array: Floats) -> Floats:
        if self._step == 1:
            return array
        return np.asarray(cv2.resize(array, self._small_size, interpolation=cv2.INTER_AREA))

    def _enlarged(self, array: Floats) -> Floats:
        if self._step == 1:
            return array
        return np.asarray(cv2.resize(array, self._size, interpolation=cv2.INTER_LINEAR))


def guided_filter(guide: Floats, values: Floats, radius_px: int, epsilon: float) -> Floats:
    """Smooth values along the edges of a colour picture.

    Args:
        guide: float32 (h, w, 3), about [0, 1].
        values: float32 (h, w).
        radius_px: Half the side of the window.
        epsilon: Variance of the guide below which it counts as flat.
    """
    return ColourWindows(guide, radius_px, epsilon).smoothed(values)


def _blurred(array: Floats, radius_px: int) -> Floats:
    size = (2 * radius_px + 1, 2 * radius_px + 1)
    mean = np.asarray(cv2.blur(array, size, borderType=cv2.BORDER_REFLECT), np.float32)
    return mean.reshape(array.shape)


def _dot(one: Floats, other: Floats) -> Floats:
    product: Floats = np.einsum("ijk,ijk->ij", one, other)
    return product


def _inverted(upper: list[Floats], least: float) -> list[Floats]:
    """The inverse of a symmetric 3x3 matrix at every pixel; no eigenvalue is less than the least.

    By its LDL decomposition: of grey pictures the determinant is lost in float32.
    """
    aa, ab, ac, bb, bc, cc = upper
    aa = np.maximum(aa, np.float32(least))
    lower_ab, lower_ac = ab / aa, ac / aa
    first, second = 1 / aa, 1 / np.maximum(bb - lower_ab * ab, np.float32(least))
    rest = bc - lower_ab * ac
    lower_bc = rest * second
    third = 1 / np.maximum(cc - lower_ac * ac - lower_bc * rest, np.float32(least))
    corner = lower_ab * lower_bc - lower_ac
    inverse = (
        first + lower_ab * lower_ab * second + corner * corner * third,
        -lower_ab * second - corner * lower_bc * third,
        corner * third,
        second + lower_bc * lower_bc * third,
        -lower_bc * third,
        third,
    )
    return [np.asarray(each, np.float32) for each in inverse]
