"""Closed-form matting of an edge: the matte that a picture's colours fit best of all."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from tam_edit.masks.edges import signed_distance
from tam_edit.masks.follow import blended
from tam_edit.masks.guided import ColourWindows, Floats
from tam_edit.types import Matte

EPSILON = 1e-5  # variance of colours in [0, 1] below which a window counts as flat
# Windows of this radius are needed for strands to hang together; where that is less than so much
# of the reach, a smaller picture is solved.
RADIUS_PX = 4
RADIUS_SHARE = 0.25
# What is known weighs so much more than the colours; the old matte in the band so much less.
KNOWN, OLD = 10.0, 0.02
# A matte between like colours is better left to what it was: see masks.follow.TRUSTED. This one is
# told from fewer colours, so more is asked for.
TRUSTED = (0.9, 0.98)
MOST_STEPS = 30
GOOD_ENOUGH = 1e-3  # of the first residual


def edge_solved(matte: Matte, picture: Floats, reach_px: float) -> Matte:
    """A matte whose edge is the closed-form solution in a band, where the colours tell it.

    In every window the matte is to be a linear function of the colours, all windows at once (Levin,
    Lischinski and Weiss 2008), with 1 deeper inside, 0 further outside and the old matte as a hint
    in between. Windows are wide, so the equations are solved by conjugate gradients with a guided
    filter as their matrix (He, Sun and Tang, "Fast Matting Using Large Kernel Matting Laplacian
    Matrices", CVPR 2010).

    Args:
        matte: float32 (h, w) in [0, 1], the object with its surroundings.
        picture: float32 (h, w, 3) in [0, 1], the same part of the frame.
        reach_px: How far the edge may move, in or out.

    Returns:
        float32 (h, w) in [0, 1]; the same as before further off.
    """
    away = np.asarray(np.abs(signed_distance(matte)) / reach_px, np.float32)
    if not (away <= 1).any():
        return matte
    hint = np.where(away <= 1, matte, (matte > 0.5).astype(np.float32))
    weight = np.where(away <= 1, np.float32(OLD), np.float32(KNOWN))
    step = max(1, round(RADIUS_SHARE * reach_px / RADIUS_PX))
    rows, columns = matte.shape
    size = (-(-columns // step), -(-rows // step))
    small = [
        cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (picture, hint, weight)
    ]
    solved = _solved(*(np.asarray(each, np.float32) for each in small))
    if step > 1:
        solved = np.asarray(cv2.resize(solved, (columns, rows), interpolation=cv2.INTER_LINEAR))
        windows = ColourWindows(picture, RADIUS_PX * step, EPSILON)
        solved = np.asarray(np.clip(windows.smoothed(solved), 0, 1), np.float32)
    radius = max(RADIUS_PX, round(0.6 * reach_px))
    share = ColourWindows(picture, radius, EPSILON).explained(solved, 2 * radius)
    return blended(matte, solved, share, TRUSTED, away)


def _solved(picture: Floats, hint: Floats, weight: Floats) -> Matte:
    windows = ColourWindows(picture, RADIUS_PX, EPSILON)

    def applied(values: Floats) -> Floats:
        return (1 + weight) * values - windows.smoothed(values)

    solved = _conjugate_gradients(applied, weight * hint, hint, weight + np.float32(0.7))
    return np.asarray(np.clip(solved, 0, 1), np.float32)


def _conjugate_gradients(
    applied: Callable[[Floats], Floats], right: Floats, start: Floats, diagonal: Floats
) -> Floats:
    """Solve ``applied(x) == right`` for a symmetric positive function (Hestenes, Stiefel 1952)."""
    values = start.copy()
    residual = right - applied(values)
    direction = residual / diagonal
    size = first = float((residual * direction).sum())
    for _ in range(MOST_STEPS):
        if size <= GOOD_ENOUGH**2 * first:
            break
        changed = applied(direction)
        share = np.float32(size / float((direction * changed).sum()))
        values += share * direction
        residual -= share * changed
        scaled = residual / diagonal
        before, size = size, float((residual * scaled).sum())
        direction = scaled + np.float32(size / before) * direction
    return values
