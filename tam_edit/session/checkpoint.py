"""Where a project stands open: what is doubtful, and the page on which a person sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from statistics import median
from typing import cast

import numpy as np

from tam_edit.errors import InputError, ReviewPending, UnknownNameError, meant_name
from tam_edit.masks.ops import CUT_OFF, at_border
from tam_edit.media import Source, timecode_at
from tam_edit.project import DecisionKind, Project
from tam_edit.review import (
    Doubt,
    Review,
    Writing,
    check_delivery,
    check_folder,
    frame_page,
    frame_title,
    hint,
    in_spans,
    in_words,
    page,
    proposed_option,
    write_page,
)
from tam_edit.review.words import quoted
from tam_edit.session.questions import (
    Question,
    Scope,
    concerns,
    keep,
    kept,
    kept_scope,
)
from tam_edit.tracking import check_frame
from tam_edit.tracks import INSIDE, Origin, resized
from tam_edit.types import Mask, ObjectId

# Settings of a project.
OUTPUTS = "outputs"
OPEN_OUTPUTS = "open_outputs"  # those of them that hide nothing
PAGES = "review_pages"
WRITING = "written_by"  # the command that writes an output
MOST_PLACES = 100  # that are remembered of either kind, the newest
# Up to how much of the picture's border an object is taken to be whole (see ``at_border``), and
# how many frames are tried.
WHOLE, MOST_TRIED = 0.2, 50
# How large a mask is that hardly shows the object, and one that does, of those around it.
SMALL, LARGE = 0.5, 0.8


def doubts_below(project: Project, threshold: float) -> list[Doubt]:
    """Spans of unapproved frames whose score is below a threshold, worst first."""
    return _doubts(project, [Question(when="doubt", threshold=threshold)], str)


def open_doubts(
    project: Project,
    source: Source,
    questions: Sequence[Question],
    scope: Scope,
) -> list[Doubt]:
    """What stops a recipe: all that its checkpoints ask, and frames that no prompt reaches.

    What they ask is kept: a review goes by it until a recipe with other checkpoints is run.

    Args:
        project: The project.
        source: Its video.
        questions: The recipe's checkpoints.
        scope: What is to be written.
    """
    if questions:
        keep(project, questions, scope)
    doubts = doubts_of(project, source, questions, scope)
    return [_looked_into(project, doubt) for doubt in doubts]


def doubts_of(
    project: Project, source: Source, questions: Sequence[Question], scope: Scope
) -> list[Doubt]:
    """The same, without keeping what is asked, nor looking for better frames to correct."""
    return _doubts(project, questions, lambda index: timecode_at(index, source), scope)


def asked_last(project: Project, source: Source, below: float | None = None) -> list[Doubt]:
    """What the last checkpoint asked and nobody has settled, worst first.

    What the output that was to be written does not wait for comes after all that it does.

    Args:
        project: The project.
        source: Its video.
        below: Masks of any object with a lower score are shown in place of those below the
            checkpoint's threshold.
    """
    questions = kept(project)
    if below is not None:
        stated = [question for question in questions if question.when != "doubt"]
        questions = [Question(when="doubt", threshold=below), *stated]
    scope = kept_scope(project)

    def timecode(index: int) -> str:
        return timecode_at(index, source)

    doubts = _doubts(project, questions, timecode)
    if scope is not None:
        waiting = {
            (doubt.object_id, index)
            for doubt in _doubts(project, questions, timecode, scope)
            for index in doubt.frames
        }
        doubts = [
            replace(doubt, stops=any((doubt.object_id, index) in waiting for index in doubt.frames))
            for doubt in doubts
        ]
    ordered = sorted(doubts, key=lambda doubt: not doubt.stops)
    return [_looked_into(project, doubt) for doubt in ordered]


def usual_threshold(project: Project) -> float:
    """Below which score the last checkpoint asked; the usual one where it asked nothing of it."""
    return max(question.threshold for question in kept(project))


def pending(
    project: Project, source: Source, doubts: Sequence[Doubt], *, hides: bool
) -> ReviewPending:
    """What is raised where a person must look first; ``hides`` if the output hides something."""
    return ReviewPending(
        in_words(doubts, lambda index: timecode_at(index, source), project.path),
        hint=hint(
            doubts[0],
            project.path,
            proposed_option(_places(project, OUTPUTS)),
            hides=hides,
            writing=_writing(project),
        ),
        doubts=[doubt.as_json() for doubt in doubts],
    )


def remember_command(project: Project, command: str, *, tracks: bool) -> None:
    """Keep the command that writes an output, to be told how to go on.

    Args:
        project: The project.
        command: As it was typed, in words that a shell can read.
        tracks: Whether it also tracks what is to be tracked again.
    """
    project.settings[WRITING] = Writing(command, tracks)._asdict()


def untracked(project: Project) -> dict[str, int]:
    """How many frames of each object have no mask yet; objects that have all are left out."""
    total = project.out_frame - project.in_frame
    lacking = {}
    for object_id, name in project.objects().items():
        spans = project.tracked_spans(object_id)
        clipped = [(max(a, project.in_frame), min(b, project.out_frame)) for a, b in spans]
        lacking[name] = total - sum(max(0, b - a) for a, b in clipped)
    return {name: count for name, count in lacking.items() if count}


def pages(project: Project) -> list[str]:
    """Where pages of a project were written."""
    return _places(project, PAGES)


def outputs_of(project: Project) -> list[Path]:
    """The outputs of a project that are there now, the newest last."""
    return [path for path in map(Path, _places(project, OUTPUTS)) if path.exists()]


def remember_output(project: Project, path: str | Path, *, hides: bool) -> None:
    """Keep where an output goes: where it hides something, no page may lie there.

    Raises:
        InputError: It hides something, and a page of tam-edit lies there now.
    """
    if hides:
        check_delivery(path, pages(project))
    _add_place(project, OUTPUTS, path)
    place, known = str(Path(path).absolute()), _places(project, OPEN_OUTPUTS)
    if hides and place in known:
        project.settings[OPEN_OUTPUTS] = [other for other in known if other != place]
    elif not hides:
        _add_place(project, OPEN_OUTPUTS, path)


def write_review(
    project: Project,
    source: Source,
    folder: str | Path,
    below: float | None,
    *,
    cover: Callable[[int], Mask] | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a page with every doubt into a folder of its own; see ``Session.write_review``."""
    command = f"tam-edit review {quoted(project.path)} "
    check_folder(folder, _hiding(project), overwrite=overwrite, command=command)
    names = project.objects()
    stated = "" if below is None else f"--below {below:g} "
    review = Review(
        project=project.path,
        source=source,
        reader=project,
        frames=range(project.in_frame, project.out_frame),
        names=names,
        doubts=asked_last(project, source, below),
        below=usual_threshold(project) if below is None else below,
        approved={i: project.approved(i) for i in names},
        keyframes={i: tuple(project.prompts(i)) for i in names},
        again=(
            f"tam-edit review {quoted(project.path)} {stated}"
            f"--html {quoted(Path(folder).absolute())} --overwrite"
        ),
        writing=_writing(project),
        cover=cover,
    )
    # Before the page is there: an output must never find one that nobody knows of.
    _add_place(project, PAGES, Path(folder) / "index.html")
    return write_page(folder, page(review, progress))


