"""Object masks as palette PNGs, one per frame, as DAVIS-2017 and YouTube-VOS have them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tam_edit.errors import EncodeError, InputError
from tam_edit.media import NewFolder
from tam_edit.tracks import TrackSet
from tam_edit.types import Matte, ObjectId

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


class PaletteFolder(NewFolder):
    """A folder of masks that is being written: ``00000.png …`` and ``scores.json``.

    It appears under its name when everything in it is written, read back and published.

    Args:
        folder: Must not exist or be empty, unless ``overwrite`` is given.
        tracks: Say which objects there are, and how sure their masks are.
        frames: The frames to write; each file is named after its frame.
        names: Object names by id, for ``scores.json``.
        overwrite: Whether PNG masks that stand in the folder are replaced.
    """

    def __init__(
        self,
        folder: str | Path,
        tracks: TrackSet,
        frames: range,
        *,
        names: Mapping[ObjectId, str],
        overwrite: bool = False,
    ) -> None:
        for object_id in names:
            if object_id > MAX_OBJECT_ID:
                raise InputError(
                    f"object {object_id} does not fit into a palette PNG of {MAX_OBJECT_ID} objects"
                )
        check_mask_folder(folder, overwrite=overwrite)
        super().__init__(folder, "the masks")
        self._tracks, self._frames, self._names = tracks, frames, names
        self._checksums: dict[str, int] = {}
        self._palette = voc_palette()

    def write(self, frame_index: int, mattes: Mapping[ObjectId, Matte]) -> None:
        """Write one frame's picture.

        Args:
            frame_index: The frame.
            mattes: One per object, float32 (H, W); where they overlap, the strongest one has the
                pixel.
        """
        ids = index_mask(mattes).astype(np.uint8)
        picture = Image.fromarray(ids)
        picture.putpalette(self._palette)
        name = f"{frame_index:05d}.png"
        with self._reported():
            picture.save(self.hidden / name)
        self._checksums[name] = zlib.crc32(ids.tobytes())

    def complete(self) -> None:
        """Write the scores and read every picture back.

        Raises:
            EncodeError: Something cannot be written, is missing or differs from what was written.
        """
        with self._reported():
            text = json.dumps(
                _scores(self._tracks, self._frames, self._names), indent=1, ensure_ascii=False
            )
            (self.hidden / SCORES_FILE).write_text(text + "\n", encoding="utf-8")
            if len(self._checksums) != len(self._frames):
                count, wanted = len(self._checksums), len(self._frames)
                raise EncodeError(f"{self.path.name} was given {count} of {wanted} masks")
            for name, checksum in self._checksums.items():
                with Image.open(self.hidden / name) as picture:
                    if zlib.crc32(np.asarray(picture).tobytes()) != checksum:
                        raise EncodeError(f"{self.path / name}, read back, is not what was written")


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

    The folder appears under its name only when everything in it is written and read back.

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
    written = PaletteFolder(folder, tracks, frames, names=names, overwrite=overwrite)
    try:
        for done, index in enumerate(frames, start=1):
            written.write(index, {i: t.matte(index, width, height) for i, t in tracks.items()})
            if progress is not None:
                progress(done, len(frames))
        written.complete()
        written.publish()
    finally:
        written.discard()


def index_mask(mattes: Mapping[ObjectId, Matte]) -> NDArray[np.int32]:
    """One frame's objects as ids; where mattes overlap, the strongest one has the pixel.

    Args:
        mattes: One per object, at least one, float32 (H, W).

    Returns:
        int32 (H, W); 0 is background.
    """
    shape = next(iter(mattes.values())).shape
    ids = np.zeros(shape, np.int32)
    best = np.full(shape, 0.5, np.float32)
    for object_id, matte in mattes.items():
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
