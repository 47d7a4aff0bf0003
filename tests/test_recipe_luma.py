"""A recipe that writes mattes as pictures: in one pass with the cut-out, or alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import OpenEXR
import pytest

import tam_edit.media.kept_plane
from tam_edit.errors import EncodeError, RecipeError
from tam_edit.media import HdrFacts, open_source
from tam_edit.media.kept_plane import KeptPlane
from tam_edit.recipe import Recipe, check_objects, in_words, parse_recipe
from tam_edit.render import Ledger, RenderJob, check_outputs, render

HEAD = """schema = "tam_edit.recipe/1"
title = "t"
[[steps]]
kind = "track"
"""
CUT = '[[steps]]\nkind = "effect"\neffect = "background-remove"\n'
BLUR = '[[steps]]\nkind = "effect"\neffect = "blur"\n'
MATTE = '[[steps]]\nkind = "matte"\nobjects = ["disc"]\ngrow_px = 2.0\n'
MAIN = '[[steps]]\nkind = "export"\n'
LUMA = '[[steps]]\nkind = "export"\nwhat = "luma"\n'
BESIDE = LUMA + 'path = "{stem}-luma.mkv"\n'


def recipe_of(*steps: str) -> Recipe:
    return parse_recipe(HEAD + "".join(steps), "here")


def job_of(shot: Any, recipe: Recipe) -> RenderJob:
    job = shot.job()
    return RenderJob(
        recipe=recipe,
        tracks=job.tracks,
        names=job.names,
        in_frame=job.in_frame,
        out_frame=job.out_frame,
    )


def test_cut_out_and_luma_come_from_one_pass(
    shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    frames = shot.source.frames

    def counted(*span: int) -> Iterator[Any]:
        for frame in frames(*span):
            decoded.append(frame.index)
            yield frame

    disc = BESIDE + 'objects = ["disc"]\n'
    recipe = recipe_of(MATTE, CUT, MAIN, disc)
    with monkeypatch.context() as patch:
        patch.setattr(shot.source, "frames", counted)
        report = render(shot.source, job_of(shot, recipe), tmp_path / "cut.mov")
    assert decoded == list(range(3, 10))
    main, luma = report.outputs
    assert (main.what, luma.what) == ("picture", "luma")
    assert (main.pixel_format, luma.pixel_format) == ("yuva444p12le", "gray")
    with open_source(main.path) as picture, open_source(luma.path) as matte:
        assert len(picture.info.audio) == 1
        assert matte.info.audio == ()
        for cut, gray in zip(picture.frames(), matte.frames(), strict=True):
            opacity, values = cut.opacity(), gray.planes[0] / 255
            assert opacity is not None
            left = slice(0, 40)  # the tile is to the right
            assert np.abs(opacity[:, left] - values[:, left]).max() < 0.005
            assert values[:, 52:].max() == 0
            assert opacity[:, 52:].max() == 1


def test_luma_with_sound_where_that_is_said(shot: Any, tmp_path: Path) -> None:
    recipe = recipe_of(LUMA, "copy_sound = true\n")
    assert "sound copied" in in_words(recipe.exports[0])
    render(shot.source, job_of(shot, recipe), tmp_path / "l.mov")
    with open_source(tmp_path / "l.mov") as luma:
        assert len(luma.info.audio) == 1


def test_a_luma_is_written_again_when_its_masks_change(shot: Any, tmp_path: Path) -> None:
    settings: dict[str, object] = {}
    recipe = recipe_of(BLUR, MAIN, BESIDE + 'objects = ["disc"]\n')

    def there(tile: str, recipe: Recipe = recipe) -> list[bool]:
        digests = {1: "disc", 2: tile}
        ledger = Ledger(settings, {"identity": "v"}, digests.__getitem__)
        job = job_of(shot, recipe)
        report = render(shot.source, job, tmp_path / "o.mkv", ledger=ledger, overwrite=True)
        return [each.was_there for each in report.outputs]

    assert there("a") == [False, False]
    assert there("a") == [True, True]
    changed = recipe_of(BLUR, MAIN, BESIDE + 'objects = ["disc"]\nbits = 16\n')
    assert there("a", changed) == [True, False]


@pytest.mark.parametrize("is_copied", [True, False])
def test_an_exr_says_its_timecode_unless_nothing_is_to_be_said(
    shot: Any, tmp_path: Path, is_copied: bool
) -> None:
    said = f'format = "exr"\ncopy_metadata = {str(is_copied).lower()}\n'
    render(shot.source, job_of(shot, recipe_of(LUMA, said)), tmp_path / "e")
    with OpenEXR.File(str(tmp_path / "e" / "frame.00005.exr")) as file:
        assert ("timeCode" in file.header()) == is_copied


def test_exr_of_a_picture_with_an_effect_that_cuts_nothing_out(shot: Any, tmp_path: Path) -> None:
    recipe = recipe_of(BLUR, MAIN + 'format = "exr"\n')
    report = render(shot.source, job_of(shot, recipe), tmp_path / "e")
    assert (report.pixel_format, report.frame_count) == ("half", 7)
    with OpenEXR.File(str(tmp_path / "e" / "frame.00005.exr"), separate_channels=True) as file:
        channels = {name: np.array(each.pixels) for name, each in file.channels().items()}
    assert sorted(channels) == ["A", "B", "G", "R", "a_tile.A", "disc.A"]
    assert (channels["A"] == 1).all()


@pytest.mark.parametrize(
    ("steps", "parts", "hint"),
    [
        ((BLUR, MAIN, 'objects = ["disc"]\n'), ["steps[2].objects", "nothing for picture"], "luma"),
        ((LUMA, 'alpha = "premultiplied"\n'), ["steps[1].alpha", "nothing for luma"], "leave"),
        ((LUMA, 'format = "hevc"\n'), ["steps[1].format", "cannot hold a matte"], "ffv1, h264"),
        ((LUMA, 'format = "vp9-alpha"\n'), ["cannot hold a matte"], "exr, ffv1"),
        ((BLUR, MAIN, 'alpha = "premultiplied"\n'), ["steps[2].alpha", "no effect"], "leave alpha"),
        ((CUT, MAIN, 'alpha = "unmatted"\n'), ["steps[2].alpha", "'unmatted'"], ""),
        ((LUMA, "bits = 12\n"), ["steps[1].bits", "number 12", "8, 10, 16"], ""),
        ((MATTE, BLUR, MAIN, 'what = "masks"\nbits = 8\n'), ["bits", "nothing for masks"], "leave"),
    ],
)
def test_settings_that_would_do_nothing_are_faults(
    steps: tuple[str, ...], parts: list[str], hint: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of(*steps)
    for part in parts:
        assert part in str(caught.value)
    assert hint in caught.value.hint


def test_objects_of_a_luma_must_be_there() -> None:
    recipe = recipe_of(LUMA, 'objects = ["disk"]\n')
    with pytest.raises(RecipeError, match=r"steps\[1\]\.objects\[0\].*'disk'"):
        check_objects(recipe, ["disc", "a tile"])


@pytest.mark.parametrize(
    ("target", "step", "sentence"),
    [
        ("l.mp4", "bits = 16\n", "h264 has at most 8 bits"),
        ("l.webm", "", "a matte is not written to"),
        ("e", 'format = "exr"\ncodec_options = { compression = "x" }\n', "no compression 'x'"),
        ("e", 'format = "exr"\ncodec_options = { crf = 1 }\n', "EXR knows no option crf"),
    ],
)
def test_what_cannot_be_written_is_found_before_tracking(
    shot: Any, tmp_path: Path, target: str, step: str, sentence: str
) -> None:
    with pytest.raises((EncodeError, ValueError), match=sentence):
        check_outputs(shot.source, recipe_of(LUMA, step), tmp_path / target)


def test_a_missing_openexr_is_found_before_tracking(
    shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(EncodeError, match="not installed"):
        check_outputs(shot.source, recipe_of(LUMA, 'format = "exr"\n'), tmp_path / "e")


def test_what_is_written_is_told_in_words() -> None:
    luma = recipe_of(LUMA, 'objects = ["disc"]\nbits = 16\nformat = "ffv1"\n').exports[0]
    told = in_words(luma)
    assert told.startswith("the output: the matte of disc as a grey picture, ffv1, 16 bits")
    assert told.endswith("start timecode copied")
    exr = recipe_of(LUMA, 'format = "exr"\ncopy_metadata = false\n').exports[0]
    assert (
        in_words(exr) == "the output: the matte of all objects with a layer each, exr, no timecode"
    )
    cut = recipe_of(CUT, MAIN, 'alpha = "premultiplied"\n').exports[0]
    assert "format by file name, premultiplied" in in_words(cut)


def test_another_ffmpeg_shows_white_as_white(shot: Any, tmp_path: Path) -> None:
    """The program ffmpeg, of another version, and the full-range flag of MP4's colour box."""
    render(shot.source, job_of(shot, recipe_of(LUMA)), tmp_path / "l.mp4")
    data = (tmp_path / "l.mp4").read_bytes()
    # ISO/IEC 23001-8: primaries, transfer and matrix of 16 bits each, then the flag.
    assert b"colrnclx\x00\x01\x00\x01\x00\x01\x80" in data
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "l.mp4")]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    shown = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8)
    frames = shown.reshape(-1, 48, 64, 3)
    assert len(frames) == 7
    for index, frame in enumerate(frames, start=3):
        wanted = shot.matte((1, 2), index)
        assert frame[wanted == 1].mean() > 254
        assert frame[wanted == 0].mean() < 1


