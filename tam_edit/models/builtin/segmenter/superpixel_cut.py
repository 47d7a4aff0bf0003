"""The cheapest split of superpixels into object and background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from tam_edit.models.builtin.segmenter.superpixels import Floats, SuperpixelGraph

UNIT = 64.0  # flow is counted in whole numbers of 1/64
FORBIDDEN = 1e5  # a cost that no split pays


def cut(
    graph: SuperpixelGraph, object_cost: Floats, background_cost: Floats, seam_cost: Floats
) -> NDArray[np.bool_]:
    """Split by minimum cut (Boykov and Jolly 2001).

    Args:
        graph: The superpixels.
        object_cost: (count,), at least 0, what it costs to call each one object.
        background_cost: (count,), what it costs to call it background.
        seam_cost: (edges,), what it costs to part two neighbours.

    Returns:
        (count,), True for the object.
    """
    count = graph.count
    source, sink = count, count + 1
    every = np.arange(count)
    i, j = graph.pairs.T
    rows = np.concatenate([i, j, np.full(count, source), every])
    columns = np.concatenate([j, i, every, np.full(count, sink)])
    costs = np.concatenate([seam_cost, seam_cost, background_cost, object_cost])
    whole = np.round(np.minimum(costs, FORBIDDEN) * UNIT).astype(np.int32)
    capacity = sparse.csr_matrix((whole, (rows, columns)), (count + 2, count + 2))
    left = capacity - maximum_flow(capacity, source, sink).flow
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    members = np.zeros(count + 2, bool)
    members[reached] = True
    return members[:count]


def color_evidence(graph: SuperpixelGraph, members: NDArray[np.generic]) -> Floats:
    """How much more likely each superpixel's colours are in a region than outside it.

    Args:
        graph: The superpixels.
        members: (count,), share of each superpixel in the region, in [0, 1].

    Returns:
        (count,), logarithm of the likelihood ratio, positive where it looks like the region.
    """
    share = np.asarray(members, np.float32)
    inside, outside = share @ graph.palette, (1 - share) @ graph.palette
    inside = inside / max(float(inside.sum()), 1.0)
    outside = outside / max(float(outside.sum()), 1.0)
    ratio = np.log((inside + 2e-3) / (outside + 2e-3))
    return np.asarray((graph.palette @ ratio) / graph.area, np.float32)
