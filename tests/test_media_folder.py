"""Folders of pictures, read and written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from tam_edit.errors import DecodeError, EncodeError, InputError, OpenError
from tam_edit.media import identify, open_sink, open_source


def picture(seed: int, dtype: type = np.uint8, channels: int = 3) -> Any:
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top + 1, (9, 14, channels)).astype(dtype)


def write(folder: Path, names: list[str], **kind: Any) -> list[Any]:
    """RGB(A) pictures under these names; OpenCV wants B, G, R(, A)."""
    folder.mkdir(exist_ok=True)
    pictures = [picture(seed, **kind) for seed in range(len(names))]
    for name, pixels in zip(names, pictures, strict=True):
        order = [2, 1, 0, 3][: pixels.shape[2]]
        assert cv2.imwrite(str(folder / name), pixels[..., order])
    return pictures


def test_natural_order_and_constant_rate(tmp_path: Path) -> None:
    names = ["frame2.png", "frame10.png", "frame1.png", "frame03.png"]
    pictures = write(tmp_path / "in", names)
    (tmp_path / "in" / "notes.txt").write_text("not a picture")
    (tmp_path / "in" / "._frame1.png").write_bytes(b"resource fork")
    with open_source(tmp_path / "in") as source:
        info = source.info
        assert (info.kind, info.frame_count, info.width, info.height) == ("folder", 4, 14, 9)
        assert (info.average_rate, info.duration_s) == (25, Fraction(4, 25))
        for frame, k in zip(source.frames(), (2, 0, 3, 1), strict=True):
            np.testing.assert_array_equal(frame.rgb, pictures[k])
        assert [frame.index for frame in source.frames_reversed(1, 4)] == [3, 2, 1]
    with open_source(tmp_path / "in", fps=Fraction(24000, 1001)) as source:
        assert source.time_of(3) == Fraction(3 * 1001, 24000)
        assert source.frame(2).time == source.time_of(2)


def test_patterns(tmp_path: Path) -> None:
    pictures = write(tmp_path / "in", ["a.0007.png", "a.0011.png", "b.0001.png", "a.x.png"])
    for pattern, wanted in (("a.%04d.png", (0, 1)), ("a.0*.png", (0, 1)), ("?.0001.png", (2,))):
        with open_source(tmp_path / "in" / pattern) as source:
            assert source.info.frame_count == len(wanted)
            for frame, k in zip(source.frames(), wanted, strict=True):
                np.testing.assert_array_equal(frame.rgb, pictures[k])


def test_16_bit_png_tiff_and_alpha(tmp_path: Path) -> None:
    for folder, suffix, channels in (("p", "png", 3), ("q", "png", 4), ("t", "tif", 3)):
        (pixels,) = write(tmp_path / folder, [f"0.{suffix}"], dtype=np.uint16, channels=channels)
        with open_source(tmp_path / folder) as source:
            frame = source.frame(0)
            assert source.info.layout.bits == 16
            assert source.info.layout.has_alpha == (channels == 4)
            np.testing.assert_array_equal(frame.rgb, pixels[..., :3])
            if channels == 4:
                np.testing.assert_array_equal(frame.planes[3], pixels[..., 3])


def test_palette_and_grey_png(tmp_path: Path) -> None:
    indices = np.random.default_rng(1).integers(0, 4, (9, 14), dtype=np.uint8)
    palette = Image.fromarray(indices)
    palette.putpalette([10, 20, 30, 255, 0, 0, 0, 255, 0, 1, 2, 3])
    (tmp_path / "p").mkdir()
    palette.save(tmp_path / "p" / "0.png", transparency=2)
    with open_source(tmp_path / "p") as source:
        frame = source.frame(0)
        np.testing.assert_array_equal(frame.rgb, np.asarray(palette.convert("RGB")))
        np.testing.assert_array_equal(frame.planes[3], np.where(indices == 2, 0, 255))
    (tmp_path / "g").mkdir()
    Image.fromarray(indices * 80).save(tmp_path / "g" / "0.png")
    with open_source(tmp_path / "g") as source:
        assert source.info.layout.name == "gray"
        np.testing.assert_array_equal(source.frame(0).planes[0], indices * 80)


def test_exr(tmp_path: Path) -> None:
    light = np.random.default_rng(2).uniform(-0.2, 1.2, (9, 14, 3)).astype(np.float16)
    folder = tmp_path / "exr"
    folder.mkdir()
    with av.open(str(folder / "a.0001.exr"), "w", format="image2", options={"update": "1"}) as out:
        stream = out.add_stream("exr", rate=25, options={"format": "half"})
        stream.width, stream.height, stream.pix_fmt = 14, 9, "gbrpf32le"
        planes = av.VideoFrame(14, 9, "gbrpf32le")
        for plane, channel in zip(planes.planes, (1, 2, 0), strict=True):
            rows = np.zeros((9, plane.line_size // 4), np.float32)
            rows[:, :14] = light[..., channel]
            plane.update(rows.tobytes())
        out.mux(stream.encode(planes))
        out.mux(stream.encode(None))
    with open_source(folder) as source:
        exact = light.astype(np.float64).clip(0, 1) * 65535
        assert np.abs(source.frame(0).rgb - exact).max() <= 0.51


def test_jpeg_is_full_range(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    folder.mkdir()
    smooth = np.dstack([np.tile(np.linspace(0, 255, 64), (48, 1))] * 3).astype(np.uint8)
    Image.fromarray(smooth).save(folder / "0.jpg", quality=97)
    with open_source(folder) as source:
        assert source.info.color.full_range is True
        theirs = np.asarray(Image.open(folder / "0.jpg").convert("RGB")).astype(int)
        assert np.abs(source.frame(0).rgb.astype(int) - theirs).max() <= 3


@pytest.mark.parametrize("other", ["size", "alpha", "damaged"])
def test_pictures_that_do_not_match_are_named(tmp_path: Path, other: str) -> None:
    write(tmp_path / "in", ["0.png", "1.png", "2.png"])
    odd = tmp_path / "in" / "1.png"
    if other == "size":
        cv2.imwrite(str(odd), np.zeros((9, 15, 3), np.uint8))
    elif other == "alpha":
        cv2.imwrite(str(odd), np.zeros((9, 14, 4), np.uint8))
    else:
        odd.write_bytes(odd.read_bytes()[:20])
    with open_source(tmp_path / "in") as source:
        frames = source.frames()
        next(frames)
        with pytest.raises(DecodeError, match=r"frame 1|1\.png"):
            next(frames)


def test_folders_that_are_no_video(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("a")
    for path in (tmp_path / "text", tmp_path / "text" / "a.%03d.png", tmp_path / "text" / "*.png"):
        with pytest.raises(OpenError, match="no pictures"):
            open_source(path)
    with pytest.raises(OpenError, match="no folder"):
        open_source(tmp_path / "none" / "a.%03d.png")
    (tmp_path / "text" / "0.png").write_bytes(b"nothing")
    with pytest.raises(OpenError):
        open_source(tmp_path / "text")
    write(tmp_path / "in", ["0.png"])
    with pytest.raises(InputError, match="no rate"):
        open_source(tmp_path / "in", fps=Fraction(0))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_written_pictures_equal_the_frames(tmp_path: Path, dtype: type) -> None:
    pictures = write(tmp_path / "in", [f"{k}.png" for k in range(6)], dtype=dtype)
    top = np.iinfo(dtype).max
    ramp = np.tile(np.linspace(0, 1, 14, dtype=np.float32), (9, 1))
    with open_source(tmp_path / "in") as source:
        with (
            open_sink(tmp_path / "out", source=source, format=None, start=2, stop=5)
            if (tmp_path / "out").mkdir()
            else open_sink(f"{tmp_path}/out/", source=source, start=2, stop=5) as sink
        ):
            for frame in source.frames(2, 5):
                sink.write(frame)
        target = f"{tmp_path}/alpha/shot.%04d.png"
        with open_sink(target, source=source, needs_alpha=True, stop=1) as sink:
            sink.write(source.frame(0).with_coverage(ramp))
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == [f"frame.{k:05}.png" for k in (2, 3, 4)]
    for name, pixels in zip(names, pictures[2:5], strict=True):
        found = cv2.imread(str(tmp_path / "out" / name), cv2.IMREAD_UNCHANGED)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found[..., ::-1], pixels)
    found = cv2.imread(str(tmp_path / "alpha" / "shot.0000.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found[..., 2::-1], pictures[0])
    assert np.abs(found[..., 3] - ramp.astype(np.float64) * top).max() <= 0.51
    with open_source(tmp_path / "out") as source:
        assert source.info.frame_count == 3


def test_only_a_png_sequence_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "in", ["0.png", "1.png"])
    out = tmp_path / "out"
    write(out, ["old.00000.png", "old.00001.png", "old.00002.png"])
    before = sorted(out.iterdir())
    with open_source(tmp_path / "in") as source:
        with pytest.raises(EncodeError, match="exists already"):
            open_sink(f"{out}/", source=source)
        with pytest.raises(EncodeError, match="input itself"):
            open_sink(f"{tmp_path}/in/", source=source, overwrite=True)
        (out / "thesis.doc").write_text("years of work")
        with pytest.raises(EncodeError, match=r"thesis\.doc"):
            open_sink(f"{out}/", source=source, overwrite=True)
        (out / "thesis.doc").unlink()
        with (
            pytest.raises(EncodeError, match="1 of 2 frames"),
            open_sink(f"{out}/", source=source, overwrite=True) as sink,
        ):
            sink.write(source.frame(0))
        assert sorted(out.iterdir()) == before
        with open_sink(f"{out}/", source=source, overwrite=True) as sink:
            for frame in source.frames():
                sink.write(frame)
    assert sorted(file.name for file in out.iterdir()) == ["frame.00000.png", "frame.00001.png"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in", "out"]


def test_identity_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "a", ["0.png", "1.png", "2.png"])
    write(tmp_path / "b", ["0.png", "1.png", "2.png"])
    write(tmp_path / "c", ["0.png", "1.png", "3.png"])
    one, same, other = (identify(tmp_path / name) for name in "abc")
    assert one == same
    assert one.difference(same) == ""
    assert one != other
    assert one.difference(other) == "their contents"
