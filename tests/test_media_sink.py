"""Writing video files: samples, alpha, times, colour and rotation come back as promised."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tam_edit.errors import EncodeError, InputError, UnknownNameError
from tam_edit.frame import Frame, to_av
from tam_edit.media import OUTPUT_FORMATS, format_for, open_sink, open_source
from tam_edit.media.conversion import Conversion
from tam_edit.media.planar import planes_of
from tam_edit.pixels import ColorTags, PixelLayout

TICKS = Fraction(1, 30000)


def write_clip(
    path: Path,
    count: int = 6,
    *,
    size: tuple[int, int] = (32, 24),
    codec: str = "ffv1",
    pix_fmt: str = "yuv420p",
    time_base: Fraction = TICKS,
    pts: list[int] | None = None,
    rotation: int = 0,
    color: ColorTags | None = None,
    options: dict[str, str] | None = None,
    aspect: Fraction = Fraction(1),
) -> Path:
    """Smooth ramps with a little noise, in any layout."""
    layout = PixelLayout.of(pix_fmt)
    tags = color or ColorTags()
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=Fraction(30000, 1001), options=options or {})
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], pix_fmt
        stream.codec_context.time_base = stream.time_base = time_base
        context = stream.codec_context
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        context.colorspace, context.sample_aspect_ratio = tags.matrix, aspect
        if tags.full_range is not None:
            context.color_range = 2 if tags.full_range else 1
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(count):
            picture = to_av(drawn(layout, size, index), layout, tags)
            picture.pts = index * 1001 if pts is None else pts[index]
            picture.time_base = time_base
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


def drawn(layout: PixelLayout, size: tuple[int, int], seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    planes = []
    for k in range(layout.plane_count):
        step_x, step_y = layout.step(k)
        rows, columns = -(-size[1] // step_y), -(-size[0] // step_x)
        ramp = np.linspace(0.2 + 0.1 * k, 0.7, columns) + rng.normal(0, 0.01, (rows, columns))
        planes.append((ramp.clip(0, 1) * layout.max_value).astype(layout.dtype))
    return planes


def copy(source_path: Path, target: str | Path, **kind: Any) -> list[str]:
    """Pass every frame through a sink; its notes."""
    with open_source(source_path) as source, open_sink(target, source=source, **kind) as sink:
        for frame in source.frames(kind.get("start", 0), kind.get("stop")):
            sink.write(frame)
    return sink.notes


FFV1_SOURCES = [
    *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p"),
    *("yuv420p9le", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv420p16le"),
    *("yuva420p", "yuva420p10le", "yuva444p12le", "yuva444p16le"),
    *("gray", "gray10le", "gray16le", "gbrp10le", "gbrp12le", "gbrp16le", "gbrap16le"),
]


@pytest.mark.parametrize("pix_fmt", FFV1_SOURCES)
@pytest.mark.parametrize("size", [(32, 24), (33, 17), (1, 1)])
def test_ffv1_is_bit_identical(tmp_path: Path, pix_fmt: str, size: tuple[int, int]) -> None:
    source_path = write_clip(tmp_path / "in.mkv", 2, pix_fmt=pix_fmt, size=size)
    notes = copy(source_path, tmp_path / "out.mkv", format=OUTPUT_FORMATS["ffv1"])
    assert notes == []
    with open_source(source_path) as one, open_source(tmp_path / "out.mkv") as other:
        assert other.info.layout == one.info.layout
        for mine, theirs in zip(other.frames(), one.frames(), strict=True):
            for plane, wanted in zip(mine.planes, theirs.planes, strict=True):
                np.testing.assert_array_equal(plane, wanted)


@pytest.mark.parametrize(
    ("pix_fmt", "expected"),
    [("yuv420p12le", "yuva420p16le"), ("yuv420p10le", "yuva420p10le"), ("gbrp10le", "gbrap10le")],
)
def test_ffv1_with_added_alpha_keeps_samples_and_alpha(
    tmp_path: Path, pix_fmt: str, expected: str
) -> None:
    source_path = write_clip(tmp_path / "in.mkv", 2, pix_fmt=pix_fmt)
    coverage = np.random.default_rng(0).uniform(0, 1, (24, 32)).astype(np.float32)
    with (
        open_source(source_path) as source,
        open_sink(tmp_path / "o.mkv", source=source, needs_alpha=True) as sink,
    ):
        assert sink.format.name == "ffv1"
        originals = list(source.frames())
        for frame in originals:
            sink.write(frame.with_coverage(coverage))
    with open_source(tmp_path / "o.mkv") as written:
        layout = written.info.layout
        assert layout.name == expected
        shift = layout.bits - originals[0].layout.bits
        for mine, theirs in zip(written.frames(), originals, strict=True):
            for plane, wanted in zip(mine.planes[:3], theirs.planes, strict=True):
                np.testing.assert_array_equal(plane, wanted.astype(np.uint16) << shift)
            exact = coverage.astype(np.float64) * layout.max_value
            assert np.abs(mine.planes[3] - exact).max() <= 0.51


# Each alpha format's own tolerance: ProRes codes alpha without loss at 16 bits of which 10 come in,
# libvpx codes it lossy.
ALPHA_TARGETS = [
    ("o.mov", "prores4444", 0.001),
    ("o.webm", "vp9-alpha", 0.06),
    ("o.mkv", "ffv1", 0.002),
]


@pytest.mark.parametrize(("name", "expected", "tolerance"), ALPHA_TARGETS)
@pytest.mark.parametrize("rotation", [0, 90])
def test_alpha_comes_back_upright(
    tmp_path: Path, name: str, expected: str, tolerance: float, rotation: int
) -> None:
    source_path = write_clip(
        tmp_path / "in.mp4", 3, size=(64, 48), codec="libx264", rotation=rotation
    )
    with open_source(source_path) as source:
        shape = (source.info.height, source.info.width)
        coverage = np.zeros(shape, np.float32)
        coverage[: shape[0] // 2, : shape[1] // 2] = 1
        coverage[shape[0] // 2 :] = np.linspace(0, 1, shape[1], dtype=np.float32)
        with open_sink(tmp_path / name, source=source, needs_alpha=True) as sink:
            assert sink.format.name == expected
            for frame in source.frames():
                sink.write(frame.with_coverage(coverage))
    with open_source(tmp_path / name) as written:
        assert written.info.layout.has_alpha
        # WebM cannot say how to turn a picture, so its samples are turned.
        assert written.info.quarter_turns == (0 if name == "o.webm" else rotation // 90)
        for frame in written.frames():
            opacity = frame.opacity()
            assert opacity is not None
            assert opacity.shape == shape
            assert np.abs(opacity - coverage).mean() < tolerance


@pytest.mark.parametrize("name", ["h264", "hevc", "prores4444"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "yuv420p10le"])
def test_lossy_formats_keep_depth_and_chroma(tmp_path: Path, name: str, pix_fmt: str) -> None:
    source_path = write_clip(tmp_path / "in.mkv", 4, size=(64, 48), pix_fmt=pix_fmt)
    target = tmp_path / "o.mov"
    copy(source_path, target, format=OUTPUT_FORMATS[name])
    with open_source(source_path) as one, open_source(target) as other:
        if name != "prores4444":
            assert other.info.layout == one.info.layout
        for mine, theirs in zip(other.frames(), one.frames(), strict=True):
            scale = 2 ** (other.info.layout.bits - one.info.layout.bits)
            error = mine.planes[0] / scale - theirs.planes[0].astype(float)
            assert np.abs(error).mean() < 0.02 * one.info.layout.max_value


@pytest.mark.parametrize("name", ["o.mp4", "o.mov", "o.mkv"])
@pytest.mark.parametrize("first", [0, 12345])
def test_every_timestamp_is_kept(tmp_path: Path, name: str, first: int) -> None:
    base = Fraction(1, 1000) if name == "o.mkv" else TICKS
    suffix = ".mkv" if name == "o.mkv" else ".mp4"
    gaps = np.random.default_rng(2).integers(7, 800, 39)
    pts = (first + np.array([0, *np.cumsum(gaps)])).tolist()
    source_path = write_clip(tmp_path / f"in{suffix}", 40, codec="libx264", time_base=base, pts=pts)
    with open_source(source_path) as source:
        times = [source.time_of(k) for k in range(40)]
        if not first:
            assert times == [value * base for value in pts]
    notes = copy(source_path, tmp_path / name)
    assert notes == []
    with open_source(tmp_path / name) as written:
        assert [written.time_of(k) for k in range(40)] == times
        assert [frame.time for frame in written.frames()] == times


def test_last_frame_is_shown_as_long_as_before(tmp_path: Path) -> None:
    source_path = tmp_path / "in.mp4"
    write_clip(source_path, 5, codec="libx264")
    copy(source_path, tmp_path / "o.mp4")
    with open_source(source_path) as one, open_source(tmp_path / "o.mp4") as other:
        assert one.info.duration_s == other.info.duration_s == Fraction(5 * 1001, 30000)


def test_rounding_of_times_is_said(tmp_path: Path) -> None:
    source_path = write_clip(tmp_path / "in.mp4", codec="libx264")
    (note,) = copy(source_path, tmp_path / "o.mkv")
    assert "1 ms" in note
    with open_source(source_path) as one, open_source(tmp_path / "o.mkv") as other:
        for k in range(6):
            assert abs(one.time_of(k) - other.time_of(k)) <= Fraction(1, 2000)


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "o.mov"])
def test_rotation_aspect_and_colour_survive(tmp_path: Path, rotation: int, name: str) -> None:
    color = ColorTags(primaries=9, transfer=16, matrix=9, full_range=True)
    source_path = write_clip(
        tmp_path / "in.mp4",
        codec="libx264",
        pix_fmt="yuv420p10le",
        rotation=rotation,
        color=color,
        aspect=Fraction(4, 3),
    )
    assert copy(source_path, tmp_path / name) in (
        [],
        [".mkv rounds frame times to its steps of 1 ms"],
    )
    with open_source(source_path) as one, open_source(tmp_path / name) as other:
        assert other.info.video_codec == "hevc"
        assert other.info.color == one.info.color == color
        assert other.info.quarter_turns == one.info.quarter_turns == rotation // 90
        assert other.info.pixel_aspect == one.info.pixel_aspect == Fraction(4, 3)
        assert (other.info.width, other.info.height) == (one.info.width, one.info.height)


@pytest.mark.parametrize("name", ["h264", "hevc"])
def test_hdr10_metadata_survive(tmp_path: Path, name: str) -> None:
    params = (
        "log-level=none:max-cll=1000,400:master-display="
        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    )
    source_path = write_clip(
        tmp_path / "in.mp4",
        3,
        size=(64, 48),
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": params},
    )
    copy(source_path, tmp_path / "o.mp4", format=OUTPUT_FORMATS[name])
    with open_source(source_path) as one, open_source(tmp_path / "o.mp4") as other:
        assert one.info.hdr.light_level == (1000, 400)
        assert one.info.hdr.mastering == (
            *(34000, 16000, 13250, 34500, 7500, 3000, 15635, 16450),
            *(50, 10_000_000),
        )
        assert other.info.hdr == one.info.hdr
    (note,) = copy(source_path, tmp_path / "o.mov", format=OUTPUT_FORMATS["prores4444"])
    assert "HDR10" in note


@pytest.mark.parametrize(
    ("size", "pix_fmt", "expected"),
    [
        ((33, 24), "yuv420p", "yuv444p"),
        ((32, 17), "yuv420p", "yuv444p"),
        ((32, 17), "yuv422p", "yuv422p"),
        ((1, 1), "yuv420p", "yuv444p"),
    ],
)
def test_odd_sizes_are_kept_and_said(
    tmp_path: Path, size: tuple[int, int], pix_fmt: str, expected: str
) -> None:
    source_path = write_clip(
        tmp_path / "in.mkv", size=size, pix_fmt=pix_fmt, time_base=Fraction(1, 1000)
    )
    notes = copy(source_path, tmp_path / "o.mp4")
    assert len(notes) == (expected != pix_fmt)
    with open_source(tmp_path / "o.mp4") as written:
        assert (written.info.width, written.info.height) == size
        assert written.info.layout.name == expected


def test_rgb_becomes_tagged_limited_range_yuv(tmp_path: Path) -> None:
    source_path = write_clip(tmp_path / "in.mkv", 2, pix_fmt="gbrp16le", size=(64, 48))
    copy(source_path, tmp_path / "o.mp4", format=OUTPUT_FORMATS["h264"])
    with open_source(source_path) as one, open_source(tmp_path / "o.mp4") as other:
        assert (other.info.layout.name, other.info.color.matrix) == ("yuv420p10le", 6)
        assert other.info.color.full_range is False
        error = other.frame(0).rgb.astype(float) - one.frame(0).rgb
        assert np.abs(error).mean() < 0.02 * 65535


def test_trimmed_part(tmp_path: Path) -> None:
    source_path = write_clip(
        tmp_path / "in.mp4", 20, codec="libx264", pts=[k * k * 50 for k in range(20)]
    )
    copy(source_path, tmp_path / "o.mp4", start=5, stop=12)
    with open_source(source_path) as one, open_source(tmp_path / "o.mp4") as other:
        assert other.info.frame_count == 7
        for k in range(7):
            assert other.time_of(k) == one.time_of(k + 5) - one.time_of(5)
            error = other.frame(k).planes[0].astype(float) - one.frame(k + 5).planes[0]
            assert np.abs(error).mean() < 4


def test_planes_that_fit_are_not_converted() -> None:
    layout = PixelLayout.of("yuv420p10le")
    planes = tuple(drawn(layout, (33, 17), 0))
    frame = Frame(planes=planes, layout=layout)
    picture = Conversion(layout, frame.color, "yuv420p10le", 17).picture(frame)
    for plane, samples in zip(picture.planes, planes, strict=True):
        rows = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
        np.testing.assert_array_equal(rows[:, : plane.width], samples)


@pytest.mark.parametrize(
    ("target", "kind", "expected"),
    [
        ("a.mp4", {}, "h264"),
        ("a.MOV", {}, "h264"),
        ("a.mkv", {}, "h264"),
        ("a.mp4", {"layout": PixelLayout.of("yuv420p10le")}, "hevc"),
        ("a.mov", {"needs_alpha": True}, "prores4444"),
        ("a.mkv", {"needs_alpha": True}, "ffv1"),
        ("a.webm", {"needs_alpha": True}, "vp9-alpha"),
        ("a.mkv", {"name": "ffv1"}, "ffv1"),
        ("out/", {"needs_alpha": True}, "png"),
        ("out/shot.%04d.png", {}, "png"),
        ("out", {"name": "png"}, "png"),
    ],
)
def test_format_for(target: str, kind: dict[str, Any], expected: str) -> None:
    assert format_for(target, **kind).name == expected


@pytest.mark.parametrize(
    ("target", "kind", "error", "says"),
    [
        ("a.mp4", {"needs_alpha": True}, EncodeError, "prores4444"),
        ("a.mkv", {"needs_alpha": True, "name": "h264"}, EncodeError, "ffv1"),
        ("a.webm", {"name": "h264"}, EncodeError, ".mp4"),
        ("a.xyz", {}, EncodeError, ".mp4"),
        ("out", {}, EncodeError, "folder"),
        ("a.mp4", {"name": "png"}, EncodeError, "folder"),
        ("a.mp4", {"name": "h265"}, UnknownNameError, "h264"),
        ("a.%04d.jpg", {}, EncodeError, "PNG"),
    ],
)
def test_format_that_does_not_fit(
    target: str, kind: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        format_for(target, **kind)
    assert says in f"{caught.value} {getattr(caught.value, 'hint', '')}"


def test_options_reach_the_encoder(tmp_path: Path) -> None:
    source_path = write_clip(tmp_path / "in.mkv", size=(64, 48), time_base=Fraction(1, 1000))
    for crf in ("10", "45"):
        copy(source_path, tmp_path / f"{crf}.mp4", codec_options={"crf": crf, "pix_fmt": "yuv444p"})
    assert (tmp_path / "10.mp4").stat().st_size > 1.5 * (tmp_path / "45.mp4").stat().st_size
    with open_source(tmp_path / "10.mp4") as written:
        assert written.info.layout.name == "yuv444p"
    with pytest.raises(InputError, match="crv"):
        copy(source_path, tmp_path / "a.mp4", codec_options={"crv": "10"})
    with pytest.raises(EncodeError):
        copy(source_path, tmp_path / "a.mp4", codec_options={"preset": "warp"})
    with pytest.raises((EncodeError, InputError)):
        copy(source_path, tmp_path / "a.mp4", codec_options={"pix_fmt": "teal"})
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("pix_fmt", ["gray", "yuv420p", "yuv444p10le", "gray16le"])
def test_prores_gets_limited_samples_of_full_range_video(tmp_path: Path, pix_fmt: str) -> None:
    """White of full scale is 940 of 1023 in limited range, black is 64 (ITU-R BT.709)."""
    layout = PixelLayout.of(pix_fmt)
    color = ColorTags(primaries=1, transfer=1, matrix=1, full_range=True)
    conversion = Conversion(layout, color, "yuva444p10le", 4, is_limited=True)
    assert conversion.color.full_range is False
    luma = np.zeros((4, 8), layout.dtype)
    luma[:, 4:] = layout.max_value
    neutral = [
        np.full((-(-4 // layout.step(k)[1]), -(-8 // layout.step(k)[0])), 1 << (layout.bits - 1))
        for k in range(1, layout.plane_count)
    ]
    planes = (luma, *(plane.astype(layout.dtype) for plane in neutral))
    picture = conversion.picture(Frame(planes=planes, layout=layout, color=color))
    found = [plane.tolist() for plane in planes_of(picture, conversion.layout)]
    # swscale is off by up to 3, a third of a percent.
    assert found[0][0] == pytest.approx([64] * 4 + [940] * 4, abs=3)
    for chroma in found[1:3]:
        assert chroma[0] == pytest.approx([512] * 8, abs=1)
    assert found[3][0] == [1023] * 8
