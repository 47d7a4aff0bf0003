"""Shot cuts: found to the frame where clips are joined, nowhere else."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tam_edit.frame import Frame
from tam_edit.media import open_source
from tam_edit.pixels import PixelLayout
from tam_edit.testing.clips import draw_clip
from tam_edit.tracking.cuts import find_cuts

Image = NDArray[np.uint8]
RGB = PixelLayout.of("gbrp")


def framed(images: Iterable[Image], start: int = 0) -> Iterator[Frame]:
    for index, image in enumerate(images, start):
        red, green, blue = (np.ascontiguousarray(image[..., i]) for i in range(3))
        yield Frame(
            planes=(green, blue, red),
            layout=RGB,
            index=index,
            pts=index,
            time_base=Fraction(1, 25),
            duration=1,
        )


def cuts_of(*shots: Sequence[Image], start: int = 0) -> list[int]:
    return find_cuts(framed(itertools.chain(*shots), start))


def joins(*shots: Sequence[Image], start: int = 0) -> list[int]:
    ends = itertools.accumulate((len(shot) for shot in shots[:-1]), initial=start)
    return list(ends)[1:]


def drawn(kind: str, seed: int, frames: int = 12) -> list[Image]:
    return list(draw_clip(kind, frames=frames, width=96, height=72, seed=seed).frames)


@pytest.fixture(scope="module")
def shots() -> list[list[Image]]:
    kinds = ("disc", "two", "leaves", "demo")
    return [drawn(kind, seed) for seed, kind in enumerate(kinds)]


@pytest.mark.parametrize("start", [0, 1000])
def test_joined_clips_are_cut_where_they_meet(shots: list[list[Image]], start: int) -> None:
    assert cuts_of(*shots, start=start) == joins(*shots, start=start)
    for shot in shots:
        assert cuts_of(shot, start=start) == []


def test_progress_counts_every_frame(shots: list[list[Image]]) -> None:
    told: list[int] = []
    find_cuts(framed(shots[0], 7), told.append)
    assert told == list(range(1, 13))


def test_frames_are_looked_at_one_by_one(shots: list[list[Image]]) -> None:
    looked: list[int] = []
    alive: list[int] = []

    class Counted(Frame):
        def __del__(self) -> None:
            alive.append(-1)

    def watched() -> Iterator[Frame]:
        for frame in framed(itertools.chain(*shots)):
            alive.append(1)
            looked.append(sum(alive))
            yield Counted(planes=frame.planes, layout=RGB, index=frame.index)

    assert find_cuts(watched()) == joins(*shots)
    assert max(looked) <= 3


def test_indices_need_not_be_consecutive(shots: list[list[Image]]) -> None:
    every_third = [
        frame
        for frame in framed(itertools.chain(*(np.repeat(shot, 3, axis=0) for shot in shots)))
        if frame.index % 3 == 0
    ]
    assert find_cuts(every_third) == [3 * place for place in joins(*shots)]


@pytest.mark.parametrize(("first", "second"), [(1, 11), (2, 10), (11, 1), (10, 2), (2, 1), (1, 2)])
def test_cuts_beside_the_ends_are_found(first: int, second: int) -> None:
    # PySceneDetect's own answer leaves out the first two and the last two frames.
    slow, other = drawn("disc", 0, 48), drawn("two", 1, 48)
    assert cuts_of(slow[-first:], other[:second]) == [first]


def test_what_is_too_short_has_no_cut(shots: list[list[Image]]) -> None:
    assert find_cuts([]) == []
    assert cuts_of(shots[0][:1]) == []
    assert cuts_of(shots[0][:1], shots[3][:1]) == []


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 2), (16, 16), (17, 9)])
def test_any_size_of_frame(size: tuple[int, int]) -> None:
    dark, light = (np.full((*size, 3), value, np.uint8) for value in (30, 200))
    assert cuts_of([dark] * 9, [light] * 9) == [9]


@pytest.mark.parametrize("frames", [1, 2, 4, 6])
@pytest.mark.parametrize("share", [0.4, 1.0])
def test_a_flash_is_no_cut(shots: list[list[Image]], frames: int, share: float) -> None:
    shot = drawn("two", 5, 30)
    lit = [np.rint(i + (255 - i.astype(float)) * share).astype(np.uint8) for i in shot]
    flashed = [*shot[:12], *lit[12 : 12 + frames], *shot[12 + frames :]]
    assert cuts_of(flashed, shots[3]) == [30]


def test_a_light_that_stays_on_counts_as_a_cut() -> None:
    shot = drawn("two", 5, 30)
    assert cuts_of([i // 2 for i in shot[:15]], shot[15:]) == [15]


@pytest.mark.parametrize("frames", [6, 12, 25])
def test_a_fade_is_no_cut(frames: int) -> None:
    shot = drawn("disc", 2, 3 * frames)
    strength = np.abs(np.linspace(-1.5, 1.5, 3 * frames)).clip(0, 1)
    faded = [np.rint(i * s).astype(np.uint8) for i, s in zip(shot, strength, strict=True)]
    assert cuts_of(faded) == []


@pytest.mark.parametrize("frames", [3, 6, 12])
def test_a_dissolve_is_no_cut(shots: list[list[Image]], frames: int) -> None:
    one, other = shots[0], shots[3]
    shares = np.linspace(0, 1, frames + 2)[1:-1]
    mixed = [np.rint(one[-1] * (1 - s) + other[0] * s).astype(np.uint8) for s in shares]
    assert cuts_of(one, mixed, other) == []


@pytest.mark.parametrize("times", [2, 3, 4, 5])
def test_frames_shown_several_times_are_no_cuts(times: int) -> None:
    # A pan of 15 pixels a picture: every step is a jump after frames without any change.
    wide = draw_clip("demo", frames=1, width=640, height=120).image(0)
    pan = [wide[:, 15 * step : 15 * step + 200] for step in range(25)]
    assert cuts_of(pan) == []
    assert cuts_of(np.repeat(pan, times, axis=0)) == []
    assert cuts_of(np.repeat(pan, times, axis=0), drawn_at((200, 120))) == [25 * times]


def drawn_at(size: tuple[int, int]) -> list[Image]:
    return list(draw_clip("disc", frames=12, width=size[0], height=size[1], seed=4).frames)


def test_pictures_that_stand_still(shots: list[list[Image]]) -> None:
    one, other, third = ([shot[0]] * 40 for shot in shots[:3])
    assert cuts_of(one) == []
    assert cuts_of(one, other, one, third[:3]) == [40, 80, 120]
    assert cuts_of(one, shots[3]) == [40]
    assert cuts_of(shots[3], one) == [12]


def test_the_import_is_late_and_silent() -> None:
    script = (
        "import sys, tam_edit.tracking.cuts as cuts\n"
        "assert 'scenedetect' not in sys.modules\n"
        "assert cuts.find_cuts([]) == [] and 'scenedetect' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_is_logged(shots: list[list[Image]], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        cuts_of(*shots)
    assert not caplog.records


class Footage:
    """Every fourth of the width of real sequences is enough to look for cuts."""

    def __init__(self, shared: Path) -> None:
        self._folder = shared / "data"
        self._known: dict[str, list[Image]] = {}

    def __call__(self, name: str, start: int = 0, stop: int = 40) -> list[Image]:
        if name not in self._known:
            path = self._folder / "davis16-dev" / name / "frames"
            place = path if path.is_dir() else self._folder / "videos" / f"{name}.mp4"
            with open_source(place) as source:
                end = min(100, source.info.frame_count)
                self._known[name] = [f.scaled(128, 72) for f in source.frames(0, end)]
        return self._known[name][start:stop]


@pytest.fixture(scope="module")
def footage(shared_data: Path) -> Footage:
    return Footage(shared_data)


@pytest.mark.parametrize("name", ["bmx-trees", "goat", "libby", "parkour", "car-detection"])
def test_fast_real_motion_is_no_cut(footage: Footage, name: str) -> None:
    shot = footage(name, 0, 100)
    assert cuts_of(shot) == []
    assert cuts_of(shot[::-1]) == []


def test_joined_real_sequences(footage: Footage) -> None:
    joined = [
        footage("dog", 5, 30),
        footage("dance-twirl", 40, 70),
        footage("bmx-trees", 0, 20),
        footage("bmx-trees", 50, 80),
        footage("parkour", 0, 12),
        footage("parkour", 60, 90),
        footage("libby", 10, 30),
        footage("goat", 30, 50),
        footage("car-detection", 30, 50),
    ]
    assert cuts_of(*joined, start=3) == joins(*joined, start=3)


def test_a_joined_file(footage: Footage, shared_data: Path, tmp_path: Path) -> None:
    """Read back through the decoder, from the middle on: indices are those of the file."""
    from tam_edit.testing.writing import write_pictures

    joined = [footage("dog", 0, 20), footage("soapbox", 30, 50), footage("dog", 40, 60)]
    write_pictures(
        itertools.chain(*joined),
        tmp_path / "joined.mp4",
        width=128,
        height=72,
        rate=Fraction(25),
        with_audio=False,
        variable_rate=True,
    )
    with open_source(tmp_path / "joined.mp4") as source:
        assert find_cuts(source.frames()) == [20, 40]
        assert find_cuts(source.frames(25, 60)) == [40]
        assert find_cuts(source.frames(18, 42)) == [20, 40]
