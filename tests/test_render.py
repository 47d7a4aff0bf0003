"""Rendering: which frames and objects effects see, and what stands when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from tam_edit.effect import ClipInfo, ClipReader, Effect, Layer
from tam_edit.errors import InputError, UnknownNameError
from tam_edit.frame import Frame
from tam_edit.media import Source, open_source
from tam_edit.recipe import EffectStep, EffectUse, Recipe, parse_recipe
from tam_edit.render import RenderJob, render
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte
from tam_edit.types import Box, Matte

FRAMES = 16
RECIPE = """
schema = "tam_edit.recipe/1"
title = "Fill"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
effect = "fill"
objects = {objects}
margin_px = 0
with = {{ color = "white" }}
[[steps]]
kind = "export"
format = "ffv1"
"""


@pytest.fixture
def source(disc_video: Path) -> Iterator[Source]:
    with open_source(disc_video) as opened:
        yield opened


def boxes() -> MemoryTracks:
    """Object 1 in the left upper corner, object 2 in the right lower one."""
    tracks = MemoryTracks()
    for index in range(FRAMES):
        mattes = np.zeros((2, 120, 160), np.float32)
        mattes[0, :20, :20] = mattes[1, 100:, 140:] = 1
        tracks.append(
            index,
            {
                k + 1: TrackedMatte(matte=m, score=1, origin=Origin.PROPAGATED)
                for k, m in enumerate(mattes)
            },
        )
    return tracks


def job(recipe: Recipe, **changes: object) -> RenderJob:
    facts: dict[str, object] = {
        "recipe": recipe,
        "tracks": boxes().track_set(),
        "names": {1: "left", 2: "right"},
        "in_frame": 0,
        "out_frame": FRAMES,
    }
    return RenderJob(**(facts | changes))  # type: ignore[arg-type]


def changed(source: Source, path: Path, start: int = 0) -> list[np.ndarray]:
    with open_source(path) as written:
        pairs = zip(source.frames(start), written.frames(), strict=False)
        return [a.planes[0] != b.planes[0] for a, b in pairs]


@pytest.mark.parametrize(
    ("objects", "corners"),
    [('"all"', 2), ('["left"]', 1), ('["right"]', 1), ('["right", "left"]', 2)],
)
def test_an_effect_acts_on_the_objects_that_the_recipe_names(
    source: Source, tmp_path: Path, objects: str, corners: int
) -> None:
    recipe = parse_recipe(RECIPE.format(objects=objects), "here")
    report = render(source, job(recipe), tmp_path / "out.mkv")
    assert (report.frame_count, report.pixel_format) == (FRAMES, "yuv420p")
    for differs in changed(source, tmp_path / "out.mkv"):
        assert differs[:20, :20].any() == ("left" in objects or "all" in objects)
        assert differs[100:, 140:].any() == ("right" in objects or "all" in objects)
        assert not differs[30:90].any()
        assert differs.sum() <= corners * 400


def test_frames_that_are_covered_are_covered_whole(source: Source, tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE.format(objects='"all"'), "here")
    render(source, job(recipe, covered_frames=frozenset({3})), tmp_path / "out.mkv")
    with open_source(tmp_path / "out.mkv") as written:
        assert (written.frame(3).rgb >= 254).all()
        assert (written.frame(4).rgb < 254).any()


def test_only_the_frames_between_the_points_are_written(source: Source, tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE.format(objects='"all"'), "here")
    render(source, job(recipe, in_frame=5, out_frame=9), tmp_path / "out.mkv")
    differences = changed(source, tmp_path / "out.mkv", start=5)
    assert len(differences) == 4
    assert not any(differs[30:90].any() for differs in differences)


def test_an_object_that_is_not_there_is_refused(source: Source, tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE.format(objects='["lefd"]'), "here")
    with pytest.raises(UnknownNameError, match="lefd") as caught:
        render(source, job(recipe), tmp_path / "out.mkv")
    assert "left" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_frame_that_was_not_tracked_is_refused(source: Source, tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE.format(objects='"all"'), "here")
    gap = MemoryTracks()
    entry = TrackedMatte(matte=np.ones((120, 160), np.float32), score=1, origin=Origin.PROPAGATED)
    for index in (0, 1, 2, 4):
        gap.append(index, {1: entry})
    with pytest.raises(InputError, match=r"'left' has no mask yet on 12 frames \(3, 5-15\)"):
        render(source, job(recipe, tracks=gap.track_set(), names={1: "left"}), tmp_path / "out.mkv")


def test_a_background_picture_is_shown_behind_the_object(source: Source, tmp_path: Path) -> None:
    still = tmp_path / "still.png"
    Image.fromarray(np.full((30, 40, 3), (10, 200, 30), np.uint8)).save(still)
    recipe = tmp_path / "replace.toml"
    recipe.write_text(
        'schema = "tam_edit.recipe/1"\ntitle = "t"\n[[steps]]\nkind = "track"\n[[steps]]\n'
        'kind = "effect"\neffect = "background-replace"\nwith = { image = "still.png" }\n'
        '[[steps]]\nkind = "export"\nformat = "ffv1"\n',
        encoding="utf-8",
    )
    from tam_edit.recipe import load_recipe

    render(source, job(load_recipe(recipe)), tmp_path / "out.mkv")
    with open_source(tmp_path / "out.mkv") as written:
        shown = written.frame(7).rgb.astype(int)
    assert np.abs(shown[40:80, 40:120] - (10, 200, 30)).max() <= 4
    with open_source(source.info.path) as before:
        assert np.array_equal(before.frame(7).rgb[4:16, 4:16], shown[4:16, 4:16])


@dataclass(frozen=True, kw_only=True)
class Ahead(Effect):
    """Notes which frames it can see."""

    name: ClassVar[str] = "ahead"
    summary: ClassVar[str] = "Looks two frames ahead."
    lookahead_frames: ClassVar[int] = 2
    seen: ClassVar[list[tuple[int, ...]]] = []
    clip: ClipReader | None = None

    def begin(self, info: ClipInfo, clip: ClipReader) -> Effect:
        assert (info.frame_count, info.width, info.height, info.bits) == (FRAMES, 160, 120, 8)
        return Ahead(clip=clip)

    def render(self, frame: Frame, matte: Matte) -> Layer:
        assert self.clip is not None
        visible = []
        for index in range(frame.index, frame.index + 4):
            try:
                visible.append(self.clip.frame(index).index)
            except InputError:
                break
        self.seen.append(tuple(visible))
        assert np.array_equal(self.clip.matte(frame.index) > 0.5, matte > 0.5)
        return Layer(box=Box(0, 0, 0, 0))


def test_an_effect_sees_as_far_ahead_as_it_says(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = parse_recipe(RECIPE.format(objects='"all"'), "here")
    step = EffectStep(kind="effect", effect="fill")
    monkeypatch.setattr(Recipe, "effects", lambda self: [EffectUse(step, Ahead())])
    Ahead.seen.clear()
    render(source, job(recipe), tmp_path / "out.mkv")
    assert Ahead.seen == [tuple(range(i, min(i + 3, FRAMES))) for i in range(FRAMES)]
