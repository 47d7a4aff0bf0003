"""The contract that every effect keeps, that the check catches who breaks it, and the settings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from tam_edit.effect import EFFECTS, Effect, Layer
from tam_edit.effects import (
    BackgroundBlur,
    BackgroundRemove,
    BackgroundReplace,
    Blur,
    DesaturateBackground,
    Fill,
    Outline,
    Pixelate,
    Remove,
)
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.parameters import parameters_of
from tam_edit.testing import check_effect
from tam_edit.types import Box, box_of

EXAMPLES = [
    Blur(),
    Blur(sigma_px=1.0),
    Blur(sigma_px=40.0),
    Pixelate(),
    Pixelate(block_px=7, edge="soft"),
    Fill(),
    BackgroundRemove(),
    BackgroundRemove(foreground="kept"),
    BackgroundRemove(despill="green", despill_strength=0.7),
    BackgroundRemove(edge="cover"),
    BackgroundReplace(color="red"),
    BackgroundReplace(color="red", foreground="kept"),
    BackgroundReplace(color="red", edge="cover"),
    BackgroundReplace(image="drawn.png", fit="contain"),
    BackgroundReplace(image="drawn.png", fit="contain", bars="blurred", light_wrap=0.8),
    BackgroundReplace(image="drawn.png", fit="tile", light_wrap=1, light_wrap_px=9.5),
    BackgroundReplace(
        video="drawn.mp4", fit="unscaled", align="top-left", despill="blue", despill_limit="max"
    ),
    BackgroundBlur(),
    BackgroundBlur(sigma_px=12.0),
    BackgroundBlur(sigma_px=1.0, foreground="kept"),
    BackgroundBlur(look="lens"),
    BackgroundBlur(look="lens", sigma_px=15.0, blades=6, highlight_stops=0),
    BackgroundBlur(look="lens", sigma_px=2.0, edge="cover"),
    DesaturateBackground(amount=0.7, dim=0.3),
    Outline(),
    Outline(side="inside", width_px=0.7),
    Outline(side="centre", width_px=9.0, edge="cover"),
    Remove(),
    Remove(grow_px=9.0, fallback="smooth", edge="cover"),
]


@pytest.mark.parametrize("effect", EXAMPLES, ids=str)
def test_the_contract(effect: Effect) -> None:
    check_effect(effect, examples=8)


def test_the_examples_leave_no_effect_out() -> None:
    names = {effect.name for effect in EXAMPLES}
    built_in = {name for name in EFFECTS.names() if EFFECTS.provider(name) == "tam_edit"}
    assert names == built_in


@dataclasses.dataclass(frozen=True, kw_only=True)
class Painted(Fill):
    """A correct effect, to be broken in one way each."""

    name = "painted"

    def _layer(self, frame: Frame, matte: np.ndarray, image: np.ndarray, **other) -> Layer:
        box = box_of(matte)
        return Layer(box=box, image=image, alpha=matte[box.slices], **other)


class Bleeding(Painted):
    def render(self, frame, matte):
        blurred = ndimage.gaussian_filter(frame.rgb, (3, 3, 0))
        return self._layer(frame, matte, blurred[box_of(matte).slices])


class Drifting(Painted):
    def render(self, frame, matte):
        box = box_of(matte)
        image = np.zeros((box.height, box.width, 3), frame.rgb_dtype)
        image[...] = (box.x0 * 37) % 251
        return self._layer(frame, matte, image)


class Random(Painted):
    def render(self, frame, matte):
        box = box_of(matte)
        image = np.random.default_rng().integers(0, 255, (box.height, box.width, 3))
        return self._layer(frame, matte, image.astype(frame.rgb_dtype))


class Narrow(Painted):
    def render(self, frame, matte):
        box = box_of(matte)
        return self._layer(frame, matte, np.zeros((box.height, box.width, 3), np.uint8))


class Greedy(Painted):
    def render(self, frame, matte):
        layer = super().render(frame, matte)
        return dataclasses.replace(layer, alpha=layer.alpha * 2)


class Scribbling(Painted):
    def render(self, frame, matte):
        matte.flags.writeable = True
        matte[...] = 1
        return super().render(frame, matte)


class Veiling(Painted):
    def render(self, frame, matte):
        layer = super().render(frame, matte)
        return dataclasses.replace(layer, coverage=layer.alpha)


class Forgetful(Painted):
    needs_alpha = True

    def render(self, frame, matte):
        return Layer(box=Box(0, 0, 0, 0))


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (Bleeding(), "pixels outside the matte influence it inside"),
        (Drifting(), "an object that is moved gets another picture"),
        (Random(), "two runs differ"),
        (Greedy(), r"alpha is not in \[0, 1\]"),
        (Scribbling(edge="soft"), "it changes the matte"),
        (Veiling(), "it changes opacity unannounced"),
        (Forgetful(), "it needs alpha but gives no opacity"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_catches(broken: Effect, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_effect(broken, examples=0)


def test_the_contract_catches_the_wrong_depth() -> None:
    with pytest.raises(InputError, match="the layer is uint8, the frame's RGB uint16"):
        check_effect(Narrow(), examples=0)


@pytest.mark.parametrize("name", EFFECTS.names())
def test_every_setting_is_described(name: str) -> None:
    effect = EFFECTS.get(name)
    described = {p.name: p for p in parameters_of(effect)}
    assert set(described) == {f.name for f in dataclasses.fields(effect) if f.init}
    assert effect.summary.endswith(".")
    for setting in described.values():
        assert setting.doc.endswith(".")
        if setting.name.endswith("_px"):
            assert setting.unit == "px"
        if setting.kind in ("number", "whole"):
            assert None not in setting.range


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: Blur(sigma_px=0.5),
            "blur: sigma_px is 0.5, but must be a number from 1 to 500 px",
        ),
        (lambda: Blur(strength=0.1), "blur: strength is 0.1, but must be a number from 0.5 to 4"),
        (lambda: Blur(edge="hard"), "blur: edge is 'hard', but must be one of cover, soft"),
        (
            lambda: Pixelate(block_px=1),
            "pixelate: block_px is 1, but must be a whole number from 2",
        ),
        (lambda: Fill(color="blakc"), "fill: color is 'blakc', but must be #rrggbb"),
        (BackgroundReplace, "give exactly one of color, image and video, not none"),
        (lambda: BackgroundReplace(color="red", image="a.png"), "not color and image"),
        (
            lambda: BackgroundReplace(color="red", light_wrap=1, edge="cover"),
            "background-replace: light_wrap changes the object, which edge = 'cover' leaves",
        ),
        (
            lambda: BackgroundRemove(despill="blue", edge="cover"),
            "background-remove: despill changes the object, which edge = 'cover' leaves",
        ),
        (
            lambda: BackgroundBlur(look="lens", blades=17),
            "blades is 17, but must be",
        ),
        (lambda: DesaturateBackground(dim=2), "desaturate-background: dim is 2, but must be"),
        (lambda: Outline(side="left"), "one of outside, centre, inside"),
    ],
)
def test_a_bad_setting_is_refused_in_words(build, message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert message in str(caught.value)
