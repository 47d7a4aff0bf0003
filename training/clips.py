"""Short made clips with all that makes tracking hard, and their truth.

Objects of one picture are cut out and moved over another, whole pictures are moved, and both may be
bent, lit, hidden, doubled, blurred and compressed. Everything is drawn from one generator of random
numbers: the same generator gives the same clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.camera import compressed, noisy, recolored, relit, softened
from training.cutouts import CutOut, cut_out, is_cut_off
from training.layers import Clip, Layer, rendered
from training.motions import Move, placed, random_bend, wander
from training.objects import ObjectPictures, Picture, kind_of

Mask = NDArray[np.bool_]
# No picture is enlarged by more than this.
MOST_ZOOM = 2.5
# Of a target, so much of a frame must be seen on the first one.
FEWEST_SEEN = 0.003
# So often another object is drawn when the border of its picture cuts one off.
WHOLE_TRIES = 4


@dataclass(frozen=True)
class Difficulty:
    """How often each kind of difficulty occurs, as probabilities; the last are strengths.

    Attributes:
        cut_out: The target is cut out of another picture; else it is the picture's own.
        second: There is another target.
        look_alike: A copy of the target, or another of its kind, moves beside it.
        occluder: Something passes in front of the target.
        leaves: The target leaves and, half the time, comes back.
        bent: A layer bends like a thin plate.
        tilted: A layer is seen in changing perspective.
        scaled: The size changes much.
        light: The light changes.
        smeared: Motion blurs.
        soft: Frames are out of focus.
        noisy: The sensor is noisy.
        compressed: Frames went through JPEG.
        seams: A piece of another picture stands still on the background.
        blended: A cut-out takes on the colours of what is behind it.
        travel: How far things move, as a factor.
    """

    cut_out: float = 0.6
    second: float = 0.3
    look_alike: float = 0.35
    occluder: float = 0.35
    leaves: float = 0.12
    bent: float = 0.6
    tilted: float = 0.5
    scaled: float = 0.4
    light: float = 0.5
    smeared: float = 0.3
    soft: float = 0.2
    noisy: float = 0.4
    compressed: float = 0.4
    seams: float = 0.4
    blended: float = 0.3
    travel: float = 1.0


@dataclass(frozen=True)
class Shape:
    """What a clip is like.

    Attributes:
        length: How many frames.
        size: Their height and width.
        pace: Time between frames; 1 is about half a period of the slow motions, 0.05 like a video.
    """

    length: int
    size: tuple[int, int]
    pace: float = 0.05


def made_clip(
    pictures: ObjectPictures, shape: Shape, difficulty: Difficulty, rng: np.random.Generator
) -> Clip:
    """Make a clip whose targets are all seen on its first frame."""
    while True:
        clip = _Making(pictures, shape, difficulty, rng).clip()
        areas = np.bincount(clip.masks[0].reshape(-1), minlength=clip.count + 1)[1:]
        if clip.count and areas.min() >= FEWEST_SEEN * clip.masks[0].size:
            return clip


class _Making:
    """One clip in the making: what is drawn, in the order in which it is laid."""

    def __init__(
        self,
        pictures: ObjectPictures,
        shape: Shape,
        difficulty: Difficulty,
        rng: np.random.Generator,
    ) -> None:
        self.pictures, self.shape, self.difficulty, self.rng = pictures, shape, difficulty, rng
        self.layers: list[Layer] = []
        self.count = 0

    def clip(self) -> Clip:
        """Draw everything, lay it and take pictures of it."""
        is_cut_out = self._happens(self.difficulty.cut_out)
        background = self.pictures.draw(self.rng)
        self._lay_background(background, owns_target=not is_cut_out)
        if self._happens(self.difficulty.seams):
            self._lay_seam()
        if is_cut_out:
            self._lay_target()
        if self._happens(self.difficulty.second):
            self._lay_target()
        if self._happens(self.difficulty.occluder):
            self._lay_occluder()
        return self._photographed(rendered(self.layers, self.shape.size, self.count))

    def _happens(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def _lay_background(self, picture: Picture, *, owns_target: bool) -> None:
        """The whole picture, moved as a camera's motion moves it."""
        height, width = self.shape.size
        rows, columns = picture.rgb.shape[:2]
        fill = max(height / rows, width / columns)
        # A little larger than the frame, so that what lies beyond the picture is rarely seen.
        fill *= 1.1
        scale = fill * self.rng.uniform(1.0, max(1.01, MOST_ZOOM / fill))
        owners = np.zeros_like(picture.objects)
        center = (self.rng.uniform(0.3, 0.7) * columns, self.rng.uniform(0.3, 0.7) * rows)
        if owns_target:
            number = int(self.rng.integers(picture.count)) + 1
            self.count += 1
            owners[picture.objects == number] = self.count
            ys, xs = np.nonzero(owners)
            center = (float(xs.mean()), float(ys.mean()))
            # Neither larger than the frame nor lost in it.
            extent = max(np.ptp(xs) / width, np.ptp(ys) / height, 1e-3)
            scale = float(np.clip(scale, 0.15 / extent, 0.9 / extent))
        scale = float(np.clip(scale, fill, max(fill, MOST_ZOOM)))
        center = (
            float(np.clip(center[0], width / scale / 2, columns - width / scale / 2)),
            float(np.clip(center[1], height / scale / 2, rows - height / scale / 2)),
        )
        moves = self._moves((rows, columns), center, (width / 2, height / 2), scale, travel=0.12)
        rgb = self._lit(picture.rgb)
        self.layers.append(Layer(rgb, None, owners, moves, self._smears(moves, center)))

    def _lay_target(self) -> None:
        """An object of another picture on a way of its own, and perhaps its like."""
        picture, number = self._cuttable()
        piece = cut_out(picture, number, float(self.rng.uniform(0.6, 1.4)))
        self.count += 1
        owners = np.where(piece.mask, self.count, 0).astype(np.uint8)
        leaves = self._happens(self.difficulty.leaves)
        if self._happens(self.difficulty.look_alike):
            self._lay_look_alike(picture, piece)
        self._lay_piece(piece, owners, leaves=leaves)

    def _cuttable(self) -> tuple[Picture, int]:
        """A picture and one of its objects, if possible one that its border does not cut off."""
        for _ in range(WHOLE_TRIES):
            picture = self.pictures.draw(self.rng)
            number = int(self.rng.integers(picture.count)) + 1
            if not is_cut_off(picture, number):
                break
        return picture, number

    def _lay_look_alike(self, picture: Picture, piece: CutOut) -> None:
        """A copy of the target, mirrored perhaps and a little recoloured, or its kin."""
        kin = self.pictures.kinds.get(kind_of(picture.name), [])
        if len(kin) > 1 and self._happens(0.5):
            other = self.pictures.draw(self.rng, kin)
            piece = cut_out(other, 1, float(self.rng.uniform(0.6, 1.4)))
        else:
            rgb = recolored(piece.rgb, self.rng, float(self.rng.uniform(0, 0.15)))
            piece = CutOut(rgb, piece.alpha, piece.mask)
        if self._happens(0.5):
            piece = CutOut(
                np.ascontiguousarray(piece.rgb[:, ::-1]),
                np.ascontiguousarray(piece.alpha[:, ::-1]),
                np.ascontiguousarray(piece.mask[:, ::-1]),
            )
        self._lay_piece(piece, np.zeros(piece.mask.shape, np.uint8), leaves=False)

    def _lay_occluder(self) -> None:
        """Something that passes in front of the latest target."""
        picture = self.pictures.draw(self.rng)
        piece = cut_out(picture, 1, 1.0)
        if self._happens(0.5):
            piece = self._blob(picture)
        self._lay_piece(piece, np.zeros(piece.mask.shape, np.uint8), leaves=False, crosses=True)

    def _lay_seam(self) -> None:
        """A piece of another picture that moves as the background does."""
        piece = self._blob(self.pictures.draw(self.rng))
        behind = self.layers[0]
        rows, columns = behind.rgb.shape[:2]
        place = (self.rng.uniform(0.2, 0.8) * columns, self.rng.uniform(0.2, 0.8) * rows)
        put = placed(piece.center, place, scale=float(self.rng.uniform(0.5, 1.0)))
        moves = [Move(move.matrix @ put) for move in behind.moves]
        nobody = np.zeros(piece.mask.shape, np.uint8)
        self.layers.append(Layer(piece.rgb, piece.alpha, nobody, moves, behind.smears))

    def _blob(self, picture: Picture) -> CutOut:
        """A piece of a picture with a random smooth outline, or an upright bar."""
        rows, columns = picture.rgb.shape[:2]
        side = int(min(rows, columns) * self.rng.uniform(0.25, 0.6))
        top, left = int(self.rng.integers(rows - side)), int(self.rng.integers(columns - side))
        rgb = picture.rgb[top : top + side, left : left + side]
        if self._happens(0.3):
            rgb = np.ascontiguousarray(rgb[:, : max(8, side // 4)])
            inside = np.ones(rgb.shape[:2], np.float32)
            inside[:2], inside[-2:], inside[:, :2], inside[:, -2:] = 0, 0, 0, 0
        else:
            lumps = self.rng.standard_normal((5, 5)).astype(np.float32)
            field = np.asarray(cv2.resize(lumps, (side, side), interpolation=cv2.INTER_CUBIC))
            y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
            inside = (0.6 * field + 1.6 * (0.6 - x * x - y * y) > 0).astype(np.float32)
        alpha = np.asarray(cv2.GaussianBlur(inside, (0, 0), 1.0), np.float32)
        return CutOut(rgb, alpha, alpha > 0.5)

    def _lay_piece(
        self, piece: CutOut, owners: NDArray[np.uint8], *, leaves: bool, crosses: bool = False
    ) -> None:
        height, width = self.shape.size
        wanted = min(height, width) * self.rng.uniform(0.12, 0.45)
        largest = 0.9 * min(height / piece.mask.shape[0], width / piece.mask.shape[1])
        scale = float(min(wanted / max(1.0, piece.reach), MOST_ZOOM, max(largest, 0.1)))
        at = (self.rng.uniform(0.2, 0.8) * width, self.rng.uniform(0.2, 0.8) * height)
        moves = self._moves(piece.mask.shape, piece.center, at, scale, travel=0.3)
        if crosses:
            moves = self._crossing(piece, scale)
        if leaves:
            moves = self._leaving(moves, piece, scale)
        rgb = self._lit(piece.rgb)
        if self._happens(self.difficulty.blended):
            rgb = self._like_behind(rgb, piece.mask)
        smears = self._smears(moves, piece.center)
        self.layers.append(Layer(rgb, piece.alpha, owners, moves, smears))

    def _moves(
        self,
        picture: tuple[int, int],
        center: tuple[float, float],
        at: tuple[float, float],
        scale: float,
        *,
        travel: float,
    ) -> list[Move]:
        """A way through the frames that begins with the picture's centre at a place."""
        d, rng = self.difficulty, self.rng
        side = min(self.shape.size)
        x, y = (wander(rng, travel * side * d.travel) for _ in range(2))
        zoom = wander(rng, d.travel * (0.5 if self._happens(d.scaled) else 0.1))
        angle, squeeze = wander(rng, 0.35 * d.travel), wander(rng, 0.1 * d.travel)
        strength = 0.5 / max(picture) if self._happens(d.tilted) else 0.0
        tilts = [wander(rng, strength * d.travel) for _ in range(2)]
        is_bent = self._happens(d.bent)
        bends = random_bend(rng, picture, float(rng.uniform(0.005, 0.03)) * d.travel)
        mixes = [wander(rng, 1.0) for _ in range(2)]
        moves = []
        for t in range(self.shape.length):
            time = t * self.shape.pace
            matrix = placed(
                center,
                (at[0] + x.at(time), at[1] + y.at(time)),
                scale=scale * float(np.exp(zoom.at(time))),
                angle=angle.at(time),
                tilt=(tilts[0].at(time), tilts[1].at(time)),
                squeeze=squeeze.at(time),
            )
            mixed = bends[0] * mixes[0].at(time) + bends[1] * mixes[1].at(time)
            moves.append(Move(matrix, np.asarray(mixed, np.float32) if is_bent else None))
        return moves

    def _crossing(self, piece: CutOut, scale: float) -> list[Move]:
        """A straight way through the frame that meets the latest target at some time."""
        length = self.shape.length
        when = int(self.rng.integers(max(1, length // 3), length)) if length > 1 else 0
        meets = self._target_place(when)
        direction = self.rng.uniform(0, 2 * np.pi)
        speed = min(self.shape.size) * self.rng.uniform(1.0, 3.0) * self.shape.pace
        step = (np.cos(direction) * speed, np.sin(direction) * speed)
        turn = self.rng.uniform(-0.5, 0.5)
        return [
            Move(
                placed(
                    piece.center,
                    (meets[0] + (t - when) * step[0], meets[1] + (t - when) * step[1]),
                    scale=scale,
                    angle=turn,
                )
            )
            for t in range(length)
        ]

    def _target_place(self, t: int) -> tuple[float, float]:
        """Where the middle of the latest target is on a frame; the frame's if there is none."""
        for layer in reversed(self.layers):
            ys, xs = np.nonzero(layer.owners)
            if len(xs):
                x, y, depth = layer.moves[t].matrix @ np.array([xs.mean(), ys.mean(), 1.0])
                return float(x / depth), float(y / depth)
        return self.shape.size[1] / 2, self.shape.size[0] / 2

    def _leaving(self, moves: list[Move], piece: CutOut, scale: float) -> list[Move]:
        """The same way, but out of the frame for a while, or for good."""
        length = len(moves)
        if length < 2:
            return moves
        begin = int(self.rng.integers(1, max(2, length - 1)))
        end = begin + int(self.rng.integers(1, max(2, length // 2)))
        if self._happens(0.5):
            end = length
        away = max(self.shape.size) + 2 * scale * max(piece.mask.shape)
        direction = self.rng.uniform(0, 2 * np.pi)
        ease = max(1.0, 0.2 / self.shape.pace)
        gone = []
        for t, move in enumerate(moves):
            # 1 while it is away, falling to 0 over a few frames before and after.
            ahead, behind = (begin - t) / ease, (t - end + 1) / ease if end < length else 0.0
            share = float(np.clip(1 - max(ahead, behind, 0.0), 0, 1)) if t else 0.0
            shift = np.eye(3)
            shift[:2, 2] = np.array([np.cos(direction), np.sin(direction)]) * away * share
            gone.append(Move(shift @ move.matrix, move.bend))
        return gone

    def _smears(self, moves: list[Move], center: tuple[float, float]) -> list[tuple[float, float]]:
        """Per frame how far the centre moves while the shutter is open."""
        if not self._happens(self.difficulty.smeared):
            return []
        shutter = self.rng.uniform(0.3, 1.0)
        points = [move.matrix @ np.array([*center, 1.0]) for move in moves]
        places = np.array([point[:2] / point[2] for point in points])
        if len(places) < 2:
            return []
        steps = np.gradient(places, axis=0) * shutter
        # Frames far apart in time still have an ordinary shutter.
        steps *= min(1.0, 0.05 / self.shape.pace)
        limit = 0.06 * min(self.shape.size)
        lengths = np.maximum(np.hypot(steps[:, 0], steps[:, 1]), 1e-6)
        steps *= np.minimum(1, limit / lengths)[:, None]
        return [(float(x), float(y)) for x, y in steps]

    def _lit(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Sometimes in other colours."""
        return recolored(rgb, self.rng, 0.3) if self._happens(0.5) else rgb

    def _like_behind(self, rgb: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
        """An object whose colours have moved towards the mean and spread of the background's."""
        behind = self.layers[0].rgb.reshape(-1, 3).astype(np.float32)
        own = rgb[mask].astype(np.float32)
        share = self.rng.uniform(0.4, 0.9)
        spread = behind.std(0) / (own.std(0) + 8)
        matched = (rgb.astype(np.float32) - own.mean(0)) * spread + behind.mean(0)
        mixed = (1 - share) * rgb.astype(np.float32) + share * matched
        return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)

    def _photographed(self, clip: Clip) -> Clip:
        """The clip with its frames as a camera and a codec would have left them."""
        d, rng, frames = self.difficulty, self.rng, clip.frames
        if self._happens(d.light):
            frames = relit(frames, rng, self.shape.pace)
        sigma = float(rng.uniform(0.5, 1.3)) if self._happens(d.soft) else 0.0
        strength = float(rng.uniform(2, 14)) if self._happens(d.noisy) else 0.0
        quality = int(rng.integers(25, 90)) if self._happens(d.compressed) else 0
        taken = []
        for frame in frames:
            picture = softened(frame, sigma) if sigma else frame
            picture = noisy(picture, rng, strength) if strength else picture
            taken.append(compressed(picture, quality) if quality else picture)
        return Clip(np.stack(taken), clip.masks, clip.count, clip.layers, clip.origins)
