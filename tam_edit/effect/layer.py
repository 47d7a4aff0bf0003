"""What an effect shows in one region of a frame, and the only place where pixels are blended."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

import cv2
import numpy as np

from tam_edit.errors import InputError
from tam_edit.frame import Frame, scaled_box
from tam_edit.pixels import Plane
from tam_edit.types import Box, Image, Matte

Edge: TypeAlias = Literal["cover", "soft"]
EDGES: tuple[Edge, ...] = get_args(Edge)
EPSILON = np.float32(1e-9)


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """What an effect wants to be seen in one region of one frame.

    Attributes:
        box: The region, within the frame, in display orientation.
        image: (h, w, 3) RGB of the type of ``frame.rgb``; None leaves the picture as it is.
        alpha: How much of ``image`` shows, float32 (h, w) in [0, 1]; goes with ``image``.
        coverage: Opacity of the region's pixels, float32 (h, w) in [0, 1]; all pixels outside the
            box become fully transparent. None leaves transparency as it is.
    """

    box: Box
    image: Image | None = None
    alpha: Matte | None = None
    coverage: Matte | None = None

    def __post_init__(self) -> None:
        if (self.image is None) != (self.alpha is None):
            raise InputError("a layer has an image and an alpha, or neither")
        size = (self.box.height, self.box.width)
        parts = {"image": self.image, "alpha": self.alpha, "coverage": self.coverage}
        for name, part in parts.items():
            if part is not None and part.shape[:2] != size:
                raise InputError(f"a layer's {name} of {part.shape[:2]} does not fill {self.box}")


def composite(frame: Frame, layer: Layer, edge: Edge = "soft") -> Frame:
    """Put a layer into a frame's own planes.

    Only samples of the layer's region with alpha above 0 change. A sub-sampled chroma sample
    counts as outside only when every pixel that it serves has alpha 0.

    With ``edge="cover"`` nothing of the frame shines through: every sample with alpha above 0
    takes the layer's.

    Args:
        frame: The picture; not changed.
        layer: What to show and where.
        edge: ``"cover"`` or ``"soft"``; a chroma sample takes the largest alpha of its pixels or
            their mean.

    Returns:
        A new frame; its alpha plane, where there is one, is the old one.

    Raises:
        InputError: The layer reaches out of the frame or is not of its sample type.
    """
    if layer.box.clipped(frame.width, frame.height) != layer.box:
        raise InputError(f"the layer's {layer.box} reaches out of {frame.width}x{frame.height}")
    if layer.coverage is not None:
        frame = frame.with_coverage(_combined_coverage(frame, layer.box, layer.coverage))
    if layer.image is None or layer.alpha is None or layer.box.is_empty:
        return frame
    if layer.image.dtype != frame.rgb_dtype:
        wanted = np.dtype(frame.rgb_dtype)
        raise InputError(f"the layer is {layer.image.dtype}, the frame's RGB {wanted}")
    rows, columns = frame.planes[0].shape
    coded = frame.to_coded_box(layer.box).aligned(*frame.layout.chroma_step).clipped(columns, rows)
    outer = frame.to_display_box(coded)
    margin = (
        (layer.box.y0 - outer.y0, outer.y1 - layer.box.y1),
        (layer.box.x0 - outer.x0, outer.x1 - layer.box.x1),
    )
    image: Any = np.pad(layer.image, (*margin, (0, 0)), "edge")
    alpha = np.rot90(np.pad(layer.alpha, margin), -frame.quarter_turns)
    above = frame.planes_of(image, outer)
    planes = list(frame.planes)
    for i, samples in enumerate(above):
        step = frame.layout.step(i)
        part = scaled_box(coded, step).slices
        blended = planes[i].copy()
        share = _pooled(alpha, step, edge)
        if edge == "cover":
            cv2.copyTo(samples, (share > 0).view(np.uint8), blended[part])
        else:
            blended[part] = _blend(blended[part], samples, share)
        blended.flags.writeable = False
        planes[i] = blended
    return frame.with_planes(tuple(planes))


def faded(layer: Layer, share: float, width: int, height: int) -> Layer:
    """A layer of which only a share is seen: its alpha and its transparency shrink by it.

    Over any background the result is the mix, by the share, of the frame without and with it.

    Args:
        layer: What would be seen of it all.
        share: In (0, 1].
        width: Columns of the frame.
        height: Rows of the frame.
    """
    weight = np.float32(share)
    alpha = None if layer.alpha is None else layer.alpha * weight
    if layer.coverage is None:
        return Layer(box=layer.box, image=layer.image, alpha=alpha)
    box = layer.box
    margin = ((box.y0, height - box.y1), (box.x0, width - box.x1))
    coverage: Any = 1 - weight * (1 - np.pad(layer.coverage, margin))
    image: Any = layer.image
    if image is not None and alpha is not None:
        # A shared chroma sample also asks pixels beside the box: they are to say nothing new.
        image = np.pad(image, (*margin, (0, 0)), "constant" if box.is_empty else "edge")
        alpha = np.pad(alpha * layer.coverage, margin) / np.maximum(coverage, EPSILON)
    return Layer(box=Box(0, 0, width, height), image=image, alpha=alpha, coverage=coverage)


def _combined_coverage(frame: Frame, box: Box, coverage: Matte) -> Matte:
    opacity = np.zeros((frame.height, frame.width), np.float32)
    opacity[box.slices] = coverage
    before = frame.opacity()
    if before is not None:
        opacity *= before
    opacity.flags.writeable = False
    return opacity


def _pooled(alpha: Matte, step: tuple[int, int], edge: Edge) -> Matte:
    """Alpha per sample of a plane; past an odd border the last pixel counts again."""
    step_x, step_y = step
    if step == (1, 1):
        return alpha
    missing = (-alpha.shape[0] % step_y, -alpha.shape[1] % step_x)
    alpha = np.pad(alpha, ((0, missing[0]), (0, missing[1])), "edge")
    if edge == "soft":
        size = (alpha.shape[1] // step_x, alpha.shape[0] // step_y)
        mean: Any = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        return cast("Matte", mean)
    phases = [alpha[y::step_y, x::step_x] for y in range(step_y) for x in range(step_x)]
    return functools.reduce(np.maximum, phases)


def _blend(below: Plane, above: Plane, alpha: Matte) -> Plane:
    """Exact where alpha is 0 or 1: float32 holds every 16-bit value and their differences."""
    mixed: Any = np.subtract(above, below, dtype=np.float32)
    mixed *= alpha
    mixed += below
    blended: Plane = np.rint(mixed, out=mixed).astype(below.dtype)
    return blended
