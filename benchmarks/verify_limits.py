"""What the verify step measures on real clips: of right renders, and of covers that are missing.

Usage: python benchmarks/verify_limits.py SHARED_DATA
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from machine import write_result

from tam_edit.frame import Frame
from tam_edit.media import Source, open_source
from tam_edit.media.file_sink import FileSink
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.recipe import parse_recipe
from tam_edit.render import RenderJob, render, verify
from tam_edit.session import Session
from tam_edit.types import Box

FRAMES = 60
BOXES = {
    "street": (Box(463, 120, 512, 270), Box(530, 122, 578, 270)),
    "01_dog": (Box(454, 380, 704, 551),),
    "19_cyclist": (Box(374, 318, 721, 720),),
}
EFFECTS = {
    "fill": 'effect = "fill"',
    "pixelate": 'effect = "pixelate"',
    "blur": 'effect = "blur"',
    "weak blur": 'effect = "blur"\nwith = { strength = 0.5 }',
}
FORMATS = {
    "ffv1": ('format = "ffv1"', "mkv"),
    "h264 crf 17": ("codec_options = { crf = 17 }", "mp4"),
    "h264 crf 30": ("codec_options = { crf = 30 }", "mp4"),
}
RECIPE = """
schema = "tam_edit.recipe/1"
title = "Cover"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
margin_frac = 0.05
{effect}
[[steps]]
kind = "export"
copy_sound = false
{format}
[[steps]]
kind = "verify"
outside_psnr_db = 0
"""


def measured(session: Session, effect: str, kind: str, folder: Path) -> dict[str, list[float]]:
    """Every frame's and cover's value in one render, and how they are distributed."""
    seen: dict[str, list[float]] = {}
    result = verify._Check.result

    def kept(self: verify._Check, frame_count: int) -> verify.Verified:
        seen["psnr"] = [value for value, _ in self._psnr]
        seen["correlation"] = [value for value, _ in self._correlation]
        return result(self, frame_count)

    text, extension = FORMATS[kind]
    recipe = parse_recipe(RECIPE.format(effect=EFFECTS[effect], format=text), "the benchmark's")
    job = RenderJob(
        recipe=recipe,
        tracks=session.project.track_set(),
        names=session.project.objects(),
        in_frame=0,
        out_frame=FRAMES,
    )
    verify._Check.result = kept  # type: ignore[method-assign]
    try:
        render(session.source, job, folder / f"out.{extension}", overwrite=True)
    finally:
        verify._Check.result = result  # type: ignore[method-assign]
    quantiles = {"psnr": (0, 0.05, 0.5), "correlation": (0, 0.05, 0.5, 0.95, 1)}
    return {
        name: [round(float(np.quantile(seen[name], q)), 3) for q in at]
        for name, at in quantiles.items()
    }


@contextmanager
def nothing_covered(source: Source) -> Iterator[None]:
    """The encoder gets the source's own frames."""
    encode = FileSink._encode

    def bare(self: FileSink, frame: Frame) -> None:
        encode(self, source.frame(frame.index))

    FileSink._encode = bare  # type: ignore[method-assign]
    try:
        yield
    finally:
        FileSink._encode = encode  # type: ignore[method-assign]


def main() -> None:
    """Track, render and measure each clip."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    videos = parser.parse_args().shared / "data" / "videos"
    table: dict[str, dict[str, dict[str, list[float]]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip, boxes in BOXES.items():
            video, project = videos / f"{clip}.mp4", folder / f"{clip}.tam"
            with Session.create(video, project, out_frame=FRAMES) as session:
                for number, box in enumerate(boxes):
                    prompts = Prompts(box=box)
                    said = ObjectPrompts(object_name=str(number), frame_index=0, prompts=prompts)
                    session.prompt(said)
                session.track()
                rows = table[clip] = {}
                for kind in FORMATS:
                    for effect in EFFECTS:
                        rows[f"{effect}, {kind}"] = measured(session, effect, kind, folder)
                    with open_source(video) as other, nothing_covered(other):
                        rows[f"not covered, {kind}"] = measured(session, "fill", kind, folder)
                print(clip, *rows.items(), sep="\n")
    write_result("verify_limits", {"frames": FRAMES, "clips": table})


if __name__ == "__main__":
    main()
