"""Mattes of tracked clips against their true alpha: hard, interpolated, following the picture.

Usage: python benchmarks/matte_edges.py SHARED_DATA
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from composed_clips import Clip, Floats, composed
from machine import write_result
from scipy import ndimage

from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.recipe import parse_recipe
from tam_edit.session import Session

FRAMES = 24
GRADIENT_SIGMA = 1.4  # Rhemann et al., "A Perceptually Motivated Online Benchmark", CVPR 2009
# The camera's and the codec's borders say nothing about the object's edge.
BORDER_PX = 2
FOLLOW = "follow_edges_frac = 0.015"
WAYS = {
    "bilinear": "",
    "follow": FOLLOW,
    "follow, steady": f"smooth_frames = 1\n{FOLLOW}",
    "closed form": f"{FOLLOW}\nclosed_form_frac = 0.02",
}
RECIPE = """
schema = "tam_edit.recipe/1"
title = "Cut out"
[[steps]]
kind = "track"
{matte}
[[steps]]
kind = "effect"
effect = "background-remove"
[[steps]]
kind = "export"
format = "png"
"""
MATTE = '[[steps]]\nkind = "matte"\n'
HARD = """
schema = "tam_edit.recipe/1"
title = "Masks"
[[steps]]
kind = "track"
[[steps]]
kind = "export"
what = "masks"
"""


def tracked(clip: Clip, folder: Path) -> Session:
    """The clip as a video, tracked by the built-in model from its true first mask."""
    video = folder / "clip.mp4"
    clip.write(video)
    session = Session.create(video, folder / "clip.tam", model="builtin", overwrite=True)
    mask = clip.alpha(0) >= 0.5
    session.prompt(
        ObjectPrompts(object_name="it", frame_index=0, prompts=Prompts(mask=mask)),
    )
    session.track()
    return session


def hard_masks(session: Session, folder: Path) -> list[Floats]:
    """The masks as the folder of DAVIS pictures has them."""
    session.render(parse_recipe(HARD, "the benchmark's"), folder / "masks")
    read: list[Any] = [
        cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        for path in sorted((folder / "masks").rglob("*.png"))
    ]
    return [np.asarray((each if each.ndim == 2 else each.max(-1)) > 0, np.float32) for each in read]


def rendered(session: Session, fields: str, folder: Path) -> tuple[list[Floats], float]:
    """The alpha of the rendered pictures, and processor seconds a frame for all of it."""
    text = RECIPE.format(matte=MATTE + fields if fields else "")
    place = folder / "cut-out"
    start = time.process_time()
    session.render(parse_recipe(text, "the benchmark's"), place, overwrite=True)
    seconds = time.process_time() - start
    read: list[Any] = [
        cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(place.glob("*.png"))
    ]
    mattes = [np.asarray(each[..., 3] / np.iinfo(each.dtype).max, np.float32) for each in read]
    return mattes, seconds / len(mattes)


def slope(matte: Floats) -> Floats:
    """Magnitude of the Gaussian derivative."""
    across, down = (
        ndimage.gaussian_filter(matte, GRADIENT_SIGMA, order=order) for order in ((0, 1), (1, 0))
    )
    return np.asarray(np.hypot(across, down), np.float32)


def measured(mattes: Sequence[Floats], clip: Clip) -> dict[str, float]:
    """SAD and gradient error per frame, both in thousands as is usual, and flicker.

    The first frame, whose mask was given, does not count. Flicker is the sum of absolute
    differences between a matte and the next one, warped along the known motion, in thousands.
    """
    sad, gradient, flicker = [], [], []
    for index in range(1, clip.frames):
        truth = clip.alpha(index)
        sad.append(np.abs(mattes[index] - truth).sum())
        gradient.append(((slope(mattes[index]) - slope(truth)) ** 2).sum())
        if index + 1 < clip.frames:
            difference = np.abs(_moved_back(mattes[index + 1], clip, index) - mattes[index])
            inner = difference[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
            flicker.append(inner.sum())
    return {
        "sad": float(np.mean(sad)) / 1000,
        "gradient": float(np.mean(gradient)) / 1000,
        "flicker": float(np.mean(flicker)) / 1000,
    }


def _moved_back(matte: Floats, clip: Clip, index: int) -> Floats:
    """The matte of the frame after, where it was on this one."""
    now, then = (np.vstack([clip.matrix(each), [0, 0, 1]]) for each in (index, index + 1))
    matrix = (now @ np.linalg.inv(then))[:2]
    warped = cv2.warpAffine(
        matte, matrix, clip.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.float32)


def compared(clip: Clip, folder: Path) -> dict[str, dict[str, float]]:
    """One row of the table: the hard mask's values, and the other ways as shares of them."""
    with tracked(clip, folder) as session:
        hard = measured(hard_masks(session, folder), clip)
        row = {"hard": {name: round(value, 4) for name, value in hard.items()}}
        ways: dict[str, tuple[list[Floats], float]] = {
            name: rendered(session, fields, folder) for name, fields in WAYS.items()
        }
    ways["truth"] = ([clip.alpha(index) for index in range(clip.frames)], 0.0)
    for name, (mattes, seconds) in ways.items():
        values = measured(mattes, clip)
        row[name] = {key: round(value / hard[key], 3) for key, value in values.items()}
        if name not in ("bilinear", "truth"):
            row[name]["added_ms"] = round(1000 * (seconds - ways["bilinear"][1]), 1)
    return row


def mean_of(table: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The mean of the shares over all clips."""
    rows = list(table.values())
    return {
        way: {key: round(float(np.mean([row[way][key] for row in rows])), 3) for key in values}
        for way, values in rows[0].items()
        if way != "hard"
    }


def main() -> None:
    """Measure every clip and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, help="the folder of shared data")
    parser.add_argument("--only", help="only clips with this in their name; nothing is written")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    table = {}
    for name, clip in composed(options.shared / "data", FRAMES):
        if options.only and options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            table[name] = compared(clip, Path(folder))
        print(name, *table[name].items(), sep="\n  ", flush=True)
    print("mean", *mean_of(table).items(), sep="\n  ")
    if not options.only:
        result = {"frames": FRAMES, "ways": WAYS, "clips": table, "mean": mean_of(table)}
        write_result("matte_edges", result)


if __name__ == "__main__":
    main()
