"""Clips composed of a cut-out with known alpha, moved in a known way over known backgrounds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.media import open_source
from tam_edit.testing.writing import write_pictures

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Matrix = NDArray[np.float64]
RATE = Fraction(25)
SMALL, LARGE = (854, 480), (1280, 720)
FIRST_OF_VIDEO = 20  # of a real video's frames, the first that is a background
NOISE_LEVELS = 1.5  # of a good camera
# A cut-out from a hard mask: its outline is rounded so far, in its own pixels, and gets this ramp;
# its colours are taken from so far inside, where nothing of the old background is in them.
ROUNDED_PX = 1.5
RAMP_PX = 1.0
INSIDE_PX = 5


@dataclass(frozen=True)
class CutOut:
    """An object: float32 (h, w, 3) colours in [0, 255], also where alpha is 0, and (h, w) alpha."""

    colours: Floats
    alpha: Floats


@dataclass(frozen=True)
class Clip:
    """What is composed.

    Attributes:
        cut_out: The object.
        size: Columns and rows.
        motion: From the object's pixels to the frame's, 2x3, at a time in [0, 1].
        background: The background, uint8 (rows, columns, 3), at a frame.
        frames: How many frames it has.
    """

    cut_out: CutOut
    size: tuple[int, int]
    motion: Callable[[float], Matrix]
    background: Callable[[int], Picture]
    frames: int

    def matrix(self, index: int) -> Matrix:
        """The motion at a frame."""
        return self.motion(index / max(1, self.frames - 1))

    def alpha(self, index: int) -> Floats:
        """The true matte of a frame."""
        return _warped(self.cut_out.alpha, self.matrix(index), self.size, cv2.BORDER_CONSTANT)

    def picture(self, index: int) -> Picture:
        """A frame, uint8 (rows, columns, 3)."""
        matrix, alpha = self.matrix(index), self.alpha(index)[..., None]
        front = _warped(self.cut_out.colours, matrix, self.size, cv2.BORDER_REPLICATE)
        mixed = alpha * front + (1 - alpha) * self.background(index)
        noise = np.random.default_rng(index).standard_normal(mixed.shape)
        return np.rint(np.clip(mixed + NOISE_LEVELS * noise, 0, 255)).astype(np.uint8)

    def write(self, path: Path) -> None:
        """Write it as H.264, 4:2:0."""
        write_pictures(
            (self.picture(index) for index in range(self.frames)),
            path,
            width=self.size[0],
            height=self.size[1],
            rate=RATE,
            with_audio=False,
            variable_rate=False,
        )


def lemur(data: Path) -> CutOut:
    """The animal of the matting data with its true colours and alpha."""
    folder = data / "matting"
    colours = _read(folder / "lemur_foreground.png")
    alpha: Any = cv2.imread(str(folder / "lemur_alpha.png"), cv2.IMREAD_GRAYSCALE)
    return CutOut(colours.astype(np.float32), np.asarray(alpha / np.float32(255), np.float32))


def sharp(data: Path, name: str) -> CutOut:
    """An object of the training data, cut out anew along a rounded outline with a sharp edge."""
    folder = data / "train-objects"
    picture = _read(folder / f"{name}.jpg")
    mask: Any = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_UNCHANGED) == 128
    core: Any = cv2.erode(mask.view(np.uint8), _disc(INSIDE_PX))
    _, labels = cv2.distanceTransformWithLabels(
        1 - core, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros((labels.max() + 1, 3), np.float32)
    nearest[labels[core > 0]] = picture[core > 0]
    rounded: Any = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), ROUNDED_PX)
    slope = 2 * ROUNDED_PX / RAMP_PX
    alpha = np.clip(0.5 + slope * (rounded - np.float32(0.5)), 0, 1)
    return CutOut(nearest[labels], np.asarray(alpha, np.float32))


def still(path: Path, size: tuple[int, int], pan_px: float = 0.0) -> Callable[[int], Picture]:
    """One picture, a little larger than the frame, which the camera pans over, by hand."""
    width, height = size
    image = _read(path)
    scale = 1.25 * max(width / image.shape[1], height / image.shape[0])
    larger: Any = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)

    def at(index: int) -> Picture:
        x = 0.05 * width + pan_px * index
        y = 0.1 * height + 0.6 * np.sin(0.9 * index) * (pan_px != 0)
        matrix = np.array([[1, 0, -x], [0, 1, -y]])
        return np.asarray(cv2.warpAffine(larger, matrix, size, borderMode=cv2.BORDER_REFLECT))

    return at


def video(path: Path, size: tuple[int, int], start: int, frames: int) -> Callable[[int], Picture]:
    """Frames of a real video."""
    with open_source(path) as source:
        pictures = [frame.scaled(*size) for frame in source.frames(start, start + frames)]
    return lambda index: pictures[index]


def placed(scale: float, x: float, y: float, turn_deg: float = 0.0) -> Matrix:
    """A motion that scales, turns about the object's corner and moves."""
    angle = np.deg2rad(turn_deg)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


