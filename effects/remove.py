"""Take the object out of the picture and show what is behind it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import cv2
import numpy as np

from tam_edit.effect import ClipInfo, ClipReader, Effect, Layer
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.parameters import parameter
from tam_edit.types import Image, Mask, Matte

from ._holes import Hole, hole_of
from ._inpaint import FALLBACKS, Fallback
from ._plate import PlateRun


@dataclass(frozen=True, kw_only=True)
class PlateShare:
    """What one frame's hole was filled with.

    Attributes:
        index: The frame.
        hole_px: Pixels that were replaced.
        recovered_px: Those of them that other frames show.
        invented_px: Those that no frame shows where it was looked.
    """

    index: int
    hole_px: int
    recovered_px: int
    invented_px: int


@dataclass(frozen=True, kw_only=True)
class Remove(Effect):
    """Show what is behind the object: a clean plate, gathered from the other frames.

    The camera's motion brings other frames onto this one; where the object was away in any of
    them, the place is *recovered*. What no frame shows is *invented* from its surroundings.
    :meth:`report` says how much is which. A frame's result follows from the clip alone, not from
    the frames that were rendered before it.
    """

    name: ClassVar[str] = "remove"
    summary: ClassVar[str] = "Take the object out and show what is behind it."
    borrows: ClassVar[bool] = True

    grow_px: float = parameter(
        4.0,
        kind="number",
        unit="px",
        at_least=3.0,
        at_most=200.0,
        doc="How far past the object the picture is replaced.",
    )
    grow_frac: float = parameter(
        0.04,
        kind="number",
        at_least=0.0,
        at_most=1.0,
        doc="How much further, as a share of the object's size; more takes in a soft shadow.",
    )
    feather_px: float = parameter(
        3.0,
        kind="number",
        unit="px",
        at_least=0.0,
        at_most=50.0,
        doc="Over how many of the grown pixels the plate fades into the picture.",
    )
    window_frames: int = parameter(
        40,
        kind="whole",
        unit="frames",
        at_least=0,
        at_most=240,
        doc="How far before and after a frame what moves by itself is looked for.",
    )
    fallback: Fallback = parameter(  # noqa: RUF009 - stands for dataclasses.field
        "telea",
        kind="choice",
        choices=FALLBACKS,
        doc="How what no frame shows is invented.",
    )
    _run: PlateRun | None = field(default=None, init=False, repr=False, compare=False)
    _shares: dict[int, PlateShare] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def begin(self, info: ClipInfo, clip: ClipReader) -> Effect:
        """Look through the clip once: how the camera moves and where the object is.

        Raises:
            InputError: Nobody knows how many frames there are.
        """
        if info.frame_count is None:
            raise InputError(f"{self.name} needs the whole clip at hand, not a stream of frames")
        run = copy.copy(self)

        def hole(index: int) -> Hole:
            return hole_of(clip.matte(index), self.grow_px, self.grow_frac)

        plates = PlateRun(
            clip.frame,
            hole,
            range(info.first_index, info.first_index + info.frame_count),
            (info.width, info.height),
            window_frames=self.window_frames,
            fallback=self.fallback,
        )
        # The only writes to a frozen object: before anyone else has seen the copy.
        object.__setattr__(run, "_run", plates)
        object.__setattr__(run, "_shares", {})
        return run

    def render(self, frame: Frame, matte: Matte) -> Layer:
        """The plate where the object is."""
        if self._run is None:
            raise InputError(f"{self.name} needs the clip: call begin() before render()")
        hole = hole_of(matte, self.grow_px, self.grow_frac)
        alpha = self._alpha(hole, frame)
        if hole.box.is_empty:
            self._shares[frame.index] = PlateShare(
                index=frame.index, hole_px=0, recovered_px=0, invented_px=0
            )
            return Layer(box=hole.box)
        plate = self._run.plate(frame, hole)
        shown = alpha > 0
        recovered = int((plate.is_recovered & shown).sum())
        total = int(shown.sum())
        self._shares[frame.index] = PlateShare(
            index=frame.index,
            hole_px=total,
            recovered_px=recovered,
            invented_px=total - recovered,
        )
        image = _samples(plate.image, frame)
        return Layer(box=hole.box, image=image, alpha=alpha)

    def report(self) -> Mapping[str, Any]:
        """What was recovered and what was invented, over the frames rendered so far.

        Returns:
            JSON values: ``recovered_frac`` and ``invented_frac`` of all replaced pixels (None
            where there were none), ``frames`` with the same pixel counts for each, and a
            ``summary`` in words.
        """
        shares = [self._shares[index] for index in sorted(self._shares)]
        total = sum(share.hole_px for share in shares)
        recovered = sum(share.recovered_px for share in shares)
        summary = "nothing was removed"
        if total:
            summary = (
                f"of what was removed, {recovered / total:.0%} comes from other frames (look at "
                "it: what no mask covers, a shadow, a leash or a foot, stays or comes along), "
                f"{1 - recovered / total:.0%} is made up from its surroundings"
            )
        return {
            "summary": summary,
            "recovered_frac": recovered / total if total else None,
            "invented_frac": 1 - recovered / total if total else None,
            "frames": [vars(share) for share in shares],
        }

    def _alpha(self, hole: Hole, frame: Frame) -> Matte:
        """1 over the object, fading out within the margin; hard for a cover."""
        mask: Mask = hole.mask
        # Chroma samples that serve the object also serve pixels so far beside it.
        step_x, step_y = frame.layout.chroma_step
        full_px = hole.margin_px - math.hypot(step_x - 1, step_y - 1)
        width_px = min(self.feather_px, full_px - 1)
        if self.edge == "cover" or width_px < 1 or hole.box.is_empty:
            return mask.astype(np.float32)
        # Past the frame's border the hole goes on; past the box's it does not.
        at_border = (
            int(hole.box.y0 > 0),
            int(hole.box.y1 < hole.size[1]),
            int(hole.box.x0 > 0),
            int(hole.box.x1 < hole.size[0]),
        )
        padded: Any = cv2.copyMakeBorder(
            mask.view(np.uint8), *at_border, cv2.BORDER_CONSTANT, value=0
        )
        if padded.all():
            return mask.astype(np.float32)
        depth: Any = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        top, left = at_border[0], at_border[2]
        inner = depth[top : top + hole.box.height, left : left + hole.box.width]
        alpha: Matte = np.clip(inner / np.float32(width_px + 1), 0, 1).astype(np.float32)
        return alpha


def _samples(image: Any, frame: Frame) -> Image:
    """A picture in levels as samples of the frame's RGB."""
    scale = 1 if frame.rgb_dtype == np.uint8 else 257
    samples: Image = np.rint(np.clip(image, 0, 255) * scale).astype(frame.rgb_dtype)
    return samples
