"""Steps that several commands take with a session, and how they tell of them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from tam_edit._cli import written
from tam_edit._cli.acting import tell_what_may_be_unmeant
from tam_edit._cli.console import Output
from tam_edit._cli.positions import frame_of
from tam_edit.errors import InputError, ReviewPending, TamEditError
from tam_edit.media import Source, open_source
from tam_edit.models import AUTO
from tam_edit.project import PROJECT_SUFFIX
from tam_edit.recipe import Recipe, TrackStep
from tam_edit.render import RenderReport
from tam_edit.review.words import counted, quoted, spanned
from tam_edit.session import DEFAULT_SHORT_SIDE, OnDoubt, Session

PART_OPTIONS = ("--in", "--out")
# A setting of a project: it was begun beside an output, and goes when that is finished.
GOES = "goes_when_done"


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a session begins where there is no project yet.

    Attributes:
        in_point: Frame or time of the in point; the first frame where None.
        out_point: Frame or time of the out point; the end where None.
        fps: Frames per second of a folder of frames.
        model: Name of the models.
        device: Where they run.
        short_side: Tracking size in pixels; the usual one where None.
    """

    in_point: str | None
    out_point: str | None
    fps: Fraction | None
    model: str
    device: str
    short_side: int | None

    def following(self, step: TrackStep) -> Start:
        """The same, where a recipe's track step fills in what was not typed."""
        return replace(
            self,
            model=step.model if self.model == AUTO else self.model,
            short_side=step.short_side_px if self.short_side is None else self.short_side,
        )


def create_session(
    video: str, path: Path, start: Start, output: Output, *, overwrite: bool = False
) -> Session:
    """Begin a project for a video."""
    if start.fps is None and Path(video).is_dir():
        output.note(f"{video} is taken at 25 frames/s; --fps says otherwise")
    with open_source(video, fps=start.fps) as source:
        frames = frames_of(start, source, output)
    return Session.create(
        video,
        path,
        fps=start.fps,
        in_frame=frames.start,
        out_frame=frames.stop,
        model=start.model,
        device=start.device,
        short_side=start.short_side or DEFAULT_SHORT_SIDE,
        overwrite=overwrite,
    )


def opened_session(path: Path, start: Start, *, video: str | None = None) -> Session:
    """Go on with a project; what was typed must be what it was begun with.

    Raises:
        InputError: An in or out point, a rate or a size is not the project's.
    """
    session = Session.open(path, video=video, model=start.model, device=start.device)
    try:
        _check_start(session, start)
    except TamEditError:
        session.close()
        raise
    return session


@contextmanager
def one_line_session(
    video: str,
    target: str | Path,
    project: Path | None,
    start: Start,
    output: Output,
    *,
    is_kept: bool,
    step: TrackStep | None = None,
) -> Iterator[Session]:
    """The session of a job that is given in one line, and again to go on with it.

    A recipe's track step fills in what was not typed where the project is begun.

    Its project lies beside the target, unless ``project`` names a place, and goes when the job is
    done, unless it was ever to be kept, or begun by another command. It stays after an
    interruption, and after a failure once there is something in it.
    """
    path = project_path(target, project)
    is_begun = path.exists()
    if is_begun:
        session = opened_session(path, start, video=video)
        output.note(f"going on with {path}")
    else:
        begin = start if step is None else start.following(step)
        session = create_session(video, path, begin, output)
        session.project.settings[GOES] = True
    if is_kept:
        session.project.settings[GOES] = False
    is_worth_keeping = True
    try:
        with session:
            try:
                yield session
            except TamEditError as error:
                is_worth_keeping = is_begun or bool(session.project.objects())
                if isinstance(error, ReviewPending) and not stays(session):
                    error.hint += f"\n  {_what_keeps(path)}"
                raise
            is_worth_keeping = stays(session)
    finally:
        if not is_worth_keeping:
            path.unlink()


def stays(session: Session) -> bool:
    """Whether the project of a job in one line stays when the job is done."""
    return not session.project.settings.get(GOES, False)


def _what_keeps(path: Path) -> str:
    return (
        f"corrections and approvals are kept in {path} until the output is finished, and for good "
        f"if the command is repeated with --project {quoted(path)}"
    )


def project_path(target: str | Path, project: Path | None) -> Path:
    """Where the project of a job in one line lies: beside its target if nothing else is said."""
    return project or Path(target).with_name(Path(target).name + PROJECT_SUFFIX)


