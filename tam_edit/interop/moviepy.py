"""Every effect as a moviepy effect.

Example::

    from moviepy import VideoFileClip
    from tam_edit.effects import Blur
    from tam_edit.interop.moviepy import Tracked

    clip = VideoFileClip("street.mp4").with_effects([Tracked(Blur(), track)])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import NoReturn, Protocol

import moviepy
import numpy as np
from numpy.typing import NDArray

from tam_edit.effect import COVER_MARGIN_PX, COVER_THRESHOLD, ClipInfo, Effect, apply
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.types import Image, Matte

MICROSECOND = Fraction(1, 1_000_000)
# moviepy counts time in floats, which may fall a little short of a frame's exact timestamp.
NUDGE_S = 1e-5
# ffmpeg, which reads for moviepy, puts a frame of a variable-rate clip up to this many frames
# before or after its time (its constant-rate rounding).
MOVIEPY_REACH_FRAMES = 1.1


class TimedTrack(Protocol):
    """An object's mattes, found by time."""

    def index_at(self, time_s: float) -> int:
        """The source frame that is on screen at that time, by the frames' timestamps.

        Args:
            time_s: Seconds since the first frame of the source.
        """
        ...

    def matte(self, index: int, width: int, height: int) -> Matte:
        """The object on that source frame, float32 (height, width) in [0, 1]."""
        ...


@dataclass(frozen=True)
class Tracked(moviepy.Effect):  # type: ignore[misc]
    """An effect that follows a tracked object through a moviepy clip.

    Which matte belongs to a moment is found through the source's timestamps, never through a
    frame rate. moviepy plays clips with a variable rate at a constant one and shows some frames
    a little early or late; there, ``edge="cover"`` covers the object's places in all frames that
    may be on screen.

    Attributes:
        effect: What to do.
        track: Where the object is.
        start_s: Where in the source the clip begins, in seconds: for ``subclipped`` clips.
        assets: An opened moviepy clip for each name in ``effect.assets()``; whoever opened it
            closes it.
        threshold: As in :func:`tam_edit.effect.apply`.
        margin_px: As in :func:`tam_edit.effect.apply`.
    """

    effect: Effect
    track: TimedTrack
    start_s: float = 0.0
    assets: Mapping[str, moviepy.VideoClip] = field(default_factory=dict)
    threshold: float = COVER_THRESHOLD
    margin_px: float = COVER_MARGIN_PX

    def apply(self, clip: moviepy.VideoClip) -> moviepy.VideoClip:
        """The clip with the effect on every frame, and with a mask where it makes transparency.

        Raises:
            InputError: The effect looks ahead, or a file that it needs is not in ``assets``.
        """
        missing = sorted(set(self.effect.assets()) - set(self.assets))
        if missing:
            raise InputError(
                f"{self.effect.name} needs {', '.join(missing)}: pass an opened clip in assets"
            )
        if self.effect.lookahead_frames:
            raise InputError(f"{self.effect.name} looks at later frames, which moviepy cannot give")
        if self.effect.borrows:
            raise InputError(f"{self.effect.name} looks at other frames, which moviepy cannot give")
        width, height = clip.size
        info = ClipInfo(width=width, height=height)
        run = self.effect.begin(info, _MoviepyReader(self.track, self.assets, (width, height)))
        reach_s = 0.0
        if self.effect.edge == "cover" and clip.fps and not self._is_in_step(clip):
            reach_s = MOVIEPY_REACH_FRAMES / clip.fps

        def shown(time_s: float) -> Frame:
            return self._shown(run, clip, time_s, reach_s)

        result = clip.transform(lambda _, time_s: shown(time_s).rgb)
        if self.effect.needs_alpha:
            result = result.with_mask(_mask(shown, clip))
        return result

    def _is_in_step(self, clip: moviepy.VideoClip) -> bool:
        """Whether each of the clip's frames is one source frame, the next the following one."""
        if clip.duration is None:
            return False
        step_s = 1 / clip.fps
        first = self._index(0.0)
        return all(
            self._index(i * step_s) == self._index((i + 0.5) * step_s) == first + i
            for i in range(round(clip.duration * clip.fps))
        )

    def _index(self, time_s: float) -> int:
        return self.track.index_at(self.start_s + time_s + NUDGE_S)

    def _shown(self, run: Effect, clip: moviepy.VideoClip, time_s: float, reach_s: float) -> Frame:
        picture = np.asarray(clip.get_frame(time_s))
        if picture.dtype != np.uint8:
            picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        index = self._index(time_s)
        frame = Frame.from_rgb(
            picture[..., :3],
            index=index,
            pts=round((self.start_s + time_s) / MICROSECOND),
            time_base=MICROSECOND,
        )
        if clip.mask is not None:
            frame = frame.with_coverage(np.asarray(clip.mask.get_frame(time_s), np.float32))
        earliest, latest = self._index(max(0.0, time_s - reach_s)), self._index(time_s + reach_s)
        mattes = (
            self.track.matte(i, frame.width, frame.height) for i in range(earliest, latest + 1)
        )
        matte = reduce(np.maximum if self.effect.acts_on == "object" else np.minimum, mattes)
        return apply(run, frame, matte, threshold=self.threshold, margin_px=self.margin_px)


def _mask(shown: Callable[[float], Frame], clip: moviepy.VideoClip) -> moviepy.VideoClip:
    """The opacity of the shown frames as a moviepy mask."""

    def opacity(time_s: float) -> NDArray[np.float64]:
        coverage = shown(time_s).opacity()
        if coverage is None:
            return np.ones((clip.h, clip.w))
        return coverage.astype(np.float64)

    mask = moviepy.VideoClip(is_mask=True, frame_function=opacity, duration=clip.duration)
    return mask if clip.fps is None else mask.with_fps(clip.fps)


class _MoviepyReader:
    """What an effect may look at, as far as moviepy can show it."""

    def __init__(
        self, track: TimedTrack, assets: Mapping[str, moviepy.VideoClip], size: tuple[int, int]
    ) -> None:
        self._track = track
        self._assets = assets
        self._size = size

    def frame(self, index: int) -> NoReturn:
        raise InputError(f"moviepy gives pictures by time: frame {index} cannot be asked for")

    def matte(self, index: int) -> Matte:
        return self._track.matte(index, *self._size)

    def asset(self, name: str) -> _MoviepyAsset:
        return _MoviepyAsset(self._assets[name])


class _MoviepyAsset:
    """A moviepy clip as a still or a video for an effect."""

    def __init__(self, clip: moviepy.VideoClip) -> None:
        self._clip = clip
        self._last: tuple[Fraction, Image] | None = None

    @property
    def duration(self) -> Fraction:
        """Seconds; 0 for a still."""
        lasts = None if isinstance(self._clip, moviepy.ImageClip) else self._clip.duration
        return Fraction(lasts or 0)

    def at(self, time: Fraction) -> Image:
        """The picture at that time; past the end, the last one."""
        time = min(time, self._latest())
        if self._last is None or self._last[0] != time:
            picture = np.asarray(self._clip.get_frame(float(time)))[..., :3]
            self._last = (time, np.ascontiguousarray(picture.astype(np.uint8)))
        return self._last[1]

    def _latest(self) -> Fraction:
        """When the last picture is on screen; 0 for a still, which looks the same at all times."""
        if not self.duration:
            return Fraction(0)
        return max(Fraction(0), self.duration - 1 / (2 * Fraction(self._clip.fps or 25)))
