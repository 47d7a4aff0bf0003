"""Where the edge of a soft matte runs, and mattes with their edge elsewhere, as soft as before.

An edge is moved by way of its signed distance: how soft the matte is becomes a profile, its mean
value at every distance from the edge, and that profile is laid along the new edge. What a matte has
beside its profile, such as hair, stays where the edge stays.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.types import Mask, Matte

# The profile of an edge is looked at so far from it, further where the matte is softer than that.
PROFILE_REACH_PX = 8.0
PROFILE_STEP_PX = 0.5
# Where an edge moves by less, nothing is changed; where it moves by more than the other, nothing
# but the profile stays.
STILL_PX = 1e-3
DETAIL_REACH_PX = 4.0
# Within so much of one half the slope of a matte says where its edge is; further off it flattens.
EDGE_SHARE = 0.45
FAR_PX = np.float32(1e6)


class Profile(NamedTuple):
    """How soft an edge is: the mean matte at distances from it.

    Attributes:
        at_px: Distances, ascending; negative inside.
        value: The matte there, never rising.
    """

    at_px: NDArray[np.float64]
    value: NDArray[np.float64]

    @property
    def half_width_px(self) -> float:
        """Half of the width over which the matte fades, as if it did so evenly."""
        # An even fade from 1 to 0 over 2 h has an integral of value * (1 - value) of h / 3.
        return float(3 * np.trapezoid(self.value * (1 - self.value), self.at_px))


def signed_distance(matte: Matte) -> Matte:
    """The distance of every pixel from the line on which a matte is one half.

    Exact to the pixel (Euclidean), and between pixels by the slope of the matte at the edge.

    Args:
        matte: float32 (H, W) in [0, 1].

    Returns:
        float32 (H, W) in pixels; negative inside. Without an edge it is ``FAR_PX`` everywhere, or
        its negative.
    """
    mask = matte >= np.float32(0.5)
    if not mask.any() or mask.all():
        return np.full(matte.shape, -FAR_PX if mask.any() else FAR_PX, np.float32)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    slope_x: Any = cv2.Sobel(matte, cv2.CV_32F, 1, 0, ksize=1, scale=0.5, borderType=1)
    slope_y: Any = cv2.Sobel(matte, cv2.CV_32F, 0, 1, ksize=1, scale=0.5, borderType=1)
    slope = cv2.magnitude(slope_x, slope_y)
    drop: Any = np.maximum(slope, matte - cv2.erode(matte, cross))
    rise: Any = np.maximum(slope, cv2.dilate(matte, cross) - matte)
    outside = _distance(mask, (matte - np.float32(0.5)) / np.maximum(drop, np.float32(1e-6)))
    inside = _distance(~mask, (np.float32(0.5) - matte) / np.maximum(rise, np.float32(1e-6)))
    distance = np.where(mask, -inside, outside)
    # Where the matte is soft, its own slope says it best.
    is_edge = (np.abs(matte - np.float32(0.5)) < np.float32(EDGE_SHARE)) & (slope > 0)
    distance[is_edge] = (np.float32(0.5) - matte[is_edge]) / np.maximum(drop, rise)[is_edge]
    return distance


def _distance(mask: Mask, reach: Matte) -> Matte:
    """Distance to the edge of a mask, whose pixels reach so far towards it."""
    away = (~mask).view(np.uint8)
    exact: Any = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    _, labels = cv2.distanceTransformWithLabels(
        away, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    by_label = np.zeros(int(labels.max()) + 1, np.float32)
    by_label[labels[mask]] = np.clip(reach[mask], 0, 1)
    return np.asarray(exact - by_label[labels], np.float32)


def edge_profile(matte: Matte, distance: Matte) -> Profile:
    """How soft a matte's edge is.

    Args:
        matte: float32 (H, W) in [0, 1].
        distance: As :func:`signed_distance` gives it for this matte.
    """
    away = np.abs(distance)
    is_soft = (matte > 0.02) & (matte < 0.98) & (away < FAR_PX)
    reach = max(PROFILE_REACH_PX, float(away[is_soft].max(initial=0)) + 1)
    is_near = away < reach
    near, values = distance[is_near], matte[is_near]
    if not near.size:
        return Profile(np.array([-0.5, 0.5]), np.array([1.0, 0.0]))
    places = ((near + reach) / PROFILE_STEP_PX).astype(np.int64)
    counts = np.bincount(places)
    seen = counts > 0
    at_px = np.bincount(places, near)[seen] / counts[seen]
    mean = np.bincount(places, values)[seen] / counts[seen]
    return Profile(at_px, np.minimum.accumulate(mean))


def with_edge(matte: Matte, before: Matte, after: Matte) -> Matte:
    """A matte whose edge is moved, as soft as it was.

    Args:
        matte: float32 (H, W) in [0, 1].
        before: Signed distance to its own edge.
        after: Signed distance to the edge that it is to have.

    Returns:
        float32 (H, W) in [0, 1]; bit-identical where the edge stays, and where there is none.
    """
    if abs(before[0, 0]) == FAR_PX:
        return matte
    profile = edge_profile(matte, before)
    moved = np.abs(after - before)
    detail = matte - np.interp(before, profile.at_px, profile.value)
    detail *= np.clip(1 - moved / DETAIL_REACH_PX, 0, 1)
    shown = np.clip(np.interp(after, profile.at_px, profile.value) + detail, 0, 1)
    return np.where(moved < STILL_PX, matte, shown.astype(np.float32))


def grown(matte: Matte, *, px: float) -> Matte:
    """A matte whose edge is moved out, or in where ``px`` is negative.

    A pixel that is more object than background stays so up to that distance, as with
    :func:`tam_edit.masks.ops.grow`.

    Args:
        matte: float32 (H, W) in [0, 1], with room for growing around the object.
        px: How far, in pixels.
    """
    distance = signed_distance(matte)
    return with_edge(matte, distance, distance - np.float32(px))


def smoothed(matte: Matte, *, sigma_px: float) -> Matte:
    """A matte with its ragged edge rounded off; one that would vanish stays as it is.

    Args:
        matte: float32 (H, W) in [0, 1].
        sigma_px: Standard deviation of the Gaussian that the edge is rounded with.
    """
    blurred = cv2.GaussianBlur(matte, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE)
    after = signed_distance(np.asarray(blurred, np.float32))
    if after[0, 0] == FAR_PX:
        return matte
    return with_edge(matte, signed_distance(matte), after)


def feathered(matte: Matte, *, radius_px: float) -> Matte:
    """A matte that falls from 1 to 0 evenly across its edge; a softer one stays as it is.

    Args:
        matte: float32 (H, W) in [0, 1], with room for the fading around the object.
        radius_px: Distance from the edge at which it reaches 1 inside and 0 outside, above 0.
    """
    if radius_px <= 0:
        raise InputError(f"radius_px is {radius_px}, but must be above 0")
    distance = signed_distance(matte)
    if distance[0, 0] == FAR_PX or edge_profile(matte, distance).half_width_px >= radius_px:
        return matte
    faded: Matte = np.clip(0.5 - distance / np.float32(2 * radius_px), 0, 1)
    return faded
