"""What a file says about itself: title, chapters, start timecode, names of tracks."""

from __future__ import annotations

import av
from av.container import OutputContainer

from tam_edit.errors import InputError
from tam_edit.media.container import open_input
from tam_edit.media.copied_streams import Span, kept_metadata
from tam_edit.media.file_source import FileSource
from tam_edit.media.source import Source
from tam_edit.media.timecode import advanced

# Rates that FFmpeg's timecode track counts at.
TIMECODE_RATES = (24, 25, 30, 48, 50, 60, 100, 120, 150)


def describe(
    source: FileSource,
    output: OutputContainer,
    video: av.VideoStream,
    span: Span | None,
    *,
    with_chapters: bool,
) -> None:
    """Copy title, chapters and the film's own metadata; chapters are cut to the span."""
    with open_input(source.info.path) as container:
        output.metadata.update(kept_metadata(container.metadata))
        original = container.streams[source.video_stream]
        video.metadata.update(kept_metadata(original.metadata))
        video.disposition = original.disposition
        chapters = []
        for chapter in container.chapters() if with_chapters else ():
            base = chapter["time_base"]
            if span is None or base is None:
                chapters.append(chapter)
                continue
            start = max(chapter["start"], round(span.start_s / base))
            end = min(chapter["end"], round(span.stop_s / base))
            if start < end:
                shift = round(span.shift_s / base)
                chapter["start"], chapter["end"] = start - shift, end - shift
                chapters.append(chapter)
        if chapters:
            output.set_chapters(chapters)


def timecode_from(source: Source, start: int, notes: list[str]) -> str | None:
    """The timecode of the first frame to be written; None where the source has none."""
    info = source.info
    if info.start_timecode is None:
        return None
    elapsed = start
    if info.is_variable_rate:
        elapsed = round((source.time_of(start) - source.time_of(0)) * info.average_rate)
    if round(info.average_rate) not in TIMECODE_RATES:
        notes.append(
            f"the start timecode {info.start_timecode} is not copied: there is no timecode at "
            f"{float(info.average_rate):.3f} frames a second"
        )
        return None
    try:
        return advanced(info.start_timecode, elapsed, info.average_rate)
    except InputError as error:
        notes.append(f"the start timecode is not copied: {error}")
        return None
