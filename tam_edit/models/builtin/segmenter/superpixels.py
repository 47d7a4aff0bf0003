"""A picture as a graph of small, evenly coloured regions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from skimage.segmentation import slic

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

SUPERPIXELS = 2600
PALETTE = 48  # colours that the histograms tell apart


@dataclass(frozen=True, kw_only=True, eq=False)
class SuperpixelGraph:
    """Superpixels of one picture and what lies between neighbours.

    Attributes:
        image: float32 (h, w, 3), CIE Lab of the working picture.
        labels: int32 (h, w), the superpixel of each pixel, 0 … count - 1.
        area: (count,), pixels.
        lab: (count, 3), mean colour.
        texture: (count, 3), mean gradient magnitude at three scales.
        center: (count, 2), mean x and y in pixels.
        border: (count,), pixels on the picture's border.
        pairs: int32 (edges, 2), neighbours, smaller index first.
        length: (edges,), common boundary in pixels.
        contrast: (edges,), how sure the boundary is a real one, in [0, 1].
    """

    image: Floats
    labels: Ints
    area: Floats
    lab: Floats
    texture: Floats
    center: Floats
    border: Floats
    pairs: Ints
    length: Floats
    contrast: Floats

    @property
    def count(self) -> int:
        """Number of superpixels."""
        return len(self.area)

    @cached_property
    def neighbours(self) -> sparse.csr_matrix:
        """Symmetric (count, count) matrix of ones where superpixels touch."""
        return self.weighted(np.ones(len(self.pairs), np.float32))

    def weighted(self, weight: Floats) -> sparse.csr_matrix:
        """Symmetric (count, count) matrix of one weight per edge."""
        i, j = self.pairs.T
        shape = (self.count, self.count)
        half = sparse.coo_matrix((weight, (i, j)), shape=shape)
        return (half + half.T).tocsr()

    @cached_property
    def palette(self) -> Floats:
        """(count, PALETTE): the pixels of each superpixel, spread over the nearest colours."""
        features = np.concatenate([self.lab, 2.0 * self.texture[:, 1:2]], axis=1)
        colors = min(PALETTE, self.count)
        centers = _spread_centers(features, colors)
        distance = ((features[:, None] - centers[None]) ** 2).sum(-1)
        for _ in range(4):
            nearest = distance.argmin(1)
            weight = np.bincount(nearest, self.area, colors)
            for c in range(features.shape[1]):
                total = np.bincount(nearest, self.area * features[:, c], colors)
                centers[:, c] = np.where(weight > 0, total / np.maximum(weight, 1), centers[:, c])
            distance = ((features[:, None] - centers[None]) ** 2).sum(-1)
        soft = np.exp(-(distance - distance.min(1, keepdims=True)) / 60.0)
        share = soft / soft.sum(1, keepdims=True)
        return np.asarray(share * self.area[:, None], np.float32)

    @cached_property
    def saliency(self) -> Floats:
        """(count,) in [0, 1]: how hard it is to walk to the picture's border (Wei et al. 2012)."""
        step = self.weighted(self.contrast + 0.02)
        seeds = np.flatnonzero(self.border > 0)
        far = sparse.csgraph.dijkstra(step, indices=seeds, min_only=True)
        far = np.where(np.isfinite(far), far, 0.0)
        return (far / max(float(far.max()), 1e-6)).astype(np.float32)


