"""Pictures with true objects to train on, and which of them are held out.

``train-objects`` holds pairs NAME.jpg and NAME.png; the latter says at each pixel which object it
shows, 0 for none. ``coco_CLASSnn_PHOTO`` shows one object of a COCO photograph, ``davis_nnn`` a
frame of a DAVIS training sequence.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import InputError

Part = Literal["train", "held-out"]

# The numbers of the DAVIS frames at which a sequence begins, as looking at them shows.
SEQUENCE_STARTS = (
    0, 8, 16, 24, 31, 39, 47, 53, 55, 61, 69, 77, 85, 93, 99,
    107, 114, 121, 129, 135, 139, 146, 155, 159, 167, 172, 181, 187, 193, 200,
)  # fmt: skip
# Of so many photographs one is held out, and of so many sequences, since there are few.
PHOTOGRAPHS_PER_HELD_OUT = 10
SEQUENCES_PER_HELD_OUT = 5
# Objects smaller than this share of the picture are left out: their outlines are mostly wrong.
SMALLEST_SHARE = 0.002
VOID = 255


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and the objects in it.

    Attributes:
        name: Of its file, without ending.
        rgb: uint8 (h, w, 3).
        objects: uint8 (h, w), 0 for none and 1 … ``count``.
        count: How many objects there are.
    """

    name: str
    rgb: NDArray[np.uint8]
    objects: NDArray[np.uint8]
    count: int


@dataclass(frozen=True)
class ObjectPictures:
    """One part of the folder's pictures.

    Attributes:
        folder: Where they are.
        part: Those that are trained on, or those that choices are made by.
    """

    folder: Path
    part: Part

    @cached_property
    def names(self) -> list[str]:
        """Names in alphabetical order.

        Raises:
            InputError: The folder has no pictures of this part.
        """
        wanted = self.part == "held-out"
        found = sorted(path.stem for path in self.folder.glob("*.png"))
        names = [name for name in found if is_held_out(name) == wanted]
        if not names:
            raise InputError(f"{self.folder} has no pictures with objects: name train-objects")
        return names

    @cached_property
    def sequences(self) -> list[list[str]]:
        """The DAVIS frames, those of one sequence together; their order in time is not known."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            if name.startswith("davis_"):
                groups[source_of(name)].append(name)
        return [groups[key] for key in sorted(groups)]

    @cached_property
    def kinds(self) -> dict[str, list[str]]:
        """The names of each COCO class, and of each DAVIS sequence."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            groups[kind_of(name)].append(name)
        return dict(groups)

    def load(self, name: str) -> Picture:
        """Read a picture.

        Raises:
            InputError: One of its two files cannot be read, or they differ in size.
        """
        bgr = cv2.imread(str(self.folder / f"{name}.jpg"))
        raw = cv2.imread(str(self.folder / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        if bgr is None or raw is None or raw.ndim != 2 or raw.shape != bgr.shape[:2]:
            raise InputError(f"{self.folder / name}.jpg and .png are no picture with its objects")
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        objects, count = numbered(np.asarray(raw, np.uint8))
        return Picture(name, rgb, objects, count)

    def draw(self, rng: np.random.Generator, among: Sequence[str] = ()) -> Picture:
        """A random picture that has an object."""
        names = among or self.names
        while True:
            picture = self.load(names[int(rng.integers(len(names)))])
            if picture.count:
                return picture


def numbered(raw: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Objects as 1 … n from any values; void and objects too small to train on count as none."""
    objects = np.zeros_like(raw)
    count = 0
    values, areas = np.unique(raw, return_counts=True)
    for value, area in zip(values.tolist(), areas.tolist(), strict=True):
        if value not in {0, VOID} and area >= SMALLEST_SHARE * raw.size:
            count += 1
            objects[raw == value] = count
    return objects, count


def source_of(name: str) -> str:
    """The photograph or the sequence that a picture comes from."""
    if name.startswith("davis_"):
        return f"davis sequence {bisect_right(SEQUENCE_STARTS, int(name[6:])):02}"
    return name.rpartition("_")[2]


def kind_of(name: str) -> str:
    """The COCO class of a picture's object, or its DAVIS sequence."""
    if name.startswith("davis_"):
        return source_of(name)
    return name.split("_")[1].rstrip("0123456789")


def is_held_out(name: str) -> bool:
    """Whether a picture is kept from training; all pictures of one source are alike in this."""
    digest = hashlib.sha256(source_of(name).encode()).digest()
    is_sequence = name.startswith("davis_")
    return digest[0] % (SEQUENCES_PER_HELD_OUT if is_sequence else PHOTOGRAPHS_PER_HELD_OUT) == 0
