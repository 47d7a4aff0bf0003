"""Masks as COCO and YouTube-VIS JSON and as palette pictures; handles, objects, targets."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from skimage.measure import regionprops

from tam_edit.errors import EncodeError, InputError, UnknownNameError
from tam_edit.export import EXPORT_FORMATS, ExportJob, ExportOptions, export
from tam_edit.media import open_source
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

# pycocotools 2.0.11 decodes with an array protocol of NumPy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FRAMES, IN, OUT = 12, 3, 10
NAMES = {1: "disc", 2: "the tile"}


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    """Two objects that cross, at a size that no codec block divides."""
    return draw_clip("two", frames=FRAMES, width=99, height=61)


@pytest.fixture(scope="module")
def job(clip: DrawnClip, tmp_path_factory: pytest.TempPathFactory) -> ExportJob:
    """The drawn masks as they would have been tracked from frame 3 to 9; the disc goes at 8."""
    video = tmp_path_factory.mktemp("masks") / "two.mp4"
    write_clip(clip, video, with_audio=False)
    tracks = MemoryTracks()
    for index in range(IN, OUT):
        for object_id in NAMES:
            mask = clip.mask(object_id, index) & (object_id == 2 or index < 8)
            entry = TrackedMatte(matte=mask.astype(np.float32), score=0.9, origin=Origin.PROPAGATED)
            tracks.append(index, {object_id: entry})
    return ExportJob(
        source=open_source(video), reader=tracks, names=NAMES, in_frame=IN, out_frame=OUT
    )


def truth(clip: DrawnClip, object_id: int, index: int) -> NDArray[np.bool_]:
    is_there = IN <= index < OUT and (object_id == 2 or index < 8)
    return clip.mask(object_id, index) & is_there


def test_coco_gives_back_exactly_the_masks(
    job: ExportJob, clip: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (report,) = export("coco-json", replace(job, handles=2), tmp_path / "m.json")
    assert report.frames == range(1, 12)
    coco = COCO(str(tmp_path / "m.json"))
    assert sorted(coco.imgs) == list(range(1, 12))
    assert coco.imgs[5]["file_name"] == "00005.png"
    assert (coco.imgs[5]["width"], coco.imgs[5]["height"]) == (99, 61)
    assert (coco.imgs[5]["seconds"], coco.imgs[5]["timecode"]) == (0.2, "00:00:00:05")
    assert [coco.imgs[k]["is_handle"] for k in (2, 3, 9, 10)] == [True, False, False, True]
    assert {cat["id"]: cat["name"] for cat in coco.cats.values()} == NAMES
    for index in coco.imgs:
        found = {a["track_id"]: a for a in coco.loadAnns(coco.getAnnIds(imgIds=[index]))}
        for object_id in NAMES:
            wanted = truth(clip, object_id, index)
            assert (object_id in found) == wanted.any()
            if not wanted.any():
                continue
            annotation = found[object_id]
            assert np.array_equal(coco.annToMask(annotation), wanted)
            assert isinstance(annotation["segmentation"]["counts"], str)
            (region,) = regionprops(wanted.astype(np.uint8))
            top, left, bottom, right = region.bbox
            assert annotation["bbox"] == [left, top, right - left, bottom - top]
            assert annotation["area"] == region.area
            assert annotation["iscrowd"] == 0
            assert annotation["category_id"] == object_id
    assert min(coco.anns) == 1


class Ytvos:
    """What the loader of YouTube-VIS does with a file: by these keys, and no others."""

    def __init__(self, path: Path) -> None:
        data = json.loads(path.read_text(encoding="utf-8"))
        self.videos = {video["id"]: video for video in data["videos"]}
        self.categories = {cat["id"]: cat for cat in data["categories"]}
        self.annotations: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for annotation in data["annotations"]:
            self.annotations[annotation["video_id"]].append(annotation)

    def mask(self, annotation: dict[str, Any], place: int) -> NDArray[np.uint8]:
        video = self.videos[annotation["video_id"]]
        encoded = annotation["segmentations"][place]
        assert encoded["size"] == [video["height"], video["width"]]
        decoded: NDArray[np.uint8] = coco_mask.decode(encoded)
        return decoded


def test_youtube_vis_gives_back_exactly_the_masks(
    job: ExportJob, clip: DrawnClip, tmp_path: Path
) -> None:
    export("ytvos-json", replace(job, handles=2), tmp_path / "m.json")
    loaded = Ytvos(tmp_path / "m.json")
    (video,) = loaded.videos.values()
    assert video["length"] == len(video["file_names"]) == 11
    assert video["file_names"][0] == "two/00001.png"
    assert video["frame_indices"] == list(range(1, 12))
    annotations = loaded.annotations[video["id"]]
    names = [loaded.categories[a["category_id"]]["name"] for a in annotations]
    assert names == ["disc", "the tile"]
    for annotation in annotations:
        areas = []
        for place, index in enumerate(video["frame_indices"]):
            wanted = truth(clip, annotation["category_id"], index)
            if not wanted.any():
                assert annotation["segmentations"][place] is None
                assert annotation["bboxes"][place] is None
                assert annotation["areas"][place] is None
                continue
            assert np.array_equal(loaded.mask(annotation, place), wanted)
            (region,) = regionprops(wanted.astype(np.uint8))
            top, left, bottom, right = region.bbox
            assert annotation["bboxes"][place] == [left, top, right - left, bottom - top]
            assert annotation["areas"][place] == wanted.sum()
            areas.append(wanted.sum())
        assert annotation["avg_area"] == pytest.approx(np.mean(areas))


def test_an_object_that_is_never_seen_has_no_track(job: ExportJob, tmp_path: Path) -> None:
    late = replace(job, in_frame=8, names=NAMES)
    (report,) = export("ytvos-json", late, tmp_path / "m.json")
    assert report.objects == ("the tile",)
    assert report.notes == ("'disc' is on no frame and has no annotation",)
    assert len(Ytvos(tmp_path / "m.json").annotations[1]) == 1


def test_all_mask_formats_hold_the_same_masks(job: ExportJob, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tracks = MemoryTracks()
    for index in range(IN, OUT):
        for object_id in NAMES:
            matte = rng.random((61, 99), np.float32)
            tracks.append(
                index,
                {object_id: TrackedMatte(matte=matte, score=0.9, origin=Origin.PROPAGATED)},
            )
    soft = replace(job, reader=tracks)
    export("davis-png", soft, tmp_path / "davis")
    export("coco-json", soft, tmp_path / "m.json")
    coco = COCO(str(tmp_path / "m.json"))
    for index in range(IN, OUT):
        ids = np.zeros((61, 99), np.uint8)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[index])):
            ids += coco.annToMask(annotation) * np.uint8(annotation["track_id"])
        with Image.open(tmp_path / "davis" / f"{index:05d}.png") as picture:
            assert np.array_equal(np.asarray(picture), ids)


def test_palette_pictures_have_empty_handles(job: ExportJob, tmp_path: Path) -> None:
    (report,) = export("davis-png", replace(job, handles=50), tmp_path / "davis")
    assert report.frames == range(FRAMES)
    files = sorted(file.name for file in (tmp_path / "davis").glob("*.png"))
    assert files == [f"{index:05d}.png" for index in range(FRAMES)]
    for index in range(FRAMES):
        with Image.open(tmp_path / "davis" / f"{index:05d}.png") as picture:
            assert np.asarray(picture).any() == (IN <= index < OUT)
    scores = json.loads((tmp_path / "davis" / "scores.json").read_text())
    assert (scores["2"], set(scores["3"])) == ({}, {"disc", "the tile"})


@pytest.mark.parametrize("name", ["davis-png", "coco-json", "ytvos-json", "inpaint"])
def test_each_object_gets_an_export_of_its_own(job: ExportJob, name: str, tmp_path: Path) -> None:
    suffix = "".join(EXPORT_FORMATS[name].extensions)
    reports = export(name, job, tmp_path / f"out{suffix}", each=True)
    assert [report.objects for report in reports] == [("disc",), ("the tile",)]
    wanted = [f"out_disc{suffix}", f"out_the-tile{suffix}"]
    assert sorted(p.name for p in tmp_path.iterdir()) == wanted


def test_one_object_alone(job: ExportJob, clip: DrawnClip, tmp_path: Path) -> None:
    alone = replace(job, names={2: "the tile"})
    export("davis-png", alone, tmp_path / "davis")
    with Image.open(tmp_path / "davis" / "00005.png") as picture:
        assert np.array_equal(np.asarray(picture), clip.mask(2, 5) * np.uint8(2))


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_untracked_frames_are_refused(job: ExportJob, name: str, tmp_path: Path) -> None:
    long = replace(job, out_frame=OUT + 1)
    target = tmp_path / f"out{(*EXPORT_FORMATS[name].extensions, '')[0]}"
    with pytest.raises(InputError, match=r"'disc' has no mask yet on 1 frame \(10\)") as caught:
        export(name, long, target)
    assert "tam-edit track" in caught.value.hint
    with pytest.raises(InputError, match="there is no object yet"):
        export(name, replace(job, names={}), target)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_nothing_is_replaced_unasked(job: ExportJob, name: str, tmp_path: Path) -> None:
    target = tmp_path / f"out{(*EXPORT_FORMATS[name].extensions, '')[0]}"
    export(name, job, target)
    before = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*"))
    with pytest.raises(EncodeError, match="already"):
        export(name, job, target)
    export(name, job, target, overwrite=True)
    assert sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*")) == before
    if target.is_dir():
        (target / "letter.txt").write_text("dear")
        with pytest.raises(EncodeError, match=r"letter\.txt"):
            export(name, job, target, overwrite=True)
        assert (target / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_a_failure_leaves_nothing_behind(
    job: ExportJob, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / f"out{(*EXPORT_FORMATS[name].extensions, '')[0]}"
    export(name, job, target)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    for method in ("write_text", "write_bytes", "rename", "replace"):
        monkeypatch.setattr(Path, method, no_room)
    with pytest.raises(EncodeError, match="No space left on device"):
        export(name, job, target, overwrite=True)
    monkeypatch.undo()
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_what_does_not_fit_a_format_is_refused(job: ExportJob, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no export format called 'coco'") as caught:
        export("coco", job, tmp_path / "m.json")
    assert "coco-json" in caught.value.hint
    with pytest.raises(UnknownNameError) as caught:
        export("csv", job, tmp_path / "m.csv")
    assert caught.value.hint == "--as otio writes a file whose name ends in .csv"
    with pytest.raises(EncodeError, match=r"coco-json is not written to m\.txt"):
        export("coco-json", job, tmp_path / "m.txt")
    with pytest.raises(EncodeError, match="there is no folder"):
        export("coco-json", job, tmp_path / "none" / "m.json")
    with pytest.raises(InputError, match="takes no option lama"):
        export("coco-json", replace(job, options=ExportOptions(lama=True)), tmp_path / "m.json")
    with pytest.raises(InputError, match="one file for all objects"):
        export("otio", job, tmp_path / "t.otio", each=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(EncodeError, match="is a file, but a folder is to be written"):
        export("inpaint", job, tmp_path / "file")
