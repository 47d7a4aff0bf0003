"""One sequence in a project of its own: tracked, corrected as a person would, tracked again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from tam_edit.errors import InputError, ModelError
from tam_edit.evaluate.clicking import INSIDE_FROM, click, next_prompts
from tam_edit.evaluate.report import Correction
from tam_edit.evaluate.truth import Truth
from tam_edit.masks.measure import region_similarity
from tam_edit.media import Source
from tam_edit.models import Models
from tam_edit.project import Project
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.tracking import LoopSettings, find_cuts, follow, give_prompts
from tam_edit.tracking.init import Segment, to_go_on_from
from tam_edit.tracks import FrameScore, Origin, TrackedMatte
from tam_edit.types import Mask, Matte, ObjectId

Init: TypeAlias = Literal["mask", "click"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What is done with every sequence.

    Attributes:
        init: Begin with the true mask, or with simulated clicks.
        clicks: Clicks per mask, at the beginning and in corrections.
        corrections: Rounds of corrections.
        correct_by: What a correction is: such clicks, or the true mask.
        short_side: Tracking size in pixels.
        settings: Which steps of the loop run.
    """

    init: Init
    clicks: int
    corrections: int
    correct_by: Init
    short_side: int
    settings: LoopSettings

    def __post_init__(self) -> None:
        if self.clicks < 1 or self.corrections < 0:
            raise InputError(
                f"{self.clicks} clicks and {self.corrections} corrections were asked for",
                hint="it takes at least one click, and no fewer than 0 corrections",
            )


