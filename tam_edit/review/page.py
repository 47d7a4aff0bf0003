"""A page on which a person sees every doubt: one file that needs no server and no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from importlib import resources
from pathlib import Path

from tam_edit.review.contents import MOST_PICTURED, Review, command_box, shell_code
from tam_edit.review.doubts import score_text
from tam_edit.review.folder import GENERATOR
from tam_edit.review.given import given, given_masks
from tam_edit.review.overview import overview, overview_frames
from tam_edit.review.sheets import sheet_count, sheets
from tam_edit.review.timeline import Timeline
from tam_edit.review.words import (
    counted,
    first_why,
    frames_counted,
    frames_text,
    going_on,
    quoted,
    times_text,
)
from tam_edit.types import ObjectId

# What a page holds at most; what is left out is said on it.
MOST_LISTED = 300
MOST_TIMELINES = 50


# Nothing is loaded, from nowhere: what the page shows is in it.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


def page(review: Review, progress: Callable[[int, int], None] | None = None) -> Iterator[str]:
    """The page in parts, in their order: no more than one doubt is in memory at a time.

    Args:
        review: What it is about.
        progress: Told the pictures done and the pictures in all.
    """
    total = sheet_count(review) + sum(map(len, overview_frames(review).values()))
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    yield from _head(review)
    yield from _list(review)
    yield from _timelines(review)
    yield from sheets(review, advance)
    yield from given_masks(review)
    yield from overview(review, advance)
    yield _end(review)
    if progress is not None:
        progress(total, total)


def _head(review: Review) -> Iterator[str]:
    video = escape(Path(review.source.info.path).name)
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'{GENERATOR}<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
        f"<title>Review of {video}</title><style>{_asset('page.css')}</style></head><body>"
        '<a class="skip" href="#main">To the frames to look at</a>'
        '<header class="warning"><p class="inner"><strong>This page shows people unredacted.'
        "</strong> It is for your eyes only: do not pass it on, and delete it when the work is "
        'done.</p></header><main id="main">'
    )
    yield f"<h1>{video}: which masks deserve a look</h1>"
    asked = " or that a recipe asks about" if any(d.asked for d in review.doubts) else ""
    if not review.names:
        prompt = shell_code(f"tam-edit prompt {quoted(review.project)} --click X,Y")
        yield f"<p>Nobody has said yet where an object is: <code>{prompt}</code></p>"
    elif review.doubts:
        yield (
            f"<p>{frames_counted(review.doubts)}, with masks that nobody has approved and whose "
            f"score is below {review.below:g}{asked}. For each, either correct the mask or approve "
            'it with the commands beside it; then <a href="#then">go on</a>.</p>'
        )
    else:
        yield (
            f"<p>Nothing needs a look: no mask that nobody has approved scores below "
            f"{review.below:g}, and no recipe asks about one.</p>"
        )
    if given(review):
        yield '<p>Not tracked from yet: <a href="#given">what the prompts led to</a>.</p>'
    if overview_frames(review):
        yield (
            '<p>A wrong mask may have a high score: <a href="#overview">frames from all of the '
            "video</a>.</p>"
        )


def _list(review: Review) -> Iterator[str]:
    if not review.doubts:
        return
    yield '<h2 id="list">The worst stretch first</h2><ol class="list">'
    stops = True
    for number, doubt in enumerate(review.doubts[:MOST_LISTED], start=1):
        if stops and not doubt.stops:
            yield (
                "</ol><p>These can wait, for the output that was to be written last does without "
                f'them:</p><ol class="list" start="{number}">'
            )
        stops = doubt.stops
        title = f"{escape(doubt.name)}, {frames_text(doubt)}"
        if number <= MOST_PICTURED:
            title = f'<a href="#span-{number}">{title}</a>'
        first = ""
        if doubt.proposed_frame != doubt.worst_frame or doubt.whole_frame is not None:
            first = f"; correct frame {doubt.proposed_frame} first: {escape(first_why(doubt))}"
        yield (
            f"<li>{title} ({times_text(doubt, review.timecode)}): {escape(doubt.main_reasons)} "
            f"(score {score_text(doubt.worst_score)} on frame {doubt.worst_frame}{first})</li>"
        )
    yield "</ol>"
    rest = len(review.doubts) - MOST_LISTED
    if rest > 0:
        yield (
            f"<p>{counted(rest, 'further span')}, which come after these, are left out here. "
            f"All of them: <code>tam-edit review {escape(quoted(review.project))}</code></p>"
        )


def _timelines(review: Review) -> Iterator[str]:
    yield f'<h2 id="scores">Scores over time</h2>{_LEGEND}'
    order = list(dict.fromkeys(doubt.object_id for doubt in review.doubts))
    order += [object_id for object_id in review.names if object_id not in order]
    for object_id in order[:MOST_TIMELINES]:
        yield _timeline(review, object_id)
    rest = len(order) - MOST_TIMELINES
    if rest > 0:
        yield f"<p>Left out here: {counted(rest, 'further object')}.</p>"


def _timeline(review: Review, object_id: ObjectId) -> str:
    name, frames = escape(review.names[object_id]), review.frames
    drawn = Timeline(
        frames,
        review.reader.scores(object_id),
        review.approved.get(object_id, ()),
        review.keyframes.get(object_id, ()),
    )
    own = [
        (f"span-{number}", doubt)
        for number, doubt in enumerate(review.doubts[:MOST_PICTURED], start=1)
        if doubt.object_id == object_id
    ]
    spans = "no span to look at" if not own else f"{counted(len(own), 'span')} to look at"
    described = f"Score of {review.names[object_id]} over time, 1 above, 0 below; {spans}"
    lacking = len(frames) - drawn.tracked_count
    note = ""
    if lacking:
        command = f"tam-edit track {escape(quoted(review.project))}"
        note = (
            f"<p>{counted(lacking, 'frame')} of {name} have no mask yet; "
            f"<code>{command}</code> makes them.</p>"
        )
    ends = (frames.start, frames.start + len(frames) // 2, frames.stop - 1)
    axis = "".join(f"<span>{index}<br>{review.timecode(index)}</span>" for index in ends)
    return (
        f'<div class="track"><h3>{name}</h3>{drawn.svg(own, review.below, described)}'
        f'<div class="axis dim">{axis}</div>{note}</div>'
    )


_LEGEND = (
    '<ul class="legend dim"><li><i style="background:var(--accent)"></i>score (1 above, 0 below)'
    '</li><li><i style="background:var(--low)"></i>below this it is doubtful</li>'
    '<li><i style="background:var(--doubt)"></i>a span to look at</li>'
    '<li><i style="background:var(--good)"></i>approved</li>'
    '<li><i style="background:var(--ink)"></i>a person said where it is</li></ul>'
)


def _end(review: Review) -> str:
    steps = "".join(
        f'<p class="what">{what[0].upper()}{what[1:]}{":" if code else "."}</p>'
        f"{command_box(shell_code(code)) if code else ''}"
        for what, code in going_on(review.project, review.writing)
    )
    return (
        f'<h2 id="then">Then</h2>{steps}<p class="what">Make this page again:</p>'
        f'{command_box(shell_code(review.again))}<p class="what">'
        "List and take back what was decided:</p>"
        f"{command_box(shell_code(f'tam-edit history {quoted(review.project)}'))}"
        f'</main><p class="inner" id="said" role="status"></p><script>{_asset("page.js")}</script>'
        "</body></html>\n"
    )


def _asset(name: str) -> str:
    return resources.files("tam_edit.review").joinpath(name).read_text(encoding="utf-8")
