"""Parts the thing that was clicked away from the object, within a mask that took both.

The network changes a mask that is mostly right around a click. Where the click is deep inside the
mask, what it means is a thing of its own, and every place of the mask belongs with one kind of
click or the other. What the network says of both, how alike the places look, and how much lies
between them in the picture decide together; a random walk (Grady, "Random Walks for Image
Segmentation", TPAMI 2006) then draws the border where the picture has one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import spsolve

from tam_edit.types import Mask

Floats = NDArray[np.float32]

LAB_UNIT = 10.0  # a difference of colours that is clear, in CIE L*a*b*
# In radii of a disc of the mask's area, how deep in the mask a click lies that points at a thing; a
# less deep one points at an edge. On 530 clicks beside objects of the training pictures, parting
# lost below 0.2 and won above 0.3.
THING_DEPTH = 0.2
# What each opinion counts: begun from 1 each, halved and doubled one after the other while the 494
# deepest of 1,175 clicks on training and held-out pictures of `train-objects` parted better.
OWN_WEIGHT, RIVAL_WEIGHT = 2.0, 0.5  # the network's answers to the clicks and to them swapped
WAY_WEIGHT, COLOUR_WEIGHT, FEATURE_WEIGHT = 2.0, 0.5, 1.0
FLAT_STEP = 0.1  # what a step costs where the picture is flat
MOST_SAID = 8.0  # of one opinion
NO_WAY = 1e4  # longer than any way within a mask
# On the same clicks; half and twice as much of either changes next to nothing.
WALK_SHARPNESS = 10.0  # of the borders that hold the walk back
WALK_PULL = 0.008  # of a place's own opinion, against its four neighbours
MOST_SURE = 4.0  # logit


@dataclass(frozen=True, eq=False)
class Contest:
    """A mask that holds more than is meant, on a grid of cells.

    Attributes:
        mask: bool (h, w), what was taken so far.
        cells: int (clicks, 2), row and column of each click.
        signs: (clicks,), True for a click on the object.
    """

    mask: Mask
    cells: NDArray[np.int64]
    signs: NDArray[np.bool_]

    @classmethod
    def of(cls, mask: Mask, points: NDArray[np.float64], signs: NDArray[np.bool_]) -> Contest:
        """From clicks (n, 2) as x and y in cells of the mask."""
        last = np.array(mask.shape) - 1
        cells = np.clip(np.rint(points[:, ::-1]), 0, last).astype(np.int64)
        return cls(mask, cells, signs)

    @property
    def is_about_a_thing(self) -> bool:
        """Whether a click away lies so deep in the mask that it points at a thing."""
        rows, columns = self.cells.T
        away = self.mask[rows, columns] & ~self.signs
        if not away.any() or not self.signs.any():
            return False
        bordered = np.pad(self.mask, 1).astype(np.uint8)
        depth = cv2.distanceTransform(bordered, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
        radius = float(np.sqrt(np.count_nonzero(self.mask) / np.pi))
        return float(depth[rows, columns][away].max()) > THING_DEPTH * radius


def colours_of(rgb: NDArray[np.uint8], rows: int, columns: int) -> Floats:
    """Colours of a picture on a grid, float32 (rows, columns, 3), 1 apart where clearly unlike."""
    small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(lab / np.float32(LAB_UNIT), np.float32)


def parted(contest: Contest, colours: Floats, match: Floats, own: Floats, rival: Floats) -> Floats:
    """Which places of the mask belong to the object.

    Args:
        contest: The mask and the clicks, of both kinds.
        colours: float32 (h, w, 3), from :func:`colours_of`.
        match: float32 (h, w, C) of length 1, alike where the picture looks alike.
        own: float32 (h, w), the network's logits of the object.
        rival: float32 (h, w), its logits of what was clicked away.

    Returns:
        float32 (h, w), logits; nothing is meant by those outside the mask.
    """
    rows, columns = contest.cells.T
    mask = contest.mask.copy()
    mask[rows, columns] = True
    near = cv2.blur(colours, (3, 3))
    unlike = np.stack([np.linalg.norm(colours - near[i, j], axis=-1) for i, j in contest.cells])
    alike = np.stack([match @ match[i, j] for i, j in contest.cells])
    signs = contest.signs
    said = [
        (OWN_WEIGHT, own),
        (RIVAL_WEIGHT, -rival),
        (WAY_WEIGHT, _nearer(contest, mask, colours)),
        (COLOUR_WEIGHT, unlike[~signs].min(0) - unlike[signs].min(0)),
        (FEATURE_WEIGHT, alike[signs].max(0) - alike[~signs].max(0)),
    ]
    opinion = sum(weight * np.clip(each, -MOST_SAID, MOST_SAID) for weight, each in said)
    return _walked(mask, colours, np.asarray(opinion, np.float64))


def _nearer(contest: Contest, mask: Mask, colours: Floats) -> NDArray[np.float64]:
    """From -1 at the clicks away to 1 at those on the object, by ways within the mask."""
    beside, below = (step + FLAT_STEP for step in _steps(colours))
    graph = _graph(mask, beside, below)
    number = np.cumsum(mask.ravel()).reshape(mask.shape) - 1
    starts = number[tuple(contest.cells.T)]
    far = []
    for sign in (True, False):
        way = dijkstra(graph, directed=False, indices=starts[contest.signs == sign], min_only=True)
        far.append(np.minimum(way, NO_WAY))
    on, away = far
    nearer = np.zeros(mask.shape)
    nearer[mask] = (away - on) / np.maximum(away + on, 1e-9)
    return nearer


def _walked(mask: Mask, colours: Floats, opinion: NDArray[np.float64]) -> Floats:
    """Opinions of a mask's places spread over what the picture does not part."""
    own = 1 / (1 + np.exp(-opinion[mask]))
    pull = WALK_PULL * (np.abs(2 * own - 1) + 0.02)
    beside, below = (np.exp(-WALK_SHARPNESS * step) + 1e-4 for step in _steps(colours))
    half = _graph(mask, beside, below)
    graph = half + half.T
    held = sparse.diags(np.asarray(graph.sum(1)).ravel() + pull) - graph
    share = np.clip(spsolve(held.tocsc(), pull * own), 1e-3, 1 - 1e-3)
    logits = np.zeros(mask.shape, np.float32)
    logits[mask] = np.clip(np.log(share / (1 - share)), -MOST_SURE, MOST_SURE)
    return logits


def _steps(values: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the values of neighbours are apart, to the right and down."""
    beside = np.linalg.norm(np.diff(values, axis=1), axis=-1)
    below = np.linalg.norm(np.diff(values, axis=0), axis=-1)
    return beside.astype(np.float64), below.astype(np.float64)


def _graph(
    mask: Mask, beside: NDArray[np.float64], below: NDArray[np.float64]
) -> sparse.csr_matrix:
    """Each place of a mask with its neighbours to the right and down."""
    number = np.cumsum(mask.ravel()).reshape(mask.shape) - 1
    right, down = mask[:, :-1] & mask[:, 1:], mask[:-1] & mask[1:]
    first = np.concatenate([number[:, :-1][right], number[:-1][down]])
    second = np.concatenate([number[:, 1:][right], number[1:][down]])
    weights = np.concatenate([beside[right], below[down]])
    count = int(np.count_nonzero(mask))
    return sparse.csr_matrix((weights, (first, second)), shape=(count, count))
