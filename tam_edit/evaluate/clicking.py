"""A person at the screen, worked out from the truth: clicks until so many are made.

The protocol is that of the DAVIS interactive challenge (Caelles et al., "The 2018 DAVIS Challenge
on Video Object Segmentation", 2018).
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

from tam_edit.frame import Frame
from tam_edit.masks.clicks import first_click, next_click
from tam_edit.models.base import Segmentation, Segmenter
from tam_edit.prompts import Prompts
from tam_edit.types import Mask, Matte

INSIDE_FROM = 0.5  # a matte's value from which a pixel belongs to the mask


@dataclass(frozen=True, kw_only=True, eq=False)
class Clicked:
    """What clicks led to.

    Attributes:
        prompts: The clicks, as a person's.
        segmentation: The answer to the last one.
        seconds: Time that the segmenter took.
    """

    prompts: Prompts
    segmentation: Segmentation
    seconds: float


def click(
    frame: Frame,
    truth: Mask,
    segmenter: Segmenter,
    count: int,
    current: Matte | None = None,
    ignored: Mask | None = None,
) -> Clicked:
    """Click on an object as a careful person would.

    Without a matte to begin with, the first click goes to the middle of the object; each other
    one to the middle of what is most wrong.

    Args:
        frame: The picture.
        truth: bool (H, W) at source size; not empty.
        segmenter: Answers each click.
        count: How many clicks, at least 1.
        current: The matte that is to be corrected, float32 (H, W) at source size.
        ignored: bool (H, W); where the truth is not known, and nothing is wrong.
    """
    prompts, matte, seconds = Prompts(), current, 0.0
    for made in itertools.count(1):
        mask = None if matte is None else matte >= INSIDE_FROM
        if mask is not None and ignored is not None:
            mask &= ~ignored
        prompts = prompts.joined(next_prompts(truth, mask))
        began = time.perf_counter()
        found = segmenter.segment(frame, prompts, matte)
        seconds += time.perf_counter() - began
        matte = found.best
        if made >= count:
            break
    return Clicked(prompts=prompts, segmentation=found, seconds=seconds)


def next_prompts(truth: Mask, mask: Mask | None) -> Prompts:
    """The next click of a careful person, on a mask as it is; None where there is none."""
    if mask is None or not mask.any():
        return Prompts(positive=(first_click(truth),))
    point, is_positive = next_click(truth, mask)
    return Prompts(positive=(point,)) if is_positive else Prompts(negative=(point,))
