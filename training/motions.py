"""How a picture moves from frame to frame: plane motion and bending, as maps back to the picture.

The bending is a thin-plate spline (Bookstein, IEEE PAMI 1989) through a few points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Matrix = NDArray[np.float64]

# The spline is evaluated on so many places a side; between them the bending is bicubic.
SPLINE_GRID = 24


@dataclass(frozen=True, eq=False)
class Move:
    """Where a picture lies in one frame.

    Attributes:
        matrix: (3, 3), takes homogeneous (x, y, 1) of the picture to the frame.
        bend: By how much the picture is displaced at its own pixels, float32 (n, n, 2) over the
            whole picture as (x, y) in its pixels, or None.
    """

    matrix: Matrix
    bend: Float | None = None

    def origins(self, frame: tuple[int, int], picture: tuple[int, int]) -> Float:
        """For each pixel of a frame the place in the picture that it shows.

        Args:
            frame: Height and width of the frame.
            picture: Height and width of the picture.

        Returns:
            float32 (h, w, 2) as (x, y).
        """
        y, x = np.mgrid[0 : frame[0], 0 : frame[1]].astype(np.float64)
        inverse = np.linalg.inv(self.matrix)
        depth = inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2]
        # Behind the viewer there is no picture; a path never gets there with a whole object.
        depth = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        across = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]) / depth
        down = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) / depth
        places = np.stack([across, down], axis=2).astype(np.float32)
        if self.bend is None:
            return places
        rows, columns = ((n - 1) / size for n, size in zip(self.bend.shape, picture, strict=False))
        at_x = places[..., 0] * np.float32(columns)
        at_y = places[..., 1] * np.float32(rows)
        moved = cv2.remap(self.bend, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(places + moved, np.float32)


def placed(
    center: tuple[float, float],
    at: tuple[float, float],
    *,
    scale: float = 1.0,
    angle: float = 0.0,
    tilt: tuple[float, float] = (0.0, 0.0),
    squeeze: float = 0.0,
) -> Matrix:
    """The matrix that puts a picture's point at a place of the frame.

    Args:
        center: (x, y) in the picture.
        at: (x, y) in the frame.
        scale: Frame pixels per picture pixel.
        angle: Turned by, in radians.
        tilt: Perspective across and down, per pixel of the picture.
        squeeze: Logarithm of width over height, added.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    wide, high = scale * np.exp(squeeze / 2), scale * np.exp(-squeeze / 2)
    to_origin = np.array([[1, 0, -center[0]], [0, 1, -center[1]], [0, 0, 1.0]])
    perspective = np.array([[1, 0, 0], [0, 1, 0], [tilt[0], tilt[1], 1.0]])
    turned = np.array(
        [[cos * wide, -sin * high, at[0]], [sin * wide, cos * high, at[1]], [0, 0, 1]]
    )
    return np.asarray(turned @ perspective @ to_origin, np.float64)


def thin_plate(places: Float, values: Float, picture: tuple[int, int]) -> Float:
    """The smoothest surface through values at places, on a grid over a picture.

    Args:
        places: (k, 2), (x, y) in [0, 1] over the picture.
        values: (k, c).
        picture: Its height and width; the spline is smooth in pixels.

    Returns:
        float32 (SPLINE_GRID, SPLINE_GRID, c).
    """
    size = np.array([picture[1], picture[0]], np.float64) / max(picture)
    knots = places.astype(np.float64) * size
    count = len(knots)
    affine = np.concatenate([np.ones((count, 1)), knots], axis=1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(knots, knots)
    system[:count, count:], system[count:, :count] = affine, affine.T
    wanted = np.concatenate([values.astype(np.float64), np.zeros((3, values.shape[1]))])
    weights = np.linalg.solve(system, wanted)
    y, x = np.mgrid[0:SPLINE_GRID, 0:SPLINE_GRID].reshape(2, -1) / (SPLINE_GRID - 1)
    grid = np.stack([x, y], axis=1) * size
    surface = _kernel(grid, knots) @ weights[:count]
    surface += np.concatenate([np.ones((len(grid), 1)), grid], axis=1) @ weights[count:]
    return np.asarray(surface.reshape(SPLINE_GRID, SPLINE_GRID, -1), np.float32)


def _kernel(one: Matrix, other: Matrix) -> Matrix:
    """r² log r between all pairs."""
    squared = ((one[:, None] - other[None]) ** 2).sum(2)
    return np.asarray(0.5 * squared * np.log(squared + 1e-12), np.float64)


@dataclass(frozen=True)
class Path:
    """A number that wanders smoothly around 0: a sum of two sines.

    Attributes:
        sizes: Of the sines.
        rates: How many of their periods pass in a unit of time.
        phases: In radians; the path is shifted to begin at 0.
    """

    sizes: tuple[float, float]
    rates: tuple[float, float]
    phases: tuple[float, float]

    def at(self, time: float) -> float:
        """The number at a time, 0 at time 0."""
        parts = zip(self.sizes, self.rates, self.phases, strict=True)
        turn = 2 * math.pi * time
        return sum(size * (math.sin(turn * rate + p) - math.sin(p)) for size, rate, p in parts)


def wander(rng: np.random.Generator, size: float) -> Path:
    """A random path that reaches about ``size``, with a slow and a faster part."""
    phases = rng.uniform(0, 2 * np.pi, 2)
    rates = rng.uniform([0.1, 0.3], [0.3, 0.8])
    slow, fast = size * rng.uniform([0.4, 0.0], [1.0, 0.3])
    return Path((slow, fast), (rates[0], rates[1]), (phases[0], phases[1]))


def random_bend(
    rng: np.random.Generator, picture: tuple[int, int], strength: float
) -> tuple[Float, Float]:
    """Two random bendings of a picture that a path may mix, in its pixels.

    Args:
        rng: Draws them.
        picture: Height and width.
        strength: Typical displacement of a point as a share of the long side.
    """
    side = int(rng.integers(3, 6))
    y, x = np.mgrid[0:side, 0:side].reshape(2, -1) / (side - 1)
    places = np.stack([x, y], axis=1).astype(np.float32)
    values = rng.standard_normal((side * side, 4)) * strength * max(picture)
    both = thin_plate(places, values.astype(np.float32), picture)
    return both[..., :2], both[..., 2:]
