"""Things that move in drawn clips: a disc, a tile and a fish, with texture and exact coverage."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.testing.scenery import Colour, Field, Picture, blend, noise, tinted
from tam_edit.types import Box

TEXTURE_PX = 256
WHITE_BANDS = (0.27, 0.01, -0.27)  # where they cross the fish, from tail (-0.5) to snout (0.5)
SWIMMING_STROKES = 5.0  # of the tail in one clip


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where an actor is and how it lies.

    Attributes:
        x: Its middle, in source pixels.
        y: Its middle, in source pixels.
        size_px: Its length (the disc's diameter).
        angle: Radians, clockwise as seen; 0 looks to the right.
        passed: Share of the clip that has passed, in [0, 1]: the clock of its own movement.
    """

    x: float
    y: float
    size_px: float
    angle: float = 0.0
    passed: float = 0.0

    def box(self, width: int, height: int) -> Box:
        """The part of a picture of that size that the actor may touch (possibly empty)."""
        reach = 0.6 * self.size_px + 2
        return Box(
            math.floor(self.x - reach),
            math.floor(self.y - reach),
            math.ceil(self.x + reach) + 1,
            math.ceil(self.y + reach) + 1,
        ).clipped(width, height)

    def local(self, box: Box) -> tuple[Field, Field]:
        """The actor's own coordinates, in lengths of it, for every pixel of a box."""
        x = np.arange(box.x0, box.x1, dtype=np.float64)[None, :] - self.x
        y = np.arange(box.y0, box.y1, dtype=np.float64)[:, None] - self.y
        cos, sin = math.cos(self.angle) / self.size_px, math.sin(self.angle) / self.size_px
        return (x * cos + y * sin).astype(np.float32), (y * cos - x * sin).astype(np.float32)


class Drawn(NamedTuple):
    """What an actor looks like on a part of the picture.

    Attributes:
        rgb: float32 (h, w, 3) in [0, 1].
        coverage: float32 (h, w) in [0, 1]: the share of each pixel that the actor covers.
    """

    rgb: Picture
    coverage: Field


class Actor(Protocol):
    """Something that can be drawn in a pose."""

    def draw(self, pose: Pose, box: Box) -> Drawn:
        """Draw it on a part of the picture that is not empty."""
        ...


class Shape:
    """A textured shape without moving parts.

    Args:
        outline: From coordinates (u, v) in lengths of the actor, (0, 0) in its middle, to the
            distance from the outline in the same unit, negative inside.
        texture: float32 (n, n, 3); covers u and v from -0.5 to 0.5.
    """

    def __init__(self, outline: Callable[[Field, Field], Field], texture: Picture) -> None:
        self._outline = outline
        self._texture = texture

    def draw(self, pose: Pose, box: Box) -> Drawn:
        """Draw it on a part of the picture that is not empty."""
        u, v = pose.local(box)
        scale = len(self._texture) - 1
        rgb = _sampled(self._texture, (u + 0.5) * scale, (v + 0.5) * scale)
        return Drawn(rgb, _coverage(self._outline(u, v) * pose.size_px))


def disc(rng: np.random.Generator) -> Shape:
    """A disc in warm colours."""
    return Shape(_outline_of_disc, _blotches(rng, (0.65, 0.12, 0.05), (1.0, 0.80, 0.25)))


def tile(rng: np.random.Generator) -> Shape:
    """A square with round corners in violet colours."""
    return Shape(_outline_of_tile, _blotches(rng, (0.30, 0.08, 0.42), (0.92, 0.66, 0.96)))


