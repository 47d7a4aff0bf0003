"""Single pictures with true masks, for measuring clicks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import UnidentifiedImageError

from tam_edit.errors import InputError
from tam_edit.evaluate.sequences import FRAME_SUFFIXES, MASK_SUFFIXES, find_sequences
from tam_edit.frame import Frame
from tam_edit.types import Mask

# Values of a grey mask: the object lies above the band in which nobody knows.
BAND = 128
VOID = 255  # of an index mask
LAYOUT = (
    "for --clicks-only a data set is DIR/images/NAME.jpg or .png with DIR/masks/NAME.png, or "
    "folders of sequences, of which the first frames are clicked on"
)


@dataclass(frozen=True, kw_only=True)
class StillObject:
    """A picture and one true object in it.

    Attributes:
        name: Of the picture, with the object's number where there are several.
        picture: The picture's file.
        mask: The mask's file.
        number: The object's value where it is an index mask; None where the mask is grey.
    """

    name: str
    picture: Path
    mask: Path
    number: int | None = None

    def frame(self) -> Frame:
        """The picture."""
        with Pictures.open(self.picture) as picture:
            return Frame.from_rgb(np.array(picture.convert("RGB")))

    def truth(self) -> tuple[Mask, Mask]:
        """Where the object is and where it is not known, bool (H, W) each."""
        values = _values(self.mask)
        if self.number is not None:
            return values == self.number, values == VOID
        found = np.unique(values[values > 0])
        if len(found) == 1:
            return values > 0, np.zeros(values.shape, bool)
        return values > BAND, values == BAND


def find_still_objects(folder: Path) -> list[StillObject]:
    """The objects of a data set, by name.

    A grey mask holds one object: every value above 128 where there are several values, with 128
    where it is not known; else the only value beside 0. An index mask holds the objects 1 to n,
    with 255 where it is not known.

    Args:
        folder: Holds ``images`` and ``masks`` with the same names, or what
            :func:`~tam_edit.evaluate.find_sequences` takes; then the first frames are used.

    Raises:
        InputError: The folder is laid out otherwise, a picture has no mask or the other way
            round, sizes differ, or a mask shows no object.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", hint=LAYOUT)
    if (folder / "images").is_dir() and (folder / "masks").is_dir():
        pairs = _pairs(folder / "images", folder / "masks")
    else:
        found = find_sequences(folder)
        pairs = [(each.name, each.frames[0], each.masks[0]) for each in found]
    return [each for pair in pairs for each in _objects(*pair)]


def _pairs(pictures: Path, masks: Path) -> list[tuple[str, Path, Path]]:
    by_name = _by_stem(pictures, FRAME_SUFFIXES)
    masks_by_name = _by_stem(masks, MASK_SUFFIXES)
    lonely = sorted(by_name.keys() ^ masks_by_name.keys())
    if lonely:
        raise InputError(
            f"{lonely[0]!r} is in only one of {pictures} and {masks}",
            hint="every picture needs a mask of the same name",
        )
    if not by_name:
        raise InputError(f"{pictures} holds no pictures", hint=LAYOUT)
    return [(name, by_name[name], masks_by_name[name]) for name in sorted(by_name)]


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    files = (p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.name[0] != ".")
    return {path.stem: path for path in files}


def _objects(name: str, picture: Path, mask: Path) -> Iterator[StillObject]:
    values = _values(mask)
    try:
        with Pictures.open(picture) as opened:
            width, height = opened.size
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"{picture} is not a picture that can be read: {error}") from error
    if values.shape != (height, width):
        raise InputError(
            f"{mask} is {values.shape[1]}x{values.shape[0]}, but {picture} is {width}x{height}",
            hint="a mask has the size of its picture",
        )
    found = [int(v) for v in np.unique(values) if v]
    numbers = [v for v in found if v != VOID]
    if len(found) > 1 and numbers == list(range(1, len(numbers) + 1)):
        for number in numbers:
            shown = f"{name} {number}" if len(numbers) > 1 else name
            yield StillObject(name=shown, picture=picture, mask=mask, number=number)
        return
    if not found or (len(found) > 1 and found[-1] <= BAND):
        raise InputError(
            f"{mask} shows no object",
            hint="a mask holds 0 for the background and 255 for the object, with 128 where it is "
            "not known, or an index from 1 on for each of several objects",
        )
    yield StillObject(name=name, picture=picture, mask=mask)


def _values(path: Path) -> NDArray[np.uint8]:
    """A mask as it is stored, uint8 (H, W); of colours the strongest channel."""
    try:
        with Pictures.open(path) as picture:
            values = np.asarray(picture)
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"{path} is not a picture that can be read: {error}") from error
    if values.ndim == 3:
        values = values[..., :3].max(-1)
    if values.dtype == np.bool_:
        return values.view(np.uint8)
    return values.astype(np.uint8)
