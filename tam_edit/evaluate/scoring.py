"""Tracks sequences with known masks as the program does, and compares what comes out."""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as AnySequence
from pathlib import Path

from tam_edit.errors import InputError
from tam_edit.evaluate.assessment import assess
from tam_edit.evaluate.report import Correction, ObjectReport, Report, Round, SequenceReport
from tam_edit.evaluate.rounds import Init, Protocol, TrackedSequence
from tam_edit.evaluate.sequences import Sequence
from tam_edit.evaluate.truth import Truth
from tam_edit.masks.measure import boundary_f, region_similarity, statistics
from tam_edit.media import open_source
from tam_edit.models import Models
from tam_edit.project import Project
from tam_edit.tracking import LoopSettings
from tam_edit.tracks import DOUBTFUL_BELOW
from tam_edit.types import ObjectId

# Told the sequence's name, the frames done in all sequences so far and the frames in all.
Progress = Callable[[str, int, int], None]


def evaluate(
    sequences: AnySequence[Sequence],
    models: Models,
    *,
    short_side: int = 480,
    settings: LoopSettings | None = None,
    init: Init = "mask",
    clicks: int = 1,
    corrections: int = 0,
    correct_by: Init = "click",
    flag_below: float = DOUBTFUL_BELOW,
    progress: Progress | None = None,
) -> Report:
    """Track every object of every sequence from its first frame on and score the masks.

    Each sequence is tracked in a project of its own, step by step as the program tracks a video.
    J and F leave out the first and the last frame; an object that is seen later is given on the
    first frame that shows it and scored from the next one on. The mean is taken over all objects
    of all sequences, as in DAVIS-2017; with one object each that is DAVIS-2016. Mattes are brought
    to the source's size (bilinear) and thresholded at 0.5; of several objects the strongest counts.

    Args:
        sequences: From :func:`~tam_edit.evaluate.find_sequences`; at least one.
        models: The segmenter turns clicks into masks and refines, the propagator tracks.
        short_side: Tracking size in pixels.
        settings: Which steps of the loop run; all that the models profit from where None.
        init: Begin with the true masks, or with simulated clicks.
        clicks: How many per mask: the first in the middle of the object, each next one in the
            middle of the largest error (the protocol of the DAVIS interactive challenge).
        corrections: Rounds of corrections after the first tracking. Each one corrects every
            object on the frame with the lowest score (where the object is not there, by saying
            so), and tracks again what that touches.
        correct_by: A correction is such clicks on the mask as it is, or the true mask.
        flag_below: Frames with a lower score count as flagged.
        progress: Told the name of the sequence, the frames done and the frames in all.

    Raises:
        InputError: There is no sequence, or one shows no object that can be scored.
        ModelError: The propagator left frames out.
    """
    if not sequences:
        raise InputError("there is no sequence to evaluate", hint="name a folder that holds some")
    protocol = Protocol(
        init=init,
        clicks=clicks,
        corrections=corrections,
        correct_by=correct_by,
        short_side=short_side,
        settings=settings or LoopSettings(),
    )
    reports = _sequence_reports(sequences, models, protocol, progress)
    tracks = [each for r in reports.values() for each in r.rounds[0].objects.values()]
    return Report(
        sequences=reports,
        assessment=assess([t.scores for t in tracks], [t.j for t in tracks], flag_below=flag_below),
        peak_rss_mb=_peak_rss_mb(),
        settings=_settings(models, protocol),
    )


def _sequence_reports(
    sequences: AnySequence[Sequence],
    models: Models,
    protocol: Protocol,
    progress: Progress | None,
) -> dict[str, SequenceReport]:
    total = sum(len(sequence.frames) for sequence in sequences)
    done = 0
    reports: dict[str, SequenceReport] = {}
    for sequence in sequences:

        def advance(share: float, sequence: Sequence = sequence, before: int = done) -> None:
            if progress is not None:
                progress(sequence.name, before + round(share * len(sequence.frames)), total)

        reports[sequence.name] = _evaluate_one(sequence, models, protocol, advance)
        done += len(sequence.frames)
    return reports


