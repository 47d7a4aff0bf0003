"""How the camera moved: where each frame's picture lies on the first one's, and how bright it is.

Corners are followed from an *anchor* frame (Shi and Tomasi, CVPR 1994; Lucas and Kanade in
pyramids, Bouguet 2001) and checked by following them back; a homography is fitted to them by
RANSAC (Fischler and Bolles, 1981). As long as the view overlaps the anchor's, nothing is chained,
so nothing drifts; then the latest frame becomes the anchor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.frame import Frame
from tam_edit.types import Box, Mask

from ._inpaint import Floats, continued

Homography: TypeAlias = NDArray[np.floating[Any]]
Gray: TypeAlias = NDArray[np.uint8]

# Motion is measured on a picture of this short side: a tenth of its pixels is a quarter at 1080p.
SHORT_SIDE_PX = 480
CORNERS_MAX = 600
CORNER_QUALITY = 0.005
CORNER_DISTANCE_PX = 9
WINDOW_PX = (21, 21)
# A corner that does not come back to where it started from was not followed.
BACK_MAX_PX = 0.7
INLIER_MAX_PX = 1.0
INLIERS_MIN = 10
INLIERS_MIN_FRAC = 0.25
# Less of the anchor's corners than this: time for another anchor.
ANCHOR_MIN_FRAC = 0.5
# A simpler motion is taken where it explains nearly as many corners as a richer one.
SIMPLER_FRAC = 0.95
# Corners of a camera on a tripod move by this at most, in the median: that is the coding's noise.
STILL_PX = 0.08
# A camera that moved by less than this anywhere on the picture did not move.
STILL_CORNER_PX = 0.02
# Brightness that changes by less is noise of the measurement.
GAIN_STEP = 0.004
GAIN_RANGE = (0.33, 3.0)
# Colours near black and white say nothing about gain.
GAIN_LEVELS = (24, 232)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pose:
    """Where a frame lies.

    Attributes:
        shot: Number of the uninterrupted stretch that the frame belongs to; what lies in different
            ones cannot be compared.
        to_world: 3 by 3, from the frame's pixels to those of its shot's first frame.
        gain: By what its red, green and blue are multiplied to look as in that first frame.
    """

    shot: int
    to_world: Homography
    gain: Floats


class CameraPath:
    """The poses of a run of frames.

    Args:
        start: Index of the first frame.
        poses: One per frame.
        width: Columns of a frame.
        height: Rows of a frame.
    """

    def __init__(self, start: int, poses: list[Pose], width: int, height: int) -> None:
        self.start = start
        self.stop = start + len(poses)
        self._poses = poses
        self._corners = corners_of(Box(0, 0, width, height))

    def pose(self, index: int) -> Pose:
        """Of a frame between ``start`` and ``stop``."""
        return self._poses[index - self.start]

    def are_related(self, one: int, other: int) -> bool:
        """Whether two frames belong to one shot."""
        return self.pose(one).shot == self.pose(other).shot

    def between(self, one: int, other: int) -> Homography:
        """From pixels of one frame to those of another frame of the same shot.

        It is exactly the identity where the camera did not move.
        """
        matrix = np.linalg.solve(self.pose(other).to_world, self.pose(one).to_world)
        matrix = normalised(matrix)
        moved = np.abs(transformed(self._corners, matrix) - self._corners).max()
        return np.eye(3) if moved < STILL_CORNER_PX else matrix

    def gain(self, one: int, other: int) -> Floats:
        """By what colours of one frame are multiplied to look as in another."""
        return self.pose(one).gain / self.pose(other).gain


@dataclass(frozen=True, kw_only=True, eq=False)
class _View:
    """A frame as far as motion is measured on it."""

    rgb: NDArray[np.uint8]
    gray: Gray
    is_free: Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class _Anchor:
    """A frame that others are compared with."""

    view: _View
    pose: Pose
    corners: Floats


class CameraTracker:
    """Follows the camera from frame to frame.

    Args:
        width: Columns of a frame.
        height: Rows of a frame.
    """

    def __init__(self, width: int, height: int) -> None:
        scale = min(1.0, SHORT_SIDE_PX / min(width, height))
        self._size = (max(1, round(width * scale)), max(1, round(height * scale)))
        ratio = (self._size[0] / width, self._size[1] / height)
        # Pixel centres: the small picture's pixel (0, 0) lies in the middle of what it averages.
        self._to_small = np.array(
            [
                [ratio[0], 0, (ratio[0] - 1) / 2],
                [0, ratio[1], (ratio[1] - 1) / 2],
                [0, 0, 1],
            ]
        )
        self._anchor: _Anchor | None = None
        self._last: tuple[_View, Pose] | None = None
        self._guess: Homography = np.eye(3)

    def follow(self, frame: Frame, hole: Mask) -> Pose:
        """The pose of the next frame.

        Args:
            frame: The picture.
            hole: bool (H, W), where the object is; it has no influence.
        """
        view = self._view(frame, hole)
        pose = self._compared(view)
        if pose is None and self._last is not None:
            self._anchor = _anchor_at(*self._last)
            self._guess = np.eye(3)
            pose = self._compared(view)
        if pose is None:
            shot = self._last[1].shot + 1 if self._last is not None else 0
            pose = Pose(shot=shot, to_world=np.eye(3), gain=np.ones(3, np.float32))
            self._anchor = _anchor_at(view, pose)
            self._guess = np.eye(3)
        self._last = (view, pose)
        return pose

    def _view(self, frame: Frame, hole: Mask) -> _View:
        rgb = frame.scaled(*self._size)
        share: Any = cv2.resize(hole.astype(np.float32), self._size, interpolation=cv2.INTER_AREA)
        is_free = cv2.dilate((share > 0).view(np.uint8), np.ones((3, 3), np.uint8)) == 0
        gray: Any = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        return _View(rgb=rgb, gray=without_hole(gray, is_free), is_free=is_free)

    def _compared(self, view: _View) -> Pose | None:
        """The pose by comparison with the anchor; None where the two cannot be compared."""
        anchor = self._anchor
        if anchor is None or len(anchor.corners) < INLIERS_MIN:
            return None
        there, is_good = _followed(anchor, view, self._guess)
        if is_good.sum() < INLIERS_MIN:
            return None
        fitted, inliers = fit_motion(there[is_good], anchor.corners[is_good])
        if fitted is None or inliers.sum() < INLIERS_MIN_FRAC * is_good.sum():
            return None
        self._guess = np.linalg.inv(fitted)
        to_anchor = np.linalg.inv(self._to_small) @ fitted @ self._to_small
        gain = gain_between(view, anchor.view, fitted)
        pose = Pose(
            shot=anchor.pose.shot,
            to_world=normalised(anchor.pose.to_world @ to_anchor),
            gain=(anchor.pose.gain * gain).astype(np.float32),
        )
        if inliers.sum() < ANCHOR_MIN_FRAC * len(anchor.corners):
            self._anchor = _anchor_at(view, pose)
            self._guess = np.eye(3)
        return pose


def follow_camera(
    indices: range, view: Callable[[int], tuple[Frame, Mask]], width: int, height: int
) -> CameraPath:
    """Follow the camera through a run of frames.

    Args:
        indices: The frames, in order.
        view: Gives a frame and where the object is on it.
        width: Columns of a frame.
        height: Rows of a frame.
    """
    tracker = CameraTracker(width, height)
    poses = [tracker.follow(*view(index)) for index in indices]
    return CameraPath(indices.start, poses, width, height)


def fit_motion(points: Floats, to: Floats) -> tuple[Homography | None, Mask]:
    """The simplest camera motion that explains where points went.

    Tried in turn: no motion at all, a similarity (four numbers), a homography (eight).

    Args:
        points: float32 (n, 2).
        to: float32 (n, 2), where they went.

    Returns:
        3 by 3, or None where nothing explains enough of them; and which points it explains.
    """
    nothing = np.zeros(len(points), bool)
    rich: Any
    rich, _ = cv2.findHomography(
        points, to, cv2.RANSAC, INLIER_MAX_PX, maxIters=2000, confidence=0.999
    )
    if rich is None or not _is_sound(rich):
        rich = None
    similar: Any
    similar, _ = cv2.estimateAffinePartial2D(
        points, to, method=cv2.RANSAC, ransacReprojThreshold=INLIER_MAX_PX
    )
    models = [np.eye(3)]
    if similar is not None:
        models.append(np.vstack((similar, (0, 0, 1))))
    if rich is not None:
        models.append(rich.astype(np.float64))
    errors = [np.linalg.norm(transformed(points, model) - to, axis=1) for model in models]
    inliers = [error <= INLIER_MAX_PX for error in errors]
    most = max(each.sum() for each in inliers)
    if most < INLIERS_MIN:
        return None, nothing
    if inliers[0].sum() >= SIMPLER_FRAC * most and np.median(errors[0][inliers[0]]) < STILL_PX:
        return models[0], inliers[0]
    for model, inside, error in zip(models[1:], inliers[1:], errors[1:], strict=True):
        is_best = inside.sum() >= SIMPLER_FRAC * most
        if is_best and np.median(error[inside]) <= 1.2 * np.median(errors[-1][inliers[-1]]) + 0.01:
            return model, inside
    return models[-1], inliers[-1]


def gain_between(view: _View, other: _View, to_other: Homography) -> Floats:
    """By what one view's colours are multiplied to look like another's.

    The median of ratios over all that both see, where neither is nearly black or white.
    """
    height, width = other.gray.shape
    warped: Any = cv2.warpPerspective(view.rgb, to_other, (width, height))
    seen: Any = cv2.warpPerspective(view.is_free.view(np.uint8), to_other, (width, height))
    both = np.zeros((height, width), bool)
    # A quarter of the rows and columns is plenty for a median.
    both[::4, ::4] = ((seen == 1) & other.is_free)[::4, ::4]
    here, there = warped[both].astype(np.float32), other.rgb[both].astype(np.float32)
    low, high = GAIN_LEVELS
    usable = ((here >= low) & (here <= high) & (there >= low) & (there <= high)).all(axis=1)
    if usable.sum() < 64:
        return np.ones(3, np.float32)
    gain = np.clip(np.median(there[usable] / here[usable], axis=0), *GAIN_RANGE)
    return np.where(np.abs(gain - 1) < GAIN_STEP, 1, gain).astype(np.float32)


def without_hole(gray: Gray, is_known: Mask) -> Gray:
    """A grey picture whose unknown part continues its known one smoothly."""
    if is_known.all():
        return gray
    filled = continued(gray[..., None].astype(np.float32), is_known.astype(np.float32))
    smooth: Gray = np.rint(filled[..., 0]).astype(np.uint8)
    return np.where(is_known, gray, smooth)


def transformed(points: NDArray[Any], matrix: Homography) -> NDArray[np.float64]:
    """Points moved by a homography; (n, 2)."""
    with_one = np.column_stack((points.astype(np.float64), np.ones(len(points))))
    moved = with_one @ matrix.T
    depth = np.where(np.abs(moved[:, 2:]) < 1e-12, 1e-12, moved[:, 2:])
    result: NDArray[np.float64] = moved[:, :2] / depth
    return result


def corners_of(box: Box) -> NDArray[np.float64]:
    """The centres of a box's corner pixels, (4, 2)."""
    x1, y1 = box.x1 - 1, box.y1 - 1
    return np.array(
        [(box.x0, box.y0), (x1, box.y0), (box.x0, y1), (x1, y1)],
        np.float64,
    )


