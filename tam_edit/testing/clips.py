"""Drawn clips whose masks are known exactly, for tests, the demo and plug-in authors.

Every frame is drawn when it is asked for, the same each time: a long clip takes no memory.
A pixel belongs to an object when the object covers at least half of it and nothing hides it.

    >>> clip = draw_clip("disc", frames=3)
    >>> clip.names
    ('disc',)
    >>> clip.image(0).shape == (*clip.mask(1, 0).shape, 3)
    True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.testing.actors import Actor, Drawn, Fish, Pose, disc, tile
from tam_edit.testing.scenery import Background, blend, clouds, reef
from tam_edit.testing.writing import write_pictures
from tam_edit.types import Box, Mask, ObjectId

# From the share of the clip that has passed, the width and the height.
Motion = Callable[[float, int, int], Pose]


class DrawnClip:
    """A clip with one mask per object and frame. Make one with :func:`draw_clip`.

    Attributes:
        width: Columns.
        height: Rows.
        rate: Frames per second.
        names: The objects' names; object ``n`` is ``names[n - 1]``.
    """

    def __init__(
        self,
        *,
        width: int,
        height: int,
        frames: int,
        background: Background,
        cast: Mapping[str, tuple[Actor, Motion]],
    ) -> None:
        self.width = width
        self.height = height
        self.rate = Fraction(25)
        self.names = tuple(cast)
        self._count = frames
        self._background = background
        self._cast = tuple(cast.values())

    def __len__(self) -> int:
        """How many frames there are."""
        return self._count

    @property
    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """All pictures in order, each drawn when it is reached."""
        return (self.image(index) for index in range(len(self)))

    def image(self, index: int) -> NDArray[np.uint8]:
        """One picture, uint8 (H, W, 3) RGB.

        Args:
            index: 0-based frame.

        Raises:
            InputError: There is no such frame.
        """
        passed = self._passed(index)
        picture = self._background(passed)
        for _, box, drawn in self._drawn(passed):
            blend(picture[box.slices], drawn.coverage, drawn.rgb)
        return np.rint(picture * 255).astype(np.uint8)

    def mask(self, object_id: ObjectId, index: int) -> Mask:
        """The pixels of which an object shows at least half, bool (H, W).

        Args:
            object_id: 1 for the first of ``names``.
            index: 0-based frame.

        Raises:
            InputError: There is no such frame or object.
        """
        if not 1 <= object_id <= len(self.names):
            raise InputError(
                f"the drawn clip has no object {object_id}",
                hint=f"its objects are 1 to {len(self.names)}: {', '.join(self.names)}",
            )
        visible = np.zeros((self.height, self.width), np.float32)
        for number, box, drawn in self._drawn(self._passed(index)):
            if number == object_id:
                visible[box.slices] = drawn.coverage
            else:
                visible[box.slices] *= 1 - drawn.coverage
        mask: Mask = visible >= 0.5
        return mask

    def _passed(self, index: int) -> float:
        """The share of the clip that has passed at a frame."""
        if not 0 <= index < len(self):
            raise InputError(
                f"the drawn clip has no frame {index}", hint=f"its last one is {len(self) - 1}"
            )
        return index / max(len(self) - 1, 1)

    def _drawn(self, passed: float) -> Iterator[tuple[ObjectId, Box, Drawn]]:
        """The objects in the picture, from back to front."""
        for number, (actor, motion) in enumerate(self._cast, start=1):
            pose = motion(passed, self.width, self.height)
            box = pose.box(self.width, self.height)
            if not box.is_empty:
                yield number, box, actor.draw(pose, box)


def draw_clip(
    kind: str = "demo",
    *,
    frames: int | None = None,
    width: int | None = None,
    height: int | None = None,
    seed: int = 0,
) -> DrawnClip:
    """A drawn clip of one of these kinds.

    ``disc`` is a textured disc that moves straight over a textured background; ``two`` are a disc
    and a tile that cross, the tile in front; ``twins`` are two discs of the same colours that
    cross, the second in front; ``leaves`` is a disc that leaves the picture and comes back;
    ``demo`` is a clownfish that swims over a reef.

    Args:
        kind: Its name.
        frames: How many; at 25 a second, 75 for the demo and 24 for the others if left out. The
            movement is the same, spread over them.
        width: Columns; 640 for the demo and 160 for the others if left out.
        height: Rows; 360 for the demo and 120 for the others if left out.
        seed: Another seed draws other textures, never other movements.

    Raises:
        UnknownNameError: There is no such kind.
        InputError: A size or count below 1.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of drawn clip", kind, KINDS)
    usual = (75, 640, 360) if kind == "demo" else (24, 160, 120)
    given = (frames, width, height)
    count, columns, rows = (u if g is None else g for g, u in zip(given, usual, strict=True))
    if min(count, columns, rows) < 1:
        raise InputError(
            f"a clip of {count} frames of {columns}x{rows} cannot be drawn",
            hint="frames, width and height are at least 1",
        )
    return KINDS[kind](np.random.default_rng(seed), count, columns, rows)


