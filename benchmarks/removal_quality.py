"""The plate that `remove` shows, against the true background and against inpainting each frame."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from machine import write_result
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from tam_edit.effect import AssetReader, ClipInfo, apply
from tam_edit.effects import Remove
from tam_edit.errors import InputError
from tam_edit.flow import dense_flow, single_opencv_thread
from tam_edit.frame import Frame
from tam_edit.media import open_source
from tam_edit.types import box_of

Picture = NDArray[np.uint8]
FRAMES = 60
SIZE = (960, 540)
# Noise of a good camera, and exposure that drifts, for the clips that are made from one picture.
NOISE_LEVELS = 1.5
DRIFT = 0.05
OBJECT_FRAC = 0.33
# Shares of the height and width that the object moves by.
SWAY = 0.12
ACROSS = (0.22, 0.72)
# In the bedroom this is where nobody jumps.
ASIDE = (0.58, 0.85)
TELEA_RADIUS_PX = 5
# The window of SSIM is 7 pixels wide.
SSIM_MARGIN_PX = 8


@dataclass(frozen=True)
class Clip:
    """A made clip: the background, what covers it, and how much."""

    truth: list[Picture]
    shown: list[Picture]
    mattes: list[NDArray[np.float32]]


class ListReader:
    """Frames and mattes that lie in memory."""

    def __init__(self, frames: list[Frame], mattes: list[NDArray[np.float32]]) -> None:
        self._frames, self._mattes = frames, mattes

    def frame(self, index: int) -> Frame:
        """The frame of that index."""
        return self._frames[index]

    def matte(self, index: int) -> NDArray[np.float32]:
        """What covers it."""
        return self._mattes[index]

    def asset(self, name: str) -> AssetReader:
        """None."""
        raise InputError(f"there is no file {name!r}")


def video(path: Path, start: int) -> list[Picture]:
    """Frames of a real video, at the size of this benchmark."""
    with open_source(path) as source:
        return [frame.scaled(*SIZE) for frame in source.frames(start, start + FRAMES)]


def picture_seen(path: Path, view: Callable[[float], NDArray[np.float64]]) -> list[Picture]:
    """One picture through a camera that moves, with noise and drifting exposure."""
    with open_source(path) as source:
        picture = source.frame(0).rgb
    rng = np.random.default_rng(0)
    frames = []
    for i in range(FRAMES):
        share = i / (FRAMES - 1)
        image: Any = cv2.warpPerspective(picture, view(share), SIZE, flags=cv2.INTER_CUBIC)
        light = 1 + DRIFT * np.sin(2 * np.pi * share)
        noisy = image * light + NOISE_LEVELS * rng.standard_normal(image.shape)
        frames.append(np.rint(np.clip(noisy, 0, 255)).astype(np.uint8))
    return frames


def still(_: float) -> NDArray[np.float64]:
    """A camera on a tripod."""
    return np.array([[0.75, 0, 0], [0, 0.75, 0], [0, 0, 1.0]])


def panning(share: float) -> NDArray[np.float64]:
    """A camera that pans over the picture by hand: uneven, slightly turned, slightly zoomed."""
    angle = 0.01 * np.sin(5 * share)
    scale = 1.0 + 0.06 * share
    x = -20 - 260 * share + 3 * np.sin(23 * share)
    y = -80 + 25 * np.sin(4 * share) + 2 * np.sin(31 * share)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1.0]])


def covered(truth: list[Picture], name: Path, span: tuple[float, float]) -> Clip:
    """An object moved over a background, from and to these shares of its width."""
    image: Any = cv2.cvtColor(cv2.imread(str(name.with_suffix(".jpg"))), cv2.COLOR_BGR2RGB)
    mask: Any = (cv2.imread(str(name.with_suffix(".png")), cv2.IMREAD_UNCHANGED) > 0).astype(
        np.float32
    )
    rows, columns = np.nonzero(mask)
    part = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    image, mask = image[part], mask[part]
    width, height = SIZE
    scale = OBJECT_FRAC * height / max(mask.shape)
    shown, mattes = [], []
    for i, below in enumerate(truth):
        share = i / (len(truth) - 1)
        x = width * (span[0] + (span[1] - span[0]) * share)
        y = height * (0.5 + SWAY * np.sin(7 * share))
        matrix = np.array(
            [
                [scale, 0, x - scale * mask.shape[1] / 2],
                [0, scale, y - scale * mask.shape[0] / 2],
            ]
        )
        alpha: Any = cv2.warpAffine(mask, matrix, SIZE, flags=cv2.INTER_LINEAR)
        above: Any = cv2.warpAffine(image, matrix, SIZE, borderMode=cv2.BORDER_REPLICATE)
        mixed = below + (above.astype(np.float32) - below) * alpha[..., None]
        shown.append(np.rint(mixed).astype(np.uint8))
        mattes.append(np.clip(alpha, 0, 1).astype(np.float32))
    return Clip(truth, shown, mattes)


def removed(clip: Clip) -> tuple[list[Picture], dict[str, Any], float]:
    """What the effect shows, its report, and processor seconds a frame, the first look included."""
    frames = [Frame.from_rgb(image, index=i) for i, image in enumerate(clip.shown)]
    reader = ListReader(frames, clip.mattes)
    info = ClipInfo(width=SIZE[0], height=SIZE[1], frame_count=len(frames))
    start = time.process_time()
    run = Remove().begin(info, reader)
    results = [
        apply(run, frame, matte).rgb for frame, matte in zip(frames, clip.mattes, strict=True)
    ]
    elapsed = time.process_time() - start
    return results, dict(run.report()), elapsed / len(frames)


def inpainted(clip: Clip, holes: list[NDArray[np.bool_]]) -> list[Picture]:
    """Each frame by itself, by OpenCV's Telea, in the same holes."""
    return [
        cv2.inpaint(image, hole.view(np.uint8), TELEA_RADIUS_PX, cv2.INPAINT_TELEA)  # type: ignore[misc]
        for image, hole in zip(clip.shown, holes, strict=True)
    ]


