"""Backgrounds for drawn clips: textures made of noise, and a reef that pans slowly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]  # (H, W, 3) RGB in [0, 1]
Field = NDArray[np.floating[Any]]  # (H, W)
Colour = tuple[float, float, float]  # RGB, each in [0, 1]
Background = Callable[[float], Picture]  # from the share of the clip that has passed, in [0, 1]


def noise(rng: np.random.Generator, width: int, height: int, cell_px: float) -> Field:
    """Cloudy noise in [0, 1]: five octaves, the coarsest with cells of that size.

    Args:
        rng: Where the numbers come from.
        width: Columns.
        height: Rows.
        cell_px: Size of the largest blobs, in pixels.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(5):
        cell = max(cell_px / 2**octave, 1.0)
        shape = (int(height / cell) + 2, int(width / cell) + 2)
        grid = rng.random(shape, np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    low, high = float(total.min()), float(total.max())
    spread: Field = (total - low) / max(high - low, 1e-6)
    return spread


def tinted(field: Field, dark: Colour, light: Colour) -> Picture:
    """A field in [0, 1] as a picture that runs from one RGB colour to another."""
    low, high = np.array(dark, np.float32), np.array(light, np.float32)
    return low + (high - low) * field[..., None].astype(np.float32)


def blend(picture: Picture, cover: Field, over: Field | Colour) -> None:
    """Lay a colour or a picture over another one, in place.

    Args:
        picture: What lies below; it is changed.
        cover: float32 (H, W) in [0, 1], how much of it is covered.
        over: One colour, or a picture of the same size, (H, W, 3).
    """
    picture += cover[..., None] * (np.asarray(over, np.float32) - picture)


def clouds(rng: np.random.Generator, width: int, height: int) -> Background:
    """A still, textured background in cool colours."""
    cell = max(min(width, height) / 3, 2.0)
    still = tinted(noise(rng, width, height, cell), (0.10, 0.22, 0.30), (0.55, 0.70, 0.66))
    still += 0.12 * (noise(rng, width, height, cell / 4)[..., None] - 0.5)
    np.clip(still, 0, 1, out=still)
    return lambda _: still.copy()


def reef(rng: np.random.Generator, width: int, height: int) -> Background:
    """Open water over sand and coral; near things pan faster than far ones."""
    wide, unit = int(width * 1.4) + 2, height / 360
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    water = tinted(np.repeat(down, wide, axis=1), (0.24, 0.66, 0.80), (0.03, 0.24, 0.42))
    water *= (0.90 + 0.14 * noise(rng, wide, height, 140 * unit))[..., None]
    far = ((0.07, 0.33, 0.48), (0.12, 0.42, 0.56))
    near = ((0.10, 0.20, 0.36), (0.30, 0.33, 0.52))
    layers = [
        _ground(rng, wide, height, level=0.60, relief=0.16, colours=far, cell_px=90 * unit),
        _ground(rng, wide, height, level=0.76, relief=0.16, colours=near, cell_px=40 * unit),
        _sand(rng, wide, height, unit),
        _corals(rng, wide, height, unit),
    ]
    speeds = (0.35, 0.6, 1.0, 1.0)  # relative to the pan of the sea floor
    tops = [int(np.argmax(alpha.any(axis=1))) for _, alpha in layers]

    def at(passed: float) -> Picture:
        picture = water[:, :width].copy()
        rays = _rays(width, height, passed)
        picture[: len(rays)] += rays[..., None] * np.array((0.8, 1.0, 0.9), np.float32)
        for (colour, alpha), speed, top in zip(layers, speeds, tops, strict=True):
            shift = passed * speed * 0.25 * width
            cover = _panned(alpha[top:], shift, width)
            blend(picture[top:], cover, _panned(colour[top:], shift, width))
        return np.clip(picture, 0, 1, out=picture)

    return at


def _panned(layer: Field, shift_px: float, width: int) -> Field:
    """The part of a wide layer that shows after a pan by a fraction of pixels."""
    whole, part = int(shift_px), np.float32(shift_px % 1)
    near, far = layer[:, whole : whole + width], layer[:, whole + 1 : whole + width + 1]
    panned: Field = near * (1 - part) + far * part
    return panned


def _rays(width: int, height: int, passed: float) -> Field:
    """Slanted beams of light from the surface that fade downwards and sway: the upper rows."""
    y, x = np.mgrid[0 : math.ceil(0.8 * height), 0:width].astype(np.float32) / np.float32(height)
    along = x + np.float32(0.45) * y
    rays: Field = np.zeros_like(along)
    for frequency, phase in ((5.0, 0.4), (8.3, 2.1), (13.7, 4.0)):
        beam = np.sin(along * np.float32(frequency) + np.float32(phase + 1.2 * passed))
        np.maximum(beam, 0, out=beam)
        rays += beam * beam * beam
    rays *= np.float32(0.09) * np.clip(1 - 1.25 * y, 0, 1)
    return rays


def _ground(
    rng: np.random.Generator,
    width: int,
    height: int,
    *,
    level: float,
    relief: float,
    colours: tuple[Colour, Colour],
    cell_px: float,
) -> tuple[Picture, Field]:
    """A ragged silhouette: everything below a noisy line."""
    line = (level + relief * (noise(rng, width, 8, cell_px * 2)[3] - 0.5)) * height
    alpha = np.clip(np.arange(height, dtype=np.float32)[:, None] - line + 0.5, 0, 1)
    return tinted(noise(rng, width, height, cell_px), *colours), alpha.astype(np.float32)


def _sand(rng: np.random.Generator, width: int, height: int, unit: float) -> tuple[Picture, Field]:
    """The sea floor, rippled, brighter towards the camera."""
    colours = ((0.42, 0.44, 0.40), (0.68, 0.66, 0.54))
    colour, alpha = _ground(
        rng, width, height, level=0.86, relief=0.05, colours=colours, cell_px=60 * unit
    )
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(unit)
    bent = y + 14 * noise(rng, width, height, 80 * unit) + 0.05 * x
    colour *= (0.94 + 0.07 * np.sin(bent * 0.9))[..., None].astype(np.float32)
    return colour, alpha


def _corals(
    rng: np.random.Generator, width: int, height: int, unit: float
) -> tuple[Picture, Field]:
    """Bushes of branches on the sea floor, in violet, rose and green."""
    colour, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    palette = ((0.48, 0.20, 0.50), (0.72, 0.32, 0.46), (0.20, 0.46, 0.34), (0.34, 0.26, 0.58))
    for i, place in enumerate(np.linspace(0.03, 0.97, 9)):
        bush = np.zeros((height, width), np.uint8)
        root = ((place + rng.uniform(-0.03, 0.03)) * width, rng.uniform(0.92, 1.0) * height)
        for _ in range(26):
            _draw_branch(bush, rng, root, unit)
        cover = cv2.GaussianBlur(bush, (0, 0), 0.7 * unit + 0.1).astype(np.float32) / 255
        inside = cv2.GaussianBlur(bush, (0, 0), 5 * unit + 0.1).astype(np.float32) / 255
        grain = 0.55 + 0.5 * noise(rng, width, height, 10 * unit) + 0.35 * (1 - inside)
        tint = grain[..., None] * np.array(palette[i % len(palette)], np.float32)
        blend(colour, cover, tint)
        alpha += cover * (1 - alpha)
    # The layer is blended by alpha later: undo the darkening towards the bushes' edges.
    colour /= np.maximum(alpha, 1e-3)[..., None]
    return colour, alpha


def _draw_branch(
    bush: NDArray[np.uint8], rng: np.random.Generator, root: tuple[float, float], unit: float
) -> None:
    """Draw one bending branch, thinner towards its tip."""
    (x, y), lean = root, rng.uniform(-1.0, 1.0)
    step = unit * rng.uniform(30, 62) / 5
    for k in range(5):
        lean += rng.uniform(-0.35, 0.35)
        end_x, end_y = x + step * math.sin(lean), y - step * math.cos(lean)
        # With shift=4 coordinates count sixteenths of a pixel.
        start, end = (round(16 * x), round(16 * y)), (round(16 * end_x), round(16 * end_y))
        thickness = max(1, round(unit * 7 * (1 - 0.15 * k)))
        cv2.line(bush, start, end, 255, thickness, cv2.LINE_AA, shift=4)
        x, y = end_x, end_y
