"""Reading video files: every frame, its time and its samples, forwards, backwards and at random."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from tam_edit.errors import InputError
from tam_edit.frame import to_av
from tam_edit.media import open_source
from tam_edit.pixels import PixelLayout

NTSC = Fraction(1001, 30000)
TICKS = Fraction(1, 30000)


def noise(layout: PixelLayout, size: tuple[int, int], seed: int) -> list[Any]:
    """Random planes of a layout."""
    rng = np.random.default_rng(seed)
    planes = []
    for k in range(layout.plane_count):
        step_x, step_y = layout.step(k)
        shape = (-(-size[1] // step_y), -(-size[0] // step_x))
        planes.append(rng.integers(0, layout.max_value + 1, shape).astype(layout.dtype))
    return planes


def write_clip(
    path: Path,
    count: int = 12,
    *,
    size: tuple[int, int] = (32, 24),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    time_base: Fraction = TICKS,
    pts: list[int] | None = None,
    rotation: int = 0,
    attributes: dict[str, Any] | None = None,
    muxer: dict[str, str] | None = None,
) -> list[av.VideoFrame]:
    """Draw a bar that moves one column a frame on noise, white in the upper left; encode it."""
    layout = PixelLayout.of(pix_fmt)
    pictures = []
    with av.open(str(path), "w", container_options=muxer or {}) as output:
        stream = output.add_stream(codec, rate=Fraction(30000, 1001), options=options or {})
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], pix_fmt
        stream.codec_context.time_base = stream.time_base = time_base
        for name, value in (attributes or {}).items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(count):
            planes = noise(layout, size, index)
            planes[0][:] = planes[0] // 4
            planes[0][:, (2 * index) % size[0]] = layout.max_value // 2
            planes[0][: size[1] // 3, : size[0] // 3] = layout.max_value
            picture = to_av(planes, layout, av_tags())
            picture.pts = index * 1001 if pts is None else pts[index]
            picture.time_base = time_base
            pictures.append(picture)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return pictures


def av_tags() -> Any:
    from tam_edit.pixels import ColorTags

    return ColorTags()


def linear(path: Path) -> list[tuple[int, list[Any]]]:
    """Timestamps and samples as PyAV's own loop gives them."""
    with av.open(str(path)) as container:
        return [
            (picture.pts, [np.frombuffer(p, np.uint8).copy() for p in picture.planes])
            for picture in container.decode(video=0)
        ]


# Long groups with pyramids of B-frames, open groups, several containers, all-intra.
GROUPS = {
    "one-long-group.mp4": {"bf": "3", "g": "250", "x264-params": "b-pyramid=normal:keyint=250"},
    "short-groups.mp4": {"bf": "3", "x264-params": "keyint=7:min-keyint=7:scenecut=0"},
    "open-groups.mp4": {"bf": "3", "x264-params": "keyint=8:min-keyint=8:scenecut=0:open-gop=1"},
    "open-groups.mkv": {"bf": "3", "x264-params": "keyint=8:min-keyint=8:scenecut=0:open-gop=1"},
    "open-groups.ts": {"bf": "3", "x264-params": "keyint=8:min-keyint=8:scenecut=0:open-gop=1"},
    "refresh.mp4": {"x264-params": "intra-refresh=1:keyint=12:scenecut=0"},
    "bare.h264": {"bf": "2", "x264-params": "keyint=9"},
    "program.mpg": {"bf": "2", "g": "12"},
    "interleaved.avi": {"bf": "2", "g": "12"},
    "fragments.mp4": {"bf": "3", "g": "12"},
    "open-groups-hevc.mkv": {"x265-params": "log-level=none:keyint=20:min-keyint=20:bframes=4"},
    "one-tile.webm": {"crf": "50", "preset": "12", "g": "20"},
    "hidden-frames.webm": {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "20"},
}
CODECS = {
    "program.mpg": "mpeg2video",
    "interleaved.avi": "mpeg4",
    "open-groups-hevc.mkv": "libx265",
    "one-tile.webm": "libsvtav1",
    "hidden-frames.webm": "libvpx-vp9",
}


