"""Revising XMem's latest frame, cutting, and what it says of where masks come from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tam_edit.errors import InputError, OutOfMemoryError
from tam_edit.frame import Frame
from tam_edit.models.base import PropagationRun, TrackingInfo
from tam_edit.models.xmem import MemorySettings, XMemPropagator
from tam_edit.models.xmem.memory import CORRECTED, LONG_TERM, RECENT
from tam_edit.models.xmem.propagator import Precision, XMemRun
from tests.made_xmem import INFO, TINY, made_network

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = MemorySettings(
    memory_every=3, most_frames=4, fewest_frames=2, prototypes=8, most_long_term=24
)
# The published rule: a later keyframe is an ordinary frame of the memory.
ORDINARY = dataclasses.replace(SETTINGS, keeps_corrections=False)
TOKENS = 20


def made(
    settings: MemorySettings = SETTINGS, *, hidden: int = 8, precision: Precision = "full"
) -> XMemPropagator:
    network = made_network(dataclasses.replace(TINY, hidden=hidden))
    return XMemPropagator(network, settings=settings, precision=precision)


def made_frames(count: int) -> list[Frame]:
    rng = np.random.default_rng(5)
    still = rng.integers(0, 200, (INFO.height, INFO.width, 3))
    noise = rng.integers(0, 50, (count, *still.shape))
    return [
        Frame.from_rgb((np.roll(still, 2 * i, 1) + noise[i]).astype(np.uint8), index=i)
        for i in range(count)
    ]


FRAMES = made_frames(40)


def box(x0: int, y0: int, x1: int, y1: int) -> NDArray[np.float32]:
    matte = np.zeros((INFO.height, INFO.width), np.float32)
    matte[y0:y1, x0:x1] = 1
    return matte


FIRST_MATTES = {1: box(20, 10, 40, 30), 2: box(50, 40, 70, 50)}
BETTER = {1: box(24, 12, 47, 33)}


def started(
    propagator: XMemPropagator, frames: int, info: TrackingInfo = INFO
) -> tuple[XMemRun, Frame]:
    """A run with two objects after that many frames, and its latest frame."""
    run = propagator.start(info)
    run.keyframe(FRAMES[0], FIRST_MATTES)
    for frame in FRAMES[1:frames]:
        run.step(frame)
    return run, FRAMES[frames - 1]


def tokens_of(run: XMemRun, kind: int) -> dict[int, torch.Tensor]:
    tokens = run._tracker.state.memory.tokens
    assert tokens is not None
    return {n: v[tokens.kind[tokens.owned[n]] == kind] for n, v in tokens.values.items()}


def assert_go_on_alike(one: PropagationRun, other: PropagationRun, start: int) -> None:
    for frame in FRAMES[start : start + 4]:
        a, b = one.step(frame), other.step(frame)
        assert a.mattes.keys() == b.mattes.keys()
        for number, matte in a.mattes.items():
            np.testing.assert_array_equal(matte, b.mattes[number])
        assert (a.scores, a.reasons) == (b.scores, b.reasons)
    assert one.snapshot() == other.snapshot()


# Every third frame is remembered; ten are enough for long-term memory.
@pytest.mark.parametrize(
    ("frames", "shares_pixels"), [(2, False), (4, False), (15, False), (16, False), (4, True)]
)
def test_revising_is_an_ordinary_keyframe_made_afterwards(frames: int, shares_pixels: bool) -> None:
    info = dataclasses.replace(INFO, shares_pixels=shares_pixels)
    run, latest = started(made(ORDINARY), frames, info)
    run.revise(latest, BETTER)
    # The published method's own way to take a mask, which looks at all before it remembers.
    known, _ = started(made(ORDINARY), frames - 1, info)
    known.keyframe(latest, BETTER)
    assert run.snapshot() == known.snapshot()
    assert_go_on_alike(run, known, frames)


@pytest.mark.parametrize("frames", [3, 4])
def test_a_revised_frame_is_a_recent_one_and_fades(frames: int) -> None:
    run, latest = started(made(), frames)
    before = {n: len(v) for n, v in tokens_of(run, RECENT).items()}
    run.revise(latest, BETTER)
    is_new = frames == 3
    assert {n: len(v) for n, v in tokens_of(run, RECENT).items()} == {
        n: count + is_new * TOKENS for n, count in before.items()
    }
    state = run._tracker.state
    assert state.remembered == state.step == frames - 1
    # Coverage is the second last column: the tokens speak of the better mask.
    coverage = tokens_of(run, RECENT)[1][-TOKENS:, -2].reshape(4, 5)
    padded = np.pad(BETTER[1], ((5, 6), (2, 3)))
    wanted = padded.reshape(4, 16, 5, 16).mean((1, 3))
    np.testing.assert_allclose(coverage.numpy(), wanted, atol=1e-5)
    tokens = state.memory.tokens
    assert tokens is not None
    key = tokens.key[tokens.kind == RECENT][-TOKENS:].clone()
    for frame in FRAMES[frames:24]:
        run.step(frame)
    assert tokens_of(run, CORRECTED)[1].numel() == 0
    assert tokens_of(run, LONG_TERM)[1].numel() > 0
    recent = tokens.key[tokens.kind == RECENT]
    assert not any(torch.equal(row, gone) for row in recent for gone in key)


@pytest.mark.parametrize("frames", [3, 16])
def test_revising_one_after_the_other_is_revising_at_once(frames: int) -> None:
    both = BETTER | {2: box(50, 30, 70, 44)}
    at_once, latest = started(made(), frames)
    at_once.revise(latest, both)
    apart, _ = started(made(), frames)
    apart.revise(latest, {2: FIRST_MATTES[1]})  # a mistake, made good by the next line
    apart.revise(latest, {2: both[2]})
    apart.revise(latest, {1: both[1]})
    assert at_once.snapshot() == apart.snapshot()
    assert_go_on_alike(at_once, apart, frames)


def test_revising_nothing_changes_nothing() -> None:
    run, latest = started(made(), 3)
    before = run.snapshot()
    run.revise(latest, {})
    assert run.snapshot() == before


@pytest.mark.parametrize("frames", [3, 16])
def test_a_run_resumed_after_a_revision_or_a_cut_goes_on_to_the_same_bits(frames: int) -> None:
    run, latest = started(made(), frames)
    run.revise(latest, BETTER)
    assert_go_on_alike(made().resume(INFO, run.snapshot()), run, frames)
    run.cut()
    assert_go_on_alike(made().resume(INFO, run.snapshot()), run, frames + 4)


def test_what_was_given_stands_beside_a_revision() -> None:
    run, _ = started(made(), 3)
    run.keyframe(FRAMES[3], {2: FIRST_MATTES[2]})
    given = tokens_of(run, CORRECTED)[2].clone()
    sensory = run._tracker.state.sensory[2].clone()
    overlapping = np.maximum(BETTER[1], FIRST_MATTES[2])
    run.revise(FRAMES[3], {1: overlapping})
    assert torch.equal(tokens_of(run, CORRECTED)[2], given)
    assert torch.equal(run._tracker.state.sensory[2], sensory)
    other, _ = started(made(), 3)
    other.keyframe(FRAMES[3], {2: FIRST_MATTES[2]})
    other.revise(FRAMES[3], BETTER)
    # The revised mask gives way to the given one, so this is the mask without the overlap.
    assert run.snapshot() == other.snapshot()


def test_an_object_that_was_forgotten_is_not_revived_by_a_revision() -> None:
    run, latest = started(made(), 4)
    run.forget(2)
    run.revise(latest, BETTER)
    assert set(tokens_of(run, RECENT)) == set(run._tracker.state.sensory) == {1}
    assert set(run.step(FRAMES[4]).mattes) == {1}


def test_only_the_latest_frame_and_what_was_carried_to_it_can_be_revised() -> None:
    run, latest = started(made(), 4)
    with pytest.raises(InputError, match="object 3 cannot be revised on frame 3"):
        run.revise(latest, {3: BETTER[1]})
    with pytest.raises(InputError, match=r"object 1 on frame 3 is of shape \(5, 5\)"):
        run.revise(latest, {1: np.zeros((5, 5), np.float32)})
    with pytest.raises(InputError, match="frame 2 cannot be revised"):
        run.revise(FRAMES[2], BETTER)
    with pytest.raises(InputError, match="frame 3 cannot be revised"):
        made().resume(INFO, run.snapshot()).revise(latest, BETTER)
    with pytest.raises(InputError, match="frame 0 cannot be revised"):
        made().start(INFO).revise(FRAMES[0], BETTER)
    run.keyframe(FRAMES[4], BETTER)
    with pytest.raises(InputError, match="object 1 cannot be revised on frame 4"):
        run.revise(FRAMES[4], BETTER)
    run.cut()
    with pytest.raises(InputError, match="frame 4 cannot be revised"):
        run.revise(FRAMES[4], {2: BETTER[1]})


def test_too_little_memory_for_a_revision_names_the_setting_to_lower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, latest = started(made(), 4)

    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(run._tracker.network.value_encoder, "forward", full)
    with pytest.raises(OutOfMemoryError, match="75x53") as caught:
        run.revise(latest, BETTER)
    assert "--size" in caught.value.hint


def test_a_cut_empties_the_sensory_maps_and_leaves_the_memory() -> None:
    run, _ = started(made(), 5)
    straight, _ = started(made(), 5)
    tokens = run._tracker.state.memory.tokens
    assert tokens is not None
    before = {n: v.clone() for n, v in tokens.values.items()}
    run.cut()
    state = run._tracker.state
    assert set(state.sensory) == {1, 2}
    assert all(not sensory.any() for sensory in state.sensory.values())
    for number, values in before.items():
        assert torch.equal(tokens.values[number], values)
    # What the maps said did count.
    assert np.any(run.step(FRAMES[5]).mattes[1] != straight.step(FRAMES[5]).mattes[1])


def test_the_variant_without_sensory_maps_is_cut_and_revised_too() -> None:
    run, latest = started(made(ORDINARY, hidden=0), 6)
    run.revise(latest, BETTER)
    known, _ = started(made(ORDINARY, hidden=0), 5)
    known.keyframe(latest, BETTER)
    before = run.snapshot()
    assert before == known.snapshot()
    run.cut()
    assert run.snapshot() == before


@pytest.mark.parametrize("frames", [3, 4])
def test_half_precision_is_revised_too(frames: int) -> None:
    run, latest = started(made(ORDINARY, precision="half"), frames)
    run.revise(latest, BETTER)
    known, _ = started(made(ORDINARY, precision="half"), frames - 1)
    known.keyframe(latest, BETTER)
    assert run.snapshot() == known.snapshot()


def test_affinity_is_each_pixels_token() -> None:
    run, _ = started(made(), 4)
    step = run.keyframe(FRAMES[4], {2: FIRST_MATTES[2]})
    assert set(step.affinity) == {1}
    told = step.affinity[1]
    assert run.evidence is not None
    evidence = run.evidence.objects[1]
    left, top = run.evidence.left, run.evidence.top
    rows, columns = np.mgrid[: INFO.height, : INFO.width]
    places = ((rows + top) // 16, (columns + left) // 16)
    for matte, tokens in ((told.inside, evidence.inside), (told.anchored, evidence.anchored)):
        assert matte.dtype == np.float32
        np.testing.assert_array_equal(matte, np.clip(tokens, 0, 1)[places])
        assert 0 <= matte.min() <= matte.max() <= 1
    # What lies on a keyframe is a part of what lies inside.
    assert (told.anchored <= told.inside + 1e-6).all()
    assert told.anchored.max() > 0
    assert np.unique(told.inside).size > 5
