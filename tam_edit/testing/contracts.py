"""What every effect promises, as one call for us and for plug-in authors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.effect import COVER_THRESHOLD, ClipInfo, Effect, Layer, apply, prepare_matte
from tam_edit.errors import InputError, NotInstalledError
from tam_edit.frame import Frame
from tam_edit.parameters import parameters_of
from tam_edit.pixels import Plane
from tam_edit.testing.strategies import LAYOUTS, Case, cases
from tam_edit.types import Box, Image, Mask, Matte

# RGB of sub-sampled pictures is interpolated: a pixel also reads the chroma samples beside its own.
# Those so near the matte are left alone when the other outside samples are changed.
CHROMA_REACH = 1
# A larger grid would need a picture too large to draw quickly.
MAX_SHIFT_PX = 512


def check_effect(effect: Effect, *, examples: int = 20) -> None:
    """Check that an effect keeps what all effects promise.

    Samples with alpha 0 stay bit-identical; inputs stay as they were; size, sample type and
    timestamps stay; two runs agree to the bit; an empty matte changes nothing; an object moved by
    a multiple of the effect's grid gets the same picture moved; pixels outside the matte never
    influence what a cover effect shows inside; a run that is given other numbers shows what one
    that was begun with them shows. An effect that borrows shows what lies outside, up to the
    picture's borders, so that shifts and the outside cannot be its promises; it promises the
    contrary instead: the object's own pixels never influence what is shown in their place. This
    over 8 and 10 bit, sub-sampled and full chroma, RGB, grey and alpha planes, every rotation, 1x1
    and odd sizes, and objects at each border, of one pixel, and of the whole picture.

    Args:
        effect: With the parameters to be checked. Files that it asks for are drawn, not read.
        examples: How many random cases hypothesis adds; 0 for none.

    Raises:
        AssertionError: It says which promise is broken, for which picture.
        NotInstalledError: Random cases are wanted and hypothesis is missing.

    Example:
        >>> from tam_edit.effects import Blur
        >>> check_effect(Blur(), examples=0)
    """
    for case in _fixed_cases():
        _check_case(effect, case)
    for layout in ("yuv420p", "yuv444p", "gbrp", "yuv420p10le"):
        _check_borders(effect, layout)
    if effect.acts_on == "object" and not effect.borrows:
        _check_shift(effect)
    if not effect.borrows:  # what it gathered as it began stays
        _check_numbers(effect)
    if examples:
        _check_random_cases(effect, examples)


def _fixed_cases() -> Iterator[Case]:
    sizes = ((1, 1), (2, 1), (3, 5), (33, 21))
    for i, layout in enumerate(LAYOUTS):
        for j, (width, height) in enumerate(sizes):
            for k, kind in enumerate(("empty", "full", "blob", "soft")):
                yield Case(
                    layout=layout,
                    width=width,
                    height=height,
                    quarter_turns=(i + j + k) % 4,
                    matte_kind=kind,
                    seed=k,
                )


def _check_random_cases(effect: Effect, examples: int) -> None:
    try:
        from hypothesis import HealthCheck, given, settings
    except ImportError as error:
        raise NotInstalledError(
            "random cases need hypothesis", hint='pip install "tam-edit[testing]", or examples=0'
        ) from error

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases())
    def check(case: Case) -> None:
        _check_case(effect, case)

    check()


def _check_case(effect: Effect, case: Case) -> None:
    _check_picture(effect, case.frame, case.matte, f"{effect.name} on {case}")


def _check_borders(effect: Effect, layout: str) -> None:
    """Objects at each border and corner, in the middle, and of one pixel."""
    width, height = 37, 29
    boxes = [Box(x, y, x + 9, y + 7) for x in (0, 14, 28) for y in (0, 11, 22)]
    boxes += [Box(17, 9, 18, 10), Box(36, 28, 37, 29), Box(0, 13, 37, 14)]
    frame = Case(layout=layout, width=width, height=height).frame
    for box in boxes:
        matte = np.zeros((height, width), np.float32)
        matte[box.slices] = 1
        _check_picture(effect, frame, matte, f"{effect.name} on {layout} with an object in {box}")


def _check_picture(effect: Effect, frame: Frame, matte: Matte, where: str) -> None:
    planes_before = [plane.copy() for plane in frame.planes]
    matte_before = matte.copy()
    result = _run(effect, frame, matte)
    _require(_same(frame.planes, planes_before), "it changes the frame that it is given", where)
    _require(np.array_equal(matte, matte_before), "it changes the matte that it is given", where)
    _check_kind(effect, frame, result, where)
    again = _run(effect, frame, matte)
    _require(_same(_visible(result), _visible(again)), "two runs differ", where)
    place = _place(effect, matte)
    if not place.any():
        _require(_same(result.planes, frame.planes), "it acts where there is nothing", where)
        return
    layer = _begun(effect, frame, matte).render(frame, place)
    _check_layer(effect, frame, layer, where)
    touched = _touched(frame, layer)
    for i, plane in enumerate(frame.planes):
        changed = (result.planes[i] != plane) & ~_served(frame, touched, i)
        _require(not changed.any(), f"plane {i} changes where alpha is 0", where)
    if effect.borrows:
        _check_absence(effect, frame, matte, result, where)
    elif effect.edge == "cover":
        _check_isolation(effect, frame, matte, result, where)


def _check_kind(effect: Effect, frame: Frame, result: Frame, where: str) -> None:
    """The result is a frame like the one given."""
    for before, after in zip(frame.planes, result.planes, strict=True):
        same = before.shape == after.shape and before.dtype == after.dtype
        _require(same, "it changes size or sample type", where)
    kept = replace(result, planes=frame.planes, coverage=frame.coverage)
    for name in ("layout", "index", "pts", "time_base", "duration", "color", "quarter_turns"):
        _require(getattr(kept, name) == getattr(frame, name), f"it changes {name}", where)
    if effect.needs_alpha:
        _require(result.opacity() is not None, "it needs alpha but gives no opacity", where)
    else:
        _require(result.coverage is frame.coverage, "it changes opacity unannounced", where)


def _check_layer(effect: Effect, frame: Frame, layer: Layer, where: str) -> None:
    inside = layer.box.clipped(frame.width, frame.height) == layer.box
    _require(inside, f"its layer's {layer.box} reaches out of the frame", where)
    _require(effect.needs_alpha == (layer.coverage is not None), "coverage ≠ needs_alpha", where)
    for name, matte in (("alpha", layer.alpha), ("coverage", layer.coverage)):
        if matte is not None and matte.size:
            _require(matte.dtype == np.float32, f"{name} is {matte.dtype}, not float32", where)
            in_range = bool(matte.min() >= 0 and matte.max() <= 1)
            _require(in_range, f"{name} is not in [0, 1]", where)
    if layer.image is not None:
        same = layer.image.dtype == frame.rgb_dtype
        _require(same, f"its image is {layer.image.dtype}, not as rgb", where)


def _check_isolation(effect: Effect, frame: Frame, matte: Matte, result: Frame, where: str) -> None:
    """With the pixels outside changed at random, the ones inside come out the same."""
    inside = _place(effect, matte) > 0
    rng = np.random.default_rng(7)
    planes: list[Any] = []
    for i, plane in enumerate(frame.planes):
        free = ~_served(frame, inside, i)
        if frame.layout.is_chroma(i) and frame.layout.chroma_step != (1, 1):
            kernel = np.ones((2 * CHROMA_REACH + 1,) * 2, np.uint8)
            free = cv2.erode(free.view(np.uint8), kernel).view(bool)
        other = rng.permutation(plane.ravel()).reshape(plane.shape)
        planes.append(np.where(free, other, plane))
    changed = _run(effect, frame.with_planes(tuple(planes)), matte)
    for i, plane in enumerate(result.planes):
        differs = (plane != changed.planes[i]) & _served(frame, inside, i)
        _require(not differs.any(), "pixels outside the matte influence it inside", where)


def _check_absence(effect: Effect, frame: Frame, matte: Matte, result: Frame, where: str) -> None:
    """With the object's pixels changed at random, its place comes out the same."""
    inside = (matte if effect.acts_on == "object" else 1 - matte) >= COVER_THRESHOLD
    if not inside.any():
        return
    rng = np.random.default_rng(7)
    planes: list[Any] = []
    for i, plane in enumerate(frame.planes):
        served = _served(frame, inside, i)
        other = plane.copy()
        other[served] = rng.permutation(plane.ravel())[: int(served.sum())]
        planes.append(other)
    changed = _run(effect, frame.with_planes(tuple(planes)), matte)
    for i, plane in enumerate(result.planes):
        differs = (plane != changed.planes[i]) & _served(frame, inside, i)
        _require(not differs.any(), "the object shows in what takes its place", where)


