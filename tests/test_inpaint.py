"""Inpainting bundles: masks that cover and do not flicker, files that models read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tam_edit.errors import InputError, OpenError
from tam_edit.export import (
    ExportOptions,
    export,
)
from tam_edit.inpaint import CoverMasks, broken_rules
from tam_edit.media import Source, open_source
from tests.made_jobs import IN, OUT, job_of

FRAMES = 6
SIZE = (45, 27)


def write_noise(path: Path, width: int, height: int) -> Path:
    """A lossless video of noise."""
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
        for index in range(FRAMES):
            image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
            picture = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="bgr0")
            picture.pts = index
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return open_source(write_noise(tmp_path / "in.mkv", 45, 27))


@pytest.fixture
def bundle(source: Source, tmp_path: Path) -> Path:
    options = ExportOptions(lama=True, grow_px=2)
    export("inpaint", job_of(source, options=options, handles=1), tmp_path / "bundle")
    return tmp_path / "bundle"


def masks_of(mattes: NDArray[np.float32], **options: Any) -> NDArray[np.bool_]:
    frames = range(IN, IN + len(mattes))
    covers = CoverMasks(lambda index: mattes[index - IN], frames, SIZE, **options)
    return np.array([covers.mask(index) for index in frames])


@pytest.mark.parametrize("steady_frames", [1, 2])
@pytest.mark.parametrize("cuts", [(), (IN + 7,)])
def test_no_pixel_flickers_for_one_frame(steady_frames: int, cuts: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    mattes = (rng.random((16, 27, 45)) > 0.93).astype(np.float32)
    masks = masks_of(mattes, steady_frames=steady_frames, cuts=cuts)
    assert (masks | ~(mattes > 0)).all()
    shots = np.split(masks, [cut - IN for cut in cuts])
    for shot in shots:
        before, here, after = shot[:-2], shot[1:-1], shot[2:]
        assert not ((here != before) & (here != after)).any()
    if cuts:
        # What is masked after the cut says nothing of what lies before it.
        blank = mattes.copy()
        blank[7:] = 0
        again = masks_of(blank, steady_frames=steady_frames, cuts=cuts)
        assert np.array_equal(again[:7], masks[:7])
        assert not again[7:].any()


def test_a_mask_has_every_pixel_that_shows_the_object_and_no_holes() -> None:
    matte = np.zeros((27, 45), np.float32)
    matte[4:20, 6:30] = 0.3
    matte[8:12, 10:20] = 0
    matte[24, 40] = 0.2
    (mask,) = masks_of(matte[None])
    wanted = np.zeros((27, 45), bool)
    wanted[4:20, 6:30] = True
    assert np.array_equal(mask, wanted)
    (grown,) = masks_of(matte[None], grow_px=3)
    distance = ndimage.distance_transform_edt(~wanted)
    assert np.array_equal(grown, distance <= 3)


def test_without_steadying_each_frame_stands_alone() -> None:
    mattes = np.zeros((4, 27, 45), np.float32)
    mattes[1, 3:9, 3:9] = mattes[3, 12:20, 5:9] = 1
    assert np.array_equal(masks_of(mattes, steady_frames=0), mattes > 0)


def test_a_bundle_says_where_it_comes_from(bundle: Path) -> None:
    said = json.loads((bundle / "bundle.json").read_text())
    assert said["schema"] == "tam_edit.bundle/1"
    assert (said["width"], said["height"], said["crop"]) == (48, 32, [0, 0, 45, 27])
    assert (said["fps"], said["in_frame"], said["out_frame"]) == ("25", IN, OUT)
    assert said["masking"]["dilation_px"] == 2
    assert said["masking"]["white"] == "remove"
    assert said["source"]["name"] == "in.mkv"
    assert [f["source_frame"] for f in said["frames"]] == list(range(FRAMES))
    assert [f["is_handle"] for f in said["frames"]] == [True, *[False] * 4, True]


def test_video_models_read_frames_and_masks_in_pairs(bundle: Path, source: Source) -> None:
    # As ProPainter and E2FGVI read them: every file, by the order of the names.
    names = [sorted(os.listdir(bundle / part)) for part in ("frames", "masks")]  # noqa: PTH208
    assert len(names[0]) == len(names[1]) == FRAMES
    track = job_of(source).tracks[1]
    covers = CoverMasks(lambda k: track.matte(k, *SIZE), range(IN, OUT), SIZE, grow_px=2)
    for index, (frame_name, mask_name) in enumerate(zip(*names, strict=True)):
        frame = cv2.imread(str(bundle / "frames" / frame_name))
        assert frame is not None
        with Image.open(bundle / "masks" / mask_name) as opened:
            grey = np.array(opened.convert("L"))
        height, width = frame.shape[:2]
        assert (height % 8, width % 8) == (0, 0)  # ProPainter would resize it otherwise
        assert grey.shape == (height, width)
        native = source.frame(index).rgb
        assert np.array_equal(frame[:27, :45, ::-1], native)
        assert np.array_equal(frame[27:, :45, ::-1], np.repeat(native[-1:], 5, axis=0))
        wanted = covers.mask(index)
        assert np.array_equal((grey > 0)[:27, :45], wanted)
        assert grey.any() == (IN <= index < OUT)
        # At the right edge the object goes on into the padding.
        assert np.array_equal((grey > 0)[:27, 45], wanted[:, -1])


def test_lama_finds_each_mask_with_its_picture(bundle: Path) -> None:
    masks = sorted(bundle.glob("**/*mask*.png"))
    assert [m.name for m in masks] == [f"{k:05d}_mask001.png" for k in range(FRAMES)]
    for mask in masks:
        picture = Path(str(mask).rsplit("_mask", 1)[0] + ".png")
        with Image.open(picture) as one, Image.open(mask) as other:
            assert one.convert("RGB").size == other.convert("L").size
        assert picture.read_bytes() == (bundle / "frames" / picture.name).read_bytes()


def repaint(file: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        with Image.open(bundle / file) as opened:
            changed = change(np.array(opened))
        (bundle / file).unlink()  # its hard link in lama/ stays as it is
        Image.fromarray(changed).save(bundle / file)

    return apply


def say(key: str, value: object) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        said = json.loads((bundle / "bundle.json").read_text())
        said[key] = value
        (bundle / "bundle.json").write_text(json.dumps(said))

    return apply


def white_corner(mask: NDArray[Any]) -> NDArray[Any]:
    mask[0, 0] = 255
    return mask


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file too many": (
        lambda b: (b / "frames" / ".DS_Store").write_text(""),
        "frames/.DS_Store is no part of the bundle, but ProPainter and E2FGVI would read it",
    ),
    "a mask missing": (
        lambda b: (b / "masks" / "00002.png").unlink(),
        "masks/00002.png is missing, so later masks would belong to other frames",
    ),
    "a folder missing": (lambda b: shutil.rmtree(b / "masks"), "the folder masks/ is missing"),
    "grey in a mask": (
        repaint("masks/00001.png", lambda m: m // 2),
        "masks/00001.png holds the value 127, but a mask holds only 0 and 255",
    ),
    "a coloured mask": (
        repaint("masks/00001.png", lambda m: np.dstack([m, m, m])),
        "masks/00001.png is RGB with 8 bits, but a mask is grey with 8 bits",
    ),
    "a deep mask": (
        repaint("masks/00001.png", lambda m: m.astype(np.uint16) * 257),
        "masks/00001.png is grey with 16 bits, but a mask is grey with 8 bits",
    ),
    "a frame with alpha": (
        repaint("frames/00003.png", lambda f: np.dstack([f, f[..., 0]])),
        "frames/00003.png is RGBA with 8 bits, but models read RGB with 8 bits",
    ),
    "another size": (
        repaint("frames/00003.png", lambda f: f[:-8]),
        "frames/00003.png is 48x24 instead of 48x32, so frame and mask would not lie on each other",
    ),
    "another picture": (
        repaint("frames/00003.png", lambda f: 255 - f),
        "frames/00003.png is not the file that was exported: its SHA-256 is another",
    ),
    "a masked handle": (
        repaint("masks/00000.png", white_corner),
        "masks/00000.png masks something, but nothing was tracked on handles",
    ),
    "no picture": (
        lambda b: (b / "frames" / "00004.png").write_bytes(b"\x89PNG\r\n\x1a\nrest"),
        "frames/00004.png is no picture that can be read",
    ),
    "no multiple of 8": (say("width", 45), "its width of 45 is no multiple of 8"),
    "a crop box outside": (
        say("crop", [0, 0, 60, 27]),
        "the crop box (0, 0, 60, 27) does not lie in 48x32",
    ),
    "LaMa's mask missing": (
        lambda b: (b / "lama" / "00001_mask001.png").unlink(),
        "lama/00001_mask001.png is missing, but LaMa reads each mask with the picture of its name",
    ),
    "LaMa's picture another": (
        repaint("lama/00001.png", lambda f: 255 - f),
        "lama/00001.png differs from frames/00001.png",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_each_broken_rule_is_told(bundle: Path, name: str) -> None:
    assert broken_rules(bundle) == []
    spoil, sentence = BREAKS[name]
    spoil(bundle)
    assert any(sentence in told for told in broken_rules(bundle)), broken_rules(bundle)


def test_what_is_no_bundle_is_refused(tmp_path: Path, bundle: Path) -> None:
    with pytest.raises(OpenError, match="is no inpainting bundle"):
        broken_rules(tmp_path)
    say("schema", "tam_edit.bundle/2")(bundle)
    with pytest.raises(InputError, match=r"cannot be used: schema"):
        broken_rules(bundle)
