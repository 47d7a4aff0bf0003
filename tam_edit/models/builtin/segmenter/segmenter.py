"""Clicks, a box or a mask become a matte, with no weights to download."""

from __future__ import annotations

import weakref

import cv2
import numpy as np

from tam_edit.frame import Frame
from tam_edit.models.base import Segmentation
from tam_edit.models.builtin.segmenter.candidates import Scene
from tam_edit.models.builtin.segmenter.matte_edge import snap, to_matte
from tam_edit.models.builtin.segmenter.selection import (
    BOX_SCORE,
    GIVEN_SCORE,
    Clicks,
    Selection,
    stamp,
    trust,
)
from tam_edit.models.builtin.segmenter.superpixels import build_graph
from tam_edit.prompts import Prompts
from tam_edit.types import Mask, Matte, box_of

WORK_SIDE_PX, WORK_LONG_SIDE_PX = 480, 1280
FRAMES_KEPT = 4
CANDIDATES, SAME_IOU = 3, 0.85  # how many, and when two count as one
EDGE_REACH_PX = 3  # in the working picture
KEPT_IN_BOX = 0.8  # share of a matte that lies in the box that it came from
CLICK_RADIUS_PX = 2  # in the working picture: what a click holds at least


class BuiltinSegmenter:
    """Finds the object under clicks, in a box or beside a mask from the picture alone.

    Superpixels are grown and merged into many candidate regions, of which the one is taken that
    looks most like a whole thing; each further click adds a region to it or takes one away.
    """

    name: str = "builtin"

    def __init__(self) -> None:
        self._scenes: weakref.WeakKeyDictionary[Frame, Scene] = weakref.WeakKeyDictionary()

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        """Segment one object.

        Args:
            frame: The picture; what is worked out from it is kept for further clicks on the last
                few frames.
            prompts: Clicks, box or mask in source pixels.
            previous: The object's matte before the newest prompt, float32 (H, W) at display size.
                Only clicks that it does not satisfy yet change it, each in one place. A painted
                mask goes before it: clicks then correct the mask, all of them anew.

        Returns:
            The candidates: up to three for a first click alone, else one. A score is the IoU to
            be expected.

        Raises:
            InputError: Prompts that cannot be used on this frame.
        """
        has_mask = previous is not None and bool((previous > 0.5).any())
        prompts.check(frame.width, frame.height, f"frame {frame.index}", has_mask=has_mask)
        base = _base(prompts, previous)
        clicks = Clicks.of(prompts.positive, prompts.negative)
        if base is not None:
            holding = _holding(clicks, base > 0.5)
            score = trust(holding)
            if prompts.box is not None:
                score = max(score, BOX_SCORE)
            if prompts.mask is not None:
                score = GIVEN_SCORE
            if holding == len(clicks.signs):
                return Segmentation(mattes=(base,), scores=(score,))
        scene = self._scene(frame)
        rows, columns = scene.graph.labels.shape
        size = (frame.width, frame.height)
        selection = Selection(scene, clicks.scaled(size, (columns, rows)))
        if base is not None:
            small = cv2.resize(base, (columns, rows), interpolation=cv2.INTER_AREA)
            selection.take(small > 0.5, score)
            selections = [selection]
        elif prompts.box is not None:
            selection.fill(_visible(prompts.box, size, (columns, rows)))
            selections = [selection]
        else:
            limit = CANDIDATES if len(clicks.signs) == 1 else 1
            selections = selection.first_answers(limit)
        for each in selections:
            each.correct()
        mattes: list[Matte] = []
        scores: list[float] = []
        for each in selections:
            matte = _finish(frame, each, clicks, base)
            if all(_iou(matte, other) < SAME_IOU for other in mattes):
                mattes.append(matte)
                scores.append(each.score)
        return Segmentation(mattes=tuple(mattes), scores=tuple(scores))

    def _scene(self, frame: Frame) -> Scene:
        scene = self._scenes.get(frame)
        if scene is None:
            while len(self._scenes) >= FRAMES_KEPT:
                del self._scenes[next(iter(self._scenes))]
            scene = Scene.of(build_graph(frame.scaled(*_work_size(frame.width, frame.height))))
            self._scenes[frame] = scene
        return scene


