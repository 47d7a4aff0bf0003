"""The page on which a person sees every doubt, and where it may lie."""

from __future__ import annotations

import base64
import importlib
import io
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from tam_edit._cli import app, run
from tam_edit.errors import EncodeError, InputError, ReviewPending
from tam_edit.masks.ops import grow
from tam_edit.media import Source, open_source
from tam_edit.presets import load_preset, preset_names
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.review import Doubt, Review, find_doubts, write_page
from tam_edit.review import page as page_function
from tam_edit.review.pictures import MOST_INSIDE, MOST_OPEN, folded_frames, sheet_frames, tile_width
from tam_edit.review.pictures import picture as drawn_picture
from tam_edit.review.timeline import MOST_COLUMNS, Timeline
from tam_edit.session import Session, covers
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import FrameScore, MemoryTracks, Origin, TrackedMatte

CHROMIUM = shutil.which("chromium")
HOSTILE = "<b onclick='x'>O'Brien & \"co\"</b>"
VOID = ("meta", "img", "input", "br")
WRONG = range(5, 9)


class Page(HTMLParser):
    """The page as a browser would take it apart; refuses what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.codes: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "code":
            self.codes.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data
        if "code" in self.open:
            self.codes[-1] += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [a for t, a in self.tags if t == tag and wanted.items() <= a.items()]


@pytest.fixture
def session(disc_video: Path, disc: DrawnClip, tmp_path: Path) -> Iterator[Session]:
    """A tracked project with one doubtful span, in which the mask lies 40 pixels off."""
    folder = tmp_path / "work"
    folder.mkdir()
    with Session.create(disc_video, folder / "it's a shot.tam") as opened:
        painted = Prompts(mask=disc.mask(1, 0))
        opened.prompt(ObjectPrompts(object_name=HOSTILE, frame_index=0, prompts=painted))
        for index in range(1, len(disc)):
            mask, is_wrong = disc.mask(1, index), index in WRONG
            opened.project.append(index, {1: wrong(mask) if is_wrong else right(mask)})
        yield opened


def right(mask: np.ndarray) -> TrackedMatte:
    return TrackedMatte(matte=mask.astype(np.float32), score=0.9, origin=Origin.PROPAGATED)


def wrong(mask: np.ndarray) -> TrackedMatte:
    reasons = ("the mask has <jumped>", "it is small", "it is dark", "it is late")
    matte = np.roll(mask, 40, axis=1).astype(np.float32)
    return TrackedMatte(matte=matte, score=0.2, origin=Origin.PROPAGATED, reasons=reasons)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def picture(uri: str) -> np.ndarray:
    kind, _, data = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def yellow(image: np.ndarray) -> np.ndarray:
    red, green, blue = (image[..., c] for c in range(3))
    return (red > 170) & (green > 150) & (blue < 110)


def places(found: Page, index: int) -> list[tuple[int, ...]]:
    """Left, top, width and height of what the small pictures of a frame show."""
    names = ("data-x", "data-y", "data-width", "data-height")
    links = found.all("a", **{"class": "open target", "data-frame": str(index)})
    return [tuple(int(a[name]) for name in names) for a in links]


def test_the_page_is_one_private_file_that_loads_nothing(session: Session, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        written = session.write_review(tmp_path / "page")
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
    session: Session, tmp_path: Path
) -> None:
    found = Page(session.write_review(tmp_path / "page").read_text(encoding="utf-8"))
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
    session: Session, tmp_path: Path
) -> None:
    found = Page(session.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert HOSTILE in found.text
    assert "the mask has <jumped>" in found.text
    assert not found.all("jumped")
    assert not [a for _, a in found.tags if "onclick" in a]
    path = str(session.project.path)
    words = [shlex.split(code) for code in found.codes]
    named = [path, "--object", HOSTILE]
    assert ["tam-edit", "prompt", *named, "--click", "X,Y@5"] in words
    # No mask is empty there: nothing is proposed that would take one away.
    assert not any("--gone" in word for word in words)
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
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    found = Page(session.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    pictures = {a["alt"]: picture(a["src"]) for a in found.all("img")}
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
    kinds = [a["class"] for a in found.all("figure") if "class" in a]
    assert kinds == ["neighbour", *["doubtful"] * 4, "neighbour"]


def blue(image: np.ndarray) -> np.ndarray:
    red, green, blue = (image[..., c] for c in range(3))
    return (blue > 170) & (green > 130) & (red < 190) & (blue > red + 40)


def test_the_sheet_shows_what_will_be_hidden(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    told = "a cover reaches further than this line"
    assert told in Page(session.write_review(tmp_path / "a").read_text(encoding="utf-8")).text
    out = tmp_path / "out"
    out.mkdir()
    settings = ("cover.margin_px=9", "cover.margin_frac=0.0")
    recipe = load_preset("redact-solid", settings)
    with pytest.raises(ReviewPending):
        session.render(recipe, out / "done.mp4")
    found = Page(session.write_review(tmp_path / "b").read_text(encoding="utf-8"))
    assert told not in found.text
    large = next(a for a in found.all("img") if "the one to correct, large" in a["alt"])
    index = int(re.findall(r"Frame (\d+)", large["alt"])[0])
    image = picture(large["src"])
    # Two frames before and after count too: hold; then nine pixels of margin.
    entries = (session.project.entry(1, other) for other in range(index - 2, index + 3))
    held = np.logical_or.reduce([e.matte >= 0.1 for e in entries if e is not None])
    hidden = grow(held, radius_px=9)
    border = hidden & ~binary_erosion(hidden)
    assert binary_dilation(blue(image), iterations=2)[border].mean() > 0.7
    # The clip itself has a few pixels of that colour.
    assert blue(image)[~binary_dilation(border, iterations=4)].mean() < 0.01
    # While masks are lacking nobody knows what will be hidden.
    painted = Prompts(mask=np.roll(disc.mask(1, 12), 2, axis=1))
    session.prompt(ObjectPrompts(object_name=HOSTILE, frame_index=12, prompts=painted))
    text = Page(session.write_review(tmp_path / "c").read_text(encoding="utf-8")).text
    assert told in text


def test_a_mask_that_ends_parts_the_span_and_its_empty_part_shows_whole_frames(
    session: Session, tmp_path: Path
) -> None:
    empty = TrackedMatte(
        matte=np.zeros((120, 160), np.float32), score=0.1, origin=Origin.PROPAGATED
    )
    faint = TrackedMatte(
        matte=np.full((120, 160), 0.4, np.float32), score=0.1, origin=Origin.PROPAGATED
    )
    for index in range(9, 14):
        session.project.append(index, {1: faint if index == 10 else empty})
    doubts = session.open_doubts()
    assert [(d.start, d.last, d.is_empty) for d in doubts] == [(9, 13, True), (5, 8, False)]
    assert session.project.empty_frames(1, range(16)) == set(range(9, 14))
    found = Page(session.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert "9 frames in 2 spans" in found.text
    for index in (10, 11, 12):
        assert places(found, index) == [(0, 0, 160, 120)]
    assert any("--gone 9" in code for code in found.codes)
    assert any("--frames 9-13" in code for code in found.codes)
    assert any("--frames 5-8" in code for code in found.codes)


def test_the_page_and_the_terminal_say_one_thing(session: Session, tmp_path: Path) -> None:
    recipe, out = load_preset("redact-solid"), tmp_path / "out" / "done.mp4"
    out.parent.mkdir()
    with pytest.raises(ReviewPending) as caught:
        session.render(recipe, out)
    track = f"tam-edit track {shlex.quote(str(session.project.path))}"
    said = f"repeat the command that stopped (or {track}): it tracks again only what a correction"
    assert f"then {said}" in caught.value.hint
    (look,) = re.findall(r"commands: (tam-edit .*)", caught.value.hint)
    assert "--overwrite" not in look
    folder = Path(shlex.split(look)[-1])
    found = Page(session.write_review(folder).read_text(encoding="utf-8"))
    assert f"then {said}" in found.text
    assert "Track again" not in found.text
    (doubt, *_) = session.open_doubts()
    assert f"Frame {doubt.proposed_frame}, the one to correct: {doubt.proposed_why}" in found.text
    assert "correct frame" not in found.text
    assert "a blue one the border of what is hidden in the output" in found.text
    counted = re.search(r"\d+ frames? in \d+ spans?", str(caught.value))
    assert counted is not None
    assert counted[0] in found.text
    with pytest.raises(ReviewPending) as caught:
        session.render(recipe, out)
    (look,) = re.findall(r"commands: (tam-edit .*)", caught.value.hint)
    assert shlex.split(look)[-3:] == ["--html", str(folder), "--overwrite"]


def test_the_page_and_the_terminal_say_why_another_frame_than_the_worst_comes_first(
    session: Session, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session.project.append(11, {1: replace(wrong(disc.mask(1, 11)), score=0.1)})
    (doubt,) = session.open_doubts()
    assert (doubt.worst_frame, doubt.proposed_frame) == (11, 8)
    why = "frame 11 has the lowest score, but the masks around this one are worse together"
    found = Page(session.write_review(tmp_path / "look").read_text(encoding="utf-8"))
    assert f"on frame 11; correct frame 8 first: {why})" in found.text
    assert f"Frame 8, the one to correct: {why}" in found.text
    session.project.close()
    assert run(["review", str(session.project.path)]) == 0
    assert f"first:     frame 8: {why}" in capsys.readouterr().out


def test_what_is_approved_is_not_shown_and_an_empty_page_says_so(
    session: Session, tmp_path: Path
) -> None:
    session.project.approve(1, 5, 9, "looked at")
    found = Page(session.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert "Nothing needs a look" in found.text
    assert not found.all("img")
    assert found.all("rect", **{"class": "approved"})


def test_frames_without_a_mask_are_told(session: Session, tmp_path: Path) -> None:
    session.project.discard(1, 7, 16)
    found = Page(session.write_review(tmp_path / "page").read_text(encoding="utf-8"))
    assert "9 frames of" in found.text
    assert session.untracked() == {HOSTILE: 9}
    assert "not tracked yet" in found.text


def test_the_page_goes_by_the_last_checkpoint(session: Session, tmp_path: Path) -> None:
    assert session.usual_threshold == 0.7
    session.render(load_preset("redact-solid"), tmp_path / "out.mp4", on_doubt="continue")
    assert session.usual_threshold == 0.75


def test_only_cut_outs_and_mattes_are_known_to_hide_nothing() -> None:
    hiding = {name: covers.hides(load_preset(name)) for name in preset_names()}
    assert {name for name, hides in hiding.items() if not hides} == {
        "matte-exr",
        "matte-prores",
        "remove-background",
    }
    bare = load_preset("matte-prores", ("export.copy_metadata=false",))
    assert covers.hides(bare)


@pytest.mark.parametrize("place", ["out", "out/deep/page", "out/../out/page", "link"])
def test_the_page_never_lies_beside_what_is_delivered(
    session: Session, tmp_path: Path, place: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    session.check_output(load_preset("blur-object"), tmp_path / "out" / "done.mp4")
    with pytest.raises(InputError, match="must not lie beside what is delivered") as caught:
        session.write_review(tmp_path / place)
    proposed = Path(caught.value.hint.split("--html ")[1])
    assert not proposed.is_relative_to(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    session.write_review(proposed if proposed.parent == tmp_path else tmp_path / "page")


def test_a_page_may_lie_beside_an_output_that_hides_nothing(
    session: Session, tmp_path: Path
) -> None:
    cut_out, out = tmp_path / "both" / "done.mov", tmp_path / "both" / "done.mp4"
    cut_out.parent.mkdir()
    session.check_output(load_preset("remove-background"), cut_out)
    written = session.write_review(cut_out.parent / "page")
    session.check_output(load_preset("remove-background"), cut_out)
    # From now on one lies there that does.
    with pytest.raises(InputError, match="would lie beside"):
        session.check_output(load_preset("blur-object"), out)
    written.unlink()
    session.check_output(load_preset("blur-object"), out)
    with pytest.raises(InputError, match=r"done\.mp4, which hides something") as caught:
        session.write_review(written.parent)
    (command,) = re.findall(r"such as: tam-edit (.*)", caught.value.hint)
    assert shlex.split(command)[:2] == ["review", str(session.project.path)]


def test_an_output_is_not_written_beside_a_page(session: Session, tmp_path: Path) -> None:
    written = session.write_review(tmp_path / "both" / "page")
    recipe, out = load_preset("blur-object"), tmp_path / "both" / "done.mp4"
    for write in (session.check_output, session.render):
        with pytest.raises(InputError, match="would lie beside"):
            write(recipe, out)
    written.unlink()
    session.check_output(recipe, out)


def test_what_stands_in_the_folder_is_left_alone(session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    with pytest.raises(EncodeError, match="which is no review page"):
        session.write_review(folder, overwrite=True)
    with pytest.raises(EncodeError, match="is a file"):
        session.write_review(folder / "letter.txt")
    (folder / "letter.txt").unlink()
    session.write_review(folder)
    with pytest.raises(EncodeError, match="already holds a review page"):
        session.write_review(folder)
    session.write_review(folder, overwrite=True)
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


def doubts_of(count: int, objects: int = 1) -> tuple[list[Doubt], MemoryTracks]:
    tracks = MemoryTracks()
    empty = np.zeros((12, 16), np.float32)
    scores = {}
    for number in range(1, objects + 1):
        tracks.append(0, {number: TrackedMatte(matte=empty, score=0.1, origin=Origin.PROPAGATED)})
        scores[number] = [
            FrameScore(i * 10 % 16 + i * 16, 0.3, Origin.PROPAGATED, ()) for i in range(count)
        ]
    return find_doubts(scores, {n: f"object {n}" for n in scores}, 0.5), tracks


@pytest.fixture
def source(disc_video: Path) -> Iterator[Source]:
    with open_source(disc_video) as opened:
        yield opened


def test_however_many_doubts_there_are_the_page_stays_small(
    source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = importlib.import_module("tam_edit.review.page")
    sheets = importlib.import_module("tam_edit.review.sheets")
    for part in (module, sheets):
        monkeypatch.setattr(part, "MOST_PICTURED", 4)
    monkeypatch.setattr(module, "MOST_LISTED", 7)
    monkeypatch.setattr(sheets, "MOST_PICTURE_BYTES", 20_000)
    doubts = [
        Doubt(
            object_id=1,
            name="disc",
            frames=(i % 16,),
            worst_frame=i % 16,
            worst_score=i / 1000,
            proposed_frame=i % 16,
            reasons=(),
        )
        for i in range(500)
    ]
    _, tracks = doubts_of(1)
    told: list[tuple[int, int]] = []
    review = Review(
        project=tmp_path / "shot.tam",
        source=source,
        reader=tracks,
        frames=range(16),
        names={1: "disc"},
        doubts=doubts,
        below=0.7,
        again="tam-edit review shot.tam",
    )
    found = Page("".join(page_function(review, lambda done, total: told.append((done, total)))))
    assert len(found.all("section")) == 4
    assert "493 further spans, which come after these, are left out" in found.text
    assert "496 further spans" in found.text
    assert "so that the page does not grow too large" in found.text
    size = sum(len(a["src"]) for a in found.all("img"))
    largest = max(len(a["src"]) for a in found.all("img"))
    assert 0 < size < 20_000 + 4 * largest
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def long_review(source: Source, path: Path) -> Review:
    """One span over the whole video, with a small mask on every frame."""
    tracks = MemoryTracks()
    matte = np.zeros((120, 160), np.float32)
    matte[50:60, 20:30] = 1
    count = source.info.frame_count
    for index in range(count):
        tracks.append(index, {1: TrackedMatte(matte=matte, score=0.1, origin=Origin.PROPAGATED)})
    doubts = find_doubts({1: tracks.scores(1)}, {1: "disc"}, 0.5)
    return Review(
        project=path,
        source=source,
        reader=tracks,
        frames=range(count),
        names={1: "disc"},
        doubts=doubts,
        below=0.5,
        again="tam-edit review shot.tam",
    )


def test_every_doubtful_frame_of_a_long_span_is_on_the_page(
    source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.import_module("tam_edit.review.pictures"), "MOST_OPEN", 8)
    review = long_review(source, tmp_path / "shot.tam")
    told: list[tuple[int, int]] = []
    found = Page("".join(page_function(review, lambda *at: told.append(at))))
    links = found.all("a", **{"class": "open target"})
    assert sorted(int(a["data-frame"]) for a in links) == list(review.frames)
    assert "Show all 16 frames: the other 10 are here" in found.text
    assert told[-1] == (17, 17)
    # Each link leads to the figure around it, so that it opens without a script.
    assert {a["href"][1:] for a in links} == {a["id"] for a in found.all("figure") if "id" in a}
    # What has no room is said, and the picture to click on stays.
    monkeypatch.setattr(importlib.import_module("tam_edit.review.sheets"), "MOST_FOLDED_BYTES", 1)
    found = Page("".join(page_function(review)))
    assert len(found.all("a", **{"class": "open target"})) == 7
    assert "9 frames at the end of this span are left out" in found.text
    assert len(found.all("div", role="application")) == 1


def test_a_small_picture_shows_the_mask_inside_and_keeps_the_shape_of_the_frame(
    source: Source,
) -> None:
    tracks = MemoryTracks()
    for index, (rows, columns) in enumerate(
        [((0, 6), (0, 6)), ((110, 120), (150, 160)), ((50, 70), (60, 70)), ((0, 120), (0, 160))]
    ):
        matte = np.zeros((120, 160), np.float32)
        matte[slice(*rows), slice(*columns)] = 1
        tracks.append(index, {1: TrackedMatte(matte=matte, score=0.1, origin=Origin.PROPAGATED)})
        shown = drawn_picture(source, tracks, 1, index, most_width=40, is_close=True)
        x, y, width, height = shown.region
        assert 0 <= x <= columns[0] < columns[1] <= x + width <= 160
        assert 0 <= y <= rows[0] < rows[1] <= y + height <= 120
        assert width / height == pytest.approx(160 / 120, abs=0.05)
        assert shown.width <= 41
        assert picture(shown.uri).shape == (shown.height, shown.width, 3)
    assert shown.region == (0, 0, 160, 120)


def test_the_more_small_pictures_the_smaller_they_are() -> None:
    widths = [tile_width(count) for count in (1, 200, 201, 1000, 5000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] >= 200


def test_a_timeline_of_any_length_keeps_its_worst_frame() -> None:
    count = 200_000
    scores = (
        FrameScore(i, 0.05 if i == 123_456 else 0.9, Origin.PROPAGATED, ()) for i in range(count)
    )
    drawn = Timeline(range(count), scores, approved=range(0, count, 7), keyframes=range(count))
    (doubt,) = find_doubts({1: [FrameScore(123_456, 0.05, Origin.PROPAGATED, ())]}, {1: "car"}, 0.5)
    svg = drawn.svg([("span-1", doubt)], 0.5, "scores")
    assert len(svg) < 60_000
    path = re.search(r'class="score" d="M0 ([^"]*)"', svg)
    assert path is not None
    heights = [float(h) for h in re.findall(r"V([\d.]+)", path[1])]
    assert len(heights) == MOST_COLUMNS
    column = 123_456 * MOST_COLUMNS // count
    assert [i for i, height in enumerate(heights) if height > 50] == [column]
    assert heights[column] == pytest.approx(95)
    mark = re.search(r'class="doubt" x="([\d.]+)" y="0" width="([\d.]+)"', svg)
    assert mark is not None
    x, width = map(float, mark.groups())
    assert x <= column <= x + width
    # Wide enough for a finger on a phone of 375 pixels.
    assert width * 375 / MOST_COLUMNS >= 4


def test_a_timeline_is_interrupted_where_nothing_was_tracked() -> None:
    scores = [FrameScore(i, 0.5, Origin.PROPAGATED, ()) for i in (0, 1, 4)]
    svg = Timeline(range(6), scores, (), ()).svg([], 0.7, "scores")
    assert 'd="M0 50V50h1V50h1M4 50V50h1"' in svg


@pytest.mark.parametrize("count", [1, 2, 7, MOST_OPEN, MOST_OPEN + 1, 100])
def test_a_sheet_shows_both_ends_the_proposed_frame_and_the_neighbours(count: int) -> None:
    frames = tuple(range(10, 10 + count))
    for proposed in frames:
        doubt = Doubt(
            object_id=1,
            name="x",
            frames=frames,
            worst_frame=10,
            worst_score=0.1,
            proposed_frame=proposed,
            reasons=(),
        )
        shown = sheet_frames(doubt, range(200))
        assert {9, 10, frames[-1], frames[-1] + 1, proposed} <= set(shown)
        folded = folded_frames(doubt, shown)
        assert len(shown) == (count if count <= MOST_OPEN else MOST_INSIDE) + 2
        assert shown == sorted(shown)
        assert sorted({*shown, *folded} - {9, 10 + count}) == list(frames)
        assert not set(shown) & set(folded)
    assert sheet_frames(doubt, range(10, 10 + count))[0] == 10


def test_the_command_lists_the_doubts_and_what_settles_them(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = session.project.path
    session.close()
    told = tmp_path / "told.json"
    assert run(["review", str(path), "--json", str(told), "--html", str(tmp_path / "page")]) == 0
    shown = capsys.readouterr().out
    assert "frames 5-8 (00:00:00:05 - 00:00:00:08)" in shown
    assert "--click X,Y@5" in shown
    assert f"wrote {tmp_path / 'page' / 'index.html'}" in shown
    result = json.loads(told.read_text(encoding="utf-8"))
    (span,) = result["spans"]
    assert (span["start"], span["last"], span["worst_score"]) == (5, 8, 0.2)
    assert span["timecodes"] == ["00:00:00:05", "00:00:00:08"]
    assert shlex.split(span["commands"]["approve"])[-2:] == ["--reason", "WHY"]
    assert (result["below"], result["untracked"]) == (0.7, {})
    # What it proposes is done, and then there is nothing left to look at.
    approve = shlex.split(span["commands"]["approve"])[1:]
    assert run(approve) == 1  # WHY stands for a reason, and is none
    assert run([*approve[:-1], "looked at every frame"]) == 0
    capsys.readouterr()
    assert run(["review", str(path)]) == 0
    assert "nothing needs a look" in capsys.readouterr().out
    assert run(["review", str(path), "--below", "0.95"]) == 0
    assert "frames 1-15" in capsys.readouterr().out


def test_a_person_looks_decides_and_the_same_command_goes_on(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, project = tmp_path / "out" / "done.mp4", tmp_path / "out" / "done.mp4.tam"
    out.parent.mkdir()
    # A mask that nobody has confirmed with a second click is doubtful.
    job = ["run", "redact-solid", str(disc_video), "-o", str(out), "--click", disc_click]
    job += ["--out", "6", "--size", "120"]
    assert run(job) == 3
    words = shlex.split(re.findall(r"to see them, .*: (tam-edit .*)", capsys.readouterr().err)[0])
    assert words[:3] == ["tam-edit", "review", str(project)]
    # What the hint proposes is allowed; a place beside the output is not, whatever it is called.
    assert run(words[1:]) == 0
    assert (Path(words[-1]) / "index.html").exists()
    assert run(["review", str(project), "--html", str(out.parent / "page")]) == 1
    assert "must not lie beside what is delivered" in capsys.readouterr().err
    assert sorted(path.name for path in out.parent.iterdir()) == ["done.mp4.tam"]
    assert run(["approve", str(project), "--reason", "looked at every mask"]) == 0
    capsys.readouterr()
    assert run(["history", str(project), "--undo", "2"]) == 0
    assert "6 frames of 'object' are no longer approved" in capsys.readouterr().out
    assert run(job) == 3
    assert run(["approve", str(project), "--reason", "looked again"]) == 0
    assert run(job) == 0
    assert {path.name for path in out.parent.iterdir()} == {"done.mp4", "done.mp4.report.json"}


def luminance(color: str) -> float:
    """Relative luminance of ``#rgb`` or ``#rrggbb`` as WCAG 2 defines it."""
    digits = color.removeprefix("#")
    pairs = [c * 2 for c in digits] if len(digits) == 3 else re.findall("..", digits)
    shares = [int(pair, 16) / 255 for pair in pairs]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_everything_on_the_page_stands_out_in_both_schemes() -> None:
    style = resources.files("tam_edit.review").joinpath("page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert "prefers-color-scheme: dark" in style
    for scheme in (light, dark):
        color = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", scheme))
        for back in ("back", "panel"):
            for text in ("ink", "dim", "accent", "doubt"):
                assert contrast(color[text], color[back]) >= 4.5, (text, back)
            for mark in ("rule", "good"):
                assert contrast(color[mark], color[back]) >= 3, (mark, back)
        assert contrast(color["warn-ink"], color["warn-back"]) >= 7
        # The line of the scores crosses the doubtful part and what is below the threshold.
        assert contrast(color["accent"], color["low"]) >= 3


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")
def test_a_browser_shows_the_page_and_its_script_runs(session: Session, tmp_path: Path) -> None:
    written = session.write_review(tmp_path / "page")
    shot = tmp_path / "shot.png"
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1200,3000",
            "--dump-dom",
            f"--screenshot={shot}",
            written.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = Page(done.stdout)
    assert "has-script" in found.all("html")[0]["class"]
    assert "Refused to" not in done.stderr
    assert yellow(np.asarray(Image.open(shot).convert("RGB")).astype(int)).sum() > 50
