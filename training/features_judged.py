"""How good a backbone is for the tracker, on what is held out.

Its classifier learns an object on a whole picture exactly as on a keyframe, and tells it on another
one: by its look alone, with no motion and no outline mended. And the whole tracker follows targets
through made clips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo
from tam_edit.models.builtin.backbone import Backbone
from tam_edit.models.builtin.tracker.assess import agreement
from tam_edit.models.builtin.tracker.deep import deep_grid
from tam_edit.models.builtin.tracker.propagator import (
    WORKING_SHORT_SIDE_PX,
    BuiltinPropagator,
)
from tam_edit.models.builtin.tracker.target import (
    MARGIN_PX,
    MARGIN_SHARE,
    Scene,
    Target,
)
from tam_edit.types import Box, box_of
from training.clips import Difficulty, Shape, made_clip
from training.layers import Clip
from training.objects import ObjectPictures

Float = NDArray[np.float32]
# Of a sequence so many frames are learned from, each for all others.
REFERENCES = 3
MADE_PACE = 0.4
MADE_FRAMES = 3
# Log-odds beyond this are as sure as it gets: one wild pixel must not make the mean.
SUREST = 8.0
# The clips that are tracked have one target, which stays; much is of its colours.
TRACKED = replace(Difficulty(), second=0.0, leaves=0.0, blended=0.6, look_alike=0.5)
TRACKED_FRAMES = 48
TRACKED_SIZE = (270, 360)
TRACKED_PACES = (0.02, 0.06)


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture and one object of it.

    Attributes:
        rgb: uint8 (h, w, 3) at working size.
        truth: bool (h, w).
    """

    rgb: NDArray[np.uint8]
    truth: NDArray[np.bool_]


@dataclass(frozen=True)
class Judgement:
    """Means over all questions of one kind.

    Attributes:
        kind: "real" for frames of DAVIS sequences, "made" for made clips.
        questions: How many pictures were asked about.
        iou: Mean intersection over union in the region that the tracker would look at.
        error: Mean cross-entropy there in nats, object and the rest counted alike.
        whole_iou: Mean intersection over union in the whole picture, where a search looks.
    """

    kind: str
    questions: int
    iou: float
    error: float
    whole_iou: float


def judged(network: Backbone, pictures: ObjectPictures, made: int, seed: int) -> list[Judgement]:
    """Judge a backbone.

    Args:
        network: The backbone.
        pictures: The held-out part.
        made: How many made clips to ask about, beside all sequences.
        seed: Of the clips and of the classifier.
    """
    judgements = []
    questions = {"real": list(_real(pictures)), "made": list(_made(pictures, made, seed))}
    for kind, groups in questions.items():
        found = [
            answer
            for k, (reference, asked) in enumerate(groups)
            for answer in _answers(network, reference, asked, np.random.default_rng([seed, k]))
        ]
        means = np.mean(found, axis=0) if found else np.full(3, np.nan)
        judgements.append(Judgement(kind, len(found), *means.tolist()))
    return judgements


def tracked(
    network: Backbone, pictures: ObjectPictures, clips: int, seed: int
) -> tuple[int, float]:
    """How many made clips the tracker was asked about, and its mean J on them.

    Args:
        network: The backbone.
        pictures: The held-out part.
        clips: How many clips.
        seed: Of the clips.
    """
    found = []
    for k in range(clips):
        rng = np.random.default_rng([seed, k])
        shape = Shape(TRACKED_FRAMES, TRACKED_SIZE, float(rng.uniform(*TRACKED_PACES)))
        found.append(_followed(network, made_clip(pictures, shape, TRACKED, rng)))
    return len(found), float(np.mean(found)) if found else float("nan")


def _followed(network: Backbone, clip: Clip) -> float:
    """Mean J of the first target over all frames but the first, on which its mask is given."""
    height, width = clip.masks.shape[1:]
    run = BuiltinPropagator(network=network).start(TrackingInfo(width=width, height=height))
    frames = [Frame.from_rgb(rgb, index=t) for t, rgb in enumerate(clip.frames)]
    run.keyframe(frames[0], {1: (clip.masks[0] == 1).astype(np.float32)})
    found = [
        agreement(run.step(frame).mattes[1] > 0.5, mask == 1)
        for frame, mask in zip(frames[1:], clip.masks[1:], strict=True)
    ]
    return float(np.mean(found))


def _real(pictures: ObjectPictures) -> Iterator[tuple[Shown, list[Shown]]]:
    for names in pictures.sequences:
        loaded = [pictures.load(name) for name in names]
        shown = [_at_working_size(p.rgb, p.objects == 1) for p in loaded]
        for k in range(min(REFERENCES, len(shown))):
            yield shown[k], [one for one in shown[:k] + shown[k + 1 :] if one.truth.any()]


def _made(pictures: ObjectPictures, count: int, seed: int) -> Iterator[tuple[Shown, list[Shown]]]:
    size = (WORKING_SHORT_SIDE_PX, WORKING_SHORT_SIDE_PX * 4 // 3)
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        clip = made_clip(pictures, Shape(MADE_FRAMES, size, MADE_PACE), Difficulty(), rng)
        shown = [Shown(f, m == 1) for f, m in zip(clip.frames, clip.masks, strict=True)]
        asked = [one for one in shown[1:] if one.truth.any()]
        if asked and shown[0].truth.any():
            yield shown[0], asked


def _at_working_size(rgb: NDArray[np.uint8], truth: NDArray[np.bool_]) -> Shown:
    scale = WORKING_SHORT_SIDE_PX / min(rgb.shape[:2])
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    large = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    inside = np.asarray(cv2.resize(truth.astype(np.float32), size), np.float32) > 0.5
    return Shown(large, inside)


def _answers(
    network: Backbone, reference: Shown, asked: list[Shown], rng: np.random.Generator
) -> Iterator[tuple[float, float, float]]:
    """What a ``Judgement`` says, of each picture asked about."""
    matte = reference.truth.astype(np.float32)
    target = Target(matte)
    target.learn_keyframe(Scene(reference.rgb, deep_grid(reference.rgb, network)), matte, rng)
    if target.classifier is None:
        return
    for one in asked:
        height, width = one.truth.shape
        scene = Scene(one.rgb, deep_grid(one.rgb, network))
        log_odds = target.classifier.log_odds(scene.region(Box(0, 0, width, height)))
        reach = MARGIN_PX + int(MARGIN_SHARE * np.sqrt(np.count_nonzero(one.truth)))
        near = box_of(one.truth).grown(reach).clipped(width, height).slices
        truth = one.truth[near]
        signed = np.clip(np.where(truth, log_odds[near], -log_odds[near]), -SUREST, SUREST)
        wrong = np.log1p(np.exp(-signed))
        parts = [wrong[side].mean() for side in (truth, ~truth) if side.any()]
        yield (
            agreement(log_odds[near] > 0, truth),
            float(np.mean(parts)),
            agreement(log_odds > 0, one.truth),
        )
