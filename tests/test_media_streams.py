"""What lies beside the picture: sound, subtitles, chapters, timecode and names come along."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from tam_edit.errors import EncodeError
from tam_edit.media import OUTPUT_FORMATS, check_streams, identify, open_sink, open_source

SUBTITLES = """1
00:00:00,200 --> 00:00:00,900
first

2
00:00:01,000 --> 00:00:01,500
second
"""
CHAPTERS = """;FFMETADATA1
title=A film
comment=shot on a Tuesday
location=+48.8577+002.295/
creation_time=2020-01-02T03:04:05.000000Z
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1200
title=one
[CHAPTER]
TIMEBASE=1/1000
START=1200
END=2002
title=two
"""
CODECS = {
    "mov": ("aac", "mov_text"),
    "mp4": ("aac", "mov_text"),
    "mkv": ("flac", "srt"),
    "ass": ("libopus", "ass"),
    "pcm": ("pcm_s24le", None),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """60 frames with two sound tracks, subtitles, chapters and a start timecode, by FFmpeg."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "s.srt").write_text(SUBTITLES)
    (folder / "m.txt").write_text(CHAPTERS)
    made = {}
    for name, (sound, text) in CODECS.items():
        path = folder / f"{name}.{ {'ass': 'mkv', 'pcm': 'mov'}.get(name, name) }"
        inputs = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=30000/1001:d=2.002"]
        inputs += ["-f", "lavfi", "-i", "sine=440:d=2.3", "-f", "lavfi", "-i", "sine=880:d=2"]
        inputs += ["-i", "s.srt", "-i", "m.txt", "-map_metadata", "4", "-map_chapters", "4"]
        streams = ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "libx264", "-bf", "2"]
        streams += ["-c:a", sound, "-metadata:s:a:0", "language=eng"]
        streams += ["-metadata:s:a:1", "language=fra", "-disposition:a:1", "comment"]
        if text:
            streams += ["-map", "3:s", "-c:s", text, "-metadata:s:s:0", "language=deu"]
        run = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, *streams]
        run += ["-pix_fmt", "yuv420p", "-timecode", "01:00:00:00", str(path)]
        subprocess.run(run, check=True, cwd=folder)
        made[name] = path
    return made


def copy(source_path: Path, target: Path, **kind: Any) -> list[str]:
    with open_source(source_path) as source, open_sink(target, source=source, **kind) as sink:
        for frame in source.frames(kind.get("start", 0), kind.get("stop")):
            sink.write(frame)
    return sink.notes


def tracks(path: Path) -> list[tuple[str, str | None, int, list[tuple[Fraction, bytes]]]]:
    """Kind, language, disposition and packets (time in seconds, bytes) of all but the film."""
    with av.open(str(path)) as container:
        kept = [s for s in container.streams if s.type in ("audio", "subtitle")]
        packets: dict[int, list[tuple[Fraction, bytes]]] = {s.index: [] for s in kept}
        for packet in container.demux(*kept) if kept else ():
            # MP4 fills the gaps between subtitles with empty texts of two bytes.
            if packet.size > 2:
                assert packet.pts is not None
                packets[packet.stream.index].append((packet.pts * packet.time_base, bytes(packet)))
        # An unstated language reads as "und" in some containers.
        return [
            (
                s.type,
                {"und": None}.get(s.language, s.language),
                int(s.disposition),
                packets[s.index],
            )
            for s in kept
        ]


@pytest.mark.parametrize("extension", [".mp4", ".mov", ".m4v", ".mkv", ".webm"])
@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("keeps", [(True, True), (True, False), (False, True)])
def test_what_cannot_be_copied_is_known_beforehand(
    clips: dict[str, Path], tmp_path: Path, name: str, extension: str, keeps: tuple[bool, bool]
) -> None:
    sound, extras = keeps

    def check() -> None:
        check_streams(
            clips[name], extension, keeps_sound=sound, keeps_extras=extras, needs_alpha=False
        )

    def begin() -> None:
        with (
            open_source(clips[name]) as source,
            open_sink(
                tmp_path / f"o{extension}",
                source=source,
                format=None if extension == ".webm" else OUTPUT_FORMATS["h264"],
                copy_streams=sound,
                copy_metadata=extras,
                stop=1,
            ) as sink,
        ):
            sink.write(source.frame(0))

    def is_refused(attempt: Callable[[], None]) -> bool:
        try:
            attempt()
        except EncodeError:
            return True
        return False

    assert is_refused(check) == is_refused(begin)


def joined(packets: list[tuple[Fraction, bytes]]) -> bytes:
    return b"".join(data for _, data in packets)