class TrackedSequence:
    """A sequence in work.

    Args:
        name: Of the sequence, for errors.
        project: Its empty project; it gets the objects under the numbers of the truth.
        source: Its pictures.
        truth: Its true masks.
        models: Segmenter and propagator.
        protocol: What is done.

    Attributes:
        objects: Per object of the truth its number in the project.
        left_out: Objects that are seen too late for any frame to be scored.
        cuts: First frames of new shots, known after the first tracking.
    """

    def __init__(
        self,
        name: str,
        project: Project,
        source: Source,
        truth: Truth,
        models: Models,
        protocol: Protocol,
    ) -> None:
        self._name, self._project, self._source = name, project, source
        self._truth, self._models, self._protocol = truth, models, protocol
        self.objects: dict[ObjectId, ObjectId] = {}
        self.left_out: list[ObjectId] = []
        self.cuts: list[int] | None = None
        for number, first_frame in truth.first_frames.items():
            # Neither the frame that an object is given on nor the last frame is scored.
            if first_frame + 1 < project.frame_count - 1:
                self.objects[number] = project.add_object(str(number))
            else:
                self.left_out.append(number)

    def begin(self) -> tuple[dict[ObjectId, float], float]:
        """Give every object on the first frame that shows it.

        Before that frame nothing is asked of it: it counts as not in the picture.

        Returns:
            Per object J of the mask it was given with, and the seconds that clicks took.
        """
        iou, total = {}, 0.0
        for number, object_id in self.objects.items():
            index = self._truth.first_frames[number]
            mask = self._truth.masks(index)[number]
            if self._protocol.init == "mask":
                self._say(number, index, Prompts(mask=mask))
            else:
                total += self._click(number, index, mask)[1]
            nowhere = TrackedMatte(
                matte=np.zeros(mask.shape, np.float32), score=1.0, origin=Origin.ABSENT
            )
            for earlier in range(self._project.in_frame, index):
                self._project.append(earlier, {object_id: nowhere})
            iou[number] = self._j(index, number, self.matte(object_id, index))
        return iou, total

    def track(self, progress: Callable[[int, int], None]) -> tuple[int, float]:
        """Track what is not tracked yet.

        Returns:
            How many frames the model was shown, and the seconds that it took.

        Raises:
            ModelError: Frames were left out.
        """
        project, settings = self._project, self._protocol.settings
        began = time.perf_counter()
        if self.cuts is None:
            ignores = settings.at_cuts == "ignore"
            self.cuts = [] if ignores else find_cuts(self._source.frames())
        frames = follow(
            self._source,
            project,
            self._models,
            short_side=self._protocol.short_side,
            settings=settings,
            cuts=self.cuts,
            progress=progress,
        )
        project.flush()
        seconds = time.perf_counter() - began
        for number, object_id in self.objects.items():
            if project.tracked_spans(object_id) != [(project.in_frame, project.out_frame)]:
                raise ModelError(
                    f"{self._models.propagator.name} left out frames of object {number} of "
                    f"{self._name}"
                )
        return frames, seconds

    def correct(self) -> tuple[tuple[Correction, ...], float]:
        """Correct each object on the frame with the lowest score that nobody has given yet.

        Returns:
            What was corrected, and the seconds that clicks took.
        """
        corrections, total = [], 0.0
        for number, object_id in self.objects.items():
            worst = self._worst(number, object_id)
            if worst is None:
                continue
            index = worst.frame_index
            mask = self._truth.masks(index)[number]
            before = self.matte(object_id, index)
            click_count = 0
            if not mask.any():
                self._say(number, index, Prompts(gone=True))
            elif self._protocol.correct_by == "mask":
                self._say(number, index, Prompts(mask=mask))
            else:
                current = self._to_go_on_from(object_id, index, mask)
                click_count, seconds = self._click(number, index, mask, current)
                total += seconds
            corrections.append(
                Correction(
                    object_id=number,
                    frame_index=index,
                    score=worst.score,
                    click_count=click_count,
                    is_gone=not mask.any(),
                    j_before=self._j(index, number, before),
                    j_after=self._j(index, number, self.matte(object_id, index)),
                )
            )
        return tuple(corrections), total

    def matte(self, object_id: ObjectId, index: int) -> Matte:
        """What is stored of an object of the project, float32 (H, W) at source size."""
        return self._project.track(object_id).matte(
            index, self._project.width, self._project.height
        )

    def masks(self, index: int) -> dict[ObjectId, Mask]:
        """Every object's mask on one frame, bool (H, W) at source size, by the truth's numbers.

        Where several claim a pixel the strongest has it; of equals the first one.
        """
        masks: dict[ObjectId, Mask] = {}
        strongest: Matte | None = None
        for number, object_id in self.objects.items():
            matte = self.matte(object_id, index)
            mask = matte >= INSIDE_FROM
            if strongest is not None:
                mask &= matte > strongest
                masks = {n: earlier & ~mask for n, earlier in masks.items()}
                matte = np.maximum(matte, strongest)
            masks[number], strongest = mask, matte
        return masks

    def scores(self, number: ObjectId) -> dict[int, FrameScore]:
        """What the program knows of each frame of an object of the truth."""
        return {s.frame_index: s for s in self._project.scores(self.objects[number])}

    @property
    def _barriers(self) -> Sequence[int]:
        return (self.cuts or ()) if self._protocol.settings.at_cuts == "ask" else ()

    def _worst(self, number: ObjectId, object_id: ObjectId) -> FrameScore | None:
        given = self._project.prompts(object_id)
        first_frame = self._truth.first_frames[number]
        scores = [
            s
            for s in self._project.scores(object_id)
            if s.frame_index > first_frame and s.frame_index not in given
        ]
        return worst_frame(scores)

    def _to_go_on_from(self, object_id: ObjectId, index: int, truth: Mask) -> Matte | None:
        """What a session would let the first click on a mask correct."""
        width, height = self._project.width, self._project.height
        entry = self._project.entry(object_id, index)
        first = next_prompts(truth, self.matte(object_id, index) >= INSIDE_FROM)
        return to_go_on_from(entry, first, width, height)

    def _click(
        self, number: ObjectId, index: int, truth: Mask, current: Matte | None = None
    ) -> tuple[int, float]:
        """Click on an object; returns the number of clicks and the seconds that they took."""
        frame = self._source.frame(index)
        found = click(
            frame,
            truth,
            self._models.segmenter,
            self._protocol.clicks,
            current,
            self._truth.ignored(index),
        )
        self._say(number, index, found.prompts, lambda *_: found.segmentation)
        return len(found.prompts.positive) + len(found.prompts.negative), found.seconds

    def _say(
        self, number: ObjectId, index: int, prompts: Prompts, segment: Segment | None = None
    ) -> None:
        """Give prompts as a person does, with the answer to them where it is known."""
        give_prompts(
            self._source,
            self._project,
            segment or self._models.segmenter.segment,
            ObjectPrompts(object_name=str(number), frame_index=index, prompts=prompts),
            cuts=self._barriers,
        )

    def _j(self, index: int, number: ObjectId, matte: Matte) -> float:
        truth = self._truth.masks(index)[number]
        mask = matte >= INSIDE_FROM
        return region_similarity(mask, truth, self._truth.ignored(index))


def worst_frame(scores: Sequence[FrameScore]) -> FrameScore | None:
    """The frame to be corrected first: the lowest score; None where there is no frame.

    Where consecutive frames share that score it is the middle one of them, of the longest such
    run.

    Args:
        scores: By ascending frame.
    """
    lowest = min((s.score for s in scores), default=None)
    runs: list[list[FrameScore]] = []
    for scored in scores:
        if scored.score != lowest:
            continue
        if runs and runs[-1][-1].frame_index + 1 == scored.frame_index:
            runs[-1].append(scored)
        else:
            runs.append([scored])
    if not runs:
        return None
    longest = max(runs, key=len)
    return longest[(len(longest) - 1) // 2]
