"""XMem as a propagator, with a small network whose weights are made up."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tam_edit.errors import InputError, ModelError, OutOfMemoryError, WeightsError
from tam_edit.frame import Frame
from tam_edit.models.base import PropagationRun, Propagator, TrackingInfo, TrackStep
from tam_edit.models.xmem import MemorySettings, XMemPropagator, load_xmem
from tam_edit.models.xmem import tracker as tracker_module
from tam_edit.models.xmem.evidence import assess, collect
from tam_edit.models.xmem.network import aggregated
from tam_edit.models.xmem.propagator import XMemRun
from tests.made_xmem import INFO, TINY, made_network

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = MemorySettings(
    memory_every=2, most_frames=4, fewest_frames=2, prototypes=8, most_long_term=24
)


@pytest.fixture(scope="module")
def propagator() -> XMemPropagator:
    return XMemPropagator(made_network(), settings=SETTINGS)


@pytest.fixture(scope="module")
def exact() -> XMemPropagator:
    """The same in float64, where rounding cannot make another token answer."""
    return XMemPropagator(made_network().double(), settings=SETTINGS)


def made_frames(count: int, info: TrackingInfo = INFO) -> list[Frame]:
    rng = np.random.default_rng(5)
    still = rng.integers(0, 200, (info.height, info.width, 3))
    return [
        Frame.from_rgb(
            (np.roll(still, 2 * i, 1) + rng.integers(0, 50, still.shape)).astype(np.uint8), index=i
        )
        for i in range(count)
    ]


FRAMES = made_frames(30)


def box(x0: int, y0: int, x1: int, y1: int, info: TrackingInfo = INFO) -> NDArray[np.float32]:
    matte = np.zeros((info.height, info.width), np.float32)
    matte[y0:y1, x0:x1] = 1
    return matte


Events = Mapping[int, Mapping[int, NDArray[np.float32]]]
EVENTS: Events = {
    0: {1: box(20, 10, 40, 30)},
    5: {2: box(50, 40, 70, 50)},
    12: {1: box(30, 12, 50, 33)},
}


def advance(run: PropagationRun, frames: Sequence[Frame], events: Events) -> list[TrackStep]:
    return [run.keyframe(f, events[f.index]) if f.index in events else run.step(f) for f in frames]


def assert_same(first: Sequence[TrackStep], second: Sequence[TrackStep]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.mattes.keys() == b.mattes.keys()
        for number, matte in a.mattes.items():
            np.testing.assert_array_equal(matte, b.mattes[number])
        assert a.scores == b.scores
        assert a.reasons == b.reasons


def test_it_is_a_propagator_with_the_contracts_types(propagator: XMemPropagator) -> None:
    assert isinstance(propagator, Propagator)
    run = propagator.start(INFO)
    for step in advance(run, FRAMES, EVENTS):
        for number, matte in step.mattes.items():
            assert matte.dtype == np.float32
            assert matte.shape == (INFO.height, INFO.width)
            assert 0 <= matte.min() <= matte.max() <= 1
            assert 0 <= step.scores[number] <= 1
            assert all(isinstance(reason, str) for reason in step.reasons[number])


def test_a_given_matte_comes_back_as_given_and_the_others_are_carried(
    propagator: XMemPropagator,
) -> None:
    soft = box(20, 10, 40, 30) * np.float32(0.7)
    run = propagator.start(INFO)
    first = run.keyframe(FRAMES[0], {1: soft})
    np.testing.assert_array_equal(first.mattes[1], soft)
    assert first.scores == {1: 1.0}
    both = run.keyframe(FRAMES[1], {2: box(0, 0, 30, 30)})
    assert set(both.mattes) == {1, 2}
    assert both.scores[2] == 1.0
    # Objects do not share pixels: the carried one gives way.
    assert both.mattes[1][:30, :30].max() < 0.5


def test_objects_never_overlap_unless_they_may(exact: XMemPropagator) -> None:
    given = {1: box(10, 10, 40, 40), 2: box(30, 10, 60, 40)}
    run = exact.start(INFO)
    run.keyframe(FRAMES[0], given)
    for frame in FRAMES[1:6]:
        total = sum(run.step(frame).mattes.values())
        assert np.max(total) <= 1 + 1e-5

    # Where they may, each is tracked as if it were alone.
    info = dataclasses.replace(INFO, shares_pixels=True)
    pair, alone = exact.start(info), exact.start(info)
    pair.keyframe(FRAMES[0], given)
    alone.keyframe(FRAMES[0], {1: given[1]})
    for frame in FRAMES[1:6]:
        np.testing.assert_allclose(
            pair.step(frame).mattes[1], alone.step(frame).mattes[1], atol=1e-5
        )


@pytest.mark.parametrize("cut", [1, 6, 13, 25])
def test_a_resumed_run_goes_on_to_the_same_bits(propagator: XMemPropagator, cut: int) -> None:
    whole = advance(propagator.start(INFO), FRAMES, EVENTS)
    run = propagator.start(INFO)
    advance(run, FRAMES[:cut], EVENTS)
    snapshot = run.snapshot()
    resumed = XMemPropagator(made_network(), settings=SETTINGS).resume(INFO, snapshot)
    assert resumed.snapshot() == snapshot
    assert_same(advance(resumed, FRAMES[cut:], EVENTS), whole[cut:])


def test_a_snapshot_of_something_else_is_refused(propagator: XMemPropagator) -> None:
    run = propagator.start(INFO)
    run.keyframe(FRAMES[0], EVENTS[0])
    snapshot = run.snapshot()
    with pytest.raises(ModelError, match="size 75x53, not 75x54"):
        propagator.resume(TrackingInfo(width=75, height=54), snapshot)
    with pytest.raises(ModelError, match="weights"):
        XMemPropagator(made_network(seed=1), settings=SETTINGS).resume(INFO, snapshot)
    with pytest.raises(ModelError, match="memory"):
        XMemPropagator(made_network()).resume(INFO, snapshot)
    with pytest.raises(ModelError, match="precision float32, not bfloat16"):
        XMemPropagator(made_network(), settings=SETTINGS, precision="half").resume(INFO, snapshot)
    for damaged in (b"", b"nothing", snapshot[: len(snapshot) // 2], pickle.dumps({"a": 1})):
        with pytest.raises(ModelError, match="damaged"):
            propagator.resume(INFO, damaged)
    length = int.from_bytes(snapshot[:8], "little")
    header = json.loads(snapshot[8 : 8 + length])
    del header["1.sensory"], header["tokens.key"]
    text = json.dumps(header).encode()
    with pytest.raises(ModelError, match="damaged"):
        propagator.resume(INFO, len(text).to_bytes(8, "little") + text + snapshot[8 + length :])


def test_two_runs_give_the_same_bits(propagator: XMemPropagator) -> None:
    first = advance(propagator.start(INFO), FRAMES[:14], EVENTS)
    assert_same(first, advance(propagator.start(INFO), FRAMES[:14], EVENTS))


def test_the_order_of_frames_is_the_order_they_are_given_in(propagator: XMemPropagator) -> None:
    backward = FRAMES[12::-1]
    told = advance(propagator.start(INFO), backward, {12: EVENTS[0]})
    renumbered = [dataclasses.replace(f, index=i) for i, f in enumerate(backward)]
    assert_same(told, advance(propagator.start(INFO), renumbered, {0: EVENTS[0]}))


@pytest.mark.parametrize("size", [(1, 1), (7, 33), (16, 16), (64, 48), (129, 15)])
def test_any_size_is_tracked(propagator: XMemPropagator, size: tuple[int, int]) -> None:
    info = TrackingInfo(width=size[0], height=size[1])
    frames = made_frames(4, info)
    run = propagator.start(info)
    run.keyframe(frames[0], {1: np.ones((info.height, info.width), np.float32)})
    for frame in frames[1:]:
        assert run.step(frame).mattes[1].shape == (info.height, info.width)


@pytest.mark.parametrize(
    "matte",
    [box(33, 21, 36, 24), box(0, 0, 75, 53), box(0, 0, 0, 0)],
    ids=["smaller than a token", "the whole picture", "not in the picture"],
)
def test_objects_of_any_size_are_tracked(
    propagator: XMemPropagator, matte: NDArray[np.float32]
) -> None:
    run = propagator.start(INFO)
    run.keyframe(FRAMES[0], {1: matte})
    for frame in FRAMES[1:5]:
        step = run.step(frame)
        assert np.isfinite(step.mattes[1]).all()
        assert 0 <= step.scores[1] <= 1


def test_forgetting_an_object_leaves_a_run_as_if_it_had_never_been(
    exact: XMemPropagator,
) -> None:
    info = dataclasses.replace(INFO, shares_pixels=True)
    run, alone = exact.start(info), exact.start(info)
    run.keyframe(FRAMES[0], {1: box(20, 10, 40, 30), 2: box(50, 40, 70, 50)})
    alone.keyframe(FRAMES[0], {1: box(20, 10, 40, 30)})
    run.forget(2)
    run.forget(9)
    for frame in FRAMES[1:8]:
        step = run.step(frame)
        assert set(step.mattes) == {1}
        np.testing.assert_allclose(step.mattes[1], alone.step(frame).mattes[1], atol=1e-5)
    run.forget(1)
    assert run.step(FRAMES[8]).mattes == {}
    again = run.keyframe(FRAMES[9], {1: box(20, 10, 40, 30)})
    assert set(again.mattes) == set(run.step(FRAMES[10]).mattes) == {1}


def test_a_correction_is_kept_for_good_and_begins_the_sensory_map_anew(
    propagator: XMemPropagator,
) -> None:
    run = propagator.start(INFO)
    advance(run, FRAMES, EVENTS)
    assert isinstance(run, XMemRun)
    assert run.evidence is not None
    # Object 2 on frame 5 and object 1 on frame 12; 4 x 5 tokens each.
    assert run.evidence.memory["corrected"] == 40
    assert run.evidence.memory["first"] == 20
    assert run.evidence.memory["long_term"] > 0
    assert sum(run.evidence.usage.values()) == pytest.approx(1, abs=1e-4)

    # The same correction after other pasts: the sensory map is the same.
    maps = []
    for past in (FRAMES[0:4], FRAMES[10:14]):
        other = propagator.start(INFO)
        advance(other, past, {past[0].index: EVENTS[0]})
        other.keyframe(FRAMES[20], EVENTS[12])
        maps.append(other._tracker.state.sensory[1])
    assert torch.equal(maps[0], maps[1])


def test_evidence_points_to_where_the_memory_has_the_object(exact: XMemPropagator) -> None:
    info = TrackingInfo(width=96, height=64)
    frame = made_frames(1, info)[0]
    run = exact.start(info)
    run.keyframe(frame, {1: box(32, 16, 64, 48, info)})
    # The same picture again: with one answer per token, each token finds itself.
    run._tracker.state.memory.settings = dataclasses.replace(SETTINGS, top_k=1)
    run.step(frame)
    assert run.evidence is not None
    told = run.evidence.objects[1]
    wanted = np.zeros((4, 6), np.float32)
    wanted[1:3, 2:4] = 1
    assert (run.evidence.left, run.evidence.top) == (0, 0)
    np.testing.assert_allclose(told.inside, wanted, atol=1e-5)
    np.testing.assert_allclose(told.anchored, wanted, atol=1e-5)
    np.testing.assert_array_equal(told.entropy, 0)


def test_the_score_falls_with_certainty_and_with_what_memory_says() -> None:
    matte = box(32, 16, 64, 48) * np.float32(0.98)
    coverage = np.zeros((4, 5), np.float32)
    coverage[1:3, 2:4] = 0.98
    zeros = np.zeros_like(coverage)
    sure, reasons = assess(collect(matte, coverage, coverage, coverage, zeros))
    assert sure > 0.95
    assert reasons == ()
    unsure, reasons = assess(collect(matte * np.float32(0.6), coverage, coverage, zeros, zeros))
    assert unsure < sure
    assert reasons == ("the mask is uncertain",)
    foreign, reasons = assess(collect(matte, coverage, coverage / 4, zeros, zeros))
    assert foreign < sure
    assert reasons == ("the memory has other things here",)
    gone, reasons = assess(collect(matte * 0, zeros, zeros, zeros, zeros))
    assert gone < 0.05
    assert reasons == ("the object seems to have left",)
    # A quarter of a token that is a quarter object in memory: full agreement.
    small = np.zeros_like(coverage)
    small[0, 0] = 0.25
    assert collect(box(0, 0, 8, 8), small, small, small, zeros).agreement == pytest.approx(1)


def test_objects_drawn_in_portions_are_drawn_alike(
    exact: XMemPropagator, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: Events = {0: {n: box(10 * n, 5 * n, 10 * n + 9, 5 * n + 9) for n in range(1, 6)}}
    together = advance(exact.start(INFO), FRAMES[:6], events)
    monkeypatch.setattr(tracker_module, "PIXELS_AT_ONCE", 1)
    apart = advance(exact.start(INFO), FRAMES[:6], events)
    for a, b in zip(together, apart, strict=True):
        for number, matte in a.mattes.items():
            np.testing.assert_allclose(matte, b.mattes[number], atol=1e-4)


def test_probabilities_that_are_put_together_are_a_softmax_of_odds() -> None:
    masks = torch.tensor([[[0.9, 0.5, 0.0]], [[0.2, 0.5, 0.0]]], dtype=torch.float64)
    told = aggregated(masks)
    # Odds 9, 1/4 and, for the background 0.08, 0.08 / 0.92.
    odds = torch.tensor([9, 0.25, 0.08 / 0.92], dtype=torch.float64)
    torch.testing.assert_close(told[:, 0, 0], odds[:2] / odds.sum())
    assert (told[:, 0, 2] < 1e-6).all()
    alone = aggregated(masks, shares_pixels=True)
    torch.testing.assert_close(alone[0, 0, 0].item(), 9 / (9 + 1 / 9))


def test_half_precision_stays_near_full_precision(propagator: XMemPropagator) -> None:
    half = XMemPropagator(made_network(), settings=SETTINGS, precision="half")
    full = advance(propagator.start(INFO), FRAMES[:6], EVENTS)
    rough = advance(half.start(INFO), FRAMES[:6], EVENTS)
    for a, b in zip(full, rough, strict=True):
        assert np.abs(a.mattes[1] - b.mattes[1]).max() < 0.1
    run = half.start(INFO)
    advance(run, FRAMES[:6], EVENTS)
    resumed = half.resume(INFO, run.snapshot())
    assert_same(advance(run, FRAMES[6:10], EVENTS), advance(resumed, FRAMES[6:10], EVENTS))


def test_output_that_is_not_finite_is_an_error_that_says_what_to_do() -> None:
    network = made_network()
    network.decoder.pred.bias.fill_(float("nan"))
    run = XMemPropagator(network).start(INFO)
    run.keyframe(FRAMES[0], EVENTS[0])
    with pytest.raises(ModelError, match="object 1 is not finite on frame 1") as caught:
        run.step(FRAMES[1])
    assert "full precision" in caught.value.hint


@pytest.mark.parametrize(
    "fault",
    [
        torch.cuda.OutOfMemoryError("Allocation on device"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
def test_too_little_memory_names_the_setting_to_lower(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = made_network()

    def fail(picture: torch.Tensor) -> None:
        raise fault

    monkeypatch.setattr(network, "see", fail)
    run = XMemPropagator(network).start(INFO)
    with pytest.raises(OutOfMemoryError, match="75x53") as caught:
        run.keyframe(FRAMES[0], EVENTS[0])
    assert "--size" in caught.value.hint
    assert "short_side_px" in caught.value.hint


def test_what_a_run_cannot_use_is_refused(propagator: XMemPropagator) -> None:
    run = propagator.start(INFO)
    with pytest.raises(InputError, match="begins with a mask"):
        run.step(FRAMES[0])
    with pytest.raises(InputError, match=r"object 3 on frame 0 is of shape \(5, 5\)"):
        run.keyframe(FRAMES[0], {3: np.zeros((5, 5), np.float32)})


def test_a_checkpoint_file_becomes_the_same_propagator(
    tmp_path: Path, propagator: XMemPropagator
) -> None:
    path = tmp_path / "tiny.pth"
    torch.save(made_network().state_dict(), path)
    loaded = load_xmem(path, "cpu")
    assert loaded.network.sizes == TINY
    assert loaded.identity(INFO).weights == propagator.identity(INFO).weights


def test_files_that_are_no_weights_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save(made_network().state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(WeightsError):
        load_xmem(path, "cpu")
    torch.save({"model": dataclasses.replace(TINY)}, path)
    with pytest.raises(WeightsError, match="code"):
        load_xmem(path, "cpu")
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="no XMem checkpoint"):
        load_xmem(path, "cpu")
