"""The shot for an editing program: a timeline or a plain list of frames, by the file's extension.

==========  =========================================================================
extension   what is written
==========  =========================================================================
``.otio``   OpenTimelineIO itself; any constant frame rate
``.edl``    CMX3600: the video's event; mattes are named in comments, an EDL has one track
``.xml``    Final Cut Pro 7 XML, which Premiere and Resolve read
``.fcpxml``  Final Cut Pro X XML; OpenTimelineIO's adapter counts whole frames a second only, and
            no tracks of sound are written
``.csv``    a list of frames; any frame rate
``.txt``    the same with tabs
==========  =========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import opentimelineio as otio

from tam_edit.errors import EncodeError, InputError
from tam_edit.export.fcp_xml import by_channel, completed
from tam_edit.export.frame_list import SEPARATORS, write_frame_list
from tam_edit.export.job import ExportJob, ExportReport, Progress
from tam_edit.export.target import finished_file
from tam_edit.export.timeline import (
    TIMECODE_RATES,
    Media,
    is_drop,
    mattes_known,
    media_of,
    rate_of,
    timeline_of,
)
from tam_edit.media.folder_source import FolderSource
from tam_edit.media.timecode import advanced, frames_of

#: Extensions of timelines with the name of OpenTimelineIO's adapter.
ADAPTERS = {
    ".otio": "otio_json",
    ".edl": "cmx_3600",
    ".xml": "fcp_xml",
    ".fcpxml": "fcpx_xml",
}
#: Those at which OpenTimelineIO's adapter for FCPXML reads what it writes.
FCPXML_RATES = (24, 25, 30, 50, 60)
EXTENSIONS = (*ADAPTERS, *SEPARATORS)
#: Channels of sound that an event of an EDL names beside the picture, and how it names them.
EDL_CHANNELS = 2
EDL_CODES = ("V", "B", "AA/V")
EVENT_CHANNEL = re.compile(r"^(\d{3}  \S+ +)V    ", re.MULTILINE)
NO_MATTE = (
    "export one (tam-edit export SHOT.tam --as prores4444 -o cut.mov) or name one with --matte FILE"
)
LUMA = "luma, switched off, for it would hide the video: take it as a track matte"
MOST_LOST = 3  # mattes that are named
EVENT_TIMECODE = re.compile(r"(\d\d:\d\d:\d\d;\d\d)")


def write_sidecar(job: ExportJob, path: Path, progress: Progress | None = None) -> ExportReport:
    """Write a timeline or a list of frames, and read it back.

    Raises:
        InputError: The video or a matte cannot be said in that format.
        EncodeError: The file cannot be written, or reads otherwise.
    """
    if path.suffix.lower() in SEPARATORS:
        return write_frame_list(job, path, progress)
    check_sidecar(job, path)
    media = media_of(job, takes_folders=path.suffix.lower() == ".otio")
    notes = _sayable(job, media, path)
    timeline = timeline_of(job, media)
    if path.suffix.lower() == ".fcpxml":
        del timeline.tracks[len(media) :]
    with finished_file(path) as part:
        _write(timeline, media, part)
        _check_written(timeline, part, path, _channel_count(media))
    return ExportReport(
        path=path,
        format="otio",
        frames=job.frames,
        objects=tuple(job.names.values()),
        notes=tuple(notes),
    )


def check_sidecar(job: ExportJob, path: Path) -> None:
    """Refuse a timeline that its format cannot say, before any work begins.

    Raises:
        InputError: The frame rate varies or is none of the format's, or handles are asked for.
    """
    info, extension = job.source.info, path.suffix.lower()
    if extension in SEPARATORS:
        return
    listed = f"write a list of frames instead: -o {path.stem}.csv"
    if info.is_variable_rate:
        # A timeline counts frames of one rate, and editors conform such videos to one anyway.
        raise InputError(
            f"{info.path.name} has a variable frame rate, which no timeline can say",
            hint=f"{listed}, or give the video a constant rate first: ffmpeg -i "
            f"{info.path.name} -fps_mode cfr constant.mov",
        )
    if job.handles:
        raise InputError(
            "a timeline takes no --handles: it shows in to out point and says what the files have",
            hint="leave it out here and export the matte with handles first, which this timeline "
            f"then shows: tam-edit export SHOT.tam --as prores4444 --handles {job.handles} -o "
            "cut.mov",
        )
    rate = rate_of(info)
    if extension == ".fcpxml" and rate not in FCPXML_RATES:
        told = ", ".join(map(str, FCPXML_RATES))
        raise InputError(
            f"FCPXML is written at {told} frames a second only, and this video has "
            f"{float(rate):.3f}",
            hint="write .xml, .edl or .otio, which keep this rate",
        )
    if extension != ".otio" and rate not in TIMECODE_RATES:
        raise InputError(
            f"there is no timecode at {float(rate):.3f} frames a second, which {extension} needs",
            hint=f"write .otio, or {listed}",
        )


def _sayable(job: ExportJob, media: list[Media], path: Path) -> list[str]:
    """What an editor must know of what the format leaves out.

    Raises:
        InputError: The format cannot name a folder of pictures.
    """
    extension = path.suffix.lower()
    folders = [m.source.info.path for m in media if isinstance(m.source, FolderSource)]
    if folders and extension != ".otio":
        raise InputError(
            f"{extension} cannot name the folder of pictures {folders[0]}",
            hint="write .otio, or give a video file",
        )
    notes = []
    if job.lost_media and not job.options.mattes:
        lost = ", ".join(map(str, job.lost_media[-MOST_LOST:]))
        notes.append(f"not where they were written any more: {lost}; --matte FILE shows a matte")
    channels = _channel_count(media)
    if extension == ".edl" and channels > EDL_CHANNELS:
        notes.append(f"an EDL names {EDL_CHANNELS} channels of sound, and the video has {channels}")
    if extension == ".edl" and len(media) > 1:
        notes.append("an EDL has one track: the mattes are named in its comments only")
    if len(media) > 1:
        return [*notes, *_told_mattes(job, media[1:], takes_folders=extension == ".otio")]
    passed = [str(medium.path) for medium in job.known_media if medium.path.is_dir()]
    told = f"; {extension} cannot name the folder {passed[-1]}" if passed else ""
    return [*notes, f"no matte is in this timeline{told}: {NO_MATTE}"]


def _told_mattes(job: ExportJob, mattes: list[Media], *, takes_folders: bool) -> list[str]:
    """Which mattes are shown, what is wrong with them, and which others could be."""
    told, notes = [], []
    known = {medium.path.absolute(): medium for medium in job.known_media}
    for matte in mattes:
        path, alpha = matte.source.info.path, matte.metadata["alpha"]
        told.append(f"{path} ({LUMA if alpha == 'luma' else f'{alpha} alpha'})")
        before = known.get(path.absolute())
        if before is not None and before.is_outdated:
            notes.append(f"{path} shows masks that were changed since: write it again")
        if before is not None and not set(before.objects) & set(job.names.values()):
            shown, wanted = ", ".join(before.objects), ", ".join(job.names.values())
            notes.append(f"{path} shows {shown}, and this timeline is of {wanted}")
        elif before is not None and (more := set(before.objects) - set(job.names.values())):
            notes.append(f"{path} shows {', '.join(sorted(more))}, too")
    shown_by = [known.get(matte.source.info.path.absolute()) for matte in mattes]
    matted = {name for medium in shown_by if medium is not None for name in medium.objects}
    lacking = [name for name in job.names.values() if name not in matted]
    # Of a matte from elsewhere nobody knows whom it shows.
    if None not in shown_by and 0 < len(lacking) < len(job.names):
        notes.append(
            f"no matte above the video shows {', '.join(lacking)}: export one with --object, or "
            "name one with --matte FILE"
        )
    _, others = mattes_known(job, takes_folders=takes_folders)
    if others and not job.options.mattes:
        rest = ", ".join(
            f"{medium.path}{' (of masks that were changed since)' if medium.is_outdated else ''}"
            for medium in others
        )
        notes.append(f"not shown, of the same objects: {rest}; --matte FILE says which to show")
    return [f"above the video: {', '.join(told)}", *notes]


def _channel_count(media: list[Media]) -> int:
    return sum(sound.channels for sound in media[0].source.info.audio)


def _write(timeline: Any, media: list[Media], part: Path) -> None:
    extension = part.suffix.lower()
    if extension == ".xml":
        info = media[0].source.info
        split = by_channel(timeline, info)
        text = otio.adapters.write_to_string(split, ADAPTERS[extension])
        part.write_text(completed(text, info), encoding="utf-8")
        return
    if extension != ".edl":
        otio.adapters.write_to_file(timeline, str(part), adapter_name=ADAPTERS[extension])
        return
    single = timeline.deepcopy()
    pictures = single.find_clips()[: len(media)]
    comments = [comment for clip in pictures for comment in clip.metadata["cmx_3600"]["comments"]]
    del single.tracks[1:]
    single.tracks[0][0].metadata["cmx_3600"]["comments"] = comments
    rate = float(rate_of(media[0].source.info))
    text = otio.adapters.write_to_string(single, ADAPTERS[extension], rate=rate)
    text = EVENT_CHANNEL.sub(rf"\g<1>{EDL_CODES[min(_channel_count(media), EDL_CHANNELS)]:5}", text)
    part.write_text(_in_the_videos_timecode(text, media[0]), encoding="utf-8")


def _in_the_videos_timecode(text: str, video: Media) -> str:
    """An EDL that says whether timecode drops numbers, and does so only where the video's does.

    The adapter writes drop-frame timecode at 29.97 and 59.94 whatever the video has.
    """
    info = video.source.info
    drops = is_drop(info)
    lines = text.splitlines()
    if not drops:
        rate = rate_of(info)
        lines = [
            EVENT_TIMECODE.sub(
                lambda found: advanced("00:00:00:00", frames_of(found[1], rate), rate), line
            )
            if line[:3].isdecimal()
            else line
            for line in lines
        ]
    lines.insert(1, "FCM: DROP FRAME" if drops else "FCM: NON-DROP FRAME")
    return "\n".join(lines) + "\n"


def _check_written(timeline: Any, part: Path, path: Path, channel_count: int) -> None:
    """Read a timeline back: every clip must show the frames that it was to show.

    Raises:
        EncodeError: It cannot be read, or shows others.
    """
    extension = path.suffix.lower()
    rate = timeline.global_start_time.rate
    options = {"rate": rate} if extension == ".edl" else {}
    try:
        found = list(
            _spans(otio.adapters.read_from_file(str(part), ADAPTERS[extension], **options))
        )
    except (otio.exceptions.OTIOError, ValueError) as error:
        raise EncodeError(f"{path} was written, but cannot be read back: {error}") from error
    wanted = list(_spans(timeline))
    if extension == ".edl":
        # Read back, each channel of an event is a track of its own.
        wanted = wanted[:1] * (1 + min(channel_count, EDL_CHANNELS))
    if found != wanted:
        raise EncodeError(
            f"{path} was written, but read back it shows {found} instead of {wanted}; it was "
            "deleted",
            hint="write .otio instead, and report this",
        )


def _spans(read: Any) -> Iterator[tuple[str, int, int]]:
    """Name, first frame number and length of every clip."""
    for clip in read.find_clips():
        shown = clip.trimmed_range()
        yield clip.name, round(shown.start_time.value), round(shown.duration.value)
