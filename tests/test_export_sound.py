"""Timelines bring the video's sound along, cut where the picture is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import av
import numpy as np
import opentimelineio as otio
import pytest

from tam_edit.export import ExportJob, export
from tam_edit.media import open_source
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

COUNT, IN, OUT = 40, 10, 30
ADAPTERS = {"otio": "otio_json", "edl": "cmx_3600", "xml": "fcp_xml"}
RATE = 24000 / 1001
CHANNELS = {"": 0, "mono": 1, "stereo": 2, "5.1": 6}
Make = Callable[[Any], Any]


def timeline(shot: Any, path: Path) -> tuple[Any, tuple[str, ...]]:
    (report,) = export("otio", shot.job(), path)
    options = {"rate": RATE} if path.suffix == ".edl" else {}
    kind = ADAPTERS[path.suffix[1:]]
    return otio.adapters.read_from_file(str(path), kind, **options), report.notes


def places(track: Any) -> list[tuple[str, int, int]]:
    return [
        (
            clip.media_reference.target_url,
            *map(round, (shown.start_time.value, shown.duration.value)),
        )
        for clip in track
        for shown in [clip.source_range]
    ]


@pytest.mark.parametrize("sound", CHANNELS)
@pytest.mark.parametrize("kind", ["otio", "xml", "edl"])
def test_every_stream_of_sound_lies_under_the_picture(
    sound: str, kind: str, make_shot: Make, shot_facts: Any, tmp_path: Path
) -> None:
    shot = make_shot(shot_facts(sound=sound))
    read, notes = timeline(shot, tmp_path / f"t.{kind}")
    (picture,) = read.video_tracks()
    # An EDL names two channels at most, each a track; elsewhere a stream is one.
    expected = min(2, CHANNELS[sound]) if kind == "edl" else min(1, CHANNELS[sound])
    assert len(read.audio_tracks()) == expected
    for track in read.audio_tracks():
        assert places(track) == places(picture)
    told = "an EDL names 2 channels of sound, and the video has 6"
    assert (told in notes) == (kind == "edl" and sound == "5.1")
    if kind == "edl":
        code = ("V", "B", "AA/V")[expected]
        text = (tmp_path / "t.edl").read_text()
        assert next(line for line in text.splitlines() if line.startswith("001")).split()[2] == code


def test_fcp7_xml_has_a_linked_track_for_each_channel(
    make_shot: Make, shot_facts: Any, tmp_path: Path
) -> None:
    shot = make_shot(shot_facts(sound="5.1"))
    timeline(shot, tmp_path / "t.xml")
    tree = ET.parse(tmp_path / "t.xml")  # noqa: S314 - written just now
    items = tree.findall(".//audio/track/clipitem")
    sources = [item.findtext("sourcetrack/trackindex") for item in items]
    assert sources == ["1", "2", "3", "4", "5", "6"]
    assert tree.findtext(".//file/media/audio/channelcount") == "6"
    assert tree.findtext(".//file/media/audio/samplecharacteristics/samplerate") == "48000"
    every = [item.get("id") for item in tree.iter("clipitem")]
    assert len(set(every)) == 7
    for item in tree.iter("clipitem"):
        assert [link.findtext("linkclipref") for link in item.findall("link")] == every
        assert len(item.findall("rate")) == 1
        assert (item.findtext("in"), item.findtext("out")) == ("3", "10")


def write_two_streams(path: Path) -> Path:
    """A video with stereo and mono sound."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width = stream.height = 16
        sounds = [output.add_stream("pcm_s16le", rate=48000, layout=k) for k in ("stereo", "mono")]
        for index in range(COUNT):
            picture = av.VideoFrame.from_ndarray(np.full((24, 16), index, np.uint8), "yuv420p")
            picture.pts = index
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
        for sound, layout, width in zip(sounds, ("stereo", "mono"), (2, 1), strict=True):
            samples = np.zeros((1, 48000 * width), np.int16)
            frame = av.AudioFrame.from_ndarray(samples, "s16", layout)
            frame.sample_rate = 48000
            output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return path


def test_several_streams_are_counted_through(tmp_path: Path) -> None:
    tracks = MemoryTracks()
    for index in range(IN, OUT):
        matte = np.ones((16, 16), np.float32)
        entry = TrackedMatte(matte=matte, score=1, origin=Origin.PROPAGATED)
        tracks.append(index, {1: entry})
    with open_source(write_two_streams(tmp_path / "two.mov")) as source:
        job = ExportJob(source=source, reader=tracks, names={1: "it"}, in_frame=IN, out_frame=OUT)
        # FCPXML has no tracks of sound; the clip brings its own.
        for kind in ("otio", "xml", "fcpxml"):
            export("otio", job, tmp_path / f"t.{kind}")
    read = otio.adapters.read_from_file(str(tmp_path / "t.otio"))
    assert [track.name for track in read.tracks] == ["V1", "A1", "A2"]
    said = [track[0].metadata["tam_edit"] for track in read.audio_tracks()]
    assert [(each["stream"], each["channels"]) for each in said] == [(1, 2), (2, 1)]
    assert {track[0].source_range.start_time.value for track in read.tracks} == {IN}
    assert {track[0].source_range.duration.value for track in read.tracks} == {OUT - IN}
    tree = ET.parse(tmp_path / "t.xml")  # noqa: S314 - written just now
    tracks = tree.findall(".//audio/track")
    sources = [track.findtext("clipitem/sourcetrack/trackindex") for track in tracks]
    assert sources == ["1", "2", "3"]
    assert [track.get("premiereTrackType") for track in tracks] == ["Stereo", "Stereo", "Mono"]