@dataclass(frozen=True)
class Composition:
    """A clip of the benchmark, before anything of it is read.

    Attributes:
        name: What it is called in the results.
        cut_out: ``lemur``, or the name of an object of the training data.
        size: Columns and rows.
        background: A picture or a video, below the folder ``data`` of the shared data.
        motion: See :class:`Clip`.
        pan_px: How far the camera pans over a picture, columns a frame.
    """

    name: str
    cut_out: str
    size: tuple[int, int]
    background: str
    motion: Callable[[float], Matrix]
    pan_px: float = 0.0

    def clip(self, data: Path, frames: int) -> Clip:
        """The clip, with so many frames."""
        cut_out = lemur(data) if self.cut_out == "lemur" else sharp(data, self.cut_out)
        path = data / self.background
        if path.suffix == ".mp4":
            background = video(path, self.size, FIRST_OF_VIDEO, frames)
        else:
            background = still(path, self.size, self.pan_px)
        return Clip(cut_out, self.size, self.motion, background, frames)


COMPOSITIONS = (
    Composition(
        "lemur, its own leaves, moves",
        "lemur",
        SMALL,
        "matting/lemur_background.png",
        lambda t: placed(1.0, 40 + 90.3 * t, 50.2 + 9 * np.sin(6 * t)),
    ),
    Composition(
        "lemur, snow, turns and grows",
        "lemur",
        SMALL,
        "train-regions/100007.jpg",
        lambda t: placed(0.95 + 0.1 * t, 130 - 20 * t, 90 - 25.5 * t, -3 + 6 * t),
    ),
    Composition(
        "lemur, a picture, camera pans",
        "lemur",
        LARGE,
        "train-regions/100080.jpg",
        lambda t: placed(1.5, 260 - 150.7 * t, 110 + 8 * np.sin(9 * t)),
        pan_px=5.3,
    ),
    Composition(
        "lemur, 19_cyclist, moves",
        "lemur",
        LARGE,
        "videos/19_cyclist.mp4",
        lambda t: placed(1.35, 150 + 190.2 * t, 180 + 12 * np.sin(7 * t)),
    ),
    Composition(
        "lemur, bedroom, moves",
        "lemur",
        SMALL,
        "videos/bedroom.mp4",
        lambda t: placed(0.9, 250 - 120.4 * t, 100 + 6 * np.sin(8 * t)),
    ),
    Composition(
        "elephant, a picture, camera pans",
        "davis_061",
        SMALL,
        "train-regions/100039.jpg",
        lambda t: placed(1.6 + 0.06 * t, -110 + 70.4 * t, -70 + 5 * np.sin(7 * t), 2 * t),
        pan_px=-2.7,
    ),
    Composition(
        "woman, street, moves",
        "davis_173",
        LARGE,
        "videos/street.mp4",
        lambda t: placed(2.3, -200 + 130.3 * t, -95 + 6 * np.sin(9 * t)),
    ),
)


def composed(data: Path, frames: int) -> Iterator[tuple[str, Clip]]:
    """Every clip of the benchmark.

    Args:
        data: The folder ``data`` of the shared data.
        frames: How many frames each one has.
    """
    for composition in COMPOSITIONS:
        yield composition.name, composition.clip(data, frames)


def _warped(array: Floats, matrix: Matrix, size: tuple[int, int], border: int) -> Floats:
    warped = cv2.warpAffine(array, matrix, size, flags=cv2.INTER_CUBIC, borderMode=border)
    return np.asarray(np.clip(warped, 0, 255 if array.ndim == 3 else 1), np.float32)


def _read(path: Path) -> Picture:
    bgr: Any = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(bgr[..., ::-1])


def _disc(radius_px: int) -> Picture:
    size = (2 * radius_px + 1, 2 * radius_px + 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size), np.uint8)