def _evaluate_one(
    sequence: Sequence,
    models: Models,
    protocol: Protocol,
    advance: Callable[[float], None],
) -> SequenceReport:
    truth = Truth(sequence)
    count = len(sequence.frames)
    with (
        tempfile.TemporaryDirectory(prefix="tam-edit-evaluate-") as folder,
        open_source(sequence.frames_folder) as source,
        Project.create(
            Path(folder) / "sequence.tam",
            source={"path": str(sequence.frames_folder)},
            width=source.info.width,
            height=source.info.height,
            frame_count=count,
            in_frame=0,
            out_frame=count,
        ) as project,
    ):
        work = TrackedSequence(sequence.name, project, source, truth, models, protocol)
        if not work.objects:
            raise InputError(
                f"the sequence {sequence.name} shows its objects on its last two frames only: "
                f"{sequence.masks[0].parent}",
                hint="nothing could be scored; leave the sequence out",
            )
        rounds = list(_rounds(work, truth, protocol.corrections, advance))
        return SequenceReport(
            frame_count=count,
            rounds=tuple(rounds),
            left_out=tuple(work.left_out),
            cuts=tuple(work.cuts or ()),
        )


def _rounds(
    work: TrackedSequence, truth: Truth, corrections: int, advance: Callable[[float], None]
) -> Iterator[Round]:
    """Track, then correct and track again; what is measured after each round."""
    iou, seconds_clicks = work.begin()
    corrected: tuple[Correction, ...] = ()
    for number in range(corrections + 1):
        if number:
            corrected, seconds_clicks = work.correct()
        before, share = number / (corrections + 1), 1 / (corrections + 1)

        def shown(done: int, of: int, before: float = before, share: float = share) -> None:
            advance(before + share * done / of)

        frames, seconds = work.track(shown)
        yield Round(
            objects=_scored(work, truth, iou),
            corrections=corrected,
            frame_count=frames,
            seconds_tracking=seconds,
            seconds_clicks=seconds_clicks,
        )
        advance(before + share)


def _scored(
    work: TrackedSequence, truth: Truth, iou: Mapping[ObjectId, float]
) -> dict[ObjectId, ObjectReport]:
    """J and F of all objects as they stand."""
    first_frames = {number: truth.first_frames[number] for number in work.objects}
    j: dict[ObjectId, list[float]] = {number: [] for number in first_frames}
    f: dict[ObjectId, list[float]] = {number: [] for number in first_frames}
    for index in range(min(first_frames.values()) + 1, truth.frame_count - 1):
        wanted, found, ignored = truth.masks(index), work.masks(index), truth.ignored(index)
        for number, first_frame in first_frames.items():
            if index > first_frame:
                mask = found[number] if ignored is None else found[number] & ~ignored
                j[number].append(region_similarity(mask, wanted[number]))
                f[number].append(boundary_f(mask, wanted[number]))
    reports = {}
    for number, first_frame in first_frames.items():
        known = work.scores(number)
        scored = [known[index] for index in range(first_frame + 1, truth.frame_count - 1)]
        reports[number] = ObjectReport(
            first_frame=first_frame,
            init_iou=iou[number],
            j=tuple(j[number]),
            f=tuple(f[number]),
            scores=tuple(s.score for s in scored),
            origins=tuple(str(s.origin) for s in scored),
            j_statistics=statistics(j[number]),
            f_statistics=statistics(f[number]),
        )
    return reports


def _settings(models: Models, protocol: Protocol) -> dict[str, str | int | float | bool]:
    below = protocol.settings.refine_below
    refine_below = models.refine_below if below is None else below
    corrects_by = protocol.correct_by if protocol.corrections else ""
    return {
        "model": models.name,
        "propagator": models.propagator.name,
        "segmenter": models.segmenter.name,
        "init": protocol.init,
        "clicks": protocol.clicks if "click" in (protocol.init, corrects_by) else 0,
        "corrections": protocol.corrections,
        "correct_by": corrects_by,
        "short_side": protocol.short_side,
        "assesses": protocol.settings.assesses,
        "refine_below": refine_below if protocol.settings.assesses else 0.0,
        "at_cuts": protocol.settings.at_cuts,
    }


def _peak_rss_mb() -> float:
    """The most memory that this process ever held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
