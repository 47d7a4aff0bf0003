"""A page on which a person sees every doubt: one file that needs no server and no network."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from pathlib import Path

from tam_edit.media import Source, timecode_at
from tam_edit.review.doubts import Doubt, score_text
from tam_edit.review.pictures import (
    LARGE_WIDTH,
    Region,
    folded_frames,
    picture,
    sheet_frames,
    tile_width,
)
from tam_edit.review.timeline import Timeline
from tam_edit.review.words import (
    Commands,
    frames_counted,
    frames_text,
    go_on,
    quoted,
    times_text,
    to_look_at,
)
from tam_edit.tracks import TrackReader
from tam_edit.types import ObjectId

# What a page holds at most; what is left out is said on it.
MOST_LISTED = 300
MOST_PICTURED = 60
MOST_PICTURE_BYTES = 30_000_000
MOST_FOLDED_BYTES = 24_000_000  # from then on only what is not folded is pictured
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
    yield f"<h1>{video}: which masks deserve a look</h1>"
    asked = " or that a recipe asks about" if any(d.asked for d in review.doubts) else ""
    if review.doubts:
        track = f"<code>{_code(f'tam-edit track {quoted(review.project)}')}</code>"
        yield (
            f"<p>{frames_counted(review.doubts)}, with masks that nobody has approved and whose "
            f"score is below {review.below:g}{asked}. For each, either correct the mask or approve "
            f"it with the commands beside it, then {go_on(track)}.</p>"
        )
    else:
        yield (
            f"<p>Nothing needs a look: no mask that nobody has approved scores below "
            f"{review.below:g}, and no recipe asks about one.</p>"
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
            f"(score {score_text(doubt.worst_score)} on frame {doubt.worst_frame})</li>"
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
        "<p>A yellow line is the border of the mask; the cover reaches further than this line "
        "(margin and hold). Look at the frames with a red border; those without one are their "
        "neighbours. The small pictures show what is around the mask, or the whole frame where "
        "the mask is empty; click on one to see it large.</p>"
    )
    shown = review.doubts[:MOST_PICTURED]
    sheets = [sheet_frames(doubt, review.frames) for doubt in shown]
    total = sum(
        len(sheet) + len(folded_frames(doubt, sheet)) + 1
        for doubt, sheet in zip(shown, sheets, strict=True)
    )
    width = tile_width(total)
    done, size, without = 0, 0, 0
    for number, doubt in enumerate(shown, start=1):
        yield _span_head(review, number, doubt)
        if size < MOST_PICTURE_BYTES:
            parts = _pictures(review, number, doubt, width, MOST_FOLDED_BYTES - size)
            for part in parts:
                size += len(part)
                done += "<img" in part
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
        f"{to_look_at(doubt)}{', empty mask' if doubt.is_empty else ''} · score "
        f"{score_text(doubt.worst_score)} on frame {doubt.worst_frame}</p>"
        f"<p>Why: {escape(doubt.main_reasons)}.</p>{more}{sought}"
    )


def _pictures(review: Review, number: int, doubt: Doubt, width: int, room: int) -> Iterator[str]:
    """The small pictures one by one, then the proposed frame at a size that can be clicked on."""
    sheet = sheet_frames(doubt, review.frames)
    folded = folded_frames(doubt, sheet)
    yield '<div class="sheet">'
    for index in sheet:
        yield _figure(review, number, doubt, index, width)
    yield "</div>"
    if folded:
        yield (
            f"<details><summary>Show all {len(doubt.frames)} frames: the other {len(folded)} are "
            'here</summary><div class="sheet">'
        )
        left_out = 0
        for index in folded:
            if room <= 0:
                left_out += 1
                continue
            figure = _figure(review, number, doubt, index, width)
            room -= len(figure)
            yield figure
        yield "</div>"
        if left_out:
            yield (
                f"<p><strong>{_counted(left_out, 'frame')} at the end of this span are left out, "
                "so that the page does not grow too large.</strong> Approve only the frames that "
                "you have seen, then make the page again.</p>"
            )
        yield "</details>"
    index = doubt.proposed_frame
    shown = picture(review.source, review.reader, doubt.object_id, index, most_width=LARGE_WIDTH)
    label = f"Frame {index} of {doubt.name}, the one to correct, large"
    yield (
        f'<div class="pick"><div class="target" tabindex="0" role="application"'
        f' aria-label="{escape(label)}. Arrow keys move, Enter clicks."'
        f' {_place(index, shown.region)}><figure><img src="{shown.uri}"'
        f' width="{shown.width}" height="{shown.height}" alt="{escape(label)}">'
        f'</figure></div><p class="dim">Frame {index}, the one to correct<span class="scripted">. '
        "With the keyboard: arrow keys move, with Shift by one pixel, Enter clicks.</span></p>"
        "</div>"
    )


def _place(index: int, region: Region) -> str:
    """What a picture shows, for the script: clicks on it are told in pixels of the video."""
    x, y, width, height = region
    return (
        f'data-frame="{index}" data-x="{x}" data-y="{y}" data-width="{width}"'
        f' data-height="{height}"'
    )


def _figure(review: Review, number: int, doubt: Doubt, index: int, width: int) -> str:
    """One small picture; its link makes it large, without a script too."""
    is_doubtful = index in set(doubt.frames)
    shown = picture(
        review.source, review.reader, doubt.object_id, index, most_width=width, is_close=True
    )
    entry, name = shown.entry, doubt.name
    if entry is None:
        score, what = "not tracked yet", f"no mask of {name} yet"
    elif shown.area_frac:
        score = f"score {score_text(entry.score)}"
        what = f"the mask of {name} covers {shown.area_frac:.1%} of the picture"
    else:
        score, what = f"score {score_text(entry.score)}, empty mask", f"the mask of {name} is empty"
    kind = "doubtful" if is_doubtful else "neighbour"
    place = "" if is_doubtful else "neighbour, "
    word = "first to correct, " if index == doubt.proposed_frame else place
    own = f"frame-{number}-{index}"
    return (
        f'<figure class="{kind}" id="{own}"><a class="open target" href="#{own}"'
        f' {_place(index, shown.region)}><img src="{shown.uri}" width="{shown.width}"'
        f' height="{shown.height}" alt="{escape(f"Frame {index}: {what}")}"></a>'
        f"<figcaption>{index} · {review.timecode(index)}<br>{word}{score}"
        f'<a class="close" href="#head-{number}">Small again</a></figcaption></figure>'
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
        f'<h2 id="then">Then</h2><p class="what">When nothing is left, {go_on("this")}.</p>'
        f'{_command(track)}<p class="what">Make this page again:</p>'
        f'{_command(_code(review.again))}<p class="what">List and take back what was decided:</p>'
        f"{_command(_code(f'tam-edit history {quoted(review.project)}'))}"
        f'</main><p class="inner" id="said" role="status"></p><script>{_asset("page.js")}</script>'
        "</body></html>\n"
    )


def _asset(name: str) -> str:
    return resources.files("tam_edit.review").joinpath(name).read_text(encoding="utf-8")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
