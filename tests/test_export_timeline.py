"""Timelines and lists of frames: what editing programs read is where the video has it."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import av
import numpy as np
import opentimelineio as otio
import pytest
from PIL import Image

from tam_edit.errors import InputError
from tam_edit.export import ExportJob, ExportOptions, ExportReport, KnownMedia, export
from tam_edit.media import open_source
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

COUNT, IN, OUT = 40, 10, 30
ADAPTERS = {"otio": "otio_json", "edl": "cmx_3600", "xml": "fcp_xml", "fcpxml": "fcpx_xml"}


@dataclass(frozen=True)
class Shot:
    """A rate, a start timecode, and the timecodes of in point and out point, counted by hand."""

    rate: Fraction
    start: str
    in_point: str
    out_point: str


SHOTS = {
    "23.976": Shot(Fraction(24000, 1001), "01:00:00:00", "01:00:00:10", "01:00:01:06"),
    "25": Shot(Fraction(25), "01:00:00:00", "01:00:00:10", "01:00:01:05"),
    "29.97 drop": Shot(Fraction(30000, 1001), "01:00:00;00", "01:00:00;10", "01:00:01;00"),
    # A minute begins between start and in point: its first two (four) numbers are left out.
    "29.97 dropped": Shot(Fraction(30000, 1001), "01:00:59;20", "01:01:00;02", "01:01:00;22"),
    "59.94 dropped": Shot(Fraction(60000, 1001), "01:00:59;50", "01:01:00;04", "01:01:00;24"),
    "29.97 not drop": Shot(Fraction(30000, 1001), "01:00:00:00", "01:00:00:10", "01:00:01:00"),
    "59.94": Shot(Fraction(60000, 1001), "01:00:00;00", "01:00:00;10", "01:00:00;30"),
}


def write_video(path: Path, rate: Fraction, timecode: str | None, count: int = COUNT) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=rate)
        stream.width = stream.height = 16
        if timecode is not None:
            stream.metadata["timecode"] = timecode
        for index in range(count):
            picture = av.VideoFrame.from_ndarray(np.full((24, 16), index, np.uint8), "yuv420p")
            picture.pts = index
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


def tracked(count: int = 1) -> MemoryTracks:
    """Objects that are in the picture until frame 20, and surer the later it is."""
    tracks = MemoryTracks()
    for index in range(IN, OUT):
        matte = np.full((16, 16), index < 20, np.float32)
        entry = TrackedMatte(matte=matte, score=index / 100, origin=Origin.PROPAGATED)
        tracks.append(index, dict.fromkeys(range(1, count + 1), entry))
    return tracks


def job_of(video: Path, **changes: Any) -> ExportJob:
    source = open_source(video)
    job = ExportJob(source=source, reader=tracked(), names={1: "fish"}, in_frame=IN, out_frame=OUT)
    return replace(job, **changes)


def written(job: ExportJob, path: Path) -> ExportReport:
    (report,) = export("otio", job, path)
    return report


def read(path: Path, rate: Fraction) -> Any:
    kind = path.suffix[1:]
    options = {"rate": float(rate)} if kind == "edl" else {}
    return otio.adapters.read_from_file(str(path), ADAPTERS[kind], **options)


@pytest.mark.parametrize("shot", SHOTS.values(), ids=SHOTS)
@pytest.mark.parametrize("kind", ["otio", "edl", "xml"])
def test_in_and_out_points_come_back(shot: Shot, kind: str, tmp_path: Path) -> None:
    video = write_video(tmp_path / "a shot.mov", shot.rate, shot.start)
    path = tmp_path / f"t.{kind}"
    written(job_of(video), path)
    (clip,) = read(path, shot.rate).find_clips()
    rate = float(shot.rate)
    shown = clip.source_range
    # OpenTimelineIO's own reading of timecodes that were counted by hand.
    assert shown.start_time == otio.opentime.from_timecode(shot.in_point, rate)
    assert shown.end_time_exclusive() == otio.opentime.from_timecode(shot.out_point, rate)
    assert shown.start_time.rate == pytest.approx(rate, abs=1e-3)
    if kind != "edl":
        available = clip.media_reference.available_range
        assert available.start_time == otio.opentime.from_timecode(shot.start, rate)
        assert available.duration.value == COUNT
    assert clip.media_reference.target_url == video.as_uri()


@pytest.mark.parametrize("shot", SHOTS.values(), ids=SHOTS)
def test_an_edl_and_fcp7_xml_say_the_timecode_as_the_video_does(shot: Shot, tmp_path: Path) -> None:
    video = write_video(tmp_path / "shot.mov", shot.rate, shot.start)
    job = job_of(video)
    written(job, tmp_path / "t.edl")
    text = (tmp_path / "t.edl").read_text()
    event = next(line for line in text.splitlines() if line.startswith("001"))
    assert event.split()[4:6] == [shot.in_point, shot.out_point]
    drops = ";" in shot.start
    assert ("FCM: DROP FRAME" if drops else "FCM: NON-DROP FRAME") in text
    written(job, tmp_path / "t.xml")
    tree = ET.parse(tmp_path / "t.xml")  # noqa: S314 - written just now
    for place, timecode in ((".//file/timecode", shot.start), (".//sequence/timecode", None)):
        found = tree.find(place)
        assert found is not None
        assert found.findtext("displayformat") == ("DF" if drops else "NDF")
        assert found.findtext("string") == (timecode or shot.in_point)
    picture = tree.find(".//sequence/media/video/format/samplecharacteristics")
    assert picture is not None
    size = (job.source.info.width, job.source.info.height)
    assert (int(picture.findtext("width", "")), int(picture.findtext("height", ""))) == size
    assert picture.findtext("pixelaspectratio") == "square"
    assert picture.findtext("rate/timebase") == tree.findtext(".//sequence/rate/timebase")
    assert picture.findtext("rate/ntsc") == tree.findtext(".//sequence/rate/ntsc")


@pytest.mark.parametrize("kind", ["otio", "edl", "xml"])
def test_a_rate_that_a_clock_has_rounded_is_the_one_it_comes_from(
    kind: str, tmp_path: Path
) -> None:
    # Matroska counts milliseconds: frames of 16.683 ms.
    rate = Fraction(60000, 1001)
    video = write_video(tmp_path / "shot.mkv", rate, "01:00:59;50")
    job = job_of(video)
    assert job.source.info.average_rate != rate
    written(job, tmp_path / f"t.{kind}")
    (clip,) = read(tmp_path / f"t.{kind}", rate).find_clips()
    assert clip.source_range.start_time == otio.opentime.from_timecode("01:01:00;04", float(rate))
    assert clip.source_range.duration.value == OUT - IN


def test_fcpxml_is_written_at_whole_rates_only(tmp_path: Path) -> None:
    video = write_video(tmp_path / "shot.mov", Fraction(25), "01:00:00:00")
    written(job_of(video), tmp_path / "t.fcpxml")
    (clip,) = read(tmp_path / "t.fcpxml", Fraction(25)).find_clips()
    assert clip.source_range.start_time == otio.opentime.from_timecode("01:00:00:10", 25)
    assert clip.source_range.duration.value == OUT - IN
    for rate in (*(SHOTS[name].rate for name in ("23.976", "29.97 drop", "59.94")), Fraction(48)):
        video = write_video(tmp_path / "other.mov", rate, None)
        with pytest.raises(InputError, match="at 24, 25, 30, 50, 60 frames a second only"):
            written(job_of(video), tmp_path / "u.fcpxml")
    assert not list(tmp_path.glob("*u.fcpxml"))


@pytest.mark.parametrize("kind", ["otio", "xml", "fcpxml"])
def test_mattes_lie_above_the_video_frame_on_frame(kind: str, tmp_path: Path) -> None:
    rate = Fraction(25)
    video = write_video(tmp_path / "shot.mov", rate, "01:00:00:00")
    mattes = {
        # With a timecode of its own: begins with frame 7 of the video.
        write_video(tmp_path / "timed.mov", rate, "01:00:00:07", 30): (90007, 3),
        # Without one and as long as the video: begins where that does.
        write_video(tmp_path / "whole.mov", rate, None): (0, IN),
        # Without one and shorter: begins at the in point.
        write_video(tmp_path / "part.mov", rate, None, OUT - IN): (0, 0),
        # One that was exported before: where it was exported from.
        write_video(tmp_path / "known.mov", rate, None, 26): (0, 2),
    }
    known = KnownMedia(
        path=tmp_path / "known.mov", first_frame=8, alpha="premultiplied", objects=("fish",)
    )
    job = job_of(video, options=ExportOptions(mattes=tuple(mattes)), known_media=(known,))
    written(job, tmp_path / f"t.{kind}")
    timeline = read(tmp_path / f"t.{kind}", rate)
    clips = {clip.name: clip for clip in timeline.find_clips()}
    assert list(clips) == ["shot.mov", *(path.name for path in mattes)]
    for path, (first_number, offset) in mattes.items():
        clip = clips[path.name]
        start = clip.source_range.start_time.value
        assert start - clip.media_reference.available_range.start_time.value == offset
        assert start == first_number + offset
        assert clip.source_range.duration.value == OUT - IN
    if kind == "otio":
        said = clips["known.mov"].metadata["tam_edit"]
        assert said["alpha"] == "premultiplied"
        assert said["in_point_offset_frames"] == 2
        assert clips["timed.mov"].metadata["tam_edit"]["alpha"] == "luma"
        of_all = timeline.metadata["tam_edit"]
        assert of_all["video"] == str(video)
        assert (of_all["in_frame"], of_all["out_frame"]) == (IN, OUT)
        assert (of_all["in_timecode"], of_all["last_timecode"]) == ("01:00:00:10", "01:00:01:04")
        assert timeline.global_start_time == otio.opentime.from_timecode("01:00:00:10", 25)
    if kind == "xml":
        tree = ET.parse(tmp_path / "t.xml")  # noqa: S314 - written just now
        assert [e.text for e in tree.iter("alphatype")] == ["premultiplied"]


def test_what_was_exported_before_is_taken_where_no_matte_is_named(tmp_path: Path) -> None:
    video = write_video(tmp_path / "shot.mov", Fraction(25), None)
    matte = write_video(tmp_path / "known.mov", Fraction(25), None, 26)
    known = KnownMedia(path=matte, first_frame=8, alpha="straight", objects=("fish",))
    elsewhere = write_video(tmp_path / "another.mov", Fraction(25), None, 26)
    other = replace(known, path=elsewhere, objects=("another",))
    report = written(job_of(video, known_media=(known, other)), tmp_path / "t.edl")
    assert report.notes == (
        "an EDL has one track: the mattes are named in its comments only",
        f"above the video: {matte} (straight alpha)",
    )
    text = (tmp_path / "t.edl").read_text()
    said = "* TAM-EDIT matte known.mov, alpha straight: the in point is 2 frames after its first"
    assert text.count(said) == 1
    # What it shows is the fish alone: an editor is told that the crab has no matte.
    job = job_of(video, known_media=(known,), reader=tracked(2), names={1: "fish", 2: "crab"})
    report = written(job, tmp_path / "two.otio")
    assert report.notes[1].startswith("no matte above the video shows crab: ")
    # And the other way round: this one shows the crab as well.
    both = replace(known, objects=("fish", "crab"))
    lost = tmp_path / "gone.mov"
    report = written(job_of(video, known_media=(both,), lost_media=(lost,)), tmp_path / "one.otio")
    assert f"{matte} shows crab, too" in report.notes
    assert f"not where they were written any more: {lost}; --matte" in report.notes[0]


def test_mattes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    video = write_video(tmp_path / "shot.mov", Fraction(25), None)
    short = write_video(tmp_path / "short.mov", Fraction(25), None, 12)
    other = write_video(tmp_path / "other.mov", Fraction(24), None, 20)
    for matte, message in ((short, "has frames 10 to 21"), (other, "24 frames a second")):
        job = job_of(video, options=ExportOptions(mattes=(matte,)))
        with pytest.raises(InputError, match=message):
            written(job, tmp_path / "t.otio")
    assert not (tmp_path / "t.otio").exists()


def test_a_folder_of_pictures_is_an_image_sequence(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(COUNT):
        Image.new("RGB", (16, 16)).save(folder / f"a.{index + 5:04d}.png")
    job = job_of(folder)
    written(job, tmp_path / "t.otio")
    (clip,) = read(tmp_path / "t.otio", Fraction(25)).find_clips()
    reference = clip.media_reference
    shown = clip.source_range
    first = reference.frame_for_time(shown.start_time)
    last = reference.frame_for_time(shown.end_time_inclusive())
    assert (first, last) == (5 + IN, 5 + OUT - 1)
    url = reference.target_url_for_image_number(IN)
    assert url == (folder / f"a.{5 + IN:04d}.png").as_uri()
    with pytest.raises(InputError, match=r"\.xml cannot name the folder of pictures"):
        written(job, tmp_path / "t.xml")
    (folder / "a.0020.png").unlink()
    with pytest.raises(InputError, match="not numbered one after the other"):
        written(job_of(folder), tmp_path / "u.otio")


def test_what_a_timeline_cannot_say_is_refused(tmp_path: Path) -> None:
    odd = write_video(tmp_path / "odd.mov", Fraction(17), None)
    with pytest.raises(InputError, match="no timecode at 17"):
        written(job_of(odd), tmp_path / "t.edl")
    written(job_of(odd), tmp_path / "t.otio")
    with pytest.raises(InputError, match="takes no --handles"):
        written(job_of(odd, handles=3), tmp_path / "u.otio")


def test_a_variable_rate_has_a_list_of_frames_but_no_timeline(tmp_path: Path) -> None:
    path = tmp_path / "vfr.mp4"
    ticks = [0]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=30)
        stream.width = stream.height = 16
        stream.codec_context.time_base = Fraction(1, 90000)
        for index in range(COUNT):
            picture = av.VideoFrame.from_ndarray(np.full((24, 16), index, np.uint8), "yuv420p")
            picture.pts, picture.time_base = ticks[-1], Fraction(1, 90000)
            ticks.append(ticks[-1] + (3000 if index % 3 else 4500))
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    job = job_of(path, handles=100)
    assert job.source.info.is_variable_rate
    for kind in ADAPTERS:
        with pytest.raises(InputError, match="variable frame rate"):
            written(replace(job, handles=0), tmp_path / f"t.{kind}")
    assert len(written(job, tmp_path / "t.csv").frames) == COUNT
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(COUNT))
    exact = [int(row["pts"]) * Fraction(row["time_base"]) for row in rows]
    assert exact == [Fraction(tick, 90000) for tick in ticks[:-1]]
    assert [float(row["seconds"]) for row in rows] == pytest.approx([float(t) for t in exact])
    told = {int(r["frame"]): (r["fish visible"], r["fish score"]) for r in rows}
    assert (told[9], told[10], told[20]) == (("", ""), ("1", "0.1000"), ("0", "0.2000"))


def test_a_text_list_has_tabs_and_timecodes(tmp_path: Path) -> None:
    video = write_video(tmp_path / "shot.mov", Fraction(30000, 1001), "01:00:59;20")
    written(job_of(video), tmp_path / "t.txt")
    lines = [line.split("\t") for line in (tmp_path / "t.txt").read_text().splitlines()]
    assert lines[0][:2] == ["frame", "pts"]
    assert (lines[1][0], lines[1][4]) == ("10", "01:01:00;02")
    assert len(lines) == 1 + OUT - IN
