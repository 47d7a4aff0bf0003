"""The sheets of a review page: which frames they show, and how large they grow."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tam_edit.media import Source, open_source
from tam_edit.review import Doubt, Review, find_doubts
from tam_edit.review import page as page_function
from tam_edit.review.pictures import MOST_INSIDE, MOST_OPEN, folded_frames, sheet_frames, tile_width
from tam_edit.review.pictures import picture as drawn_picture
from tam_edit.tracks import FrameScore, MemoryTracks, Origin, TrackedMatte
from tests.review_pages import Page, picture


def doubts_of(count: int, objects: int = 1) -> tuple[list[Doubt], MemoryTracks]:
    tracks = MemoryTracks()
    empty = np.zeros((12, 16), np.float32)
    scores = {}
    for number in range(1, objects + 1):
        tracks.append(0, {number: TrackedMatte(matte=empty, score=0.1, origin=Origin.PROPAGATED)})
        scores[number] = [
            FrameScore(i * 10 % 16 + i * 16, 0.3, Origin.PROPAGATED, ()) for i in range(count)
        ]
    return find_doubts(scores, {n: f"object {n}" for n in scores}, 0.5), tracks


@pytest.fixture
def source(disc_video: Path) -> Iterator[Source]:
    with open_source(disc_video) as opened:
        yield opened


def test_however_many_doubts_there_are_the_page_stays_small(
    source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = importlib.import_module("tam_edit.review.page")
    sheets = importlib.import_module("tam_edit.review.sheets")
    for part in (module, sheets):
        monkeypatch.setattr(part, "MOST_PICTURED", 4)
    monkeypatch.setattr(module, "MOST_LISTED", 7)
    monkeypatch.setattr(sheets, "MOST_PICTURE_BYTES", 20_000)
    doubts = [
        Doubt(
            object_id=1,
            name="disc",
            frames=(i % 16,),
            worst_frame=i % 16,
            worst_score=i / 1000,
            proposed_frame=i % 16,
            reasons=(),
        )
        for i in range(500)
    ]
    _, tracks = doubts_of(1)
    told: list[tuple[int, int]] = []
    review = Review(
        project=tmp_path / "shot.tam",
        source=source,
        reader=tracks,
        frames=range(16),
        names={1: "disc"},
        doubts=doubts,
        below=0.7,
        again="tam-edit review shot.tam",
    )
    found = Page("".join(page_function(review, lambda done, total: told.append((done, total)))))
    assert len(found.all("section")) == 4
    assert "493 further spans, which come after these, are left out" in found.text
    assert "496 further spans" in found.text
    assert "so that the page does not grow too large" in found.text
    size = sum(len(a["src"]) for a in found.all("img"))
    largest = max(len(a["src"]) for a in found.all("img"))
    assert 0 < size < 20_000 + 4 * largest
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def long_review(source: Source, path: Path) -> Review:
    """One span over the whole video, with a small mask on every frame."""
    tracks = MemoryTracks()
    matte = np.zeros((120, 160), np.float32)
    matte[50:60, 20:30] = 1
    count = source.info.frame_count
    for index in range(count):
        tracks.append(index, {1: TrackedMatte(matte=matte, score=0.1, origin=Origin.PROPAGATED)})
    doubts = find_doubts({1: tracks.scores(1)}, {1: "disc"}, 0.5)
    return Review(
        project=path,
        source=source,
        reader=tracks,
        frames=range(count),
        names={1: "disc"},
        doubts=doubts,
        below=0.5,
        again="tam-edit review shot.tam",
    )


def test_every_doubtful_frame_of_a_long_span_is_on_the_page(
    source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.import_module("tam_edit.review.pictures"), "MOST_OPEN", 8)
    review = long_review(source, tmp_path / "shot.tam")
    told: list[tuple[int, int]] = []
    found = Page("".join(page_function(review, lambda *at: told.append(at))))
    links = found.spans("a", **{"class": "open target"})
    assert sorted(int(a["data-frame"]) for a in links) == list(review.frames)
    assert "Show all 16 frames: the other 10 are here" in found.text
    # And all of them once more in the overview.
    assert told[-1] == (33, 33)
    # Each link leads to the figure around it, so that it opens without a script.
    assert {a["href"][1:] for a in links} == {a["id"] for a in found.spans("figure") if "id" in a}
    # What has no room is said, and the picture to click on stays.
    monkeypatch.setattr(importlib.import_module("tam_edit.review.sheets"), "MOST_FOLDED_BYTES", 1)
    found = Page("".join(page_function(review)))
    assert len(found.spans("a", **{"class": "open target"})) == 7
    assert "9 frames at the end of this span are left out" in found.text
    assert len(found.all("div", role="application")) == 1


def test_a_small_picture_shows_the_mask_inside_and_keeps_the_shape_of_the_frame(
    source: Source,
) -> None:
    tracks = MemoryTracks()
    for index, (rows, columns) in enumerate(
        [((0, 6), (0, 6)), ((110, 120), (150, 160)), ((50, 70), (60, 70)), ((0, 120), (0, 160))]
    ):
        matte = np.zeros((120, 160), np.float32)
        matte[slice(*rows), slice(*columns)] = 1
        tracks.append(index, {1: TrackedMatte(matte=matte, score=0.1, origin=Origin.PROPAGATED)})
        shown = drawn_picture(source, tracks, 1, index, most_width=40, is_close=True)
        x, y, width, height = shown.region
        assert 0 <= x <= columns[0] < columns[1] <= x + width <= 160
        assert 0 <= y <= rows[0] < rows[1] <= y + height <= 120
        assert width / height == pytest.approx(160 / 120, abs=0.05)
        assert shown.width <= 41
        assert picture(shown.uri).shape == (shown.height, shown.width, 3)
    assert shown.region == (0, 0, 160, 120)


def test_the_more_small_pictures_the_smaller_they_are() -> None:
    widths = [tile_width(count) for count in (1, 200, 201, 1000, 5000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] >= 200


@pytest.mark.parametrize("count", [1, 2, 7, MOST_OPEN, MOST_OPEN + 1, 100])
def test_a_sheet_shows_both_ends_the_proposed_frame_and_the_neighbours(count: int) -> None:
    frames = tuple(range(10, 10 + count))
    for proposed in frames:
        doubt = Doubt(
            object_id=1,
            name="x",
            frames=frames,
            worst_frame=10,
            worst_score=0.1,
            proposed_frame=proposed,
            reasons=(),
        )
        shown = sheet_frames(doubt, range(200))
        assert {9, 10, frames[-1], frames[-1] + 1, proposed} <= set(shown)
        folded = folded_frames(doubt, shown)
        assert len(shown) == (count if count <= MOST_OPEN else MOST_INSIDE) + 2
        assert shown == sorted(shown)
        assert sorted({*shown, *folded} - {9, 10 + count}) == list(frames)
        assert not set(shown) & set(folded)
    assert sheet_frames(doubt, range(10, 10 + count))[0] == 10
