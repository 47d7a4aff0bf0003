"""A recipe that writes an inpainting bundle: the same as the export, in one pass with mattes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tam_edit.errors import EncodeError, RecipeError
from tam_edit.export import ExportOptions, export
from tam_edit.inpaint import CoverMasks, broken_rules
from tam_edit.recipe import Recipe, in_words, parse_recipe
from tam_edit.render import Ledger, RenderJob, check_outputs, render

HEAD = 'schema = "tam_edit.recipe/1"\ntitle = "t"\n[[steps]]\nkind = "track"\n'
BLUR = '[[steps]]\nkind = "effect"\neffect = "blur"\n'
BUNDLE = '[[steps]]\nkind = "export"\nwhat = "inpaint"\n'
GROW = '[[steps]]\nkind = "matte"\ngrow_px = 5.0\n'


def recipe_of(*steps: str) -> Recipe:
    return parse_recipe(HEAD + "".join(steps), "here")


def job_of(shot: Any, recipe: Recipe, **changes: Any) -> RenderJob:
    job = shot.job()
    facts = {"tracks": job.tracks, "names": job.names, "in_frame": 3, "out_frame": 10}
    return RenderJob(recipe=recipe, **(facts | changes))


def files_in(folder: Path) -> dict[str, bytes]:
    found = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


def masks_in(folder: Path) -> np.ndarray[Any, Any]:
    return np.array([np.array(Image.open(p)) > 0 for p in sorted((folder / "masks").iterdir())])


def test_a_recipe_writes_what_the_export_writes(shot: Any, tmp_path: Path) -> None:
    step = BUNDLE + 'grow_px = 3.0\nsteady_frames = 2\nlama_names = true\nobjects = ["disc"]\n'
    job = job_of(shot, recipe_of(step), cuts=(6,))
    report = render(shot.source, job, tmp_path / "rendered")
    assert (report.main.what, report.frame_count, report.pixel_format) == ("inpaint", 7, "rgb24")
    options = ExportOptions(grow_px=3, steady_frames=2, lama=True)
    names = {i: name for i, name in job.names.items() if name == "disc"}
    exported = shot.job(names=names, cuts=(6,), options=options)
    export("inpaint", exported, tmp_path / "exported")
    assert files_in(tmp_path / "rendered") == files_in(tmp_path / "exported")
    assert broken_rules(tmp_path / "rendered") == []


def test_masks_are_those_after_the_matte_steps_and_come_with_mattes_in_one_pass(
    shot: Any, tmp_path: Path
) -> None:
    luma = '[[steps]]\nkind = "export"\nwhat = "luma"\npath = "{stem}-luma.mkv"\n'
    job = job_of(shot, recipe_of(GROW, BUNDLE, luma))
    report = render(shot.source, job, tmp_path / "b")
    assert [each.what for each in report.outputs] == ["inpaint", "luma"]
    ids = tuple(job.names)
    grown = CoverMasks(lambda k: shot.matte(ids, k), range(3, 10), (64, 48), grow_px=5.0)
    plain = CoverMasks(lambda k: shot.matte(ids, k), range(3, 10), (64, 48))
    found = masks_in(tmp_path / "b")
    # A matte grown before it is thresholded is a mask grown after, but for half a pixel at its rim.
    for index, mask in enumerate(found, start=3):
        assert (plain.mask(index) <= mask).all()
        differing = np.count_nonzero(grown.mask(index) != mask)
        assert differing < 0.05 * np.count_nonzero(mask), index
        assert np.count_nonzero(mask) > 1.2 * np.count_nonzero(plain.mask(index))


def test_edges_that_follow_the_picture_read_each_frame_once(
    shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(index: int) -> None:
        raise AssertionError(f"frame {index} was decoded a second time")

    monkeypatch.setattr(shot.source, "frame", again)
    follow = '[[steps]]\nkind = "matte"\nfollow_edges_frac = 0.05\n'
    render(
        shot.source, job_of(shot, recipe_of(follow, BUNDLE, "steady_frames = 3\n")), tmp_path / "b"
    )
    assert broken_rules(tmp_path / "b") == []


@pytest.mark.parametrize(
    ("steps", "sentence", "hint"),
    [
        ((BLUR, BUNDLE), "cannot be inpaint beside the effect in steps[1]", "without effects"),
        (
            (BUNDLE, 'format = "png"\n'),
            "does nothing for inpaint",
            "PNGs of 8 bits",
        ),
        (
            (BUNDLE, "bits = 16\n"),
            "does nothing for inpaint",
            "PNGs of 8 bits",
        ),
        ((BUNDLE, "grow_px = -1.0\n"), "grow_px", "0"),
        ((BLUR, BUNDLE.replace("inpaint", "picture"), "grow_px = 2.0\n"), "for picture", "inpaint"),
        ((BUNDLE.replace("inpaint", "masks"), "lama_names = true\n"), "for masks", "inpaint"),
    ],
)
def test_what_a_bundle_cannot_be_is_refused(
    steps: tuple[str, ...], sentence: str, hint: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of(*steps)
    assert sentence in str(caught.value)
    assert hint in f"{caught.value} {caught.value.hint}"


def test_a_folder_with_something_else_in_it_is_refused_before_any_work(
    shot: Any, tmp_path: Path
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "letter.txt").write_text("dear")
    with pytest.raises(EncodeError, match=r"'letter\.txt', which is no part of an inpainting"):
        check_outputs(shot.source, recipe_of(BUNDLE), tmp_path / "b", overwrite=True)
    render(shot.source, job_of(shot, recipe_of(BUNDLE)), tmp_path / "c")
    with pytest.raises(EncodeError, match="exists already"):
        check_outputs(shot.source, recipe_of(BUNDLE), tmp_path / "c")


@pytest.mark.parametrize("what", ["inpaint", "masks"])
def test_a_folder_is_not_named_like_a_video(shot: Any, tmp_path: Path, what: str) -> None:
    recipe = recipe_of(BUNDLE.replace("inpaint", what))
    with pytest.raises(EncodeError, match=r"out\.mov is named like a video") as caught:
        check_outputs(shot.source, recipe, tmp_path / "out.mov")
    assert f"{tmp_path}/out/" in caught.value.hint
    assert check_outputs(shot.source, recipe, f"{tmp_path}/out.mov/") == [tmp_path / "out.mov"]


def test_a_finished_bundle_is_not_written_again_unless_something_changed(
    shot: Any, tmp_path: Path
) -> None:
    ledger = Ledger({}, {"video": 1}, lambda object_id: f"mattes of {object_id}")
    job = job_of(shot, recipe_of(BUNDLE))

    def was_there(job: RenderJob) -> bool:
        report = render(shot.source, job, tmp_path / "b", ledger=ledger, overwrite=True)
        return report.main.was_there

    assert not was_there(job)
    assert was_there(job)
    cut = replace(job, cuts=(6,))
    assert not was_there(cut)
    assert was_there(cut)
    assert not was_there(replace(cut, recipe=recipe_of(BUNDLE, "grow_px = 1.0\n")))
    # What lies in the folder's folders counts, too.
    assert not was_there(cut)
    (tmp_path / "b" / "masks" / "00003.png").write_bytes(b"")
    assert not was_there(cut)
    assert json.loads((tmp_path / "b" / "bundle.json").read_text())["in_frame"] == 3


def test_a_failure_leaves_the_bundle_of_before(
    shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(shot, recipe_of(BUNDLE))
    render(shot.source, job, tmp_path / "b")
    before = files_in(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EncodeError, match=r"the bundle cannot be written \(No space left"):
        render(shot.source, job, tmp_path / "b", overwrite=True)
    monkeypatch.undo()
    assert files_in(tmp_path) == before


def test_a_bundle_is_told_in_words() -> None:
    step = recipe_of(BUNDLE, "grow_px = 6.0\n").exports[0]
    told = "the output: frames and masks of all objects for inpainting models, grow_px = 6.0"
    assert in_words(step) == told
