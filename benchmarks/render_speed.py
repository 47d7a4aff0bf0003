"""Every effect and every export at 1080p, against decoding and encoding alone; memory at 2160p."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from machine import write_result

from tam_edit.media import open_source
from tam_edit.recipe import parse_recipe
from tam_edit.render import RenderJob, render
from tam_edit.testing.clips import draw_clip, write_clip
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

SIZE, LARGE = (1920, 1080), (3840, 2160)
FRAMES, LARGE_FRAMES = 30, 12
TRACKING = (854, 480)
AREA_FRAC = 0.1
PAIRS, BLUR_PAIRS = 2, 7
FAST = {"preset": "veryfast", "crf": "17"}
HEAD = 'schema = "tam_edit.recipe/1"\ntitle = "measured"\n[[steps]]\nkind = "track"\n'
CUT_OUT = '[[steps]]\nkind = "effect"\neffect = "background-remove"\n'
MARGIN = "margin_px = 4\nmargin_frac = 0.05\n"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that is measured.

    Attributes:
        steps: Steps of a recipe as TOML, after the one that tracks.
        target: Name of the output.
        codec: FFmpeg's encoder for the bare loop; ``"png"`` for files of OpenCV's PNG, ``""`` for
            none: decoding alone.
        pixel_format: What that encoder is given.
        options: Its settings.
        keeps_sound: Whether sound is copied in both.
    """

    steps: str
    target: str = "out.mp4"
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=lambda: FAST)
    keeps_sound: bool = True


def with_effect(effect: str, more: str = "", parameters: str = "") -> Case:
    """An effect, written as H.264 with fast settings."""
    settings = ", ".join(f'{name} = "{value}"' for name, value in FAST.items())
    return Case(
        steps=f'[[steps]]\nkind = "effect"\neffect = "{effect}"\n{more}'
        + (f"with = {{ {parameters} }}\n" if parameters else "")
        + f'[[steps]]\nkind = "export"\nformat = "h264"\ncodec_options = {{ {settings} }}\n'
    )


def export(what: str, **case: Any) -> Case:
    """An output of the cut-out or of the matte."""
    step = f'[[steps]]\nkind = "export"\n{what}'
    return Case(steps=step if 'what = "' in what else CUT_OUT + step, **case)


PRORES = {"profile": "4", "alpha_bits": "16", "vendor": "apl0"}
VP9 = {"crf": "18", "b": "0", "auto-alt-ref": "0", "row-mt": "1", "cpu-used": "2"}
FFV1 = {"level": "3", "g": "1", "slicecrc": "1"}
LUMA = 'what = "luma"\n'
CASES = {
    "blur": with_effect("blur", MARGIN),
    "pixelate": with_effect("pixelate", MARGIN),
    "fill": with_effect("fill", MARGIN),
    "outline": with_effect("outline"),
    "desaturate-background": with_effect("desaturate-background"),
    "background-blur": with_effect("background-blur"),
    "background-blur, lens": with_effect("background-blur", parameters='look = "lens"'),
    "background-replace": with_effect("background-replace", parameters='color = "green"'),
    "remove": with_effect("remove"),
    "prores4444": export(
        'format = "prores4444"\n',
        target="out.mov",
        codec="prores_ks",
        pixel_format="yuva444p10le",
        options=PRORES,
    ),
    "webm-alpha": export(
        'format = "vp9-alpha"\ncopy_sound = false\n',
        target="out.webm",
        codec="libvpx-vp9",
        pixel_format="yuva420p",
        options=VP9,
        keeps_sound=False,
    ),
    "ffv1": export(
        'format = "ffv1"\n',
        target="out.mkv",
        codec="ffv1",
        pixel_format="yuva420p",
        options=FFV1,
    ),
    "png": export('format = "png"\n', target="png/", codec="png", keeps_sound=False),
    "luma, H.264": export(LUMA, target="luma.mp4", codec="libx264", options={}, keeps_sound=False),
    "luma, FFV1": export(
        LUMA, target="luma.mkv", codec="ffv1", pixel_format="gray", options=FFV1, keeps_sound=False
    ),
    "exr": export(LUMA + 'format = "exr"\n', target="exr/", codec="", keeps_sound=False),
    "davis-png": export('what = "masks"\n', target="masks", codec="", keeps_sound=False),
}