def write_frame(
    project: Project,
    source: Source,
    folder: str | Path,
    frame_index: int,
    object_name: str | None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write a page with one frame and a mask on it; see ``Session.write_frame``."""
    check_frame(frame_index, project.in_frame, project.out_frame)
    names = list(project.objects().values())
    if object_name is None and len(names) > 1:
        raise InputError(
            f"{project.path} has {len(names)} objects, and a page shows one",
            hint=f"say which with --object: {', '.join(names)}",
        )
    name = names[0] if object_name is None and names else object_name
    is_new = name not in names
    if is_new and name is not None and meant_name(name, names):
        raise UnknownNameError("object", name, names)
    command = f"tam-edit prompt {quoted(project.path)} "
    place = f"tam-edit frame {quoted(project.path)} {frame_index} "
    if object_name is not None:
        place += f"--object {quoted(object_name)} "
    hiding = _hiding(project)
    check_folder(folder, hiding, overwrite=overwrite, command=place, kind="frame")
    entry = None if is_new else project.entry(project.object_id(str(name)), frame_index)
    frame = source.frame(frame_index)
    mask = None if entry is None else resized(entry.matte, frame.width, frame.height) > INSIDE
    if is_new and names:
        remark = f"There is no object {name} yet: the command begins it."
    elif mask is None:
        remark = "There is no mask on this frame yet."
    elif not mask.any():
        remark = f"The mask of {name} is empty here."
    else:
        remark = f"A yellow line is the border of the mask of {name}."
    title = frame_title(source, frame_index)
    shown = frame_page(frame, title, mask=mask, command=command, name=name or "", remark=remark)
    _add_place(project, PAGES, Path(folder) / "index.html")
    return write_page(folder, [shown])


def _writing(project: Project) -> Writing | None:
    known = cast("Mapping[str, object] | None", project.settings.get(WRITING))
    return None if known is None else Writing(str(known["command"]), bool(known["tracks"]))


def _hiding(project: Project) -> list[str]:
    """Where outputs of the project are that hide something."""
    is_open = set(_places(project, OPEN_OUTPUTS))
    return [place for place in _places(project, OUTPUTS) if place not in is_open]


def _doubts(
    project: Project,
    questions: Sequence[Question],
    timecode: Callable[[int], str],
    scope: Scope | None = None,
) -> list[Doubt]:
    names = project.objects()
    found = {}
    for i in names:
        asked = concerns(project, i, questions, timecode)
        if scope is not None:
            asked = [concern for concern in asked if scope.holds(i, concern)]
        empty = project.empty_frames(i, (concern.scored.frame_index for concern in asked))
        found[i] = [c._replace(is_empty=c.scored.frame_index in empty) for c in asked]
    return in_spans(found, names, {i: _given(project, i) for i in names})


def _looked_into(project: Project, doubt: Doubt) -> Doubt:
    return _with_whole_frame(project, _with_empty_span(project, doubt))


def _with_whole_frame(project: Project, doubt: Doubt) -> Doubt:
    """The doubt with a frame near the proposed one on which more of the object is seen."""
    proposed = doubt.proposed_frame
    if doubt.is_empty or proposed in project.prompts(doubt.object_id):
        return doubt
    near = sorted(doubt.frames, key=lambda index: abs(index - proposed))[:MOST_TRIED]
    sizes, borders = {}, {}
    for index in near:
        entry = project.entry(doubt.object_id, index)
        mask = np.zeros((1, 1), bool) if entry is None else entry.matte > INSIDE
        sizes[index], borders[index] = int(np.count_nonzero(mask)), at_border(mask)
    usual = median(sizes.values())
    if borders[proposed] > CUT_OFF:
        why = "the picture's edge cuts the mask off here: where part of the object is outside"
        least_px = 0.0
    elif sizes[proposed] < SMALL * usual:
        why = "the mask is much smaller here than around: where something hides the object"
        least_px = LARGE * usual
    else:
        return doubt
    fitting = (i for i in near if borders[i] <= WHOLE and sizes[i] >= least_px)
    return replace(doubt, whole_frame=next(fitting, None), whole_why=why)


def _with_empty_span(project: Project, doubt: Doubt) -> Doubt:
    """The doubt with the frames on which it can be said that the object is not there.

    Nothing that is said of them takes a mask away, or contradicts what a person said there.
    """
    frames, said = range(doubt.start, doubt.last + 1), project.prompts(doubt.object_id)

    def is_empty(index: int) -> bool:
        entry = project.entry(doubt.object_id, index)
        if entry is None or index in said or entry.origin is Origin.ABSENT:
            return False
        return not entry.matte.any()

    def is_seen(index: int) -> bool:
        entry = project.entry(doubt.object_id, index)
        return entry is not None and bool((entry.matte > INSIDE).any())

    at_start = list(takewhile(is_empty, frames))
    empty = at_start or list(takewhile(is_empty, reversed(frames)))
    beside = (doubt.start - 1, doubt.last + 1) if doubt.is_empty else ()
    seen = tuple(filter(is_seen, beside))
    found = replace(doubt, empty_span=(min(empty), max(empty)) if empty else None, seen_beside=seen)
    if not seen:
        return found
    # It is more likely to be seen here than anywhere else in the span.
    proposed = doubt.start if seen[0] < doubt.start else doubt.last
    why = f"frame {seen[0]}, next to it, shows the object"
    return replace(found, proposed_frame=proposed, proposed_why=why)


def _given(project: Project, object_id: ObjectId) -> dict[int, bool]:
    """Where somebody said where an object is, and whether somebody has worked on its mask there.

    A first mask is not worked on, however many clicks it took: whoever gave them may have seen
    nothing but a score. It is once somebody came back to it, corrected a mask that was tracked, or
    painted it.
    """
    said = {i: prompts for i, prompts in project.prompts(object_id).items() if not prompts.gone}
    decided = [
        d
        for d in project.history
        if d.kind is DecisionKind.PROMPT and d.object_id == object_id and d.taken_back is None
    ]
    times = Counter(decision.start for decision in decided)
    corrected = {decision.start for decision in decided if decision.details.get("is_correction")}
    return {
        index: said[index].mask is not None
        or (said[index].is_confirmed and (times[index] > 1 or index in corrected))
        for index in sorted(said)
    }


def _places(project: Project, kind: str) -> list[str]:
    return [str(place) for place in cast("Sequence[object]", project.settings.get(kind, ()))]


def _add_place(project: Project, kind: str, path: str | Path) -> None:
    place, known = str(Path(path).absolute()), _places(project, kind)
    if known[-1:] != [place]:
        others = [other for other in known if other != place]
        project.settings[kind] = [*others, place][-MOST_PLACES:]
