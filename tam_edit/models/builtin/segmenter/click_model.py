"""What a person meant by a click: one region is added, or one is taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.segmenter.candidates import Members, Scene, connected
from tam_edit.models.builtin.segmenter.click_scores import FITTED, Kind, Weights
from tam_edit.models.builtin.segmenter.objectness import agreement, describe, describe_change
from tam_edit.models.builtin.segmenter.superpixel_cut import FORBIDDEN, color_evidence, cut
from tam_edit.models.builtin.segmenter.superpixels import Floats

CUTS = ((0.5, 0.5, 1.0), (0.3, 1.0, 2.0), (1.0, 0.2, 2.0))  # weights: belief, colour, seam
SHARPNESS = 0.02  # difference in predicted IoU that makes a region e times as likely


@dataclass(frozen=True)
class Click:
    """A click on the working picture: where, in which superpixel, of which kind."""

    x: float
    y: float
    superpixel: int
    is_positive: bool


@dataclass(frozen=True, eq=False)
class Answer:
    """Regions that a click may have meant, best first.

    Attributes:
        regions: (answers, count), superpixels to add or to take away.
        scores: (answers,), expected IoU of each with what was meant, in [0, 1].
        measures: (answers, columns), what the weights were applied to.
    """

    regions: Members
    scores: Floats
    measures: Floats


def answer_click(
    scene: Scene,
    x: float,
    y: float,
    *,
    is_positive: bool,
    selected: Members | None,
    rivals: Members,
    barred: Members,
    weights: Weights | None = FITTED,
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
        rivals: (count,), superpixels with clicks of the other kind: no answer may hold them.
        barred: (count,), superpixels that no answer may hold for another reason.
        weights: How the measures add up to a score; None where nothing has been fitted yet: then
            all candidates count the same.
    """
    superpixel = int(scene.graph.labels[round(y), round(x)])
    domain = np.ones(scene.graph.count, bool)
    if selected is not None:
        domain = ~selected if is_positive else selected.copy()
    domain &= ~barred
    regions = scene.around(superpixel, domain, rivals)
    click = Click(x, y, superpixel, is_positive)
    kind = kind_of(is_positive=is_positive, selected=selected)
    fitted = None if weights is None else weights[kind]
    likely = _likelihood(measure(scene, regions, click, domain, selected), fitted)
    more = _by_color(scene, likely @ regions, superpixel, domain & ~rivals)
    regions = np.unique(np.concatenate([regions, more]), axis=0)
    measures = measure(scene, regions, click, domain, selected)
    likely = _likelihood(measures, fitted)
    expected = np.clip(agreement(scene, regions) @ likely, 0, 1)
    order = np.argsort(-expected, kind="stable")
    return Answer(regions[order], expected[order].astype(np.float32), measures[order])


def kind_of(*, is_positive: bool, selected: Members | None) -> Kind:
    """Which weights score the answers to a click."""
    if selected is None:
        return "first"
    return "added" if is_positive else "removed"


def _likelihood(measures: Floats, weights: Floats | None) -> Floats:
    """(regions,), adding up to 1: how likely it is that each was meant."""
    if weights is None:
        return np.full(len(measures), 1 / len(measures), np.float32)
    quality = measures @ weights
    likely = np.exp((quality - quality.max()) / SHARPNESS)
    return np.asarray(likely / likely.sum(), np.float32)


def measure(
    scene: Scene, regions: Members, click: Click, domain: Members, selected: Members | None
) -> Floats:
    """(regions, columns): what the weights are applied to, in the order of ``click_scores``."""
    agree = agreement(scene, regions).mean(1)
    if selected is None:
        nothing = np.zeros(len(scene.graph.pairs), bool)
        features = describe(scene, regions, click.x, click.y, nothing)
    else:
        features = describe_change(
            scene, regions, click.x, click.y, domain=domain, selected=selected
        )
    return np.column_stack([features, agree])


def _by_color(scene: Scene, belief: Floats, superpixel: int, domain: Members) -> Members:
    """Regions cut out by colour and contrast around what is believed so far."""
    graph = scene.graph
    domain = domain.copy()
    domain[superpixel] = True
    typical = float(graph.area.mean())
    prior = np.log((belief + 0.02) / (1.02 - belief))
    evidence = color_evidence(graph, np.clip(belief, 0, 1))
    seam = graph.length / np.sqrt(typical) * (np.exp(-4.0 * graph.contrast) + 0.02)
    regions = []
    for by_prior, by_color, by_seam in CUTS:
        cost = graph.area / typical * (by_prior * prior + by_color * evidence)
        background = np.maximum(cost, 0)
        background[superpixel] = FORBIDDEN
        inside = np.where(domain, np.maximum(-cost, 0), FORBIDDEN)
        inside[superpixel] = 0
        region = cut(graph, inside, background, by_seam * seam)
        regions.append(connected(graph, region & domain, superpixel))
    return np.stack(regions)


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
