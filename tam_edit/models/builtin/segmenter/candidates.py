"""Regions that a click may have meant: many nested families, grown in different ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import splu

from tam_edit.models.builtin.segmenter.hierarchy import MergeTree, merge
from tam_edit.models.builtin.segmenter.superpixels import Floats, SuperpixelGraph

Members = NDArray[np.bool_]

LEVELS = 16  # regions of each grown family
SMALLEST_FRAC, LARGEST_FRAC = 0.002, 0.7  # their areas, as a share of the picture
TREES = ((0.6, 0.1), (1.0, 0.4), (0.0, 0.3))  # (color_share, size_power)
WALKS = ((4.0, 1e-3), (7.0, 1e-5))  # (how much contrast stops a walker, chance to tire per pixel)
CONTEST_LEVELS = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture's superpixels with everything that every click on it needs."""

    graph: SuperpixelGraph
    trees: tuple[MergeTree, ...]

    @classmethod
    def of(cls, graph: SuperpixelGraph) -> Scene:
        """Prepare a graph for clicks."""
        return cls(graph, tuple(merge(graph, color_share=c, size_power=p) for c, p in TREES))

    @cached_property
    def palette_step(self) -> Floats:
        """(edges,) in [0, 1]: how unlike the colours of two neighbours are."""
        share = self.graph.palette / self.graph.area[:, None]
        i, j = self.graph.pairs.T
        return np.asarray(0.5 * np.abs(share[i] - share[j]).sum(1), np.float32)

    def around(self, superpixel: int, domain: Members, rivals: Members) -> Members:
        """Regions within a domain that hold a superpixel.

        Args:
            superpixel: Where the click landed.
            domain: (count,), the superpixels that may belong to a region.
            rivals: (count,), superpixels that hold clicks of the other kind.

        Returns:
            (regions, count), each connected.
        """
        domain = domain & ~rivals
        domain[superpixel] = True
        families = [self._grown(order) for order in self._orders(superpixel, domain)]
        if rivals.any():
            families += [self._contested(superpixel, domain, rivals, stop) for stop, _ in WALKS]
        families.append(self._ancestors(superpixel, domain))
        members = np.concatenate(families)
        return np.asarray(np.unique(members, axis=0))

    def _ancestors(self, superpixel: int, domain: Members) -> Members:
        families = [tree.regions_around(superpixel) for tree in self.trees]
        members: Members = np.concatenate(families)
        large = members @ self.graph.area >= 0.5 * SMALLEST_FRAC * self.graph.area.sum()
        members = np.asarray(members[large])
        if not domain.all():
            members &= domain
            for row in members:
                np.logical_and(row, connected(self.graph, row, superpixel), out=row)
        return members

    def _orders(self, superpixel: int, domain: Members) -> list[NDArray[np.int64]]:
        """Superpixels of the domain by nearness to the click, by several meanings of near."""
        graph = self.graph
        i, j = graph.pairs.T
        inside = domain[i] & domain[j]
        similar = np.linalg.norm(graph.lab - graph.lab[superpixel], axis=1) / 30.0
        unlike = np.maximum(similar[i], similar[j]) ** 2
        steps = (self.palette_step + 0.02, unlike + 0.5 * graph.contrast + 0.02)
        distances = []
        for step in steps:
            near = dijkstra(graph.weighted(np.where(inside, step, 0)), indices=superpixel)
            distances.append(near)
        distances += [
            -self._visits(superpixel, np.where(inside, graph.length, 0), *walk) for walk in WALKS
        ]
        reachable = np.isfinite(distances[0])
        orders = []
        for near in distances:
            order = np.argsort(near, kind="stable")
            orders.append(order[reachable[order]])
        return orders

    def _contested(self, superpixel: int, domain: Members, rivals: Members, stop: float) -> Members:
        """What a random walker finds to be the click's rather than the other clicks' (Grady)."""
        graph = self.graph
        weight = graph.weighted((graph.length * np.exp(-stop * graph.contrast)).astype(np.float32))
        seeds = rivals.copy()
        seeds[superpixel] = True
        free = np.flatnonzero(~seeds)
        degree = np.asarray(weight.sum(1)).ravel() + 1e-9
        system = (sparse.diags(degree) - weight).tocsc().astype(np.float64)
        chance = np.zeros(graph.count)
        chance[superpixel] = 1.0
        pull = np.asarray(weight[free][:, [superpixel]].todense(), np.float64).ravel()
        chance[free] = splu(system[free][:, free]).solve(pull)
        members = np.stack([domain & (chance >= level) for level in CONTEST_LEVELS])
        members[:, superpixel] = True
        for row in members:
            np.logical_and(row, connected(graph, row, superpixel), out=row)
        return members

    def _visits(self, superpixel: int, length: Floats, stop: float, tire: float) -> Floats:
        """How often a random walker from the click comes by (Grady 2006, with restarts)."""
        graph = self.graph
        weight = graph.weighted((length * np.exp(-stop * graph.contrast)).astype(np.float32))
        degree = np.asarray(weight.sum(1)).ravel() + tire * graph.area
        system = (sparse.diags(degree) - weight).tocsc().astype(np.float64)
        source = np.zeros(graph.count)
        source[superpixel] = 1.0
        return np.asarray(splu(system).solve(source))

    def _grown(self, order: NDArray[np.int64]) -> Members:
        area = np.cumsum(self.graph.area[order]) / self.graph.area.sum()
        wanted = np.geomspace(SMALLEST_FRAC, min(LARGEST_FRAC, float(area[-1])), LEVELS)
        members = np.zeros((LEVELS, self.graph.count), bool)
        for row, last in zip(members, np.searchsorted(area, wanted), strict=True):
            row[order[: last + 1]] = True
        return members


def connected(graph: SuperpixelGraph, members: Members, superpixel: int) -> Members:
    """The part of a region that hangs together with a superpixel of it."""
    i, j = graph.pairs.T
    inside = members[i] & members[j]
    _, part = sparse.csgraph.connected_components(graph.weighted(inside), directed=False)
    return np.asarray(members & (part == part[superpixel]))
