"""Frames named by number, clock time and SMPTE timecode."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tam_edit.errors import InputError
from tam_edit.media import Source, frame_at, open_source, timecode_at
from tam_edit.media.timecode import advanced, frames_of

NTSC = Fraction(30000, 1001)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """100 frames at 25 a second that start at 01:00:00:00."""
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width = stream.height = 16
        stream.metadata["timecode"] = "01:00:00:00"
        for index in range(100):
            picture = av.VideoFrame.from_ndarray(np.full((24, 16), index, np.uint8), "yuv420p")
            picture.pts = index
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def source(clip: Path) -> Source:
    return open_source(clip)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("0", 0),
        ("@99", 99),
        ("@00:00:00.000", 0),
        ("@00:00:01.000", 25),
        ("00:00:01.039", 25),
        ("00:00:01.04", 26),
        ("0:02.5", 62),
        ("00:00:02", 50),
        ("2.5s", 62),
        ("@2s", 50),
        ("0.04s", 1),
        ("@00:00:02:10", 60),
        ("@01:00:00:00", 0),
        ("01:00:03:24", 99),
    ],
)
def test_frame_at(source: Source, text: str, index: int) -> None:
    assert frame_at(text, source) == index


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("100", "100 frames"),
        ("00:00:04.000", "past the end"),
        ("4s", "past the end"),
        ("2.s", "names no frame"),
        ("2.5", "names no frame"),
        ("01:00:04:00", "100 frames"),
        ("00:00:01:25", "no timecode at 25"),
        ("00:00:61:00", "no timecode"),
        ("soon", "names no frame"),
        ("-3", "names no frame"),
        ("", "names no frame"),
    ],
)
def test_frame_that_is_not_there(source: Source, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        frame_at(text, source)
    if "no timecode" in message:
        assert caught.value.hint.endswith("the frames after them up to 24")


def test_timecode_at_is_the_inverse(source: Source) -> None:
    assert source.info.start_timecode == "01:00:00:00"
    assert timecode_at(0, source) == "01:00:00:00"
    assert timecode_at(77, source) == "01:00:03:02"
    assert all(frame_at(timecode_at(k, source), source) == k for k in range(100))


def test_drop_frame_counts_as_the_standard_says() -> None:
    # SMPTE ST 12-1: numbers 0 and 1 are left out each minute but the tenth, so that an hour of
    # timecode is 107892 frames.
    assert frames_of("01:00:00;00", NTSC) == 107_892
    assert frames_of("00:01:00;02", NTSC) == 1800
    assert frames_of("00:10:00;00", NTSC) == 17_982
    assert frames_of("00:01:00;04", 2 * NTSC) == 3600
    assert advanced("00:00:59;29", 1, NTSC) == "00:01:00;02"
    assert advanced("00:09:59;29", 1, NTSC) == "00:10:00;00"
    assert advanced("23:59:59;29", 1, NTSC) == "00:00:00;00"
    with pytest.raises(InputError, match="leaves out"):
        frames_of("00:01:00;00", NTSC)


@pytest.mark.parametrize("rate", [NTSC, 2 * NTSC, Fraction(24000, 1001), Fraction(25)])
@pytest.mark.parametrize("zero", ["00:00:00:00", "00:00:00;00"])
def test_counting_up_and_back(rate: Fraction, zero: str) -> None:
    for number in (*range(0, 40_000, 7), 107_892, 1_000_000):
        assert frames_of(advanced(zero, number, rate), rate) == number


def test_mark_of_drop_frame_means_nothing_at_other_rates() -> None:
    assert frames_of("00:01:00;00", Fraction(25)) == 1500
