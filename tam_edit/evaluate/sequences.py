"""Videos with a true mask for every frame: plain folders of them, or the official DAVIS tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import UnidentifiedImageError

from tam_edit.errors import InputError

FRAME_SUFFIXES = (".jpg", ".jpeg", ".png")
MASK_SUFFIXES = (".png",)
LAYOUT = (
    "a data set is DIR/<sequence>/frames/*.jpg or *.png and DIR/<sequence>/masks/*.png, "
    "or a DAVIS tree with JPEGImages/480p and Annotations/480p"
)
DAVIS_FRAMES = Path("JPEGImages")
DAVIS_MASKS = Path("Annotations")
DAVIS_SIZE = "480p"
# The first of these that is there says which sequences are evaluated.
DAVIS_LISTS = (Path("ImageSets/2017/val.txt"), Path("ImageSets/2016/val.txt"))
# The first and the last frame are not scored, so that a sequence of two has nothing to score.
MIN_FRAMES = 3


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """One video with a true mask for every frame.

    Attributes:
        name: The folder's name.
        frames: The pictures, in order.
        masks: The true masks, in the same order.
    """

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]

    @property
    def frames_folder(self) -> Path:
        """Where the pictures lie."""
        return self.frames[0].parent

    def mask_values(self, index: int) -> NDArray[np.integer]:
        """The true mask of one frame as it is stored, (H, W); a palette's indices, not its colours.

        Raises:
            InputError: The file has more than one channel.
        """
        path = self.masks[index]
        with Pictures.open(path) as picture:
            values = np.asarray(picture)
        if values.ndim != 2:
            raise InputError(
                f"{path} has {values.shape[2]} channels, but a mask has one",
                hint="save it as a grey picture with 0 for the background and 255 for the object, "
                "or as a palette picture with an index per object",
            )
        return values.view(np.uint8) if values.dtype == np.bool_ else values


def find_sequences(folder: Path) -> list[Sequence]:
    """The sequences of a data set, by name.

    Args:
        folder: Holds ``<sequence>/frames`` and ``<sequence>/masks``; or is the folder of DAVIS
            with ``JPEGImages/480p/<sequence>``, ``Annotations/480p/<sequence>`` and, where only
            some are meant, ``ImageSets/2017/val.txt`` or ``ImageSets/2016/val.txt``.

    Raises:
        InputError: The folder is laid out otherwise, or frames and masks of a sequence differ in
            number, name or size.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", hint=LAYOUT)
    if (folder / DAVIS_FRAMES).is_dir() or (folder / DAVIS_MASKS).is_dir():
        return _davis_sequences(folder)
    if (folder / "frames").is_dir() and (folder / "masks").is_dir():
        raise InputError(
            f"{folder} is a single sequence, not a folder of them",
            hint=f"name the folder above it; {LAYOUT}",
        )
    places = _folders_in(folder)
    if not places:
        raise InputError(f"{folder} holds no sequences: there is no folder in it", hint=LAYOUT)
    return [_plain_sequence(place) for place in places]


def _davis_sequences(folder: Path) -> list[Sequence]:
    frames, masks = (folder / part / DAVIS_SIZE for part in (DAVIS_FRAMES, DAVIS_MASKS))
    for part in (frames, masks):
        if not part.is_dir():
            raise InputError(
                f"{folder} looks like a DAVIS tree, but has no folder {part.relative_to(folder)}",
                hint="sequences are read at 480p: unpack that version of the data set",
            )
    listed = next((folder / name for name in DAVIS_LISTS if (folder / name).is_file()), None)
    if listed is None:
        names = [place.name for place in _folders_in(frames)]
    else:
        names = listed.read_text(encoding="utf-8").split()
    if not names:
        raise InputError(f"{listed or frames} names no sequence", hint=LAYOUT)
    for name in names:
        for part in (frames, masks):
            if not (part / name).is_dir():
                said = f", which {listed} names" if listed is not None else ""
                raise InputError(
                    f"there is no folder {part / name} for the sequence {name!r}{said}",
                    hint="unpack the whole data set",
                )
    return [_sequence(frames / name, frames / name, masks / name) for name in sorted(names)]


def _plain_sequence(place: Path) -> Sequence:
    missing = [part for part in ("frames", "masks") if not (place / part).is_dir()]
    if missing:
        found = ", ".join(sorted(p.name for p in place.iterdir())[:5]) or "nothing"
        raise InputError(
            f"the sequence {place} has no folder {' and no folder '.join(missing)}; "
            f"it holds {found}",
            hint=LAYOUT,
        )
    return _sequence(place, place / "frames", place / "masks")


def _sequence(place: Path, frames_folder: Path, masks_folder: Path) -> Sequence:
    frames = _pictures(frames_folder, FRAME_SUFFIXES)
    masks = _pictures(masks_folder, MASK_SUFFIXES)
    if len(frames) != len(masks):
        raise InputError(
            f"the sequence {place} has {len(frames)} frames, but {len(masks)} masks",
            hint="every frame needs a mask of the same name",
        )
    if len(frames) < MIN_FRAMES:
        raise InputError(
            f"the sequence {place} has {len(frames)} frames, but at least {MIN_FRAMES} are needed",
            hint="the first and the last frame are not scored",
        )
    for frame, mask in zip(frames, masks, strict=True):
        _check_pair(frame, mask)
    return Sequence(name=place.name, frames=frames, masks=masks)


def _check_pair(frame: Path, mask: Path) -> None:
    if frame.stem != mask.stem:
        raise InputError(
            f"{frame} and {mask} come at the same place, but have different names",
            hint="every frame needs a mask of the same name",
        )
    (width, height), (mask_width, mask_height) = _size(frame), _size(mask)
    if (width, height) != (mask_width, mask_height):
        raise InputError(
            f"{mask} is {mask_width}x{mask_height}, but its frame is {width}x{height}",
            hint="a mask has the size of its frame",
        )


def _folders_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _pictures(folder: Path, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    """Pictures in natural order: 2 before 10."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.name[0] != "."]
    return tuple(sorted(found, key=_natural))


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.findall(r"\d+|\D+", path.stem)
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts], path.name


def _size(path: Path) -> tuple[int, int]:
    try:
        with Pictures.open(path) as picture:
            width, height = picture.size
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"{path} is not a picture that can be read: {error}") from error
    return width, height
