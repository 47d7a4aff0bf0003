"""The protocol that every effect follows, and what it may look at."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal, Protocol, Self

from tam_edit.effect.layer import EDGES, Edge, Layer
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.parameters import check_parameters, parameter, parameters_of
from tam_edit.registry import Registry, from_pack
from tam_edit.types import Image, Matte


class AssetReader(Protocol):
    """A still or a video that the renderer opened for an effect."""

    @property
    def duration(self) -> Fraction:
        """Seconds that it lasts; 0 for a still."""
        ...

    def at(self, time: Fraction) -> Image:
        """The picture shown at that many seconds from its start; past the end, the last one.

        Returns:
            (H, W, 3) RGB, uint8 or uint16; the same object as long as the picture is the same.
        """
        ...


class ClipReader(Protocol):
    """What an effect may look at beside the frame that it is given."""

    def frame(self, index: int) -> Frame:
        """A frame at most ``lookahead_frames`` after the current one, or shortly before it.

        For an effect that ``borrows`` any frame of the run, as it is in the source.
        """
        ...

    def matte(self, index: int) -> Matte:
        """The object's matte on that frame, float32 (H, W), as tracked."""
        ...

    def asset(self, name: str) -> AssetReader:
        """One of the files that :meth:`Effect.assets` named."""
        ...


@dataclass(frozen=True, kw_only=True)
class ClipInfo:
    """What an effect is told before the first frame.

    Attributes:
        width: Columns in display orientation.
        height: Rows in display orientation.
        frame_count: How many frames the run has; None where nobody knows yet.
        bits: Bits of a sample of the frames, 8 to 16.
        start: Time of the run's first frame, in seconds on the stream's clock.
        first_index: Index of the run's first frame.
    """

    width: int
    height: int
    frame_count: int | None = None
    bits: int = 8
    start: Fraction = Fraction(0)
    first_index: int = 0


@dataclass(frozen=True, kw_only=True)
class Effect(ABC):
    """A way to change a picture where an object is, or where it is not.

    A sub-class is a frozen dataclass. Its fields are its recipe parameters, declared with
    :func:`tam_edit.parameters.parameter`; their ranges are checked when it is made. Another
    default for an inherited field, such as ``edge: Edge = "cover"``, is a plain value.

    Attributes:
        name: What recipes and commands call it, in kebab-case.
        summary: One sentence for ``tam-edit effects list``.
        acts_on: Whether ``render`` gets the object's matte or 1 - matte.
        lookahead_frames: How many frames ahead it wants to see.
        needs_alpha: Whether the result has transparency that the output must be able to hold.
        borrows: Whether what it shows comes from around the object and from other frames. It then
            may ask the reader for any frame of the run at any time, also in :meth:`begin`.
        hides: Whether it may be used so that somebody or something is not seen; no page that
            shows it then lies beside the output. With ``edge="cover"`` it does in any case.
        alternatives: Parameters of which exactly one is given: a recipe that states one takes it
            in the place of the one that it extends.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    acts_on: ClassVar[Literal["object", "background"]] = "object"
    lookahead_frames: ClassVar[int] = 0
    needs_alpha: ClassVar[bool] = False
    borrows: ClassVar[bool] = False
    hides: ClassVar[bool] = True
    alternatives: ClassVar[tuple[str, ...]] = ()

    edge: Edge = parameter(  # noqa: RUF009 - stands for dataclasses.field
        "soft",
        kind="choice",
        choices=EDGES,
        doc="cover hides every pixel that shows any of the object; soft follows the matte.",
    )

    def __post_init__(self) -> None:
        check_parameters(self, called=self.name)

    def assets(self) -> Mapping[str, str]:
        """Paths of the stills and videos that it needs, each under a name of its own."""
        return {}

    def begin(self, info: ClipInfo, clip: ClipReader) -> Effect:  # noqa: ARG002 - for sub-classes
        """The effect for one run through a clip; a copy where it keeps something between frames.

        Args:
            info: Facts of the clip.
            clip: Frames, mattes and opened assets.
        """
        return self

    def with_numbers(self, numbers: Mapping[str, float]) -> Self:
        """The same run with other numbers: what it keeps between frames, it goes on keeping.

        An effect that reckons with its numbers in ``begin`` overrides this, or does it in
        ``render``; :func:`tam_edit.testing.check_effect` looks after that.

        Args:
            numbers: Parameter name → value; whole-number parameters are rounded.

        Raises:
            InputError: There is no such number, or it cannot have this value.
        """
        kinds = {known.name: known.kind for known in parameters_of(type(self))}
        other = copy.copy(self)
        for name, value in numbers.items():
            if kinds.get(name) not in ("number", "whole"):
                raise InputError(f"{self.name} has no number called {name!r}")
            # The only write to a frozen object: before anyone else has seen the copy.
            object.__setattr__(other, name, round(value) if kinds[name] == "whole" else value)
        other.__post_init__()
        return other

    def report(self) -> Mapping[str, Any]:
        """What is to be told of a run once its frames are rendered, as JSON values.

        A ``summary`` among them is a sentence that is shown to the user.
        """
        return {}

    def grid_px(self, matte: Matte) -> int:  # noqa: ARG002 - for sub-classes
        """Moved by a multiple of this, an object gets the same picture, moved."""
        return 1

    @abstractmethod
    def render(self, frame: Frame, matte: Matte) -> Layer:
        """Draw the effect for one frame.

        Args:
            frame: The picture, not to be changed. ``frame.region(box)`` costs what the box is
                large; ``frame.rgb`` costs the whole frame.
            matte: Where the effect acts, float32 (H, W) in [0, 1], prepared: with
                ``edge="cover"`` it holds only 0 and 1. It is never all 0, unless
                ``needs_alpha``.
        """


#: Every effect by name: the classes that ``tam_edit.effects`` lists, and other packages'.
EFFECTS: Registry[type[Effect]] = Registry(
    "effect", group="tam_edit.effects", builtins=from_pack("tam_edit.effects")
)
