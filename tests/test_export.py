"""Mask pictures and the before-and-after strip."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit.errors import EncodeError, InputError
from tam_edit.export import write_strip
from tam_edit.render import voc_palette, write_palette_masks
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

HEIGHT, WIDTH = 12, 16


def tracks_of(*mattes: np.ndarray, ids: tuple[int, ...] = (1, 2)) -> MemoryTracks:
    tracks = MemoryTracks()
    for object_id, matte in zip(ids, mattes, strict=False):
        entry = TrackedMatte(
            matte=matte.astype(np.float32), score=0.75, origin=Origin.PROPAGATED, reasons=("dark",)
        )
        tracks.append(0, {object_id: entry})
    return tracks


@pytest.fixture
def halves() -> MemoryTracks:
    left, right = np.zeros((2, HEIGHT, WIDTH))
    left[:, :10], right[:, 8:] = 0.7, 0.9
    return tracks_of(left, right)


def test_the_palette_is_the_one_of_pascal_voc() -> None:
    # The first colours as the VOC 2012 development kit lists them.
    colors = np.reshape(voc_palette(), (256, 3)).tolist()
    assert colors[:4] == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert colors[15] == [192, 128, 128]
    assert colors[255] == [224, 224, 192]


def test_where_mattes_overlap_the_stronger_one_has_the_pixel(
    halves: MemoryTracks, tmp_path: Path
) -> None:
    folder, names = tmp_path / "masks", {1: "left", 2: "right"}
    write_palette_masks(
        folder, halves.track_set(), range(1), width=WIDTH, height=HEIGHT, names=names
    )
    with Image.open(folder / "00000.png") as picture:
        assert picture.mode == "P"
        assert picture.getpalette() == voc_palette()
        ids = np.asarray(picture)
    assert (ids[:, :8] == 1).all()
    assert (ids[:, 8:] == 2).all()
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    told = {"id": 2, "score": 0.75, "origin": "propagated", "reasons": ["dark"]}
    assert scores["0"]["right"] == told


def test_a_folder_with_something_else_in_it_is_left_alone(
    halves: MemoryTracks, tmp_path: Path
) -> None:
    folder, names = tmp_path / "masks", {1: "left", 2: "right"}
    folder.mkdir()
    (folder / "letter.txt").write_text("dear", encoding="utf-8")

    def write(overwrite: bool) -> None:
        write_palette_masks(
            folder,
            halves.track_set(),
            range(1),
            width=WIDTH,
            height=HEIGHT,
            names=names,
            overwrite=overwrite,
        )

    with pytest.raises(EncodeError, match=r"letter\.txt"):
        write(overwrite=True)
    (folder / "letter.txt").unlink()
    write(overwrite=False)
    with pytest.raises(EncodeError, match="already holds masks"):
        write(overwrite=False)
    write(overwrite=True)
    assert sorted(p.name for p in folder.iterdir()) == ["00000.png", "scores.json"]
    assert [p.name for p in tmp_path.iterdir()] == ["masks"]


def test_more_objects_than_a_palette_has_are_refused(tmp_path: Path) -> None:
    tracks = tracks_of(np.ones((HEIGHT, WIDTH)), ids=(256,))
    with pytest.raises(InputError, match="256"):
        write_palette_masks(
            tmp_path / "m",
            tracks.track_set(),
            range(1),
            width=WIDTH,
            height=HEIGHT,
            names={256: "x"},
        )


def test_a_strip_shows_the_source_above_and_the_result_below(
    disc_video: Path, tmp_path: Path
) -> None:
    path = tmp_path / "strip.png"
    write_strip(disc_video, disc_video, [0, 5, 15], path, column_width=80)
    with Image.open(path) as picture:
        strip = np.asarray(picture)
    # Three columns of 80x60 with gaps of 6 between them, twice.
    assert strip.shape == (60 + 6 + 60, 3 * 80 + 2 * 6, 3)
    assert np.array_equal(strip[:60], strip[66:])
    assert not np.array_equal(strip[:60, :80], strip[:60, 86:166])
    with pytest.raises(InputError, match="at least one frame"):
        write_strip(disc_video, disc_video, [], path)
