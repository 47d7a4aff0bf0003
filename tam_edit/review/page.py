"""A page on which a person sees every doubt: one file that needs no server and no network."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from pathlib import Path

from tam_edit.media import Source, timecode_at
from tam_edit.review.doubts import Doubt
from tam_edit.review.pictures import LARGE_WIDTH, TILE_WIDTH, picture, sheet_frames
from tam_edit.review.timeline import Timeline
from tam_edit.review.words import Commands, frames_text, quoted, times_text
from tam_edit.tracks import TrackReader
from tam_edit.types import ObjectId

# What a page holds at most; what is left out is said on it.
MOST_LISTED = 300
MOST_PICTURED = 60
MOST_PICTURE_BYTES = 20_000_000
MOST_TIMELINES = 50
MOST_FURTHER = 20  # reasons of one doubt

OPTION = re.compile(r"(?<!\S)--[a-z-]+")

# Nothing is loaded, from nowhere: what the page shows is in it.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a page is about.

    Attributes:
        project: The project's file.
        source: The video.
        reader: Its masks and scores.
        frames: From in to out point.
        names: The objects.
        doubts: Worst first.
        below: Frames with a lower score are doubtful.
        approved: Per object the frames that a person has approved.
        keyframes: Per object the frames on which a person said something.
        again: The command that makes the page again.
    """

    project: Path
    source: Source
    reader: TrackReader
    frames: range
    names: Mapping[ObjectId, str]
    doubts: Sequence[Doubt]
    below: float
    approved: Mapping[ObjectId, Collection[int]] = field(default_factory=dict)
    keyframes: Mapping[ObjectId, Collection[int]] = field(default_factory=dict)
    again: str

    def timecode(self, frame_index: int) -> str:
        """The timecode of a frame."""
        return timecode_at(frame_index, self.source)


def page(review: Review, progress: Callable[[int, int], None] | None = None) -> Iterator[str]:
    """The page in parts, in their order: no more than one doubt is in memory at a time.

    Args:
        review: What it is about.
        progress: Told the pictures done and the pictures in all.
    """
    yield from _head(review)
    yield from _list(review)
    yield from _timelines(review)
    yield from _sheets(review, progress)
    yield _end(review)


def _head(review: Review) -> Iterator[str]:
    video = escape(Path(review.source.info.path).name)
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
        f"<title>Review of {video}</title><style>{_asset('page.css')}</style></head><body>"
        '<a class="skip" href="#main">To the frames to look at</a>'
        '<header class="warning"><p class="inner"><strong>This page shows people unredacted.'
        "</strong> It is for your eyes only: do not pass it on, and delete it when the work is "
        'done.</p></header><main id="main">'
    )
    count = sum(len(doubt.frames) for doubt in review.doubts)
    yield f"<h1>{video}: which masks deserve a look</h1>"
    asked = " or that a recipe asks about" if any(d.asked for d in review.doubts) else ""
    if review.doubts:
        spans = "1 span" if len(review.doubts) == 1 else f"{len(review.doubts)} spans"
        yield (
            f"<p>{spans} with {_counted(count, 'mask')} that nobody has approved and whose score "
            f"is below {review.below:.2f}{asked}. For each, either correct the mask or approve it "
            "with the commands beside it, then track again.</p>"
        )
    else:
        yield (
            f"<p>Nothing needs a look: no mask that nobody has approved scores below "
            f"{review.below:.2f}, and no recipe asks about one.</p>"
        )


