"""How folders of sequences are read, and what is said of those that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit.errors import InputError
from tam_edit.evaluate import Truth, find_sequences
from tam_edit.testing.clips import draw_clip
from tests.made_sequences import save


def test_sequences_are_found_in_natural_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        save(draw_clip("disc", frames=12, width=20, height=16), tmp_path / name)
    for part in ("frames", "masks"):
        for index in range(12):
            old = tmp_path / "a" / part / f"{index:05d}.png"
            old.rename(old.with_name(f"shot{index}.png"))
    found = find_sequences(tmp_path)
    assert [s.name for s in found] == ["a", "b"]
    assert [p.stem for p in found[0].frames] == [f"shot{k}" for k in range(12)]
    assert [p.stem for p in found[0].masks] == [f"shot{k}" for k in range(12)]
    np.testing.assert_array_equal(
        Truth(found[0]).masks(11)[1], draw_clip("disc", frames=12, width=20, height=16).mask(1, 11)
    )


def _remove_masks(folder: Path) -> None:
    for mask in (folder / "disc" / "masks").iterdir():
        mask.unlink()
    (folder / "disc" / "masks").rmdir()


def _remove_one_mask(folder: Path) -> None:
    (folder / "disc" / "masks" / "00002.png").unlink()


def _rename_a_mask(folder: Path) -> None:
    (folder / "disc" / "masks" / "00002.png").rename(folder / "disc" / "masks" / "x.png")


def _shrink_a_mask(folder: Path) -> None:
    Image.new("L", (9, 7)).save(folder / "disc" / "masks" / "00001.png")


def _spoil_a_frame(folder: Path) -> None:
    (folder / "disc" / "frames" / "00001.png").write_bytes(b"no picture")


def _keep_two(folder: Path) -> None:
    for part in ("frames", "masks"):
        (folder / "disc" / part / "00002.png").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_remove_masks, "no folder masks; it holds frames"),
        (_remove_one_mask, "3 frames, but 2 masks"),
        (_rename_a_mask, "different names"),
        (_shrink_a_mask, r"00001\.png is 9x7, but its frame is 20x16"),
        (_spoil_a_frame, r"00001\.png is not a picture"),
        (_keep_two, "2 frames, but at least 3"),
    ],
)
def test_a_bad_layout_is_described(
    spoil: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    save(draw_clip("disc", frames=3, width=20, height=16), tmp_path / "disc")
    spoil(tmp_path)
    with pytest.raises(InputError, match=said) as error:
        find_sequences(tmp_path)
    assert str(tmp_path / "disc") in str(error.value)


def test_a_folder_that_is_no_data_set_is_described(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        find_sequences(tmp_path / "absent")
    with pytest.raises(InputError, match="holds no sequences") as empty:
        find_sequences(tmp_path)
    assert "DIR/<sequence>/frames" in empty.value.hint
    save(draw_clip("disc", frames=3, width=20, height=16), tmp_path / "disc")
    with pytest.raises(InputError, match="single sequence"):
        find_sequences(tmp_path / "disc")


def test_a_mask_of_several_channels_is_refused(tmp_path: Path) -> None:
    save(draw_clip("disc", frames=3, width=20, height=16), tmp_path / "disc")
    Image.new("RGB", (20, 16)).save(tmp_path / "disc" / "masks" / "00000.png")
    with pytest.raises(InputError, match=r"00000\.png has 3 channels"):
        Truth(find_sequences(tmp_path)[0])
