"""Masks and mattes as bytes: exact or within the promised bound, and damaged ones are refused."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from pycocotools import mask as coco
from scipy import ndimage

from tam_edit.errors import InputError, ProjectError
from tam_edit.masks.codec import (
    MATTE_ERROR,
    EncodedMatte,
    Encoding,
    decode,
    decode_mask,
    decode_matte,
    encode,
    encode_mask,
    encode_matte,
)
from tam_edit.types import Mask, Matte, box_of


def blobs(rng: np.random.Generator, height: int, width: int) -> Mask:
    noise = ndimage.gaussian_filter(rng.standard_normal((height, width)), 3)
    return np.asarray(noise > np.quantile(noise, 0.7))


def soft(rng: np.random.Generator, height: int, width: int) -> Matte:
    matte = ndimage.gaussian_filter(blobs(rng, height, width).astype(np.float32), 2)
    matte[: height // 3] = 0
    return np.asarray(matte.clip(0, 1))


MASKS = {
    "blobs": blobs(np.random.default_rng(1), 97, 131),
    "noise": np.random.default_rng(2).random((33, 57)) < 0.5,
    "empty": np.zeros((7, 9), bool),
    "full": np.ones((7, 9), bool),
    "one pixel, set": np.ones((1, 1), bool),
    "one pixel, not set": np.zeros((1, 1), bool),
    "first pixel": np.arange(12).reshape(3, 4) == 0,
    "last pixel": np.arange(12).reshape(3, 4) == 11,
    "one row": np.random.default_rng(3).random((1, 40)) < 0.5,
    "long runs": np.pad(np.ones((1000, 700), bool), 300),
}


# pycocotools' own decoder is not up to date with NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", MASKS)
def test_a_mask_comes_back_and_pycocotools_reads_the_same(name: str) -> None:
    mask = MASKS[name]
    data = encode_mask(mask)
    decoded = decode_mask(data, *mask.shape)
    assert decoded.dtype == np.bool_
    assert decoded.flags.c_contiguous
    assert np.array_equal(decoded, mask)
    theirs = {"size": list(mask.shape), "counts": data}
    assert np.array_equal(coco.decode(theirs).astype(bool), mask)
    assert coco.area(theirs) == decoded.sum()
    x, y, width, height = coco.toBbox(theirs)
    assert (x, y, x + width, y + height) == box_of(decoded) or not mask.any()


def test_a_mask_that_is_not_contiguous_is_encoded_as_what_it_shows() -> None:
    mask = MASKS["blobs"][::2, ::-3]
    assert np.array_equal(decode_mask(encode_mask(mask), *mask.shape), mask)


def test_every_cut_and_every_changed_byte_of_a_mask_is_refused_or_is_a_mask() -> None:
    # The format has no checksum: a change may give another mask of the same size, never a crash.
    mask = MASKS["blobs"]
    data = encode_mask(mask)
    for length in range(len(data)):
        with pytest.raises(ProjectError, match="stored mask is damaged"):
            decode_mask(data[:length], *mask.shape)
    rng = np.random.default_rng(4)
    for place in range(0, len(data), 3):
        changed = bytearray(data)
        changed[place] ^= int(rng.integers(1, 256))
        try:
            assert decode_mask(bytes(changed), *mask.shape).shape == mask.shape
        except ProjectError as error:
            assert "stored mask is damaged" in str(error)  # noqa: PT017 - both ends are right


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff\xff", b"o" * 40, b"zzzz", b"000", b"P"])
def test_bytes_that_are_no_mask_are_refused(data: bytes) -> None:
    with pytest.raises(ProjectError, match="damaged"):
        decode_mask(data, 4, 5)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ProjectError, match="do not fill 4x3"):
        decode_mask(encode_mask(np.ones((3, 5), bool)), 3, 4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (41, 1), (97, 131), (480, 854)])
def test_a_matte_comes_back_within_the_bound(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    for matte in (soft(rng, *shape), rng.random(shape, np.float32), np.ones(shape, np.float32)):
        decoded = decode_matte(encode_matte(matte))
        assert decoded.dtype == np.float32
        assert decoded.shape == shape
        assert 0 <= decoded.min() <= decoded.max() <= 1
        # One float32 rounding of a level comes on top of half a level.
        assert np.abs(decoded - matte).max() <= MATTE_ERROR + 1e-7


def test_the_bound_is_tight_and_levels_are_exact() -> None:
    levels = (np.arange(256, dtype=np.float32) / np.float32(255)).reshape(16, 16)
    assert np.array_equal(decode_matte(encode_matte(levels)), levels)
    between = ((np.arange(255) + 0.5) / 255).astype(np.float32).reshape(15, 17)
    error = np.abs(decode_matte(encode_matte(between)) - between)
    assert error.min() == pytest.approx(MATTE_ERROR, rel=1e-4)


def test_what_is_outside_the_object_costs_no_byte() -> None:
    small = soft(np.random.default_rng(6), 60, 60)
    large = np.zeros((480, 854), np.float32)
    large[200:260, 300:360] = small
    assert len(encode_matte(large)) == len(encode_matte(small))
    assert len(encode_matte(np.zeros((480, 854), np.float32))) < 40


def test_every_cut_and_every_changed_byte_of_a_matte_is_refused() -> None:
    data = encode_matte(soft(np.random.default_rng(7), 40, 50))
    for length in range(len(data)):
        with pytest.raises(ProjectError, match="stored matte is damaged"):
            decode_matte(data[:length])
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x55
        with pytest.raises(ProjectError, match="stored matte is damaged"):
            decode_matte(bytes(changed))


def test_a_matte_of_a_newer_version_asks_for_an_upgrade() -> None:
    data = encode_matte(np.ones((2, 2), np.float32))
    header = struct.pack("<B6H", 2, 2, 2, 0, 0, 2, 2)
    newer = header + struct.pack("<I", zlib.crc32(data[17:], zlib.crc32(header))) + data[17:]
    with pytest.raises(ProjectError, match="version 2") as caught:
        decode_matte(newer)
    assert caught.value.hint == "upgrade tam-edit"


@pytest.mark.parametrize(
    "matte",
    [
        np.full((2, 2), np.nan, np.float32),
        np.full((2, 2), 1.01, np.float32),
        np.full((2, 2), -0.01, np.float32),
        np.zeros((2, 2), np.float64),
        np.zeros((2, 2, 1), np.float32),
        np.zeros((0, 2), np.float32),
    ],
)
def test_what_is_no_matte_is_not_encoded(matte: Matte) -> None:
    with pytest.raises(InputError, match="a matte"):
        encode_matte(matte)
    with pytest.raises(InputError, match="a matte"):
        encode(matte)


@pytest.mark.parametrize("mask", [np.zeros((2, 2), np.uint8), np.zeros(4, bool)])
def test_what_is_no_mask_is_not_encoded(mask: Mask) -> None:
    with pytest.raises(InputError, match="a mask is bool"):
        encode_mask(mask)


def test_a_hard_matte_is_kept_exactly_and_a_soft_one_is_not_rounded_to_hard() -> None:
    hard = MASKS["blobs"].astype(np.float32)
    encoded = encode(hard)
    assert (encoded.encoding, encoded.height, encoded.width) == (Encoding.HARD, 97, 131)
    assert np.array_equal(decode(encoded), hard)
    almost = hard * np.float32(1 - 1e-4)
    assert encode(almost).encoding == Encoding.SOFT
    with pytest.raises(ProjectError, match="is 131x97 instead of 131x96"):
        decode(EncodedMatte(Encoding.SOFT, 96, 131, encode_matte(almost)))
