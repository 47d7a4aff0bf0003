"""Fixtures that several test files use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.export import ExportJob
from tam_edit.frame import Frame, to_av
from tam_edit.masks.clicks import first_click
from tam_edit.media import open_source
from tam_edit.pixels import ColorTags, PixelLayout
from tam_edit.project import Project
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte
from tam_edit.types import Matte
from tests.judged_masks import HEIGHT, WIDTH
from tests.known_jobs import SHOT, KnownJob, KnownPropagator
from tests.made_projects import make
from tests.marked_sessions import marked_session
from tests.review_pages import HOSTILE, WRONG, right, wrong

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """As many tests run at once as there are cores: each keeps to one of them."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def no_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever is installed on this machine, tests find no weights but those they put there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAM_EDIT_WEIGHTS", str(tmp_path_factory.mktemp("weights")))
        yield


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch adds in one order, on one thread, until the test is over."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips and reference outputs, beside the checkout or named by a variable.

    In CI it must be there; elsewhere a test that needs it is skipped.
    """
    place = Path(os.environ.get("TAM_EDIT_SHARED", CHECKOUT.parent / "shared"))
    if place.is_dir():
        return place
    reason = f"no shared data at {place}: set TAM_EDIT_SHARED to the folder that holds it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def disc() -> DrawnClip:
    """A small drawn clip: one disc moves over a textured background."""
    return draw_clip("disc", frames=16)


@pytest.fixture(scope="session")
def clip() -> DrawnClip:
    """A disc, 72 pixels across, that moves a few pixels a frame."""
    return draw_clip("disc", frames=16, width=WIDTH, height=HEIGHT)


@pytest.fixture(scope="session")
def disc_video(disc: DrawnClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn disc as an H.264 file with sound; not to be changed."""
    path = tmp_path_factory.mktemp("disc") / "disc.mp4"
    write_clip(disc, path)
    return path


@pytest.fixture(scope="session")
def disc_click(disc: DrawnClip) -> str:
    """A click on the middle of the disc on the first frame, as it is typed."""
    x, y = first_click(disc.mask(1, 0))
    return f"{x:g},{y:g}"


@pytest.fixture(scope="session")
def sam_state() -> dict[str, Any]:
    """The tensors of a small Segment Anything network, drawn at random."""
    from tests.made_sam import drawn_state

    return drawn_state()


@pytest.fixture(scope="session")
def sam_network(sam_state: dict[str, Any]) -> Any:
    """The network of these tensors."""
    from tam_edit.models.sam import SamNetwork

    return SamNetwork.from_state(sam_state, "cpu")


@pytest.fixture(scope="session")
def sam_embeddings() -> dict[bytes, Any]:
    """What the network has seen in pictures so far."""
    return {}


