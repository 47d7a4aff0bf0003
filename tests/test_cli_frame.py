"""``tam-edit frame``: a page on which clicks become prompts."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tam_edit._cli import run

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
    assert run(job) == 1
    assert run([*job, "--overwrite"]) == 0


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
    assert title[1] == "--click 30,20@3 --box 10,40,51,61@3 --not 5,7@3"
