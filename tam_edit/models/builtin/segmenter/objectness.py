"""How much a region looks like the thing that was clicked."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.segmenter.candidates import Members, Scene
from tam_edit.models.builtin.segmenter.superpixels import Floats

DEPTH_SIDE = 150  # rows at which depths inside a region are measured


def describe(scene: Scene, members: Members, x: float, y: float, known: Members) -> Floats:
    """Measure regions.

    Args:
        scene: The picture.
        members: (regions, count), the regions.
        x: Column of the click in the working picture.
        y: Row of the click.
        known: (edges,), boundaries that were there before the click and cost nothing.

    Returns:
        (regions, features).
    """
    graph = scene.graph
    m = members.astype(np.float32)
    area = m @ graph.area
    border = m @ graph.border
    length, edge, step, weak, inner, inner_step = _seams(scene, members, known)
    near, far = _color_overlaps(scene, members, area)
    all_salience = float((graph.saliency * graph.area).sum() / graph.area.sum())
    salience = (m @ (graph.area * graph.saliency)) / np.maximum(area, 1) - all_salience
    center = (m @ (graph.area[:, None] * graph.center)) / np.maximum(area, 1)[:, None]
    offset = np.hypot(center[:, 0] - x, center[:, 1] - y) / np.sqrt(np.maximum(area, 1))
    depth, thickness = _depths(scene, members, x, y)
    outline = np.maximum(length + border, 1)
    roundness = np.sqrt(4 * np.pi * area) / outline
    size = np.log(np.maximum(area / graph.area.sum(), 1e-5))
    columns = [
        size,
        size**2,
        edge,
        edge**2,
        step,
        weak,
        inner,
        inner_step,
        edge - inner,
        border / outline,
        border / max(float(graph.border.sum()), 1.0),
        near,
        far,
        salience,
        np.minimum(offset, 2.0),
        depth,
        depth**2,
        thickness,
        roundness,
        roundness**2,
    ]
    return np.stack(columns, 1).astype(np.float32)


def _seams(scene: Scene, members: Members, known: Members) -> tuple[Floats, ...]:
    """Length of each outline, contrast and colour step along it, its weak share, both inside."""
    graph = scene.graph
    i, j = graph.pairs.T
    cut = (members[:, i] != members[:, j]).astype(np.float32)
    both = (members[:, i] & members[:, j]).astype(np.float32)
    new = graph.length * ~known
    fresh = np.maximum(cut @ new, 1.0)
    within = np.maximum(both @ graph.length, 1.0)
    return (
        cut @ graph.length,
        (cut @ (new * graph.contrast)) / fresh,
        (cut @ (new * scene.palette_step)) / fresh,
        (cut @ (new * (graph.contrast < 0.25))) / fresh,
        (both @ (graph.length * graph.contrast)) / within,
        (both @ (graph.length * scene.palette_step)) / within,
    )


def _color_overlaps(scene: Scene, members: Members, area: Floats) -> tuple[Floats, Floats]:
    """How far each region's colours are also those just around it and everywhere outside it."""
    graph = scene.graph
    m = members.astype(np.float32)
    inside = m @ graph.palette
    ring = np.asarray((graph.neighbours @ (graph.neighbours @ m.T)).T > 0) & ~members
    share = inside / np.maximum(area, 1)[:, None]
    near = _overlap(share, ring.astype(np.float32) @ graph.palette)
    return near, _overlap(share, graph.palette.sum(0) - inside)


def describe_change(
    scene: Scene, regions: Members, x: float, y: float, *, domain: Members, selected: Members
) -> Floats:
    """Measure regions that are to be added to an object or taken from it.

    Args:
        scene: The picture.
        regions: (regions, count), the changes.
        x: Column of the click in the working picture.
        y: Row of the click.
        domain: (count,), what could have been changed.
        selected: (count,), the object before.

    Returns:
        (regions, features): of the change, of the result, of the change against both.
    """
    graph = scene.graph
    i, j = graph.pairs.T
    seam = selected[i] != selected[j]
    change = describe(scene, regions, x, y, seam)
    result = describe(scene, regions ^ selected, x, y, np.zeros_like(seam))
    area = regions.astype(np.float32) @ graph.area
    before, room = float(graph.area @ selected), float(graph.area @ domain)
    relative = np.log((area + 1) / (before + 1))
    columns = [
        area / (before + area),
        area / room,
        relative,
        (area / room) ** 2,
        relative**2,
        change[:, 0] * np.log((before + 1) / graph.area.sum()),
    ]
    return np.column_stack([change, result, *columns])


def agreement(scene: Scene, members: Members) -> Floats:
    """(regions, regions): IoU of each region with each."""
    m = members.astype(np.float32)
    area = m @ scene.graph.area
    both = (m * scene.graph.area) @ m.T
    return np.asarray(both / np.maximum(area[:, None] + area[None] - both, 1e-6))


def _overlap(share: NDArray[np.floating], weights: NDArray[np.floating]) -> Floats:
    """Histogram intersection with rows that are normalised here."""
    other = weights / np.maximum(weights.sum(1, keepdims=True), 1e-6)
    return np.asarray(np.minimum(share, other).sum(1))


def _depths(scene: Scene, members: Members, x: float, y: float) -> tuple[Floats, Floats]:
    """How deep the click lies against the deepest point, and that depth against the size."""
    labels = scene.graph.labels
    step = max(1, round(min(labels.shape) / DEPTH_SIDE))
    small: NDArray[np.int32] = labels[step // 2 :: step, step // 2 :: step]
    row = min(int(y / step), small.shape[0] - 1)
    column = min(int(x / step), small.shape[1] - 1)
    depth = np.zeros((2, len(members)), np.float32)
    for k, region in enumerate(members):
        picture = np.pad(region[small].view(np.uint8), 1)
        distance = cv2.distanceTransform(picture, cv2.DIST_L2, 3)
        deepest = float(distance.max())
        area = float(np.count_nonzero(picture))
        depth[0, k] = distance[row + 1, column + 1] / max(deepest, 1.0)
        depth[1, k] = deepest / np.sqrt(max(area, 1.0))
    return depth[0], depth[1]