@pytest.mark.parametrize(
    ("name", "target"),
    [("mov", "o.mov"), ("mov", "o.mp4"), ("mp4", "o.mp4"), ("mp4", "o.mkv"), ("mkv", "o.mkv")]
    + [("ass", "o.mkv"), ("pcm", "o.mov"), ("pcm", "o.mkv")],
)
def test_packets_are_bit_identical(
    clips: dict[str, Path], tmp_path: Path, name: str, target: str
) -> None:
    if (name, target) == ("mp4", "o.mkv"):
        with pytest.raises(EncodeError, match="subtitle track 3") as caught:
            copy(clips[name], tmp_path / target)
        assert caught.value.hint == "write to .mov or .mp4, which can"
        return
    copy(clips[name], tmp_path / target)
    before, after = tracks(clips[name]), tracks(tmp_path / target)
    assert [kind for kind, *_ in before] == [kind for kind, *_ in after]
    tick = Fraction(1, 1000)
    for (_, language, disposition, packets), (_, language_now, disposition_now, now) in zip(
        before, after, strict=True
    ):
        assert language == language_now
        assert disposition == disposition_now
        assert joined(packets) == joined(now)
        if name != "pcm":
            assert len(packets) == len(now)
            for (time, _), (time_now, _) in zip(packets, now, strict=True):
                assert abs(time - time_now) <= (tick if target.endswith("mkv") else 0)


@pytest.mark.parametrize(("name", "target"), [("mov", "o.mov"), ("mov", "o.mp4"), ("mkv", "o.mkv")])
def test_what_the_file_says_comes_along(
    clips: dict[str, Path], tmp_path: Path, name: str, target: str
) -> None:
    notes = copy(clips[name], tmp_path / target)
    assert all("1 ms" in note for note in notes)
    with open_source(clips[name]) as one, open_source(tmp_path / target) as other:
        assert one.info.start_timecode == other.info.start_timecode == "01:00:00:00"
        assert one.info.chapter_count == other.info.chapter_count == 2
        assert one.info.audio == other.info.audio
        assert one.info.subtitles == other.info.subtitles
        for key in ("title", "comment", "creation_time"):
            mine = {k.lower(): v for k, v in other.info.metadata.items()}
            assert mine[key] == {k.lower(): v for k, v in one.info.metadata.items()}[key]
    with av.open(str(clips[name])) as one, av.open(str(tmp_path / target)) as other:
        spans = [
            [(c["start"] * c["time_base"], c["end"] * c["time_base"]) for c in file.chapters()]
            for file in (one, other)
        ]
        titles = [[c["metadata"]["title"] for c in file.chapters()] for file in (one, other)]
    assert spans[0] == spans[1]
    assert titles[0] == titles[1] == ["one", "two"]


def test_redaction_carries_sound_and_nothing_else(clips: dict[str, Path], tmp_path: Path) -> None:
    for name, target in (("mov", "o.mov"), ("mkv", "o.mkv"), ("ass", "p.mkv"), ("mp4", "o.mp4")):
        copy(clips[name], tmp_path / target, copy_metadata=False)
        before, after = tracks(clips[name]), tracks(tmp_path / target)
        assert [kind for kind, *_ in after] == ["audio", "audio"]
        for (_, language, _, packets), (_, language_now, _, now) in zip(
            before, after, strict=False
        ):
            assert (language, joined(packets)) == (language_now, joined(now))
        with open_source(tmp_path / target) as written:
            info = written.info
        assert info.chapter_count == 0
        assert info.start_timecode is None
        allowed = {"major_brand", "minor_version", "compatible_brands", "encoder"}
        assert {key.lower() for key in info.metadata} <= allowed
        assert info.metadata.get("encoder", "Lavf") == "Lavf"
        raw = (tmp_path / target).read_bytes()
        for secret in (b"Tuesday", b"A film", b"48.8577", b"2020-01-02", b"first", b"Lavf6"):
            assert secret not in raw


def test_no_sound_where_none_is_asked_for(clips: dict[str, Path], tmp_path: Path) -> None:
    # A track of QuickTime points to one thing: chapters and timecode need two tracks.
    (note,) = copy(clips["mov"], tmp_path / "o.mov", copy_streams=False)
    assert "chapters" in note
    assert [kind for kind, *_ in tracks(tmp_path / "o.mov")] == ["subtitle"]
    with open_source(tmp_path / "o.mov") as written:
        assert written.info.start_timecode == "01:00:00:00"
    copy(clips["pcm"], tmp_path / "o.mkv", copy_streams=False)
    with open_source(tmp_path / "o.mkv") as written:
        assert written.info.start_timecode == "01:00:00:00"
        assert written.info.chapter_count == 2
    copy(clips["mov"], tmp_path / "bare.mkv", copy_streams=False, copy_metadata=False)
    assert tracks(tmp_path / "bare.mkv") == []