def test_what_a_display_was_set_up_to_does_not_go_with_a_matte(
    shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hdr = HdrFacts(light_level=(1000, 400))
    monkeypatch.setattr(shot.source, "info", replace(shot.source.info, hdr=hdr))
    recipe = recipe_of(BLUR, MAIN, LUMA + 'path = "{stem}-luma.mp4"\n')
    main, luma = render(shot.source, job_of(shot, recipe), tmp_path / "o.mp4").outputs
    with open_source(main.path) as picture, open_source(luma.path) as matte:
        assert picture.info.hdr == hdr
        assert not matte.info.hdr.is_present


def test_alpha_may_be_as_coarse_as_was_asked_for(shot: Any, tmp_path: Path) -> None:
    coarse = MAIN + "copy_sound = false\ncodec_options = { crf = 63 }\n"
    render(shot.source, job_of(shot, recipe_of(CUT, coarse)), tmp_path / "w.webm")
    with open_source(tmp_path / "w.webm") as written:
        opacity = written.frame(3).opacity()
        assert opacity is not None
        # Coarser than the format's own setting may be, and alpha all the same.
        assert 0.12 < np.abs(opacity - shot.matte((1, 2), 6)).max() < 0.5


def test_alpha_of_long_videos_is_kept_on_disk(
    shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    begin = KeptPlane.__init__

    def watched(self: KeptPlane, *args: Any) -> None:
        begin(self, *args)
        kept.append(self._file)

    monkeypatch.setattr(KeptPlane, "__init__", watched)
    monkeypatch.setattr(tam_edit.media.kept_plane, "MOST_IN_MEMORY", 100)
    render(shot.source, job_of(shot, recipe_of(CUT, MAIN)), tmp_path / "o.mkv")
    (file,) = kept
    assert file.closed
    assert file._rolled
    with open_source(tmp_path / "o.mkv") as written:
        assert written.info.frame_count == 7
