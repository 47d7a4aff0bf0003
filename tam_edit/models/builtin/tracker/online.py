"""The per-object classifier: a small network that is trained while the video runs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from tam_edit.models.builtin.tracker.features import Region

Float = NDArray[np.float32]
Half = NDArray[np.float16]

HIDDEN = 48
BATCH = 1024
# Pixels that are judged at once: what lies between the layers then stays in the cache.
BLOCK_PX = 4096
THREADS = 2
# Adam's rate on the first keyframe and on everything after it.
FIRST_RATE = 3e-3
LATER_RATE = 1e-3
WEIGHT_DECAY = 1e-4
# Deep features enter with this standard deviation, the others with 1.
DEEP_SPREAD = np.float32(0.5)
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8

# Samples of all keyframes together; more keyframes leave fewer samples to each.
KEPT_SAMPLES = 24576
SAMPLES_PER_KEYFRAME = 6144
RECENT_FRAMES = 16
SAMPLES_PER_FRAME = 1024


@contextmanager
def single_torch_thread() -> Iterator[None]:
    """Let torch work on one thread: the network is too small to share, and sums stay the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass
class Samples:
    """Labelled pixels.

    Attributes:
        features: float16 (N, C), standardised.
        labels: float16 (N,) in [0, 1].
    """

    features: Half
    labels: Half

    def __len__(self) -> int:
        return len(self.labels)


