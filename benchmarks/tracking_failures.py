"""Where the paper's own method fails: long videos, and holes and thin parts of an object."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machine import write_result
from scipy import ndimage

from tam_edit.evaluate import Truth, evaluate, find_sequences
from tam_edit.evaluate.clicking import INSIDE_FROM
from tam_edit.masks.measure import iou
from tam_edit.masks.ops import grow, shrink
from tam_edit.models import load_models
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.types import Mask

SHARED = Path(os.environ.get("TAM_EDIT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
MODEL = "builtin"
LONG = ("parkour", "dog")
LONG_FRAMES = 1000
MOST_LOST = 0.05  # of J, from the first pass to the last
WITH_HOLES = "bmx-trees"
HOLE_PX = 9
THIN_PX = 3  # thin is what an opening with a disc of this radius takes away


def there_and_back(count: int, wanted: int) -> list[int]:
    """Frame numbers from the first to the last and back again, over and over, ``wanted`` of them.

    A pass is from one end to the other; two passes share the frame they meet at.
    """
    cycle = [*range(count), *range(count - 2, 0, -1)]
    return [cycle[place % len(cycle)] for place in range(wanted)]


def link_long_sequence(folder: Path, target: Path) -> int:
    """Make a long sequence of links to the files of a short one; the frames of one pass."""
    length = 0
    for part in ("frames", "masks"):
        files = sorted((folder / part).iterdir())
        (target / part).mkdir(parents=True)
        for place, index in enumerate(there_and_back(len(files), LONG_FRAMES)):
            link = target / part / f"{place:05d}{files[index].suffix}"
            link.symlink_to(files[index])
        length = len(files) - 1
    return length


def long_videos(data: Path) -> dict[str, Any]:
    """J of every pass over a sequence that is played there and back."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        lengths = {n: link_long_sequence(data / n, Path(name) / n) for n in LONG}
        report = evaluate(find_sequences(Path(name)), load_models(MODEL))
    for sequence, length in lengths.items():
        # The first value is that of frame 1: the first frame was given.
        j = report.sequences[sequence].objects[1].j
        whole = len(j) // length
        passes = [float(np.mean(j[k * length : (k + 1) * length])) for k in range(whole)]
        lost = passes[0] - passes[-1]
        found[sequence] = {
            "frames": LONG_FRAMES,
            "frames_a_pass": length,
            "j_of_each_pass": [round(value, 4) for value in passes],
            "lost": round(lost, 4),
            "keeps_promise": lost <= MOST_LOST,
            "frames_per_second": round(report.sequences[sequence].fps, 2),
            "cuts_found": list(report.sequences[sequence].cuts),
        }
    return {**found, "peak_rss_mb": round(report.peak_rss_mb, 1)}


def holes_of(truth: Mask) -> tuple[Mask, Mask]:
    """The object with its holes filled, and the holes of at least ``HOLE_PX`` pixels."""
    filled = ndimage.binary_fill_holes(truth)
    labels, count = ndimage.label(filled & ~truth)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    is_large = sizes >= HOLE_PX
    is_large[0] = False
    return filled, is_large[labels]


def holes_and_thin_parts(data: Path) -> dict[str, Any]:
    """How well holes are left out and thin parts are found, frame by frame."""
    sequence = next(s for s in find_sequences(data) if s.name == WITH_HOLES)
    truth = Truth(sequence)
    j, recall, thin_recall, sizes = [], [], [], []
    common = either = 0
    with (
        tempfile.TemporaryDirectory() as name,
        Session.create(sequence.frames_folder, Path(name) / "shot.tam", model=MODEL) as shot,
    ):
        given = Prompts(mask=truth.masks(0)[1])
        shot.prompt(ObjectPrompts(object_name="object", frame_index=0, prompts=given))
        shot.track()
        track = shot.mask_track("object")
        for index in range(1, truth.frame_count - 1):
            mask = truth.masks(index)[1]
            rows, columns = mask.shape
            found = track.matte(index, columns, rows) >= INSIDE_FROM
            thin = mask & ~grow(shrink(mask, radius_px=THIN_PX), radius_px=THIN_PX)
            if thin.any():
                thin_recall.append(float(found[thin].mean()))
            filled, holes = holes_of(mask)
            if holes.any():
                # Of a predicted hole only the part in the filled object can be told from
                # the background; a missed part of the object counts as a wrong hole.
                left_out = filled & ~found
                j.append(iou(holes, left_out))
                recall.append(float(left_out[holes].mean()))
                sizes.append(int(holes.sum()))
                common += int((holes & left_out).sum())
                either += int((holes | left_out).sum())
    return {
        "sequence": WITH_HOLES,
        "frames_with_holes": len(j),
        "mean_hole_pixels": round(float(np.mean(sizes)), 1),
        "j_in_holes": round(float(np.mean(j)), 4),
        "j_in_holes_all_pixels": round(common / either, 4),
        "recall_of_holes": round(float(np.mean(recall)), 4),
        "recall_of_thin_parts": round(float(np.mean(thin_recall)), 4),
    }


def main() -> None:
    """Measure both and write them."""
    data = SHARED / "data" / "davis16-dev"
    if not data.is_dir():
        sys.exit(f"there is no folder {data}: set TAM_EDIT_SHARED to the folder with the data")
    result = {
        "model": MODEL,
        "holes_and_thin_parts": holes_and_thin_parts(data),
        "long_videos": long_videos(data),
    }
    write_result("tracking_failures", result)
    print(result)


if __name__ == "__main__":
    main()
