"""How much a region looks like the thing that was clicked."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.candidates import Members, Scene
from tam_edit.models.builtin.superpixels import Floats

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
    i, j = graph.pairs.T
    total = graph.area.sum()
    area = m @ graph.area
    cut = (members[:, i] != members[:, j]).astype(np.float32)
    both = (members[:, i] & members[:, j]).astype(np.float32)
    new = graph.length * ~known
    perimeter = cut @ graph.length
    fresh = np.maximum(cut @ new, 1.0)
    edge = (cut @ (new * graph.contrast)) / fresh
    step = (cut @ (new * scene.palette_step)) / fresh
    weak = (cut @ (new * (graph.contrast < 0.25))) / fresh
    inner = (both @ (graph.length * graph.contrast)) / np.maximum(both @ graph.length, 1.0)
    inner_step = (both @ (graph.length * scene.palette_step)) / np.maximum(both @ graph.length, 1.0)
    border = m @ graph.border
    inside = m @ graph.palette
    everything = graph.palette.sum(0)
    ring = np.asarray((graph.neighbours @ (graph.neighbours @ m.T)).T > 0) & ~members
    around = ring.astype(np.float32) @ graph.palette
    outside = everything - inside
    share = inside / np.maximum(area, 1)[:, None]
    near = _overlap(share, around)
    far = _overlap(share, outside)
    salient = (m @ (graph.area * graph.saliency)) / np.maximum(area, 1)
    salience = salient - (graph.saliency * graph.area).sum() / total
    center = (m @ (graph.area[:, None] * graph.center)) / np.maximum(area, 1)[:, None]
    offset = np.hypot(center[:, 0] - x, center[:, 1] - y) / np.sqrt(np.maximum(area, 1))
    depth, size = _depths(scene, members, x, y)
    round_ = np.sqrt(4 * np.pi * area) / np.maximum(perimeter + border, 1)
    size_log = np.log(np.maximum(area / total, 1e-5))
    columns = [
        size_log,
        size_log**2,
        edge,
        edge**2,
        step,
        weak,
        inner,
        inner_step,
        edge - inner,
        border / np.maximum(perimeter + border, 1),
        border / max(float(graph.border.sum()), 1.0),
        near,
        far,
        salience,
        np.minimum(offset, 2.0),
        depth,
        depth**2,
        size,
        round_,
        round_**2,
    ]
    return np.stack(columns, 1).astype(np.float32)


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


def _overlap(share: Floats, weights: Floats) -> Floats:
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
