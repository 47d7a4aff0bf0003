"""Inpainted frames that come back: only masked pixels that changed are taken over."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tam_edit.errors import InputError
from tam_edit.export import (
    ExportOptions,
    export,
)
from tam_edit.frame import to_av
from tam_edit.inpaint import Recomposite, RecompositeReport, broken_rules, recomposite
from tam_edit.media import Source, open_source
from tam_edit.pixels import ColorTags, PixelLayout
from tests.made_jobs import IN, OUT, job_of

FRAMES = 6
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


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return open_source(write_noise(tmp_path / "in.mkv", "gbrp", 45, 27))


@pytest.fixture
def bundle(source: Source, tmp_path: Path) -> Path:
    options = ExportOptions(lama=True, grow_px=2)
    export("inpaint", job_of(source, options=options, handles=1), tmp_path / "bundle")
    return tmp_path / "bundle"


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
    with pytest.raises(InputError, match="the masks that were handed out, and no inpainted"):
        put_back(source, bundle, bundle / "masks", tmp_path / "o.mkv")
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
    with Image.open(bundle / "masks" / "00002.png") as opened:
        turned = 255 - np.array(opened)
    Image.fromarray(turned).save(bundle / "masks" / "00002.png")
    with pytest.raises(InputError, match="is not what was handed out any more"):
        put_back(source, bundle, returned, tmp_path / "o.mkv")
    assert not (tmp_path / "o.mkv").exists()
