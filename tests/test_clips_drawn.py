"""Drawn clips: masks against closed forms, pictures against masks, files against FFmpeg."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tam_edit.errors import EncodeError, InputError, UnknownNameError
from tam_edit.testing.actors import Fish, Pose, disc, tile
from tam_edit.testing.clips import KINDS, draw_clip, write_clip
from tam_edit.types import box_of


@pytest.mark.parametrize("kind", ["disc", "leaves"])
def test_a_disc_covers_the_pixels_within_its_radius(kind: str) -> None:
    clip = draw_clip(kind, frames=5, width=161, height=121)
    y, x = np.mgrid[0:121, 0:161]
    if kind == "disc":
        middles = [((0.3 + 0.4 * k / 4) * 161, (0.36 + 0.28 * k / 4) * 121) for k in range(5)]
    else:
        middles = [(0.5 * 161, 0.5 * 121)]
    for index, (at_x, at_y) in enumerate(middles):
        expected = (x - at_x) ** 2 + (y - at_y) ** 2 <= (0.2 * 121) ** 2
        np.testing.assert_array_equal(clip.mask(1, index), expected)


def test_the_tile_has_the_area_of_a_square_with_round_corners() -> None:
    clip = draw_clip("two", frames=3, width=640, height=480)
    side, corner = 0.72 * 0.45 * 480, 0.08 * 0.45 * 480
    expected = side**2 - (4 - math.pi) * corner**2
    assert np.count_nonzero(clip.mask(2, 0)) == pytest.approx(expected, rel=0.01)
    box = box_of(clip.mask(2, 0))
    assert abs(box.width - side) <= 1
    assert abs(box.height - side) <= 1


def test_pictures_change_exactly_where_the_object_is() -> None:
    # Two clips that differ only in how far the disc has come share their background.
    short, long = draw_clip("disc", frames=2), draw_clip("disc", frames=3)
    a, b = short.image(0), long.image(1)
    touched = (a != b).any(axis=2)
    either = short.mask(1, 0) | long.mask(1, 1)
    # Anti-aliasing reaches one pixel past the masks.
    grown = np.pad(either, 1)
    grown = sum(np.roll(grown, s, (0, 1)) for s in itertools.product((-1, 0, 1), repeat=2)) > 0
    assert not (touched & ~grown[1:-1, 1:-1]).any()
    assert touched[short.mask(1, 0) ^ long.mask(1, 1)].mean() > 0.99


def test_edges_are_anti_aliased() -> None:
    drawn = disc(np.random.default_rng(0)).draw(
        pose := Pose(x=40.3, y=39.6, size_px=50), pose.box(80, 80)
    )
    partly = (drawn.coverage > 0) & (drawn.coverage < 1)
    assert np.count_nonzero(partly) > 100
    assert drawn.coverage.sum() == pytest.approx(math.pi * 25**2, rel=0.002)


@pytest.mark.parametrize("make", [disc, tile, Fish])
def test_actors_fit_into_their_box(make: type[Fish]) -> None:
    actor = make(np.random.default_rng(0))
    for passed in np.linspace(0, 1, 23):
        pose = Pose(x=200, y=200, size_px=150, angle=6 * passed, passed=passed)
        coverage = actor.draw(pose, pose.box(400, 400)).coverage
        border = (coverage[0], coverage[-1], coverage[:, 0], coverage[:, -1])
        assert coverage.max() == 1
        assert all(not line.any() for line in border)


def test_the_front_object_hides_the_one_behind() -> None:
    clip = draw_clip("two", frames=21)
    alone = np.count_nonzero(clip.mask(1, 0))
    shown = [np.count_nonzero(clip.mask(1, index)) for index in range(21)]
    assert min(shown) < 0.5 * alone
    assert shown[-1] == pytest.approx(alone, rel=0.02)
    for index in range(21):
        assert not (clip.mask(1, index) & clip.mask(2, index)).any()


def test_leaves_leaves_and_comes_back() -> None:
    clip = draw_clip("leaves", frames=26)
    areas = [np.count_nonzero(clip.mask(1, index)) for index in range(26)]
    assert areas[10:16] == [0] * 6
    assert min(areas[:9] + areas[17:]) > 0
    assert areas[0] == areas[-1]


def test_the_demo_moves_turns_and_grows() -> None:
    clip = draw_clip()
    assert (len(clip), clip.width, clip.height, clip.rate) == (75, 640, 360, 25)
    assert clip.names == ("fish",)
    first, last = clip.mask(1, 0), clip.mask(1, 74)
    assert 0.03 < first.mean() < last.mean() < 0.15
    assert box_of(last).x0 > box_of(first).x1
    # The whole fish stays inside the picture.
    for index in range(0, 75, 6):
        mask = clip.mask(1, index)
        assert not mask[[0, -1]].any()
        assert not mask[:, [0, -1]].any()
    # The sea floor pans: the same rows, shifted by the layer's own speed.
    a, b = clip.image(0)[-20:], clip.image(37)[-20:]
    shift = 37 / 74 * 0.25 * 640
    np.testing.assert_allclose(
        a[:, int(shift) :].astype(int), b[:, : 640 - int(shift)].astype(int), atol=2
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_frames_are_the_same_each_time_and_in_any_order(kind: str) -> None:
    clip, again = (draw_clip(kind, frames=4, width=65, height=49, seed=3) for _ in range(2))
    pictures = list(clip.frames)
    assert len(pictures) == len(clip) == 4
    for index in (3, 0, 2, 1):
        np.testing.assert_array_equal(again.image(index), pictures[index])
    assert all(p.dtype == np.uint8 and p.shape == (49, 65, 3) for p in pictures)
    assert all(not (p == q).all() for p, q in itertools.pairwise(pictures[:2]))
    other = draw_clip(kind, frames=4, width=65, height=49, seed=4)
    assert (other.image(0) != pictures[0]).any()
    for object_id in range(1, len(clip.names) + 1):
        np.testing.assert_array_equal(other.mask(object_id, 1), clip.mask(object_id, 1))


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (33, 5)])
def test_tiny_sizes_can_be_drawn(kind: str, size: tuple[int, int]) -> None:
    clip = draw_clip(kind, frames=1, width=size[0], height=size[1])
    assert clip.image(0).shape == (size[1], size[0], 3)
    assert clip.mask(1, 0).shape == (size[1], size[0])


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="disk") as unknown:
        draw_clip("disk")
    assert "'disc'" in unknown.value.hint
    with pytest.raises(InputError, match="0 frames of 160x120"):
        draw_clip("disc", frames=0)
    clip = draw_clip("disc", frames=3)
    with pytest.raises(InputError, match="no frame 3"):
        clip.image(3)
    with pytest.raises(InputError, match="no frame -1"):
        clip.mask(1, -1)
    with pytest.raises(InputError, match="no object 2"):
        clip.mask(2, 0)


def test_written_clips_hold_the_pictures(tmp_path: Path) -> None:
    clip = draw_clip("two", frames=10)
    write_clip(clip, tmp_path / "two.mp4", with_audio=False)
    assert [p.name for p in tmp_path.iterdir()] == ["two.mp4"]
    with av.open(tmp_path / "two.mp4") as container:
        assert len(container.streams) == 1
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_range) == (1, 1)
        frames = list(container.decode(stream))
    assert [f.time for f in frames] == pytest.approx([k / 25 for k in range(10)])
    for index, frame in enumerate(frames):
        off = frame.to_ndarray(format="rgb24").astype(float) - clip.image(index)
        mse = float((off**2).mean())
        assert 10 * math.log10(255**2 / mse) > 30  # 4:2:0 chroma sets the limit, not x264


def test_the_tone_is_440_hertz_and_as_long_as_the_video(tmp_path: Path) -> None:
    write_clip(draw_clip("disc", frames=30), tmp_path / "tone.mkv")
    with av.open(tmp_path / "tone.mkv") as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        wave = np.concatenate([f.to_ndarray()[0] for f in container.decode(stream)])
    assert wave.size == pytest.approx(30 / 25 * 48000, abs=2 * 1024)
    middle = wave[4096 : 4096 + 32768] * np.hanning(32768)
    assert np.abs(np.fft.rfft(middle)).argmax() * 48000 / 32768 == pytest.approx(440, abs=1.5)
    assert np.abs(wave).max() == pytest.approx(0.2, abs=0.02)


def test_a_variable_rate_is_in_the_timestamps(tmp_path: Path) -> None:
    write_clip(draw_clip("disc", frames=8), tmp_path / "vfr.mp4", variable_rate=True)
    with av.open(tmp_path / "vfr.mp4") as container:
        times = [f.pts * f.time_base for f in container.decode(video=0)]
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert steps == [Fraction(k, 25) for k in (1, 3, 2, 1, 2, 3, 1)]


def test_an_odd_size_is_written_without_chroma_subsampling(tmp_path: Path) -> None:
    write_clip(draw_clip("disc", frames=2, width=61, height=45), tmp_path / "odd.mp4")
    with av.open(tmp_path / "odd.mp4") as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height, frame.format.name) == (61, 45, "yuv444p")


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    clip = draw_clip("disc", frames=2)
    with pytest.raises(EncodeError, match=r"clip\.txt"):
        write_clip(clip, tmp_path / "clip.txt")
    with pytest.raises(EncodeError, match=r"nowhere.clip\.mp4"):
        write_clip(clip, tmp_path / "nowhere" / "clip.mp4")
    assert list(tmp_path.iterdir()) == []
