"""Effect steps in time: spans, fades, ramps, holds, inversion, and matte steps before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from tam_edit.effect import EFFECTS, ClipInfo, ClipReader, Effect, Layer, apply
from tam_edit.errors import InputError, RecipeError
from tam_edit.frame import Frame
from tam_edit.masks import ops
from tam_edit.media import Source, open_source
from tam_edit.parameters import parameter
from tam_edit.recipe import EffectStep, EffectUse, Recipe, parse_recipe
from tam_edit.render import RenderJob, check_recipe
from tam_edit.render.chain import Chain
from tam_edit.render.mattes import mattes_of
from tam_edit.testing import check_effect
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte
from tam_edit.types import Box, Matte
from tests.made_jobs import render_of

FRAMES, WIDTH, HEIGHT = 16, 160, 120
HEAD = 'schema = "tam_edit.recipe/1"\ntitle = "t"\n[[steps]]\nkind = "track"\n'


def recipe_of(*steps: str) -> Recipe:
    return parse_recipe(HEAD + "".join(f"[[steps]]\n{step}\n" for step in steps), "here")


def effect(text: str = "", name: str = "fill") -> str:
    return f'kind = "effect"\neffect = "{name}"\n{text}'


def walking(
    *, size: tuple[int, int] = (WIDTH, HEIGHT), absent: tuple[int, ...] = ()
) -> MemoryTracks:
    """A square of 10 pixels that walks 8 pixels a frame to the right."""
    tracks = MemoryTracks()
    for index in range(FRAMES):
        matte = np.zeros((HEIGHT, WIDTH), np.float32)
        if index not in absent:
            matte[40:50, index * 8 : index * 8 + 10] = 1
        entry = TrackedMatte(matte=matte, score=1, origin=Origin.PROPAGATED)
        tracks.append(index, {1: entry})
    return tracks


@pytest.fixture
def source(disc_video: Path) -> Iterator[Source]:
    with open_source(disc_video) as opened:
        yield opened


@pytest.fixture
def flat(tmp_path: Path) -> Iterator[Source]:
    """A folder of grey pictures, 25 a second."""
    folder = tmp_path / "flat"
    folder.mkdir()
    for index in range(FRAMES):
        Image.new("RGB", (WIDTH, HEIGHT), (100, 100, 100)).save(folder / f"{index:03}.png")
    with open_source(folder) as opened:
        yield opened


def job_of(recipe: Recipe, tracks: MemoryTracks | None = None, **changes: object) -> RenderJob:
    return render_of(recipe, tracks or walking(), FRAMES, **changes)


def shown(source: Source, job: RenderJob) -> list[Frame]:
    plan = check_recipe(job.recipe, source, in_frame=job.in_frame, out_frame=job.out_frame)
    with ExitStack() as stack:
        return list(Chain(source, job, plan, mattes_of(job, plan, source), stack).frames())


def test_outside_its_span_an_effect_leaves_frames_bit_identical(source: Source) -> None:
    begin = source.time_of(4) - source.time_of(0)
    clock = f"00:00:{float(begin):06.3f}"
    recipe = recipe_of(effect(f'in_point = "{clock}"\nout_point = 9'))
    for before, after in zip(source.frames(), shown(source, job_of(recipe)), strict=True):
        same = all(np.array_equal(a, b) for a, b in zip(before.planes, after.planes, strict=True))
        assert same == (not 4 <= before.index < 9)


def test_a_fade_weighs_the_layer_by_exact_frame_times(flat: Source) -> None:
    recipe = recipe_of(
        effect(
            "in_point = 2\nout_point = 14\nfade_in_s = 0.16\nfade_out_s = 0.2\n"
            'with = { color = "#c8c8c8", edge = "soft" }'
        )
    )
    values = [frame.rgb[45, frame.index * 8 + 5, 0] for frame in shown(flat, job_of(recipe))]
    # 25 frames a second: a quarter a frame in, a fifth a frame out, to the out point.
    weights = [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0]
    weights[9] = 1.0
    assert values == [round(100 + 100 * weight) for weight in weights]


def test_transparency_fades_too_and_all_over_the_frame(flat: Source) -> None:
    recipe = recipe_of(effect("fade_in_s = 0.4", "background-remove"))
    frames = shown(flat, job_of(recipe))
    assert frames[0].opacity() is None
    for index in range(1, 10):
        opacity = frames[index].opacity()
        assert opacity is not None
        assert opacity[45, index * 8 + 5] == 1
        assert opacity[0, 0] == opacity[-1, -1] == pytest.approx(1 - index / 10, abs=1e-6)


def test_a_new_background_fades_in_with_the_edge_that_it_has_at_the_end(flat: Source) -> None:
    tracks = MemoryTracks()
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[40:80, 40:100] = 1
    matte[40:80, 95:105] = np.linspace(0.95, 0.05, 10, dtype=np.float32)
    for index in range(FRAMES):
        entry = TrackedMatte(matte=matte, score=1, origin=Origin.PROPAGATED)
        tracks.append(index, {1: entry})
    recipe = recipe_of(
        effect('fade_in_s = 0.4\nwith = { color = "#f0f0f0" }', "background-replace")
    )
    frames = [frame.rgb[:, :, 0].astype(float) for frame in shown(flat, job_of(recipe, tracks))]
    for index in range(10):
        expected = frames[0] + index / 10 * (frames[12] - frames[0])
        np.testing.assert_allclose(frames[index], expected, atol=0.51)
    np.testing.assert_allclose(frames[12], np.rint(100 + 140 * (1 - matte)), atol=2)


def test_a_cover_does_not_fade(source: Source) -> None:
    recipe = recipe_of(effect())
    step = EffectStep(kind="effect", effect="fill", fade_in_s=1)
    use = EffectUse(step, EFFECTS.get("fill")())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recipe, "effects", lambda self: [use])
        with pytest.raises(InputError, match="a cover that fades"):
            shown(source, job_of(recipe))


RAMPED = [
    ("blur", "strength", 1.7, ""),
    ("pixelate", "blocks", 5, ""),
    ("outline", "width_px", 3.5, ""),
    ("background-blur", "strength", 0.7, ""),
    ("background-blur", "sigma_px", 4.5, 'look = "lens"'),
    ("background-remove", "despill_strength", 0.6, 'despill = "green"'),
    ("background-replace", "light_wrap", 0.8, 'color = "white"'),
    ("desaturate-background", "amount", 0.4, ""),
]


@pytest.mark.parametrize(("name", "key", "value", "others"), RAMPED)
def test_a_ramp_with_equal_ends_is_the_constant(source: Source, name, key, value, others) -> None:
    points = f"[{{ at = 0, value = {value} }}, {{ at = 15, value = {value} }}]"
    with_others = f"with = {{ {others} }}\n"
    ramp = effect(f"{with_others}ramps = {{ {key} = {points} }}", name)
    whole = f"{key} = {value}" + (f", {others}" if others else "")
    ramped = shown(source, job_of(recipe_of(ramp)))
    constant = shown(source, job_of(recipe_of(effect(f"with = {{ {whole} }}", name))))
    for one, other in zip(ramped, constant, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one.planes, other.planes, strict=True))


@dataclass(frozen=True, kw_only=True)
class Counting(Effect):
    """Notes its numbers, and how many frames its run has seen."""

    name: ClassVar[str] = "counting"
    summary: ClassVar[str] = "Counts."
    seen: ClassVar[list[tuple[float, int, int]]] = []
    level: float = parameter(0.0, kind="number", at_least=0, at_most=10, doc="A number.")
    count: int = parameter(1, kind="whole", at_least=1, at_most=9, doc="A whole number.")
    state: dict[str, int] | None = field(default=None, init=False, compare=False)

    def begin(self, info: ClipInfo, clip: ClipReader) -> Effect:
        run = replace(self)
        object.__setattr__(run, "state", {"frames": 0})
        return run

    def render(self, frame: Frame, matte: Matte) -> Layer:
        assert self.state is not None
        self.state["frames"] += 1
        self.seen.append((self.level, self.count, self.state["frames"]))
        return Layer(box=Box(0, 0, 0, 0))


def ramp_points(*points: tuple[int | str, float]) -> list[Mapping[str, object]]:
    return [{"at": at, "value": value} for at, value in points]


def counting(recipe: Recipe, **step: object) -> Callable[[Recipe], list[EffectUse]]:
    made = EffectStep.model_validate({"kind": "effect", "effect": "fill", **step}, strict=False)
    return lambda self: [EffectUse(made, Counting())]


def test_ramps_are_linear_in_time_held_outside_and_keep_the_run(
    flat: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(effect())
    ramps = {
        "level": ramp_points((4, 2), ("00:00:00.320", 10), (12, 0)),
        "count": ramp_points((0, 1), (15, 4)),
    }
    monkeypatch.setattr(Recipe, "effects", counting(recipe, ramps=ramps))
    Counting.seen.clear()
    shown(flat, job_of(recipe))
    levels = np.interp(range(FRAMES), [4, 8, 12], [2, 10, 0])
    counts = [round(1 + index / 5) for index in range(FRAMES)]
    assert [level for level, _, _ in Counting.seen] == pytest.approx(levels)
    assert [count for _, count, _ in Counting.seen] == counts
    assert [frames for _, _, frames in Counting.seen] == list(range(1, FRAMES + 1))


@dataclass(frozen=True, kw_only=True)
class Stale(Effect):
    """Reckons with its number when it begins, and never again."""

    name: ClassVar[str] = "stale"
    summary: ClassVar[str] = "Fills with a grey."
    grey: int = parameter(10, kind="whole", at_least=0, at_most=255, doc="A grey.")
    _made: int = field(default=0, init=False, compare=False)

    def begin(self, info: ClipInfo, clip: ClipReader) -> Effect:
        run = replace(self)
        object.__setattr__(run, "_made", self.grey)
        return run

    def render(self, frame: Frame, matte: Matte) -> Layer:
        image = np.full((frame.height, frame.width, 3), self._made).astype(frame.rgb_dtype)
        return Layer(box=Box(0, 0, frame.width, frame.height), image=image, alpha=matte)


def test_the_contract_finds_an_effect_that_a_ramp_does_not_reach() -> None:
    with pytest.raises(AssertionError, match="a number given to a run and one from the start"):
        check_effect(Stale(), examples=0)


def test_an_unknown_or_impossible_number_is_refused() -> None:
    with pytest.raises(InputError, match="no number called 'edge'"):
        Counting().with_numbers({"edge": 1})
    with pytest.raises(InputError, match="level is 11"):
        Counting().with_numbers({"level": 11})


@pytest.mark.parametrize(("before", "after"), [(0, 3), (2, 0), (1, 2)])
def test_a_hold_is_the_union_over_the_frames_around(
    source: Source, before: int, after: int
) -> None:
    recipe = recipe_of(
        effect(f"margin_px = 0\nhold_before_frames = {before}\nhold_after_frames = {after}")
    )
    tracks = walking(absent=(7,))
    by_hand = EFFECTS.get("fill")()
    frames = zip(source.frames(), shown(source, job_of(recipe, tracks)), strict=True)
    for original, frame in frames:
        union = np.zeros((HEIGHT, WIDTH), np.float32)
        for other in range(max(0, frame.index - after), min(FRAMES, frame.index + before + 1)):
            union = np.maximum(union, tracks.track(1).matte(other, WIDTH, HEIGHT))
        expected = apply(by_hand, original, union, margin_px=0)
        for one, other_plane in zip(frame.planes, expected.planes, strict=True):
            assert np.array_equal(one, other_plane)


def test_inverted_it_acts_on_all_but_the_objects(source: Source) -> None:
    inverted = shown(source, job_of(recipe_of(effect("invert = true\nmargin_px = 0"))))
    by_hand = EFFECTS.get("fill")()
    for original, frame in zip(source.frames(), inverted, strict=True):
        matte = 1 - walking().track(1).matte(frame.index, WIDTH, HEIGHT)
        expected = apply(by_hand, original, matte, margin_px=0)
        assert all(np.array_equal(a, b) for a, b in zip(frame.planes, expected.planes, strict=True))


@pytest.mark.parametrize(
    ("name", "settings"),
    [("fill", "invert = true"), ("fill", ""), ("background-replace", 'with = { color = "black" }')],
)
def test_a_covered_frame_is_covered_whole_whatever_the_step_acts_on(
    source: Source, name: str, settings: str
) -> None:
    job = job_of(recipe_of(effect(settings, name)), covered_frames=frozenset({5}))
    frames = shown(source, job)
    assert (frames[5].rgb <= 1).all()
    assert (frames[6].rgb > 1).any()


def test_each_matte_is_decoded_once(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = walking()
    asked: list[int] = []
    entry = tracks.entry
    monkeypatch.setattr(
        tracks, "entry", lambda i, index: asked.append(index) or entry(i, index), raising=True
    )
    recipe = recipe_of(
        effect("hold_after_frames = 3"),
        'kind = "matte"\nsmooth_frames = 2\ngrow_px = 1.0',
        'kind = "matte"\nsmooth_frames = 1',
        effect("hold_before_frames = 2\nmargin_frac = 0.1"),
        effect("", "blur"),
    )
    shown(source, job_of(recipe, tracks))
    assert sorted(asked) == list(range(FRAMES))


@pytest.mark.parametrize(
    "fields",
    ["follow_edges_frac = 0.05", "closed_form_frac = 0.05"],
)
def test_edges_are_drawn_anew_from_the_frame_itself(
    source: Source, disc: DrawnClip, fields: str
) -> None:
    tracks, before, after = MemoryTracks(), 0.0, 0.0
    for index in range(FRAMES):
        rough = ops.grow(disc.mask(1, index), radius_px=3).astype(np.float32)
        tracks.append(index, {1: TrackedMatte(matte=rough, score=1, origin=Origin.PROPAGATED)})
    steps = (f'kind = "matte"\n{fields}', effect("", "background-remove"))
    for frame in shown(source, job_of(recipe_of(*steps), tracks)):
        truth, opacity = disc.mask(1, frame.index), frame.opacity()
        assert opacity is not None
        before += np.abs(tracks.track(1).matte(frame.index, WIDTH, HEIGHT) - truth).sum()
        after += np.abs(opacity - truth).sum()
    assert after < 0.5 * before


def test_matte_steps_reach_the_effects_after_them_and_their_own_objects(source: Source) -> None:
    tracks = MemoryTracks()
    for index in range(FRAMES):
        mattes = np.zeros((2, HEIGHT, WIDTH), np.float32)
        mattes[0, 20:40, 20:40] = mattes[1, 80:100, 100:120] = 1
        tracks.append(
            index,
            {
                k + 1: TrackedMatte(matte=m, score=1, origin=Origin.PROPAGATED)
                for k, m in enumerate(mattes)
            },
        )
    grow = 'kind = "matte"\nobjects = ["left"]\ngrow_px = 5.0'
    soft = 'margin_px = 0\nobjects = ["{}"]\nwith = {{ color = "{}" }}'
    recipe = recipe_of(
        effect(soft.format("right", "white")),
        effect(soft.format("left", "white")),
        grow,
        effect(soft.format("left", "black")),
    )
    frame = shown(source, job_of(recipe, tracks, names={1: "left", 2: "right"}))[3]
    luma, before = frame.planes[0], source.frame(3).planes[0]
    assert (luma[15:45, 20:40] == 16).all()
    assert (luma[80:100, 100:120] == 235).all()
    assert np.array_equal(luma[:14], before[:14])
    assert np.array_equal(luma[46:79], before[46:79])


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("in_point = 16", ["steps[1].in_point", "number 16", "the last one is 15"]),
        ('out_point = "00:01:00.000"', ["out_point", "past the end", "15"]),
        ("out_point = 17", ["out_point", "no frame 17"]),
        (
            'in_point = 9\nout_point = "00:00:00.000"',
            ["out_point", "must be after in_point", "frame 9"],
        ),
        (
            'in_point = "@7"\nout_point = 7',
            ["out_point", "(frame 7)", "first frame without the effect"],
        ),
        ('in_point = "noon"', ["in_point", "names no frame"]),
    ],
)
def test_a_place_that_is_not_in_the_video_is_refused(
    source: Source, step: str, told: list[str]
) -> None:
    with pytest.raises(RecipeError) as caught:
        check_recipe(recipe_of(effect(step)), source)
    message = f"{caught.value} {caught.value.hint}"
    assert all(text in message for text in told), message


def test_ramp_points_in_the_wrong_order_are_refused(source: Source) -> None:
    points = '[{ at = 9, value = 1 }, { at = "00:00:00.000", value = 2 }]'
    recipe = recipe_of(effect(f"ramps = {{ strength = {points} }}", "blur"))
    with pytest.raises(RecipeError, match=r"ramps\.strength\[1\]\.at .*must be after frame 9"):
        check_recipe(recipe, source)


def test_the_end_of_the_video_is_a_possible_out_point(source: Source) -> None:
    plan = check_recipe(recipe_of(effect("out_point = 16")), source)
    assert plan.effects[0].stop == 16
    assert plan.effects[0].span_s[1] == source.time_of(0) + source.info.duration_s
