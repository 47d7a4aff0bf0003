"""Which frames a correction that is taken back leaves to be made again, and what they become."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking import LoopSettings, undoing
from tam_edit.tracks import Origin
from tests.marked_sessions import FRAMES, entries, level, marked_session, outside, say


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
