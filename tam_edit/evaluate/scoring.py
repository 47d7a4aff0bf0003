"""Tracks sequences with known masks and compares what comes out, as DAVIS-2016 does."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as AnySequence
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from tam_edit.errors import InputError, ModelError
from tam_edit.evaluate.report import Report, SequenceReport, assess
from tam_edit.evaluate.sequences import Sequence
from tam_edit.frame import Frame
from tam_edit.masks.clicks import first_click, next_click
from tam_edit.masks.measure import boundary_f, iou, region_similarity, statistics
from tam_edit.media import open_source
from tam_edit.models.base import Propagator, Segmenter
from tam_edit.prompts import Prompts
from tam_edit.tracking import propagate
from tam_edit.tracks import DOUBTFUL_BELOW, resized
from tam_edit.types import Mask, Matte

THE_OBJECT = 1
INSIDE_FROM = 0.5  # a matte's value from which a pixel belongs to the mask

Item = TypeVar("Item")
# Told the sequence's name, the frames done in all sequences so far and the frames in all.
Progress = Callable[[str, int, int], None]


class _Start(NamedTuple):
    """The first frame's matte, (H, W) at source size, and how it came about."""

    matte: Matte
    iou: float
    seconds: float


def evaluate(
    sequences: AnySequence[Sequence],
    *,
    segmenter: Segmenter | None,
    propagator: Propagator,
    short_side: int = 480,
    init: Literal["mask", "click"] = "mask",
    clicks: int = 1,
    flag_below: float = DOUBTFUL_BELOW,
    progress: Progress | None = None,
) -> Report:
    """Track every sequence from its first frame on and score the masks.

    J and F leave out the first and the last frame of a sequence. Mattes are brought to the
    source's size (bilinear) and thresholded at 0.5.

    Args:
        sequences: From :func:`~tam_edit.evaluate.find_sequences`; at least one.
        segmenter: Turns clicks into the first mask; not needed for ``init="mask"``.
        propagator: Carries it through the sequence.
        short_side: Tracking size in pixels.
        init: Begin with the true mask, or with simulated clicks.
        clicks: How many: the first in the middle of the object, each next one in the middle of
            the largest error (the protocol of the DAVIS interactive challenge).
        flag_below: Frames with a lower score of the tracker count as flagged.
        progress: Told the name of the sequence, the frames done and the frames in all.

    Raises:
        InputError: There is no sequence, no object on a first frame, or no segmenter for clicks.
        ModelError: The propagator left frames out.
    """
    if not sequences:
        raise InputError("there is no sequence to evaluate", hint="name a folder that holds some")
    if init == "click" and (segmenter is None or clicks < 1):
        raise InputError("beginning with clicks needs a segmenter and at least one click")
    total = sum(len(sequence.frames) for sequence in sequences)
    done = 0
    reports: dict[str, SequenceReport] = {}
    for sequence in sequences:

        def advance(frames: int, name: str = sequence.name, before: int = done) -> None:
            if progress is not None:
                progress(name, before + frames, total)

        start = _start(sequence, segmenter if init == "click" else None, clicks)
        reports[sequence.name] = _track(sequence, start, propagator, short_side, advance)
        done += len(sequence.frames)
    return Report(
        sequences=reports,
        assessment=assess(
            [r.scores for r in reports.values()],
            [r.j for r in reports.values()],
            flag_below=flag_below,
        ),
        peak_rss_mb=_peak_rss_mb(),
        settings={
            "propagator": propagator.name,
            "segmenter": segmenter.name if segmenter is not None and init == "click" else "",
            "init": init,
            "clicks": clicks if init == "click" else 0,
            "short_side": short_side,
        },
    )


def _start(sequence: Sequence, segmenter: Segmenter | None, clicks: int) -> _Start:
    truth = sequence.truth(0)
    if not truth.any():
        raise InputError(
            f"the first mask of the sequence {sequence.name} is empty: {sequence.masks[0]}",
            hint="leave out the frames before the object comes in",
        )
    if segmenter is None:
        return _Start(truth.astype(np.float32), 1.0, 0.0)
    with open_source(sequence.frames_folder) as source:
        frame = source.frame(0)
    matte, seconds = _clicked(frame, truth, segmenter, clicks)
    return _Start(matte, iou(matte >= INSIDE_FROM, truth), seconds)


def _clicked(frame: Frame, truth: Mask, segmenter: Segmenter, clicks: int) -> tuple[Matte, float]:
    """The matte after so many simulated clicks, and the seconds that the segmenter took."""
    prompts = Prompts(positive=(first_click(truth),))
    matte: Matte | None = None
    seconds = 0.0
    while True:
        prompts.check(frame.width, frame.height)
        began = time.perf_counter()
        matte = segmenter.segment(frame, prompts, matte).best
        seconds += time.perf_counter() - began
        if len(prompts.positive) + len(prompts.negative) == clicks:
            return matte, seconds
        point, is_positive = next_click(truth, matte >= INSIDE_FROM)
        prompts = Prompts(
            positive=(*prompts.positive, *([point] if is_positive else [])),
            negative=(*prompts.negative, *([] if is_positive else [point])),
        )


def _track(
    sequence: Sequence,
    start: _Start,
    propagator: Propagator,
    short_side: int,
    advance: Callable[[int], None],
) -> SequenceReport:
    j, f, scores = [], [], []
    count = len(sequence.frames)
    tracked = 0
    with open_source(sequence.frames_folder) as source:
        keyframes = {0: {THE_OBJECT: start.matte}}
        steps = _Timed(propagate(source.frames(), propagator, keyframes, short_side=short_side))
        for index, step in steps:
            tracked += 1
            if 0 < index < count - 1:
                truth = sequence.truth(index)
                height, width = truth.shape
                mask = resized(step.mattes[THE_OBJECT], width, height) >= INSIDE_FROM
                j.append(region_similarity(mask, truth))
                f.append(boundary_f(mask, truth))
                scores.append(float(step.scores[THE_OBJECT]))
            advance(tracked)
    if tracked != count:
        raise ModelError(
            f"{propagator.name} gave {tracked} masks for the {count} frames of {sequence.name}"
        )
    return SequenceReport(
        frame_count=count,
        init_iou=start.iou,
        j=tuple(j),
        f=tuple(f),
        scores=tuple(scores),
        j_statistics=statistics(j),
        f_statistics=statistics(f),
        seconds_init=start.seconds,
        seconds_tracking=steps.seconds,
    )


class _Timed(Iterator[Item]):
    """An iterator that adds up how long it is waited for."""

    def __init__(self, items: Iterator[Item]) -> None:
        self.seconds = 0.0
        self._items = items

    def __next__(self) -> Item:
        began = time.perf_counter()
        try:
            return next(self._items)
        finally:
            self.seconds += time.perf_counter() - began


def _peak_rss_mb() -> float:
    """The most memory that this process ever held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
