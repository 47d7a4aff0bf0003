"""``tam-edit frame``: a page on which clicks become prompts."""

from __future__ import annotations

import html
import json
import re
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from tam_edit._cli import run
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tests.review_pages import HOSTILE, WRONG, picture, yellow

CHROMIUM = shutil.which("chromium")
# Presses, moves and lets go as a person does, and leaves what the page says in its title.
PERSON = """
<script>
addEventListener("load", () => {
  const place = document.getElementById("place"), box = place.getBoundingClientRect();
  const point = (type, x, y, shiftKey = false) => place.dispatchEvent(new PointerEvent(type, {
    clientX: box.left + (x + 0.5) * box.width / WIDTH,
    clientY: box.top + (y + 0.5) * box.height / HEIGHT,
    bubbles: true, shiftKey }));
  point("pointerdown", 30, 20); point("pointerup", 30, 20);
  point("pointerdown", 50, 60); point("pointerup", 10, 40);
  point("pointerdown", 5, 7, true); point("pointerup", 5, 7, true);
  point("pointerdown", 1, 1); point("pointerup", 1, 1);
  document.getElementById("undo").click();
  // A click beside the picture is none; a box that reaches beyond it ends at its edge.
  point("pointerdown", -3, 9); point("pointerup", -3, 9);
  point("pointerdown", -3, 9); point("pointerup", 20, HEIGHT + 9);
  const name = document.getElementById("name");
  name.value = "Ann's dog"; name.dispatchEvent(new Event("input"));
  document.getElementById("next").click();
  point("pointerdown", 8, 8); point("pointerup", 8, 8);
  document.title = document.getElementById("said").textContent;
});
</script>
</html>
"""


def test_a_page_shows_one_frame_to_its_owner_alone(disc_video: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    job = ["frame", str(disc_video), "3", "--html", str(tmp_path / "look")]
    assert run([*job, "--json", str(told)]) == 0
    page = tmp_path / "look" / "index.html"
    assert json.loads(told.read_text())["page"] == str(page)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    text = page.read_text()
    assert not re.findall(r"@[A-Z]+@", text)
    assert "frame 3" in text
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text)
    assert run(job) == 0  # the next frame takes its place


@pytest.mark.parametrize("position", ["5000", "soon"])
def test_a_frame_that_is_not_there_is_refused(
    position: str, disc_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["frame", str(disc_video), position, "--html", str(tmp_path / "look")]) == 1
    assert position in capsys.readouterr().err
    assert not (tmp_path / "look").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to click with")
def test_clicks_and_boxes_become_what_the_command_line_takes(
    disc_video: Path, tmp_path: Path
) -> None:
    assert run(["frame", str(disc_video), "3", "--html", str(tmp_path / "look")]) == 0
    page = tmp_path / "look" / "index.html"
    page.write_text(page.read_text().replace("</html>", PERSON))
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()]
    dom = subprocess.run(
        [str(CHROMIUM), *arguments], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None
    first, second, third = html.unescape(title[1]).split(" --object ")
    assert first == "--click 30,20@3 --box 10,40,51,61@3 --not 5,7@3"
    # An object has one box on a frame: the second one begins another object.
    name, *box = shlex.split(second)
    assert (name, box) == ("Ann's dog", ["--box", "0,9,21,120@3"])
    assert third == "object-3 --click 8,8@3"


def command_of(page: Path) -> tuple[str, str]:
    """What the page's script puts before the prompts, and the object that the first are about."""
    found = re.search(r"NAME\] = (\[.*\]);", page.read_text())
    assert found is not None
    *_, command, name = json.loads(found[1])
    return str(command), str(name)


def test_a_projects_page_shows_the_mask_and_the_whole_command(
    doubtful: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    index = WRONG[0]
    page = doubtful.write_frame(tmp_path / "look", index)
    text = page.read_text()
    assert "</script>" not in text[: text.index("</script>")]
    uri = re.search(r'src="(data:[^"]*)"', text)
    assert uri is not None
    drawn = yellow(picture(uri[1]))
    # The stored mask lies 40 pixels beside the disc.
    for off in (0, 40):
        mask = np.roll(disc.mask(1, index), off, axis=1)
        border = mask & ~binary_erosion(mask)
        assert (binary_dilation(drawn, iterations=2)[border].mean() > 0.7) == (off == 40)
    command, name = command_of(page)
    assert shlex.split(command) == ["tam-edit", "prompt", str(doubtful.project.path)]
    assert name == HOSTILE
    assert HOSTILE not in text
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_a_projects_page_needs_one_object_and_lies_beside_no_redaction(
    disc_video: Path,
    disc: DrawnClip,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project, page = tmp_path / "shot.tam", tmp_path / "look"
    job = ["frame", str(project), "--html", str(page)]
    assert run(["new", str(disc_video), "-o", str(project), "--in", "2"]) == 0
    assert run(job) == 0
    assert "There is no mask on this frame yet." in (page / "index.html").read_text()
    assert "frame 2 " in (page / "index.html").read_text()
    with Session.open(project) as session:
        for name in ("a", "b"):
            said = Prompts(mask=disc.mask(1, 2))
            session.prompt(ObjectPrompts(object_name=name, frame_index=2, prompts=said))
    capsys.readouterr()
    assert run([*job, "--overwrite"]) == 1
    assert "say which with --object: a, b" in capsys.readouterr().err
    assert run([*job, "--overwrite", "--object", "b"]) == 0
    assert command_of(page / "index.html")[1] == "b"
    # Another name begins another object; one that is nearly known is a slip of the pen.
    assert run([*job, "--object", "leash"]) == 0
    assert command_of(page / "index.html")[1] == "leash"
    assert "There is no object leash yet" in (page / "index.html").read_text()
    capsys.readouterr()
    assert run([*job, "--object", "B"]) == 1
    assert "did you mean 'b'?" in capsys.readouterr().err
    assert run(["frame", str(project), "0", "--html", str(page), "--object", "b"]) == 1
    assert run([*job, "--fps", "25"]) == 2
    assert run(["frame", str(disc_video), "--html", str(page), "--object", "b"]) == 2
    assert run(["track", str(project), "-q"]) == 0
    # A page that is there keeps a redaction from being written beside it.
    beside = tmp_path / "delivery" / "look"
    assert run(["frame", str(project), "--html", str(beside), "--object", "b"]) == 0
    capsys.readouterr()
    blurred = ["render", str(project), "--preset", "blur-object", "-o"]
    assert run([*blurred, str(tmp_path / "delivery" / "out.mp4")]) == 1
    assert "shows people unredacted" in capsys.readouterr().err
    assert [path.name for path in beside.parent.iterdir()] == ["look"]