def _list(review: Review) -> Iterator[str]:
    if not review.doubts:
        return
    yield '<h2 id="list">Worst first</h2><ol class="list">'
    for number, doubt in enumerate(review.doubts[:MOST_LISTED], start=1):
        title = f"{escape(doubt.name)}, {frames_text(doubt)}"
        if number <= MOST_PICTURED:
            title = f'<a href="#span-{number}">{title}</a>'
        yield (
            f"<li>{title} ({times_text(doubt, review.timecode)}): {escape(doubt.main_reasons)} "
            f"(score {doubt.worst_score:.2f} on frame {doubt.worst_frame})</li>"
        )
    yield "</ol>"
    rest = len(review.doubts) - MOST_LISTED
    if rest > 0:
        yield (
            f"<p>{_counted(rest, 'further span')}, which come after these, are left out here. "
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
        yield f"<p>{_counted(rest, 'further object')} are left out here.</p>"


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
    spans = "no span to look at" if not own else f"{_counted(len(own), 'span')} to look at"
    described = f"Score of {review.names[object_id]} over time, 1 above, 0 below; {spans}"
    lacking = len(frames) - drawn.tracked_count
    note = ""
    if lacking:
        command = f"tam-edit track {escape(quoted(review.project))}"
        note = (
            f"<p>{_counted(lacking, 'frame')} of {name} have no mask yet; "
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


def _sheets(review: Review, progress: Callable[[int, int], None] | None) -> Iterator[str]:
    if not review.doubts:
        return
    yield '<h2 id="doubts">The frames to look at</h2>'
    yield (
        "<p>A yellow line is the border of the mask. Look at the frames with a red border; those "
        "without one are their neighbours.</p>"
    )
    shown = review.doubts[:MOST_PICTURED]
    total = sum(len(sheet_frames(doubt, review.frames)) + 1 for doubt in shown)
    done, size, without = 0, 0, 0
    for number, doubt in enumerate(shown, start=1):
        yield _span_head(review, number, doubt)
        if size < MOST_PICTURE_BYTES:
            for part in _pictures(review, doubt):
                size += len(part)
                done += 1
                yield part
                if progress is not None:
                    progress(done, total)
        else:
            without += 1
            yield "<p>Its pictures are left out, so that the page does not grow too large.</p>"
        yield _span_end(review, doubt, has_picture=not without)
    if progress is not None:
        progress(total, total)
    rest = len(review.doubts) - len(shown)
    if rest > 0:
        yield (
            f"<p>The pictures of {_counted(rest, 'further span')}, which come after these, are "
            "left out. Correct or approve these first, then make the page again.</p>"
        )


def _span_head(review: Review, number: int, doubt: Doubt) -> str:
    more = "".join(f"<li>{escape(r)}</li>" for r in doubt.further_reasons[:MOST_FURTHER])
    if more:
        more = f"<details><summary>Further reasons</summary><ul>{more}</ul></details>"
    frames = frames_text(doubt)
    sought = "".join(f"<p>Look for: {escape(why)}</p>" for why in doubt.whys)
    return (
        f'<section class="span" id="span-{number}" aria-labelledby="head-{number}">'
        f'<h3 id="head-{number}">{number}. {escape(doubt.name)}, {frames}</h3>'
        f'<p class="dim">{times_text(doubt, review.timecode)} · '
        f"{_counted(len(doubt.frames), 'frame')} to look at · score "
        f"{doubt.worst_score:.2f} on frame {doubt.worst_frame}</p>"
        f"<p>Why: {escape(doubt.main_reasons)}.</p>{more}{sought}"
    )


def _pictures(review: Review, doubt: Doubt) -> Iterator[str]:
    """The sheet picture by picture, then the proposed frame at a size that can be clicked on."""
    yield '<div class="sheet">'
    doubtful = set(doubt.frames)
    for index in sheet_frames(doubt, review.frames):
        yield _figure(review, doubt, index, is_doubtful=index in doubtful)
    yield "</div>"
    index, info = doubt.proposed_frame, review.source.info
    shown = picture(review.source, review.reader, doubt.object_id, index, most_width=LARGE_WIDTH)
    label = f"Frame {index} of {doubt.name}, the one to correct, large"
    yield (
        f'<div class="pick"><div class="target" tabindex="0" role="application"'
        f' aria-label="{escape(label)}. Arrow keys move, Enter clicks." data-frame="{index}"'
        f' data-width="{info.width}" data-height="{info.height}"><figure><img src="{shown.uri}"'
        f' width="{shown.width}" height="{shown.height}" alt="{escape(label)}">'
        f'</figure></div><p class="dim">Frame {index}, the one to correct<span class="scripted">. '
        "With the keyboard: arrow keys move, with Shift by one pixel, Enter clicks.</span></p>"
        "</div>"
    )


def _figure(review: Review, doubt: Doubt, index: int, *, is_doubtful: bool) -> str:
    shown = picture(review.source, review.reader, doubt.object_id, index, most_width=TILE_WIDTH)
    entry, name = shown.entry, doubt.name
    if entry is None:
        score, what = "not tracked yet", f"no mask of {name} yet"
    elif shown.area_frac:
        score, what = (
            f"score {entry.score:.2f}",
            (f"the mask of {name} covers {shown.area_frac:.1%} of the picture"),
        )
    else:
        score, what = f"score {entry.score:.2f}, empty mask", f"the mask of {name} is empty"
    kind = "doubtful" if is_doubtful else "neighbour"
    place = "" if is_doubtful else "neighbour, "
    word = "first to correct, " if index == doubt.proposed_frame else place
    return (
        f'<figure class="{kind}"><img src="{shown.uri}" width="{shown.width}"'
        f' height="{shown.height}" alt="{escape(f"Frame {index}: {what}")}">'
        f"<figcaption>{index} · {review.timecode(index)}<br>{word}{score}</figcaption></figure>"
    )


def _span_end(review: Review, doubt: Doubt, *, has_picture: bool) -> str:
    commands = Commands.about(doubt, review.project)
    before = commands.correct.removesuffix(f"--click X,Y@{doubt.proposed_frame}")
    correct = (
        f'{_code(before)}<span class="prompts">{_code("--click")} <b>X,Y</b>@{doubt.proposed_frame}'
        "</span>"
    )
    number = f"{doubt.object_id}-{doubt.start}"
    approve = _code(commands.approve.removesuffix("WHY")) + "<b>WHY</b>"
    choice = _CHOICE.replace("NUMBER", number) if has_picture else ""
    by_hand = (
        "fill in the place, in pixels of the video"
        if not has_picture
        else "click on the object in the large picture (or fill in the place, in pixels of the "
        "video)"
    )
    gone = ""
    if commands.gone is not None:
        gone = (
            '<p class="what">The object is not in the picture where no mask shows it:</p>'
            f"{_command(_code(commands.gone))}"
        )
    return (
        f'{choice}<p class="what">The mask is wrong: {by_hand}.</p>{_command(correct)}'
        f"{gone}"
        '<p class="what">The mask is right, say why:</p>'
        f"{_command(approve)}</section>"
    )


# Each section has radio buttons of its own.
_CHOICE = (
    '<fieldset class="scripted"><legend>A click on the large picture says:</legend>'
    '<label><input type="radio" name="kind-NUMBER" value="--click" checked> this is the object'
    '</label><label><input type="radio" name="kind-NUMBER" value="--not"> this is not the object'
    '</label><button type="button" class="clear">Clear clicks</button></fieldset>'
)


def _code(text: str) -> str:
    """A command as HTML; no line breaks between the two dashes of an option."""
    return OPTION.sub(r'<span class="o">\g<0></span>', escape(text))


def _command(code: str) -> str:
    return (
        f'<div class="command"><code>{code}</code>'
        '<button type="button" class="copy scripted">Copy</button></div>'
    )


def _end(review: Review) -> str:
    track = _code(f"tam-edit track {quoted(review.project)}")
    return (
        '<h2 id="then">Then</h2><p class="what">Track again what a correction touches:</p>'
        f'{_command(track)}<p class="what">Make this page again:</p>'
        f'{_command(_code(review.again))}<p class="what">List and take back what was decided:</p>'
        f"{_command(_code(f'tam-edit history {quoted(review.project)}'))}"
        "<p>When nothing is left, repeat the command that stopped.</p></main>"
        f'<p class="inner" id="said" role="status"></p><script>{_asset("page.js")}</script>'
        "</body></html>\n"
    )


def _asset(name: str) -> str:
    return resources.files("tam_edit.review").joinpath(name).read_text(encoding="utf-8")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
