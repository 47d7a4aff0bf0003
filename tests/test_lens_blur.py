"""The lens look of background-blur: discs of light, of the right size, shape and brightness."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage

from tam_edit.effect import apply
from tam_edit.effects import BackgroundBlur
from tam_edit.effects._lens import aperture
from tam_edit.effects._light import to_code, to_light
from tam_edit.frame import Frame
from tam_edit.pixels import ColorTags

LINEAR_RGB = ColorTags(matrix=0, transfer=8, full_range=True)


def frame_of(image: np.ndarray, color: ColorTags | None = None) -> Frame:
    frame = Frame.from_rgb(image)
    if color is None:
        return frame
    return Frame(planes=frame.planes, layout=frame.layout, time_base=Fraction(1, 25), color=color)


def blurred(image, color=None, matte=None, **settings) -> np.ndarray:
    if matte is None:
        matte = np.zeros(image.shape[:2], np.float32)
    effect = BackgroundBlur(look="lens", highlight_stops=0, **settings)
    return apply(effect, frame_of(image, color), matte).rgb


@pytest.mark.parametrize(("radius", "blur"), [(4, 0.6), (9, 0.6), (30, 3), (64, 9)])
def test_a_point_of_light_becomes_a_disc_of_that_radius_and_keeps_its_energy(radius, blur) -> None:
    """In linear 16 bit: a square of 3 by 3 pixels becomes a disc with the same sum."""
    half = 2 * radius + 30  # no disc that counts reaches the border, where there is less to see
    image = np.zeros((2 * half, 2 * half, 3), np.uint16)
    image[half - 1 : half + 2, half - 1 : half + 2] = 65535
    result = blurred(image, LINEAR_RGB, sigma_px=radius / 2)[..., 1].astype(float)
    assert result.sum() == pytest.approx(9 * 65535, rel=0.015)
    y, x = np.mgrid[: 2 * half, : 2 * half] - half
    away = np.hypot(y, x)
    level = 9 * 65535 / (np.pi * radius**2)
    inside = result[away < radius - 2 - blur]
    np.testing.assert_allclose(inside, level, rtol=0.06)
    assert result[away > radius + 3 + blur].max() <= max(1, 0.02 * level)
    variance = (result * x**2).sum() / result.sum() - 2 / 3  # less the square's own
    assert 2 * np.sqrt(variance) == pytest.approx(radius, rel=0.06)


@pytest.mark.parametrize("blades", [0, 3, 5, 6, 8])
def test_an_aperture_has_the_area_of_its_disc_and_as_many_corners_as_blades(blades: int) -> None:
    kernel = aperture(12.0, blades)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.sum() / kernel.max() == pytest.approx(np.pi * 144, rel=0.01)
    middle = kernel.shape[0] // 2
    angles = np.arange(0, 2 * np.pi, np.pi / 360)
    reach = [
        max(
            r
            for r in np.arange(0, middle, 0.25)
            if ndimage.map_coordinates(
                kernel, [[middle + r * np.sin(a)], [middle + r * np.cos(a)]], order=1
            )[0]
            > 0.5 * kernel.max()
        )
        for a in angles
    ]
    spectrum = np.abs(np.fft.rfft(reach))[1:17]
    if blades:
        assert np.argmax(spectrum) + 1 == blades
    else:
        assert np.ptp(reach) <= 0.8


def test_a_triangle_of_light_stands_on_its_side_and_an_orange_lamp_stays_orange() -> None:
    image = np.zeros((90, 90, 3), np.uint8)
    image[44:47, 44:47] = (255, 120, 60)
    effect = BackgroundBlur(look="lens", sigma_px=7.0, blades=3, highlight_stops=5)
    result = apply(effect, frame_of(image), np.zeros((90, 90), np.float32)).rgb
    widths = (result[..., 0] > 0.5 * result[45, 45, 0]).sum(axis=1)
    rows = np.flatnonzero(widths > 2)
    assert widths[rows[-4]] > 3 * widths[rows[4]]
    light = to_light(result[45, 45] / 255, 2)
    lamp = to_light(np.array((255, 120, 60)) / 255, 2)
    np.testing.assert_allclose(light / light[0], lamp / lamp[0], rtol=0.1)


def test_light_adds_up_where_gaussians_of_coded_values_grow_dim() -> None:
    """A lamp on black at gamma 2.2: half of the light is more than half of the value."""
    image = np.zeros((80, 80, 3), np.uint8)
    image[:, 40:] = 255
    result = blurred(image, sigma_px=5.0)
    middle = (int(result[40, 39, 0]) + int(result[40, 40, 0])) / 2
    assert middle == pytest.approx(255 * 0.5 ** (1 / 2.2), abs=3)


@pytest.mark.parametrize("sigma", [1.5, 6.0, 20.0])
def test_the_objects_colour_stays_out_also_at_a_soft_edge(sigma: float) -> None:
    y, x = np.mgrid[:120, :160]
    matte = np.clip((40 - np.hypot(y - 60, x - 80)) / 6 + 0.5, 0, 1).astype(np.float32)
    red, blue = np.array((230, 20, 20)), np.array((10, 80, 220))
    image = np.rint(matte[..., None] * red + (1 - matte[..., None]) * blue).astype(np.uint8)
    result = blurred(image, matte=matte, sigma_px=sigma)
    assert np.abs(result.astype(int) - image).max() <= 3
    np.testing.assert_array_equal(result[matte == 1], image[matte == 1])


def test_clipped_lights_can_be_taken_for_brighter_than_white() -> None:
    image = np.full((120, 120, 3), 20, np.uint8)
    image[58:62, 58:62] = 255
    matte = np.zeros((120, 120), np.float32)
    levels = []
    for stops in (0, 1, 3):
        effect = BackgroundBlur(look="lens", sigma_px=4.0, highlight_stops=stops)
        levels.append(to_light(apply(effect, frame_of(image), matte).rgb[60, 60, 0] / 255, 2))
    ground = to_light(np.float64(20 / 255), 2)
    first, second, third = (level - ground for level in levels)
    assert second / first == pytest.approx(2, rel=0.06)
    assert third / first == pytest.approx(8, rel=0.06)
    plain = np.full((60, 60, 3), 200, np.uint8)
    effect = BackgroundBlur(look="lens", sigma_px=4.0, highlight_stops=6)
    kept = apply(effect, frame_of(plain), np.zeros((60, 60), np.float32)).rgb
    np.testing.assert_allclose(kept, plain, atol=1)


@pytest.mark.parametrize("transfer", [1, 2, 4, 5, 8, 13, 16, 18])
def test_light_and_back_is_the_same_value(transfer: int) -> None:
    code = np.linspace(0, 1, 1024)
    light = to_light(code, transfer)
    assert (np.diff(light) > 0).all()
    assert light[0] == pytest.approx(0, abs=1e-6)
    assert light[-1] == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(to_code(light, transfer), code, atol=2e-4)


@pytest.mark.parametrize(
    ("transfer", "code", "light"),
    [
        # ST 2084: 100 cd/m² of 10000 is coded as 0.5081; BT.2100 HLG: 1/12 as 0.5.
        (16, 0.50808, 0.01),
        (18, 0.5, 1 / 12),
        (1, 0.081, 0.018),
        (13, 0.5, 0.21404),
    ],
)
def test_transfer_curves_hold_their_standards_values(transfer, code, light) -> None:
    assert to_light(np.array(code), transfer) == pytest.approx(light, rel=2e-3)
