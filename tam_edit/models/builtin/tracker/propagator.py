"""The built-in propagator: flow carries the mask, a classifier trained on the way mends it.

Optical flow (DIS) carries each object's mask as a signed distance; a small network per object,
trained on the keyframes and on the run's own confident pixels, says from colour, gradients and
deep features what belongs to it; how a pixel moves is a third voice. Their sum is smoothed within
regions of like colour and corrected by a small network that was trained on the tracker's own
errors. The line of thought is FRTM (Robinson et al., "Learning Fast and Robust Target Models for
Video Object Segmentation", CVPR 2020).
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.flow import single_opencv_thread
from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo, TrackStep
from tam_edit.models.builtin.backbone import Backbone
from tam_edit.models.builtin.tracker.assess import assess
from tam_edit.models.builtin.tracker.online import single_torch_thread
from tam_edit.models.builtin.tracker.snapshot import PassState, pack, unpack
from tam_edit.models.builtin.tracker.target import Guess, Scene, Target
from tam_edit.models.builtin.tracker.views import Views
from tam_edit.models.runs import check_mattes, check_revision
from tam_edit.types import Matte, ObjectId

Float = NDArray[np.float32]


class BuiltinPropagator:
    """Tracks with optical flow and a classifier that learns from the video itself."""

    def __init__(self, name: str = "builtin", network: Backbone | None = None) -> None:
        self.name = name
        # Another backbone than the one that is shipped: how training/ judges one.
        self._network = network

    def start(self, info: TrackingInfo) -> BuiltinRun:
        """Begin a pass."""
        return BuiltinRun(info, PassState(), self._network)

    def resume(self, info: TrackingInfo, snapshot: bytes) -> BuiltinRun:
        """Go on where ``snapshot`` was taken, to the same mattes as an undisturbed run.

        Raises:
            ModelError: The snapshot is damaged or of another model, version or size.
        """
        return BuiltinRun(info, unpack(info, snapshot), self._network)


class BuiltinRun:
    """One pass of the built-in tracker over consecutive frames, forward or backward."""

    def __init__(
        self, info: TrackingInfo, state: PassState, network: Backbone | None = None
    ) -> None:
        self._info = info
        self._state = state
        self._views = Views(info, network)
        # The latest frame; per object that was carried to it what is seen there, and the object
        # as it was before.
        self._index: int | None = None
        self._before: dict[ObjectId, tuple[Scene, Target]] = {}

    def keyframe(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> TrackStep:
        """Take given mattes as the truth on this frame and carry the other objects to it.

        Args:
            frame: The next frame of the pass.
            mattes: Per object, float32 (height, width) in [0, 1]; an empty one says that the
                object is not in the picture.

        Raises:
            InputError: A matte is not of the tracking size.
        """
        check_mattes(self._info, frame, mattes)
        given = {number: np.asarray(matte, np.float32) for number, matte in mattes.items()}
        with single_torch_thread(), single_opencv_thread():
            return self._advance(frame, given)

    def step(self, frame: Frame) -> TrackStep:
        """Carry every object to the next frame of the pass."""
        with single_torch_thread(), single_opencv_thread():
            return self._advance(frame, {})

    def prefetch(self, frame: Frame) -> None:
        """Announce a frame: its features, and its motion from the one announced before, are begun.

        Args:
            frame: The frame that comes after all that were announced.
        """
        with single_torch_thread():
            self._views.prefetch(frame, self._state.previous)

    def revise(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
        """Take better mattes of the latest frame, so that the following frames profit.

        What was learned from the objects' mattes on this frame is taken back, and learned from
        the better ones instead. Objects that are not named keep theirs.

        Args:
            frame: The frame of the latest ``step`` or ``keyframe``.
            mattes: Per object that was carried to it, float32 (height, width) in [0, 1]; an empty
                one says that the object is not in the picture.

        Raises:
            InputError: A matte is not of the tracking size or of an object that was not carried
                to this frame, or this is not the latest frame: ``revise`` comes after a step of
                the same run, before a cut and not right after resuming.
        """
        check_mattes(self._info, frame, mattes)
        check_revision(frame, mattes.keys(), latest=self._index, carried=self._before)
        with single_torch_thread(), single_opencv_thread():
            small = {number: self._small(matte) for number, matte in mattes.items()}
            held = {n: target.matte for n, target in self._state.targets.items()} | small
            for number, matte in small.items():
                scene, before = self._before[number]
                target = before.copy()
                target.revise(scene, matte, _rng(frame, number), self._rivals(number, held))
                self._state.targets[number] = target

    def cut(self) -> None:
        """Say that the next frame belongs to another shot: each object is looked for anew.

        Nothing is carried across. What looks like the object may be anywhere in the picture.
        """
        self._index = None
        self._before = {}
        self._state.previous = None
        for target in self._state.targets.values():
            target.cut()

    def forget(self, object_id: ObjectId) -> None:
        """Drop an object from the run; one that it does not know is no matter."""
        self._state.targets.pop(object_id, None)
        self._before.pop(object_id, None)

    def snapshot(self) -> bytes:
        """Everything that influences the next frame, as safetensors bytes."""
        return pack(self._info, self._state)

    def _small(self, matte: Matte) -> Float:
        """A matte at working size."""
        return np.asarray(
            cv2.resize(matte, self._views.size, interpolation=cv2.INTER_AREA), np.float32
        )

    def _advance(self, frame: Frame, given: Mapping[ObjectId, Float]) -> TrackStep:
        small = {number: self._small(matte) for number, matte in given.items()}
        targets = self._state.targets
        carried = [number for number in targets if number not in given]
        # What is looked for and not followed needs no motion.
        is_followed = any(not targets[number].missing for number in carried)
        view = self._views.of(frame, self._state.previous if is_followed else None)
        scene = Scene(view.picture, view.deep, view.motion)
        guesses = {number: targets[number].predict(scene) for number in carried}
        settled = {number: guess.matte for number, guess in guesses.items()}
        if not self._info.shares_pixels:
            settled = settle(settled, small)
        self._index = frame.index
        self._before = {number: (scene, targets[number].copy()) for number in guesses}
        held = settled | small
        for number, guess in guesses.items():
            targets[number].accept(
                guess, settled[number], _rng(frame, number), self._rivals(number, held)
            )
        for number, matte in small.items():
            target = targets.setdefault(number, Target(matte))
            target.learn_keyframe(scene, matte, _rng(frame, number), self._rivals(number, held))
        self._state.previous = view.gray
        return self._told(guesses, given)

    def _rivals(self, number: ObjectId, held: Mapping[ObjectId, Float]) -> NDArray[np.bool_] | None:
        """The pixels that other objects hold, bool (h, w); None where that says nothing."""
        others = [matte > 0.5 for other, matte in held.items() if other != number]
        return None if self._info.shares_pixels or not others else np.logical_or.reduce(others)

    def _told(
        self, guesses: Mapping[ObjectId, Guess], given: Mapping[ObjectId, Float]
    ) -> TrackStep:
        size = (self._info.width, self._info.height)
        mattes: dict[ObjectId, Matte] = {}
        scores: dict[ObjectId, float] = {}
        reasons: dict[ObjectId, tuple[str, ...]] = {}
        for number, guess in guesses.items():
            target = self._state.targets[number]
            matte = cv2.resize(target.matte, size, interpolation=cv2.INTER_LINEAR)
            mattes[number] = np.asarray(matte, np.float32)
            scores[number], reasons[number] = assess(guess.evidence, is_lost=target.missing > 0)
        if not self._info.shares_pixels:
            mattes = settle(mattes, given)
        for number, matte in given.items():
            mattes[number], scores[number], reasons[number] = matte, 1.0, ()
        return TrackStep(mattes=mattes, scores=scores, reasons=reasons)


def settle(
    claims: Mapping[ObjectId, Float], fixed: Mapping[ObjectId, Float]
) -> dict[ObjectId, Float]:
    """Let each pixel belong to one object: the surest keeps its claim, the others get the rest.

    Args:
        claims: Per object, float32 (h, w) in [0, 1].
        fixed: Of objects whose claims stand, in the same form; they come first.

    Returns:
        The claims such that no two objects are above one half at the same pixel.
    """
    if len(claims) + len(fixed) < 2 or not claims:
        return dict(claims)
    numbers = list(claims)
    stack = np.stack([claims[number] for number in numbers])
    best = np.argmax(stack, axis=0)
    top = np.take_along_axis(stack, best[None], axis=0)[0]
    settled = {}
    for i, number in enumerate(numbers):
        claim = np.where(best == i, stack[i], np.minimum(stack[i], 1 - top))
        for matte in fixed.values():
            claim = np.minimum(claim, 1 - matte)
        settled[number] = claim.astype(np.float32)
    return settled


def _rng(frame: Frame, number: ObjectId) -> np.random.Generator:
    return np.random.default_rng([frame.index, number])
