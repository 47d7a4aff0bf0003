"""What is seen of the frames of a pass before any object is looked for, worked out ahead."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tam_edit.flow import single_opencv_thread
from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo
from tam_edit.models.builtin.tracker.deep import DeepGrid, deep_grid
from tam_edit.models.builtin.tracker.flow import Motion, motion_between

Gray = NDArray[np.uint8]

# Work goes on at this length of the short side: J&F on ten DAVIS-2016 sequences was 0.74 at 240,
# 0.77 at 320, 0.78 at 400 and no better at 480.
WORKING_SHORT_SIDE_PX = 400


@dataclass(frozen=True, eq=False)
class View:
    """A frame as the tracker sees it; nothing of it depends on an object.

    Attributes:
        picture: uint8 (h, w, 3) RGB at working size.
        gray: The same in grey, uint8 (h, w).
        deep: Its deep features.
        motion: From the picture ``before``; None where that is None.
        before: The grey picture that the motion comes from.
    """

    picture: NDArray[np.uint8]
    gray: Gray
    deep: DeepGrid
    motion: Motion | None = None
    before: Gray | None = None


class Views:
    """Views of the frames of one pass, those that were announced being made beside.

    One thread makes them, one after the other: what torch prepares for its networks is kept per
    thread, and the features are the same bits whoever asks for them.

    Args:
        info: The tracking size.
    """

    def __init__(self, info: TrackingInfo) -> None:
        self._info = info
        ratio = min(1.0, WORKING_SHORT_SIDE_PX / min(info.width, info.height))
        self.size = (max(1, round(info.width * ratio)), max(1, round(info.height * ratio)))
        self._worker = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))
        self._coming: dict[int, Future[View]] = {}
        self._latest: Future[View] | None = None

    def prefetch(self, frame: Frame, previous: Gray | None) -> None:
        """Begin with a frame; frames are announced in the order in which they will come.

        Args:
            frame: The frame that comes after all that were announced.
            previous: The grey picture before it where none is announced.
        """
        self._latest = self._begun(frame, self._latest, previous)
        self._coming[frame.index] = self._latest

    def of(self, frame: Frame, previous: Gray | None) -> View:
        """The view of a frame; one that was announced may be ready.

        Args:
            frame: The next frame of the pass.
            previous: The grey picture before it, from which its motion is wanted; None for none.
        """
        announced = self._coming.pop(frame.index, None)
        if announced is None:
            self._coming.clear()
            self._latest = None
            return self._begun(frame, None, previous).result()
        view = announced.result()
        if announced is self._latest:
            self._latest = None
        if previous is None:
            return replace(view, motion=None, before=None)
        if view.before is previous:
            return view
        return self._begun(frame, None, previous).result()

    def _begun(
        self, frame: Frame, follows: Future[View] | None, previous: Gray | None
    ) -> Future[View]:
        return self._worker.submit(self._seen, frame, follows, previous)

    def _seen(self, frame: Frame, follows: Future[View] | None, previous: Gray | None) -> View:
        with single_opencv_thread():
            before = previous if follows is None else follows.result().gray
            whole = frame.scaled(self._info.width, self._info.height)
            scaled = cv2.resize(whole, self.size, interpolation=cv2.INTER_AREA)
            picture = np.asarray(scaled, np.uint8)
            gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
            if before is None:
                return View(picture, gray, deep_grid(picture))
            with ThreadPoolExecutor(1) as beside:
                motion = beside.submit(motion_between, before, gray)
                deep = deep_grid(picture)
                return View(picture, gray, deep, motion.result(), before)
