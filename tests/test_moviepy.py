"""Effects through moviepy: time finds the frame by timestamps, masks, assets, sub-clips."""

from __future__ import annotations

import bisect
from fractions import Fraction
from pathlib import Path

import av
import moviepy
import numpy as np
import pytest
from moviepy.video.io.ffmpeg_reader import FFMPEG_VideoReader

from tam_edit.effects import BackgroundBlur, BackgroundRemove, BackgroundReplace, Blur, Fill, Remove
from tam_edit.errors import InputError
from tam_edit.interop.moviepy import Tracked

SIZE = (128, 32)
SQUARE = 8
# Milliseconds; two long gaps, so the mean rate of 12 is far from the 25 that ffmpeg tells.
VARIABLE_MS = (0, 40, 80, 320, 360, 400, 440, 760, 800, 840, 880)
CONSTANT_MS = tuple(range(0, 440, 40))


def place(index: int) -> tuple[slice, slice]:
    """Where the white square is in that source frame: no two frames share a pixel of it."""
    return slice(8, 8 + SQUARE), slice(4 + 10 * index, 4 + 10 * index + SQUARE)


class KnownTrack:
    """The square's true place, by the timestamps it was written with."""

    def __init__(self, times_ms: tuple[int, ...]) -> None:
        self.times = [Fraction(ms, 1000) for ms in times_ms]

    def index_at(self, time_s: float) -> int:
        return max(0, bisect.bisect_right(self.times, Fraction(time_s)) - 1)

    def matte(self, index: int, width: int, height: int) -> np.ndarray:
        matte = np.zeros((height, width), np.float32)
        matte[place(index)] = 1
        return matte


def write_clip(path: Path, times_ms: tuple[int, ...]) -> Path:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("ffv1", rate=25)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, ms in enumerate(times_ms):
            picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
            picture[place(i)] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base = ms, Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


@pytest.fixture(autouse=True)
def closed_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """moviepy 2.2 leaves its pipes open where ffmpeg has already ended by itself."""
    close = FFMPEG_VideoReader.close

    def close_all(reader, *args, **kwargs) -> None:
        process = reader.proc
        close(reader, *args, **kwargs)
        for pipe in (process.stdout, process.stderr) if process else ():
            pipe.close()

    monkeypatch.setattr(FFMPEG_VideoReader, "close", close_all)


@pytest.fixture
def variable_clip(tmp_path: Path):
    with moviepy.VideoFileClip(str(write_clip(tmp_path / "v.mkv", VARIABLE_MS))) as clip:
        yield clip


@pytest.fixture
def constant_clip(tmp_path: Path):
    with moviepy.VideoFileClip(str(write_clip(tmp_path / "c.mkv", CONSTANT_MS))) as clip:
        yield clip


def red(picture: np.ndarray) -> np.ndarray:
    return (picture == (255, 0, 0)).all(axis=2)


def test_a_soft_effect_is_where_the_object_is_at_that_timestamp(variable_clip) -> None:
    track = KnownTrack(VARIABLE_MS)
    done = variable_clip.with_effects([Tracked(Fill(color="red", edge="soft"), track)])
    by_rate = []
    for time_s, picture in done.iter_frames(with_times=True):
        ms = round(time_s * 1000)
        index = max(i for i, start in enumerate(VARIABLE_MS) if start <= ms)
        expected = np.zeros(picture.shape[:2], bool)
        expected[place(index)] = True
        np.testing.assert_array_equal(red(picture), expected, err_msg=f"at {ms} ms")
        by_rate.append(round(time_s * variable_clip.fps) == index)
    assert not all(by_rate), "a frame rate would have found the same frames: the test is void"


def test_a_cover_hides_the_object_in_every_picture_that_moviepy_shows(variable_clip) -> None:
    track = KnownTrack(VARIABLE_MS)
    tracked = Tracked(Fill(color="red"), track, margin_px=0)
    done = variable_clip.with_effects([tracked])
    early = 0
    for time_s, picture in done.iter_frames(with_times=True):
        assert not (picture == 255).all(axis=2).any(), f"a white pixel at {time_s}"
        assert red(picture)[place(track.index_at(time_s + 1e-6))].all()
        before = variable_clip.get_frame(time_s)
        early += not before[place(track.index_at(time_s + 1e-6))].any()
    assert early, "moviepy shows every frame on time: covering neighbours is no longer needed"


def test_a_cover_of_a_constant_rate_covers_one_frame_only(constant_clip) -> None:
    tracked = Tracked(Fill(color="red"), KnownTrack(CONSTANT_MS), margin_px=0)
    done = constant_clip.with_effects([tracked])
    for i, picture in enumerate(done.iter_frames()):
        expected = np.zeros(picture.shape[:2], bool)
        expected[place(i)] = True
        np.testing.assert_array_equal(red(picture), expected)


