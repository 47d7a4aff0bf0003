"""What a person meant by a click: one region is added, or one is taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.candidates import Members, Scene
from tam_edit.models.builtin.objectness import (
    ADDED,
    FIRST,
    REMOVED,
    agreement,
    describe,
    describe_change,
)
from tam_edit.models.builtin.superpixels import Floats

SHARPNESS = 0.03  # difference in predicted IoU that makes a region e times as likely


@dataclass(frozen=True, eq=False)
class Answer:
    """Regions that a click may have meant, best first.

    Attributes:
        regions: (answers, count), superpixels to add or to take away.
        scores: (answers,), expected IoU of each with what was meant, in [0, 1].
    """

    regions: Members
    scores: Floats


def answer_click(
    scene: Scene,
    x: float,
    y: float,
    *,
    is_positive: bool,
    selected: Members | None,
    closed: Members,
) -> Answer:
    """Find the region that a click adds to the object or takes from it.

    Every candidate region is scored by how much it and what results from it look like a whole
    thing; the answer is the one that agrees best with all others, each counted by its score.

    Args:
        scene: The picture.
        x: Column in the working picture.
        y: Row in the working picture.
        is_positive: Whether the click is on the object.
        selected: (count,), the object so far; None before the first click.
        closed: (count,), superpixels that no answer may hold: others were clicked there.
    """
    count = scene.graph.count
    superpixel = int(scene.graph.labels[round(y), round(x)])
    domain = np.ones(count, bool)
    if selected is not None:
        domain = ~selected if is_positive else selected.copy()
    domain &= ~closed
    regions = scene.around(superpixel, domain)
    agree = agreement(scene, regions)
    if selected is None:
        features = describe(scene, regions, x, y, np.zeros(len(scene.graph.pairs), bool))
        quality = np.column_stack([features, agree.mean(1)]) @ FIRST
    else:
        features = describe_change(scene, regions, x, y, domain=domain, selected=selected)
        quality = np.column_stack([features, agree.mean(1)]) @ (
            ADDED if is_positive else REMOVED
        )
    likely = np.exp((quality - quality.max()) / SHARPNESS)
    likely /= likely.sum()
    expected = np.clip(agree @ likely, 0, 1)
    order = np.argsort(-expected, kind="stable")
    return Answer(regions[order], expected[order].astype(np.float32))


def distinct(scene: Scene, answer: Answer, limit: int) -> NDArray[np.int64]:
    """Indices of the best answers that are not nearly the same as a better one."""
    agree = agreement(scene, answer.regions)
    chosen: list[int] = []
    for k in range(len(answer.scores)):
        if all(agree[k, other] < 0.75 for other in chosen):
            chosen.append(k)
        if len(chosen) == limit:
            break
    return np.array(chosen)
