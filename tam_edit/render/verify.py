"""What was written is decoded again and compared with its source, before it gets its name.

Outside of what the effects touched the two are alike up to the codec: the peak signal-to-noise
ratio of their luma, in dB, of full scale. Under what covers, nothing of the source is left: the
correlation of their luma (Pearson's), of each cover for itself.

Codecs draw on what lies beside a sample. So the touched part is looked at with a margin around it,
a cover without a rim; and what varies less than rounding does is constant, so correlates with
nothing. Covers of fewer pixels than a square of 16, or under which the source is as good as
constant, say nothing. Colour that is fully transparent is not seen, so it does not count outside;
it can still be read from the file, so it counts under a cover.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cv2
import numpy as np

from tam_edit.effect import Effect, Shown
from tam_edit.errors import DecodeError, EncodeError, OpenError
from tam_edit.frame import Frame
from tam_edit.masks import ops
from tam_edit.media import Sink, Source, open_source, timecode_at
from tam_edit.recipe import VerifyStep
from tam_edit.render.luma import luma_pair
from tam_edit.render.report import Verified, Worst
from tam_edit.types import Box, Mask, Matte, box_of

# How far a codec's transform blocks and filters carry a change: seen in H.264, less in the others.
RINGING_PX = 8.0
RIM_PX = 4.0
# Fewer pixels say nothing.
LEAST_OUTSIDE_PX = 32 * 32
LEAST_COVER_PX = 16 * 16
# Standard deviations of luma as shares of full scale. Less than two levels of 255 is rounding and
# noise of the codec; a source that varies by less shows nothing.
ROUNDING = 2 / 255
FLAT = 2 / 255
MOST_DB = 100.0


class Acted:
    """Where effects acted, frame by frame, kept small.

    Pass it to a render as its watcher.
    """

    def __init__(self) -> None:
        self._touched: dict[int, list[_Packed]] = {}
        self._covers: dict[int, list[_Packed]] = {}

    def __call__(self, frame_index: int, effect: Effect, shown: Shown) -> None:
        """Note what an effect showed on a frame."""
        layer = shown.layer
        touched = self._touched.setdefault(frame_index, [])
        if layer.alpha is not None:
            touched.append(_Packed(layer.alpha > 0, layer.box))
        if effect.edge == "cover":
            box = box_of(shown.place)
            cover = _Packed(shown.place[box.slices] > 0, box)
            touched.append(cover)
            self._covers.setdefault(frame_index, []).append(cover)

    def touched(self, frame_index: int, width: int, height: int) -> Mask:
        """Every pixel that an effect may have changed."""
        return _united(self._touched.get(frame_index, ()), width, height)

    def covered(self, frame_index: int, width: int, height: int) -> Mask:
        """Every pixel that is under a cover."""
        return _united(self._covers.get(frame_index, ()), width, height)


class _Packed:
    """A mask in a box, an eighth of a byte a pixel, deflated."""

    def __init__(self, mask: Mask, box: Box) -> None:
        self.box = box
        self._shape = mask.shape
        self._data = zlib.compress(np.packbits(mask).tobytes(), 1)

    def mask(self) -> Mask:
        bits = np.frombuffer(zlib.decompress(self._data), np.uint8)
        count = self._shape[0] * self._shape[1]
        return np.unpackbits(bits, count=count).reshape(self._shape).astype(bool)


def _united(packed: Iterable[_Packed], width: int, height: int) -> Mask:
    mask = np.zeros((height, width), bool)
    for each in packed:
        mask[each.box.slices] |= each.mask()
    return mask


def verify_output(
    source: Source,
    sink: Sink,
    span: range,
    acted: Acted,
    step: VerifyStep,
    progress: Callable[[], None] = lambda: None,
) -> Verified:
    """Decode a completed output and compare it with its source.

    Args:
        source: The video.
        sink: The output, completed and not published.
        span: The frames of the source that are in it.
        acted: Where effects acted.
        step: What is allowed.
        progress: Called after every frame.

    Raises:
        EncodeError: A frame cannot be decoded, is missing, is shown at another time, or is not as
            alike or unlike as it must be.
    """
    name = sink.path.name
    check = _Check(name, source, acted, step)
    done = 0
    try:
        with open_source(sink.hidden) as written:
            if written.info.frame_count != len(span):
                raise _wrong(
                    name, f"it has {written.info.frame_count} frames instead of {len(span)}"
                )
            pairs = zip(source.frames(span.start, span.stop), written.frames(), strict=True)
            for before, after in pairs:
                if written.info.kind == "file":
                    _check_time(name, source, span, before, after)
                check.frame(before, after)
                done += 1
                progress()
    except (DecodeError, OpenError) as error:
        place = _place(source, span.start + done)
        raise _wrong(name, f"it cannot be decoded at {place}: {error}") from error
    return check.result(done)


class _Check:
    """The measurements of one output."""

    def __init__(self, name: str, source: Source, acted: Acted, step: VerifyStep) -> None:
        self._name, self._source, self._acted, self._step = name, source, acted, step
        self._psnr: list[tuple[float, int]] = []
        self._correlation: list[tuple[float, int]] = []
        self._bare: list[int] = []

    def frame(self, before: Frame, after: Frame) -> None:
        """Measure one frame; refuse it where it is not as it must be."""
        index, size = before.index, (before.width, before.height)
        luma, written = luma_pair(before, after)
        outside = ~_grown(self._acted.touched(index, *size))
        opacity = after.opacity()
        if opacity is not None:
            outside &= opacity > 0
        psnr = _psnr_db(luma, written, outside)
        if psnr is not None:
            self._psnr.append((psnr, index))
            if psnr < self._step.outside_psnr_db:
                raise self._refusal(
                    index,
                    f"where no effect acted the picture is {psnr:.1f} dB from the source's",
                    f"{self._step.outside_psnr_db:g} dB are the least that outside_psnr_db allows",
                    "let the encoder keep more, such as codec_options = { crf = 17 }, or allow "
                    "less in the verify step",
                )
        covered = self._acted.covered(index, *size)
        if not covered.any():
            self._bare.append(index)
        for box, cover in _pieces(covered):
            left = _correlation(luma[box.slices], written[box.slices], cover)
            if left is None:
                continue
            self._correlation.append((left, index))
            if left > self._step.inside_correlation:
                raise self._refusal(
                    index,
                    f"under the cover at {box.x0},{box.y0} to {box.x1},{box.y1} the picture "
                    f"correlates with the source by {left:.2f}",
                    f"{self._step.inside_correlation:g} is the most that inside_correlation allows",
                    "cover with fill, or make the effect stronger, or allow more in the verify "
                    "step",
                )

    def result(self, frame_count: int) -> Verified:
        """The worst of what was measured."""
        return Verified(
            frame_count=frame_count,
            outside_psnr_db=_worst(self._psnr, min),
            inside_correlation=_worst(self._correlation, max),
            bare_frames=tuple(self._bare),
        )

    def _refusal(self, index: int, measured: str, allowed: str, hint: str) -> EncodeError:
        where = _place(self._source, index)
        return _wrong(self._name, f"at {where} {measured}; {allowed}", hint)


def _check_time(name: str, source: Source, span: range, before: Frame, after: Frame) -> None:
    """Every frame is shown when it was, counted from the first one that is written."""
    wanted = before.time - source.time_of(span.start) + source.time_of(0)
    # A container's clock may be coarser than the source's.
    if abs(after.time - wanted) > after.time_base / 2:
        off_ms = float(after.time - wanted) * 1000
        raise _wrong(name, f"{_place(source, before.index)} is shown {off_ms:.3f} ms off")


def _wrong(name: str, trouble: str, hint: str = "") -> EncodeError:
    return EncodeError(
        f"{name} was written, but compared with the source {trouble}; it was deleted",
        hint=hint or "write another format or container, such as ffv1 to .mkv, and report this",
    )


def _place(source: Source, index: int) -> str:
    return f"frame {index} ({timecode_at(index, source)})"


def _grown(mask: Mask) -> Mask:
    return ops.grow(mask, radius_px=RINGING_PX)


def _pieces(covered: Mask) -> Iterator[tuple[Box, Mask]]:
    """Each cover without its rim: a box, and its pixels in it; small ones are left out."""
    height, width = covered.shape
    around = box_of(covered).grown(1).clipped(width, height)
    # The frame's own border is no rim: a cover goes on beyond it.
    inner = ops.shrink(covered[around.slices], radius_px=RIM_PX)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inner.view(np.uint8), connectivity=8)
    for label in range(1, count):
        x, y, columns, rows, area = stats[label].tolist()
        if area >= LEAST_COVER_PX:
            box = Box(x, y, x + columns, y + rows)
            piece = labels[box.slices] == label
            corner = (around.x0 + x, around.y0 + y)
            yield Box(*corner, corner[0] + columns, corner[1] + rows), piece


def _psnr_db(luma: Matte, written: Matte, where: Mask) -> float | None:
    """Peak signal-to-noise ratio of some pixels, of full scale; at most ``MOST_DB``."""
    count = int(np.count_nonzero(where))
    if count < LEAST_OUTSIDE_PX:
        return None
    away: Any = cv2.absdiff(luma, written)
    away[~where] = 0
    error = float(np.vdot(away, away)) / count
    return MOST_DB if error <= 0 else min(MOST_DB, -10 * math.log10(error))


def _correlation(luma: Matte, written: Matte, where: Mask) -> float | None:
    """How much of the source is left under a cover; None where the source is flat."""
    before, after = luma[where].astype(np.float64), written[where].astype(np.float64)
    deviation = float(before.std())
    if deviation < FLAT:
        return None
    shared = float(np.mean((before - before.mean()) * (after - after.mean())))
    return min(1.0, abs(shared) / (deviation * max(float(after.std()), ROUNDING)))


def _worst(
    measured: list[tuple[float, int]],
    choose: Callable[[list[tuple[float, int]]], tuple[float, int]],
) -> Worst | None:
    if not measured:
        return None
    value, frame = choose(measured)
    return Worst(value=value, frame=frame, frames_measured=len({index for _, index in measured}))
