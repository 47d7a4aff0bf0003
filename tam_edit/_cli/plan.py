"""``--plan``: what a command would do, on which frames, and how long it would take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tam_edit._cli.acting import frames_in_words
from tam_edit._cli.console import Output, duration
from tam_edit.errors import InputError
from tam_edit.media import Source, format_for, is_taken, matte_format_for, timecode_at
from tam_edit.prompts import ObjectPrompts
from tam_edit.recipe import (
    CheckpointStep,
    EffectStep,
    ExportStep,
    Recipe,
    Step,
    TrackStep,
    check_objects,
    check_positions,
    export_path,
    frame_of,
    in_words,
)
from tam_edit.render import check_outputs
from tam_edit.review.words import counted, spans_text
from tam_edit.session import Session, Tracking, Trial, check_pages, check_points, try_out
from tam_edit.tracking import LoopSettings, check_frame


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is planned.

    Attributes:
        recipe: What is asked for.
        source: The video.
        frames: Those of the work.
        target: The output that the command names.
        said: Prompts, in the order of frames.
        tracking: How it is tracked.
        session: The project that the work would go on with, if there is one.
        part: The frames that are written where that is not all of the work.
    """

    recipe: Recipe
    source: Source
    frames: range
    target: str
    said: Sequence[ObjectPrompts]
    tracking: Tracking
    session: Session | None = None
    part: range | None = None

    @property
    def written(self) -> range:
        """The frames that are written."""
        return self.part or self.frames


def of_project(
    session: Session,
    recipe: Recipe,
    target: str,
    said: Sequence[ObjectPrompts],
    device: str,
    loop: LoopSettings,
    part: range | None = None,
) -> Job:
    """The job that goes on with a project.

    Args:
        session: The project.
        recipe: What is asked for.
        target: The output that the command names.
        said: Prompts beside those that are in the project.
        device: Where models run.
        loop: Which steps of tracking run.
        part: The frames that are written; all where left out.
    """
    session.check_part(part)
    project = session.project
    known = [
        ObjectPrompts(object_name=name, frame_index=frame, prompts=prompts)
        for object_id, name in project.objects().items()
        for frame, prompts in project.prompts(object_id).items()
    ]
    fps = project.source["fps"]
    return Job(
        recipe=recipe,
        source=session.source,
        frames=range(project.in_frame, project.out_frame),
        target=target,
        said=sorted([*known, *said], key=lambda each: each.frame_index),
        tracking=Tracking(
            model=str(project.settings["model"]),
            device=device,
            short_side=session.short_side,
            loop=loop,
            fps=None if fps is None else Fraction(str(fps)),
        ),
        session=session,
        part=part,
    )


def tell(job: Job, output: Output, *, overwrite: bool) -> None:
    """Try a job on a few frames and print what would be done; nothing is written.

    Args:
        job: What is planned.
        output: Where it is told.
        overwrite: Whether the command may replace outputs.
    """
    with output.progress("trying a few frames") as progress:
        places, trial = _checked(job, progress)
    lacking = _lacking(job)
    _tell_heading(job, output)
    for place in places:
        if is_taken(place) and not overwrite:
            output.note(f"{place} exists already: to replace it, the command needs --overwrite")
    try:
        check_pages(job.recipe, places, None if job.session is None else job.session.project)
    except InputError as error:
        output.note(f"{error}: {error.hint}")
    steps = _tell_steps(job, lacking, output)
    estimate = _tell_estimate(job, lacking, trial, output)
    output.result(
        {
            "title": job.recipe.title,
            "frames": [job.written[0], job.written[-1]],
            "untracked": lacking,
            "steps": steps,
            "outputs": [_target_of(step, job.target) for step in job.recipe.exports],
            "estimate": estimate,
        }
    )


def _checked(job: Job, progress: Callable[[int, int], None]) -> tuple[Sequence[Path], Trial | None]:
    """Refuse what the job would refuse; where it would write, and how a few frames of it went."""
    check_points(job.frames.start, job.frames.stop, job.source)
    check_positions(job.recipe, job.source, job.frames)
    for said in job.said:
        check_frame(said.frame_index, job.frames.start, job.frames.stop)
    if job.said:
        check_objects(job.recipe, {each.object_name for each in job.said})
    places = check_outputs(job.source, job.recipe, job.target, overwrite=True)
    trial = try_out(
        job.source.info.path,
        job.said,
        job.recipe,
        "/" if job.target.endswith("/") else Path(job.target).suffix,
        frames=job.frames,
        tracking=job.tracking,
        progress=progress,
    )
    return places, trial


def _tell_heading(job: Job, output: Output) -> None:
    info, first, last = job.source.info, job.written[0], job.written[-1]
    span = f"{timecode_at(first, job.source)} to {timecode_at(last, job.source)}"
    output.say(f"plan of {job.recipe.title!r}; nothing is written")
    output.say(
        f"  video      {info.path.name}: {info.width}x{info.height}, frames {first} to {last} "
        f"({span})"
    )


