"""Where a project stands open: what is doubtful, and the page on which a person sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

from tam_edit.errors import ReviewPending
from tam_edit.media import Source, timecode_at
from tam_edit.project import Project
from tam_edit.recipe import Recipe
from tam_edit.review import (
    Doubt,
    Review,
    check_delivery,
    check_folder,
    find_doubts,
    hint,
    in_words,
    page,
    proposed_folder,
    write_page,
)
from tam_edit.review.words import quoted
from tam_edit.tracks import DOUBTFUL_BELOW, FrameScore, Origin
from tam_edit.types import ObjectId

# Settings of a project.
BELOW = "review_below"
OUTPUTS = "outputs"
PAGES = "review_pages"
MOST_PLACES = 100  # that are remembered of either kind, the newest


def doubts_below(project: Project, threshold: float) -> list[Doubt]:
    """Spans of unapproved frames whose score is below a threshold, worst first."""
    names = project.objects()
    return find_doubts({i: _unapproved(project, i) for i in names}, names, threshold)


def open_doubts(project: Project, recipe: Recipe) -> list[Doubt]:
    """What stops a recipe: its checkpoint's doubts, or frames that no prompt reaches."""
    threshold = max((step.threshold for step in recipe.checkpoints), default=0)
    if threshold > 0:
        project.settings[BELOW] = threshold
        return doubts_below(project, threshold)
    names = project.objects()
    unreached = {i: filter(_is_unreached, _unapproved(project, i)) for i in names}
    return find_doubts(unreached, names, 1.0)


def usual_threshold(project: Project) -> float:
    """Below which score a person is shown a mask: what the last checkpoint went by."""
    return float(cast("float", project.settings.get(BELOW, DOUBTFUL_BELOW)))


def pending(project: Project, source: Source, doubts: Sequence[Doubt]) -> ReviewPending:
    """What is raised where a person must look first."""
    return ReviewPending(
        in_words(doubts, lambda index: timecode_at(index, source)),
        hint=hint(doubts[0], project.path, proposed_folder(_places(project, OUTPUTS))),
        doubts=[doubt.as_json() for doubt in doubts],
    )


def untracked(project: Project) -> dict[str, int]:
    """How many frames of each object have no mask yet; objects that have all are left out."""
    total = project.out_frame - project.in_frame
    lacking = {}
    for object_id, name in project.objects().items():
        spans = project.tracked_spans(object_id)
        clipped = [(max(a, project.in_frame), min(b, project.out_frame)) for a, b in spans]
        lacking[name] = total - sum(max(0, b - a) for a, b in clipped)
    return {name: count for name, count in lacking.items() if count}


def remember_output(project: Project, path: str | Path) -> None:
    """Keep where an output goes: no review page may lie there.

    Raises:
        InputError: A review page lies there now.
    """
    check_delivery(path, _places(project, PAGES))
    _add_place(project, OUTPUTS, path)


def write_review(
    project: Project,
    source: Source,
    folder: str | Path,
    below: float,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a page with every doubt into a folder of its own; see ``Session.write_review``."""
    check_folder(folder, _places(project, OUTPUTS), overwrite=overwrite)
    names = project.objects()
    review = Review(
        project=project.path,
        source=source,
        reader=project,
        frames=range(project.in_frame, project.out_frame),
        names=names,
        doubts=doubts_below(project, below),
        below=below,
        approved={i: project.approved(i) for i in names},
        keyframes={i: tuple(project.prompts(i)) for i in names},
        again=(
            f"tam-edit review {quoted(project.path)} --below {below:g} "
            f"--html {quoted(Path(folder).absolute())} --overwrite"
        ),
    )
    # Before the page is there: an output must never find one that nobody knows of.
    _add_place(project, PAGES, Path(folder) / "index.html")
    return write_page(folder, page(review, progress))


def _unapproved(project: Project, object_id: ObjectId) -> Iterator[FrameScore]:
    approved = project.approved(object_id)
    return (s for s in project.scores(object_id) if s.frame_index not in approved)


def _is_unreached(scored: FrameScore) -> bool:
    return scored.origin is Origin.UNREACHED


def _places(project: Project, kind: str) -> list[str]:
    return [str(place) for place in cast("Sequence[object]", project.settings.get(kind, ()))]


def _add_place(project: Project, kind: str, path: str | Path) -> None:
    place, known = str(Path(path).absolute()), _places(project, kind)
    if place not in known:
        project.settings[kind] = [*known, place][-MOST_PLACES:]