def _check_shift(effect: Effect) -> None:
    """Two windows onto one large picture: what is seen through both comes out the same."""
    side, margin = 72, 16
    matte = np.zeros((side, side), np.float32)
    matte[24:47, 27:50] = 1
    matte[30:35, 24:27] = 1
    for layout in ("yuv420p", "yuv444p10le", "gbrp"):
        step = Case(layout=layout, width=1, height=1).frame.layout.chroma_step
        shift = math.lcm(effect.grid_px(_place(effect, matte)), *step)
        if shift > MAX_SHIFT_PX:
            continue
        large = side + shift
        canvas = Case(layout=layout, width=large, height=large, seed=3).frame
        big_matte = np.zeros((large, large), np.float32)
        big_matte[shift:, shift:] = matte
        result = _run(effect, canvas, big_matte)
        small = canvas.with_planes(_window(canvas, canvas.planes, shift))
        moved = _run(effect, small, matte)
        expected = _window(canvas, result.planes, shift)
        for i, (here, there) in enumerate(zip(moved.planes, expected, strict=True)):
            step_x, step_y = canvas.layout.step(i)
            rows, columns = margin // step_y, margin // step_x
            seen = (slice(rows, -rows), slice(columns, -columns))
            where = f"{effect.name} on {layout}, moved by {shift}"
            same = np.array_equal(here[seen], there[seen])
            _require(same, "an object that is moved gets another picture", where)


