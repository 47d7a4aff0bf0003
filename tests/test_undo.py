"""Taking back what a person decided: what came of it goes, everything else stays bit for bit."""

from __future__ import annotations

import getpass
import json
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tam_edit._cli import run
from tam_edit._cli.console import Output
from tam_edit._cli.tracking import track
from tam_edit.errors import InputError, UnknownNameError
from tam_edit.frame import Frame
from tam_edit.media import open_source
from tam_edit.models import Models
from tam_edit.models.base import Segmentation, TrackingInfo, TrackStep
from tam_edit.presets import load_preset
from tam_edit.project import DecisionKind, Project, approvals, mattes, schema, video_record
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking import LoopSettings, undoing
from tam_edit.tracks import Origin, TrackedMatte
from tam_edit.types import Matte, ObjectId

FRAMES = 16
WRONG = range(5, 12)
IGNORES_CUTS = LoopSettings(assesses=False, at_cuts="ignore", refine_below=0)


def level(keyframe: int) -> float:
    """How strong a mask is that was carried from a keyframe: it tells where it is from."""
    return 0.6 + keyframe / 50


class MarkedRun:
    """Draws the true disc as strong as the keyframe says that it goes on from."""

    def __init__(self, clip: DrawnClip, members: list[int], keyframe: int) -> None:
        self.clip, self.members, self.keyframe_index = clip, members, keyframe

    def keyframe(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> TrackStep:
        self.members += [number for number in mattes if number not in self.members]
        self.keyframe_index = frame.index
        return self._drawn(frame, mattes)

    def step(self, frame: Frame) -> TrackStep:
        return self._drawn(frame, {})

    def prefetch(self, frame: Frame) -> None:
        """Nothing to begin with."""

    def revise(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
        raise AssertionError("nothing was to be refined")

    def cut(self) -> None:
        """It sees no cuts."""

    def forget(self, object_id: ObjectId) -> None:
        self.members.remove(object_id)

    def snapshot(self) -> bytes:
        return json.dumps([self.members, self.keyframe_index]).encode()

    def _drawn(self, frame: Frame, given: Mapping[ObjectId, Matte]) -> TrackStep:
        true = self.clip.mask(1, frame.index)
        strength = np.float32(level(self.keyframe_index))
        mattes = {n: np.where(true, strength, np.float32(0)) for n in self.members}
        is_wrong = self.keyframe_index == 0 and frame.index in WRONG
        return TrackStep(
            mattes=mattes | dict(given),
            scores=dict.fromkeys(mattes, 0.4 if is_wrong else 0.9),
            reasons=dict.fromkeys(mattes, ()),
        )


class MarkedPropagator:
    name = "marked"

    def __init__(self, clip: DrawnClip) -> None:
        self.clip = clip

    def start(self, info: TrackingInfo) -> MarkedRun:
        return MarkedRun(self.clip, [], -1)

    def resume(self, info: TrackingInfo, snapshot: bytes) -> MarkedRun:
        members, keyframe = json.loads(snapshot)
        return MarkedRun(self.clip, members, keyframe)


class Box:
    """Answers with the whole picture's left part, as wide as there are clicks."""

    name = "box"

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        matte = np.zeros((frame.height, frame.width), np.float32)
        matte[:, : 8 * (len(prompts.positive) + 3 * len(prompts.negative))] = 1
        if previous is not None:
            matte = np.maximum(matte, previous * np.float32(0.9))
        return Segmentation(mattes=(matte,), scores=(0.8,))


def marked_session(video: Path, clip: DrawnClip, path: Path) -> Session:
    session = Session.create(video, path, model="builtin", overwrite=True)
    session.loop = IGNORES_CUTS
    propagator = MarkedPropagator(clip)
    session._models = Models(name="marked", segmenter=Box(), propagator=propagator)
    return session


@pytest.fixture
def session(disc_video: Path, disc: DrawnClip, tmp_path: Path) -> Iterator[Session]:
    with marked_session(disc_video, disc, tmp_path / "shot.tam") as opened:
        yield opened


def say(
    session: Session,
    clip: DrawnClip,
    frame: int,
    name: str = "disc",
    *,
    gone: bool = False,
    carries_back: bool = False,
) -> int:
    """Say where the object is; gives the decision's number."""
    said = Prompts(gone=True) if gone else Prompts(mask=np.roll(clip.mask(1, frame), frame, axis=1))
    prompts = ObjectPrompts(object_name=name, frame_index=frame, prompts=said)
    assert session.prompt(prompts, carries_back=carries_back) is not None
    return session.history()[-1].decision_id


def entries(session: Session, name: str = "disc") -> dict[int, tuple[bytes, float, Origin]]:
    """Everything that is stored of an object, by frame."""
    project = session.project
    number = project.object_id(name)
    found = {i: project.entry(number, i) for i in range(FRAMES)}
    return {
        i: (entry.matte.tobytes(), entry.score, entry.origin)
        for i, entry in found.items()
        if entry is not None
    }


def outside(stored: Mapping[int, object], frames: range) -> dict[int, object]:
    return {i: entry for i, entry in stored.items() if i not in frames}


def test_a_correction_that_is_taken_back_never_was(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    session.track()
    before = entries(session)
    correction = say(session, disc, 10, carries_back=True)
    session.track()
    after = entries(session)
    # Carried back over the doubtful masks, and forward to the end.
    assert [i for i in before if before[i] != after[i]] == [*range(5, 10), *range(10, FRAMES)]
    undone = session.undo(correction)
    assert undone.frames == range(5, FRAMES)
    assert undone.dropped_count == FRAMES - 5
    assert outside(entries(session), undone.frames) == outside(before, undone.frames)
    session.track()
    assert entries(session) == before
    assert session.track() == 0


def test_built_in_models_come_to_the_same_masks_again(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    with Session.create(disc_video, tmp_path / "disc.tam", out_frame=8) as session:
        say(session, disc, 0)
        session.track()
        before = entries(session)
        correction = say(session, disc, 5, carries_back=True)
        session.track()
        assert entries(session) != before
        undone = session.undo(correction)
        left = outside(before, undone.frames)
        assert outside(entries(session), undone.frames) == left
        session.track()
        assert entries(session) == before


@settings(max_examples=15, deadline=None)
@given(
    said=st.lists(st.tuples(st.integers(1, 15), st.booleans()), min_size=1, max_size=6),
    taken=st.lists(st.integers(0, 5), min_size=1, max_size=3),
    carries_back=st.booleans(),
)
def test_whatever_is_taken_back_only_its_span_changes(
    disc_video: Path,
    disc: DrawnClip,
    said: Sequence[tuple[int, bool]],
    taken: Sequence[int],
    carries_back: bool,
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        marked_session(disc_video, disc, Path(folder) / "shot.tam") as session,
    ):
        say(session, disc, 0)
        session.track()
        numbers: dict[int, int] = {}
        for frame, tracks in said:
            if frame not in numbers:
                numbers[frame] = say(session, disc, frame, carries_back=carries_back)
            if tracks:
                session.track()
        for place in taken:
            if not numbers:
                break
            frame = sorted(numbers)[place % len(numbers)]
            if carries_back:
                # Corrections that have not gone their way back yet would go it in between.
                session.track()
            before = entries(session)
            undone = session.undo(numbers.pop(frame))
            assert frame in undone.frames
            session.track()
            now = entries(session)
            assert sorted(now) == list(range(FRAMES))
            kept = [i for i in before if i not in undone.frames]
            assert [now[i] for i in kept] == [before[i] for i in kept]
            assert {i for i in now if now[i][2] is not Origin.PROPAGATED} == {0, *numbers}
            if not carries_back:
                # What is carried forward only comes from the last keyframe that holds.
                sources = [max(k for k in (0, *numbers) if k <= i) for i in range(FRAMES)]
                found = [np.frombuffer(now[i][0], np.float32).max() for i in range(FRAMES)]
                carried = [i for i in range(FRAMES) if i not in (0, *numbers)]
                wanted = [level(sources[i]) for i in carried]
                assert np.allclose([found[i] for i in carried], wanted, atol=0.005)


def standing(session: Session) -> list[str]:
    """Per frame whether there is a mask, the object is gone, or nobody knows."""
    empty = (Origin.ABSENT, Origin.UNREACHED)
    return [str(s.origin) if s.origin in empty else "there" for s in session.project.scores(1)]


@settings(max_examples=15, deadline=None)
@given(
    said=st.lists(
        st.tuples(st.integers(0, 15), st.booleans(), st.booleans()), min_size=2, max_size=5
    ),
    taken=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    cuts=st.sets(st.integers(1, 15), max_size=2),
)
def test_what_is_left_reaches_as_far_as_if_nothing_else_had_been_said(
    disc_video: Path,
    disc: DrawnClip,
    said: Sequence[tuple[int, bool, bool]],
    taken: Sequence[int],
    cuts: set[int],
) -> None:
    def opened(path: Path) -> Session:
        made = marked_session(disc_video, disc, path)
        made.loop = LoopSettings(assesses=False, at_cuts="ask", refine_below=0)
        made.project.settings["cuts"] = sorted(cuts)
        return made

    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "shot.tam") as session:
        left: dict[int, tuple[int, bool]] = {}
        for place, (frame, gone, tracks) in enumerate(said):
            if frame in left:
                continue
            # The first one says where it is: a track needs that.
            is_gone = gone and place > 0
            number = say(session, disc, frame, gone=is_gone, carries_back=True)
            left[frame] = (number, is_gone)
            if tracks:
                session.track()
        for place in taken:
            frame = sorted(left)[place % len(left)]
            if all(is_gone for at, (_, is_gone) in left.items() if at != frame):
                continue
            session.track()
            before = entries(session)
            undone = session.undo(left.pop(frame)[0])
            session.track()
            now = entries(session)
            assert outside(now, undone.frames) == outside(before, undone.frames)
        session.track()
        with opened(Path(folder) / "fresh.tam") as fresh:
            for frame, (_, is_gone) in left.items():
                say(fresh, disc, frame, gone=is_gone)
            fresh.track()
            # Only masks that were there before it was said that the object was gone later may
            # stand where it would not have been looked for.
            pairs = zip(standing(session), standing(fresh), strict=True)
            assert {(a, b) for a, b in pairs if a != b} <= {("there", "unreached")}


def test_a_later_correction_is_carried_back_again_but_no_further_than_the_span(
    session: Session, disc: DrawnClip
) -> None:
    say(session, disc, 0)
    session.track()
    first = say(session, disc, 8)
    session.track()
    say(session, disc, 11, carries_back=True)
    session.track()
    before = entries(session)
    undone = session.undo(first)
    assert undone.frames == range(8, 11)
    session.track()
    now = entries(session)
    assert [i for i in before if before[i] != now[i]] == [8, 9, 10]
    # Without the limit the way back would have gone on over the doubtful frames 5 to 7.
    strengths = [np.frombuffer(now[i][0], np.float32).max() for i in range(5, 11)]
    assert np.allclose(strengths, [level(0)] * 3 + [level(11)] * 3, atol=0.005)
    assert [now[i][1] for i in range(5, 11)] == [0.4] * 3 + [0.9] * 3


@pytest.mark.parametrize("carries_back", [True, False])
def test_what_a_later_correction_had_mended_it_mends_again_after_an_earlier_one(
    session: Session, disc: DrawnClip, carries_back: bool
) -> None:
    say(session, disc, 0)
    session.track()
    say(session, disc, 10, carries_back=carries_back)
    session.track()
    mended = entries(session)
    repainted = Prompts(mask=np.roll(disc.mask(1, 0), 1, axis=1))
    session.prompt(ObjectPrompts(object_name="disc", frame_index=0, prompts=repainted))
    assert session.project.backtracks(1) == ({10: 10} if carries_back else {})
    session.track()
    now = entries(session)
    assert [i for i in mended if mended[i] != now[i]] == [0]
    assert [now[i][1] for i in range(5, 10)] == [0.9 if carries_back else 0.4] * 5


def test_a_correction_that_was_still_to_be_carried_back_is_not(
    session: Session, disc: DrawnClip
) -> None:
    say(session, disc, 0)
    session.track()
    before = entries(session)
    correction = say(session, disc, 10, carries_back=True)
    assert session.project.backtracks(1) == {10: 10}
    assert session.undo(correction).frames == range(10, FRAMES)
    assert session.project.backtracks(1) == {}
    session.track()
    assert entries(session) == before


def test_what_was_said_before_on_the_same_frame_holds_again(session: Session) -> None:
    def click(*xs: float) -> int:
        prompts = Prompts(positive=tuple((x, 9.0) for x in xs))
        said = ObjectPrompts(object_name="disc", frame_index=3, prompts=prompts)
        assert session.prompt(said) is not None
        return session.history()[-1].decision_id

    first = click(5)
    session.track()
    one = entries(session)
    second = click(20, 25)
    session.track()
    assert entries(session)[3] != one[3]
    with pytest.raises(InputError, match="adds to what") as caught:
        session.undo(first)
    assert caught.value.hint == f"take back {second} first"
    session.undo(second)
    assert session.project.prompts(1)[3].positive == ((5.0, 9.0),)
    assert entries(session)[3] == one[3]
    session.track()
    assert entries(session) == one


def test_that_an_object_is_gone_is_taken_back(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    session.track()
    before = entries(session)
    gone = say(session, disc, 6, gone=True)
    session.track()
    assert {i for i, entry in entries(session).items() if entry[2] is Origin.ABSENT} == set(
        range(6, FRAMES)
    )
    assert session.undo(gone).frames == range(6, FRAMES)
    session.track()
    assert entries(session) == before


def test_other_objects_keep_their_masks_and_approvals(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    say(session, disc, 0, "other")
    session.track()
    correction = say(session, disc, 8)
    session.track()
    session.project.approve(1, 2, 12, "looked at")
    session.project.approve(2, 2, 12, "looked at")
    others = entries(session, "other")
    session.undo(correction)
    session.track()
    assert entries(session, "other") == others
    assert session.project.approved(1) == set(range(2, 8))
    assert session.project.approved(2) == set(range(2, 12))


def test_an_object_of_which_nothing_holds_any_more_is_not_forgotten(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    say(session, disc, 0)
    wrong, earlier = say(session, disc, 4, "other"), say(session, disc, 1, "other")
    session.track()
    others = entries(session)
    assert not session.undo(earlier).is_removed
    undone = session.undo(wrong)
    assert (undone.frames, undone.is_removed) == (range(FRAMES), False)
    with pytest.raises(InputError, match="said of 'other' holds") as caught:
        session.track()
    assert "--object other" in caught.value.hint
    with pytest.raises(InputError, match="was not tracked"):
        session.render(load_preset("blur-object"), tmp_path / "out.mp4")
    say(session, disc, 2, "other")
    session.track()
    assert sorted(entries(session, "other")) == list(range(FRAMES))
    assert entries(session) == others


def test_a_repeated_command_does_not_bring_it_back(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    correction = say(session, disc, 5)
    session.undo(correction)
    mask = np.roll(disc.mask(1, 5), 5, axis=1)
    said = ObjectPrompts(object_name="disc", frame_index=5, prompts=Prompts(mask=mask))
    assert session.prompt(said, is_repeatable=True) is None
    assert session.prompt(said) is not None


def test_approvals_are_taken_back_one_by_one(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    session.track()
    project = session.project
    assert [doubt.frames for doubt in session.doubts(0.7)] == [tuple(WRONG)]
    project.approve(1, 5, 10, "they are right")
    project.approve(1, 8, 12, "these, too")
    assert session.doubts(0.7) == []
    first, second = (d.decision_id for d in session.history() if d.kind is DecisionKind.APPROVAL)
    undone = session.undo(first)
    assert (undone.unapproved_count, undone.frames) == (3, range(0))
    assert [doubt.frames for doubt in session.doubts(0.7)] == [(5, 6, 7)]
    session.undo(second)
    assert project.approved(1) == frozenset()
    assert session.track() == 0


def test_what_cannot_be_taken_back_says_why(session: Session, disc: DrawnClip) -> None:
    number = say(session, disc, 0)
    with pytest.raises(UnknownNameError, match="no decision called '7'"):
        session.undo(7)
    session.undo(number)
    with pytest.raises(InputError, match="was taken back before"):
        session.undo(number)
    with pytest.raises(InputError, match="cannot be taken back"):
        session.undo(number + 1)


def test_taking_back_is_all_or_nothing(
    session: Session, disc: DrawnClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(session, disc, 0)
    session.track()
    say(session, disc, 7)
    correction = say(session, disc, 10, carries_back=True)
    session.track()
    before, decided = entries(session), session.history()

    def fail(*_: object) -> None:
        raise OSError("stopped in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(approvals, "remove", fail)
        with pytest.raises(OSError, match="in the middle"):
            session.undo(correction)
    assert (entries(session), session.history()) == (before, decided)
    assert sorted(session.project.prompts(1)) == [0, 7, 10]


@pytest.mark.parametrize(("at", "is_kept"), [(12, False), (3, True)])
def test_the_state_of_a_stopped_pass_goes_where_it_has_seen_what_is_taken_back(
    session: Session, disc: DrawnClip, at: int, is_kept: bool
) -> None:
    say(session, disc, 0)
    session.track()
    correction = say(session, disc, 8)
    project = session.project
    project.begin_run("marked", "forward", [1])
    matte = disc.mask(1, at).astype(np.float32)
    entry = TrackedMatte(matte=matte, score=0.9, origin=Origin.PROPAGATED)
    project.append(at, {1: entry}, lambda: b"state")
    project.flush()
    session.undo(correction)
    assert (project.run_state() is not None) == is_kept


def test_going_on_in_spite_of_doubts_is_kept_as_a_decision(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    say(session, disc, 0)
    session.track()
    session.render(load_preset("redact-solid"), tmp_path / "out.mp4", on_doubt="cover-frame")
    decision = session.history()[-1]
    assert decision.kind is DecisionKind.ON_DOUBT
    assert decision.details["choice"] == "cover-frame"
    told = decision.details["doubts"]
    assert isinstance(told, list)
    assert [(d["object"], d["start"], d["last"]) for d in told] == [("disc", 0, 11)]


@pytest.mark.parametrize(
    ("remaining", "frame", "reached", "cuts", "dropped"),
    [
        ((0,), 8, None, (), [(8, 16)]),
        ((0, 12), 8, None, (), [(8, 12)]),
        ((0, 12), 8, 3, (), [(3, 12)]),
        ((12,), 8, None, (), [(0, 12)]),
        ((0,), 8, None, (10,), [(8, 10)]),
        ((0,), 8, None, (6,), [(6, 16)]),
        ((0, 5), 8, 3, (), [(3, 5), (6, 16)]),
        ((0, 8), 8, 6, (), [(6, 16)]),
        ((), 8, None, (4, 12), [(4, 12)]),
    ],
)
def test_the_span_is_what_depends_on_the_prompts(
    remaining: Sequence[int],
    frame: int,
    reached: int | None,
    cuts: Sequence[int],
    dropped: list[tuple[int, int]],
) -> None:
    click = Prompts(positive=((1.0, 1.0),))
    what = undoing(
        dict.fromkeys(remaining, click),
        frame,
        click,
        in_frame=0,
        out_frame=FRAMES,
        cuts=cuts,
        reached=reached,
    )
    assert list(what.dropped) == dropped
    assert what.frames == range(dropped[0][0], dropped[-1][1])


def older_project(path: Path, video: Path, clip: DrawnClip) -> None:
    """A project as version 2 left it, tracked from frame 0 with two clicks and one correction."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "STEPS", schema.STEPS[:2])
        with open_source(video) as source:
            record = video_record(source, None)
        Project.create(
            path,
            source=record,
            width=clip.mask(1, 0).shape[1],
            height=clip.mask(1, 0).shape[0],
            frame_count=FRAMES,
            in_frame=0,
            out_frame=FRAMES,
        ).close()
        store = sqlite3.connect(path)
        store.execute("INSERT INTO object (name) VALUES ('disc')")
        for frame, x, time in ((0, 5, "t1"), (0, 9, "t1"), (9, 5, "t2"), (9, 20, "t3")):
            store.execute(
                "INSERT INTO prompt (object_id, frame, kind, numbers, time)"
                " VALUES (1, ?, 'click', ?, ?)",
                (frame, f"[{x}.0, 9.0]", time),
            )
        for frame, reason in ((3, "fine"), (4, "fine"), (6, "also")):
            store.execute(
                "INSERT INTO approval VALUES (1, ?, ?, ?)", (frame, reason, f"t2{reason}")
            )
        store.execute("INSERT INTO setting VALUES ('model', '\"builtin\"')")
        store.execute("INSERT INTO setting VALUES ('short_side', '120')")
        store.commit()
        store.close()
        with Project.open(path) as project:
            for frame in range(FRAMES):
                origin = {0: Origin.KEYFRAME, 9: Origin.CORRECTED}.get(frame, Origin.PROPAGATED)
                matte = clip.mask(1, frame).astype(np.float32)
                entry = TrackedMatte(matte=matte, score=0.9, origin=origin)
                project._store.begin()
                mattes.put(project._store, frame, {1: entry})
                project._store.commit()


def test_an_older_project_has_a_history_that_can_be_taken_back(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    path = tmp_path / "older.tam"
    older_project(path, disc_video, disc)
    with Session.open(path) as session:
        history = session.project.history
        told = [(str(d.kind), d.start, d.stop, history.said(d)) for d in session.history()]
        assert told == [
            ("prompt", 0, 1, ["click 5,9", "click 9,9"]),
            ("prompt", 9, 10, ["click 5,9"]),
            ("approval", 6, 7, []),
            ("approval", 3, 5, []),
            ("prompt", 9, 10, ["click 20,9"]),
        ]
        decided = {d.decision_id: d for d in session.history()}
        assert [history.is_correction(decided[i]) for i in (1, 2, 5)] == [False, False, True]
        assert session.project.approved(1) == {3, 4, 6}
        assert session.undo(4).unapproved_count == 2
        assert session.project.approved(1) == {6}
        # What mask the earlier click on frame 9 led to was not kept then.
        with pytest.raises(InputError, match="was not kept"):
            session.undo(5)
        assert session.undo(1).frames == range(9)


def test_the_command_lists_and_takes_back(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, told = tmp_path / "shot.tam", tmp_path / "told.json"
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0)
        session.track()
        say(session, disc, 10, carries_back=True)
        session.track()
        session.project.approve(1, 0, 3, "they are right")
    assert run(["history", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "prompt      'disc' frame 0 (00:00:00:00): mask 160x120" in lines[0]
    assert "correction  'disc' frame 10 (00:00:00:10): mask 160x120" in lines[1]
    assert "approval    'disc' frames 0-2 (00:00:00:00 - 00:00:00:02): 'they are right'" in lines[2]
    assert run(["history", str(path), "--undo", "2", "--json", str(told)]) == 0
    assert "masks on frames 5-15 are made again by: tam-edit track" in capsys.readouterr().out
    result = json.loads(told.read_text(encoding="utf-8"))
    assert result["undone"] == {
        "id": 2,
        "object": "disc",
        "frames": [5, 15],
        "dropped": 11,
        "unapproved": 0,
        "removed": False,
    }
    assert {row["user"] for row in result["history"]} == {getpass.getuser()}
    assert f" UTC  {getpass.getuser()}  prompt" in lines[0]
    kinds = [(row["id"], row["kind"], row["taken_back"] is None) for row in result["history"]]
    assert kinds == [
        (1, "prompt", True),
        (2, "correction", False),
        (3, "approval", True),
        (4, "undo", True),
    ]
    assert run(["history", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("(taken back)")
    assert lines[3].endswith("took back 2")
    assert run(["history", str(path), "--undo", "9"]) == 1
    said = capsys.readouterr().err
    assert "error: there is no decision called '9'" in said
    assert "hint: there are the decisions 1 to 4" in said


def test_what_was_delivered_before_is_named_when_a_decision_is_taken_back(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, kept, changed = tmp_path / "shot.tam", tmp_path / "kept.mp4", tmp_path / "changed.mp4"
    before, others = tmp_path / "before.mp4", tmp_path / "others.mp4"
    blur = load_preset("blur-object")
    (tmp_path / "others.toml").write_text(
        'schema = "tam_edit.recipe/1"\ntitle = "t"\n[[steps]]\nkind = "track"\n'
        '[[steps]]\nkind = "effect"\neffect = "blur"\nobjects = ["second"]\n'
        '[[steps]]\nkind = "export"\n',
        encoding="utf-8",
    )
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0)
        session.track()
        session.render(blur, before)
        say(session, disc, 10)
        say(session, disc, 0, "second")
        session.track()
        for out in (kept, changed):
            session.render(blur, out)
        session.render(load_preset(tmp_path / "others.toml"), others)
        session.approve("looked at all of it", object_name="second")
        session.render(blur, tmp_path / "unasked.mp4")
    changed.write_bytes(b"cut by somebody else")
    assert run(["history", str(path), "--undo", "2"]) == 0
    told = capsys.readouterr().err
    assert f"note: {kept} was written with what is taken back now and does not change" in told
    assert not [out for out in (changed, before, others) if str(out) in told]
    # Nothing that was written goes back to an approval, where no checkpoint asked for a look.
    assert run(["history", str(path), "--undo", "4"]) == 0
    assert "note" not in capsys.readouterr().err
    assert run(["history", str(path)]) == 0
    assert str(kept) not in capsys.readouterr().err


def test_masks_that_were_made_changed_and_kept_add_up(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output(json_file=None, is_quiet=False, is_verbose=False)

    def told(session: Session) -> tuple[str, str, list[int]]:
        result = track(session, output)
        made = sum(map(len, result["made"].values()))
        changed = sum(len(way["changed"]) for way in result["ways_back"])
        filled = sum(map(len, result["filled"].values()))
        streams = capsys.readouterr()
        return streams.out, streams.err, [made, changed, filled, result["stayed"]]

    with marked_session(disc_video, disc, tmp_path / "shot.tam") as session:
        say(session, disc, 0)
        said, _, counts = told(session)
        assert "tracked 15 frames (1-15) in " in said
        assert "the other mask comes from the prompts" in said
        assert counts == [15, 0, 0, 1]

        say(session, disc, 10, carries_back=True)
        before = entries(session, "disc")
        said, noted, counts = told(session)
        assert "tracked 5 frames (11-15) in " in said
        assert (
            "8 frames before the correction on frame 10 were looked at again on the way back "
            "(2-9): 5 changed (5-9)"
        ) in said
        assert "frames 1-4 stay as before" in noted
        assert "the other 6 of 16 masks stayed as they were" in said
        assert counts == [5, 5, 0, 6]
        after = entries(session, "disc")
        assert [i for i in range(11) if before[i] != after[i]] == [5, 6, 7, 8, 9]

        session.undo(2)
        # All that the correction had changed, and nothing else.
        said, _, counts = told(session)
        assert "tracked 11 frames (5-15) in " in said
        assert counts == [11, 0, 0, 5]

        say(session, disc, 12, gone=True)
        say(session, disc, 3, "second")
        said, _, counts = told(session)
        assert "tracked 'second' on 15 frames (0-2, 4-15) in " in said
        assert "3 frames (13-15) of 'disc' have an empty mask" in said
        assert "the other 14 of 32 masks stayed as they were" in said
        assert counts == [15, 0, 3, 14]


def test_a_slip_of_the_pen_is_taken_back_as_a_whole(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, painted = tmp_path / "shot.tam", tmp_path / "mask.png"
    Image.fromarray(disc.mask(1, 4).astype(np.uint8) * 255).save(painted)
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0, "man")
        session.track()
        before = entries(session, "man")
    typo = ["--object", "mann", "--mask", f"{painted}@4"]
    assert run(["prompt", str(path), *typo]) == 0
    note = capsys.readouterr().err
    assert "'mann' is a new object; did you mean 'man'? take it back with: " in note
    assert note.rstrip().endswith("--undo 2")
    with marked_session_again(path, disc) as session:
        session.track()
        session.approve("seen", object_name="mann")
    assert run(["history", str(path), "--undo", "2"]) == 0
    told = capsys.readouterr().out
    assert "'mann'" in told
    assert "removed" in told
    assert "tam-edit track" not in told
    assert run(["history", str(path)]) == 0
    assert "'mann' frame 4" in capsys.readouterr().out
    with marked_session_again(path, disc) as session:
        project = session.project
        assert project.objects() == {1: "man"}
        assert session.track() == 0
        assert entries(session, "man") == before
        assert project._store.rows("SELECT count(*) FROM matte WHERE object_id = 2") == [(0,)]
        assert project._store.rows("SELECT count(*) FROM approval") == [(0,)]
        said = ObjectPrompts(
            object_name="mann", frame_index=4, prompts=Prompts(mask=disc.mask(1, 4))
        )
        # A command that is given again does not bring it back; a person who says it anew does.
        assert session.prompt(said, is_repeatable=True) is None
        assert project.objects() == {1: "man"}
        assert session.prompt(said) is not None
        assert project.objects() == {1: "man", 2: "mann"}
        assert session.undo(session.history()[-1].decision_id).is_removed
        assert project.objects() == {1: "man"}


def marked_session_again(path: Path, clip: DrawnClip) -> Session:
    session = Session.open(path)
    session._models = Models(name="marked", segmenter=Box(), propagator=MarkedPropagator(clip))
    return session


def test_an_approval_says_how_many_were_doubtful_and_wants_words(
    session: Session, disc: DrawnClip
) -> None:
    say(session, disc, 0)
    decided = session.history()
    with pytest.raises(InputError, match="no mask of 'disc' on frames 4 to 7") as caught:
        session.approve("seen", object_name="disc", start=4, stop=8)
    assert "tam-edit track" in caught.value.hint
    session.track()
    with pytest.raises(InputError, match="WHY stands for a reason") as caught:
        session.approve(" WHY ")
    assert "in your own words" in caught.value.hint
    assert session.history() == decided
    assert session.approve("seen", start=4, stop=8) == {"disc": 4}
    details = session.history()[-1].details
    assert (details["frames"], details["doubtful"], details["worst_score"]) == (4, 3, 0.4)
    path = str(session.project.path)
    session.close()
    assert run(["approve", path, "--reason", "WHY"]) == 1
