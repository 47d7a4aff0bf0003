"""The object in a box: everything outside is background."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import dijkstra

from tam_edit.models.builtin.segmenter.candidates import Members, Scene
from tam_edit.models.builtin.segmenter.superpixel_cut import FORBIDDEN, color_evidence, cut
from tam_edit.models.builtin.segmenter.superpixels import Floats

ROUNDS = 4
COLOR_WEIGHT = 1.0
SEAM_WEIGHT = 2.0
PRIOR_WEIGHT = 0.4
DEPTH_WEIGHT = 4.0
DEPTH_LEVEL = 0.5


def fill_box(scene: Scene, box: tuple[float, float, float, float]) -> Members:
    """Superpixels of the object in a box.

    Colours inside and outside and minimum cuts take turns, as in GrabCut (Rother, Kolmogorov and
    Blake 2004), with a mild belief that the object sits in the middle.

    Args:
        scene: The picture.
        box: ``(x0, y0, x1, y1)`` in pixels of the working picture.

    Returns:
        (count,), at least one superpixel.
    """
    graph = scene.graph
    x0, y0, x1, y1 = box
    x, y = graph.center.T
    inside = (x >= x0 - 0.5) & (x < x1 - 0.5) & (y >= y0 - 0.5) & (y < y1 - 0.5)
    middle = np.hypot((x - (x0 + x1 - 1) / 2) / (x1 - x0), (y - (y0 + y1 - 1) / 2) / (y1 - y0))
    nearest = int(middle.argmin())
    inside[nearest] = True
    prior = PRIOR_WEIGHT * (1.5 - 4.0 * middle)
    prior = prior + DEPTH_WEIGHT * (_depth_from(scene, ~inside) - DEPTH_LEVEL)
    members: Members = np.asarray(inside & (prior > 0))
    members[nearest] = True
    for _ in range(ROUNDS):
        evidence = COLOR_WEIGHT * color_evidence(graph, members) + prior
        members = _split(scene, evidence.astype(np.float32), inside)
        members[nearest] |= not members.any()
    return members


def _depth_from(scene: Scene, outside: Members) -> Floats:
    """(count,) in [0, 1]: how many colour steps lie between each superpixel and the outside."""
    if not outside.any():
        return np.zeros(len(outside), np.float32)
    steps = scene.graph.weighted(scene.palette_step + np.float32(0.02))
    depth = dijkstra(steps, indices=np.flatnonzero(outside), min_only=True)
    depth[~np.isfinite(depth)] = 0.0
    return np.asarray(depth / max(float(depth.max()), 1e-6), np.float32)


def _split(scene: Scene, evidence: Floats, inside: Members) -> Members:
    graph = scene.graph
    typical = float(graph.area.mean())
    cost = graph.area / typical * evidence
    seam = SEAM_WEIGHT * graph.length / np.sqrt(typical) * (np.exp(-4.0 * graph.contrast) + 0.02)
    object_cost = np.where(inside, np.maximum(-cost, 0), FORBIDDEN)
    return cut(graph, object_cost, np.maximum(cost, 0), seam)
