"""Final Cut Pro 7 XML: what OpenTimelineIO's adapter leaves to be said.

Sound has a track for each channel there; the tracks of a stream are marked as parts of one, in the
way of Premiere, which OpenTimelineIO reads as one track again. Picture and sound are linked, so
that an editor cuts them together.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from xml.etree import ElementTree as ET

import opentimelineio as otio

from tam_edit.media import SourceInfo

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n'
#: What Premiere calls a track of so many channels.
TRACK_TYPES = {1: "Mono", 2: "Stereo"}


def media_facts(info: SourceInfo) -> dict[str, Any]:
    """What a ``<file>`` says it holds, as the adapter takes it from metadata."""
    picture = {"width": info.width, "height": info.height}
    facts: dict[str, Any] = {"video": {"samplecharacteristics": picture}}
    if info.audio:
        facts["audio"] = [
            {
                "samplecharacteristics": {"samplerate": sound.sample_rate_hz},
                "channelcount": sound.channels,
            }
            for sound in info.audio
        ]
    return facts


def by_channel(timeline: Any, info: SourceInfo) -> Any:
    """A timeline with a track for each channel of its sound in place of one for each stream."""
    split = timeline.deepcopy()
    streams = [track for track in split.tracks if track.kind == otio.schema.TrackKind.Audio]
    del split.tracks[len(split.tracks) - len(streams) :]
    for track, sound in zip(streams, info.audio, strict=True):
        for channel in range(sound.channels):
            number = 1 + sum(each.kind == otio.schema.TrackKind.Audio for each in split.tracks)
            one = track.deepcopy()
            said: dict[str, Any] = {"outputchannelindex": 1 + channel % 2}
            if sound.channels > 1:
                said["@currentExplodedTrackIndex"] = str(channel)
                said["@totalExplodedTrackCount"] = str(sound.channels)
            if sound.channels in TRACK_TYPES:
                said["@premiereTrackType"] = TRACK_TYPES[sound.channels]
            one.metadata["fcp_xml"] = said
            source = {"mediatype": "audio", "trackindex": number}
            one[0].metadata["fcp_xml"] = {"sourcetrack": source}
            split.tracks.append(one)
    return split


def completed(text: str, info: SourceInfo) -> str:
    """The adapter's XML with the sequence's picture format, every rate once, and linked sound."""
    tree = ET.fromstring(text)  # noqa: S314 - written just now
    for sequence in tree.iter("sequence"):
        _say_format(sequence, info)
    for item in tree.iter("clipitem"):
        for repeated in item.findall("rate")[1:]:
            item.remove(repeated)
    _link(tree)
    ET.indent(tree)
    return HEAD + ET.tostring(tree, encoding="unicode") + "\n"


def _say_format(sequence: ET.Element, info: SourceInfo) -> None:
    """Say of what size and rate a sequence's pictures are: without it editors take their own."""
    picture, rate = sequence.find("media/video/format"), sequence.find("rate")
    if picture is None or rate is None:
        return
    facts = ET.SubElement(picture, "samplecharacteristics")
    facts.append(deepcopy(rate))
    said = {"width": str(info.width), "height": str(info.height)}
    if info.pixel_aspect == 1:
        said["pixelaspectratio"] = "square"
    for name, value in said.items():
        ET.SubElement(facts, name).text = value


def _link(tree: ET.Element) -> None:
    """Tie the video on V1 and its sound together; mattes stay free."""
    sound = tree.findall(".//sequence/media/audio/track/clipitem")
    if not sound:
        return
    picture = tree.findall(".//sequence/media/video/track/clipitem")[:1]
    links = [("video", 1, item) for item in picture]
    links += [("audio", number, item) for number, item in enumerate(sound, start=1)]
    for _, _, item in links:
        for kind, track, other in links:
            link = ET.SubElement(item, "link")
            said = {"linkclipref": other.get("id", ""), "mediatype": kind}
            said |= {"trackindex": str(track), "clipindex": "1"}
            if kind == "audio":
                said["groupindex"] = "1"
            for name, value in said.items():
                ET.SubElement(link, name).text = value
