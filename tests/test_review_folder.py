"""Where a review page may lie, and what of a page that broke off stays."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.errors import EncodeError, InputError
from tam_edit.presets import load_preset, preset_names
from tam_edit.review import write_page
from tam_edit.session import Session, covers
from tests.review_pages import mode


def test_what_is_known_to_hide_nothing() -> None:
    hiding = {name: covers.hides(load_preset(name)) for name in preset_names()}
    assert {name for name, hides in hiding.items() if not hides} == {
        "highlight",
        "inpaint-bundle",
        "matte-exr",
        "matte-prores",
        "remove-background",
    }
    bare = load_preset("matte-prores", ("export.copy_metadata=false",))
    assert covers.hides(bare)
    assert covers.hides(load_preset("highlight", ("outline.edge=cover",)))


@pytest.mark.parametrize("place", ["out", "out/deep/page", "out/../out/page", "link"])
def test_the_page_never_lies_beside_what_is_delivered(
    doubtful: Session, tmp_path: Path, place: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    doubtful.check_output(load_preset("blur-object"), tmp_path / "out" / "done.mp4")
    with pytest.raises(InputError, match="must not lie beside what is delivered") as caught:
        doubtful.write_review(tmp_path / place)
    proposed = Path(caught.value.hint.split("--html ")[1])
    assert not proposed.is_relative_to(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    doubtful.write_review(proposed if proposed.parent == tmp_path else tmp_path / "page")


def test_a_page_may_lie_beside_an_output_that_hides_nothing(
    doubtful: Session, tmp_path: Path
) -> None:
    cut_out, out = tmp_path / "both" / "done.mov", tmp_path / "both" / "done.mp4"
    cut_out.parent.mkdir()
    doubtful.check_output(load_preset("remove-background"), cut_out)
    written = doubtful.write_review(cut_out.parent / "page")
    doubtful.check_output(load_preset("remove-background"), cut_out)
    # From now on one lies there that does.
    with pytest.raises(InputError, match="would lie beside"):
        doubtful.check_output(load_preset("blur-object"), out)
    written.unlink()
    doubtful.check_output(load_preset("blur-object"), out)
    with pytest.raises(InputError, match=r"done\.mp4, which hides something") as caught:
        doubtful.write_review(written.parent)
    (command,) = re.findall(r"such as: tam-edit (.*)", caught.value.hint)
    assert shlex.split(command)[:2] == ["review", str(doubtful.project.path)]


def test_an_output_is_not_written_beside_a_page(doubtful: Session, tmp_path: Path) -> None:
    written = doubtful.write_review(tmp_path / "both" / "page")
    recipe, out = load_preset("blur-object"), tmp_path / "both" / "done.mp4"
    for write in (doubtful.check_output, doubtful.render):
        with pytest.raises(InputError, match="would lie beside"):
            write(recipe, out)
    written.unlink()
    doubtful.check_output(recipe, out)


@pytest.mark.parametrize("place", ["page", "out", "out/page"])
def test_pages_of_anything_are_found_beside_an_output(
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    place: str,
    refused: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    page, out = tmp_path / place, tmp_path / "out" / "done.mp4"
    out.parent.mkdir()
    assert run(["frame", str(disc_video), "0", "--html", str(page)]) == 0
    job = ["run", "redact-solid", str(disc_video), "--click", disc_click, "-o", str(out)]
    if place == "page":  # beside the folder, not in it
        assert run([*job, "--plan"]) == 0
        return
    said = f"the page {page}/index.html shows people unredacted and would lie beside"
    assert said in refused(*job)
    # A plan writes nothing: there it is a note.
    capsys.readouterr()
    assert run([*job, "--plan"]) == 0
    told = capsys.readouterr()
    assert f"note: {said}" in told.err
    assert "effect     fill" in told.out
    # A page of somebody else's is none of our business, nor what hides nothing.
    assert run([*job[:1], "highlight", *job[2:], "--plan"]) == 0
    (page / "index.html").write_text("<!doctype html><title>mine</title>")
    assert run([*job, "--plan"]) == 0


def test_a_page_of_a_video_lies_beside_no_finished_redaction(
    doubtful: Session, tmp_path: Path, refused: Callable[..., str]
) -> None:
    out = tmp_path / "out" / "done.mp4"
    out.parent.mkdir()
    doubtful.render(load_preset("redact-solid"), out, on_doubt="continue")
    video = doubtful.source.info.path
    for place in ("out", "out/look"):
        told = refused("frame", video, "5", "--html", tmp_path / place)
        assert f"the folder of the output {out.name}, which hides something" in told
    option = f"tam-edit frame {video} 5 --html {tmp_path}/out-done-frame"
    assert option in told
    out.unlink()
    assert run(["frame", str(video), "5", "--html", str(tmp_path / "out" / "look")]) == 0


def test_all_pages_in_the_way_are_named_at_once_and_when_they_are_made(
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    refused: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        assert run(["frame", str(disc_video), "--html", name]) == 0
        told = capsys.readouterr().err
        assert f"outputs that hide something are refused in {tmp_path}" in told
    told = refused("run", "redact-solid", disc_video, "--click", disc_click, "-o", "out.mp4")
    pages = [str(tmp_path / name / "index.html") for name in ("first", "second")]
    assert f"the pages {', '.join(pages)} show people unredacted" in told
    assert "delete them, or" in told
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert run(["frame", str(disc_video), "--html", "../look"]) == 0
    assert "refused" not in capsys.readouterr().err


def test_a_page_of_one_frame_gives_way_to_any_other_and_replaces_no_review(
    doubtful: Session, tmp_path: Path
) -> None:
    page, shot = tmp_path / "look", doubtful.project.path
    doubtful.close()
    for what in (str(shot), str(doubtful.source.info.path)):
        for index in ("3", "7"):
            assert run(["frame", what, index, "--html", str(page)]) == 0
            assert f"frame {index} (" in (page / "index.html").read_text(encoding="utf-8")
    assert run(["review", str(shot), "--html", str(page)]) == 0
    assert run(["review", str(shot), "--html", str(page)]) == 1
    assert run(["frame", str(shot), "3", "--html", str(page)]) == 1


def test_what_stands_in_the_folder_is_left_alone(doubtful: Session, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    with pytest.raises(EncodeError, match="which is no review page"):
        doubtful.write_review(folder, overwrite=True)
    with pytest.raises(EncodeError, match="is a file"):
        doubtful.write_review(folder / "letter.txt")
    (folder / "letter.txt").unlink()
    doubtful.write_review(folder)
    with pytest.raises(EncodeError, match="already holds a page of tam-edit"):
        doubtful.write_review(folder)
    doubtful.write_review(folder, overwrite=True)
    assert mode(folder) == 0o700


def test_nothing_is_left_of_a_page_that_broke_off(tmp_path: Path) -> None:
    def parts() -> Iterator[str]:
        yield "<html>"
        (part,) = (tmp_path / "page").iterdir()
        assert (part.name, mode(part)) == (".index.html.part", 0o600)
        raise EncodeError("stopped in the middle")

    with pytest.raises(EncodeError, match="in the middle"):
        write_page(tmp_path / "page", parts())
    assert not (tmp_path / "page").exists()
    # A page that was there stays whole; what a killed process left is cleared away.
    written = write_page(tmp_path / "page", ["old"])
    (tmp_path / "page" / ".index.html.part").write_text("half")
    write_page(tmp_path / "page", ["new"])
    assert (written.read_text(), list(written.parent.iterdir())) == ("new", [written])
