"""Cut-outs and luma mattes: what editors and compositors read is what was tracked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest

from tam_edit.errors import EncodeError, InputError
from tam_edit.export import ExportJob, ExportOptions, KnownMedia, export
from tam_edit.media import open_sink, open_source
from tam_edit.media.file_sink import FileSink
from tam_edit.media.formats import OUTPUT_FORMATS, check_format
from tam_edit.media.kept_plane import KeptPlane
from tam_edit.pixels import PixelLayout
from tests.exported_pictures import IN, OUT, exported, sharp


@pytest.mark.parametrize(
    ("name", "most"), [("l.mp4", 0.04), ("l.mov", 0.04), ("l.mkv", 1e-6), ("luma", 1e-6)]
)
def test_luma_is_white_where_the_object_is_and_says_that_its_range_is_full(
    export_job: ExportJob, shot: Any, tmp_path: Path, name: str, most: float
) -> None:
    report = exported(export_job, "luma", tmp_path / name)
    assert (report.alpha, report.frames) == ("luma", range(IN, OUT))
    with open_source(tmp_path / name) as luma:
        assert (luma.info.width, luma.info.height) == (64, 48)
        assert luma.info.audio == ()
        if luma.info.kind == "file":
            assert luma.info.color.full_range is True
        for index, frame in enumerate(luma.frames(), start=IN):
            wanted = shot.matte((1, 2), index)
            values = frame.planes[0].astype(np.float32) / frame.layout.max_value
            assert np.abs(values - wanted).max() <= most
            # What a player shows, after FFmpeg's own conversion: white is white, black is black.
            shown = frame.rgb.astype(np.float32) / np.iinfo(frame.rgb_dtype).max
            assert np.abs(shown - wanted[..., None]).max() <= most + 0.005
            assert shown[wanted == 1].mean() > 0.995
            assert shown[wanted == 0].mean() < 0.005


def test_luma_of_one_object_and_of_each(export_job: ExportJob, shot: Any, tmp_path: Path) -> None:
    reports = export("luma", export_job, tmp_path / "m.mkv", each=True)
    assert [report.path.name for report in reports] == ["m_disc.mkv", "m_a-tile.mkv"]
    for object_id, report in enumerate(reports, start=1):
        with open_source(report.path) as luma:
            for index, frame in enumerate(luma.frames(), start=IN):
                wanted = np.rint(shot.matte((object_id,), index) * 255)
                assert np.array_equal(frame.planes[0], wanted)


def test_patterns_are_split_into_folders(export_job: ExportJob, tmp_path: Path) -> None:
    reports = export("png", export_job, tmp_path / "cut" / "shot.%04d.png", each=True)
    assert [report.path.name for report in reports] == ["cut_disc", "cut_a-tile"]
    with pytest.raises(InputError, match="names none") as caught:
        export("png", export_job, Path("shot.%04d.png"), each=True)
    assert "out/shot.%04d.png" in caught.value.hint
    names = sorted(file.name for file in reports[0].path.iterdir())
    assert names == [f"shot.{index:04d}.png" for index in range(IN, OUT)]


@pytest.mark.parametrize("name", ["p.mov", "p.mkv", "folder"])
def test_premultiplied_colours_are_the_straight_ones_times_alpha(
    export_job: ExportJob, tmp_path: Path, name: str
) -> None:
    kind = {"p.mov": "prores4444", "p.mkv": "ffv1", "folder": "png"}[name]
    target = tmp_path / name
    straight = exported(export_job, kind, target.with_stem("straight"), alpha="straight")
    faded = exported(export_job, kind, target, alpha="premultiplied")
    assert (straight.alpha, faded.alpha) == ("straight", "premultiplied")
    # A 4:2:0 sample of FFV1 serves four pixels, and fades with their mean.
    most = {"p.mov": 0.02, "p.mkv": 0.2, "folder": 0.002}[name]
    with open_source(straight.path) as one, open_source(target) as other:
        for before, after in zip(one.frames(), other.frames(), strict=True):
            alpha = before.opacity()
            assert alpha is not None
            assert np.array_equal(alpha, after.opacity())
            full = np.iinfo(before.rgb_dtype).max
            wanted = before.rgb.astype(np.float32) / full * alpha[..., None]
            found = after.rgb.astype(np.float32) / full
            assert np.abs(found - wanted).max() < most
            inside = cv2.erode((alpha == 1).astype(np.uint8), np.ones((5, 5))) > 0
            outside = cv2.erode((alpha == 0).astype(np.uint8), np.ones((5, 5))) > 0
            assert np.abs(found - wanted)[inside].max() < 0.02
            assert found[outside].max() < 0.02


def test_straight_colours_beside_the_edge_are_the_video_s(
    export_job: ExportJob, tmp_path: Path
) -> None:
    exported(export_job, "ffv1", tmp_path / "f.mkv")
    with open_source(tmp_path / "f.mkv") as cut:
        for before, after in zip(export_job.source.frames(IN, OUT), cut.frames(), strict=True):
            kept = sharp(after.planes[3])
            assert kept.mean() > 0.8
            assert np.array_equal(before.planes[0][kept], after.planes[0][kept])
            kept = kept[::2, ::2] & kept[1::2, ::2] & kept[::2, 1::2] & kept[1::2, 1::2]
            for k in (1, 2):
                assert np.array_equal(before.planes[k][kept], after.planes[k][kept])


def test_handles_show_the_picture_and_no_object(
    export_job: ExportJob, shot: Any, tmp_path: Path
) -> None:
    handles = replace(export_job, handles=2)
    report = exported(handles, "prores4444", tmp_path / "h.mov", smooth_frames=1)
    exported(handles, "luma", tmp_path / "h.mkv", smooth_frames=1)
    exported(export_job, "luma", tmp_path / "n.mkv", smooth_frames=1)
    assert report.frames == range(1, 12)
    with open_source(tmp_path / "h.mov") as cut, open_source(tmp_path / "h.mkv") as luma:
        assert cut.info.start_timecode == luma.info.start_timecode == "01:00:00:01"
        assert cut.info.frame_count == luma.info.frame_count == 11
        for index, (picture, matte) in enumerate(zip(cut.frames(), luma.frames(), strict=True), 1):
            opacity = picture.opacity()
            assert opacity is not None
            if IN <= index < OUT:
                assert opacity.max() == 1
                continue
            assert opacity.max() == 0
            assert matte.planes[0].max() == 0
            before = export_job.source.frame(index).rgb.astype(int) * 257
            assert np.abs(picture.rgb.astype(int) - before).mean() < 0.02 * 65535
    # Nobody knows what is on handles, so nothing is smoothed towards them.
    with open_source(tmp_path / "h.mkv") as one, open_source(tmp_path / "n.mkv") as other:
        for with_handles, without in zip(one.frames(2, 9), other.frames(), strict=True):
            assert np.array_equal(with_handles.planes[0], without.planes[0])


def test_mattes_are_treated_as_the_options_say(
    export_job: ExportJob, shot: Any, tmp_path: Path
) -> None:
    def area(**options: Any) -> float:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.mkv"
        exported(export_job, "luma", path, bits=16, **options)
        with open_source(path) as luma:
            return float(luma.frame(2).planes[0].sum(dtype=np.float64)) / 65535

    plain = area()
    assert plain == pytest.approx(float(shot.matte((1, 2), IN + 2).sum()), abs=0.1)
    # The disc's radius is 14.4 px; the tile's area grows by its two free sides.
    disc = np.pi * (17.4**2 - 14.4**2)
    assert area(grow_px=3) - plain == pytest.approx(disc + 3 * 19 + 3 * 20, rel=0.12)
    assert area(grow_px=-3) < plain - 150
    assert area(feather_px=4) == pytest.approx(plain, rel=0.03)


@pytest.mark.parametrize(
    ("name", "path", "options", "sentence"),
    [
        ("luma", "a.webm", {}, "a matte is not written to a.webm"),
        ("luma", "a.mp4", {"bits": 16}, "h264 has at most 8 bits"),
        ("webm-alpha", "a.webm", {"bits": 10}, "webm-alpha takes no option bits"),
        ("prores4444", "a.mov", {"bits": 16}, "prores4444 has at most 10 bits"),
        ("prores4444", "a.mp4", {}, "cannot be written to a.mp4"),
        ("png", "a.png", {}, "png writes a folder"),
        ("exr", "a.%04d.png", {}, "exr pictures are not named like"),
        ("luma", "a.mkv", {"feather_px": 5000.0}, "--feather is 5000.0, but should be less"),
        ("inpaint", "a", {"grow_px": -1.0}, "--grow is -1"),
        ("exr", "a", {"compression": "zap"}, "EXR has no compression 'zap'"),
        ("exr", "a", {"alpha": "premultiplied"}, "exr takes no option alpha"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    export_job: ExportJob, tmp_path: Path, name: str, path: str, options: Any, sentence: str
) -> None:
    with pytest.raises((EncodeError, InputError), match=sentence):
        exported(export_job, name, tmp_path / path, **options)
    assert list(tmp_path.iterdir()) == []


def test_sound_that_webm_cannot_hold_is_left_out_and_said(
    export_job: ExportJob, tmp_path: Path
) -> None:
    report = exported(export_job, "webm-alpha", tmp_path / "w.webm")
    assert any("sound is left out: WebM cannot hold aac" in note for note in report.notes)
    with open_source(tmp_path / "w.webm") as written:
        assert written.info.audio == ()
        assert written.info.layout.has_alpha


@pytest.mark.parametrize("name", ["a.mov", "a.webm", "a.mkv", "luma.mp4"])
def test_alpha_that_does_not_come_back_is_no_export(
    export_job: ExportJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As if the encoder spoilt one frame: what was kept is not what is read."""
    keep = KeptPlane.add

    def spoilt(self: KeptPlane, planes: Any) -> None:
        if len(self._sizes) == 4:
            planes = tuple(self._layout.max_value - plane for plane in planes)
        keep(self, planes)

    monkeypatch.setattr(KeptPlane, "add", spoilt)
    kinds = {"a.mov": "prores4444", "a.webm": "webm-alpha", "a.mkv": "ffv1", "luma.mp4": "luma"}
    with pytest.raises(EncodeError, match=r"its (alpha|matte) is off by .*% on frame 4"):
        exported(export_job, kinds[name], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_luma_that_says_nothing_of_its_range_is_no_export(
    export_job: ExportJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = FileSink._open

    def limited(self: FileSink, *args: Any) -> None:
        color = replace(self._conversion.color, full_range=False)
        self._conversion.color = color
        opened(self, *args)

    monkeypatch.setattr(FileSink, "_open", limited)
    with pytest.raises(EncodeError, match="does not say that its range is full"):
        exported(export_job, "luma", tmp_path / "l.mp4")


def test_mattes_lie_on_a_timeline_where_they_belong(export_job: ExportJob, tmp_path: Path) -> None:
    import opentimelineio as otio

    reports = [
        exported(
            replace(export_job, handles=2), "prores4444", tmp_path / "p.mov", alpha="premultiplied"
        ),
        exported(export_job, "luma", tmp_path / "l.mp4"),
    ]
    known = tuple(
        KnownMedia(path=r.path, first_frame=r.frames.start, alpha=r.alpha, objects=r.objects)
        for r in reports
    )
    options = ExportOptions(mattes=tuple(report.path for report in reports))
    shown = replace(export_job, known_media=known, options=options)
    export("otio", shown, tmp_path / "t.otio")
    timeline = otio.adapters.read_from_file(str(tmp_path / "t.otio"))
    clips = [clip for track in timeline.video_tracks() for clip in track]
    offsets = [c.metadata["tam_edit"]["in_point_offset_frames"] for c in clips]
    assert offsets == [3, 2, 0]
    assert [c.metadata["tam_edit"]["alpha"] for c in clips] == ["none", "premultiplied", "luma"]
    assert {str(c.source_range.start_time.to_timecode()) for c in clips} == {"01:00:00:03"}
    # A grey picture would lie over everything.
    assert [c.enabled for c in clips] == [True, True, False]
    export("otio", shown, tmp_path / "t.xml")
    tree = ET.parse(tmp_path / "t.xml")  # noqa: S314 - written just now
    told = tree.findall(".//video/track/clipitem/enabled")
    assert [each.text for each in told] == ["FALSE"]
    # Of what was written before, the newest with transparency is shown, and it is said which.
    (report,) = export("otio", replace(export_job, known_media=known), tmp_path / "n.otio")
    timeline = otio.adapters.read_from_file(str(tmp_path / "n.otio"))
    assert [clip.name for track in timeline.video_tracks() for clip in track][1:] == ["p.mov"]
    assert report.notes == (
        f"above the video: {known[0].path} (premultiplied alpha)",
        f"not shown, of the same objects: {known[1].path}; --matte FILE says which to show",
    )
    short = replace(known[0], frame_count=export_job.out_frame - known[0].first_frame - 1)
    export("otio", replace(export_job, known_media=(short, known[1])), tmp_path / "s.otio")
    timeline = otio.adapters.read_from_file(str(tmp_path / "s.otio"))
    assert [clip.name for track in timeline.video_tracks() for clip in track][1:] == ["l.mp4"]


@pytest.mark.parametrize("bits", [8, 16])
def test_png_of_either_depth(export_job: ExportJob, shot: Any, tmp_path: Path, bits: int) -> None:
    exported(export_job, "png", tmp_path / "p", bits=bits, feather_px=6.0)
    picture = cv2.imread(str(tmp_path / "p" / "frame.00004.png"), cv2.IMREAD_UNCHANGED)
    assert picture.dtype == {8: np.uint8, 16: np.uint16}[bits]
    assert np.unique(picture[..., 3]).size > {8: 50, 16: 256}[bits]
    rgb = export_job.source.frame(4).rgb
    wanted = rgb if bits == 8 else rgb.astype(np.uint16) * 257
    kept = sharp(picture[..., 3], margin=2)
    assert kept.mean() > 0.3
    assert np.array_equal(picture[..., 2::-1][kept], wanted[kept])


def test_a_sink_for_mattes_refuses_pictures(export_job: ExportJob, tmp_path: Path) -> None:
    from tam_edit.media import PictureKind
    from tam_edit.pixels import ColorTags

    kind = PictureKind(PixelLayout.of("gray"), ColorTags(full_range=True))
    sink = open_sink(tmp_path / "a.mkv", source=export_job.source, kind=kind)
    with pytest.raises(InputError, match="yuv420p, but what is written has 64x48 gray"), sink:
        sink.write(export_job.source.frame(0))


def test_an_extension_of_another_format_brings_up_those_that_would_do() -> None:
    with pytest.raises(EncodeError, match=r"prores4444 cannot be written to a\.webm") as caught:
        check_format(OUTPUT_FORMATS["prores4444"], "a.webm", needs_alpha=True)
    assert caught.value.hint == "extensions for prores4444: .mov .mkv; .webm holds vp9-alpha"
    with pytest.raises(EncodeError) as caught:
        check_format(OUTPUT_FORMATS["prores4444"], "a.mp4", needs_alpha=True)
    assert caught.value.hint == "extensions for prores4444: .mov .mkv"