def _work_size(width: int, height: int) -> tuple[int, int]:
    """Columns and rows of the working picture: no larger than the frame."""
    factor = min(1.0, WORK_SIDE_PX / min(width, height), WORK_LONG_SIDE_PX / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _base(prompts: Prompts, previous: Matte | None) -> Matte | None:
    """What the clicks correct: the painted mask, else the matte so far, else nothing.

    A box that the matte so far does not keep to was drawn after it and begins anew.
    """
    if prompts.mask is not None:
        return prompts.mask.astype(np.float32)
    if previous is None:
        return None
    if prompts.box is not None:
        if not (prompts.positive or prompts.negative):
            return None
        rows, columns = previous.shape
        x0, y0, x1, y1 = _visible(prompts.box, (columns, rows), (columns, rows))
        inside = previous[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
        if float(inside.sum()) < KEPT_IN_BOX * float(previous.sum()):
            return None
    return previous.astype(np.float32, copy=True)


def _visible(
    box: tuple[float, float, float, float], size: tuple[int, int], to_size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """The part of a box that lies in the picture, brought to another size."""
    x0, x1 = np.clip(box[0::2], 0, size[0]) * (to_size[0] / size[0])
    y0, y1 = np.clip(box[1::2], 0, size[1]) * (to_size[1] / size[1])
    return float(x0), float(y0), float(x1), float(y1)


def _holding(clicks: Clicks, mask: Mask) -> int:
    """How many clicks a mask satisfies."""
    columns, rows = clicks.pixels().T
    return int(np.count_nonzero(mask[rows, columns] == clicks.signs))


def _iou(a: Matte, b: Matte) -> float:
    x, y = a > 0.5, b > 0.5
    return int(np.count_nonzero(x & y)) / max(int(np.count_nonzero(x | y)), 1)


def _finish(frame: Frame, selection: Selection, clicks: Clicks, base: Matte | None) -> Matte:
    """The selection at full size, with soft edges on the picture's edges; clicks hold.

    Where the clicks changed nothing, the matte from before stays as it was.
    """
    graph = selection.scene.graph
    reach = EDGE_REACH_PX
    free = selection.changed
    if base is not None:
        size = 4 * reach + 1
        free = cv2.dilate(free.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    selection.mask = np.where(free, snap(graph.image, selection.mask, reach), selection.mask)
    selection.hold_clicks(CLICK_RADIUS_PX)
    matte = _full_size(frame, selection.mask, reach)
    if base is not None:
        wide = cv2.resize(
            free.astype(np.uint8), (frame.width, frame.height), interpolation=cv2.INTER_NEAREST
        )
        matte = np.where(wide > 0, matte, base)
    radius = max(1, round(CLICK_RADIUS_PX * frame.width / graph.labels.shape[1]))
    stamp(matte, clicks, radius, matte > 0.5)
    return matte


def _full_size(frame: Frame, mask: Mask, reach: int) -> Matte:
    """A working mask as a matte of the frame's size; the full picture is read near it only."""
    columns = mask.shape[1]
    width, height = frame.width, frame.height
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)
    rough: Matte = np.asarray(
        cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )
    radius = max(2, round(reach * width / columns))
    crop = box_of(rough > 0).grown(4 * radius).clipped(width, height)
    matte = np.zeros((height, width), np.float32)
    if not crop.is_empty:
        picture = frame.region(crop)
        full_scale = np.iinfo(picture.dtype).max
        guide: Matte = np.asarray(picture / np.float32(full_scale), np.float32)
        matte[crop.slices] = to_matte(guide, rough[crop.slices], radius)
    if mask.any() and not (matte > 0.5).any():
        # Smoothing must not swallow an object of very few pixels.
        whole = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(whole, np.float32)
    return matte
