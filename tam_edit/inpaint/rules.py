"""What three inpainting models expect of a folder of frames and masks.

As their own programs read them (ProPainter: ``inference_propainter.py``; E2FGVI: ``test.py``; LaMa:
``bin/predict.py``, ``saicinpainting/evaluation/data.py`` and its README):

- ProPainter and E2FGVI read *every* file of the folder that they are given, in the order of the
  names as text, and pair frames and masks by that order. A folder with one mask means to
  ProPainter that it holds for all frames.
- They read frames as 8-bit colour and masks as grey, white (anything above 0) being removed;
  masks of another size are resized to the frames'. ProPainter rounds sides down to a multiple of 8
  and resizes the frames where they are none.
- LaMa finds masks by ``*mask*`` in the name; the picture is what stands before the last ``_mask``,
  in the same folder. It pads to multiples of 8. A mask of another size is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import TamEditError
from tam_edit.inpaint.document import (
    FRAMES,
    LAMA,
    MASKS,
    MULTIPLE_PX,
    Bundle,
    BundleFrame,
    read_bundle,
)
from tam_edit.inpaint.pictures import read_png

MOST_TOLD = 5  # files of one kind


def broken_rules(folder: Path) -> list[str]:
    """Everything that is wrong with a bundle, in sentences; nothing where it can be used.

    Args:
        folder: With ``bundle.json``.

    Raises:
        OpenError: It has no ``bundle.json``.
        InputError: That is none that this version reads.
    """
    bundle = read_bundle(folder)
    broken = list(_about_document(bundle))
    for name in (FRAMES, MASKS):
        broken += _about_names(folder / name, [frame.name for frame in bundle.frames])
    for frame in bundle.frames:
        broken += _about_frame(folder, bundle, frame)
    broken += _about_lama(folder, bundle)
    return broken


def _about_document(bundle: Bundle) -> Iterator[str]:
    for side, length in (("width", bundle.width), ("height", bundle.height)):
        if length % MULTIPLE_PX:
            yield (
                f"its {side} of {length} is no multiple of {MULTIPLE_PX}, so ProPainter would "
                "resize the frames"
            )
    box = bundle.picture_box
    if box.is_empty or box.clipped(bundle.width, bundle.height) != box:
        yield f"the crop box {bundle.crop} does not lie in {bundle.width}x{bundle.height}"
    wanted = [f"{number:05d}.png" for number in range(len(bundle.frames))]
    if [frame.name for frame in bundle.frames] != wanted:
        yield "its frames are not numbered 00000.png, 00001.png … without a gap"


def _about_names(folder: Path, wanted: list[str]) -> Iterator[str]:
    if not folder.is_dir():
        yield f"the folder {folder.name}/ is missing"
        return
    found = {entry.name for entry in folder.iterdir()}
    for name in _few(sorted(found - set(wanted))):
        yield (
            f"{folder.name}/{name} is no part of the bundle, but ProPainter and E2FGVI would read "
            "it as the next picture"
        )
    for name in _few(sorted(set(wanted) - found)):
        yield f"{folder.name}/{name} is missing, so later masks would belong to other frames"


def _about_frame(folder: Path, bundle: Bundle, frame: BundleFrame) -> Iterator[str]:
    size = (bundle.height, bundle.width)
    for part, digest in ((FRAMES, frame.frame_sha256), (MASKS, frame.mask_sha256)):
        file = folder / part / frame.name
        if not file.is_file():
            continue  # told with the names
        told = f"{part}/{frame.name}"
        try:
            picture, found = read_png(file)
        except TamEditError:
            yield f"{told} is no picture that can be read"
            continue
        if picture.shape[:2] != size:
            yield (
                f"{told} is {picture.shape[1]}x{picture.shape[0]} instead of {size[1]}x{size[0]}, "
                "so frame and mask would not lie on each other"
            )
            continue
        wrong = _about_mask(picture) if part == MASKS else _about_picture(picture)
        if wrong:
            yield f"{told} {wrong}"
        elif found != digest:
            yield f"{told} is not the file that was exported: its SHA-256 is another"
        if part == MASKS and not wrong and frame.is_handle and picture.any():
            yield f"{told} masks something, but nothing was tracked on handles"


def _about_picture(picture: NDArray[Any]) -> str:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        return f"is {_kind(picture)}, but models read RGB with 8 bits"
    return ""


def _about_mask(picture: NDArray[Any]) -> str:
    if picture.dtype != np.uint8 or picture.ndim != 2:
        return f"is {_kind(picture)}, but a mask is grey with 8 bits"
    counts = np.bincount(picture.ravel(), minlength=256)
    between = np.flatnonzero(counts[1:255]) + 1
    if between.size:
        return (
            f"holds the value {between[0]}, but a mask holds only 0 and 255: models take anything "
            "above 0 for white"
        )
    return ""


def _kind(picture: NDArray[Any]) -> str:
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    name = {1: "grey", 3: "RGB", 4: "RGBA"}.get(channels, f"of {channels} channels")
    return f"{name} with {8 * picture.dtype.itemsize} bits"


def _about_lama(folder: Path, bundle: Bundle) -> Iterator[str]:
    place = folder / LAMA
    if not bundle.has_lama_names:
        if place.exists():
            yield f"{LAMA}/ is no part of the bundle"
        return
    stems = [Path(frame.name).stem for frame in bundle.frames]
    wanted = {f"{stem}.png" for stem in stems} | {f"{stem}_mask001.png" for stem in stems}
    found = {entry.name for entry in place.iterdir()} if place.is_dir() else set()
    for name in _few(sorted(wanted - found)):
        yield f"{LAMA}/{name} is missing, but LaMa reads each mask with the picture of its name"
    for name in _few(sorted(found - wanted)):
        yield f"{LAMA}/{name} is no part of the bundle"
    for stem in stems:
        for own, part in ((f"{stem}.png", FRAMES), (f"{stem}_mask001.png", MASKS)):
            other = folder / part / f"{stem}.png"
            if own in found and other.is_file():
                file = place / own
                if not file.samefile(other) and file.read_bytes() != other.read_bytes():
                    yield f"{LAMA}/{own} differs from {part}/{stem}.png"


def _few(names: list[str]) -> list[str]:
    return names[:MOST_TOLD]
