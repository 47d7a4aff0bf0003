"""Superpixels merged step by step into larger regions, most alike first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tam_edit.models.builtin.segmenter.superpixels import SuperpixelGraph


@dataclass(frozen=True, eq=False)
class MergeTree:
    """A binary tree over superpixels; its inner nodes are regions.

    Attributes:
        parent: (nodes,), -1 at a root; the first ``count`` nodes are the superpixels.
        first: (nodes,), where the node's superpixels begin in ``order``.
        size: (nodes,), how many superpixels the node holds.
        order: (count,), superpixels, so that every node's lie together.
    """

    parent: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    order: NDArray[np.int64]

    def regions_around(self, superpixel: int) -> NDArray[np.bool_]:
        """Every region that holds a superpixel, (regions, count), smallest first."""
        chain = [superpixel]
        while self.parent[chain[-1]] >= 0:
            chain.append(int(self.parent[chain[-1]]))
        members = np.zeros((len(chain), len(self.order)), bool)
        for row, node in enumerate(chain):
            start = self.first[node]
            members[row, self.order[start : start + self.size[node]]] = True
        return members


def merge(graph: SuperpixelGraph, *, color_share: float, size_power: float) -> MergeTree:
    """Merge neighbours that are each other's cheapest, round by round, until nothing touches.

    The cost of a pair is the contrast of the whole boundary between them plus the difference of
    their colour palettes, times a power of the smaller one's area, so that specks go early
    (in the manner of Arbeláez et al. 2011 and Uijlings et al. 2013).

    Args:
        graph: The superpixels.
        color_share: Weight of the palettes against the boundary, in [0, 1].
        size_power: Power of the smaller area.
    """
    count = graph.count
    area, palette = graph.area.astype(np.float64), graph.palette.astype(np.float64)
    pairs, length = graph.pairs.astype(np.int64), graph.length.astype(np.float64)
    contrast = length * graph.contrast
    node = np.arange(count)
    parent = np.full(2 * count - 1, -1)
    children: list[NDArray[np.int64]] = []
    nodes = count
    while len(pairs):
        i, j = pairs.T
        share = palette / area[:, None]
        apart = 0.5 * np.abs(share[i] - share[j]).sum(1)
        unlike = (1 - color_share) * contrast / length + color_share * apart
        wedded = _mutual(unlike * np.minimum(area[i], area[j]) ** size_power, pairs, len(area))
        a, b = pairs[wedded].T
        new = nodes + np.arange(len(a))
        nodes += len(a)
        children.append(np.stack([node[a], node[b]], 1))
        parent[node[a]] = parent[node[b]] = new
        node[a] = new
        target = np.arange(len(area))
        target[b] = a
        kept, place = np.unique(target, return_inverse=True)
        joined = sparse.csr_matrix(
            (np.ones(len(place)), (place, np.arange(len(place)))), (len(kept), len(place))
        )
        node, area, palette = node[kept], joined @ area, joined @ palette
        pairs, length, contrast = _joined_pairs(place[pairs], length, contrast)
    return _laid_out(parent[:nodes], np.concatenate([*children, np.zeros((0, 2), np.int64)]), count)


def _mutual(cost: NDArray[np.float64], pairs: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The pairs that are the cheapest one for both sides."""
    rank = np.empty(len(cost), np.int64)
    # Equals in a fixed but shuffled order: in a picture of one colour many pairs wed at once.
    shuffled = np.random.default_rng(0).permutation(len(cost))
    rank[np.lexsort((shuffled, cost))] = np.arange(len(cost))
    best = np.full(count, len(cost))
    np.minimum.at(best, pairs[:, 0], rank)
    np.minimum.at(best, pairs[:, 1], rank)
    return np.flatnonzero((best[pairs[:, 0]] == rank) & (best[pairs[:, 1]] == rank))


def _joined_pairs(
    pairs: NDArray[np.int64], length: NDArray[np.float64], contrast: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Boundaries after a merge: inner ones gone, those between the same two regions added up."""
    low, high = pairs.min(1), pairs.max(1)
    apart = low != high
    base = int(pairs.max()) + 1
    codes, place = np.unique(low[apart] * base + high[apart], return_inverse=True)
    return (
        np.stack(np.divmod(codes, base), 1),
        np.asarray(np.bincount(place, length[apart], len(codes)), np.float64),
        np.asarray(np.bincount(place, contrast[apart], len(codes)), np.float64),
    )


def _laid_out(parent: NDArray[np.int64], children: NDArray[np.int64], count: int) -> MergeTree:
    """Number the superpixels so that every node's lie in one run."""
    nodes = len(parent)
    size = np.ones(nodes, np.int64)
    for node, (i, j) in enumerate(children.tolist(), start=count):
        size[node] = size[i] + size[j]
    first = np.zeros(nodes, np.int64)
    start = 0
    for node in range(nodes - 1, -1, -1):
        if parent[node] < 0:
            first[node] = start
            start += int(size[node])
        if node >= count:
            i, j = children[node - count]
            first[i], first[j] = first[node], first[node] + size[i]
    order = np.zeros(count, np.int64)
    order[first[:count]] = np.arange(count)
    return MergeTree(parent, first, size, order)
