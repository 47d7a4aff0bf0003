"""The facade that scripts use, as README shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tam_edit.session.facade
from tam_edit.errors import InputError, ReviewPending, UnknownNameError
from tam_edit.masks.measure import iou
from tam_edit.media import open_source
from tam_edit.models import Models, load_models
from tam_edit.presets import load_preset
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip
from tam_edit.tracking import UNCONFIRMED, LoopSettings
from tam_edit.tracking.init import to_go_on_from
from tam_edit.tracks import Origin, TrackedMatte


@pytest.fixture
def session(disc_video: Path, disc: DrawnClip, tmp_path: Path) -> Session:
    opened = Session.create(disc_video, tmp_path / "disc.tam")
    painted = Prompts(mask=disc.mask(1, 0))
    opened.prompt(ObjectPrompts(object_name="disc", frame_index=0, prompts=painted))
    return opened


def test_a_script_of_a_dozen_lines_does_the_whole_job(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    with session:
        assert session.track() == len(disc)
        report = session.render(load_preset("blur-object"), tmp_path / "out.mp4")
        track = session.mask_track("disc")
        masks = [track.matte(i, disc.width, disc.height) > 0.5 for i in range(len(disc))]
    assert report.frame_count == len(disc)
    assert min(iou(mask, disc.mask(1, i)) for i, mask in enumerate(masks)) > 0.8


def test_the_mask_track_knows_the_time_of_every_frame(
    session: Session, disc_video: Path, disc: DrawnClip
) -> None:
    with session, open_source(disc_video) as source:
        track = session.mask_track("disc")
        for index in range(len(disc)):
            assert track.index_at(source.time_of(index) - source.time_of(0)) == index
        with pytest.raises(UnknownNameError, match="disk"):
            session.mask_track("disk")


def test_a_checkpoint_stops_or_covers(session: Session, disc: DrawnClip, tmp_path: Path) -> None:
    # The frame that is shown in any case is the doubtful one.
    out, recipe = tmp_path / "out.mp4", load_preset("redact-solid", ("spread.frame_count=1",))
    with session:
        for index in range(1, len(disc)):
            entry = TrackedMatte(
                matte=disc.mask(1, index).astype(np.float32),
                score=0.2 if index == 7 else 0.9,
                origin=Origin.PROPAGATED,
                reasons=("the motion is hard to follow here",) if index == 7 else (),
            )
            session.project.append(index, {1: entry})
        with pytest.raises(ReviewPending, match=r"frame 7 .*the motion is hard to") as caught:
            session.render(recipe, out)
        assert caught.value.exit_code == 3
        assert "--click X,Y@7" in str(caught.value)
        assert not out.exists()
        assert caught.value.doubts[0]["frames"] == [7]
        report = session.render(recipe, out, on_doubt="cover-frame")
        assert report.covered_frames == (7,)
        session.render(recipe, out, on_doubt="continue", overwrite=True)


def test_what_a_person_approved_passes_until_it_changes(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    with session:
        for index in range(1, len(disc)):
            matte = disc.mask(1, index).astype(np.float32)
            entry = TrackedMatte(matte=matte, score=0.2, origin=Origin.PROPAGATED)
            session.project.append(index, {1: entry})
        with pytest.raises(InputError, match="needs a reason"):
            session.project.approve(1, range(5), " ")
        assert session.project.approve(1, range(5), "looked at them") == 5
        (doubt,) = session.doubts(0.75)
        assert doubt.frames == tuple(range(5, len(disc)))
        session.project.approve(1, range(5, len(disc)), "the rest, too")
        report = session.render(load_preset("redact-solid"), tmp_path / "out.mp4")
        assert report.frame_count == len(disc)
        painted = Prompts(mask=disc.mask(1, 3))
        session.prompt(ObjectPrompts(object_name="disc", frame_index=3, prompts=painted))
        # The correction changes frame 3 and what follows: these approvals are void.
        assert session.project.approved(1) == {0, 1, 2}
        (record,) = [r for r in session.project.log_records() if r.details["stop"] == 5]
    assert (record.kind, record.details["reason"]) == ("approval", "looked at them")


def test_a_mask_that_clicks_led_to_is_doubtful_until_confirmed(
    session: Session, disc: DrawnClip
) -> None:
    said = Prompts(box=(20, 20, 50, 50))
    with session:
        keyframe = session.prompt(ObjectPrompts(object_name="other", frame_index=3, prompts=said))
        assert keyframe is not None
        assert keyframe.score < 0.75
        entry = session.project.entry(keyframe.object_id, 3)
        painted = session.project.entry(1, 0)
    assert entry is not None
    assert entry.reasons == (UNCONFIRMED,)
    assert painted is not None
    assert (painted.score, painted.reasons) == (1.0, ())


def test_tracking_without_prompts_is_refused(disc_video: Path, tmp_path: Path) -> None:
    with (
        Session.create(disc_video, tmp_path / "empty.tam") as session,
        pytest.raises(InputError, match="nothing says where"),
    ):
        session.track()


def test_a_project_stays_with_the_weights_that_it_was_begun_with(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def load(name: str, device: str, *, weights: Sequence[str] = ()) -> Models:
        asked.append(tuple(weights))
        best = ("sam_vit_h", "xmem")  # what is installed by now
        return replace(load_models("builtin"), weights=tuple(weights) or best)

    monkeypatch.setattr(tam_edit.session.facade, "load_models", load)
    path = session.project.path
    with session:
        assert session.models.weights == ("sam_vit_h", "xmem")
    with Session.open(path) as again:
        assert again.models.weights == ("sam_vit_h", "xmem")
    assert asked == [(), ("sam_vit_h", "xmem")]


def test_objects_that_enter_at_different_frames_are_tracked_everywhere_and_never_overlap(
    tmp_path: Path,
) -> None:
    drawn = draw_clip("two", frames=24)
    video = tmp_path / "two.mp4"
    write_clip(drawn, video)
    with Session.create(video, tmp_path / "two.tam") as session:
        for number, frame in ((1, 0), (2, 6)):
            session.prompt(
                ObjectPrompts(
                    object_name=drawn.names[number - 1],
                    frame_index=frame,
                    prompts=Prompts(mask=drawn.mask(number, frame)),
                )
            )
        # Forward through all frames, and back from frame 6 for the object that entered there.
        assert session.track() == 24 + 7
        tracks = [session.mask_track(name) for name in drawn.names]
        for index in range(len(drawn)):
            first, second = (t.matte(index, drawn.width, drawn.height) > 0.5 for t in tracks)
            assert not (first & second).any()
            # From frame 9 on they cross, and one hides the other.
            if index < 9:
                assert iou(first, drawn.mask(1, index)) > 0.8
                assert iou(second, drawn.mask(2, index)) > 0.8


def test_clicks_far_from_a_doubtful_mask_begin_anew() -> None:
    matte = np.zeros((60, 80), np.float32)
    matte[10:30, 10:30] = 1  # a quarter of its side is 5 pixels
    far, near = Prompts(positive=((40, 20),)), Prompts(positive=((33, 20),))
    excluded = Prompts(negative=((15, 15),))

    def entry(score: float) -> TrackedMatte:
        return TrackedMatte(matte=matte, score=score, origin=Origin.PROPAGATED)

    assert to_go_on_from(entry(0.3), far, 80, 60) is None
    assert to_go_on_from(None, near, 80, 60) is None
    # A box tells how far it reaches, whatever the mask was worth.
    boxed = Prompts(box=(2, 2, 70, 50), positive=((20, 20),))
    assert to_go_on_from(entry(0.9), boxed, 80, 60) is None
    for prompts, score in ((near, 0.3), (excluded, 0.3), (far, 0.9)):
        found = to_go_on_from(entry(score), prompts, 80, 60)
        assert found is not None
        assert np.array_equal(found, matte)
    doubled = to_go_on_from(entry(0.3), Prompts(positive=((65, 40),)), 160, 120)
    assert doubled is not None
    assert doubled.shape == (120, 160)
    nothing = TrackedMatte(matte=np.zeros_like(matte), score=0.9, origin=Origin.PROPAGATED)
    assert to_go_on_from(nothing, near, 80, 60) is None


def test_a_command_that_is_repeated_does_not_bring_back_what_was_corrected(
    session: Session, disc: DrawnClip
) -> None:
    def said(mask: np.ndarray[Any, Any] | None) -> ObjectPrompts:
        prompts = Prompts(gone=True) if mask is None else Prompts(mask=mask)
        return ObjectPrompts(object_name="disc", frame_index=0, prompts=prompts)

    poor, good = disc.mask(1, 0) & (np.arange(disc.width) < 60), disc.mask(1, 0)
    with session:
        for mask in (None, poor, good):
            session.prompt(said(mask))
        for mask in (None, poor, good):
            assert session.prompt(said(mask), is_repeatable=True) is None
        entry = session.project.entry(1, 0)
        assert entry is not None
        assert np.array_equal(entry.matte > 0.5, good)
        assert session.prompt(said(poor)) is not None
        assert session.prompt(said(poor)) is None


def test_frames_that_no_prompt_reaches_stop_a_checkpoint_that_doubts_nothing(
    session: Session, tmp_path: Path
) -> None:
    recipe = load_preset("redact-solid")
    steps = tuple(
        step.model_copy(update={"threshold": 0.0}) if step.kind == "checkpoint" else step
        for step in recipe.steps
    )
    recipe = recipe.model_copy(update={"steps": steps})
    with session:
        session.project.settings["cuts"] = [8]
        session.track()
        with pytest.raises(ReviewPending, match="no prompt reaches it"):
            session.render(recipe, tmp_path / "out.mp4")


def test_a_project_of_a_version_that_knew_no_cuts_is_asked_about_them(
    session: Session, disc: DrawnClip
) -> None:
    with session:
        session.loop = LoopSettings(at_cuts="ignore")
        session.track()
        # What such a project holds: masks, and no word on cuts.
        del session.project.settings["tracked_at_cuts"]
        session.loop = LoopSettings()
        session.project.settings["cuts"] = [8]
        session.track()
        origins = [scored.origin for scored in session.project.scores(1)]
    assert origins[8:] == [Origin.UNREACHED] * (len(disc) - 8)
    assert Origin.UNREACHED not in origins[:8]
