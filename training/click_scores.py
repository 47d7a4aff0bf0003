"""Fit the coefficients of the click segmenter (``click_scores.py``) on pictures with true masks.

Simulated clicks are answered by the segmenter's own click model. Every candidate region of every
click is one example: its measures, and the IoU with the object that choosing it would lead to.
Ridge regression maps the first to the second. Clicks after the first depend on the answers before
them, so clicking and fitting take turns and all examples are kept (DAgger: Ross, Gordon and
Bagnell 2011); in the first round nothing is fitted yet and all candidates count the same.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.masks.clicks import first_click, next_click
from tam_edit.models.builtin.segmenter.candidates import Members, Scene
from tam_edit.models.builtin.segmenter.click_model import answer_click, kind_of
from tam_edit.models.builtin.segmenter.click_scores import Kind, Weights
from tam_edit.models.builtin.segmenter.superpixels import Floats, build_graph
from tam_edit.types import Mask

KINDS: tuple[Kind, ...] = get_args(Kind)
ROUNDS = 3  # the first of them blind
CLICKS = 4  # on each object and in each round
FOLDS = 5
RIDGE = 0.003  # per example, with measures of unit variance
SMALLEST_FRAC = 0.004  # of the picture: objects below it are left out
CLIP_FRAMES = 8  # the DAVIS files are numbered through, about eight to a clip


@dataclass(frozen=True, eq=False)
class Task:
    """An object to be clicked on.

    Attributes:
        scene: The picture.
        truth: bool (h, w), the object.
        inside: (count,), how many pixels of each superpixel are the object's.
        fold: Which part of the data it belongs to, 0 … FOLDS - 1.
    """

    scene: Scene
    truth: Mask
    inside: Floats
    fold: int

    @classmethod
    def of(cls, rgb: NDArray[np.uint8], truth: Mask, fold: int) -> Task:
        """Prepare a picture of a size that the segmenter works at (short side up to 480)."""
        scene = Scene.of(build_graph(rgb))
        graph = scene.graph
        inside = np.bincount(graph.labels.ravel(), truth.ravel(), graph.count)
        return cls(scene, truth, inside.astype(np.float32), fold)

    def iou(self, regions: Members) -> Floats:
        """(regions,): IoU of each with the object."""
        m = regions.astype(np.float32)
        both = m @ self.inside
        either = m @ self.scene.graph.area + self.inside.sum() - both
        return np.asarray(both / either, np.float32)


@dataclass(frozen=True, eq=False)
class Answered:
    """One click with all its candidates.

    Attributes:
        kind: Which coefficients score them.
        measures: (candidates, columns).
        iou: (candidates,), what taking each would have led to.
        reached: IoU of what the click model took.
        fold: That of the task.
    """

    kind: Kind
    measures: Floats
    iou: Floats
    reached: float
    fold: int


def choose_objects(folder: Path, pictures: int, seed: int) -> list[tuple[Path, int]]:
    """Draw mask files and an object in each, no two from one photograph or clip.

    Returns:
        Files and indices in the order of their photographs and clips, so that neighbours in a
        clip that was cut in two stay neighbours.
    """
    rng = np.random.default_rng(seed)
    files = sorted(folder.glob("*.png"))
    chosen: dict[str, tuple[Path, int]] = {}
    for k in rng.permutation(len(files)):
        source = source_of(files[k].stem)
        if len(chosen) == pictures or source in chosen:
            continue
        indices = cv2.imread(str(files[k]), cv2.IMREAD_GRAYSCALE)
        if indices is None:
            raise SystemExit(f"{files[k]} cannot be read as a picture")
        share = np.bincount(indices.ravel()) / indices.size
        large = np.flatnonzero(share[1:] >= SMALLEST_FRAC) + 1
        if len(large):
            chosen[source] = files[k], int(rng.choice(large))
    return [chosen[source] for source in sorted(chosen)]


def source_of(name: str) -> str:
    """The photograph (COCO) or clip (DAVIS) that a file of the folder comes from."""
    clip = re.fullmatch(r"davis_(\d+)", name)
    return f"davis {int(clip[1]) // CLIP_FRAMES:03}" if clip else name.rpartition("_")[2]


def load_tasks(objects: list[tuple[Path, int]]) -> Iterator[Task]:
    """Read what was drawn; each fold is a run of neighbours."""
    for k, (path, index) in enumerate(objects):
        picture = path.with_suffix(".jpg")
        bgr = cv2.imread(str(picture))
        if bgr is None:
            raise SystemExit(f"{picture} cannot be read as a picture")
        truth: Mask = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) == index)
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        yield Task.of(rgb, truth, k * FOLDS // len(objects))


def click_through(task: Task, weights: Weights | None) -> Iterator[Answered]:
    """Click as a careful person would, until nothing is wrong or ``CLICKS`` clicks are made."""
    graph = task.scene.graph
    selected: Members | None = None
    rivals = np.zeros((2, graph.count), bool)
    for _ in range(CLICKS):
        if selected is None:
            (x, y), is_positive = first_click(task.truth), True
        else:
            (x, y), is_positive = next_click(task.truth, selected[graph.labels])
        superpixel = graph.labels[int(y), int(x)]
        if selected is not None and selected[superpixel] == is_positive:
            return
        answer = answer_click(
            task.scene,
            x,
            y,
            is_positive=is_positive,
            selected=selected,
            rivals=rivals[int(is_positive)],
            barred=np.zeros(graph.count, bool),
            weights=weights,
        )
        kind = kind_of(is_positive=is_positive, selected=selected)
        results = answer.regions if selected is None else answer.regions ^ selected
        iou = task.iou(results)
        yield Answered(kind, answer.measures, iou, float(iou[0]), task.fold)
        rivals[int(not is_positive), superpixel] = True
        selected = results[0]


def fit(answered: Iterable[Answered]) -> Weights:
    """Least squares of the IoU on the measures, both as differences from the click's mean."""
    answered = list(answered)
    return {kind: _ridge([a for a in answered if a.kind == kind]) for kind in KINDS}