def normalised(matrix: Homography) -> Homography:
    """The same homography with its last element 1, or of norm 1 where that is nearly 0."""
    norm = np.linalg.norm(matrix)
    by = matrix[2, 2] if abs(matrix[2, 2]) > 1e-9 * norm else norm
    result: Homography = matrix / by
    return result


def _anchor_at(view: _View, pose: Pose) -> _Anchor:
    corners: Any = cv2.goodFeaturesToTrack(
        view.gray,
        CORNERS_MAX,
        CORNER_QUALITY,
        CORNER_DISTANCE_PX,
        mask=view.is_free.view(np.uint8),
    )
    found = np.zeros((0, 2), np.float32) if corners is None else corners.reshape(-1, 2)
    return _Anchor(view=view, pose=pose, corners=found)


def _followed(anchor: _Anchor, view: _View, guess: Homography) -> tuple[Floats, Mask]:
    """Where an anchor's corners are now, and which of them were surely followed."""
    start = anchor.corners.reshape(-1, 1, 2)
    expected = transformed(anchor.corners, guess).astype(np.float32).reshape(-1, 1, 2)
    options: dict[str, Any] = {
        "winSize": WINDOW_PX,
        "maxLevel": 4,
        "criteria": (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 30, 0.005),
        "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
    }
    there: Any
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        anchor.view.gray, view.gray, start, expected.copy(), **options
    )
    back, back_found, _ = cv2.calcOpticalFlowPyrLK(
        view.gray, anchor.view.gray, there, start.copy(), **options
    )
    error = np.linalg.norm((back - start).reshape(-1, 2), axis=1)
    is_good = (found.ravel() == 1) & (back_found.ravel() == 1) & (error < BACK_MAX_PX)
    height, width = view.gray.shape
    places = np.rint(there.reshape(-1, 2)).astype(int)
    inside = (places >= 0).all(axis=1) & (places < (width, height)).all(axis=1)
    is_good &= inside
    is_good[is_good] = view.is_free[places[is_good][:, 1], places[is_good][:, 0]]
    return there.reshape(-1, 2), is_good


def _is_sound(matrix: NDArray[Any]) -> bool:
    """Whether a fitted homography is one that a camera can make between two frames."""
    if not np.isfinite(matrix).all() or abs(matrix[2, 2]) < 1e-9:
        return False
    linear = matrix[:2, :2] / matrix[2, 2]
    scale = np.linalg.svd(linear, compute_uv=False)
    return bool(scale[1] > 0.25 and scale[0] < 4 and np.linalg.det(linear) > 0)
