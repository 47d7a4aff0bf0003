"""EXR: what compositors read, in the light of the scene, is what was tracked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenEXR
import pytest

import tam_edit.media.exr_sink
from tam_edit.errors import EncodeError, UnknownNameError
from tam_edit.export import ExportJob
from tam_edit.media.light import transfer_for
from tests.exported_pictures import IN, OUT, exported, sharp

UNTAGGED = 2


def channels_of(path: Path) -> dict[str, Any]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: np.array(channel.pixels) for name, channel in file.channels().items()}


def header_of(path: Path) -> dict[str, Any]:
    with OpenEXR.File(str(path)) as file:
        return dict(file.header())


@pytest.mark.parametrize("compression", tam_edit.media.exr_sink.COMPRESSIONS)
def test_exr_has_a_layer_per_object(
    export_job: ExportJob, shot: Any, tmp_path: Path, compression: str
) -> None:
    report = exported(export_job, "exr", tmp_path / "e", compression=compression)
    assert any("lossy" in note for note in report.notes) == (compression == "b44")
    files = sorted((tmp_path / "e").iterdir())
    assert [file.name for file in files] == [f"frame.{i:05d}.exr" for i in range(IN, OUT)]
    for index, file in enumerate(files, start=IN):
        found = channels_of(file)
        assert sorted(found) == ["A", "a_tile.A", "disc.A"]
        for name, ids in {"A": (1, 2), "disc.A": (1,), "a_tile.A": (2,)}.items():
            assert found[name].dtype == np.float16
            wanted = shot.matte(ids, index).astype(np.float16)
            if compression != "b44":
                assert np.array_equal(found[name], wanted)
    header = header_of(files[0])
    assert header["framesPerSecond"] == export_job.source.info.average_rate
    assert "chromaticities" not in header
    code = header["timeCode"]
    assert (code.hours, code.minutes, code.seconds, code.frame, code.dropFrame) == (1, 0, 0, 3, 0)


def test_exr_with_picture_is_associated_and_scene_linear(
    export_job: ExportJob, tmp_path: Path
) -> None:
    report = exported(export_job, "exr", tmp_path / "e", picture=True)
    assert report.alpha == "premultiplied"
    for index in range(IN, OUT):
        found = channels_of(tmp_path / "e" / f"frame.{index:05d}.exr")
        assert sorted(found) == ["A", "B", "G", "R", "a_tile.A", "disc.A"]
        code = export_job.source.frame(index).rgb.astype(np.float64) / 255
        # ITU-R BT.709-6, the OETF solved for L.
        light = np.where(code < 0.081, code / 4.5, ((code + 0.099) / 1.099) ** (1 / 0.45))
        alpha = found["A"].astype(np.float64)
        kept = sharp(alpha, margin=2)
        assert kept.mean() > 0.5
        for k, name in enumerate("RGB"):
            assert np.abs(found[name] - light[..., k] * alpha)[kept].max() < 1e-3
    header = header_of(tmp_path / "e" / "frame.00003.exr")
    assert header["chromaticities"] == pytest.approx(
        (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    )
    # What another program makes of it: FFmpeg's own decoder.
    with av.open(str(tmp_path / "e" / "frame.00003.exr")) as again:
        assert next(again.decode(video=0)).format.name == "gbrapf16le"


def test_light_is_as_the_standards_have_it() -> None:
    def light(name: str, *values: float) -> list[float]:
        given = np.array(values, np.float32)
        return [float(v) for v in transfer_for(UNTAGGED, name).undone(given)]

    assert light("bt709", 0, 0.081, 1) == pytest.approx([0, 0.018, 1], abs=1e-4)
    assert light("srgb", 0, 0.04045, 0.5, 1) == pytest.approx(
        [0, 0.0031308, 0.2140411, 1], abs=1e-6
    )
    assert light("linear", 0, 0.3, 1) == pytest.approx([0, 0.3, 1])
    # SMPTE ST 2084: 100 cd/m² is coded as 0.508078, 1000 as 0.751827, 10000 as 1.
    assert light("pq", 0, 0.508078, 0.751827, 1) == pytest.approx([0, 1, 10, 100], rel=1e-4)
    # ITU-R BT.2100, HLG: 1/12 is coded as one half; reference white of BT.2408, 0.75, is 0.265.
    assert light("hlg", 0, 0.5, 0.75, 1) == pytest.approx([0, 1 / 12, 0.26496, 1], abs=1e-4)
    assert light("bt2020-12", 0.0181 * 4.5, 1) == pytest.approx([0.0181, 1], abs=1e-4)


def test_an_untagged_video_is_not_guessed_at(
    make_shot: Callable[[Any], Any], shot_facts: type[Any], tmp_path: Path
) -> None:
    from tam_edit.pixels import ColorTags

    job = make_shot(shot_facts(tags=ColorTags(full_range=False))).job()
    with pytest.raises(EncodeError, match="not tagged with its transfer") as caught:
        exported(job, "exr", tmp_path / "e", picture=True)
    assert "--transfer bt709" in caught.value.hint
    exported(job, "exr", tmp_path / "mattes")
    exported(job, "exr", tmp_path / "e", picture=True, transfer="srgb")
    header = header_of(tmp_path / "e" / "frame.00003.exr")
    assert "srgb" in header["comments"]
    assert "chromaticities" not in header
    with pytest.raises(UnknownNameError, match="no transfer called 'gamma'"):
        exported(job, "exr", tmp_path / "f", picture=True, transfer="gamma")


def test_without_openexr_one_sentence_says_what_to_install(
    export_job: ExportJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(EncodeError, match="not installed") as caught:
        exported(export_job, "exr", tmp_path / "e")
    assert 'pip install "tam-edit[exr]"' in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_exr_that_reads_otherwise_is_no_export(
    export_job: ExportJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tam_edit.media.exr_sink, "_checksum", lambda channels: len(str(channels)))
    write = tam_edit.media.exr_sink.ExrSink._write

    def spoilt(self: Any, frame: Any, file: Path) -> None:
        write(self, frame, file)
        if frame.index == 5:
            file.write_bytes(b"nothing")

    monkeypatch.setattr(tam_edit.media.exr_sink.ExrSink, "_write", spoilt)
    with pytest.raises(EncodeError, match=r"00005\.exr was written, but read back it cannot be"):
        exported(export_job, "exr", tmp_path / "e")
    assert list(tmp_path.iterdir()) == []


def test_names_of_layers_are_safe_and_apart() -> None:
    names = {1: "the dog", 2: "the.dog", 3: "ÄÖ", 4: "cat-2_b"}
    assert tam_edit.media.layer_names(names) == {
        1: "the_dog_1.A",
        2: "the_dog_2.A",
        3: "object.A",
        4: "cat-2_b.A",
    }