def _check_start(session: Session, start: Start) -> None:
    project, source = session.project, session.source
    typed_and_stored = {
        "--in": (start.in_point and _in_point(start.in_point, source), project.in_frame),
        "--out": (start.out_point and _out_point(start.out_point, source), project.out_frame),
        "--size": (start.short_side, session.short_side),
        "--fps": (start.fps, source.info.average_rate),
    }
    for option, (typed, stored) in typed_and_stored.items():
        if typed is not None and typed != stored:
            part = ""
            if option in PART_OPTIONS:
                part = f"; to write a part of it: tam-edit render {quoted(project.path)} {option} T"
            raise InputError(
                f"{project.path} was begun with {option} {stored}, not {typed}",
                hint="leave the option out to go on with it; to begin anew, name another output or "
                f"--project, or delete it{part}",
            )


def frames_of(start: Start, source: Source, output: Output) -> range:
    """The frames from the in point up to the out point that were typed."""
    frames = range(_in_point(start.in_point, source), _out_point(start.out_point, source))
    _note_frames_for_seconds(frames, start.in_point, start.out_point, source, output)
    return frames


def part_of(
    session: Session, in_point: str | None, out_point: str | None, output: Output
) -> range | None:
    """The part of a project's frames that was typed; None where nothing was."""
    if in_point is None and out_point is None:
        return None
    project, source = session.project, session.source
    start = project.in_frame if in_point is None else _in_point(in_point, source)
    stop = project.out_frame if out_point is None else _out_point(out_point, source)
    part = range(start, stop)
    _note_frames_for_seconds(part, in_point, out_point, source, output)
    return part


def _note_frames_for_seconds(
    frames: range, in_point: str | None, out_point: str | None, source: Source, output: Output
) -> None:
    """Tell of a part of less than a second that was typed in numbers which could be seconds."""
    info, typed = source.info, [text for text in (in_point, out_point) if text is not None]
    may_be_seconds = all(text.isdecimal() and int(text) <= info.duration_s for text in typed)
    if typed and may_be_seconds and 0 < len(frames) < info.average_rate:
        seconds = " and ".join(f"{text}s" for text in typed)
        output.note(
            f"that is {counted(len(frames), 'frame')} ({spanned(frames[0], frames[-1])}): plain "
            f"numbers are frames, seconds are written {seconds}"
        )


def _in_point(text: str | None, source: Source) -> int:
    return 0 if text is None else frame_of("--in", text, source)


def _out_point(text: str | None, source: Source) -> int:
    """The frame that is left out first; the end of the video counts as one."""
    end = source.info.frame_count
    is_end = text is None or text.removeprefix("@") == str(end)
    try:
        return end if is_end else frame_of("--out", str(text), source)
    except InputError as error:
        if str(text).removeprefix("@").isdecimal():
            error.hint = f"it is the first frame that is left out: {end} at most, or leave it away"
        raise


def render(
    session: Session,
    recipe: Recipe,
    path: str | Path,
    output: Output,
    *,
    part: range | None = None,
    on_doubt: OnDoubt,
    overwrite: bool,
) -> RenderReport:
    """Render and tell what was written, one line for each output."""
    begin = time.monotonic()
    try:
        with output.progress_of("rendering", "verifying") as (progress, verifying):
            report = session.render(
                recipe,
                path,
                part=part,
                on_doubt=on_doubt,
                overwrite=overwrite,
                progress=progress,
                verifying=verifying,
            )
    except ReviewPending as pending:
        output.result({"review": list(pending.doubts)})
        raise
    written.tell(session, report, time.monotonic() - begin, output, part=part)
    tell_what_may_be_unmeant(session, recipe, part, output)
    return report


def doubtful_frames(session: Session, names: Collection[str]) -> list[int]:
    """The frames with a doubtful mask of some objects, as a review shows them."""
    doubts = [doubt for doubt in session.open_doubts() if doubt.name in names]
    return sorted({frame for doubt in doubts for frame in doubt.doubtful_frames})


def note_doubtful(frames: Sequence[int], project: Path, output: Output) -> None:
    """Say on how many frames of what was written the masks are doubtful."""
    if frames:
        told = "a mask on 1 of these frames is doubtful; look at it"
        if len(frames) > 1:
            told = f"masks on {len(frames)} of these frames are doubtful; look at them"
        output.note(f"{told}: tam-edit review {quoted(project)}")


def note_page(page: Path, output: Output) -> None:
    """Say what a page is in the way of, where it lies in a folder that outputs may go to."""
    folder = page.resolve().parent
    if folder.is_relative_to(Path.cwd()):
        output.note(
            f"while this page is there, outputs that hide something are refused in {folder.parent}:"
            " delete it before, or make it elsewhere, such as --html ../look/"
        )