def bare(source: Path, target: Path, case: Case) -> None:
    """Decode and encode with PyAV or OpenCV and nothing else."""
    if case.codec in ("", "png"):
        target.mkdir(exist_ok=True)
        with av.open(str(source)) as read:
            for number, frame in enumerate(read.decode(video=0)):
                if case.codec:
                    alpha = frame.to_ndarray(format="gray")
                    picture = np.dstack([frame.to_ndarray(format="bgr24"), alpha])
                    compression = [cv2.IMWRITE_PNG_COMPRESSION, 1]
                    cv2.imwrite(str(target / f"{number:05}.png"), picture, compression)
        return
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        pictures, sound = read.streams.video[0], read.streams.audio[0]
        pictures.thread_type = "AUTO"
        video = written.add_stream(case.codec, options=dict(case.options))
        video.width, video.height = pictures.width, pictures.height
        video.pix_fmt, video.time_base = case.pixel_format, pictures.time_base
        video.codec_context.time_base = pictures.time_base
        video.codec_context.thread_type = "AUTO"
        copied = written.add_stream_from_template(sound) if case.keeps_sound else None
        streams = (pictures, sound) if case.keeps_sound else (pictures,)
        for packet in read.demux(*streams):
            if packet.stream is sound:
                if packet.dts is not None and copied is not None:
                    packet.stream = copied
                    written.mux(packet)
                continue
            for frame in packet.decode():
                frame.pict_type = 0
                written.mux(video.encode(frame.reformat(format=case.pixel_format)))
        written.mux(video.encode(None))


def ours(source: Path, target: str, case: Case, frames: int) -> None:
    """The same through a recipe."""
    job = RenderJob(
        recipe=parse_recipe(HEAD + case.steps, "the benchmark's recipe"),
        tracks=moving_disc(frames).track_set(),
        names={1: "disc"},
        in_frame=0,
        out_frame=frames,
    )
    with open_source(source) as opened:
        render(opened, job, target, overwrite=True)


def moving_disc(frames: int) -> MemoryTracks:
    """A soft disc of a tenth of the picture that crosses it."""
    width, height = TRACKING
    radius = np.sqrt(AREA_FRAC * width * height / np.pi)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    tracks = MemoryTracks()
    for index in range(frames):
        x = radius + (width - 2 * radius) * index / (frames - 1)
        away = np.hypot(rows - height / 2, columns - x)
        matte = np.clip(radius - away + 0.5, 0, 1).astype(np.float32)
        entry = TrackedMatte(matte=matte, score=1.0, origin=Origin.PROPAGATED)
        tracks.append(index, {1: entry})
    return tracks


def measured(source: Path, folder: Path, name: str, case: Case) -> dict[str, Any]:
    """Pairs in turn, after one to warm up, and the ratio of each."""
    is_folder = case.target.endswith("/") or "." not in case.target
    alone = folder / ("bare" if is_folder else f"bare{Path(case.target).suffix}")
    pairs = []
    for _ in range((BLUR_PAIRS if name == "blur" else PAIRS) + 1):
        start = time.perf_counter()
        bare(source, alone, case)
        middle = time.perf_counter()
        ours(source, f"{folder}/{case.target}", case, FRAMES)
        pairs.append((middle - start, time.perf_counter() - middle))
    pairs = pairs[1:]
    ratios = [one / other for one, other in pairs]
    return {
        "bare_fps": round(statistics.median(FRAMES / one for one, _ in pairs), 2),
        "fps": round(statistics.median(FRAMES / other for _, other in pairs), 2),
        "speed_ratio": {
            "median": round(statistics.median(ratios), 3),
            "min": round(min(ratios), 3),
            "max": round(max(ratios), 3),
        },
    }


def peak_mb(source: Path, folder: Path, name: str, who: str) -> int:
    """The most memory that a process of its own held for one case, in MB."""
    command = [sys.executable, __file__, "--peak", name, who, str(source), str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(told.stdout)


def hold(name: str, who: str, source: Path, folder: Path) -> None:
    """Carry out one case and print the most memory that this process held, in MB."""
    case = CASES[name]
    if who == "bare":
        bare(source, folder / f"large-bare-{case.target.removesuffix('/')}", case)
    else:
        ours(source, f"{folder}/large-{case.target}", case, LARGE_FRAMES)
    # Unlike what getrusage says, this begins anew with the program.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)


def main() -> None:
    """Measure every case, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=CASES, help="only this one; nothing is written")
    parser.add_argument("--peak", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        hold(*given.peak[:2], *map(Path, given.peak[2:]))
        return
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source, large = folder / "clip.mp4", folder / "large.mp4"
        for path, size, frames in ((source, SIZE, FRAMES), (large, LARGE, LARGE_FRAMES)):
            write_clip(draw_clip("demo", frames=frames, width=size[0], height=size[1]), path)
        for name, case in CASES.items():
            if given.only in (None, name):
                result[name] = measured(source, folder, name, case)
                for who in ("bare", "ours"):
                    result[name][f"{who}_peak_mb_2160p"] = peak_mb(large, folder, name, who)
                print(name, result[name], flush=True)
    if given.only is None:
        sizes = {"size": SIZE, "frames": FRAMES, "large": LARGE, "large_frames": LARGE_FRAMES}
        write_result("render_speed", {**sizes, "cases": result})


if __name__ == "__main__":
    main()
