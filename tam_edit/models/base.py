"""The two roles a model can play, as protocols: Segmenter and Propagator.

Both see :class:`~tam_edit.frame.Frame` objects and decide themselves at which size they look:
``frame.scaled(width, height)`` gives the 8-bit RGB picture of a wanted size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from tam_edit.frame import Frame
from tam_edit.prompts import Prompts
from tam_edit.types import Matte, ObjectId


@dataclass(frozen=True, kw_only=True, eq=False)
class Segmentation:
    """One object's candidate mattes on one frame, best first.

    Attributes:
        mattes: Each float32 (H, W) in [0, 1] at the frame's display size; at least one.
        scores: For each matte the predicted IoU with what was meant, in [0, 1].
    """

    mattes: tuple[Matte, ...]
    scores: tuple[float, ...]

    @property
    def best(self) -> Matte:
        """The matte with the highest score."""
        return self.mattes[0]


@runtime_checkable
class Segmenter(Protocol):
    """Turns prompts on one frame into one object's matte."""

    name: str

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        """Segment one object.

        Args:
            frame: The picture. What is computed per frame is cached by object identity, so a
                further click on the same ``Frame`` costs less.
            prompts: Clicks, box or mask in source pixels, already checked. Negative clicks alone
                come only with a previous matte.
            previous: The object's matte before the newest prompt, float32 (H, W) at display size.

        Returns:
            The candidates. Every positive click lies inside the best one, every negative one
            outside.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class TrackingInfo:
    """What a run is told before its first frame.

    Attributes:
        width: Columns of every matte of this run (the tracking size).
        height: Rows of every matte of this run.
        shares_pixels: Whether objects may overlap.
    """

    width: int
    height: int
    shares_pixels: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Affinity:
    """Where in memory one object's mask comes from, pixel by pixel.

    A model that answers by looking up earlier pictures knows for each pixel which of them it
    looks like. Both maps are float32 (height, width) in [0, 1], at tracking size.

    Attributes:
        inside: The share of what a pixel looks like that lies inside the object.
        anchored: That part of it which lies on a keyframe.
    """

    inside: Matte
    anchored: Matte


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackStep:
    """What a run says of one frame.

    Attributes:
        mattes: Per object, float32 (height, width) at tracking size.
        scores: Per object, in [0, 1]: how sure the model itself is that the mask is right.
        reasons: Per object, why the score is low, in plain words; empty where it is not.
        affinity: Per object that was carried, where in memory its mask comes from; empty for a
            model that looks nothing up.
    """

    mattes: Mapping[ObjectId, Matte]
    scores: Mapping[ObjectId, float]
    reasons: Mapping[ObjectId, tuple[str, ...]] = field(default_factory=dict)
    affinity: Mapping[ObjectId, Affinity] = field(default_factory=dict)


class PropagationRun(Protocol):
    """One pass over consecutive frames, forward or backward, with all its state."""

    def keyframe(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> TrackStep:
        """Take given mattes as the truth on this frame.

        The first call of a run is a keyframe. A later keyframe may name new objects or known
        ones; objects that it does not name are propagated to this frame as ``step`` does.

        Args:
            frame: The next frame of the pass.
            mattes: Per object, float32 (height, width) at tracking size; never empty on the
                first call. They are learned for good: no later frame pushes them out.

        Returns:
            All objects of the run; for the given ones what was given, with score 1.
        """
        ...

    def step(self, frame: Frame) -> TrackStep:
        """Carry every object to the next frame of the pass."""
        ...

    def prefetch(self, frame: Frame) -> None:
        """Announce a frame, so that what does not depend on masks can be begun beside.

        Frames are announced in the order in which they will come. It changes no result, and a
        frame that was announced may never come.
        """
        ...

    def revise(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
        """Take better mattes of the latest frame, so that the following frames profit.

        They are remembered as any tracked frame is, and fade as these do.

        Args:
            frame: The frame of the latest ``step`` or ``keyframe``.
            mattes: Per object that was carried to it, float32 (height, width) at tracking size.

        Raises:
            InputError: An object is not known to the run, or a matte is of another size.
        """
        ...

    def cut(self) -> None:
        """Say that the next frame belongs to another shot: nothing has moved there from here."""
        ...

    def forget(self, object_id: ObjectId) -> None:
        """Drop an object from the run."""
        ...

    def snapshot(self) -> bytes:
        """Everything that influences the next frame, as safetensors bytes."""
        ...


@runtime_checkable
class Propagator(Protocol):
    """Carries mattes through a video."""

    name: str

    def start(self, info: TrackingInfo) -> PropagationRun:
        """Begin a pass."""
        ...

    def resume(self, info: TrackingInfo, snapshot: bytes) -> PropagationRun:
        """Go on where ``snapshot`` was taken, to the same mattes as an undisturbed run.

        Raises:
            ModelError: The snapshot is of another model, version or size.
        """
        ...
