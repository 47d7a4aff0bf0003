"""Inpainting bundles: masks that cover, files that models read, frames that come back."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
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
    ExportJob,
    ExportOptions,
    Recomposite,
    RecompositeReport,
    broken_rules,
    export,
    recomposite,
)
from tam_edit.export.inpaint.cover import CoverMasks
from tam_edit.frame import to_av
from tam_edit.media import Source, open_source
from tam_edit.pixels import ColorTags, PixelLayout
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

FRAMES, IN, OUT = 6, 1, 5
BT709 = ColorTags(primaries=1, transfer=1, matrix=1, full_range=False)


def write_noise(path: Path, pix_fmt: str, width: int, height: int, turned: int = 0) -> Path:
    """A lossless video of noise, also with colours that no RGB picture has."""
    rng = np.random.default_rng(3)
    layout = PixelLayout.of(pix_fmt)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1" if path.suffix == ".mkv" else "libx264", rate=25)
        # FFV1 stores 8-bit RGB packed.
        stored = "bgr0" if pix_fmt == "gbrp" else pix_fmt
        stream.width, stream.height, stream.pix_fmt = width, height, stored
        if turned:
            stream.set_display_rotation(turned)
        for index in range(FRAMES):
            planes = []
            for number in range(layout.plane_count):
                step_x, step_y = layout.step(number)
                shape = (-(-height // step_y), -(-width // step_x))
                planes.append(rng.integers(0, layout.max_value + 1, shape).astype(layout.dtype))
            picture = to_av(planes, layout, ColorTags() if layout.is_rgb else BT709)
            picture = picture.reformat(format=stored)
            picture.pts, picture.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


def job_of(source: Source, **changes: Any) -> ExportJob:
    """An object that moves right by three pixels a frame and touches the picture's right edge."""
    width, height = source.info.width, source.info.height
    tracks = MemoryTracks()
    for index in range(IN, OUT):
        matte = np.zeros((height, width), np.float32)
        matte[5:15, width - 20 + 3 * index :] = 1
        entry = TrackedMatte(matte=matte, score=0.9, origin=Origin.PROPAGATED)
        tracks.append(index, {1: entry})
    job = ExportJob(source=source, reader=tracks, names={1: "it"}, in_frame=IN, out_frame=OUT)
    return replace(job, **changes)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return open_source(write_noise(tmp_path / "in.mkv", "gbrp", 45, 27))


@pytest.fixture
def bundle(source: Source, tmp_path: Path) -> Path:
    options = ExportOptions(lama=True, grow_px=2)
    export("inpaint", job_of(source, options=options, handles=1), tmp_path / "bundle")
    return tmp_path / "bundle"


# --- masks ---------------------------------------------------------------------------------------


def masks_of(mattes: NDArray[np.float32], source: Source, **options: Any) -> NDArray[np.bool_]:
    cuts = options.pop("cuts", ())
    tracks = MemoryTracks()
    for index, matte in enumerate(mattes, start=IN):
        entry = TrackedMatte(matte=matte, score=0.9, origin=Origin.PROPAGATED)
        tracks.append(index, {1: entry})
    job = replace(job_of(source), reader=tracks, out_frame=IN + len(mattes), cuts=cuts)
    covers = CoverMasks(replace(job, options=ExportOptions(**options)))
    return np.array([covers.mask(index) for index in range(IN, job.out_frame)])


