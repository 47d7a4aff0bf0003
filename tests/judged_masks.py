"""Masks of a drawn disc that are to be judged, and assessors that have seen it so far."""

from __future__ import annotations

from functools import cache

import numpy as np

from tam_edit.frame import Frame
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking.assess import Assessor, Verdict
from tam_edit.types import Mask, Matte

SURE = Verdict(score=0.9)
WIDTH, HEIGHT = 240, 180
DISC = 1


def frame_of(clip: DrawnClip, index: int = 6) -> Frame:
    return Frame.from_rgb(clip.image(index), index=index)


def as_matte(mask: Mask) -> Matte:
    return mask.astype(np.float32)


@cache
def snapshot_before(clip: DrawnClip, until: int) -> bytes:
    """The state of an assessor that has seen the true masks of all frames before one."""
    assessor = Assessor(clip.width, clip.height)
    if until > 1:
        assessor = Assessor.resume(clip.width, clip.height, snapshot_before(clip, until - 1))
    assessor.look(frame_of(clip, until - 1))
    matte = as_matte(clip.mask(DISC, until - 1))
    if until > 1:
        assessor.judge(DISC, matte, SURE)
    assessor.settle({DISC: matte})
    return assessor.snapshot()


def tracked(clip: DrawnClip, until: int) -> Assessor:
    """An assessor that has seen the true masks, and then looks at the frame ``until``."""
    assessor = Assessor.resume(clip.width, clip.height, snapshot_before(clip, until))
    assessor.look(frame_of(clip, until))
    return assessor


def verdict_on(clip: DrawnClip, matte: Matte, index: int = 6, own: Verdict = SURE) -> Verdict:
    return tracked(clip, index).judge(DISC, matte, own)
