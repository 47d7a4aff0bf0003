"""Where one shot ends and the next begins: hard cuts, seen by PySceneDetect in our own frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise, repeat

import numpy as np
from numpy.typing import NDArray

from tam_edit.frame import Frame

# The numbers were chosen on 21 clips without a cut and 1050 joins of them: they call no frame of
# the clips a cut, with some margin, and find nearly every join that can be seen.
# So small a picture shows a cut as well as a large one does, and motion much less.
LONG_SIDE = 16
# A cut changes the picture this many times as much as its neighbours do. Motion, a pan or a fade
# that begins reaches 2.
MIN_RATIO = 2.75
# Change of saturation and brightness, of 255; without a cut 2.9 was the most at such a ratio.
MIN_CHANGE = 4.5
# Pictures on each side that a change is compared with.
NEIGHBOURS = 2
# A picture that comes back after at most so many frames was hidden by a flash, not cut away;
# it comes back when it is nearer than this share of the jump.
FLASH_FRAMES = 6
FLASH_SHARE = 0.5
# Grey levels; what changes less is a frame shown again.
HELD_BELOW = 0.25
# Repeated as often as this, a picture stands still; less often, frames fill up the rate.
HELD_FRAMES = 12
# PySceneDetect wants a rate to count frames by; no setting here is in seconds.
NOMINAL_RATE = 25.0

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Seen:
    """A small picture, uint8 RGB, and the frame it is of.

    ``index`` is None beyond the ends of the video, where the pictures are mirrored.
    """

    index: int | None
    picture: Picture


def find_cuts(frames: Iterable[Frame], progress: Callable[[int], None] | None = None) -> list[int]:
    """The first frame of every shot but the first.

    Hard cuts are found, also between moving pictures and beside the first and last frame. A
    flash, a fade or fast motion is no cut; neither is a dissolve, which has no frame at which it
    happens. A flash that goes on for more than six frames is one, and so is a light that is
    switched on. The detector is ``AdaptiveDetector`` of PySceneDetect.

    Args:
        frames: In ascending order, from any frame on. They are looked at one by one and let go.
        progress: Told how many frames were looked at, after every frame.

    Returns:
        Indices of frames, ascending.
    """
    marked = _marked(_distinct(frames, progress))
    window: deque[tuple[_Seen, bool] | None] = deque(maxlen=2 * FLASH_FRAMES + 2)
    cuts = []
    for item in chain(marked, repeat(None, FLASH_FRAMES)):
        window.append(item)
        here = len(window) - 1 - FLASH_FRAMES
        # Before the first picture there is nothing that it could be cut from.
        if here < 1 or (middle := window[here]) is None or not middle[1]:
            continue
        seen = [near[0] for near in window if near is not None]
        if middle[0].index is not None and not _is_flash(seen[:here], seen[here:]):
            cuts.append(middle[0].index)
    return cuts


def _distinct(frames: Iterable[Frame], progress: Callable[[int], None] | None) -> Iterator[_Seen]:
    """Small pictures, each once where the video repeats frames to fill its rate.

    Where a frame is shown three times, the steps between the held pictures would else look like
    cuts: each comes after two frames without any change.
    """
    first: _Seen | None = None
    held: list[_Seen] = []
    # Whatever the video begins with may be the end of a shot that stands still.
    repeats = HELD_FRAMES
    for count, frame in enumerate(frames, start=1):
        seen = _Seen(frame.index, _small(frame))
        if first is not None and _distance(first, seen) < HELD_BELOW:
            held.append(seen)
            repeats += 1
            if repeats >= HELD_FRAMES:
                yield from held
                held.clear()
        else:
            repeats = HELD_FRAMES if first is None else 0
            held.clear()
            first = seen
            yield seen
        if progress is not None:
            progress(count)
    yield from held


def _marked(pictures: Iterator[_Seen]) -> Iterator[tuple[_Seen, bool]]:
    """Every picture with whether the detector sees a jump to it."""
    # Imported here: it loads 280 modules, moviepy's readers among them, in a tenth of a second.
    from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode

    detector = AdaptiveDetector(
        adaptive_threshold=MIN_RATIO,
        min_scene_len=1,
        window_width=NEIGHBOURS,
        min_content_val=MIN_CHANGE,
        # Hue says nothing where there is little colour, and edges move whenever anything does.
        weights=ContentDetector.Components(
            delta_hue=0.0, delta_sat=1.0, delta_lum=1.0, delta_edges=0.0
        ),
    )
    waiting: deque[_Seen] = deque()
    for position, seen in enumerate(_mirrored(pictures)):
        bgr = np.ascontiguousarray(seen.picture[..., ::-1])
        jumps = detector.process_frame(FrameTimecode(position, NOMINAL_RATE), bgr)
        waiting.append(seen)
        if position >= NEIGHBOURS:
            # It speaks of a picture once it has seen the neighbours after it.
            due = waiting.popleft()
            if due.index is not None:
                yield due, bool(jumps)


def _mirrored(pictures: Iterator[_Seen]) -> Iterator[_Seen]:
    """The pictures, and beyond both ends as many as the detector needs to judge the ends too.

    A jump to the second or to the last picture is then its own neighbour: it must be 6.6 times
    as large as the motion around it.
    """
    begin = list(islice(pictures, NEIGHBOURS + 1))
    yield from (_Seen(None, seen.picture) for seen in reversed(begin[1:]))
    end: deque[_Seen] = deque(maxlen=NEIGHBOURS + 1)
    for seen in chain(begin, pictures):
        end.append(seen)
        yield seen
    yield from (_Seen(None, seen.picture) for seen in list(end)[-2::-1])


def _is_flash(before: Sequence[_Seen], after: Sequence[_Seen]) -> bool:
    """Whether the picture before a jump comes back, or the one after it was there already."""
    last, first = before[-1], after[0]
    near = FLASH_SHARE * _distance(last, first)
    comes_back = any(
        _frames_between(first, seen) <= FLASH_FRAMES and _distance(last, seen) < near
        for seen in after[1:]
    )
    was_there = any(
        _frames_between(hidden, first) <= FLASH_FRAMES and _distance(seen, first) < near
        for seen, hidden in pairwise(before)
    )
    return comes_back or was_there


def _frames_between(earlier: _Seen, later: _Seen) -> int:
    return (later.index or 0) - (earlier.index or 0)


def _small(frame: Frame) -> Picture:
    shrink = min(1.0, LONG_SIDE / max(frame.width, frame.height))
    return frame.scaled(max(1, round(frame.width * shrink)), max(1, round(frame.height * shrink)))


def _distance(one: _Seen, other: _Seen) -> float:
    """Mean absolute difference, in grey levels."""
    return float(np.abs(one.picture.astype(np.int16) - other.picture).mean())
