"""Blurring a tenth of a 1080p picture, against decoding and encoding alone."""

import statistics
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from machine import write_result

from tam_edit.media import open_source
from tam_edit.recipe import parse_recipe
from tam_edit.render import RenderJob, render
from tam_edit.testing.clips import draw_clip, write_clip
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

FRAMES, WIDTH, HEIGHT = 150, 1920, 1080
TRACKING = (854, 480)
AREA_FRAC = 0.1
PAIRS = 7
OPTIONS = {"preset": "veryfast", "crf": "17"}
RECIPE = """
schema = "tam_edit.recipe/1"
title = "Blur, encoded fast"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
effect = "blur"
margin_px = 4
margin_frac = 0.05
[[steps]]
kind = "export"
format = "h264"
codec_options = { preset = "veryfast", crf = "17" }
"""


def bare(source: Path, target: Path) -> None:
    """Decode and encode with PyAV and nothing else; sound is copied."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        pictures, sound = read.streams.video[0], read.streams.audio[0]
        pictures.thread_type = "AUTO"
        video = written.add_stream("libx264", options=dict(OPTIONS))
        video.width, video.height = pictures.width, pictures.height
        video.pix_fmt, video.time_base = "yuv420p", pictures.time_base
        video.codec_context.time_base = pictures.time_base
        copied = written.add_stream_from_template(sound)
        for packet in read.demux(pictures, sound):
            if packet.stream is sound:
                if packet.dts is not None:
                    packet.stream = copied
                    written.mux(packet)
                continue
            for frame in packet.decode():
                frame.pict_type = 0
                written.mux(video.encode(frame))
        written.mux(video.encode(None))


def blurred(source: Path, target: Path, job: RenderJob) -> None:
    """The same with a moving tenth of the picture blurred."""
    with open_source(source) as opened:
        render(opened, job, target, overwrite=True)


def moving_disc() -> MemoryTracks:
    """A soft disc of a tenth of the picture that crosses it."""
    width, height = TRACKING
    radius = np.sqrt(AREA_FRAC * width * height / np.pi)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    tracks = MemoryTracks()
    for index in range(FRAMES):
        x = radius + (width - 2 * radius) * index / (FRAMES - 1)
        away = np.hypot(rows - height / 2, columns - x)
        matte = np.clip(radius - away + 0.5, 0, 1).astype(np.float32)
        entry = TrackedMatte(matte=matte, score=1.0, origin=Origin.PROPAGATED)
        tracks.append(index, {1: entry})
    return tracks


def main() -> None:
    """Measure pairs in turn and write their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "clip.mp4"
        write_clip(draw_clip("demo", frames=FRAMES, width=WIDTH, height=HEIGHT), source)
        job = RenderJob(
            recipe=parse_recipe(RECIPE, "the benchmark's recipe"),
            tracks=moving_disc().track_set(),
            names={1: "disc"},
            in_frame=0,
            out_frame=FRAMES,
        )
        pairs = []
        for _ in range(PAIRS + 1):
            start = time.perf_counter()
            bare(source, folder / "bare.mp4")
            middle = time.perf_counter()
            blurred(source, folder / "blurred.mp4", job)
            pairs.append((middle - start, time.perf_counter() - middle))
        pairs = pairs[1:]
    ratios = [alone / with_blur for alone, with_blur in pairs]
    result = {
        "frames": FRAMES,
        "size": [WIDTH, HEIGHT],
        "bare_fps": round(statistics.median(FRAMES / alone for alone, _ in pairs), 2),
        "blurred_fps": round(statistics.median(FRAMES / with_blur for _, with_blur in pairs), 2),
        "speed_ratio": {
            "median": round(statistics.median(ratios), 3),
            "min": round(min(ratios), 3),
            "max": round(max(ratios), 3),
        },
    }
    write_result("render_speed", result)
    print(result)


if __name__ == "__main__":
    main()
