"""What a person said on a frame stands in the finished matte on that frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from tam_edit.export import ExportOptions
from tam_edit.masks.edges import grown
from tam_edit.masks.pieces import upheld
from tam_edit.media import open_source
from tam_edit.presets import load_preset
from tam_edit.prompts import ObjectPrompts, Prompts, Said
from tam_edit.recipe import parse_recipe
from tam_edit.render import RenderJob, check_recipe
from tam_edit.render.mattes import mattes_of
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte
from tam_edit.types import Matte

FRAMES, SAID = 16, 6
HEAD = 'schema = "tam_edit.recipe/1"\ntitle = "t"\n[[steps]]\nkind = "track"\n'
FILL = '[[steps]]\nkind = "effect"\neffect = "fill"\n'
TIDY = "smooth_frames = 2\nfill_holes_frac = 0.2\ndrop_specks_frac = 0.2\nsmooth_edge_px = 3\n"
# A body with two holes, and two pieces beside it; one of each is pointed at.
PIECE, OTHER_PIECE = np.s_[20:26, 100:106], np.s_[90:96, 100:106]
HOLE, OTHER_HOLE = np.s_[50:55, 40:45], np.s_[70:75, 60:65]
OPTIONS = {"smooth_frames": 1, "drop_specks_frac": 0.05, "smooth_edge_px": 2.0}
CLICKS = {"positive": ((102.0, 23.0),), "negative": ((42.0, 52.0),)}


def body(width: int, height: int) -> Matte:
    matte = np.zeros((height, width), np.float32)
    matte[30:90, 30:80] = 1
    return matte


def detailed(width: int, height: int) -> Matte:
    matte = body(width, height)
    matte[PIECE] = matte[OTHER_PIECE] = 1
    matte[HOLE] = matte[OTHER_HOLE] = 0
    matte[30:60:2, 80:84] = 1  # a fringe
    return matte


def mattes(
    video: Path, clip: DrawnClip, steps: str, said: Mapping[int, Said], index: int = SAID
) -> Matte:
    """One frame's matte after a matte step, of an object that looks otherwise on that frame."""
    tracks = MemoryTracks()
    size = clip.width, clip.height
    for at in range(FRAMES):
        matte = detailed(*size) if at == SAID else body(*size)
        tracks.append(at, {1: TrackedMatte(matte=matte, score=1, origin=Origin.PROPAGATED)})
    with open_source(video) as source:
        matte_step = f'[[steps]]\nkind = "matte"\n{steps}'
        recipe = parse_recipe(f"{HEAD}{matte_step}{FILL}", "here")
        job = RenderJob(
            recipe=recipe,
            tracks=tracks.track_set(),
            names={1: "it"},
            in_frame=0,
            out_frame=FRAMES,
            said={1: said},
        )
        return mattes_of(job, check_recipe(recipe, source), source).matte((1,), index, 1)


def test_a_painted_mask_is_not_tidied_on_its_own_frame(disc: DrawnClip, disc_video: Path) -> None:
    painted = {SAID: Said(is_painted=True)}
    expected = detailed(disc.width, disc.height)
    assert np.array_equal(mattes(disc_video, disc, TIDY, painted), expected)
    # Without that, all of it would go.
    assert not mattes(disc_video, disc, TIDY, {})[PIECE].any()
    # The frames beside it are smoothed as ever.
    others = [mattes(disc_video, disc, TIDY, said, SAID + 1) for said in (painted, {})]
    assert np.array_equal(*others)
    # What is asked to move the edge still does.
    wide = mattes(disc_video, disc, f"{TIDY}grow_px = 3\n", painted)
    assert np.abs(wide - grown(expected, px=3)).max() < 1e-6


@pytest.mark.parametrize("step", [*TIDY.splitlines(), TIDY])
def test_pieces_and_holes_that_were_clicked_stay(
    step: str, disc: DrawnClip, disc_video: Path
) -> None:
    matte = mattes(disc_video, disc, f"{step}\n", {SAID: Said(**CLICKS)})
    assert (matte[PIECE] == 1).all()
    assert (matte[HOLE] == 0).all()
    # Nothing else is spared: the rest is as it would be without the clicks.
    plain = mattes(disc_video, disc, f"{step}\n", {})
    near = ndimage.binary_dilation(np.zeros(matte.shape, bool) | _marked(matte), iterations=10)
    assert np.array_equal(matte[~near], plain[~near])
    if step in ("smooth_frames = 2", TIDY):
        assert matte[OTHER_PIECE].max() < 0.5
        assert matte[OTHER_HOLE].min() > 0.5


def _marked(matte: Matte) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    marked = np.zeros(matte.shape, bool)
    marked[PIECE] = marked[HOLE] = True
    return marked


def test_a_soft_piece_comes_back_with_its_rim_and_no_other_pixel() -> None:
    before = np.zeros((60, 60), np.float32)
    before[5:30, 5:30] = 1
    before[40:46, 40:46] = 1
    before[39, 40:46] = before[46, 40:46] = 0.3
    after = before.copy()
    after[36:, 36:] = 0
    after[5:8] *= 0.5
    kept = upheld(before, after, positive=[(42.4, 43.0)], negative=[])
    assert np.array_equal(kept[36:, 36:], before[36:, 36:])
    assert np.array_equal(kept[:36], after[:36])
    # A click where the matte was not, one where it still is and one outside of the picture.
    unlike = upheld(before, after, positive=[(50.0, 10.0), (20.0, 20.0), (-3.0, 99.0)], negative=[])
    assert unlike is after


def test_a_painted_mask_is_the_matte_of_what_is_rendered_and_exported(
    disc: DrawnClip, disc_video: Path, tmp_path: Path
) -> None:
    painted = disc.mask(1, 8).copy()
    painted[2:6, 2:6] = True  # a speck to any preset, but somebody painted it
    with Session.create(disc_video, tmp_path / "disc.tam") as session:
        for frame, mask in ((0, disc.mask(1, 0)), (8, painted)):
            said = Prompts(mask=mask)
            session.prompt(ObjectPrompts(object_name="disc", frame_index=frame, prompts=said))
        session.track()
        rendered = tmp_path / "cut.mov"
        session.render(load_preset("matte-prores"), rendered)
        exported = tmp_path / "luma.mkv"
        session.export("luma", exported, options=ExportOptions(**OPTIONS))
    with open_source(rendered) as cut, open_source(exported) as luma:
        alpha = cut.frame(8).opacity()
        assert alpha is not None
        assert np.abs(alpha - painted).max() < 0.01
        assert np.array_equal(luma.frame(8).planes[0] > 127, painted)