class Fish:
    """A clownfish whose body bends as it swims; eye and breast fin are parts of it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._scales = noise(rng, TEXTURE_PX, TEXTURE_PX, 24)

    def draw(self, pose: Pose, box: Box) -> Drawn:
        """Draw it on a part of the picture that is not empty."""
        u, v = pose.local(box)
        stroke = 2 * math.pi * SWIMMING_STROKES * pose.passed
        from_snout = np.clip(0.5 - u, 0, 1.2)
        v = v - 0.11 * from_snout**2 * np.sin(stroke - 3.0 * from_snout)
        px = pose.size_px
        trunk = _ellipse(u - 0.08, v, 0.40, 0.19)
        stem = _ellipse(u + 0.30, v, 0.14, 0.07)
        body = np.minimum(trunk, stem)
        tail_fin = _ellipse(u + 0.42, v, 0.085, 0.15)
        back_fin = _ellipse(u - 0.05, v + 0.155, 0.25, 0.085)
        belly_fin = _ellipse(u + 0.12, v - 0.155, 0.12, 0.085)
        fins = np.minimum(np.minimum(tail_fin, back_fin), belly_fin)
        rgb = _fins(u, v, fins * px)
        blend(rgb, _coverage(body * px), self._body(u, v, px))
        _paint_breast_fin(rgb, u, v, px, stroke)
        _paint_eye(rgb, u, v, px)
        return Drawn(np.clip(rgb, 0, 1, out=rgb), _coverage(np.minimum(body, fins) * px))

    def _body(self, u: Field, v: Field, px: float) -> Picture:
        """Orange with three white bands that have black rims, darker on the back and belly."""
        rgb = tinted(np.clip(0.5 + 1.6 * v, 0, 1), (0.93, 0.36, 0.03), (1.0, 0.60, 0.16))
        for place in WHITE_BANDS:
            # Bands bulge towards the snout, most in the middle of the body.
            beside = np.abs(u - place - 0.05 + 1.6 * v**2) - 0.045
            blend(rgb, _coverage((beside - 0.018) * px), (0.06, 0.04, 0.04))
            blend(rgb, _coverage(beside * px), (0.96, 0.96, 0.93))
        grain = _sampled(self._scales, (u + 0.6) * 210, (v + 0.6) * 210)
        shade = (1.12 - 9.0 * (v + 0.04) ** 2) * (0.80 + 0.32 * grain)
        return (rgb * shade[..., None]).astype(np.float32)


def _fins(u: Field, v: Field, distance_px: Field) -> Picture:
    """Orange with rays and a black rim."""
    rays = 0.5 + 0.5 * np.sin(150 * v + 60 * u)
    rgb = tinted(rays, (0.80, 0.30, 0.02), (0.98, 0.52, 0.10))
    blend(rgb, np.clip(distance_px / 3.0 + 1.8, 0, 1), (0.09, 0.05, 0.04))
    return rgb


def _paint_breast_fin(rgb: Picture, u: Field, v: Field, px: float, stroke: float) -> None:
    swing = 0.5 + 0.35 * math.sin(stroke * 0.8)
    du, dv = u - 0.13, v - 0.05
    along = du * math.cos(swing) - dv * math.sin(swing)
    across = du * math.sin(swing) + dv * math.cos(swing)
    fin = _ellipse(along + 0.06, across, 0.085, 0.045) * px
    rays = 0.5 + 0.5 * np.sin(190 * across)
    blend(rgb, _coverage(fin - 1.5), (0.35, 0.12, 0.02))
    blend(rgb, _coverage(fin), tinted(rays, (0.86, 0.36, 0.05), (1.0, 0.66, 0.22)))


def _paint_eye(rgb: Picture, u: Field, v: Field, px: float) -> None:
    rings: tuple[tuple[float, float, float, Colour], ...] = (
        (0.385, -0.045, 0.034, (0.98, 0.80, 0.30)),
        (0.385, -0.045, 0.025, (0.05, 0.04, 0.05)),
        (0.393, -0.054, 0.008, (1.0, 1.0, 1.0)),
    )
    for at_u, at_v, radius, colour in rings:
        blend(rgb, _coverage((np.hypot(u - at_u, v - at_v) - radius) * px), colour)


def _sampled(texture: NDArray[np.float32], x: Field, y: Field) -> NDArray[np.float32]:
    """A texture at fractional places; past its border it is mirrored."""
    # OpenCV reads maps of any other type as nonsense, without an error.
    map_x, map_y = x.astype(np.float32), y.astype(np.float32)
    taken = cv2.remap(texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(taken, np.float32).reshape(*x.shape, *texture.shape[2:])


def _coverage(distance_px: Field) -> Field:
    """The share of a pixel inside an outline that far away (negative inside); half on it."""
    covered: Field = np.clip(0.5 - distance_px, 0, 1)
    return covered


def _outline_of_disc(u: Field, v: Field) -> Field:
    distance: Field = np.hypot(u, v) - 0.5
    return distance


def _outline_of_tile(u: Field, v: Field) -> Field:
    corner, half = 0.08, 0.36
    du, dv = np.abs(u) - (half - corner), np.abs(v) - (half - corner)
    outside = np.hypot(np.maximum(du, 0), np.maximum(dv, 0))
    distance: Field = outside + np.minimum(np.maximum(du, dv), 0) - corner
    return distance


def _ellipse(u: Field, v: Field, a: float, b: float) -> Field:
    """Distance from an ellipse to first order: its implicit form over the gradient's norm."""
    du, dv = u / a, v / b
    # The small addends give the middle, where both vanish, a distance as well.
    norm = np.hypot(du, dv) + 1e-6
    slope = np.hypot(du / a, dv / b) + 1e-6 / min(a, b)
    distance: Field = (norm - 1) * norm / slope
    return distance


def _blotches(rng: np.random.Generator, dark: Colour, light: Colour) -> Picture:
    return tinted(noise(rng, TEXTURE_PX, TEXTURE_PX, 40), dark, light)
