"""The shot as an OpenTimelineIO timeline: the video, its mattes on tracks above, its sound.

Media are placed by their own timecode: a file's first frame has its start timecode, counted in
frames, and what is shown of it begins at that number plus the offset of the in point. The rate is
kept as OpenTimelineIO has rates, as a float; the exact fraction stands in the metadata.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from tam_edit.errors import InputError
from tam_edit.export.fcp_xml import media_facts
from tam_edit.export.job import ExportJob, KnownMedia
from tam_edit.media import AudioFacts, Source, SourceInfo, open_source
from tam_edit.media.folder_source import FolderSource
from tam_edit.media.timecode import frames_of
from tam_edit.render.palette import SCORES_FILE

SCHEMA = "tam_edit.timeline/1"
NAMESPACE = "tam_edit"
REEL_LETTERS = 8
NTSC = 1001  # what rates such as 30000/1001 are divided by
#: The rates of SMPTE ST 12-1 and its like at 48, which timecode counts at.
TIMECODE_RATES = (
    *(Fraction(whole) for whole in (24, 25, 30, 48, 50, 60)),
    *(Fraction(whole * 1000, NTSC) for whole in (24, 30, 48, 60)),
)
# Files say 2997/50, 23.98 or what their clock's rounding made of 60000/1001; 30 and 29.97 are five
# times as far apart.
RATE_TOLERANCE = Fraction(1, 5000)
NUMBERED = re.compile(r"(.*?)(\d+)(\.[^.]+)")


@dataclass(frozen=True, kw_only=True)
class Media:
    """A file or a folder of pictures, and which part of it the timeline shows.

    Attributes:
        source: It, opened; it may be closed again.
        first_number: Its start timecode in frames; 0 where it has none.
        offset: At which of its frames the in point lies.
        length: How many of its frames are shown.
        metadata: What the timeline says about it.
    """

    source: Source
    first_number: int
    offset: int
    length: int
    metadata: dict[str, Any]


def media_of(job: ExportJob, *, takes_folders: bool = True) -> list[Media]:
    """The video and, after it, its mattes, each with the part from in to out point.

    Args:
        job: Its mattes are shown; where it names none, those of :func:`mattes_known`.
        takes_folders: As for that.

    Raises:
        InputError: A matte has another rate, or does not reach from the in to the out point.
        OpenError: A matte cannot be read.
    """
    info = job.source.info
    length = job.out_frame - job.in_frame
    video = Media(
        source=job.source,
        first_number=first_number(info),
        offset=job.in_frame,
        length=length,
        metadata=_described(job, "video", job.in_frame),
    )
    known, _ = mattes_known(job, takes_folders=takes_folders)
    mattes = job.options.mattes or [medium.path for medium in known]
    return [video, *(_matte(job, path, length) for path in mattes)]


def mattes_known(
    job: ExportJob, *, takes_folders: bool
) -> tuple[list[KnownMedia], list[KnownMedia]]:
    """What was written before and may be shown as a matte.

    Args:
        job: Whose objects it must show, on all of its frames.
        takes_folders: Whether a folder of pictures can be one of them.

    Returns:
        One per set of objects, so that no matte is shown in two versions: one with the masks as
        they are now, if there is one, with transparency rather than without, and of these the one
        that was written last; and all others.
    """
    names = set(job.names.values())
    fitting = [
        medium
        for medium in job.known_media
        if names & set(medium.objects)
        and (takes_folders or not medium.path.is_dir())
        and _reaches(medium, job)
    ]
    chosen: dict[frozenset[str], KnownMedia] = {}
    for medium in fitting:
        objects = frozenset(medium.objects)
        known = chosen.get(objects)
        if known is None or _worth(medium) >= _worth(known):
            chosen[objects] = medium
    return list(chosen.values()), [each for each in fitting if each not in chosen.values()]


def _worth(medium: KnownMedia) -> tuple[bool, bool]:
    """The greater, the rather it is shown."""
    return not medium.is_outdated, medium.alpha != "luma"


def _reaches(medium: KnownMedia, job: ExportJob) -> bool:
    """Whether it has every frame that is shown, as far as that is known."""
    if medium.frame_count is None:
        return True
    last = medium.first_frame + medium.frame_count
    return medium.first_frame <= job.in_frame and job.out_frame <= last


def timeline_of(job: ExportJob, media: list[Media]) -> Any:
    """The timeline, beginning at the timecode of the in point.

    Returns:
        ``opentimelineio.schema.Timeline`` with one track per medium, the video's at the bottom,
        and after them one per stream of the video's sound.
    """
    info = job.source.info
    rate = float(rate_of(info))
    start = RationalTime(media[0].first_number + job.in_frame, rate)
    name = info.path.stem
    timeline = otio.schema.Timeline(name=name, global_start_time=start)
    timeline.metadata[NAMESPACE] = media[0].metadata | {"schema": SCHEMA}
    timeline.metadata["fcp_xml"] = {"timecode": _timecode_format(info)}
    for number, medium in enumerate(media, start=1):
        track = otio.schema.Track(name=f"V{number}", kind=otio.schema.TrackKind.Video)
        track.append(_clip(medium, rate))
        timeline.tracks.append(track)
    for number, sound in enumerate(info.audio, start=1):
        track = otio.schema.Track(name=f"A{number}", kind=otio.schema.TrackKind.Audio)
        track.append(_sound_clip(media[0], number, sound, rate))
        timeline.tracks.append(track)
    return timeline


def first_number(info: SourceInfo) -> int:
    """A file's start timecode, counted in frames; 0 where it has none.

    Raises:
        InputError: Its start timecode is none at its rate.
    """
    if info.start_timecode is None:
        return 0
    return frames_of(info.start_timecode, rate_of(info))


def is_drop(info: SourceInfo) -> bool:
    """Whether a file's timecode drops numbers; where it has none, no timecode does."""
    timecode, rate = info.start_timecode, rate_of(info)
    counts_in_30 = rate.denominator == NTSC and round(rate) % 30 == 0
    return timecode is not None and ";" in timecode and counts_in_30


