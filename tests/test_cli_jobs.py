"""The commands that do the work, from prompts to a finished file."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import console, run
from tam_edit.masks.clicks import first_click
from tam_edit.masks.measure import iou
from tam_edit.masks.ops import grow
from tam_edit.media import open_source
from tam_edit.project import Project
from tam_edit.testing.clips import DrawnClip


@pytest.fixture
def tracked(disc_video: Path, disc_click: str, tmp_path: Path) -> Path:
    """A tracked project of the drawn disc."""
    project = tmp_path / "disc.tam"
    assert run(["new", str(disc_video), "-o", str(project)]) == 0
    assert run(["prompt", str(project), "--object", "disc", "--click", disc_click]) == 0
    assert run(["track", str(project)]) == 0
    return project


def test_run_blurs_the_object_and_nothing_else(
    disc_video: Path, disc_click: str, disc: DrawnClip, tmp_path: Path
) -> None:
    out, result = tmp_path / "out.mkv", tmp_path / "out.json"
    recipe = tmp_path / "lossless.toml"
    recipe.write_text(
        'schema = "tam_edit.recipe/1"\ntitle = "t"\n[[steps]]\nkind = "track"\n'
        '[[steps]]\nkind = "effect"\neffect = "fill"\nwith = { color = "black" }\n'
        '[[steps]]\nkind = "export"\nformat = "ffv1"\n',
        encoding="utf-8",
    )
    arguments = ["run", str(recipe), str(disc_video), "-o", str(out), "--click", disc_click]
    assert run([*arguments, "--json", str(result)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lossless.toml", "out.json", "out.mkv"]
    with open_source(disc_video) as before, open_source(out) as after:
        assert after.info.frame_count == before.info.frame_count == len(disc)
        for source, shown in zip(before.frames(), after.frames(), strict=True):
            assert abs(source.time - shown.time) <= shown.time_base / 2
            truth = disc.mask(1, source.index)
            changed = source.planes[0] != shown.planes[0]
            assert iou(changed, truth) > 0.8
            # Two pixels of cover and one of tracking past the drawn edge, and no further.
            assert not (changed & ~grow(truth, radius_px=8)).any()
    told = json.loads(result.read_text(encoding="utf-8"))
    assert told["tracking"]["model"] == "builtin"
    assert told["output"]["frames"] == len(disc)


def test_the_sound_comes_through_packet_by_packet(
    disc_video: Path, disc_click: str, tmp_path: Path
) -> None:
    import av

    out = tmp_path / "out.mp4"
    assert run(["run", "blur-object", str(disc_video), "-o", str(out), "--click", disc_click]) == 0

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            sound = container.streams.audio[0]
            return [bytes(packet) for packet in container.demux(sound) if packet.size]

    assert packets(out) == packets(disc_video)
    assert len(packets(out)) > 10


def test_step_by_step_gives_the_same_as_run(
    tracked: Path, disc_video: Path, disc_click: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.mkv", tmp_path / "second.mkv"
    assert run(["render", str(tracked), "--preset", "blur-object", "-o", str(first)]) == 0
    arguments = ["run", "blur-object", str(disc_video), "-o", str(second), "--object", "disc"]
    assert run([*arguments, "--click", disc_click]) == 0
    with open_source(first) as one, open_source(second) as other:
        for a, b in zip(one.frames(), other.frames(), strict=True):
            assert all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))


def test_masks_are_palette_pictures_with_scores_beside_them(
    disc_video: Path, disc_click: str, disc: DrawnClip, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    arguments = ["track", str(disc_video), "--object", "disc", "--click", disc_click]
    assert run([*arguments, "--masks-out", str(masks)]) == 0
    names = sorted(p.name for p in masks.iterdir())
    assert names == [*(f"{i:05d}.png" for i in range(len(disc))), "scores.json"]
    for index in range(len(disc)):
        with Image.open(masks / f"{index:05d}.png") as picture:
            assert picture.mode == "P"
            found = np.asarray(picture)
        assert set(np.unique(found)) == {0, 1}
        assert iou(found == 1, disc.mask(1, index)) > 0.8
    scores = json.loads((masks / "scores.json").read_text(encoding="utf-8"))
    assert len(scores) == len(disc)
    assert scores["0"]["disc"]["origin"] == "keyframe"
    assert all(0 <= scores[str(i)]["disc"]["score"] <= 1 for i in range(len(disc)))


def test_a_mask_can_be_given_and_is_kept_to_the_pixel(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    painted, masks = tmp_path / "painted.png", tmp_path / "masks"
    truth = disc.mask(1, 5)
    Image.fromarray(truth.astype(np.uint8) * 255).save(painted)
    arguments = ["track", str(disc_video), "--mask", f"{painted}@5", "--masks-out", str(masks)]
    assert run(arguments) == 0
    with Image.open(masks / "00005.png") as picture:
        assert np.array_equal(np.asarray(picture) == 1, truth)
    # What lies before the painted frame was reached backward.
    with Image.open(masks / "00000.png") as picture:
        assert iou(np.asarray(picture) == 1, disc.mask(1, 0)) > 0.8


def test_a_palette_mask_holds_several_objects(disc_video: Path, tmp_path: Path) -> None:
    painted, project = tmp_path / "two.png", tmp_path / "two.tam"
    ids = np.zeros((120, 160), np.uint8)
    ids[10:30, 10:30], ids[60:90, 60:100] = 1, 3
    picture = Image.fromarray(ids)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save(painted)
    assert run(["new", str(disc_video), "-o", str(project)]) == 0
    # An interrupted command is given again: the same picture is about the same objects.
    for _ in range(2):
        assert run(["prompt", str(project), "--mask", str(painted)]) == 0
    with Project.open(project) as opened:
        assert list(opened.objects().values()) == ["object-1", "object-3"]
        entry = opened.entry(opened.object_id("object-3"), 0)
    assert entry is not None
    assert np.array_equal(entry.matte > 0.5, ids == 3)


def test_a_correction_recomputes_only_up_to_the_next_keyframe(
    tracked: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.open(tracked) as project:
        before = {i: project.entry(1, i) for i in range(len(disc))}
    painted = tmp_path / "painted.png"
    Image.fromarray(disc.mask(1, 10).astype(np.uint8)).save(painted)
    arguments = ["prompt", str(tracked), "--object", "disc", "--mask", f"{painted}@10"]
    assert run(arguments) == 0
    assert "corrected 'disc' on frame 10" in capsys.readouterr().out
    assert run(["track", str(tracked), "--json", str(tmp_path / "t.json")]) == 0
    told = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    # Six frames from the correction on, and the first keyframe, which is learned again; then the
    # way back from the correction, over three frames that agree with what is there.
    assert told["tracking"]["frames"] == (len(disc) - 10 + 1) + (1 + 1 + 3)
    with Project.open(tracked) as project:
        for index in range(10):
            old, new = before[index], project.entry(1, index)
            assert old is not None
            assert new is not None
            assert np.array_equal(old.matte, new.matte)
        entry = project.entry(1, 10)
        assert entry is not None
        assert entry.origin == "corrected"
    assert run(["track", str(tracked)]) == 0
    assert "already tracked" in capsys.readouterr().out


def test_a_correction_may_only_say_what_is_not_the_object(
    tracked: Path, disc: DrawnClip, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = first_click(disc.mask(1, 10))
    assert run(["prompt", str(tracked), "--object", "disc", "--not", f"{x:g},{y:g}@10"]) == 0
    with Project.open(tracked) as project:
        entry = project.entry(1, 10)
    assert entry is not None
    assert not entry.matte[round(y), round(x)] > 0.5
    assert run(["prompt", str(tracked), "--object", "new", "--not", "5,5@10"]) == 1
    assert "there is no object called 'new'" in capsys.readouterr().err


def test_the_same_prompt_twice_changes_nothing(tracked: Path, disc_click: str) -> None:
    with sqlite3.connect(tracked) as connection:
        before = connection.execute("SELECT count(*) FROM prompt").fetchone()
    connection.close()
    assert run(["prompt", str(tracked), "--object", "disc", "--click", disc_click]) == 0
    with sqlite3.connect(tracked) as connection:
        assert connection.execute("SELECT count(*) FROM prompt").fetchone() == before
    connection.close()


def test_in_and_out_points_cut_the_work_and_the_result(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    x, y = np.argwhere(disc.mask(1, 4)).mean(axis=0)[::-1]
    out = tmp_path / "out.mp4"
    arguments = ["run", "blur-object", str(disc_video), "-o", str(out), "--click", f"{x},{y}"]
    assert run([*arguments, "--in", "4", "--out", "@12"]) == 0
    with open_source(out) as written:
        assert written.info.frame_count == 8


def test_the_project_is_private_and_one_file(tracked: Path) -> None:
    assert stat.S_IMODE(tracked.stat().st_mode) == 0o600
    assert [p.name for p in tracked.parent.iterdir()] == ["disc.tam"]


def test_a_folder_with_a_slash_becomes_a_png_sequence(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    painted, out = tmp_path / "mask.png", tmp_path / "pictures"
    Image.fromarray(disc.mask(1, 0).astype(np.uint8)).save(painted)
    arguments = ["run", "spotlight", str(disc_video), "-o", f"{out}/", "--mask", str(painted)]
    assert run([*arguments, "--out", "4"]) == 0
    assert sorted(p.name for p in out.iterdir()) == [f"frame.{i:05d}.png" for i in range(4)]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mask.png", "pictures"]


def test_frames_at_a_rate_that_webm_rounds_come_out_as_webm(
    disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, out = tmp_path / "frames", tmp_path / "out.webm"
    frames.mkdir()
    for index in range(4):
        Image.fromarray(disc.image(index)).save(frames / f"{index}.png")
    painted = tmp_path / "mask.png"
    Image.fromarray(disc.mask(1, 0).astype(np.uint8)).save(painted)
    arguments = ["run", "remove-background", str(frames), "-o", str(out), "--mask", str(painted)]
    assert run([*arguments, "--fps", "24"]) == 0
    assert "rounds frame times" in capsys.readouterr().err
    with open_source(out) as written:
        assert [round(written.time_of(i) * 24) for i in range(4)] == [0, 1, 2, 3]


def test_background_removal_keeps_transparency(
    disc_video: Path, disc_click: str, disc: DrawnClip, tmp_path: Path
) -> None:
    out = tmp_path / "out.mov"
    arguments = ["run", "remove-background", str(disc_video), "-o", str(out)]
    assert run([*arguments, "--click", disc_click]) == 0
    with open_source(out) as written:
        assert written.info.layout.has_alpha
        assert written.info.layout.bits >= 10
        for frame in written.frames():
            opacity = frame.opacity()
            assert opacity is not None
            assert iou(opacity > 0.5, disc.mask(1, frame.index)) > 0.8


def test_doubtful_frames_of_a_project_that_goes_can_be_had_back(
    disc_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "an out.mp4"
    arguments = ["run", "blur-object", str(disc_video), "-o", str(out), "--click", "10,10"]
    assert run(arguments) == 0
    told = capsys.readouterr().err
    project = out.with_name("an out.mp4.tam")
    assert not project.exists()
    # Before the end nothing names a project that will be gone.
    before, _, after = told.partition("note: the project is deleted now")
    assert "this mask is uncertain" in before
    assert str(project) not in before
    assert "from these prompts alone" not in after
    again, look = re.findall(r"tam-edit (.*)", after)
    assert run(shlex.split(again)) == 0
    assert project.exists()
    assert "deleted" not in capsys.readouterr().err
    page = Path(shlex.split(look)[-1])
    assert page.parent != out.parent
    assert run([*shlex.split(look)[:-1], str(tmp_path.parent / f"{tmp_path.name}-look")]) == 0


def test_what_an_earlier_command_said_is_not_promised_back(
    disc_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    job = ["run", "redact-solid", str(disc_video), "-o", str(out), "--click", "10,10"]
    assert run(job) == 3
    assert run(["prompt", f"{out}.tam", "--object", "other", "--click", "9,80"]) == 0
    assert run([*job, "--on-doubt", "continue"]) == 0
    told = capsys.readouterr().err
    assert not Path(f"{out}.tam").exists()
    assert "(from these prompts alone: what earlier commands said goes with the project)" in told


def test_a_stop_says_how_long_corrections_are_kept(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "an out.mp4"
    project = out.with_name("an out.mp4.tam")
    job = ["run", "redact-solid", str(disc_video), "-o", str(out), "--click", disc_click]
    assert run(job) == 3
    keeping = f"--project '{project}'"
    assert f"for good if the command is repeated with {keeping}" in capsys.readouterr().err
    assert run([*job, "--project", str(project)]) == 3
    assert "for good if the command" not in capsys.readouterr().err
    assert run(["approve", str(project), "--reason", "looked"]) == 0
    assert run([*job, "--project", str(project)]) == 0
    assert project.exists()
    # What was to be kept once is kept, also where a later command does not say so.
    capsys.readouterr()
    assert run(job) == 0
    assert "already written" in capsys.readouterr().out
    assert project.exists()


def test_without_a_terminal_long_work_says_at_times_how_far_it_is(
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = ["track", str(disc_video), "--click", disc_click, "--overwrite"]
    job += ["--masks-out", str(tmp_path / "masks")]
    assert run(job) == 0
    assert "left" not in capsys.readouterr().err
    monkeypatch.setattr(console, "TOLD_EVERY_S", 0)
    assert run(job) == 0
    assert re.search(
        r"^tracking: \d+ of \d+ frames, about \d+ s left$", capsys.readouterr().err, re.M
    )
    assert run([*job, "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_a_project_of_somebodys_own_stays_and_one_that_goes_says_so(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    project = out.with_name("out.mp4.tam")
    job = ["run", "redact-solid", str(disc_video), "-o", str(out), "--click", disc_click]
    assert run(job) == 3
    assert run(["approve", str(project), "--reason", "looked"]) == 0
    capsys.readouterr()
    assert run(job) == 0
    told = capsys.readouterr().err
    assert not project.exists()
    assert f"{project} is deleted now, with what was corrected and approved in it" in told
    assert run(["new", str(disc_video), "-o", str(project)]) == 0
    assert run(["run", "blur-object", *job[2:], "--overwrite"]) == 0
    assert project.exists()


def test_a_click_on_another_object_is_told(
    tracked: Path, disc: DrawnClip, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = first_click(disc.mask(1, 9))
    capsys.readouterr()
    arguments = ["prompt", str(tracked), "--object", "other", "--click", "5,5@9"]
    assert run([*arguments, "--click", f"{x:g},{y:g}@9"]) == 0
    told = capsys.readouterr().err
    assert f"the point {x:g},{y:g} is on 'disc' (frame 9)" in told
    assert f"say that, too: --object disc --not {x:g},{y:g}@9" in told
    assert "5,5" not in told
    # A click on the object's own mask is nothing to be told.
    assert run(["prompt", str(tracked), "--object", "disc", "--click", f"{x:g},{y:g}@9"]) == 0
    assert "is on 'disc'" not in capsys.readouterr().err


def test_a_bundle_of_one_line_comes_back_through_the_project_that_stays(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, clean = tmp_path / "a bundle", tmp_path / "clean.mkv"
    arguments = ["run", "inpaint-bundle", str(disc_video), "-o", str(bundle), "--click", disc_click]
    assert run(arguments) == 0
    (back,) = re.findall(r"comes back with: tam-edit (.*)", capsys.readouterr().out)
    assert run(["verify", str(bundle)]) == 0
    results = shlex.quote(str(bundle / "frames"))
    typed = back.replace("RESULTS", results).replace("clean.mkv", shlex.quote(str(clean)))
    assert run([*shlex.split(typed), "--format", "ffv1"]) == 0
    with open_source(disc_video) as before, open_source(clean) as after:
        for source, shown in zip(before.frames(), after.frames(), strict=True):
            assert all(map(np.array_equal, source.planes, shown.planes))
    # The same command finds all of it done.
    assert run(arguments) == 0
    assert "already written" in capsys.readouterr().out
