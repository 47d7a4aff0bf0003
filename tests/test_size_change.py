"""A video whose frames change size: refused at that frame in words, never scaled on the quiet."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tam_edit._cli import run
from tam_edit.errors import DecodeError
from tam_edit.media import open_source
from tam_edit.project import Project
from tam_edit.testing.clips import draw_clip

COUNT = 12
FIRST, SECOND = (96, 64), (64, 48)
BARE = ("h264", "m2v", "mjpeg")


def pictures(size: tuple[int, int], count: int = COUNT) -> list[NDArray[np.uint8]]:
    return list(draw_clip("disc", frames=count, width=size[0], height=size[1]).frames)


def encode(path: Path, codec: str, size: tuple[int, int]) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25, options={"g": "6"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for index, picture in enumerate(pictures(size)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def joined(folder: Path, codec: str, part: str, whole: str) -> Path:
    """Two parts of unlike size as one stream of packets; a bare stream is joined byte by byte."""
    parts = [encode(folder / f"{i}.{part}", codec, s) for i, s in enumerate((FIRST, SECOND))]
    target = folder / f"joined.{whole}"
    if part in BARE:
        target.write_bytes(parts[0].read_bytes() + parts[1].read_bytes())
        return target
    with av.open(str(target), "w") as output, av.open(str(parts[0])) as template:
        stream = output.add_stream_from_template(template.streams.video[0], opaque=True)
        for index, path in enumerate(parts):
            with av.open(str(path)) as source:
                packets = [p for p in source.demux(video=0) if p.size]
                assert packets[0].time_base is not None
                later = round(index * COUNT / 25 / packets[0].time_base)
                for packet in packets:
                    assert packet.pts is not None
                    assert packet.dts is not None
                    packet.pts += later
                    packet.dts += later
                    packet.stream = stream
                    output.mux(packet)
    return target


STREAMS = {
    "h264": ("libx264", "h264", "h264", 0),
    "mpeg-ts": ("libx264", "ts", "ts", 0),
    "mkv": ("libx264", "ts", "mkv", 0),
    "mp4": ("libx264", "ts", "mp4", 0),
    "mjpeg": ("mjpeg", "mjpeg", "mjpeg", 0),
    "vp9": ("libvpx-vp9", "mkv", "webm", 0),
    # FFmpeg's decoder drops the frame that it still holds when a new size begins.
    "mpeg2": ("mpeg2video", "m2v", "m2v", 1),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_the_frame_where_the_size_changes_is_named(tmp_path: Path, kind: str) -> None:
    codec, part, whole, lost = STREAMS[kind]
    path = joined(tmp_path, codec, part, whole)
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == FIRST
        good = []
        with pytest.raises(DecodeError) as caught:
            good.extend(source.frames())
        place = COUNT - lost
        assert [frame.index for frame in good] == list(range(place))
        assert {frame.rgb.shape for frame in good} == {(64, 96, 3)}
        told = str(caught.value)
        assert told.startswith(f"frame {place} of {path.name} is 64x48 yuv")
        assert re.search(r"but the first is 96x64 yuvj?420p$", told)
        assert "-vf scale=96:64" in caught.value.hint
        assert f"--out {place} or less" in caught.value.hint
        # What lies before can still be had, in any order.
        with pytest.raises(DecodeError, match="is 64x48"):
            source.frame(place + 2)
        for index in (place - 1, 2, 5):
            assert np.array_equal(source.frame(index).rgb, good[index].rgb)
        with pytest.raises(DecodeError, match="is 64x48"):
            list(source.frames_reversed())
        backwards = [f.index for f in source.frames_reversed(0, place)]
        assert backwards == list(reversed(range(place)))


def folder_of(tmp_path: Path, odd: int, size: tuple[int, int] = SECOND) -> Path:
    folder = tmp_path / "shot"
    folder.mkdir()
    for index, picture in enumerate(pictures(FIRST)):
        Image.fromarray(picture).save(folder / f"{index:04d}.png")
    Image.fromarray(pictures(size, 1)[0]).save(folder / f"{odd:04d}.png")
    return folder


@pytest.mark.parametrize("size", [SECOND, (97, 64), (96, 65), (64, 96)])
def test_one_picture_of_another_size_in_a_folder(tmp_path: Path, size: tuple[int, int]) -> None:
    with open_source(folder_of(tmp_path, 7, size)) as source:
        with pytest.raises(DecodeError) as caught:
            list(source.frames())
        assert str(caught.value) == (
            f"frame 7 of shot (0007.png) is {size[0]}x{size[1]} rgb24, but the first is 96x64 rgb24"
        )
        assert caught.value.hint.startswith("save all pictures like 0000.png; or ")
        assert len(list(source.frames(0, 7))) == 7
        assert len(list(source.frames(8))) == COUNT - 8


def test_a_picture_of_another_kind_in_a_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 7, FIRST)
    Image.open(folder / "0003.png").convert("L").save(folder / "0003.png")
    with open_source(folder) as source, pytest.raises(DecodeError, match="is 96x64 gray"):
        list(source.frames())


@pytest.fixture
def changing(tmp_path: Path) -> Path:
    return joined(tmp_path, "libx264", "ts", "mkv")


def track(*arguments: str | Path) -> int:
    return run(["track", *map(str, arguments), "--click", "29,23", "--model", "builtin", "-q"])


def test_tracking_stops_there_and_keeps_what_it_has(
    changing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks, project = tmp_path / "masks", tmp_path / "masks.tam"
    assert track(changing, "--masks-out", masks, "--at-cuts", "ignore") == 1
    error, hint = capsys.readouterr().err.splitlines()[-2:]
    assert error.startswith(f"error: frame {COUNT} of joined.mkv is 64x48 yuv420p, but ")
    assert hint.startswith("hint: bring it to one size first: ffmpeg -i joined.mkv ")
    assert not masks.exists()
    with Project.open(project) as kept:
        assert kept.tracked_spans(1) == [(0, COUNT)]


def test_looking_for_cuts_stops_there_too(
    changing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = tmp_path / "masks"
    assert track(changing, "--masks-out", masks) == 1
    told = capsys.readouterr().err
    assert f"error: frame {COUNT} of joined.mkv is 64x48" in told
    assert "Traceback" not in told
    assert not masks.exists()


def test_the_hint_leads_on(changing: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    assert track(changing, "--masks-out", masks, "--out", str(COUNT)) == 0
    assert len(list(masks.glob("*.png"))) == COUNT


def test_rendering_leaves_no_file(changing: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    arguments = ["blur-object", changing, "-o", out, "--click", "29,23", "--model", "builtin"]
    assert run(["run", *map(str, arguments), "-q"]) == 1
    assert not out.exists()
    assert not list(tmp_path.glob(".out*"))
