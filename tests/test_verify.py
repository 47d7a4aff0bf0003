"""The verify step: a right render passes, and each way to be wrong is found and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import EncodeError
from tam_edit.frame import Frame
from tam_edit.media import Source, open_source
from tam_edit.media.file_sink import FileSink
from tam_edit.recipe import Recipe, parse_recipe
from tam_edit.render import RenderJob, RenderReport, render
from tam_edit.render import verify as verifying
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

FRAMES = 16
RECIPE = """schema = "tam_edit.recipe/1"
title = "t"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
effect = "{effect}"
{settings}
[[steps]]
kind = "export"
copy_sound = false
[[steps]]
kind = "verify"
{limits}
"""


def recipe_of(
    effect: str = "fill", settings: str = "", limits: str = "inside_correlation = 0.5"
) -> Recipe:
    return parse_recipe(RECIPE.format(effect=effect, settings=settings, limits=limits), "here")


@pytest.fixture
def source(disc_video: Path) -> Iterator[Source]:
    with open_source(disc_video) as opened:
        yield opened


@pytest.fixture(scope="session")
def true_tracks(disc: DrawnClip) -> MemoryTracks:
    tracks = MemoryTracks()
    for index in range(FRAMES):
        matte = disc.mask(1, index).astype(np.float32)
        tracks.append(index, {1: TrackedMatte(matte=matte, score=1, origin=Origin.PROPAGATED)})
    return tracks


Rendered = Callable[..., RenderReport]


@pytest.fixture
def rendered(source: Source, true_tracks: MemoryTracks, tmp_path: Path) -> Rendered:
    def run(recipe: Recipe, name: str = "out.mp4", **changes: object) -> RenderReport:
        facts: dict[str, object] = {
            "recipe": recipe,
            "tracks": true_tracks.track_set(),
            "names": {1: "disc"},
            "in_frame": 0,
            "out_frame": FRAMES,
        }
        return render(source, RenderJob(**(facts | changes)), f"{tmp_path}/{name}")  # type: ignore[arg-type]

    return run


def spoil(monkeypatch: pytest.MonkeyPatch, index: int, change: Callable[[Frame], Frame]) -> None:
    """One frame is changed on its way into the encoder."""
    encode = FileSink._encode

    def spoilt(self: FileSink, frame: Frame) -> None:
        encode(self, change(frame) if frame.index == index else frame)

    monkeypatch.setattr(FileSink, "_encode", spoilt)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov", "out.webm", "out/"])
@pytest.mark.parametrize("effect", ["fill", "background-remove"])
def test_a_right_render_passes_in_every_format(rendered: Rendered, name: str, effect: str) -> None:
    if (effect, name) == ("background-remove", "out.mp4"):
        pytest.skip("MP4 holds no transparency")
    verified = rendered(recipe_of(effect), name).main.verified
    assert verified is not None
    assert verified.frame_count == FRAMES
    assert verified.outside_psnr_db is not None
    assert verified.outside_psnr_db.value > 38
    assert verified.outside_psnr_db.frames_measured == FRAMES
    assert (verified.inside_correlation is None) == (effect == "background-remove")
    if verified.inside_correlation is not None:
        assert verified.inside_correlation.value < 0.1


def test_without_loss_the_outside_is_the_same(rendered: Rendered) -> None:
    recipe = recipe_of(limits="outside_psnr_db = 100").model_copy()
    steps = [
        step.model_copy(update={"format": "ffv1"}) if step.kind == "export" else step
        for step in recipe.steps
    ]
    recipe = recipe.model_copy(update={"steps": tuple(steps)})
    verified = rendered(recipe, "out.mkv").main.verified
    assert verified is not None
    assert verified.outside_psnr_db is not None
    assert verified.outside_psnr_db.value == 100


def test_in_and_out_points_and_effects_in_a_span_are_heeded(rendered: Rendered) -> None:
    recipe = recipe_of(settings="in_point = 6\nout_point = 9", limits="outside_psnr_db = 30")
    verified = rendered(recipe, in_frame=4, out_frame=12).main.verified
    assert verified is not None
    assert verified.frame_count == 8
    assert verified.inside_correlation is not None
    assert verified.inside_correlation.frames_measured == 3
    assert verified.bare_frames == (4, 5, 9, 10, 11)


def test_a_frame_that_was_not_covered_is_found(
    rendered: Rendered, source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoil(monkeypatch, 5, lambda frame: replace(frame, planes=source.frame(5).planes))
    with pytest.raises(EncodeError) as caught:
        rendered(recipe_of())
    message = str(caught.value)
    assert "frame 5 (00:00:00:05)" in message
    assert "correlates with the source by" in message
    assert "0.5 is the most that inside_correlation allows" in message
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_change_where_no_effect_acted_is_found(
    rendered: Rendered, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def marked(frame: Frame) -> Frame:
        luma = frame.planes[0].copy()
        luma[:32, -32:] = 255 - luma[:32, -32:]
        return frame.with_planes((luma, *frame.planes[1:]))

    spoil(monkeypatch, 11, marked)
    with pytest.raises(EncodeError, match=r"frame 11 .* dB .*30 dB are the least"):
        rendered(recipe_of())
    assert not list(tmp_path.iterdir())


def test_a_file_that_breaks_off_is_found(
    rendered: Rendered, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    complete = FileSink._complete

    def truncated(self: FileSink) -> None:
        complete(self)
        data = self.hidden.read_bytes()
        self.hidden.write_bytes(data[: len(data) * 3 // 4])

    monkeypatch.setattr(FileSink, "_complete", truncated)
    with pytest.raises(EncodeError, match="was written, but"):
        rendered(recipe_of(), "out.mkv")
    assert not list(tmp_path.iterdir())


def test_a_frame_at_another_time_is_found(
    rendered: Rendered, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    time_of = source.time_of
    complete = FileSink._complete

    def late(self: FileSink) -> None:
        complete(self)
        tick = source.info.time_base
        monkeypatch.setattr(source, "time_of", lambda i: time_of(i) + tick * (i == 0))

    monkeypatch.setattr(FileSink, "_complete", late)
    recipe = recipe_of()
    with pytest.raises(EncodeError, match=r"frame 4 .* ms off"):
        rendered(recipe, in_frame=4)


def test_pixels_say_what_is_left(rendered: Rendered) -> None:
    """Pixelation leaves coarse brightness, a fill nothing: the limits can tell them apart."""
    limits = "inside_correlation = 1"
    left = {}
    for effect in ("fill", "pixelate", "blur"):
        verified = rendered(recipe_of(effect, limits=limits), f"{effect}.mp4").main.verified
        assert verified is not None
        assert verified.inside_correlation is not None
        left[effect] = verified.inside_correlation.value
    assert left["fill"] < 0.1 < left["pixelate"]
    assert left["blur"] > 0.1


def test_measures_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(0)
    luma = rng.random((64, 64), np.float32)
    where = np.ones((64, 64), bool)
    noisy = luma + np.float32(0.01)
    assert verifying._psnr_db(luma, noisy, where) == pytest.approx(40, abs=0.01)
    assert verifying._psnr_db(luma, luma, where) == 100
    assert verifying._psnr_db(luma, noisy, where & (np.arange(64) < 15)) is None
    mixed = 0.3 * luma + rng.random((64, 64), np.float32)
    expected = np.corrcoef(luma.ravel(), mixed.ravel())[0, 1]
    assert verifying._correlation(luma, mixed, where) == pytest.approx(expected, abs=1e-6)
    for same in (luma, 1 - luma, 0.5 * luma):
        assert 1 - 1e-6 < verifying._correlation(luma, same, where) <= 1
    assert verifying._correlation(luma, np.zeros_like(luma), where) == 0
    assert verifying._correlation(np.zeros_like(luma), luma, where) is None


def test_what_is_told_survives_json() -> None:
    from tam_edit.render import Verified, Worst

    worst = Worst(value=41.5, frame=7, frames_measured=9)
    for psnr, correlation in ((worst, None), (None, worst)):
        verified = Verified(
            frame_count=9,
            outside_psnr_db=psnr,
            inside_correlation=correlation,
            bare_frames=(3, 4),
        )
        assert Verified.from_json(verified.as_json()) == verified