def _tell_steps(job: Job, lacking: dict[str, int], output: Output) -> list[dict[str, str]]:
    stated = any(step.kind == "export" for step in job.recipe.steps)
    steps = [*job.recipe.steps, *(() if stated else job.recipe.exports)]
    told = [{"kind": step.kind, "does": _told(step, job, lacking)} for step in steps]
    for each in told:
        output.say(f"  {each['kind']:<10} {each['does']}")
    return told


def _tell_estimate(
    job: Job, lacking: dict[str, int], trial: Trial | None, output: Output
) -> dict[str, float] | None:
    """How long it would take, as the frames that were tried did; None where none were."""
    if trial is None:
        output.note("no estimate: give a --click, a --box or a --mask, and a few frames are tried")
        return None
    track_s = round(trial.track_s * sum(lacking.values()), 1)
    write_s = round(trial.look_s * len(job.frames) + trial.write_s * len(job.written), 1)
    tracking = f"{duration(track_s)} for tracking, " if lacking else ""
    output.say(
        f"  estimate   {tracking}{duration(write_s)} for writing, from "
        f"{counted(trial.frame_count, 'frame')} that were tried on this machine"
    )
    return {"track_s": track_s, "write_s": write_s, "tried_frames": trial.frame_count}


def _told(step: Step, job: Job, lacking: dict[str, int]) -> str:
    """One step in words, with the frames that it is about."""
    words = in_words(step)
    if isinstance(step, TrackStep):
        missing = ", ".join(
            f"{counted(count, 'frame')} of {name!r}" for name, count in lacking.items()
        )
        known = "every frame is tracked already" if job.said else "nothing was clicked yet"
        return f"{words}; {missing or known}"
    if isinstance(step, CheckpointStep):
        return _told_checkpoint(step, job, lacking)
    if isinstance(step, EffectStep):
        where = frames_in_words(step, job.source, job.written)
        return f"{words}, {where}"
    if isinstance(step, ExportStep):
        target = _target_of(step, job.target)
        return f"{target}: {in_words(_with_format(step, target, job)).partition(': ')[2]}"
    return words


def _with_format(step: ExportStep, target: str, job: Job) -> ExportStep:
    """The step with the format that the name of its output stands for."""
    if step.format is not None or step.what not in ("picture", "luma"):
        return step
    if step.what == "luma":
        chosen = matte_format_for(target, bits=step.bits)
    else:
        needs_alpha, layout = job.recipe.needs_alpha, job.source.info.layout
        chosen = format_for(target, needs_alpha=needs_alpha, layout=layout, bits=step.bits)
    return step.model_copy(update={"format": chosen.name})


def _told_checkpoint(step: CheckpointStep, job: Job, lacking: dict[str, int]) -> str:
    is_known = job.session is not None and not lacking
    words = in_words(step)
    if step.when == "frames":
        inside = [at for at in step.frames if frame_of(at, job.source) in job.written]
        if not inside:
            return "stops at no frame: those that it asks about are not written"
        words = in_words(step.model_copy(update={"frames": tuple(inside)}))
    if is_known:
        return f"{words}; {_stops_now(step, job)}"
    if step.when == "doubt":
        return f"{words} (which frames these are is known after tracking)"
    return words


def _stops_now(step: CheckpointStep, job: Job) -> str:
    """On which of the written frames a checkpoint would stop as the masks are now."""
    doubts = [] if job.session is None else job.session.would_stop(job.recipe, step, job.written)
    frames = {index for doubt in doubts for index in doubt.frames}
    if not frames:
        return "as the masks are now, nowhere"
    return f"as the masks are now, on {counted(len(frames), 'frame')} ({spans_text(frames)})"


def _lacking(job: Job) -> dict[str, int]:
    """How many frames of each object are still to be tracked, as far as that is known."""
    known = {} if job.session is None else job.session.untracked()
    begun = set() if job.session is None else set(job.session.project.objects().values())
    new = {each.object_name for each in job.said} - begun
    return {**known, **{name: _looked_for(name, job) for name in sorted(new)}}


def _looked_for(name: str, job: Job) -> int:
    """On how many frames an object is not said to be gone."""
    said = {each.frame_index: each.prompts for each in job.said if each.object_name == name}
    starts = sorted(said)
    gone: set[int] = set()
    for start, following in zip(starts, [*starts[1:], job.frames.stop], strict=True):
        if said[start].gone:
            last = said[start].gone_last
            gone.update(range(start, following if last is None else last + 1))
    return len(set(job.frames) - gone)


def _target_of(step: ExportStep, target: str) -> str:
    if step.path is None:
        return target
    place = Path(target)
    shown = str(place.parent / export_path(step.path, place.stem))
    return shown + "/" if step.path.endswith("/") else shown