def build_graph(rgb: NDArray[np.uint8]) -> SuperpixelGraph:
    """Cut a picture into superpixels (SLIC, Achanta et al. 2012) and connect the neighbours.

    Args:
        rgb: uint8 (h, w, 3).
    """
    scaled = rgb.astype(np.float32) / np.float32(255)
    lab: Floats = np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)
    labels = _superpixels(lab)
    count = int(labels.max()) + 1
    flat = labels.ravel()
    area = np.bincount(flat, minlength=count).astype(np.float32)
    gradients = [_gradient(lab, sigma) for sigma in (1.0, 2.0, 4.0)]
    rows, columns = labels.shape
    y, x = np.divmod(np.arange(flat.size), columns)

    def mean(values: NDArray[np.generic]) -> Floats:
        return (np.bincount(flat, values.ravel(), count) / area).astype(np.float32)

    mean_lab = np.stack([mean(lab[..., c]) for c in range(3)], 1)
    frame = np.zeros((rows, columns), bool)
    frame[[0, -1]] = frame[:, [0, -1]] = True
    pairs, length, crossing = _boundaries(labels, count, gradients)
    difference = np.linalg.norm(mean_lab[pairs[:, 0]] - mean_lab[pairs[:, 1]], axis=1)
    return SuperpixelGraph(
        image=lab,
        labels=labels,
        area=area,
        lab=mean_lab,
        texture=np.stack([mean(g) for g in gradients], 1),
        center=np.stack([mean(x), mean(y)], 1),
        border=np.bincount(flat, frame.ravel(), count).astype(np.float32),
        pairs=pairs,
        length=length,
        contrast=_contrast(crossing, difference.astype(np.float32), length),
    )


def _superpixels(lab: Floats) -> Ints:
    rows, columns = lab.shape[:2]
    wanted = min(SUPERPIXELS, rows * columns // 16)
    if wanted < 2:
        return np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    labels = slic(
        lab,
        n_segments=wanted,
        compactness=0.1,
        max_num_iter=5,
        sigma=0.5,
        convert2lab=False,
        start_label=0,
        channel_axis=-1,
    )
    _, compact = np.unique(labels, return_inverse=True)
    return compact.reshape(rows, columns).astype(np.int32)


def _gradient(lab: Floats, sigma: float) -> Floats:
    """Largest rate of colour change per pixel (Di Zenzo 1986), of the smoothed picture."""
    smooth = cv2.GaussianBlur(lab, (0, 0), sigma)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    xx, yy, xy = (dx * dx).sum(-1), (dy * dy).sum(-1), (dx * dy).sum(-1)
    strongest = 0.5 * (xx + yy + np.sqrt((xx - yy) ** 2 + 4 * xy * xy))
    return np.asarray(np.sqrt(strongest) * sigma, np.float32)


def _boundaries(labels: Ints, count: int, gradients: list[Floats]) -> tuple[Ints, Floats, Floats]:
    """Neighbouring labels, how many pixel pairs they share, and the mean gradient there."""
    codes, values = [], []
    for a, b in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
    ):
        first, second = labels[a], labels[b]
        differ = first != second
        low = np.minimum(first[differ], second[differ]).astype(np.int64)
        codes.append(low * count + np.maximum(first[differ], second[differ]))
        values.append([np.maximum(g[a][differ], g[b][differ]) for g in gradients])
    unique, inverse = np.unique(np.concatenate(codes), return_inverse=True)
    length = np.bincount(inverse, minlength=len(unique)).astype(np.float32)
    crossing = [
        np.bincount(inverse, np.concatenate(pair), len(unique)) / np.maximum(length, 1)
        for pair in zip(*values, strict=True)
    ]
    pairs = np.stack(np.divmod(unique, count), 1).astype(np.int32)
    return pairs, length, np.stack(crossing, 1).astype(np.float32)


def _contrast(crossing: Floats, difference: Floats, length: Floats) -> Floats:
    """Gradient and colour step of each boundary, against what is usual in this picture."""
    if not len(length):
        return np.zeros(0, np.float32)
    raw = crossing @ np.array([0.5, 0.5, 0.3], np.float32) + 0.4 * difference
    usual = float((raw * length).sum() / length.sum())
    return (1 - np.exp(-((raw / max(usual, 1.0)) ** 2) / 2)).astype(np.float32)


def _spread_centers(features: Floats, colors: int) -> Floats:
    """Start colours that lie far apart (farthest-first traversal from the mean)."""
    distance = ((features - features.mean(0)) ** 2).sum(1)
    chosen = []
    for _ in range(colors):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, ((features - features[chosen[-1]]) ** 2).sum(1))
    return features[chosen].astype(np.float64)