@pytest.fixture
def sam(sam_network: Any, sam_embeddings: dict[bytes, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A new segmenter; what it sees in a picture is kept from test to test."""
    from tam_edit.models.sam import SamSegmenter

    made = SamSegmenter(sam_network)
    encode = made.predictor.encode

    def remembered(image: Any) -> Any:
        key = image.tobytes()
        if key not in sam_embeddings:
            sam_embeddings[key] = encode(image)
        return sam_embeddings[key]

    monkeypatch.setattr(made.predictor, "encode", remembered)
    return made


@pytest.fixture(scope="module")
def frame() -> Frame:
    """Smooth noise for the small Segment Anything network."""
    from tests.made_sam import picture

    return Frame.from_rgb(picture())


@pytest.fixture
def tam_path(tmp_path: Path) -> Path:
    """Where a project may be made, in a folder of its own."""
    return tmp_path / "shot.tam"


@pytest.fixture
def project(tam_path: Path) -> Iterator[Project]:
    """A project with one object and nothing said or tracked yet."""
    with make(tam_path) as made:
        made.add_object("dog")
        yield made


@pytest.fixture
def job(disc_video: Path, disc: DrawnClip, tam_path: Path) -> Iterator[KnownJob]:
    """The drawn disc to be followed by models whose every answer is known."""
    with open_source(disc_video) as source, Project.create(tam_path, **SHOT) as made:
        yield KnownJob(source, made, KnownPropagator(disc))


@pytest.fixture
def session(disc_video: Path, disc: DrawnClip, tam_path: Path) -> Iterator[Session]:
    """A session whose every mask tells its keyframe; nothing is said yet."""
    with marked_session(disc_video, disc, tam_path) as opened:
        yield opened


@pytest.fixture
def doubtful(disc_video: Path, disc: DrawnClip, tmp_path: Path) -> Iterator[Session]:
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


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """Run a command that must fail; gives the sentence and checks that nothing was left."""

    def run_it(*arguments: str | Path, code: int = 1, leaves: tuple[str, ...] = ()) -> str:
        before = {p.name for p in tmp_path.iterdir()}
        assert run([str(a) for a in arguments]) == code
        left = {p.name for p in tmp_path.iterdir()} - before
        assert left == set(leaves), f"left behind: {left}"
        told = capsys.readouterr().err
        assert "Traceback" not in told
        if code == 1:
            errors = [line for line in told.splitlines() if line.startswith("error: ")]
            assert len(errors) == 1
        return told

    return run_it


BT709 = ColorTags(primaries=1, transfer=1, matrix=1, full_range=False)


@dataclass(frozen=True, kw_only=True)
class ShotFacts:
    """What a made shot is like."""

    size: tuple[int, int] = (64, 48)
    pix_fmt: str = "yuv420p"
    tags: ColorTags = BT709
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    pts: tuple[int, ...] | None = None
    sound: str = "stereo"
    params: str = ""
    name: str = "shot.mov"


class MadeShot:
    """A video with timecode and sound, and the soft mattes of two objects on frames 3 to 9."""

    count, in_frame, out_frame = 12, 3, 10
    names: ClassVar[dict[int, str]] = {1: "disc", 2: "a tile"}

    def __init__(self, folder: Path, facts: ShotFacts) -> None:
        self.facts = facts
        self.path = folder / facts.name
        _write_shot(self.path, facts, self.count)
        self.source = open_source(self.path)
        self._tracks = MemoryTracks()
        for index in range(self.in_frame, self.out_frame):
            entries = {
                object_id: TrackedMatte(
                    matte=self.matte((object_id,), index), score=0.9, origin=Origin.PROPAGATED
                )
                for object_id in self.names
            }
            self._tracks.append(index, entries)

    def matte(self, object_ids: tuple[int, ...], index: int) -> Matte:
        """The union, float32 (H, W), in display orientation; empty outside of the work."""
        info = self.source.info
        union = np.zeros((info.height, info.width), np.float32)
        if not self.in_frame <= index < self.out_frame:
            return union
        y, x = np.mgrid[: info.height, : info.width].astype(np.float32)
        if 1 in object_ids:
            away = np.hypot(x - 0.35 * info.width - index, y - 0.5 * info.height)
            union = np.clip((0.3 * info.height - away) / 4 + 0.5, 0, 1)
        if 2 in object_ids:
            tile = (x > 0.7 * info.width) & (y < 0.4 * info.height)
            union = np.maximum(union, tile.astype(np.float32))
        # Tracks keep 8 bits a pixel.
        return (np.rint(union * 255) / 255).astype(np.float32)

    def job(self, **changes: Any) -> ExportJob:
        """Everything an export needs to know."""
        job = ExportJob(
            source=self.source,
            reader=self._tracks,
            names=self.names,
            in_frame=self.in_frame,
            out_frame=self.out_frame,
        )
        return replace(job, **changes)


@pytest.fixture(scope="session")
def make_shot(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[ShotFacts], MadeShot]]:
    """Makes shots, each once."""
    made: dict[ShotFacts, MadeShot] = {}

    def make(facts: ShotFacts) -> MadeShot:
        if facts not in made:
            made[facts] = MadeShot(tmp_path_factory.mktemp("shot"), facts)
        return made[facts]

    yield make
    for shot in made.values():
        shot.source.close()


@pytest.fixture(scope="session")
def shot_facts() -> type[ShotFacts]:
    """What ``make_shot`` takes."""
    return ShotFacts


@pytest.fixture(scope="session")
def shot(make_shot: Callable[[ShotFacts], MadeShot]) -> MadeShot:
    """The made shot as it is when nothing else is said."""
    return make_shot(ShotFacts())


@pytest.fixture(scope="session")
def export_job(shot: MadeShot) -> ExportJob:
    """All of the made shot, to be exported."""
    return shot.job()


def _write_shot(path: Path, facts: ShotFacts, count: int) -> None:
    layout = PixelLayout.of(facts.pix_fmt)
    rng = np.random.default_rng(7)
    options = {"crf": "10", "preset": "veryfast", "x264-params": facts.params}
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=Fraction(24000, 1001), options=options)
        stream.width, stream.height = facts.size
        stream.pix_fmt = facts.pix_fmt
        stream.metadata["timecode"] = "01:00:00:00"
        context = stream.codec_context
        context.time_base = stream.time_base = Fraction(1, 24000)
        context.sample_aspect_ratio = facts.aspect
        context.color_primaries, context.color_trc = facts.tags.primaries, facts.tags.transfer
        context.colorspace = facts.tags.matrix
        context.color_range = 2 if facts.tags.full_range else 1
        if facts.rotation:
            stream.set_display_rotation(facts.rotation)
        sound = None
        if facts.sound:
            sound = output.add_stream("aac", rate=48000, layout=facts.sound)
        for index in range(count):
            planes = []
            for k in range(layout.plane_count):
                step_x, step_y = layout.step(k)
                shape = (-(-facts.size[1] // step_y), -(-facts.size[0] // step_x))
                ramp = np.linspace(0.3 + 0.1 * k, 0.6, shape[1]) + 0.01 * index
                noisy = ramp + rng.normal(0, 0.01, shape)
                planes.append((noisy.clip(0.1, 0.9) * layout.max_value).astype(layout.dtype))
            picture = to_av(planes, layout, facts.tags)
            picture.pts = index * 1001 if facts.pts is None else facts.pts[index]
            picture.time_base = Fraction(1, 24000)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
        if sound is not None:
            channels = sound.layout.nb_channels
            for block in range(24):
                wave = rng.normal(0, 0.1, (channels, 1024)).astype(np.float32)
                samples = av.AudioFrame.from_ndarray(wave, format="fltp", layout=facts.sound)
                samples.sample_rate, samples.pts = 48000, block * 1024
                output.mux(sound.encode(samples))
            output.mux(sound.encode(None))
