"""Bad input and bad luck: a clear sentence, no half-written file, nothing replaced unasked."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from tam_edit.errors import DecodeError, EncodeError, InputError, MediaError, OpenError
from tam_edit.media import OUTPUT_FORMATS, Source, file_sink, open_sink, open_source

IS_ROOT = os.geteuid() == 0


def write_clip(path: Path, count: int = 30, size: tuple[int, int] = (64, 48), **muxer: str) -> Path:
    with av.open(str(path), "w", container_options=muxer) as output:
        stream = output.add_stream("libx264", rate=30, options={"x264-params": "keyint=10"})
        stream.width, stream.height = size
        stream.codec_context.time_base = stream.time_base = Fraction(1, 30000)
        for index in range(count):
            noise = np.random.default_rng(index).integers(0, 256, (size[1] * 3 // 2, size[0]))
            picture = av.VideoFrame.from_ndarray(noise.astype(np.uint8), "yuv420p")
            picture.pts, picture.time_base = index * 1000, Fraction(1, 30000)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


def left_over(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Dear diary, " * 500)
    (tmp_path / "a.mp4").write_text("Dear diary, " * 500)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "dots.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    for name in ("a.txt", "a.mp4", "empty.mp4", "dots.srt"):
        with pytest.raises(OpenError, match=name):
            open_source(tmp_path / name)
    with pytest.raises(OpenError, match="no file"):
        open_source(tmp_path / "missing.mp4")


def test_names_are_never_read_as_instructions(tmp_path: Path, clip: Path) -> None:
    for name in ("concat:a|b.mp4", "a%03d.mp4", "-i.mp4"):
        odd = tmp_path / name
        odd.write_bytes(clip.read_bytes())
        with open_source(odd) as source:
            assert source.info.frame_count == 30


@pytest.mark.skipif(IS_ROOT, reason="root may read everything")
def test_unreadable_file(clip: Path) -> None:
    clip.chmod(0)
    with pytest.raises(OpenError, match="may not be read"):
        open_source(clip)


def test_video_track_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    run = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "quiet", "-f", "lavfi", "-i", "testsrc2=d=1"]
    subprocess.run([*run, "-frames:v", "0", "-movflags", "empty_moov", str(path)], check=False)
    with pytest.raises(OpenError, match=r"none\.mp4"):
        open_source(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("share", [0.35, 0.8, 0.995])
def test_truncated_file_names_the_frame(tmp_path: Path, suffix: str, share: float) -> None:
    muxer = {} if suffix == ".mkv" else {"movflags": "+faststart"}
    whole = write_clip(tmp_path / f"whole{suffix}", **muxer)
    data = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DecodeError, match=r"cut.* breaks off at frame (\d+)") as caught:
        open_source(cut)
    frame = int(str(caught.value).split("at frame ")[1].split(":")[0])
    # Matroska keeps its index at the end: of the last piece nothing but that may be missing.
    assert 30 * (share - 0.25) < frame <= (30 if suffix == ".mkv" else 29)
    assert "intact" in caught.value.hint
    # The hint's command really keeps the good part.
    run = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "quiet", "-fflags", "+discardcorrupt"]
    run += ["-i", str(cut), "-c", "copy", str(tmp_path / f"intact{suffix}")]
    subprocess.run(run, check=False)
    with open_source(tmp_path / f"intact{suffix}") as source:
        assert 0 <= len(list(source.frames())) - frame <= 3


def test_file_whose_index_is_cut_off(tmp_path: Path, clip: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:-900])
    with pytest.raises(MediaError):
        open_source(cut)


def test_damaged_frame_is_named(tmp_path: Path, clip: Path) -> None:
    with av.open(str(clip)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        # A keyframe in the middle, all of it.
        places = [(p.pos, p.size, p.pts) for p in packets if p.is_keyframe]
    position, size, pts = places[1]
    assert position is not None
    assert pts is not None
    data = bytearray(clip.read_bytes())
    data[position : position + size] = bytes(size)
    clip.write_bytes(data)
    with open_source(clip) as source, pytest.raises(DecodeError, match="at frame") as caught:
        list(source.frames())
    frame = int(str(caught.value).split("at frame ")[1].split(" ")[0])
    assert abs(frame - pts // 1000) <= 4


def test_change_of_size_is_named(tmp_path: Path) -> None:
    first = write_clip(tmp_path / "1.ts", 10)
    second = write_clip(tmp_path / "2.ts", 10, (32, 32))
    with av.open(str(tmp_path / "both.mkv"), "w") as output, av.open(str(first)) as template:
        stream = output.add_stream_from_template(template.streams.video[0], opaque=True)
        for index, path in enumerate((first, second)):
            with av.open(str(path)) as part:
                for packet in part.demux(video=0):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts += index * 30000
                        packet.dts += index * 30000
                        packet.stream = stream
                        output.mux(packet)
    with open_source(tmp_path / "both.mkv") as source:
        frames = source.frames()
        for _ in range(10):
            next(frames)
        told = r"frame 10 .* is 32x32 yuv420p, but the first is 64x48"
        with pytest.raises(DecodeError, match=told):
            next(frames)


def test_output_equal_to_input(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(clip)
    (tmp_path / "hard.mp4").hardlink_to(clip)
    before = clip.read_bytes()
    with open_source(clip) as source:
        for name in ("clip.mp4", "link.mp4", "hard.mp4", "../" + tmp_path.name + "/clip.mp4"):
            with pytest.raises(EncodeError, match="input itself"):
                open_sink(tmp_path / name, source=source, overwrite=True)
    with (
        open_source(tmp_path / "link.mp4") as source,
        pytest.raises(EncodeError, match="input itself"),
    ):
        open_sink(clip, source=source, overwrite=True)
    assert clip.read_bytes() == before


def test_targets_that_cannot_be(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "taken.mp4").write_text("precious")
    (tmp_path / "folder.mp4").mkdir()
    cases = {
        "taken.mp4": "exists already",
        "no/such/out.mp4": "no folder",
        "out.xyz": "extension",
        "out": "extension",
    }
    with open_source(clip) as source:
        for name, message in cases.items():
            with pytest.raises(EncodeError, match=message):
                open_sink(tmp_path / name, source=source, overwrite=name != "taken.mp4")
        with pytest.raises(EncodeError, match="is a folder"):
            open_sink(tmp_path / "folder.mp4", source=source, format=OUTPUT_FORMATS["h264"])
        for start, stop in ((5, 5), (0, 31), (-1, 3)):
            with pytest.raises(InputError, match="no range"):
                open_sink(tmp_path / "o.mp4", source=source, start=start, stop=stop)
        with pytest.raises(EncodeError, match="cannot store transparency") as caught:
            open_sink(tmp_path / "o.mp4", source=source, needs_alpha=True)
        assert "prores4444" in caught.value.hint
    assert left_over(tmp_path) == {"clip.mp4", "taken.mp4", "folder.mp4"}


@pytest.mark.skipif(IS_ROOT, reason="root may write everywhere")
def test_read_only_folder(tmp_path: Path, clip: Path) -> None:
    folder = tmp_path / "ro"
    folder.mkdir()
    folder.chmod(0o555)
    with open_source(clip) as source, pytest.raises(EncodeError, match="may not be written"):
        open_sink(folder / "o.mp4", source=source)


def test_read_only_folder_as_the_system_reports_it(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    with open_source(clip) as source, pytest.raises(EncodeError, match="may not be written"):
        open_sink(tmp_path / "o.mp4", source=source)


@pytest.mark.parametrize("target", ["out.mp4", "out.mov", "png/"])
@pytest.mark.parametrize("trouble", [ZeroDivisionError, KeyboardInterrupt, "too few"])
def test_failure_leaves_nothing_and_keeps_what_was_there(
    tmp_path: Path, clip: Path, target: str, trouble: Any
) -> None:
    old = tmp_path / target
    if target.endswith("/"):
        old.mkdir()
        old = old / "a.0.png"
    old.write_bytes(b"the old result")
    before = left_over(tmp_path)
    expected = EncodeError if trouble == "too few" else trouble

    def write_some(source: Source) -> None:
        with open_sink(f"{tmp_path}/{target}", source=source, overwrite=True) as sink:
            for frame in source.frames(0, 20):
                sink.write(frame)
            assert len(left_over(tmp_path)) == len(before) + 1
            if trouble != "too few":
                raise trouble

    with open_source(clip) as source, pytest.raises(expected):
        write_some(source)
    assert left_over(tmp_path) == before
    assert old.read_bytes() == b"the old result"


def test_frames_that_do_not_belong(tmp_path: Path, clip: Path) -> None:
    small = write_clip(tmp_path / "small.mp4", 3, (32, 32))
    with open_source(clip) as source, open_source(small) as other:
        sink = open_sink(tmp_path / "o.mp4", source=source)
        sink.write(source.frame(1))
        for frame in (source.frame(1), source.frame(0)):
            with pytest.raises(InputError, match="does not come after"):
                sink.write(frame)
        with pytest.raises(InputError, match="32x32"):
            sink.write(other.frame(2))
        half = np.full((48, 64), 0.5, np.float32)
        with pytest.raises(EncodeError, match="transparent"):
            sink.write(source.frame(2).with_coverage(half))
        with pytest.raises(InputError, match="not of the frame's size"):
            sink.write(source.frame(2).with_coverage(half[:9]))
        sink.write(source.frame(2).with_coverage(np.ones_like(half)))
        sink.discard()
        with pytest.raises(InputError, match="closed"):
            sink.write(source.frame(3))
    assert left_over(tmp_path) == {"clip.mp4", "small.mp4"}


def lying(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the writer do something other than it promises."""
    honest_mux, honest_add = file_sink.FileSink._mux, file_sink.add_video
    seen: list[Any] = []

    def mux(self: Any, packets: list[Any]) -> None:
        for packet in packets:
            seen.append(packet)
            if kind == "frame" and len(seen) == 9:
                continue
            if kind == "time" and len(seen) == 9:
                packet.pts += 300
            honest_mux(self, [packet])

    def add_video(output: Any, codec: str, info: Any, **kind_of: Any) -> Any:
        if kind == "alpha":
            kind_of["pixel_format"] = "yuv444p10le"
        if kind == "depth":
            kind_of["pixel_format"] = "yuv420p"
        stream = honest_add(output, codec, info, **kind_of)
        if kind == "rotation":
            stream.set_display_rotation(90)
        return stream

    monkeypatch.setattr(file_sink.FileSink, "_mux", mux)
    monkeypatch.setattr(file_sink, "add_video", add_video)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("frame", "29 frames instead of 30"),
        ("time", "ms off"),
        ("alpha", "transparency is gone"),
        ("depth", "8 bits instead of 10"),
        ("rotation", "rotation"),
    ],
)
def test_readback_catches_a_lying_file(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, kind: str, says: str
) -> None:
    lying(kind, monkeypatch)
    target = tmp_path / ("o.mov" if kind == "alpha" else "o.mp4")
    target.write_bytes(b"the old result")
    options = {"pix_fmt": "yuv420p10le"} if kind == "depth" else {"bf": "0"}
    if kind == "alpha":
        options = {}
    with open_source(clip) as source:
        sink = open_sink(
            target,
            source=source,
            needs_alpha=kind == "alpha",
            overwrite=True,
            codec_options=options,
        )
        for frame in source.frames():
            sink.write(frame)
        with pytest.raises(EncodeError, match=says):
            sink.finish()
    assert target.read_bytes() == b"the old result"
    assert left_over(tmp_path) == {"clip.mp4", target.name}


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "png/"])
def test_full_disk(tmp_path: Path, clip: Path, target: str) -> None:
    # A limit on the size of files stands in for a full disk: the same writes fail.
    script = f"""
        import resource, signal
        from tam_edit.errors import EncodeError
        from tam_edit.media import OUTPUT_FORMATS, open_sink, open_source
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        source = open_source({str(clip)!r})
        try:
            with open_sink({f"{tmp_path}/{target}"!r}, source=source) as sink:
                for frame in source.frames():
                    sink.write(frame)
        except EncodeError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert "cannot be written: File too large" in done.stdout, done.stderr
    assert left_over(tmp_path) == {"clip.mp4"}


def test_encoder_that_cannot_hold_the_size(tmp_path: Path) -> None:
    tiny = write_clip(tmp_path / "tiny.mp4", 2, (8, 8))
    with (
        open_source(tiny) as source,
        pytest.raises(EncodeError, match="hevc cannot hold") as caught,
    ):
        open_sink(tmp_path / "o.mp4", source=source, format=OUTPUT_FORMATS["hevc"])
    assert "h264" in caught.value.hint
