"""Pictures with objects that training reads, and which of them are held out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tam_edit.errors import InputError
from training.objects import (
    SEQUENCE_STARTS,
    ObjectPictures,
    is_held_out,
    kind_of,
    numbered,
    source_of,
)


def test_any_values_become_numbers_and_specks_and_void_become_nothing():
    raw = np.zeros((50, 60), np.uint8)
    raw[:20, :20], raw[30:, 30:], raw[25, 0], raw[:10, 50:] = 128, 7, 9, 255
    objects, count = numbered(raw)
    assert count == 2
    np.testing.assert_array_equal(objects == 1, raw == 7)
    np.testing.assert_array_equal(objects == 2, raw == 128)


def test_frames_of_a_sequence_and_objects_of_a_photograph_are_never_separated():
    frames = [f"davis_{k:03d}" for k in range(208)]
    sides = {}
    for name in frames:
        sides.setdefault(source_of(name), set()).add(is_held_out(name))
    assert len(sides) == len(SEQUENCE_STARTS)
    assert all(len(side) == 1 for side in sides.values())
    # Both sides have some.
    assert {next(iter(side)) for side in sides.values()} == {False, True}
    assert is_held_out("coco_dog00_000000000042") == is_held_out("coco_cat07_000000000042")


def test_sequences_begin_where_the_table_says():
    assert source_of("davis_000") == source_of("davis_007") != source_of("davis_008")
    assert source_of("davis_200") == source_of("davis_207") != source_of("davis_199")


def test_kinds_are_the_classes_with_their_spaces():
    assert kind_of("coco_hot dog03_000000000001") == "hot dog"


def test_about_a_tenth_of_the_photographs_is_held_out():
    share = np.mean([is_held_out(f"coco_x00_{k:012d}") for k in range(5000)])
    assert 0.08 < share < 0.12


def test_both_parts_together_are_the_folder(shared_data):
    folder = shared_data / "data" / "train-objects"
    parts = [ObjectPictures(folder, part) for part in ("train", "held-out")]
    names = [name for part in parts for name in part.names]
    assert sorted(names) == sorted(path.stem for path in folder.glob("*.jpg"))
    sources = [{source_of(name) for name in part.names} for part in parts]
    assert not sources[0] & sources[1]


def test_a_sequence_shows_like_pictures(shared_data):
    part = ObjectPictures(shared_data / "data" / "train-objects", "held-out")
    small = [
        [cv2.resize(part.load(name).rgb, (32, 18)).astype(float) for name in names]
        for names in part.sequences
    ]
    for k, frames in enumerate(small):
        within = np.mean([np.abs(frames[0] - one).mean() for one in frames[1:]])
        others = [one for j, them in enumerate(small) if j != k for one in them]
        assert within < np.mean([np.abs(frames[0] - one).mean() for one in others])


def test_an_unreadable_pair_is_named(tmp_path):
    cv2.imwrite(str(tmp_path / "coco_dog00_000000000001.png"), np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="coco_dog00_000000000001"):
        ObjectPictures(tmp_path, "train").load("coco_dog00_000000000001")


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        _ = ObjectPictures(tmp_path, "train").names
