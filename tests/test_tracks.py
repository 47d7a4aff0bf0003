"""Tracks: mattes at display size, frames by time, and what was never tracked stays unknown."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.masks.codec import MATTE_ERROR
from tam_edit.tracks import (
    FrameScore,
    MaskTrack,
    MemoryTracks,
    Origin,
    TrackedMatte,
    TrackReader,
    TrackSet,
    TrackSink,
    resized,
    spans_of,
)
from tam_edit.types import Matte


def disc(height: int, width: int, radius: float = 9.0, x: float = 20.0) -> Matte:
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - height / 2, columns - x)
    return np.asarray(1 / (1 + np.exp(distance - radius)), np.float32)


def entry(matte: Matte, score: float = 0.5, origin: Origin = Origin.PROPAGATED) -> TrackedMatte:
    return TrackedMatte(matte=matte, score=score, origin=origin, reasons=("blurred",))


def linear(matte: Matte, width: int, height: int) -> Matte:
    """The oracle: linear interpolation at the centres of the wanted pixels, by scipy."""
    rows = (np.arange(height) + 0.5) * matte.shape[0] / height - 0.5
    columns = (np.arange(width) + 0.5) * matte.shape[1] / width - 0.5
    places = np.meshgrid(rows, columns, indexing="ij")
    found = ndimage.map_coordinates(matte.astype(np.float64), places, order=1, mode="nearest")
    return np.asarray(found, np.float32)


def test_memory_tracks_are_a_sink_and_a_reader() -> None:
    assert isinstance(MemoryTracks(), TrackSink)
    assert isinstance(MemoryTracks(), TrackReader)


@pytest.mark.parametrize(("width", "height"), [(80, 62), (107, 91), (41, 32), (400, 33)])
def test_a_small_soft_matte_is_interpolated_as_scipy_does(width: int, height: int) -> None:
    store = MemoryTracks()
    small = disc(31, 40)
    store.append(4, {1: entry(small)})
    matte = store.track(1).matte(4, width, height)
    assert matte.dtype == np.float32
    assert matte.shape == (height, width)
    assert np.abs(matte - linear(small, width, height)).max() < MATTE_ERROR + 1e-5


def test_enlarging_never_leaves_the_range() -> None:
    rng = np.random.default_rng(0)
    for size in ((854, 480), (101, 77), (1920, 1080)):
        matte = resized(np.rint(rng.random((60, 100))).astype(np.float32), *size)
        assert matte.min() >= 0
        assert matte.max() <= 1
    assert np.array_equal(
        resized(np.ones((60, 100), np.float32), 333, 211), np.ones((211, 333), np.float32)
    )


def test_shrinking_by_a_whole_number_takes_the_mean() -> None:
    matte = disc(60, 90, 25)
    mean = matte.reshape(20, 3, 30, 3).mean(axis=(1, 3))
    assert np.abs(resized(matte, 30, 20) - mean).max() < 1e-6


def test_a_hard_matte_at_display_size_comes_back_exactly() -> None:
    store = MemoryTracks()
    hard = (disc(62, 80) > 0.5).astype(np.float32)
    store.append(0, {7: entry(hard, 1.0, Origin.KEYFRAME)})
    assert np.array_equal(store.track(7).matte(0, 80, 62), hard)


def test_a_frame_that_was_never_tracked_is_not_an_empty_one() -> None:
    store = MemoryTracks()
    store.append(3, {1: entry(np.zeros((5, 5), np.float32), 0.9)})
    track = store.track(1)
    assert not track.matte(3, 10, 10).any()
    assert track.is_tracked(3)
    assert not track.is_tracked(4)
    assert store.entry(1, 4) is None
    for read in (lambda: track.matte(4, 10, 10), lambda: track.score(4), lambda: track.entry(4)):
        with pytest.raises(InputError, match="object 1 was never tracked on frame 4"):
            read()


def test_scores_spans_and_origins_are_kept_and_replaced() -> None:
    store = MemoryTracks()
    for frame in (9, 8, 2, 0, 1):  # a pass may run backward
        store.append(frame, {1: entry(disc(9, 9), frame / 10)})
    store.append(1, {1: entry(disc(9, 9), 1.0, Origin.CORRECTED), 2: entry(disc(9, 9))})
    track = store.track(1)
    assert track.spans() == [(0, 3), (8, 10)]
    assert track.score(1) == 1.0
    assert track.entry(1).origin is Origin.CORRECTED
    scores = list(track.scores())
    assert scores[1] == FrameScore(1, 1.0, Origin.CORRECTED, ("blurred",))
    assert [known.frame_index for known in scores] == [0, 1, 2, 8, 9]
    assert store.object_ids == (1, 2)


def test_a_track_set_follows_its_store() -> None:
    store = MemoryTracks()
    tracks = store.track_set([0.0, 0.5])
    assert len(tracks) == 0
    for object_id in (5, 2):
        store.append(0, {object_id: entry(disc(9, 9))})
    assert isinstance(tracks, TrackSet)
    assert list(tracks) == [2, 5]
    assert tracks[5].object_id == 5
    assert tracks[5].index_at(0.6) == 1
    assert 3 not in tracks
    with pytest.raises(UnknownNameError, match="no object 3"):
        MaskTrack(store, 3)


def test_index_at_finds_the_frame_on_screen_at_variable_frame_rate() -> None:
    rng = np.random.default_rng(3)
    ticks = np.cumsum(rng.integers(1, 4000, 500))
    exact = [Fraction(int(tick), 90_000) for tick in ticks]
    store = MemoryTracks()
    store.append(0, {1: entry(disc(9, 9))})
    for times in (exact, [float(time) for time in exact]):
        track = store.track(1, times)
        for time in rng.uniform(0, float(exact[-1]) + 1, 500):
            begun = [index for index, start in enumerate(exact) if start <= time]
            assert track.index_at(float(time)) == (begun[-1] if begun else 0)
        for index, start in enumerate(exact):
            assert track.index_at(start) == index
            assert track.index_at(float(start)) == index
            assert track.index_at(float(start) - 1e-9) == index  # a float that fell short


def test_index_at_agrees_with_a_loop_that_adds_up_a_constant_rate() -> None:
    times = [Fraction(index * 1001, 30_000) for index in range(3000)]
    store = MemoryTracks()
    store.append(0, {1: entry(disc(9, 9))})
    track = store.track(1, times)
    time, step = 0.0, 1001 / 30_000
    for index in range(3000):
        assert track.index_at(time) == index
        time += step


def test_index_at_needs_timestamps() -> None:
    store = MemoryTracks()
    store.append(0, {1: entry(disc(9, 9))})
    with pytest.raises(InputError, match="at which time"):
        store.track(1).index_at(0.0)


def test_spans_of() -> None:
    assert spans_of([]) == []
    assert spans_of([0]) == [(0, 1)]
    assert spans_of([0, 1, 2, 5, 7, 8]) == [(0, 3), (5, 6), (7, 9)]