@pytest.mark.parametrize("steady_frames", [1, 2])
@pytest.mark.parametrize("cuts", [(), (IN + 7,)])
def test_no_pixel_flickers_for_one_frame(
    source: Source, steady_frames: int, cuts: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    mattes = (rng.random((16, 27, 45)) > 0.93).astype(np.float32)
    masks = masks_of(mattes, source, steady_frames=steady_frames, cuts=cuts)
    assert (masks | ~(mattes > 0)).all()
    shots = np.split(masks, [cut - IN for cut in cuts])
    for shot in shots:
        before, here, after = shot[:-2], shot[1:-1], shot[2:]
        assert not ((here != before) & (here != after)).any()
    if cuts:
        # What is masked after the cut says nothing of what lies before it.
        blank = mattes.copy()
        blank[7:] = 0
        again = masks_of(blank, source, steady_frames=steady_frames, cuts=cuts)
        assert np.array_equal(again[:7], masks[:7])
        assert not again[7:].any()


def test_a_mask_has_every_pixel_that_shows_the_object_and_no_holes(source: Source) -> None:
    matte = np.zeros((27, 45), np.float32)
    matte[4:20, 6:30] = 0.3
    matte[8:12, 10:20] = 0
    matte[24, 40] = 0.2
    (mask,) = masks_of(matte[None], source)
    wanted = np.zeros((27, 45), bool)
    wanted[4:20, 6:30] = True
    assert np.array_equal(mask, wanted)
    (grown,) = masks_of(matte[None], source, grow_px=3)
    distance = ndimage.distance_transform_edt(~wanted)
    assert np.array_equal(grown, distance <= 3)


def test_without_steadying_each_frame_stands_alone(source: Source) -> None:
    mattes = np.zeros((4, 27, 45), np.float32)
    mattes[1, 3:9, 3:9] = mattes[3, 12:20, 5:9] = 1
    assert np.array_equal(masks_of(mattes, source, steady_frames=0), mattes > 0)


# --- files ---------------------------------------------------------------------------------------


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
    covers = CoverMasks(job_of(source, options=ExportOptions(grow_px=2)))
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
        wanted = np.zeros((27, 45), bool) if index in (0, 5) else covers.mask(index)
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


# --- coming back ---------------------------------------------------------------------------------


def put_back(
    source: Source, bundle: Path, returned: Path, out: Path, feather_px: float | None = 0
) -> RecompositeReport:
    what = Recomposite(bundle=bundle, returned=returned, format="ffv1", feather_px=feather_px)
    return recomposite(source, what, out)


def painted(bundle: Path, folder: Path, crop: bool = False) -> Path:
    """What a model might return: another picture everywhere, also where nothing was masked."""
    folder.mkdir()
    rng = np.random.default_rng(9)
    for file in sorted((bundle / "frames").iterdir()):
        with Image.open(file) as opened:
            size = (27, 45, 3) if crop else (opened.height, opened.width, 3)
        picture = np.zeros((*size[:2], 3), np.uint8)
        picture[:27, :45] = rng.integers(0, 256, (27, 45, 3))
        Image.fromarray(picture).save(folder / file.name)
    return folder


LAYOUTS = [
    ("yuv420p", 48, 32, 0),
    ("yuv420p", 45, 27, 0),
    ("yuv420p10le", 45, 27, 0),
    ("yuv422p10le", 46, 27, 0),
    ("yuv444p", 45, 27, 0),
    ("yuv444p12le", 45, 27, 0),
    ("gbrp10le", 45, 27, 0),
    ("gray", 45, 27, 0),
    ("yuv420p", 46, 28, 90),
]


@pytest.mark.parametrize(("pix_fmt", "width", "height", "turned"), LAYOUTS)
def test_own_frames_give_back_every_sample(
    tmp_path: Path, pix_fmt: str, width: int, height: int, turned: int
) -> None:
    name = "in.mp4" if turned else "in.mkv"
    source = open_source(write_noise(tmp_path / name, pix_fmt, width, height, turned))
    export("inpaint", job_of(source, options=ExportOptions(grow_px=3)), tmp_path / "b")
    assert broken_rules(tmp_path / "b") == []
    report = put_back(source, tmp_path / "b", tmp_path / "b" / "frames", tmp_path / "o.mkv", None)
    assert report.masked_px > 0
    assert report.changed_px == 0
    with open_source(tmp_path / "o.mkv") as written:
        assert written.info.frame_count == OUT - IN
        assert written.info.layout == source.info.layout
        pairs = zip(written.frames(), source.frames(IN, OUT), strict=True)
        for mine, native in pairs:
            for one, other in zip(mine.planes, native.planes, strict=True):
                assert np.array_equal(one, other)


def test_only_masked_pixels_change(source: Source, bundle: Path, tmp_path: Path) -> None:
    returned = painted(bundle, tmp_path / "returned")
    report = put_back(source, bundle, returned, tmp_path / "o.mkv")
    assert report.changed_px == report.masked_px
    with open_source(tmp_path / "o.mkv") as written:
        for index, frame in enumerate(written.frames()):
            with Image.open(returned / f"{index:05d}.png") as opened:
                inpainted = np.array(opened)[:27, :45]
            with Image.open(bundle / "masks" / f"{index:05d}.png") as opened:
                mask = np.array(opened)[:27, :45, None] > 0
            assert np.array_equal(frame.rgb, np.where(mask, inpainted, source.frame(index).rgb))


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_samples_that_serve_no_changed_pixel_stay(tmp_path: Path, pix_fmt: str) -> None:
    source = open_source(write_noise(tmp_path / "in.mkv", pix_fmt, 45, 27))
    bundle = tmp_path / "b"
    export("inpaint", job_of(source), bundle)
    returned = painted(bundle, tmp_path / "returned")
    # On half of the picture the model gave back what it was given.
    for file in returned.iterdir():
        with Image.open(file) as one, Image.open(bundle / "frames" / file.name) as other:
            mixed = np.array(one)
            mixed[:10] = np.array(other)[:10]
        Image.fromarray(mixed).save(file)
    put_back(source, bundle, returned, tmp_path / "o.mkv")
    with open_source(tmp_path / "o.mkv") as written:
        for number, frame in enumerate(written.frames()):
            native = source.frame(IN + number)
            with Image.open(bundle / "masks" / f"{number:05d}.png") as opened:
                changed = np.array(opened)[:28, :46] > 0
            changed[:10] = changed[27:] = changed[:, 45:] = False
            served = changed.reshape(14, 2, 23, 2).any(axis=(1, 3))
            for plane, was, may in zip(
                frame.planes, native.planes, (changed[:27, :45], served, served), strict=True
            ):
                assert np.array_equal(plane[~may], was[~may])
                assert (plane[may] != was[may]).mean() > 0.9


def test_a_deep_video_takes_the_returned_colours(tmp_path: Path) -> None:
    source = open_source(write_noise(tmp_path / "in.mkv", "gbrp10le", 45, 27))
    export("inpaint", job_of(source), tmp_path / "b")
    returned = painted(tmp_path / "b", tmp_path / "returned")
    put_back(source, tmp_path / "b", returned, tmp_path / "o.mkv")
    with open_source(tmp_path / "o.mkv") as written, Image.open(returned / "00002.png") as opened:
        frame, inpainted = written.frame(2), np.array(opened)[:27, :45].astype(float)
    with Image.open(tmp_path / "b" / "masks" / "00002.png") as opened:
        mask = np.array(opened)[:27, :45] > 0
    green = frame.planes[0][mask]
    assert np.abs(green - inpainted[..., 1][mask] / 255 * 1023).max() <= 1


def test_a_soft_seam_lies_inside_the_mask(source: Source, bundle: Path, tmp_path: Path) -> None:
    returned = painted(bundle, tmp_path / "returned")
    report = put_back(source, bundle, returned, tmp_path / "o.mkv", None)
    assert report.feather_px == 2  # the bundle's masks were grown by that
    with open_source(tmp_path / "o.mkv") as written:
        found = written.frame(2).rgb.astype(float)
    native = source.frame(2).rgb.astype(float)
    with Image.open(returned / "00002.png") as opened:
        inpainted = np.array(opened)[:27, :45].astype(float)
    with Image.open(bundle / "masks" / "00002.png") as opened:
        mask = np.array(opened)[:27, :45] > 0
    depth = ndimage.distance_transform_edt(mask)
    share = np.clip((depth - 0.5) / 2, 0, 1)[..., None]
    assert np.abs(found - (native + (inpainted - native) * share)).max() <= 0.51


def test_frames_come_back_with_or_without_padding_and_as_a_video(
    source: Source, bundle: Path, tmp_path: Path
) -> None:
    with_padding = painted(bundle, tmp_path / "padded")
    without = painted(bundle, tmp_path / "cropped", crop=True)
    # As LaMa names its results.
    for file in sorted(without.iterdir()):
        file.rename(file.with_name(f"{file.stem}_mask001.png"))
    video = tmp_path / "returned.mkv"
    with av.open(str(video), "w") as output:
        stream = output.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "bgr0"
        for file in sorted(with_padding.iterdir()):
            output.mux(stream.encode(av.VideoFrame.from_image(Image.open(file))))
        output.mux(stream.encode(None))
    results = []
    for number, returned in enumerate((with_padding, without, video)):
        put_back(source, bundle, returned, tmp_path / f"o{number}.mkv")
        with open_source(tmp_path / f"o{number}.mkv") as written:
            results.append(np.array([frame.rgb for frame in written.frames()]))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_what_does_not_fit_the_bundle_is_refused(
    source: Source, bundle: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    for index in range(FRAMES):
        Image.new("RGB", (24, 16)).save(small / f"{index:05d}.png")
    with pytest.raises(InputError, match="are 24x16, but the bundle's are 48x32 or 45x27"):
        put_back(source, bundle, small, tmp_path / "o.mkv")
    (small / "00003.png").unlink()
    with pytest.raises(InputError, match="has 5 frames, but 6 were handed out"):
        put_back(source, bundle, small, tmp_path / "o.mkv")
    other = open_source(write_noise(tmp_path / "other.mkv", "yuv444p", 45, 27))
    with pytest.raises(InputError, match="made from another video"):
        put_back(other, bundle, bundle / "frames", tmp_path / "o.mkv")
    returned = painted(bundle, tmp_path / "returned")
    repaint("masks/00002.png", lambda m: 255 - m)(bundle)
    with pytest.raises(InputError, match="is not what was handed out any more"):
        put_back(source, bundle, returned, tmp_path / "o.mkv")
    assert not (tmp_path / "o.mkv").exists()