def write_clip(
    drawn: DrawnClip, path: Path, *, with_audio: bool = True, variable_rate: bool = False
) -> None:
    """Save a drawn clip as H.264 video of high quality.

    Args:
        drawn: The clip.
        path: The file to write; its suffix names the container (``.mp4``, ``.mov``, ``.mkv``).
            A file of that name is replaced.
        with_audio: Add a sine tone of 440 Hz as an AAC track as long as the video.
        variable_rate: Show some frames two or three times as long as others.

    Raises:
        EncodeError: The suffix names none of the containers, or the file cannot be written.
    """
    write_pictures(
        drawn.frames,
        path,
        width=drawn.width,
        height=drawn.height,
        rate=drawn.rate,
        with_audio=with_audio,
        variable_rate=variable_rate,
    )


def _disc_clip(rng: np.random.Generator, frames: int, width: int, height: int) -> DrawnClip:
    return DrawnClip(
        width=width,
        height=height,
        frames=frames,
        background=clouds(rng, width, height),
        cast={"disc": (disc(rng), _straight(0.30, 0.36, 0.70, 0.64, size_frac=0.4))},
    )


def _twins_clip(rng: np.random.Generator, frames: int, width: int, height: int) -> DrawnClip:
    return DrawnClip(
        width=width,
        height=height,
        frames=frames,
        background=clouds(rng, width, height),
        cast={
            "left": (disc(rng), _straight(0.22, 0.40, 0.78, 0.56, size_frac=0.4)),
            "right": (disc(rng), _straight(0.78, 0.44, 0.22, 0.52, size_frac=0.4)),
        },
    )


def _two_clip(rng: np.random.Generator, frames: int, width: int, height: int) -> DrawnClip:
    return DrawnClip(
        width=width,
        height=height,
        frames=frames,
        background=clouds(rng, width, height),
        cast={
            "disc": (disc(rng), _straight(0.22, 0.40, 0.78, 0.56, size_frac=0.4)),
            "tile": (tile(rng), _straight(0.78, 0.44, 0.22, 0.52, size_frac=0.45)),
        },
    )


def _leaves_clip(rng: np.random.Generator, frames: int, width: int, height: int) -> DrawnClip:
    """Out of the picture from two fifths to three fifths of the clip."""

    def there_and_back(passed: float, width: int, height: int) -> Pose:
        size = 0.4 * min(width, height)
        start, gone = 0.5 * width, width + 0.5 * size + 1
        out = min(passed, 1 - passed) / 0.4
        return Pose(x=start + (gone - start) * out, y=0.5 * height, size_px=size, passed=passed)

    return DrawnClip(
        width=width,
        height=height,
        frames=frames,
        background=clouds(rng, width, height),
        cast={"disc": (disc(rng), there_and_back)},
    )


def _demo_clip(rng: np.random.Generator, frames: int, width: int, height: int) -> DrawnClip:
    """A fish on a curved path that it follows with its body, a little nearer at the end."""

    def swim(passed: float, width: int, height: int) -> Pose:
        turn = 2 * math.pi * passed
        # The slope of the path on the picture is the fish's angle.
        slope = 0.11 * 2 * math.pi * math.cos(turn) * height / (0.52 * width)
        return Pose(
            x=(0.24 + 0.52 * passed) * width,
            y=(0.44 + 0.11 * math.sin(turn)) * height,
            size_px=(0.52 + 0.12 * passed) * min(width, height),
            angle=0.8 * math.atan(slope),
            passed=passed,
        )

    return DrawnClip(
        width=width,
        height=height,
        frames=frames,
        background=reef(rng, width, height),
        cast={"fish": (Fish(rng), swim)},
    )


def _straight(x0: float, y0: float, x1: float, y1: float, *, size_frac: float) -> Motion:
    """From one place to another, both as shares of the picture; size as share of its short side."""

    def at(passed: float, width: int, height: int) -> Pose:
        return Pose(
            x=(x0 + (x1 - x0) * passed) * width,
            y=(y0 + (y1 - y0) * passed) * height,
            size_px=size_frac * min(width, height),
            passed=passed,
        )

    return at


KINDS: Mapping[str, Callable[[np.random.Generator, int, int, int], DrawnClip]] = MappingProxyType(
    {
        "demo": _demo_clip,
        "disc": _disc_clip,
        "two": _two_clip,
        "twins": _twins_clip,
        "leaves": _leaves_clip,
    }
)
