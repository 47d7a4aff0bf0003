"""How much of the old background is left in a soft edge, beside PyMatting's estimate."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from machine import write_result
from PIL import Image

from tam_edit.masks.foreground import estimate_colours

OBJECTS = 16
OBJECT_MIN_PX = 500


class Case(NamedTuple):
    """A composite whose parts are known, and the matte that the estimate is given."""

    kind: str
    foreground: Any
    background: Any
    true_alpha: Any
    alpha: Any


def read(path: Path, mode: str = "RGB") -> Any:
    """A picture, 0 to 255."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert(mode)).astype(np.float32)


def soft(matte: Any, sigma_px: float) -> Any:
    """A matte with a softer edge."""
    return np.clip(cv2.GaussianBlur(matte, (0, 0), sigma_px), 0, 1)


def extended(image: Any, mask: Any) -> Any:
    """The object's colours past its outline, so that they are known in all of a soft edge."""
    result, known = image.copy(), mask > 0
    for sigma_px in (2, 4, 8, 16, 32):
        weight = cv2.GaussianBlur(mask, (0, 0), sigma_px)
        colours = cv2.GaussianBlur(image * mask[..., None], (0, 0), sigma_px)
        is_new = ~known & (weight > 0.02)
        result[is_new] = (colours / np.maximum(weight, 1e-6)[..., None])[is_new]
        known |= is_new
    return result


def cases(data: Path) -> Iterator[Case]:
    """Composites of real pictures, with the right matte and with wrong ones."""
    truth = read(data / "matting" / "lemur_foreground.png")
    alpha = read(data / "matting" / "lemur_alpha.png", "L") / np.float32(255)
    size = alpha.shape[::-1]
    regions = sorted((data / "train-regions").glob("*.jpg"))[:5]
    behind = [cv2.resize(read(path), size) for path in regions]
    behind.append(np.full_like(truth, (25, 230, 50)))
    for background in behind:
        yield Case("hair", truth, background, alpha, alpha)
    objects = sorted((data / "train-objects").glob("coco_*.jpg"))
    for i, path in enumerate(objects[:: len(objects) // OBJECTS]):
        image = read(path)
        mask = (read(path.with_suffix(".png"), "L") > 0).astype(np.float32)
        mask = cv2.erode(mask, np.ones((3, 3), np.uint8))
        if mask.sum() < OBJECT_MIN_PX:
            continue
        own = extended(image, mask)
        background = cv2.resize(behind[i % len(behind)], mask.shape[::-1])
        edge = soft(mask, 1.2)
        wide = soft(cv2.dilate(mask, np.ones((5, 5), np.uint8)), 2.5)
        yield Case("object", own, background, edge, edge)
        yield Case("matte too soft", own, background, soft(mask, 0.5), soft(mask, 1.7))
        yield Case("matte too wide", own, background, edge, wide)


def measured(estimate: Callable[[Any, Any], Any], made: list[Case]) -> dict[str, Any]:
    """Per kind, the mean error of the object's colour in the soft pixels, times alpha."""
    errors: dict[str, list[float]] = {}
    seconds = []
    for case in made:
        share = case.true_alpha[..., None]
        image = np.rint(share * case.foreground + (1 - share) * case.background).astype(np.uint8)
        began = time.perf_counter()
        colours = estimate(image, case.alpha)
        seconds.append((time.perf_counter() - began) / case.alpha.size * 1e6)
        is_soft = (case.alpha > 0) & (case.alpha < 1)
        error = np.abs(colours - case.foreground).mean(axis=-1) * case.alpha
        errors.setdefault(case.kind, []).append(float(error[is_soft].mean()))
    result = {kind: round(statistics.mean(values), 2) for kind, values in errors.items()}
    return {**result, "s_per_mpx": round(statistics.median(seconds), 3)}


def pymatting_estimate(image: Any, alpha: Any) -> Any:
    """The peer's colours."""
    from pymatting import estimate_foreground_ml

    return estimate_foreground_ml(image / 255.0, alpha.astype(float)) * 255


def main() -> None:
    """Measure all ways on the same composites."""
    cv2.setNumThreads(1)
    made = list(cases(Path(sys.argv[1]) / "data"))
    ways: dict[str, Callable[[Any, Any], Any]] = {
        "left as it is": lambda image, _: image.astype(float),
        "ours": lambda image, alpha: estimate_colours(image, alpha).foreground.astype(float),
        "PyMatting, multi-level": pymatting_estimate,
    }
    pymatting_estimate(np.zeros((9, 9, 3)), np.zeros((9, 9)))  # compiles
    found = {name: measured(way, made) for name, way in ways.items()}
    for name, result in found.items():
        print(name, result)
    write_result("foreground_colours", {"levels_of_255": found})


if __name__ == "__main__":
    main()