@pytest.mark.parametrize(
    ("name", "target", "says"),
    [
        ("ass", "o.mp4", "subtitle track 3 (ssa)"),
        ("mkv", "o.mov", "subtitle track 3"),
        ("pcm", "o.webm", "audio track 1 (pcm_s24le)"),
        ("mov", "o.webm", "audio track 1 (aac)"),
    ],
)
def test_stream_that_does_not_fit_is_refused_at_once(
    clips: dict[str, Path], tmp_path: Path, name: str, target: str, says: str
) -> None:
    with open_source(clips[name]) as source, pytest.raises(EncodeError) as caught:
        open_sink(tmp_path / target, source=source)
    assert says in str(caught.value)
    assert ".mkv" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_trimmed_part_keeps_picture_and_sound_together(
    clips: dict[str, Path], tmp_path: Path
) -> None:
    start, stop = 24, 48
    copy(clips["mov"], tmp_path / "o.mov", start=start, stop=stop)
    with open_source(clips["mov"]) as one, open_source(tmp_path / "o.mov") as other:
        begin, end = one.time_of(start), one.time_of(stop)
        assert other.info.frame_count == stop - start
        assert other.time_of(0) == one.time_of(0)
        # 24 frames after 01:00:00:00 at the count of 30 a second.
        assert other.info.start_timecode == "01:00:00:24"
        assert other.info.chapter_count == 2
    for (kind, _, _, packets), (_, _, _, now) in zip(
        tracks(clips["mov"]), tracks(tmp_path / "o.mov"), strict=True
    ):
        if kind == "subtitle":
            # The first is on screen when the cut begins, the second comes within it.
            assert [data[2:] for _, data in now] == [b"first", b"second"]
            assert [float(time) for time, _ in now] == pytest.approx(
                [0, 1.0 - float(begin)], abs=0.01
            )
            continue
        wanted = [(time - begin, data) for time, data in packets if begin <= time < end]
        assert [data for _, data in wanted] == [data for _, data in now]
        for (time, _), (time_now, _) in zip(wanted, now, strict=True):
            assert abs(time - time_now) <= Fraction(1, 40_000)


def test_covers_and_attachments(clips: dict[str, Path], tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    with av.open(str(cover), "w", format="image2", options={"update": "1"}) as output:
        stream = output.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 8, 8, "rgb24"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8))))
        output.mux(stream.encode(None))
    (tmp_path / "font.ttf").write_bytes(b"a font" * 50)
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(clips["mp4"])]
    subprocess.run(
        [*ffmpeg, "-i", cover, "-map", "0:v", "-map", "0:a", "-map", "1", "-c", "copy"]
        + ["-disposition:v:1", "attached_pic", str(tmp_path / "cover.mp4")],
        check=True,
    )
    attach = ["-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=font/ttf"]
    subprocess.run(
        [*ffmpeg, "-map", "0:v", "-c", "copy", *attach, str(tmp_path / "font.mkv")], check=True
    )
    (note,) = copy(tmp_path / "cover.mp4", tmp_path / "o.mp4")
    assert "attached picture" in note
    assert copy(tmp_path / "cover.mp4", tmp_path / "p.mp4", copy_metadata=False) == []
    notes = copy(tmp_path / "font.mkv", tmp_path / "q.mp4")
    assert [note for note in notes if "font.ttf" in note]
    copy(tmp_path / "font.mkv", tmp_path / "o.mkv")
    with av.open(str(tmp_path / "o.mkv")) as container:
        (attached,) = container.streams.attachments
        assert (attached.name, attached.mimetype) == ("font.ttf", "font/ttf")
        assert attached.data == b"a font" * 50


def test_sound_without_picture_is_no_video(clips: dict[str, Path], tmp_path: Path) -> None:
    from tam_edit.errors import OpenError

    path = tmp_path / "sound.m4a"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(clips["mp4"])]
        + ["-map", "0:a:0", "-c", "copy", str(path)],
        check=True,
    )
    with pytest.raises(OpenError, match="sound but no video"):
        open_source(path)


def test_identity_survives_a_move_and_no_change(clips: dict[str, Path], tmp_path: Path) -> None:
    first = identify(clips["mov"])
    moved = tmp_path / "moved.mov"
    moved.write_bytes(clips["mov"].read_bytes())
    assert identify(moved) == first
    assert type(first).from_json(first.to_json()) == first
    changed = bytearray(moved.read_bytes())
    place = changed.rfind(b"A film")
    changed[place] = ord("B")
    moved.write_bytes(changed)
    assert identify(moved) != first
    other = identify(clips["mkv"])
    assert first.difference(other).startswith("audio")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["01_dog", "license_plate", "07_snowboarder"])
def test_real_clips(shared_data: Path, tmp_path: Path, name: str) -> None:
    path = shared_data / "data" / "videos" / f"{name}.mp4"
    for target, kind in (
        ("o.mp4", {"codec_options": {"preset": "ultrafast"}}),
        ("o.mkv", {"format": OUTPUT_FORMATS["ffv1"], "stop": 25}),
    ):
        copy(path, tmp_path / target, **kind)
        with open_source(path) as one, open_source(tmp_path / target) as other:
            stop = kind.get("stop")
            if target == "o.mp4":
                assert [one.time_of(k) for k in range(one.info.frame_count)] == [
                    other.time_of(k) for k in range(other.info.frame_count)
                ]
                continue
            for mine, theirs in zip(other.frames(), one.frames(0, stop), strict=True):
                for plane, wanted in zip(mine.planes, theirs.planes, strict=True):
                    np.testing.assert_array_equal(plane, wanted)
    assert tracks(path) == tracks(tmp_path / "o.mp4")
