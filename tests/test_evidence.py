"""The measurements that the assessment rests on, against closed forms and SciPy."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking.evidence import carried, color_shares, edge_contrast, origin_of
from tests.judged_masks import DISC


def test_the_edge_contrast_is_the_closed_form_on_a_step() -> None:
    """A step of 100 has a Sobel gradient of 400 on both sides of it and none elsewhere."""
    gray = np.full((120, 120), 50, np.uint8)
    gray[:, 60:] = 150
    mask = np.zeros((120, 120), bool)
    mask[:, 60:] = True
    # Of the two lines of pixels on either side (within 1.6 px) the inner ones have the gradient.
    expected = min(1.0, float(np.log((400 / 2 + 5) / 5)))
    assert edge_contrast(gray, mask) == pytest.approx(expected)
    # A mask whose edge lies 5 px inside has the step on its parallel.
    shifted = np.zeros_like(mask)
    shifted[:, 65:] = True
    found = edge_contrast(gray, shifted)
    assert found is not None
    assert found < -1
    assert edge_contrast(gray, np.ones_like(mask)) is None


def test_colours_are_the_blurred_histogram(clip: DrawnClip) -> None:
    lab = cv2.cvtColor(clip.image(0), cv2.COLOR_RGB2LAB)
    mask = clip.mask(DISC, 0)
    bins = (8, 16, 16)
    counts, _ = np.histogramdd(lab[mask].astype(float), bins=bins, range=[(0, 256)] * 3)
    expected: NDArray[np.float64] = counts
    for axis in range(3):
        expected = ndimage.convolve1d(expected, [0.25, 0.5, 0.25], axis=axis, mode="nearest")
    shares = color_shares(lab, mask)
    np.testing.assert_allclose(shares, (expected / expected.sum()).ravel(), atol=1e-6)


def test_the_flow_carries_a_mask_along_with_the_picture() -> None:
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (200, 260), np.uint8), (0, 0), 2)
    before, after = texture[20:180, 20:240], texture[16:176, 14:234]  # moved by (+6, +4)
    matte = np.zeros(before.shape, np.uint8)
    matte[60:100, 80:140] = 255
    moved = carried(matte, origin_of(before, after)) > 0.5
    wanted = np.roll(matte > 0, (4, 6), (0, 1))
    assert np.count_nonzero(moved & wanted) / np.count_nonzero(moved | wanted) > 0.93
