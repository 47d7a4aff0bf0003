"""Sequences with several objects: index masks, the DAVIS tree, and a mean over all objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tam_edit.errors import InputError, ModelError
from tam_edit.evaluate import Report, Truth, evaluate, find_sequences, format_report
from tam_edit.frame import Frame
from tam_edit.masks.measure import boundary_f
from tam_edit.models import Models
from tam_edit.models.base import Segmentation, TrackingInfo, TrackStep
from tam_edit.prompts import Prompts
from tam_edit.render.palette import voc_palette
from tam_edit.testing.clips import DrawnClip, draw_clip
from tam_edit.tracking import LoopSettings
from tam_edit.types import Mask, Matte

FRAMES = 9
WIDTH, HEIGHT = 80, 60
DISC, TILE, LATE = 1, 2, 3
AS_TOLD = LoopSettings(assesses=False, refine_below=0, at_cuts="ignore")

Values = NDArray[np.uint8]
Answer = Callable[[int, int], Matte]  # from frame and object


class Known:
    """A propagator and its run that answers what it is told for each frame and object."""

    name = "known"

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._members: set[int] = set()
        self.given: dict[int, set[int]] = {}
        self.seen: list[int] = []

    def start(self, info: TrackingInfo) -> Known:
        self._members = set()
        return self

    def resume(self, info: TrackingInfo, snapshot: bytes) -> Known:
        raise ModelError("it cannot be resumed")

    def keyframe(self, frame: Frame, mattes: Mapping[int, Matte]) -> TrackStep:
        self.given[frame.index] = set(mattes)
        carried = self.step(frame)
        self._members |= mattes.keys()
        return TrackStep(
            mattes={**carried.mattes, **mattes},
            scores={**carried.scores, **dict.fromkeys(mattes, 1.0)},
        )

    def step(self, frame: Frame) -> TrackStep:
        self.seen.append(frame.index)
        return TrackStep(
            mattes={n: self._answer(frame.index, n) for n in self._members},
            scores=dict.fromkeys(self._members, 0.9),
        )

    def prefetch(self, frame: Frame) -> None:
        """Nothing to begin with."""

    def revise(self, frame: Frame, mattes: Mapping[int, Matte]) -> None:
        raise ModelError("nothing is refined")

    def cut(self) -> None:
        raise ModelError("there is no cut")

    def forget(self, object_id: int) -> None:
        self._members.discard(object_id)

    def snapshot(self) -> bytes:
        return b"state"


class NoSegmenter:
    """Nothing is clicked here."""

    name = "none"

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        raise ModelError("nothing is clicked")


def clip() -> DrawnClip:
    """A disc and a tile that cross, the tile in front."""
    return draw_clip("two", frames=FRAMES, width=WIDTH, height=HEIGHT)


def index_masks() -> list[Values]:
    drawn = clip()
    found = []
    for index in range(FRAMES):
        values = np.zeros((HEIGHT, WIDTH), np.uint8)
        for number in (DISC, TILE):
            values[drawn.mask(number, index)] = number
        found.append(values)
    return found


def save(frames: Path, masks: Path, values: Sequence[Values], *, has_palette: bool = True) -> None:
    for folder in (frames, masks):
        folder.mkdir(parents=True)
    drawn = clip()
    for index, mask in enumerate(values):
        Image.fromarray(drawn.image(index)).save(frames / f"{index:05d}.png")
        picture = Image.fromarray(mask)
        if has_palette:
            picture.putpalette(voc_palette())
        picture.save(masks / f"{index:05d}.png")


def save_plain(folder: Path, values: Sequence[Values], *, has_palette: bool = True) -> Path:
    save(folder / "frames", folder / "masks", values, has_palette=has_palette)
    return folder.parent


def measured(folder: Path, answer: Answer | Known) -> Report:
    propagator = answer if isinstance(answer, Known) else Known(answer)
    models = Models(name="test", segmenter=NoSegmenter(), propagator=propagator)
    return evaluate(find_sequences(folder), models, short_side=HEIGHT, settings=AS_TOLD)


def upper_half(mask: Mask) -> Mask:
    """The upper half of a mask's pixels, one fewer where they are odd."""
    half = np.zeros(mask.size, bool)
    half[np.flatnonzero(mask)[: np.count_nonzero(mask) // 2]] = True
    return half.reshape(mask.shape)


@pytest.fixture(scope="module")
def values() -> list[Values]:
    return index_masks()


@pytest.mark.parametrize("has_palette", [True, False])
def test_each_object_is_scored_and_the_mean_is_over_all_objects(
    tmp_path: Path, values: list[Values], *, has_palette: bool
) -> None:
    save_plain(tmp_path / "both", values, has_palette=has_palette)
    save_plain(tmp_path / "disc", [np.where(v == DISC, np.uint8(255), 0) for v in values])

    def answer(index: int, number: int) -> Matte:
        mask = values[index] == number
        return (mask if number == DISC else upper_half(mask)).astype(np.float32)

    report = measured(tmp_path, answer)
    both, alone = report.sequences["both"].objects, report.sequences["disc"].objects
    assert (list(both), list(alone)) == ([DISC, TILE], [1])
    for found in (both[DISC], alone[1]):
        assert found.j == found.f == (1,) * (FRAMES - 2)
    tiles = [v == TILE for v in values]
    j = [upper_half(m).sum() / m.sum() for m in tiles][1:-1]
    f = [boundary_f(upper_half(m), m) for m in tiles][1:-1]
    assert both[TILE].j == pytest.approx(j)
    assert both[TILE].f == pytest.approx(f)
    # Three objects count alike, whichever sequence they are in.
    assert report.j == pytest.approx((2 + np.mean(j)) / 3)
    assert report.f == pytest.approx((2 + np.mean(f)) / 3)
    told = report.as_json()["sequences"]["both"]
    assert told["j"] == pytest.approx((1 + np.mean(j)) / 2)
    assert told["objects"]["2"]["jf"] == pytest.approx((np.mean(j) + np.mean(f)) / 2)
    lines = format_report(report).splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["both", "1", "2", "disc"]


def test_where_the_truth_is_void_nothing_counts(tmp_path: Path, values: list[Values]) -> None:
    # The lower half of the tile is not known; one tracker takes it, the other one does not.
    void = [v.copy() for v in values]
    for mask, known in zip(void, values, strict=True):
        mask[(known == TILE) & ~upper_half(known == TILE)] = 255
    save_plain(tmp_path / "set" / "both", void)

    def whole(index: int, number: int) -> Matte:
        return (values[index] == number).astype(np.float32)

    def half(index: int, number: int) -> Matte:
        return (void[index] == number).astype(np.float32)

    for answer in (whole, half):
        report = measured(tmp_path / "set", answer)
        assert list(report.sequences["both"].objects) == [DISC, TILE]
        assert (report.j, report.f) == (1, 1)


def test_an_object_enters_on_the_first_frame_that_shows_it(
    tmp_path: Path, values: list[Values]
) -> None:
    entry = 3
    late = [v.copy() for v in values]
    for index, mask in enumerate(late):
        if index < entry:
            mask[mask == TILE] = 0
        mask[:5, :5] = LATE if index == FRAMES - 2 else 0
    save_plain(tmp_path / "set" / "both", late)

    def all_of_it(index: int, number: int) -> Matte:
        return (late[index] == number).astype(np.float32)

    tracker = Known(all_of_it)
    report = measured(tmp_path / "set", tracker)
    found = report.sequences["both"].objects
    assert tracker.given == {0: {DISC}, entry: {TILE}}
    # Nobody asks where it was before: there is no pass backward.
    assert tracker.seen == list(range(FRAMES))
    assert (found[DISC].first_frame, found[TILE].first_frame) == (0, entry)
    assert len(found[DISC].j) == FRAMES - 2
    assert len(found[TILE].j) == len(found[TILE].scores) == FRAMES - 2 - entry
    assert (report.j, report.f) == (1, 1)
    # Seen on the last frame but one for the first time, it leaves no frame to be scored.
    assert report.sequences["both"].left_out == (LATE,)
    assert f"too late to be scored: both {LATE}" in format_report(report)


def test_the_strongest_object_has_a_pixel_that_several_claim(
    tmp_path: Path, values: list[Values]
) -> None:
    save_plain(tmp_path / "set" / "both", values)

    def answer(index: int, number: int) -> Matte:
        # Both claim all pixels of both, the right one a little more.
        mask = values[index]
        return np.where(mask == number, 0.9, np.where(mask > 0, 0.7, 0)).astype(np.float32)

    assert measured(tmp_path / "set", answer).j == 1


@pytest.mark.parametrize("value", [1, 7, 255])
def test_any_single_value_is_the_only_object(
    tmp_path: Path, values: list[Values], value: int
) -> None:
    save_plain(tmp_path / "one", [np.where(v == TILE, np.uint8(value), 0) for v in values])
    truth = Truth(find_sequences(tmp_path)[0])
    assert truth.first_frames == {1: 0}
    for index in range(FRAMES):
        np.testing.assert_array_equal(truth.masks(index)[1], values[index] == TILE)
        assert truth.ignored(index) is None


def test_values_that_are_no_numbering_are_refused(tmp_path: Path, values: list[Values]) -> None:
    save_plain(tmp_path / "grey", [v * np.uint8(100) for v in values], has_palette=False)
    with pytest.raises(InputError, match="masks of the sequence grey hold the values 100, 200"):
        Truth(find_sequences(tmp_path)[0])


def test_a_davis_tree_is_read(tmp_path: Path, values: list[Values]) -> None:
    for name in ("b", "a", "c"):
        frames, masks = (tmp_path / p / "480p" / name for p in ("JPEGImages", "Annotations"))
        save(frames, masks, values)
    assert [s.name for s in find_sequences(tmp_path)] == ["a", "b", "c"]
    for year, names in (("2016", "c\n"), ("2017", "c\nb\n")):
        (tmp_path / "ImageSets" / year).mkdir(parents=True)
        (tmp_path / "ImageSets" / year / "val.txt").write_text(names, encoding="utf-8")
        found = find_sequences(tmp_path)
        assert [s.name for s in found] == sorted(names.split())
    assert found[0].frames[3] == tmp_path / "JPEGImages" / "480p" / "b" / "00003.png"
    assert Truth(found[0]).first_frames == {DISC: 0, TILE: 0}


def test_a_davis_tree_that_is_not_whole_is_described(tmp_path: Path, values: list[Values]) -> None:
    (tmp_path / "JPEGImages" / "1080p").mkdir(parents=True)
    with pytest.raises(InputError, match="has no folder JPEGImages/480p"):
        find_sequences(tmp_path)
    frames, masks = tmp_path / "JPEGImages" / "480p", tmp_path / "Annotations" / "480p"
    save(frames / "a", masks / "a", values)
    (tmp_path / "ImageSets" / "2017").mkdir(parents=True)
    listed = tmp_path / "ImageSets" / "2017" / "val.txt"
    listed.write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"480p/b for the sequence 'b', which .*val\.txt names"):
        find_sequences(tmp_path)
    listed.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"val\.txt names no sequence"):
        find_sequences(tmp_path)
    listed.unlink()
    (masks / "a" / "00004.png").unlink()
    with pytest.raises(InputError, match="9 frames, but 8 masks"):
        find_sequences(tmp_path)