def scores(
    results: list[Picture], truth: list[Picture], holes: list[NDArray[np.bool_]]
) -> dict[str, float]:
    """PSNR and SSIM inside the holes, and flicker along the true background's motion."""
    squared, ssim, flicker = [], [], []
    for result, real, hole in zip(results, truth, holes, strict=True):
        squared.append(((result[hole].astype(float) - real[hole]) ** 2).mean())
        box = box_of(hole).grown(SSIM_MARGIN_PX).clipped(*SIZE).slices
        _, values = structural_similarity(result[box], real[box], channel_axis=2, full=True)
        ssim.append(values[hole[box]].mean())
    x, y = np.meshgrid(np.arange(SIZE[0], dtype=np.float32), np.arange(SIZE[1], dtype=np.float32))
    for i in range(len(truth) - 1):
        one, other = (cv2.cvtColor(truth[k], cv2.COLOR_RGB2GRAY) for k in (i, i + 1))
        with single_opencv_thread():
            flow = dense_flow(one, other)  # type: ignore[arg-type]
        maps = (x + flow[..., 0], y + flow[..., 1])
        later: Any = cv2.remap(results[i + 1], *maps, cv2.INTER_LINEAR)
        both = holes[i] & (cv2.remap(holes[i + 1].view(np.uint8), *maps, cv2.INTER_NEAREST) > 0)
        flicker.append(np.abs(results[i][both].astype(float) - later[both]).mean())
    return {
        "psnr_db": round(float(10 * np.log10(255**2 / max(np.mean(squared), 1e-9))), 2),
        "ssim": round(float(np.mean(ssim)), 4),
        "flicker_levels": round(float(np.mean(flicker)), 3),
    }


def measured(clip: Clip, pictures: Path | None) -> dict[str, Any]:
    """One row of the table."""
    results, report, seconds = removed(clip)
    effect = Remove()
    holes = [grown(matte, effect.grow_px, effect.grow_frac) for matte in clip.mattes]
    telea = inpainted(clip, holes)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        for i in range(0, len(results), 10):
            rows = np.hstack((clip.shown[i], results[i])), np.hstack((clip.truth[i], telea[i]))
            cv2.imwrite(str(pictures / f"{i:03}.png"), np.vstack(rows)[..., ::-1])
    ours, theirs = scores(results, clip.truth, holes), scores(telea, clip.truth, holes)
    return {
        "remove": ours,
        "telea": theirs,
        "truth_flicker_levels": scores(clip.truth, clip.truth, holes)["flicker_levels"],
        "gain_db": round(ours["psnr_db"] - theirs["psnr_db"], 2),
        "recovered_frac": round(report["recovered_frac"], 4),
        "invented_frac": round(report["invented_frac"], 4),
        "cpu_seconds_per_frame": round(seconds, 3),
    }


def grown(matte: NDArray[np.float32], px: float, frac: float) -> NDArray[np.bool_]:
    """The pixels that the effect replaces, from its documented parameters alone."""
    away: Any = cv2.distanceTransform(
        (matte < 0.25).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    hole: NDArray[np.bool_] = away <= px + frac * np.sqrt(matte.sum())
    return hole


def main() -> None:
    """Measure every clip and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, help="the folder of shared data")
    parser.add_argument("--only", help="only the clip of that name; nothing is written")
    parser.add_argument("--pictures", type=Path, help="write some frames side by side here")
    options = parser.parse_args()
    videos, objects = options.shared / "data/videos", options.shared / "data/train-objects"
    scene = videos / "01_dog.mp4"
    made: dict[str, tuple[Callable[[], list[Picture]], tuple[float, float]]] = {
        "still picture": (lambda: picture_seen(scene, still), ACROSS),
        "panned picture": (lambda: picture_seen(scene, panning), ACROSS),
        "bedroom, the wall": (lambda: video(videos / "bedroom.mp4", 20), ASIDE),
        "bedroom, the children": (lambda: video(videos / "bedroom.mp4", 20), ACROSS),
        "19_cyclist": (lambda: video(videos / "19_cyclist.mp4", 20), ACROSS),
        "08_driving": (lambda: video(videos / "08_driving.mp4", 20), ACROSS),
    }
    thing = next(objects.glob("coco_dog03*.jpg")).with_suffix("")
    table = {}
    for name, (background, span) in made.items():
        if options.only and options.only != name:
            continue
        folder = options.pictures and options.pictures / name.replace(" ", "-")
        table[name] = measured(covered(background(), thing, span), folder)
        print(name, table[name], flush=True)
    if not options.only:
        write_result("removal_quality", {"frames": FRAMES, "size": SIZE, "clips": table})


if __name__ == "__main__":
    main()