@dataclass
class Classifier:
    """Tells one object's pixels from all others.

    Attributes:
        mean: Of the features on the first keyframe, float32 (C,).
        scale: Their standard deviation there, twice that for deep ones, float32 (C,).
        weights: Three matrices and their offsets.
        moments: Adam's first and second moments, in the order of ``weights``.
        steps_done: Adam's count of steps.
        kept: Samples of the keyframes, one set each; each is in random order.
        recent: Samples of the latest frames, oldest first.
        first: The weights as the latest keyframe left them; empty before any.
    """

    mean: Float
    scale: Float
    weights: list[torch.Tensor]
    moments: list[torch.Tensor]
    steps_done: int = 0
    kept: list[Samples] = field(default_factory=list)
    recent: list[Samples] = field(default_factory=list)
    first: list[torch.Tensor] = field(default_factory=list)

    @classmethod
    def fresh(
        cls, features: Float, rng: np.random.Generator, *, near_count: int | None = None
    ) -> Classifier:
        """An untrained network for features like these, float32 (N, C).

        Args:
            features: Of a keyframe's pixels.
            rng: Draws the weights.
            near_count: How many of the features, the first ones, are not deep; None for all.
        """
        mean = features.mean(axis=0)
        scale = features.std(axis=0) + np.float32(1e-2)
        if near_count is not None:
            scale[near_count:] /= DEEP_SPREAD
        widths = (features.shape[1], HIDDEN, HIDDEN, 1)
        weights: list[torch.Tensor] = []
        for fan_in, fan_out in pairwise(widths):
            spread = np.sqrt(2 / fan_in)
            matrix = rng.standard_normal((fan_in, fan_out)) * spread
            weights += [torch.from_numpy(matrix.astype(np.float32)), torch.zeros(fan_out)]
        moments = [torch.zeros_like(w) for w in (*weights, *weights)]
        return cls(mean, scale, weights, moments)

    def copy(self) -> Classifier:
        """One that learns on its own from here; samples are shared, since they never change."""
        return Classifier(
            mean=self.mean,
            scale=self.scale,
            weights=[w.clone() for w in self.weights],
            moments=[m.clone() for m in self.moments],
            steps_done=self.steps_done,
            kept=list(self.kept),
            recent=list(self.recent),
            first=self.first,
        )

    def keep(self, features: Float, labels: Float) -> None:
        """Take a keyframe's samples, in random order, for good."""
        self.kept.append(self._standardised(features, labels))
        share = max(1, KEPT_SAMPLES // len(self.kept))
        # Copied, because a slice would keep the whole array in memory.
        self.kept = [
            Samples(s.features[:share].copy(), s.labels[:share].copy()) if len(s) > share else s
            for s in self.kept
        ]

    def note(self, features: Float, labels: Float) -> None:
        """Take a frame's confident samples until newer frames push them out."""
        if len(labels) == 0:
            return
        self.recent = [*self.recent, self._standardised(features, labels)][-RECENT_FRAMES:]

    def fit(self, steps: int, rate: float, rng: np.random.Generator) -> None:
        """Train with Adam; half of each batch comes from keyframes."""
        kept = _joined(self.kept)
        recent = _joined(self.recent) if self.recent else None
        if len(kept) == 0:
            return
        for _ in range(steps):
            x, y = _batch(kept, BATCH // 2 if recent else BATCH, rng)
            if recent:
                newer = _batch(recent, BATCH - BATCH // 2, rng)
                x, y = torch.cat([x, newer[0]]), torch.cat([y, newer[1]])
            self._descend(x, y, rate)

    def remember(self) -> None:
        """Note the weights as what the keyframes alone taught."""
        self.first = [w.clone() for w in self.weights]

    def return_to_first(self) -> None:
        """Forget what was learned since the latest keyframe."""
        if not self.first:
            return
        self.weights = [w.clone() for w in self.first]
        self.moments = [torch.zeros_like(m) for m in self.moments]
        self.steps_done = 0
        self.recent = []

    def known_share(self, features: Float) -> float:
        """The share of raw features, float32 (N, C), that the keyframes alone call the object."""
        if not self.first or len(features) == 0:
            return 1.0
        w1, b1, w2, b2, w3, b3 = self.first
        x = torch.from_numpy(((features - self.mean) / self.scale).astype(np.float32))
        hidden = torch.addmm(b2, torch.addmm(b1, x, w1).relu_(), w2).relu_()
        return float((torch.addmm(b3, hidden, w3) > 0).float().mean())

    def log_odds(self, region: Region) -> Float:
        """Log-odds of each pixel being the object, float32 (h, w)."""
        w1, b1 = self.weights[:2]
        # The first layer takes the standardising in, so that it costs no pass over the pixels.
        scaled = w1 / torch.from_numpy(self.scale)[:, None]
        offset = b1 - torch.from_numpy(self.mean) @ scaled
        count = len(region.near)
        deep = None if region.deep is None else region.deep.projected(scaled[count:], region.box)
        near, matrix = torch.from_numpy(region.near), scaled[:count].T
        width, height = region.box.width, region.box.height
        step = max(1, BLOCK_PX // width)

        def judged(top: int) -> torch.Tensor:
            bottom = min(top + step, height)
            hidden = torch.addmm(offset[:, None], matrix, near[:, top * width : bottom * width])
            if deep is not None:
                hidden += deep.rows(slice(top, bottom))
            return self._later_layers(hidden.relu_())

        with ThreadPoolExecutor(THREADS) as pool:
            found = torch.cat(list(pool.map(judged, range(0, height, step))))
        result: Float = found.reshape(height, width).numpy()
        return result

    def _later_layers(self, hidden: torch.Tensor) -> torch.Tensor:
        """Log-odds (N,) from the first layer's values (HIDDEN, N)."""
        _, _, w2, b2, w3, b3 = self.weights
        hidden = torch.addmm(b2[:, None], w2.T, hidden).relu_()
        return torch.addmm(b3[:, None], w3.T, hidden)[0]

    def _standardised(self, features: Float, labels: Float) -> Samples:
        scaled = np.clip((features - self.mean) / self.scale, -30, 30)
        return Samples(scaled.astype(np.float16), labels.astype(np.float16))

    def _descend(self, x: torch.Tensor, y: torch.Tensor, rate: float) -> None:
        """One step of Adam on the mean cross-entropy (gradients written out: no graph to build)."""
        w1, b1, w2, b2, w3, b3 = self.weights
        hidden1 = torch.addmm(b1, x, w1).relu_()
        hidden2 = torch.addmm(b2, hidden1, w2).relu_()
        z = torch.addmm(b3, hidden2, w3)[:, 0]
        slope3 = ((torch.sigmoid(z) - y) / len(y))[:, None]
        slope2 = (slope3 @ w3.T) * (hidden2 > 0)
        slope1 = (slope2 @ w2.T) * (hidden1 > 0)
        gradients = [
            x.T @ slope1,
            slope1.sum(0),
            hidden1.T @ slope2,
            slope2.sum(0),
            hidden2.T @ slope3,
            slope3.sum(0),
        ]
        self.steps_done += 1
        first, second = self.moments[:6], self.moments[6:]
        fix1 = 1 - BETA_1**self.steps_done
        fix2 = 1 - BETA_2**self.steps_done
        for w, g, m, v in zip(self.weights, gradients, first, second, strict=True):
            m.mul_(BETA_1).add_(g, alpha=1 - BETA_1)
            v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
            if w.ndim == 2:
                w.mul_(1 - rate * WEIGHT_DECAY)
            w.addcdiv_(m, (v / fix2).sqrt_().add_(EPSILON), value=-rate / fix1)


def _joined(sets: list[Samples]) -> Samples:
    return Samples(
        np.concatenate([s.features for s in sets]), np.concatenate([s.labels for s in sets])
    )


def _batch(
    samples: Samples, count: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples drawn with replacement, in memory that torch aligned (sums depend on that)."""
    rows = rng.integers(0, len(samples), count)
    x = torch.from_numpy(samples.features[rows]).float()
    return x, torch.from_numpy(samples.labels[rows]).float()
