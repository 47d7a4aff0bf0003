"""The page on which a person sees every doubt, and what it says."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from tam_edit._cli import app, run
from tam_edit.errors import ReviewPending
from tam_edit.masks.ops import grow
from tam_edit.presets import load_preset
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte
from tests.review_pages import HOSTILE, WRONG, Page, mode, picture, places, wrong, yellow


def test_the_page_is_one_private_file_that_loads_nothing(doubtful: Session, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        written = doubtful.write_review(tmp_path / "page")
    finally:
        os.umask(old)
    assert list((tmp_path / "page").iterdir()) == [written]
    assert (mode(written), mode(written.parent)) == (0o600, 0o700)
    text = written.read_text(encoding="utf-8")
    found = Page(text)
    sources = [a[name] for _, a in found.tags for name in ("src", "href", "srcset") if name in a]
    assert all(s.startswith(("data:image/jpeg;base64,", "#")) for s in sources)
    assert not found.all("link")
    assert not found.all("script", src="")
    assert "://" not in re.sub(r"data:[^\"]*", "", text)
    (policy,) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'; img-src data:;")
    # Before anything else it says what it shows.
    assert found.text.split("On your")[0].index("shows people unredacted") < 100


def test_every_part_of_the_page_can_be_reached_and_read_aloud(
    doubtful: Session, tmp_path: Path
) -> None:
    found = Page(doubtful.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert found.all("html", lang="en")
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in found.all("a")} <= set(ids)
    assert all(a["alt"] for a in found.all("img"))
    assert all(a["aria-label"] for a in found.all("svg"))
    (target,) = found.all("div", role="application")
    assert (target["tabindex"], target["data-frame"]) == ("0", "5")
    assert (target["data-width"], target["data-height"]) == ("160", "120")
    assert next(t for t, _ in found.tags if t in ("h1", "h2", "h3")) == "h1"


def test_names_and_reasons_are_text_and_commands_are_words_of_a_shell(
    doubtful: Session, tmp_path: Path
) -> None:
    found = Page(doubtful.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert HOSTILE in found.text
    assert "the mask has <jumped>" in found.text
    assert not found.all("jumped")
    assert not [a for _, a in found.tags if "onclick" in a]
    path = str(doubtful.project.path)
    words = [shlex.split(code) for code in found.codes]
    named = [path, "--object", HOSTILE]
    assert ["tam-edit", "prompt", *named, "--click", "X,Y@5"] in words
    # No mask is empty there: nothing is proposed that would take one away.
    gone = [code for code in words if "--gone" in code]
    assert gone == [["tam-edit", "prompt", *named, "--gone", "A-B"]]
    assert ["tam-edit", "approve", *named, "--frames", "5-8", "--reason", "WHY"] in words
    assert ["tam-edit", "track", path] in words
    again = ["tam-edit", "review", path, "--html", str(tmp_path / "page")]
    assert [*again, "--overwrite"] in words
    # Every one of them is understood by the command line, but for what a person fills in.
    for word in words:
        command = app.get_command(click.Context(app), word[1])
        assert command is not None
        command.make_context(word[1], [w.replace("X,Y", "1,2") for w in word[2:]])


def test_the_sheet_shows_the_mask_that_is_stored(
    doubtful: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    found = Page(doubtful.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    pictures = {a["alt"]: picture(a["src"]) for a in found.spans("img")}
    shown = {int(m[1]): p for alt, p in pictures.items() if (m := re.match(r"Frame (\d+):", alt))}
    assert sorted(shown) == [4, 5, 6, 7, 8, 9]
    for index, image in shown.items():
        # A small picture shows a part of the frame, here pixel by pixel, and says which.
        ((x, y, width, height),) = places(found, index)[:1]
        assert image.shape[:2] == (height, width)
        assert height < disc.mask(1, index).shape[0]
        frame = np.zeros(disc.mask(1, index).shape, bool)
        frame[y : y + height, x : x + width] = yellow(image)
        drawn = binary_dilation(frame, iterations=2)
        for off in (0, 40):
            mask = np.roll(disc.mask(1, index), off, axis=1)
            border = mask & ~binary_erosion(mask)
            is_stored = (off == 40) == (index in WRONG)
            assert (drawn[border].mean() > 0.7) == is_stored, (index, off)
    kinds = [a["class"] for a in found.spans("figure") if "class" in a]
    assert kinds == ["neighbour", *["doubtful"] * 4, "neighbour"]


def blue(image: np.ndarray) -> np.ndarray:
    red, green, blue = (image[..., c] for c in range(3))
    return (blue > 170) & (green > 130) & (red < 190) & (blue > red + 40)


def test_the_sheet_shows_what_will_be_hidden(
    doubtful: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    told = "a cover reaches further than this line"
    assert told in Page(doubtful.write_review(tmp_path / "a").read_text(encoding="utf-8")).text
    out = tmp_path / "out"
    out.mkdir()
    settings = ("cover.margin_px=9", "cover.margin_frac=0.0")
    recipe = load_preset("redact-solid", settings)
    with pytest.raises(ReviewPending):
        doubtful.render(recipe, out / "done.mp4")
    found = Page(doubtful.write_review(tmp_path / "b").read_text(encoding="utf-8"))
    assert told not in found.text
    large = next(a for a in found.all("img") if "the one to correct, large" in a["alt"])
    index = int(re.findall(r"Frame (\d+)", large["alt"])[0])
    image = picture(large["src"])
    # Two frames before and after count too: hold; then nine pixels of margin.
    entries = (doubtful.project.entry(1, other) for other in range(index - 2, index + 3))
    held = np.logical_or.reduce([e.matte >= 0.1 for e in entries if e is not None])
    hidden = grow(held, radius_px=9)
    border = hidden & ~binary_erosion(hidden)
    assert binary_dilation(blue(image), iterations=2)[border].mean() > 0.7
    # The clip itself has a few pixels of that colour.
    assert blue(image)[~binary_dilation(border, iterations=4)].mean() < 0.01
    # While masks are lacking nobody knows what will be hidden.
    painted = Prompts(mask=np.roll(disc.mask(1, 12), 2, axis=1))
    doubtful.prompt(ObjectPrompts(object_name=HOSTILE, frame_index=12, prompts=painted))
    text = Page(doubtful.write_review(tmp_path / "c").read_text(encoding="utf-8")).text
    assert told in text


def test_a_mask_that_ends_parts_the_span_and_its_empty_part_shows_where_it_was(
    doubtful: Session, tmp_path: Path
) -> None:
    empty = TrackedMatte(
        matte=np.zeros((120, 160), np.float32), score=0.1, origin=Origin.PROPAGATED
    )
    faint = TrackedMatte(
        matte=np.full((120, 160), 0.4, np.float32), score=0.1, origin=Origin.PROPAGATED
    )
    for index in range(9, 14):
        doubtful.project.append(index, {1: faint if index == 10 else empty})
    doubts = doubtful.open_doubts()
    assert [(d.start, d.last, d.is_empty) for d in doubts] == [(9, 13, True), (5, 8, False)]
    assert doubtful.project.empty_frames(1, range(16)) == set(range(9, 14))
    found = Page(doubtful.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert "9 frames in 2 spans" in found.text
    # Where it was seen last, for it may still be there; far from there nobody knows where.
    around = places(found, 8)[0]
    assert around != (0, 0, 160, 120)
    assert doubts[0].seen_beside == (8, 14)
    assert [places(found, index) for index in (10, 11)] == [[around]] * 2
    assert "frames 8 and 14 show it, so look at the frames next to that one by one" in found.text
    assert "Frame 9, the one to correct: frame 8, next to it, shows the object" in found.text
    assert any("--gone A-B" in code for code in found.codes)
    assert any("--frames 9-13" in code for code in found.codes)
    assert any("--frames 5-8" in code for code in found.codes)


def test_the_page_and_the_terminal_say_one_thing(doubtful: Session, tmp_path: Path) -> None:
    recipe = load_preset("redact-solid", ("spread.frame_count=1",))
    out = tmp_path / "out" / "done.mp4"
    out.parent.mkdir()
    with pytest.raises(ReviewPending) as caught:
        doubtful.render(recipe, out)
    track = f"tam-edit track {shlex.quote(str(doubtful.project.path))}"
    touched = "here a mask was corrected, track again what the correction touches"
    assert f"then, w{touched}: {track}\n" in caught.value.hint
    assert "then, repeat the command that writes the output\n" in caught.value.hint
    (look,) = re.findall(r"commands: (tam-edit .*)", caught.value.hint)
    assert "--overwrite" not in look
    folder = Path(shlex.split(look)[-1])
    found = Page(doubtful.write_review(folder).read_text(encoding="utf-8"))
    assert f"W{touched}:" in found.text
    assert "Repeat the command that writes the output." in found.text
    assert track in found.codes
    (doubt, *_) = doubtful.open_doubts()
    assert f"Frame {doubt.proposed_frame}, the one to correct: {doubt.proposed_why}" in found.text
    assert "correct frame" not in found.text
    assert "a blue one the border of what is hidden in the output" in found.text
    counted = re.search(r"\d+ frames? in \d+ spans?", str(caught.value))
    assert counted is not None
    assert counted[0] in found.text
    with pytest.raises(ReviewPending) as caught:
        doubtful.render(recipe, out)
    (look,) = re.findall(r"commands: (tam-edit .*)", caught.value.hint)
    assert shlex.split(look)[-3:] == ["--html", str(folder), "--overwrite"]


def test_the_page_and_the_terminal_say_why_another_frame_than_the_worst_comes_first(
    doubtful: Session, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doubtful.project.append(11, {1: replace(wrong(disc.mask(1, 11)), score=0.1)})
    (doubt,) = doubtful.open_doubts()
    assert (doubt.worst_frame, doubt.proposed_frame) == (11, 8)
    why = "the masks around it are the worst together"
    found = Page(doubtful.write_review(tmp_path / "look").read_text(encoding="utf-8"))
    assert f"on frame 11; correct frame 8 first: {why})" in found.text
    assert f"Frame 8, the one to correct: {why}" in found.text
    doubtful.project.close()
    assert run(["review", str(doubtful.project.path)]) == 0
    assert f"first:     frame 8: {why}" in capsys.readouterr().out


def test_what_is_approved_is_not_shown_and_an_empty_page_says_so(
    doubtful: Session, tmp_path: Path
) -> None:
    doubtful.project.approve(1, range(5, 9), "looked at")
    found = Page(doubtful.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert "Nothing needs a look" in found.text
    assert not found.spans("img")
    assert found.all("rect", **{"class": "approved"})


def test_frames_without_a_mask_are_told(doubtful: Session, tmp_path: Path) -> None:
    doubtful.project.discard(1, 7, 16)
    found = Page(doubtful.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert "9 frames of" in found.text
    assert doubtful.untracked() == {HOSTILE: 9}
    assert "not tracked yet" in found.text


def test_the_page_goes_by_the_last_checkpoint(doubtful: Session, tmp_path: Path) -> None:
    assert doubtful.usual_threshold == 0.7
    doubtful.render(load_preset("redact-solid"), tmp_path / "out.mp4", on_doubt="continue")
    assert doubtful.usual_threshold == 0.75
