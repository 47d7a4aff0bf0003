"""One tracked object: what is known of it, how it is found again and what is learned from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.tracker.assess import Evidence, agreement, color_histogram, likeness
from tam_edit.models.builtin.tracker.clues import clues_of_following, clues_of_look
from tam_edit.models.builtin.tracker.deep import DeepGrid
from tam_edit.models.builtin.tracker.features import FEATURE_COUNT, Region, pixel_features
from tam_edit.models.builtin.tracker.flow import Motion, signed_distance
from tam_edit.models.builtin.tracker.lessons import keyframe_rows, sure_rows
from tam_edit.models.builtin.tracker.online import (
    FIRST_RATE,
    LATER_RATE,
    Classifier,
)
from tam_edit.models.builtin.tracker.refinement import refined
from tam_edit.types import Box, box_of

Float = NDArray[np.float32]

# The weights and shares below were chosen for mean J&F on ten DAVIS-2016 sequences; halving or
# doubling those that were varied moved it by about 0.01.
FIRST_STEPS = 300
KEYFRAME_STEPS = 120
STEPS_PER_FRAME = 8

# Shares are of the reach: the square root of the object's usual area.
MARGIN_PX = 10
MARGIN_SHARE = 0.35
APPEARANCE_LIMIT = 5.0
EXTENT_COST = 4.0  # log-odds per half extent beyond EXTENT_FREE
EXTENT_FREE = 1.5
STRAY_SHARE = 0.1
SIZE_RATE = 0.06  # how fast the usual size follows, per frame

LOST_AREA_PX = 3.0
LOST_AREA_SHARE = 0.05
SEARCH_SHARE = 0.5
# Of the picture's long side, per frame; by and by the whole picture is searched.
SEARCH_GROWTH = 0.02
FOUND_AREA_SHARE = 0.15
FOUND_LOG_ODDS = 2.0
FOUND_KNOWN = 0.5  # of its pixels, the keyframes alone must tell so many
FOUND_AGREEMENT = 0.45  # of all that looks like it, so much must lie in one place
# So many strange pictures in a row, and it is gone.
STRANGE_FRAMES = 3
JUDGED_PIXELS = 500
NOWHERE = Box(0, 0, 0, 0)
SETTLED = 30.0  # log-odds beyond this make no difference


@dataclass(frozen=True, eq=False)
class Scene:
    """The present picture at working size and how it came about.

    Attributes:
        picture: uint8 (H, W, 3) RGB.
        deep: Its deep features.
        motion: From the previous picture; None where that is of another shot or not needed.
    """

    picture: NDArray[np.uint8]
    deep: DeepGrid
    motion: Motion | None = None

    def region(self, box: Box) -> Region:
        """All features of a region of the picture."""
        return Region(box, pixel_features(self.picture, box), self.deep)


@dataclass(frozen=True, eq=False)
class Guess:
    """Where an object probably is.

    Attributes:
        matte: float32 (H, W) in [0, 1].
        box: The region that was looked at; the matte is 0 outside.
        region: What is known of the pixels there.
        evidence: What speaks for it; None where the object was not found.
    """

    matte: Float
    box: Box = NOWHERE
    region: Region | None = None
    evidence: Evidence | None = None


@dataclass
class Target:
    """What is known of one object.

    Attributes:
        matte: On the latest picture, float32 (H, W) in [0, 1], at working size.
        classifier: None until a keyframe showed the object.
        colors: Its colour histogram on the latest keyframe that showed it, float32 (N,).
        usual_area: Its area in pixels, followed slowly.
        half_extent: Half its width and height in pixels, followed slowly.
        area: Its area on the latest picture that showed it.
        seen: Box of where it was last seen; the whole picture after a cut.
        missing: For how many pictures it has not been seen; 0 while it is seen.
        strange: For how many pictures in a row what was held was unlike the keyframes.
    """

    matte: Float
    classifier: Classifier | None = None
    colors: Float = field(default_factory=lambda: np.zeros(0, np.float32))
    usual_area: float = 1.0
    half_extent: tuple[float, float] = (1.0, 1.0)
    area: float = 0.0
    seen: Box = NOWHERE
    missing: int = 1
    strange: int = 0

    @property
    def reach_px(self) -> float:
        """The side of a square with the object's usual area."""
        return float(np.sqrt(max(1.0, self.usual_area)))

    def learn_keyframe(
        self,
        scene: Scene,
        matte: Float,
        rng: np.random.Generator,
        rivals: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take a given matte as the truth.

        Args:
            scene: The picture.
            matte: float32 (H, W) in [0, 1]; an empty one says: not here.
            rng: Draws the samples.
            rivals: Pixels of other objects, bool (H, W), not to be taken for this one.
        """
        self.matte = matte
        inside = matte > 0.5
        if inside.any():
            self._see(inside, 1.0)
            self.colors = color_histogram(scene.picture, inside)
        else:
            self.missing = max(1, self.missing)
            if self.classifier is None:
                return
        height, width = matte.shape
        reach = MARGIN_PX + int(0.5 * np.sqrt(max(1, self.seen.width * self.seen.height)))
        near = self.seen.grown(reach).clipped(width, height)
        rows = keyframe_rows(matte, near, rivals, rng)
        features = scene.region(Box(0, 0, width, height)).rows(rows)
        steps, rate = KEYFRAME_STEPS, LATER_RATE
        if self.classifier is None:
            self.classifier = Classifier.fresh(features, rng, near_count=FEATURE_COUNT)
            steps, rate = FIRST_STEPS, FIRST_RATE
        self.classifier.keep(features, matte.reshape(-1)[rows])
        self.classifier.fit(steps, rate, rng)
        self.classifier.remember()

    def predict(self, scene: Scene) -> Guess:
        """Find the object on the present picture."""
        if self.classifier is None:
            return Guess(np.zeros_like(self.matte))
        if self.missing or scene.motion is None:
            return self._look_for(scene, self.classifier)
        distance = scene.motion.carry(signed_distance(self.matte))
        carried = distance > 0
        if not carried.any():
            return self._look_for(scene, self.classifier)
        box = self._around(box_of(carried))
        near, trust = distance[box.slices], scene.motion.trust[box.slices]
        region = scene.region(box)
        appearance = _appearance(region, self.classifier)
        far = self._beyond_extent(box, carried)
        clues = clues_of_following(
            scene.picture, box, appearance, distance, scene.motion, far, self.reach_px
        )
        log_odds = refined(clues, scene.deep, box)
        log_odds = _without_strays(log_odds, near > -1 - STRAY_SHARE * self.reach_px)
        matte = self._whole(log_odds, box)
        inside = log_odds > 0
        evidence = self._evidence(
            scene,
            region,
            matte > 0.5,
            flow=_mean(trust, near > 0),
            carried=agreement(near > 0, inside),
            appearance=agreement((appearance > 0) & (near > -0.2 * self.reach_px), inside),
        )
        return Guess(matte, box, region, evidence)

    def accept(
        self,
        guess: Guess,
        matte: Float,
        rng: np.random.Generator,
        rivals: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take the picture's final matte over and learn from what is sure of it.

        Args:
            guess: What ``predict`` said.
            matte: The same after the objects' claims were settled, float32 (H, W).
            rng: Draws the samples.
            rivals: Pixels of other objects, bool (H, W), not to be taken for this one.
        """
        inside = matte > 0.5
        area = float(inside.sum())
        is_strange = guess.evidence is not None and guess.evidence.is_strange
        self.strange = self.strange + 1 if is_strange else 0
        is_other = self.strange >= STRANGE_FRAMES
        if is_other or area < max(LOST_AREA_PX, LOST_AREA_SHARE * self.usual_area):
            self.missing += 1
            self.matte = np.zeros_like(matte)
            if is_other and self.classifier is not None:
                # What it learned lately, it learned from something else.
                self.classifier.return_to_first()
            return
        self.matte = matte
        self._see(inside, SIZE_RATE)
        if self.classifier is None or guess.region is None or is_strange:
            return
        held = matte[guess.box.slices]
        other = None if rivals is None else rivals[guess.box.slices]
        rows = sure_rows(held, other, rng)
        self.classifier.note(
            guess.region.rows(rows), (held.reshape(-1)[rows] > 0.5).astype(np.float32)
        )
        self.classifier.fit(STEPS_PER_FRAME, LATER_RATE, rng)

    def revise(
        self,
        scene: Scene,
        matte: Float,
        rng: np.random.Generator,
        rivals: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take a better matte of a picture over, as if it had been the guess.

        Args:
            scene: The picture.
            matte: float32 (H, W) in [0, 1]; an empty one says that the object is not there.
            rng: Draws the samples.
            rivals: Pixels of other objects, bool (H, W), not to be taken for this one.
        """
        inside = matte > 0.5
        if not inside.any():
            self.accept(Guess(matte), matte, rng)
            return
        box = self._around(box_of(inside))
        self.accept(Guess(matte, box, scene.region(box)), matte, rng, rivals)

    def cut(self) -> None:
        """Expect the object anywhere in the next picture, or nowhere."""
        height, width = self.matte.shape
        self.matte = np.zeros_like(self.matte)
        self.seen = Box(0, 0, width, height)
        self.missing = max(1, self.missing)

    def copy(self) -> Target:
        """One that changes on its own from here."""
        own = None if self.classifier is None else self.classifier.copy()
        return replace(self, classifier=own)

    def _see(self, inside: NDArray[np.bool_], rate: float) -> None:
        """Note where and how large the object is."""
        rows, columns = np.nonzero(inside)
        self.missing = 0
        self.area = float(len(rows))
        self.seen = box_of(inside)
        height, width = inside.shape
        is_cut_off = self.seen != self.seen.grown(1).clipped(width, height).grown(-1)
        sizes = [self.area]
        for places in (columns, rows):
            low, high = np.percentile(places, (3, 97))
            sizes.append(max(2.0, float(high - low) / 2))
        usual = (self.usual_area, *self.half_extent)
        if rate < 1 and is_cut_off:
            # What the picture's border hides says nothing about the object's size.
            sizes = [max(pair) for pair in zip(sizes, usual, strict=True)]
        followed = [old + rate * (new - old) for old, new in zip(usual, sizes, strict=True)]
        self.usual_area, self.half_extent = followed[0], (followed[1], followed[2])

    def _around(self, box: Box) -> Box:
        height, width = self.matte.shape
        return box.grown(MARGIN_PX + int(MARGIN_SHARE * self.reach_px)).clipped(width, height)

    def _whole(self, log_odds: Float, box: Box) -> Float:
        matte = np.zeros_like(self.matte)
        matte[box.slices] = 1 / (1 + np.exp(-np.clip(log_odds, -SETTLED, SETTLED)))
        return matte

    def _beyond_extent(self, box: Box, core: NDArray[np.bool_]) -> Float:
        """The cost of pixels that lie far outside the object's usual extent about its core."""
        rows, columns = np.nonzero(core)
        x = np.abs(np.arange(box.x0, box.x1) - np.median(columns)) / self.half_extent[0]
        y = np.abs(np.arange(box.y0, box.y1) - np.median(rows)) / self.half_extent[1]
        beyond = np.maximum(x[None, :], y[:, None]) - EXTENT_FREE
        return (EXTENT_COST * np.maximum(beyond, 0)).astype(np.float32)

    def _look_for(self, scene: Scene, classifier: Classifier) -> Guess:
        """Search by appearance alone around where the object was last seen."""
        nothing = Guess(np.zeros_like(self.matte))
        height, width = self.matte.shape
        margin = SEARCH_SHARE * self.reach_px + SEARCH_GROWTH * self.missing * max(width, height)
        box = self.seen.grown(MARGIN_PX + int(margin)).clipped(width, height)
        if box.is_empty:
            return nothing
        region = scene.region(box)
        appearance = _appearance(region, classifier)
        clues = clues_of_look(scene.picture, box, appearance, self.reach_px)
        log_odds = refined(clues, scene.deep, box)
        count, labels = cv2.connectedComponents((log_odds > 0).astype(np.uint8), connectivity=4)
        if count < 2:
            return nothing
        flat = labels.reshape(-1)
        areas = np.bincount(flat, minlength=count)
        sums = np.bincount(flat, np.maximum(appearance, 0).reshape(-1), minlength=count)
        best = 1 + int(np.argmax(sums[1:]))
        if (
            areas[best] < FOUND_AREA_SHARE * self.usual_area
            or sums[best] < FOUND_LOG_ODDS * areas[best]
        ):
            return nothing
        core = np.zeros(self.matte.shape, bool)
        core[box.slices] = labels == best
        matte = self._whole(log_odds - self._beyond_extent(box, core), box)
        inside = matte > 0.5
        evidence = self._evidence(
            scene,
            region,
            inside,
            flow=0.0,
            carried=0.0,
            appearance=agreement(appearance > 0, inside[box.slices]),
        )
        is_scattered = evidence.appearance < FOUND_AGREEMENT
        if is_scattered or evidence.is_strange or evidence.known < FOUND_KNOWN:
            return nothing
        return Guess(matte, box, region, evidence)

    def _evidence(
        self,
        scene: Scene,
        region: Region,
        inside: NDArray[np.bool_],
        *,
        flow: float,
        carried: float,
        appearance: float,
    ) -> Evidence:
        """What speaks for a mask, bool (H, W); ``Evidence`` says what the rest is."""
        rows = np.flatnonzero(inside[region.box.slices])
        some = region.rows(rows[:: max(1, len(rows) // JUDGED_PIXELS)])
        area = len(rows)
        return Evidence(
            flow=flow,
            carried=carried,
            appearance=appearance,
            growth=float(np.log((area + 1) / (self.area + 1))),
            likeness=likeness(self.colors, color_histogram(scene.picture, inside)),
            known=1.0 if self.classifier is None else self.classifier.known_share(some),
            size=area / max(1.0, self.usual_area),
        )


def _appearance(region: Region, classifier: Classifier) -> Float:
    return np.clip(classifier.log_odds(region), -APPEARANCE_LIMIT, APPEARANCE_LIMIT)


def _mean(values: Float, where: NDArray[np.bool_]) -> float:
    chosen = values[where]
    return float(chosen.mean()) if chosen.size else 0.0


def _without_strays(log_odds: Float, near: NDArray[np.bool_]) -> Float:
    """Without the parts of the mask that do not touch what is near the carried mask."""
    count, labels = cv2.connectedComponents((log_odds > 0).astype(np.uint8), connectivity=4)
    touches = np.zeros(count, bool)
    touches[np.unique(labels[near])] = True
    touches[0] = True
    return np.where(touches[labels], log_odds, np.float32(-4)).astype(np.float32)