def test_a_background_cover_leaves_no_background_of_a_frame_shown_early(variable_clip) -> None:
    effect = BackgroundReplace(color="red", edge="cover")
    done = variable_clip.with_effects([Tracked(effect, KnownTrack(VARIABLE_MS), margin_px=0)])
    for picture in done.iter_frames():
        assert (red(picture) | (picture == 255).all(axis=2)).all()


def test_a_subclip_keeps_the_source_time(variable_clip) -> None:
    track = KnownTrack(VARIABLE_MS)
    part = variable_clip.subclipped(0.36, 0.48)
    done = part.with_effects([Tracked(Fill(color="red", edge="soft"), track, start_s=0.36)])
    for time_s, index in ((0.0, 4), (0.04, 5), (0.08, 6)):
        assert red(done.get_frame(time_s))[place(index)].all()


def test_background_remove_makes_a_mask(constant_clip) -> None:
    track = KnownTrack(CONSTANT_MS)
    done = constant_clip.with_effects([Tracked(BackgroundRemove(), track)])
    for index in (0, 5):
        time_s = index / 25
        np.testing.assert_array_equal(
            done.mask.get_frame(time_s), track.matte(index, *SIZE).astype(float)
        )
        np.testing.assert_array_equal(done.get_frame(time_s), constant_clip.get_frame(time_s))
    assert done.mask.duration == done.duration


def test_background_remove_multiplies_with_the_clips_own_mask() -> None:
    half = moviepy.ImageClip(np.full((32, 128), 0.5), is_mask=True)
    clip = moviepy.ColorClip(SIZE, (9, 9, 9), duration=1).with_fps(25).with_mask(half)
    done = clip.with_effects([Tracked(BackgroundRemove(), KnownTrack((0,)))])
    expected = 0.5 * KnownTrack((0,)).matte(0, *SIZE)
    np.testing.assert_allclose(done.mask.get_frame(0), expected)


def test_an_asset_is_any_moviepy_clip(constant_clip) -> None:
    stripes = [np.full((32, 128, 3), value, np.uint8) for value in (50, 100, 150)]
    with moviepy.ImageSequenceClip(stripes, fps=12.5) as plate:
        effect = BackgroundReplace(video="stripes.mp4")
        tracked = Tracked(effect, KnownTrack(CONSTANT_MS), assets={"plate": plate})
        done = constant_clip.with_effects([tracked])
        seen = [int(done.get_frame(i / 25)[0, 0, 0]) for i in range(8)]
    assert seen == [50, 50, 100, 100, 150, 150, 50, 50]


def test_a_still_asset_is_scaled_to_the_clip(constant_clip) -> None:
    plate = moviepy.ImageClip(np.full((10, 10, 3), 77, np.uint8))
    effect = BackgroundReplace(image="plate.png")
    done = constant_clip.with_effects(
        [Tracked(effect, KnownTrack(CONSTANT_MS), assets={"plate": plate})]
    )
    picture = done.get_frame(0.2)
    background = np.ones(picture.shape[:2], bool)
    background[place(5)] = False
    assert (picture[background] == 77).all()
    assert (picture[place(5)] == 255).all()


def test_a_missing_asset_is_named(constant_clip) -> None:
    tracked = Tracked(BackgroundReplace(image="plate.png"), KnownTrack(CONSTANT_MS))
    with pytest.raises(InputError, match="background-replace needs plate"):
        constant_clip.with_effects([tracked])


def test_an_effect_that_looks_ahead_is_refused(constant_clip) -> None:
    class Foreseeing(Blur):
        lookahead_frames = 3

    with pytest.raises(InputError, match="later frames"):
        constant_clip.with_effects([Tracked(Foreseeing(), KnownTrack(CONSTANT_MS))])


def test_an_effect_that_borrows_is_refused(constant_clip) -> None:
    with pytest.raises(InputError, match="other frames"):
        constant_clip.with_effects([Tracked(Remove(), KnownTrack(CONSTANT_MS))])


def test_effects_chain_and_leave_the_clip_alone(constant_clip) -> None:
    before = constant_clip.get_frame(0.2)
    track = KnownTrack(CONSTANT_MS)
    done = constant_clip.with_effects([Tracked(BackgroundBlur(), track), Tracked(Blur(), track)])
    one = constant_clip.with_effects([Tracked(Blur(), track)])
    np.testing.assert_array_equal(done.get_frame(0.2)[place(5)], one.get_frame(0.2)[place(5)])
    np.testing.assert_array_equal(constant_clip.get_frame(0.2), before)
    assert done.duration == constant_clip.duration
