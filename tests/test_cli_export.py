"""``export``, ``recomposite`` and ``verify`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import opentimelineio as otio
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit.media import open_sink, open_source
from tam_edit.project import Project, video_record
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte

IN, OUT = 2, 12
DOUBTFUL = (5, 6, 9)


def make_project(path: Path, video: Path, clip: DrawnClip, stop: int = OUT) -> Path:
    """A project as tracking leaves it: drawn masks, three of them doubtful."""
    with open_source(video) as source:
        project = Project.create(
            path,
            source=video_record(source, None),
            width=source.info.width,
            height=source.info.height,
            frame_count=source.info.frame_count,
            in_frame=IN,
            out_frame=OUT,
        )
    with project:
        project.settings["model"] = "builtin"
        project.settings["short_side"] = 480
        object_id = project.add_object("the disc")
        for index in range(IN, stop):
            score = 0.5 if index in DOUBTFUL else 0.9
            entry = TrackedMatte(
                matte=clip.mask(1, index).astype(np.float32), score=score, origin=Origin.PROPAGATED
            )
            project.append(index, {object_id: entry})
    return path


@pytest.fixture
def project(disc: DrawnClip, disc_video: Path, tmp_path: Path) -> Path:
    return make_project(tmp_path / "disc.tam", disc_video, disc)


def told(project: Path, *arguments: str) -> dict[str, Any]:
    result = project.with_name("told.json")
    assert run([*arguments, "--json", str(result)]) == 0
    data: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return data


def test_an_export_says_how_many_frames_are_doubtful_and_who_shows_them(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "masks.json"
    result = told(project, "export", str(project), "--as", "coco-json", "-o", str(out))
    assert result == {
        "exports": [
            {
                "path": str(out),
                "format": "coco-json",
                "frames": OUT - IN,
                "first_frame": IN,
                "objects": ["the disc"],
                "notes": [],
                "alpha": None,
            }
        ],
        "doubtful_frames": list(DOUBTFUL),
    }
    said = capsys.readouterr()
    assert f"wrote {out}: 10 frames of the disc" in said.out
    assert "masks on 3 of these frames are doubtful" in said.err
    assert f"tam-edit review {project}" in said.err
    approve = ["approve", str(project), "--reason", "looked", "-q"]
    assert run(approve) == 0
    again = ["export", str(project), "--as", "coco-json", "-o", str(out), "--overwrite"]
    assert told(project, *again)["doubtful_frames"] == []


def test_what_cannot_be_exported_is_said_before_any_work(
    disc: DrawnClip, disc_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path / "half.tam", disc_video, disc, stop=8)
    out = str(tmp_path / "out.json")
    base = ["export", str(project), "-o", out]
    wrong = {
        ("--as", "coco-json"): (1, "'the disc' has no mask yet on 4 frames (8-11)"),
        ("--as", "coco"): (1, "there is no export format called 'coco'"),
        ("--as", "coco-json", "--object", "disc"): (1, "there is no object called 'disc'"),
        ("--as", "coco-json", "--lama"): (2, "--as coco-json takes no --lama"),
        ("--as", "coco-json", "--grow", "3", "--matte", "a"): (2, "takes no --grow, --matte"),
        ("--as", "otio", "--each"): (1, "one file for all objects"),
        ("--as", "inpaint", "--handles", "-1"): (2, "--handles"),
        ("--as", "luma", "--in", "2"): (2, "a part is written by tam-edit render"),
    }
    for options, (code, sentence) in wrong.items():
        assert run([*base, *options]) == code
        assert sentence in capsys.readouterr().err
    assert run(["export", str(project), "--as", "coco-json", "-o", str(project)]) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["half.tam"]


def test_frames_go_out_and_come_back(
    project: Path, disc_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, out = tmp_path / "bundle", tmp_path / "out.mkv"
    arguments = ["--as", "inpaint", "-o", str(bundle), "--lama", "--grow", "2", "--handles", "1"]
    assert run(["export", str(project), *arguments]) == 0
    assert run(["verify", str(bundle)]) == 0
    assert "as ProPainter, E2FGVI and LaMa expect it" in capsys.readouterr().out
    returned = tmp_path / "returned"
    returned.mkdir()
    for file in (bundle / "frames").iterdir():
        with Image.open(file) as opened:
            Image.fromarray(255 - np.array(opened)).save(returned / file.name)
    back = ["recomposite", str(project), "--frames", str(returned), "-o", str(out)]
    result = told(project, *back, "--format", "ffv1")["output"]
    assert (result["frame_count"], result["pixel_format"]) == (OUT - IN + 2, "yuv420p")
    assert result["changed_px"] == result["masked_px"] > 0
    assert "100.0% of the masked pixels came back changed" in capsys.readouterr().out
    with open_source(disc_video) as source, open_source(out) as written:
        assert [t.codec for t in written.info.audio] == [t.codec for t in source.info.audio]
        # The handles are the video's frames as they are.
        for mine, native in ((0, IN - 1), (-1, OUT)):
            pair = written.frame(mine % written.info.frame_count), source.frame(native)
            for one, other in zip(pair[0].planes, pair[1].planes, strict=True):
                assert np.array_equal(one, other)
    (bundle / "masks" / "00003.png").unlink()
    assert run(["verify", str(bundle)]) == 1
    assert "broken: masks/00003.png is missing" in capsys.readouterr().out
    assert run(["verify", str(bundle / "bundle.json")]) == 1
    assert "what verify checks is the folder of an inpainting bundle" in capsys.readouterr().err
    assert run([*back, "--overwrite", "--format", "ffv1"]) == 1


def test_which_bundle_is_meant_is_never_guessed(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    back = ["recomposite", str(project), "-o", str(tmp_path / "o.mkv"), "--format", "ffv1"]
    assert run([*back, "--frames", str(tmp_path)]) == 1
    assert "no inpainting bundle of this project" in capsys.readouterr().err
    one, two = tmp_path / "one", tmp_path / "two"
    for bundle in (one, two):
        assert run(["export", str(project), "--as", "inpaint", "-o", str(bundle), "-q"]) == 0
    elsewhere = tmp_path / "returned"
    (one / "frames").rename(elsewhere)
    assert run([*back, "--frames", str(elsewhere)]) == 1
    said = capsys.readouterr().err
    assert "may belong to any of 2 bundles" in said
    assert f"--bundle {two}" in said
    assert run([*back, "--frames", str(elsewhere), "--bundle", str(two)]) == 0
    assert run([*back, "--frames", str(two / "frames"), "--overwrite"]) == 0


def pictures(timeline: Any) -> list[Any]:
    """The clips on tracks of pictures, the lowest first; the disc has sound, too."""
    assert [clip.name for track in timeline.audio_tracks() for clip in track] == ["disc.mp4"]
    return [clip for track in timeline.video_tracks() for clip in track]


def shown_in(path: Path) -> list[str]:
    return [clip.name for clip in pictures(otio.adapters.read_from_file(str(path)))]


def test_a_timeline_finds_what_was_exported_before(project: Path, tmp_path: Path) -> None:
    matte = tmp_path / "matte.mov"
    with Session.open(project) as session:
        source = session.source
        with open_sink(matte, source=source, start=1, stop=13) as sink:
            for frame in source.frames(1, 13):
                sink.write(frame)
        session.project.settings["exports"] = [
            {
                "format": "luma",
                "path": str(matte),
                "first_frame": 1,
                "alpha": "luma",
                "objects": ["the disc"],
            }
        ]
    out = tmp_path / "t.otio"
    assert run(["export", str(project), "--as", "otio", "-o", str(out), "-q"]) == 0
    timeline = otio.adapters.read_from_file(str(out))
    video, shown = pictures(timeline)
    assert (video.source_range.start_time.value, shown.source_range.start_time.value) == (IN, 1)
    assert list(shown.metadata["tam_edit"]["objects"]) == ["the disc"]
    matte.unlink()
    assert run(["export", str(project), "--as", "otio", "-o", str(out), "--overwrite", "-q"]) == 0
    assert shown_in(out) == ["disc.mp4"]


def test_a_timeline_shows_what_was_rendered_last_and_says_where_there_is_no_matte(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = ["export", str(project), "--as", "otio", "--overwrite", "-o"]
    otio_path, xml_path = tmp_path / "t.otio", tmp_path / "t.xml"
    assert run([*export, str(otio_path)]) == 0
    assert "no matte is in this timeline: export one (tam-edit export" in capsys.readouterr().err
    render = ["render", str(project), "--overwrite", "-q", "-o"]
    for name in ("old.mov", "new.mov"):
        assert run([*render, str(tmp_path / name), "--preset", "matte-prores"]) == 0
    for path in (otio_path, xml_path):
        assert run([*export, str(path)]) == 0
        assert shown_in(path) == ["disc.mp4", "new.mov"]
    clip = pictures(otio.adapters.read_from_file(str(otio_path)))[1]
    assert clip.metadata["tam_edit"]["alpha"] == "straight"
    assert clip.metadata["tam_edit"]["in_point_offset_frames"] == 0
    assert list(clip.metadata["tam_edit"]["objects"]) == ["the disc"]
    # A folder is a track in .otio only; elsewhere the file that was written before it is.
    assert run([*render, f"{tmp_path}/cut/", "--preset", "remove-background"]) == 0
    for path, shown in ((otio_path, "cut"), (xml_path, "new.mov")):
        assert run([*export, str(path)]) == 0
        assert shown_in(path) == ["disc.mp4", shown]
    # What is no cut-out any more is no matte any more.
    for name in ("old.mov", "new.mov"):
        assert run([*render, str(tmp_path / name), "--preset", "blur-object"]) == 0
    capsys.readouterr()
    assert run([*export, str(xml_path)]) == 0
    assert shown_in(xml_path) == ["disc.mp4"]
    assert ".xml cannot name the folder" in capsys.readouterr().err
    masks = tmp_path / "masks"
    assert run(["export", str(project), "--as", "davis-png", "-o", str(masks), "-q"]) == 0
    capsys.readouterr()
    assert run([*export, str(otio_path), "--matte", str(masks)]) == 1
    assert "hold numbers of objects" in capsys.readouterr().err


def test_a_timeline_says_what_is_older_than_the_masks_or_of_something_else(
    project: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = ["export", str(project), "--as", "otio", "--overwrite", "-o", f"{tmp_path}/t.otio"]
    cut, grey = tmp_path / "cut.mov", tmp_path / "grey.mkv"
    assert run(["render", str(project), "--preset", "matte-prores", "-o", str(cut)]) == 0
    with Project.open(project) as opened:
        first = opened.object_id("the disc")
        second = opened.add_object("another")
        opened.discard(first, IN, IN + 1)
        for index in range(IN, OUT):
            matte = disc.mask(1, index + 1).astype(np.float32)
            entry = TrackedMatte(matte=matte, score=0.9, origin=Origin.PROPAGATED)
            opened.append(index, {second: entry, **({first: entry} if index == IN else {})})
    capsys.readouterr()
    assert run([*export, "--object", "the disc"]) == 0
    told = capsys.readouterr().err
    assert f"{cut} shows masks that were changed since: write it again" in told
    # Where there is one with the masks as they are, that one is shown.
    luma = ["export", str(project), "--as", "luma", "--object", "the disc", "-o", str(grey)]
    assert run(luma) == 0
    assert run([*export, "--object", "the disc"]) == 0
    told = capsys.readouterr().err
    assert f"above the video: {grey} (luma, switched off" in told
    older = f"{cut} (of masks that were changed since)"
    assert f"not shown, of the same objects: {older}; --matte" in told
    assert "shows masks that were" not in told
    assert run([*export, "--object", "another", "--matte", str(cut)]) == 0
    told = capsys.readouterr().err
    assert f"above the video: {cut} (straight alpha)" in told
    assert f"{cut} shows masks that were changed since" in told
    assert f"{cut} shows the disc, and this timeline is of another" in told


SEVERAL = """schema = "tam_edit.recipe/1"
title = "t"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
effect = "{effect}"
{more}
[[steps]]
kind = "export"
{alpha}
[[steps]]
kind = "export"
path = "{{stem}}-luma.mkv"
what = "luma"
[[steps]]
kind = "export"
path = "{{stem}}-masks/"
what = "masks"
[[steps]]
kind = "export"
path = "{{stem}}-exr/"
what = "luma"
format = "exr"
"""


@pytest.mark.parametrize(
    ("effect", "more", "alpha", "kept"),
    [
        ("blur", "", "", {"luma": "out-luma.mkv"}),
        ("background-remove", "invert = true", "", {"luma": "out-luma.mkv"}),
        (
            "background-remove",
            "",
            'alpha = "premultiplied"',
            {"premultiplied": "out.mov", "luma": "out-luma.mkv"},
        ),
    ],
)
def test_of_several_outputs_those_that_carry_a_matte_are_kept(
    effect: str, more: str, alpha: str, kept: dict[str, str], project: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(SEVERAL.format(effect=effect, more=more, alpha=alpha))
    render = ["render", str(project), "--recipe", str(recipe), "-o", str(tmp_path / "out.mov")]
    for _ in range(2):  # also what was there already, and each of it once
        assert run([*render, "-q"]) == 0
        with Session.open(project) as session:
            known = cast("list[dict[str, Any]]", session.project.settings["exports"])
        assert {each["alpha"]: Path(each["path"]).name for each in known} == kept
        assert [each["first_frame"] for each in known] == [IN] * len(kept)


@pytest.mark.parametrize("kind", ["otio", "xml", "edl"])
def test_handles_of_a_cut_out_are_beside_what_its_timeline_shows(
    kind: str, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["export", str(project), "--as"]
    out = tmp_path / f"t.{kind}"
    assert run([*base, "otio", "-o", str(out), "--handles", "2"]) == 1
    command = f"tam-edit export {project} --as prores4444 --handles 2 -o cut.mov"
    assert command in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert run(command.split()[1:]) == 0
    assert run([*base, "otio", "-o", str(out)]) == 0
    if kind == "edl":
        assert "matte cut.mov, alpha straight: the in point is 2 frames after" in out.read_text()
        return
    _, cut = pictures(otio.adapters.read_from_file(str(out)))
    available = cut.media_reference.available_range
    assert available.duration.value == OUT - IN + 4
    assert cut.source_range.start_time.value - available.start_time.value == 2
    assert cut.source_range.duration.value == OUT - IN
    with open_source(tmp_path / "cut.mov") as written, Session.open(project) as session:
        shown = written.frame(2).opacity()
        track = session.mask_track("the disc")
        assert shown is not None
        tracked = track.matte(IN, written.info.width, written.info.height)
        assert np.abs(shown - tracked).max() < 0.01


def test_cut_outs_and_mattes_go_out_and_onto_a_timeline(
    project: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    treated = ["--smooth", "1", "--fill-holes", "0.1", "--drop-specks", "0.1", "--round", "1"]
    treated += ["--grow", "-1", "--feather", "2", "--follow-edges", "0.01"]
    base = ["export", str(project), "--as"]
    luma = [*base, "luma", "-o", str(tmp_path / "luma.mkv"), "--bits", "16", "--handles", "2"]
    (report,) = told(project, *luma, *treated)["exports"]
    assert (report["alpha"], report["frames"], report["first_frame"]) == ("luma", 14, 0)
    cut = [*base, "prores4444", "-o", str(tmp_path / "cut.mov"), "--alpha", "premultiplied"]
    assert told(project, *cut)["exports"][0]["alpha"] == "premultiplied"
    exr = [*base, "exr", "-o", str(tmp_path / "exr"), "--picture", "--compression", "piz"]
    assert told(project, *exr, "--transfer", "srgb")["exports"][0]["alpha"] == "premultiplied"
    with open_source(tmp_path / "luma.mkv") as matte:
        values = matte.frame(2 + 3).planes[0] / 65535
    inside = disc.mask(1, IN + 3)
    # Shrunk by a pixel and feathered: whole in the middle, nothing outside.
    assert values.max() == 1
    assert values[~inside].max() < 0.5
    assert 0.7 * inside.sum() < values.sum() < inside.sum()
    assert run([*base, "otio", "-o", str(tmp_path / "t.otio")]) == 0
    clips = pictures(otio.adapters.read_from_file(str(tmp_path / "t.otio")))
    told_of = [clip.metadata["tam_edit"] for clip in clips]
    # Of all that shows the same objects, what was written last.
    assert [each["in_point_offset_frames"] for each in told_of] == [IN, 0]
    assert [clip.name for clip in clips] == ["disc.mp4", "exr"]
    named = [arg for name in ("luma.mkv", "cut.mov", "exr") for arg in ("--matte", tmp_path / name)]
    again = [*base, "otio", "-o", tmp_path / "t.otio", "--overwrite", *named]
    assert run([str(argument) for argument in again]) == 0
    clips = pictures(otio.adapters.read_from_file(str(tmp_path / "t.otio")))
    told_of = [clip.metadata["tam_edit"] for clip in clips]
    assert [each["in_point_offset_frames"] for each in told_of] == [IN, IN, 0, 0]
    assert [each["alpha"] for each in told_of] == ["none", "luma", "premultiplied", "premultiplied"]
    capsys.readouterr()
    wrong = {
        ("luma", "--alpha", "straight"): (2, "--as luma takes no --alpha"),
        ("png", "--picture"): (2, "--as png takes no --picture"),
        ("davis-png", "--feather", "2"): (2, "--as davis-png takes no --feather"),
        ("prores4444", "--bits", "12"): (2, "--bits"),
        ("inpaint", "--grow", "-2"): (1, "--grow is -2"),
        ("luma", "--smooth", "99"): (1, "--smooth is 99"),
    }
    for (name, *options), (code, sentence) in wrong.items():
        assert run([*base, name, "-o", str(tmp_path / "x.mp4"), *options]) == code
        assert sentence in capsys.readouterr().err