def _ridge(answered: list[Answered]) -> Floats:
    if not answered:
        raise SystemExit("a kind of click never happened: take more pictures")
    measures = np.concatenate([_centred(a.measures) for a in answered])
    iou = np.concatenate([_centred(a.iou) for a in answered])
    spread = measures.std(0) + 1e-6
    scaled = measures / spread
    system = scaled.T @ scaled + RIDGE * len(scaled) * np.eye(scaled.shape[1])
    return np.asarray(np.linalg.solve(system, scaled.T @ iou) / spread, np.float32)


def _centred(values: Floats) -> NDArray[np.float64]:
    return np.asarray(values - values.mean(0, dtype=np.float64), np.float64)


@dataclass(frozen=True)
class HeldOut:
    """How well a score predicts candidates of pictures that it was not fitted on.

    Attributes:
        clicks: How many were scored.
        error: Root mean square of predicted minus true IoU, each against the click's mean.
        constant_error: The same for a score that is the same for all candidates.
        top_iou: Mean IoU of the candidates with the highest score.
        mean_iou: Mean IoU of all candidates.
        best_iou: Mean IoU of the best candidates.
    """

    clicks: int
    error: float
    constant_error: float
    top_iou: float
    mean_iou: float
    best_iou: float


def held_out(answered: list[Answered], judged: list[Answered]) -> dict[Kind, HeldOut]:
    """Fit without each fold in turn and predict that fold's candidates."""
    without = [fit(a for a in answered if a.fold != fold) for fold in range(FOLDS)]
    results: dict[Kind, HeldOut] = {}
    for kind in KINDS:
        clicks = [a for a in judged if a.kind == kind]
        scores = [_centred(a.measures) @ without[a.fold][kind] for a in clicks]
        true = np.concatenate([_centred(a.iou) for a in clicks])
        results[kind] = HeldOut(
            clicks=len(clicks),
            error=float(np.sqrt(np.mean((np.concatenate(scores) - true) ** 2))),
            constant_error=float(np.sqrt(np.mean(true**2))),
            top_iou=float(
                np.mean([a.iou[s.argmax()] for a, s in zip(clicks, scores, strict=True)])
            ),
            mean_iou=float(np.mean([a.iou.mean() for a in clicks])),
            best_iou=float(np.mean([a.iou.max() for a in clicks])),
        )
    return results


def learn(tasks: list[Task]) -> tuple[Weights, dict[Kind, HeldOut]]:
    """Take turns in clicking and fitting; the last round's clicks are the ones held out."""
    answered: list[Answered] = []
    latest: list[Answered] = []
    for turn in range(ROUNDS):
        weights = fit(answered) if answered else None
        rows = [list(click_through(task, weights)) for task in tasks]
        latest = [a for row in rows for a in row]
        # Who has nothing left to correct keeps what was reached.
        reached = [[row[min(k, len(row) - 1)].reached for row in rows] for k in range(CLICKS)]
        means = " ".join(f"{np.mean(column):.3f}" for column in reached)
        print(f"round {turn}: mean IoU after each click {means}", flush=True)
        answered += latest
    return fit(answered), held_out(answered, latest)


def as_python(weights: Weights) -> str:
    """The block that stands in ``click_scores.py``."""
    names = {"first": "FIRST", "added": "ADDED", "removed": "REMOVED"}
    lines = []
    for kind in KINDS:
        numbers = [f"        {float(f'{value:.4g}')!r}," for value in weights[kind]]
        lines += [f"{names[kind]}: Floats = np.array(", "    [", *numbers, "    ],"]
        lines += ["    np.float32,", ")"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fit, say how good the fit is, and print or write the coefficients."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder train-objects")
    parser.add_argument("--pictures", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where to write the block; else it is printed")
    options = parser.parse_args()
    objects = choose_objects(options.data, options.pictures, options.seed)
    if len(objects) < 2 * FOLDS:
        parser.error(f"{options.data} and --pictures give {len(objects)} objects: too few to fit")
    print(f"{len(objects)} objects", flush=True)
    weights, report = learn(list(load_tasks(objects)))
    for kind, found in report.items():
        print(
            f"{kind}: {found.clicks} held-out clicks, error of the score {found.error:.3f} "
            f"(a constant: {found.constant_error:.3f}); IoU of the highest score "
            f"{found.top_iou:.3f}, of all {found.mean_iou:.3f}, of the best {found.best_iou:.3f}"
        )
    if options.out is None:
        print(as_python(weights), end="")
    else:
        options.out.write_text(as_python(weights), encoding="utf-8")


if __name__ == "__main__":
    main()
