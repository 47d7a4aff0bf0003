"""Object masks as palette PNGs, one per frame, as DAVIS-2017 and YouTube-VOS have them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam_edit.errors import EncodeError, InputError
from tam_edit.export.target import finished_folder
from tam_edit.tracks import TrackSet
from tam_edit.types import ObjectId

MAX_OBJECT_ID = 255
SCORES_FILE = "scores.json"


def voc_palette() -> list[int]:
    """The colours of the PASCAL VOC and DAVIS palettes: 256 times R, G, B.

    Bit ``3k + c`` of the index is bit ``7 - k`` of colour component ``c``.
    """
    colors = []
    for index in range(256):
        for component in range(3):
            bits = (((index >> (3 * k + component)) & 1) << (7 - k) for k in range(8))
            colors.append(sum(bits))
    return colors


def write_palette_masks(
    folder: str | Path,
    tracks: TrackSet,
    frames: range,
    *,
    width: int,
    height: int,
    names: Mapping[ObjectId, str],
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write ``00000.png …``, the pixel value being the object's id, and ``scores.json``.

    The folder appears under its name only when everything in it is written.

    Args:
        folder: Must not exist or be empty, unless ``overwrite`` is given.
        tracks: Masks per object.
        frames: The frames to write; each file is named after its frame.
        width: Columns of the pictures.
        height: Rows of the pictures.
        names: Object names by id, for ``scores.json``.
        overwrite: Whether PNG masks that stand in the folder are replaced.
        progress: Told the frames done and the frames in all.

    Raises:
        EncodeError: The folder cannot be written, or something else stands in it.
        InputError: An object's id does not fit into a palette.
    """
    folder = Path(folder)
    for object_id in names:
        if object_id > MAX_OBJECT_ID:
            raise InputError(
                f"object {object_id} does not fit into a palette PNG of {MAX_OBJECT_ID} objects"
            )
    check_mask_folder(folder, overwrite=overwrite)
    with finished_folder(folder) as part:
        palette = voc_palette()
        for done, index in enumerate(frames, start=1):
            ids = index_mask(tracks, index, width, height)
            picture = Image.fromarray(ids.astype(np.uint8))
            picture.putpalette(palette)
            file = part / f"{index:05d}.png"
            picture.save(file)
            with Image.open(file) as written:
                if not np.array_equal(np.asarray(written), ids):
                    raise EncodeError(f"{folder / file.name} was written, but reads otherwise")
            if progress is not None:
                progress(done, len(frames))
        text = json.dumps(_scores(tracks, frames, names), indent=1, ensure_ascii=False)
        (part / SCORES_FILE).write_text(text + "\n", encoding="utf-8")


def index_mask(tracks: TrackSet, frame_index: int, width: int, height: int) -> NDArray[np.int32]:
    """One frame's objects as ids; where mattes overlap, the strongest one has the pixel.

    Returns:
        int32 (height, width); 0 is background.
    """
    ids = np.zeros((height, width), np.int32)
    best = np.full((height, width), 0.5, np.float32)
    for object_id, track in tracks.items():
        matte = track.matte(frame_index, width, height)
        wins = matte > best
        ids[wins] = object_id
        best[wins] = matte[wins]
    return ids


def _scores(
    tracks: TrackSet, frames: range, names: Mapping[ObjectId, str]
) -> dict[str, dict[str, dict[str, object]]]:
    scores: dict[str, dict[str, dict[str, object]]] = {str(index): {} for index in frames}
    for object_id, track in tracks.items():
        for known in track.scores():
            if known.frame_index in frames:
                scores[str(known.frame_index)][names[object_id]] = {
                    "id": object_id,
                    "score": round(known.score, 4),
                    "origin": str(known.origin),
                    "reasons": list(known.reasons),
                }
    return scores


def check_mask_folder(folder: str | Path, *, overwrite: bool = False) -> None:
    """Refuse a folder that masks must not be written to, before any work begins.

    Raises:
        EncodeError: It is a file, holds something else, or holds masks that must stay.
    """
    folder = Path(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise EncodeError(f"{folder} is a file, but masks need a folder")
    found = [entry.name for entry in folder.iterdir()]
    foreign = [name for name in found if not (name.endswith(".png") or name == SCORES_FILE)]
    if foreign:
        raise EncodeError(
            f"{folder} holds {foreign[0]!r}, which is no mask, so it is left alone",
            hint="name a new folder",
        )
    if found and not overwrite:
        raise EncodeError(f"{folder} already holds masks", hint="add --overwrite or name another")