def rate_of(info: SourceInfo) -> Fraction:
    """The constant rate at which a video's frames are counted: a timecode's where it is near one.

    Frames are counted, never timed, so this moves none of them.
    """
    measured = info.average_rate
    nearest = min(TIMECODE_RATES, key=lambda rate: abs(rate - measured))
    return nearest if abs(measured / nearest - 1) <= RATE_TOLERANCE else measured


def _matte(job: ExportJob, path: Path, length: int) -> Media:
    rate = rate_of(job.source.info)
    fps = rate if path.is_dir() else None
    if (path / SCORES_FILE).is_file():
        raise InputError(
            f"the pictures in {path} hold numbers of objects, which no editor shows as a matte",
            hint="give --matte what was exported --as prores4444, luma, png or exr",
        )
    with open_source(path, fps=fps) as matte:
        own = rate_of(matte.info)
        if own != rate or matte.info.is_variable_rate:
            raise InputError(
                f"the matte {path} has {own} frames a second, the video {rate}",
                hint="give mattes that were exported from this project",
            )
        first, said = _first_frame(job, path, matte)
        offset = job.in_frame - first
        if offset < 0 or offset + length > matte.info.frame_count:
            raise InputError(
                f"the matte {path} has frames {first} to {first + matte.info.frame_count - 1} of "
                f"the video, but {job.in_frame} to {job.out_frame - 1} are shown",
                hint="export it again from this project, or give another --matte",
            )
        metadata = _described(job, "matte", offset) | said
        return Media(
            source=matte,
            first_number=first_number(matte.info),
            offset=offset,
            length=length,
            metadata=metadata,
        )


def _first_frame(job: ExportJob, path: Path, matte: Source) -> tuple[int, dict[str, Any]]:
    """The frame of the video that a matte begins with, and how it carries the matte."""
    alpha = "straight" if matte.info.layout.has_alpha else "luma"
    for known in job.known_media:
        if known.path.absolute() == path.absolute():
            return known.first_frame, {"alpha": known.alpha, "objects": list(known.objects)}
    said = {"alpha": alpha, "objects": []}
    video = job.source.info
    if matte.info.start_timecode is not None and video.start_timecode is not None:
        return first_number(matte.info) - first_number(video), said
    if matte.info.frame_count == video.frame_count:
        return 0, said
    return job.in_frame, said