def _check_numbers(effect: Effect) -> None:
    """A number given to a run shows what it shows where it was there from the start."""
    case = Case(layout="yuv420p", width=33, height=21, matte_kind="blob", seed=5)
    frame, matte = case.frame, case.matte
    for known in parameters_of(type(effect)):
        if known.kind not in ("number", "whole"):
            continue
        low, high = (1.0 if limit is None else limit for limit in known.range)
        # Not in the middle, where a default is likely to be.
        number = low + (high - low) * 0.3 if high > low else low + 1
        value = round(number) if known.kind == "whole" else number
        numbers: dict[str, Any] = {known.name: value}
        where = f"{effect.name} with {known.name} = {value}"
        try:
            made = replace(effect, **numbers)
        except InputError:  # the others do not go with it
            continue
        begun = _begun(effect, frame, matte)
        later = begun.with_numbers(numbers)
        _require(type(later) is type(begun), "with_numbers gives another kind of effect", where)
        _require(later is not begun, "with_numbers changes the effect itself", where)
        pictures = [
            _visible(apply(each, frame, matte)) for each in (later, _begun(made, frame, matte))
        ]
        _require(_same(*pictures), "a number given to a run and one from the start differ", where)


def _window(frame: Frame, planes: tuple[Plane, ...], shift: int) -> tuple[Plane, ...]:
    """All but the first ``shift`` columns and rows."""
    window: list[Any] = []
    for i, plane in enumerate(planes):
        step_x, step_y = frame.layout.step(i)
        window.append(np.ascontiguousarray(plane[shift // step_y :, shift // step_x :]))
    return tuple(window)


def _run(effect: Effect, frame: Frame, matte: Matte) -> Frame:
    return apply(_begun(effect, frame, matte), frame, matte)


def _begun(effect: Effect, frame: Frame, matte: Matte) -> Effect:
    info = ClipInfo(width=frame.width, height=frame.height, frame_count=1, bits=frame.layout.bits)
    return effect.begin(info, _DrawnClip(frame, matte))


def _place(effect: Effect, matte: Matte) -> Matte:
    """Where the effect acts, as ``apply`` prepares it."""
    return prepare_matte(matte if effect.acts_on == "object" else 1 - matte, effect.edge)


def _touched(frame: Frame, layer: Layer) -> Mask:
    touched = np.zeros((frame.height, frame.width), bool)
    if layer.alpha is not None:
        touched[layer.box.slices] = layer.alpha > 0
    return touched


def _served(frame: Frame, mask: Mask, plane: int) -> Mask:
    """Samples of a plane that serve any pixel of a mask."""
    if frame.layout.is_alpha(plane):
        return np.zeros_like(frame.planes[plane], bool)
    step_x, step_y = frame.layout.step(plane)
    rows, columns = np.nonzero(np.rot90(mask, -frame.quarter_turns))
    served = np.zeros_like(frame.planes[plane], bool)
    served[rows // step_y, columns // step_x] = True
    return served


def _visible(frame: Frame) -> list[NDArray[Any]]:
    """All that a frame holds: planes and opacity."""
    return [*frame.planes, *([] if frame.coverage is None else [frame.coverage])]


def _same(some: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def _require(holds: bool, complaint: str, where: str) -> None:
    if not holds:
        raise AssertionError(f"{complaint}: {where}")


class _DrawnClip:
    """A clip of one frame, with a drawn still for every file that an effect asks for."""

    def __init__(self, frame: Frame, matte: Matte) -> None:
        self._frame = frame
        self._matte = matte

    def frame(self, index: int) -> Frame:  # noqa: ARG002 - every frame is the same
        return self._frame

    def matte(self, index: int) -> Matte:  # noqa: ARG002 - every frame is the same
        return self._matte

    def asset(self, name: str) -> _DrawnStill:  # noqa: ARG002 - every file is the same
        return _DrawnStill()


class _DrawnStill:
    """A small gradient that lasts one second."""

    duration = Fraction(1)

    def at(self, time: Fraction) -> Image:  # noqa: ARG002 - it stands still
        y, x = np.mgrid[:5, :7]
        return np.dstack((x * 40, y * 60, 255 - x * 30)).astype(np.uint8)
