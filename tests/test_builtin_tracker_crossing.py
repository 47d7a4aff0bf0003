"""Two objects that cross, one hidden behind the other for a while, with the truth beside them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo
from tam_edit.models.builtin.tracker import BuiltinPropagator
from tam_edit.testing.clips import DrawnClip, draw_clip

Mask = NDArray[np.bool_]
Masks = list[dict[int, Mask]]

FRAMES = 36


def tracked(clip: DrawnClip) -> Masks:
    run = BuiltinPropagator().start(TrackingInfo(width=clip.width, height=clip.height))
    given = {n: clip.mask(n, 0).astype(np.float32) for n in (1, 2)}
    run.keyframe(Frame.from_rgb(clip.image(0), index=0), given)
    steps = (run.step(Frame.from_rgb(clip.image(i), index=i)) for i in range(1, len(clip)))
    return [{n: step.mattes[n] > 0.5 for n in (1, 2)} for step in steps]


def iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


# Twins look alike to the last colour: only what each has learned of the other tells them apart.
@pytest.mark.parametrize(
    ("kind", "seed"), [("two", 0), ("twins", 0), ("twins", 1), ("twins", 2)], ids=str
)
def test_objects_that_cross_keep_their_numbers(kind: str, seed: int) -> None:
    clip = draw_clip(kind, frames=FRAMES, width=320, height=240, seed=seed)
    mine: dict[int, list[float]] = {1: [], 2: []}
    for index, found in enumerate(tracked(clip), start=1):
        assert not (found[1] & found[2]).any()
        true = {n: clip.mask(n, index) for n in (1, 2)}
        for number in (1, 2):
            own = iou(found[number], true[number])
            mine[number].append(own)
            # It may be lost while it is hidden, but is never taken for the other one.
            if true[number].sum() > 0.2 * clip.mask(number, 0).sum():
                assert own >= iou(found[number], true[3 - number])
    # Before they meet, the one in front throughout, and both once they have parted.
    assert min(mine[1][:8] + mine[2]) > 0.75
    assert np.mean(mine[1][-5:]) > 0.85
    assert np.mean(mine[2][-5:]) > 0.85