def _described(job: ExportJob, role: str, offset: int) -> dict[str, Any]:
    info = job.source.info
    last = job.out_frame - 1
    return {
        "role": role,
        "video": str(info.path),
        "in_frame": job.in_frame,
        "out_frame": job.out_frame,
        "in_point_offset_frames": offset,
        "in_timecode": job.timecode(job.in_frame),
        "last_timecode": job.timecode(last),
        "rate": str(rate_of(info)),
        "alpha": "straight" if info.layout.has_alpha else "none",
        "objects": list(job.names.values()),
    }


def _clip(medium: Media, rate: float) -> Any:
    info = medium.source.info
    alpha = medium.metadata["alpha"]
    metadata: dict[str, Any] = {NAMESPACE: medium.metadata}
    if alpha in ("straight", "premultiplied"):
        metadata["fcp_xml"] = {"alphatype": alpha}
    elif alpha == "luma":
        # A grey picture above the video would hide it; editors take it as a track matte.
        metadata["fcp_xml"] = {"enabled": "FALSE"}
    kind = f"{medium.metadata['role']} {info.path.name}, alpha {alpha}"
    told = f"{kind}: the in point is {medium.offset} frames after its first frame"
    # An EDL holds one track of video and calls a tape by eight letters.
    reel = re.sub(r"[^A-Za-z0-9]", "", info.path.stem)[:REEL_LETTERS].upper() or "AX"
    metadata["cmx_3600"] = {"reel": reel, "comments": [f"TAM-EDIT {told}"]}
    clip = _shown(medium, rate, metadata)
    clip.enabled = alpha != "luma"
    return clip


def _sound_clip(video: Media, number: int, sound: AudioFacts, rate: float) -> Any:
    """A stream of the video's sound, from the in to the out point of the picture."""
    said = {"role": "sound", "stream": number, **vars(sound)}
    return _shown(video, rate, {NAMESPACE: said})


def _shown(medium: Media, rate: float, metadata: dict[str, Any]) -> Any:
    info = medium.source.info
    start = RationalTime(medium.first_number, rate)
    available = TimeRange(start, RationalTime(info.frame_count, rate))
    shown = TimeRange(
        RationalTime(medium.first_number + medium.offset, rate), RationalTime(medium.length, rate)
    )
    reference = _reference(medium.source, available, rate)
    said = {"timecode": _timecode_format(info), "media": media_facts(info)}
    reference.metadata["fcp_xml"] = said
    return otio.schema.Clip(
        name=info.path.name, media_reference=reference, source_range=shown, metadata=metadata
    )


def _timecode_format(info: SourceInfo) -> dict[str, str]:
    """How FCP7 XML says whether a file's timecode drops numbers; the adapter knows the rate."""
    return {"displayformat": "DF" if is_drop(info) else "NDF"}


def _url(path: Path) -> str:
    """A file's address without detours: editors do not follow ``..``."""
    return (path.parent.resolve() / path.name).as_uri()


def _reference(source: Source, available: TimeRange, rate: float) -> Any:
    if not isinstance(source, FolderSource):
        return otio.schema.ExternalReference(
            target_url=_url(source.info.path), available_range=available
        )
    files = [file.name for file in source.files]
    matches = [NUMBERED.fullmatch(name) for name in files]
    numbers = [int(match[2]) for match in matches if match is not None]
    first = matches[0]
    if first is None or numbers != list(range(numbers[0], numbers[0] + len(files))):
        raise InputError(
            f"the pictures of {source.info.path} are not numbered one after the other, so a "
            "timeline cannot name them",
            hint="number them without gaps, such as shot.0001.png, shot.0002.png",
        )
    return otio.schema.ImageSequenceReference(
        target_url_base=_url(source.files[0]).rpartition("/")[0] + "/",
        name_prefix=quote(first[1]),
        name_suffix=quote(first[3]),
        start_frame=numbers[0],
        frame_step=1,
        rate=rate,
        frame_zero_padding=len(first[2]) if first[2].startswith("0") else 0,
        available_range=available,
    )