@pytest.mark.parametrize("name", GROUPS)
def test_any_frame_equals_linear_decoding(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    options, codec = GROUPS[name], CODECS.get(name, "libx264")
    muxer = {"movflags": "frag_keyframe+empty_moov"} if name == "fragments.mp4" else {}
    size = (64, 64) if codec in ("libx265", "libsvtav1") else (32, 24)
    base = NTSC if path.suffix in (".avi", ".mpg") else TICKS
    pts = list(range(60)) if base == NTSC else None
    write_clip(
        path, 60, options=options, codec=codec, muxer=muxer, size=size, time_base=base, pts=pts
    )
    expected = linear(path)
    with open_source(path) as source:
        assert source.info.frame_count == len(expected) == 60
        forward = list(source.frames())
        for frame, (pts, planes) in zip(forward, expected, strict=True):
            assert pts in (frame.pts, None)
            for mine, theirs in zip(frame.planes, planes, strict=True):
                rows = theirs.reshape(mine.shape[0], -1)
                np.testing.assert_array_equal(mine, rows[:, : mine.shape[1]])
        order = np.random.default_rng(1).permutation(60)[:25]
        for index in order.tolist():
            frame = source.frame(index)
            assert (frame.index, frame.pts) == (index, forward[index].pts)
            for mine, theirs in zip(frame.planes, forward[index].planes, strict=True):
                np.testing.assert_array_equal(mine, theirs)
        middle = list(source.frames(17, 43))
        assert [frame.index for frame in middle] == list(range(17, 43))
        np.testing.assert_array_equal(middle[0].planes[0], forward[17].planes[0])


def test_backwards_is_forwards_reversed_and_holds_few_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_clip(path, 61, options={"bf": "3", "g": "250"})
    with open_source(path) as source:
        forward = list(source.frames(3, 59))
        backward = list(source.frames_reversed(3, 59))
        assert [frame.index for frame in backward] == list(range(58, 2, -1))
        for one, other in zip(forward, reversed(backward), strict=True):
            assert (one.index, one.pts, one.duration) == (other.index, other.pts, other.duration)
            np.testing.assert_array_equal(one.planes[0], other.planes[0])
        assert list(source.frames_reversed(5, 5)) == []


def test_two_passes_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_clip(path, 20)
    with open_source(path) as source:
        first, second = source.frames(0, 10), source.frames(5, 15)
        pairs = [
            (next(first).index, next(second).index, source.frame(19 - k).index) for k in range(8)
        ]
    assert pairs == [(k, k + 5, 19 - k) for k in range(8)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_variable_rate_keeps_every_timestamp(tmp_path: Path, suffix: str) -> None:
    base = Fraction(1, 1000) if suffix == ".mkv" else TICKS
    gaps = np.random.default_rng(5).integers(20, 900, 29)
    pts = [0, *np.cumsum(gaps).tolist()]
    path = tmp_path / f"v{suffix}"
    write_clip(path, 30, pts=pts, time_base=base, options={"bf": "3"})
    with open_source(path) as source:
        info = source.info
        times = [Fraction(value) * base for value in pts]
        assert info.is_variable_rate
        assert [frame.time for frame in source.frames()] == times
        assert [source.time_of(k) for k in range(30)] == times
        assert [frame.duration * info.time_base for frame in source.frames(0, 29)] == [
            later - earlier for earlier, later in pairwise(times)
        ]
        for index, time in enumerate(times):
            assert source.index_at(time) == index
            assert source.index_at(time + info.time_base / 3) == index
            assert source.index_at(time - info.time_base / 3) == max(0, index - 1)
        assert source.index_at(Fraction(10**6)) == 29
        assert info.average_rate == pytest.approx(29 / float(times[-1] - times[0]), rel=1e-4)


def test_constant_rate_with_rounded_times_is_not_variable(tmp_path: Path) -> None:
    path = tmp_path / "ntsc.mkv"
    write_clip(path, 40, time_base=NTSC, pts=list(range(40)))
    with open_source(path) as source:
        assert set(np.diff(source.pts).tolist()) == {33, 34}
        assert not source.info.is_variable_rate
        assert source.info.average_rate == 1 / NTSC


def test_frames_hidden_by_an_edit_list_are_not_counted(tmp_path: Path) -> None:
    # A negative start is written as an edit list that hides what lies before zero.
    path = tmp_path / "edit.mp4"
    write_clip(path, 12, pts=[k * 1001 for k in range(-3, 9)], options={"bf": "2"})
    expected = linear(path)
    with open_source(path) as source:
        assert source.info.frame_count == len(expected) == 9
        assert source.pts.tolist() == [pts for pts, _ in expected]
        assert source.frame(0).pts == 0


def test_what_cannot_be_decoded_before_the_first_keyframe_is_left_out(tmp_path: Path) -> None:
    whole = tmp_path / "whole.ts"
    write_clip(whole, 40, options={"x264-params": "keyint=10:min-keyint=10:scenecut=0:open-gop=1"})
    data = whole.read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(data[188 * (len(data) // 188 // 3) :])
    expected = linear(cut)
    with open_source(cut) as source:
        assert [frame.pts for frame in source.frames()] == [pts for pts, _ in expected]


LAYOUTS = [
    ("ffv1", "yuv420p"),
    ("ffv1", "yuv422p"),
    ("ffv1", "yuv444p"),
    ("ffv1", "yuv420p10le"),
    ("ffv1", "yuv422p12le"),
    ("ffv1", "yuv444p16le"),
    ("ffv1", "yuva444p10le"),
    ("ffv1", "gray"),
    ("ffv1", "gray16le"),
    ("ffv1", "gbrp10le"),
    ("ffv1", "gbrap16le"),
]


@pytest.mark.parametrize(("codec", "pix_fmt"), LAYOUTS)
@pytest.mark.parametrize("size", [(32, 24), (33, 17), (1, 1)])
def test_native_planes_come_unchanged(
    tmp_path: Path, codec: str, pix_fmt: str, size: tuple[int, int]
) -> None:
    path = tmp_path / "a.mkv"
    pictures = write_clip(path, 3, codec=codec, pix_fmt=pix_fmt, size=size)
    layout = PixelLayout.of(pix_fmt)
    with open_source(path) as source:
        assert source.info.layout == layout
        assert (source.info.width, source.info.height) == size
        for frame, picture in zip(source.frames(), pictures, strict=True):
            for k, plane in enumerate(picture.planes):
                rows = np.frombuffer(plane, layout.dtype).reshape(plane.height, -1)
                np.testing.assert_array_equal(frame.planes[k], rows[:, : plane.width])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_shows_what_ffmpeg_shows(tmp_path: Path, suffix: str, degrees: int) -> None:
    path = tmp_path / f"r{suffix}"
    write_clip(path, 2, rotation=degrees, options={"crf": "5"})
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    raw = subprocess.run(
        [ffmpeg, "-v", "error", "-i", path, "-frames:v", "1", "-f", "rawvideo"]
        + ["-pix_fmt", "gray", "-"],
        capture_output=True,
        check=True,
    ).stdout
    with open_source(path) as source:
        info, frame = source.info, source.frame(0)
        upright = np.rot90(frame.planes[0], info.quarter_turns)
    assert (info.width, info.height) == ((24, 32) if degrees % 180 else (32, 24))
    theirs = np.frombuffer(raw, np.uint8).reshape(info.height, info.width)
    # Turned by FFmpeg's own filter; its grey is full range, so compare where the white corner is.
    bright = upright > 200
    assert bright.sum() == pytest.approx(32 // 3 * (24 // 3), abs=16)
    np.testing.assert_array_equal(bright, theirs > 214)
    assert frame.rgb.shape == (info.height, info.width, 3)


def test_rotation_that_is_no_quarter_is_refused(tmp_path: Path) -> None:
    from tam_edit.errors import OpenError

    path = tmp_path / "r.mp4"
    write_clip(path, 2, rotation=30)
    with pytest.raises(OpenError, match="no multiple of 90"):
        open_source(path)


def test_colour_tags_and_pixel_aspect(tmp_path: Path) -> None:
    path = tmp_path / "hdr.mp4"
    attributes = {
        "color_primaries": 9,
        "color_trc": 16,
        "colorspace": 9,
        "color_range": 1,
        "sample_aspect_ratio": Fraction(64, 45),
    }
    write_clip(path, 3, pix_fmt="yuv420p10le", attributes=attributes)
    with open_source(path) as source:
        color = source.info.color
        assert (color.primaries, color.transfer, color.matrix) == (9, 16, 9)
        assert color.full_range is False
        assert source.info.pixel_aspect == source.frame(1).pixel_aspect == Fraction(64, 45)
        assert source.frame(1).color == color


def test_full_range_by_its_old_name(tmp_path: Path) -> None:
    path = tmp_path / "j.mp4"
    write_clip(path, 2, attributes={"color_range": 2})
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).format.name == "yuvj420p"
    with open_source(path) as source:
        assert source.info.layout.name == "yuv420p"
        assert source.info.color.full_range is True


def test_vp9_keeps_its_alpha(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    pictures = write_clip(
        path,
        8,
        size=(64, 48),
        codec="libvpx-vp9",
        pix_fmt="yuva420p",
        options={"lossless": "1", "auto-alt-ref": "0"},
    )
    with open_source(path) as source:
        assert source.info.layout.has_alpha
        for index in (5, 0, 7):
            alpha = np.frombuffer(pictures[index].planes[3], np.uint8).reshape(48, -1)[:, :64]
            np.testing.assert_array_equal(source.frame(index).planes[3], alpha)


def test_vp8_frames_that_are_never_shown_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "200k"}
    write_clip(path, 40, size=(64, 48), codec="libvpx", options=options)
    with open_source(path) as source:
        assert source.info.frame_count == 40 == len(list(source.frames()))


def test_interlaced_material_says_so(tmp_path: Path) -> None:
    path = tmp_path / "i.mp4"
    options = {"x264-params": "tff=1"}
    write_clip(path, 3, size=(64, 64), options=options, attributes={"flags": 0x20040000})
    with open_source(path) as source:
        assert source.info.is_interlaced


def test_ranges_and_indices_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_clip(path, 5)
    with open_source(path) as source:
        for start, stop in ((-1, 3), (0, 6), (4, 3)):
            with pytest.raises(InputError, match="no range"):
                source.frames(start, stop)
        for index in (-1, 5):
            with pytest.raises(InputError, match=f"no frame {index}"):
                source.frame(index)
        assert list(source.frames(5, 5)) == []
    with pytest.raises(InputError, match="own frame times"):
        open_source(path, fps=Fraction(25))
