"""How good a segmenter is at clicks on single pictures, without any tracking.

The protocol is the usual one of interactive segmentation (Xu et al., "Deep Interactive Object
Selection", CVPR 2016; Sofiiuk et al., arXiv 2102.06583): the first click lands in the middle of
the object, each next one in the middle of the largest error, and what is counted is how many
clicks an IoU takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tam_edit.errors import InputError
from tam_edit.evaluate.clicking import INSIDE_FROM, next_prompts
from tam_edit.evaluate.still_objects import StillObject
from tam_edit.frame import Frame
from tam_edit.masks.measure import iou
from tam_edit.models import Models
from tam_edit.models.base import Segmenter
from tam_edit.prompts import Prompts
from tam_edit.types import Mask, Matte, box_of

MOST_CLICKS = 20
SHOWN_CLICKS = (1, 2, 3, 5, 10, 20)
WANTED_IOUS = (0.85, 0.9)

# Told the name of the object, how many are done and how many there are.
StillProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class StillReport:
    """What was measured on one object.

    Attributes:
        ious: IoU after each click.
        best_candidate_iou: The best IoU among the candidates for the first click.
        box_iou: IoU of the answer to the true box.
        seconds: Time of each click's answer; the first one includes looking at the picture.
    """

    ious: tuple[float, ...]
    best_candidate_iou: float
    box_iou: float
    seconds: tuple[float, ...]

    def clicks_to(self, wanted: float) -> int:
        """How many clicks it takes to an IoU; as many as were made where it is not reached."""
        reached = (k for k, found in enumerate(self.ious, start=1) if found >= wanted)
        return next(reached, len(self.ious))


@dataclass(frozen=True, kw_only=True)
class ClicksReport:
    """What clicks on single pictures led to.

    Attributes:
        objects: By name.
        settings: What was measured, for the record.
    """

    objects: Mapping[str, StillReport]
    settings: Mapping[str, str | int]

    def mean_iou(self, clicks: int) -> float:
        """Mean IoU over the objects after so many clicks."""
        return float(np.mean([each.ious[clicks - 1] for each in self.objects.values()]))

    def mean_clicks_to(self, wanted: float) -> float:
        """NoC: the mean number of clicks to an IoU."""
        return float(np.mean([each.clicks_to(wanted) for each in self.objects.values()]))

    def missing(self, wanted: float) -> int:
        """How many objects never reached an IoU."""
        return sum(max(each.ious) < wanted for each in self.objects.values())

    def as_json(self) -> dict[str, Any]:
        """The whole report, ready for ``json.dumps``."""
        each = list(self.objects.values())
        later = [seconds for one in each for seconds in one.seconds[1:]]
        return {
            "iou": {str(clicks): self.mean_iou(clicks) for clicks in SHOWN_CLICKS},
            "noc85": self.mean_clicks_to(0.85),
            "noc90": self.mean_clicks_to(0.9),
            "missing85": self.missing(0.85),
            "missing90": self.missing(0.9),
            "best_candidate_iou": float(np.mean([one.best_candidate_iou for one in each])),
            "box_iou": float(np.mean([one.box_iou for one in each])),
            "seconds_first_click": float(np.mean([one.seconds[0] for one in each])),
            "seconds_click": float(np.mean(later)),
            "objects": {
                name: {
                    "iou": list(one.ious),
                    "best_candidate_iou": one.best_candidate_iou,
                    "box_iou": one.box_iou,
                }
                for name, one in self.objects.items()
            },
            "settings": dict(self.settings),
        }


def evaluate_clicks(
    objects: Sequence[StillObject], models: Models, *, progress: StillProgress | None = None
) -> ClicksReport:
    """Click on every object twenty times and compare each answer with the truth.

    Args:
        objects: From :func:`~tam_edit.evaluate.find_still_objects`; at least one.
        models: The segmenter is measured.
        progress: Told the name of the object, how many are done and how many there are.

    Raises:
        InputError: There is no object.
    """
    if not objects:
        raise InputError("there is no object to click on", hint="name a folder that holds some")
    found: dict[str, StillReport] = {}
    for each in objects:
        truth, unknown = each.truth()
        found[each.name] = _measured(each.frame(), truth, unknown, models.segmenter)
        if progress is not None:
            progress(each.name, len(found), len(objects))
    return ClicksReport(
        objects=found,
        settings={
            "model": models.name,
            "segmenter": models.segmenter.name,
            "clicks": MOST_CLICKS,
            "objects": len(objects),
        },
    )


def _measured(frame: Frame, truth: Mask, unknown: Mask, segmenter: Segmenter) -> StillReport:
    """Twenty clicks on one object, then its box."""
    prompts, matte = Prompts(), None
    ious: list[float] = []
    seconds: list[float] = []
    best_candidate = 0.0
    for _ in range(MOST_CLICKS):
        mask = None if matte is None else _known(matte, unknown)
        prompts = prompts.joined(next_prompts(truth, mask))
        began = time.perf_counter()
        answer = segmenter.segment(frame, prompts, matte)
        seconds.append(time.perf_counter() - began)
        matte = answer.best
        if not ious:
            best_candidate = max(iou(_known(each, unknown), truth) for each in answer.mattes)
        ious.append(iou(_known(matte, unknown), truth))
    box = tuple(float(side) for side in box_of(truth))
    from_box = segmenter.segment(frame, Prompts(box=(box[0], box[1], box[2], box[3]))).best
    return StillReport(
        ious=tuple(ious),
        best_candidate_iou=best_candidate,
        box_iou=iou(_known(from_box, unknown), truth),
        seconds=tuple(seconds),
    )


def _known(matte: Matte, unknown: Mask) -> Mask:
    """A mask without what nobody knows."""
    return (matte >= INSIDE_FROM) & ~unknown


def format_clicks(report: ClicksReport) -> str:
    """The report as a table for a terminal; objects that never got good come last, by name."""
    found = report.as_json()
    head = "".join(f"{clicks:>8}" for clicks in SHOWN_CLICKS)
    body = "".join(f"{report.mean_iou(clicks):8.3f}" for clicks in SHOWN_CLICKS)
    first, later = found["seconds_first_click"], found["seconds_click"]
    lines = [
        f"clicks    {head}",
        f"mean IoU  {body}",
        "",
        *(_counted(report, wanted) for wanted in WANTED_IOUS),
        f"best of the candidates for the first click: {found['best_candidate_iou']:.3f}",
        f"mean IoU from the true box: {found['box_iou']:.3f}",
        f"seconds: first click {first:.3f}, each further one {later:.3f}",
    ]
    never = [n for n, one in report.objects.items() if max(one.ious) < WANTED_IOUS[0]]
    if never:
        lines.append(f"never at {WANTED_IOUS[0]:.0%}: {', '.join(never)}")
    return "\n".join(lines)


def _counted(report: ClicksReport, wanted: float) -> str:
    return (
        f"clicks to {wanted:.0%}: {report.mean_clicks_to(wanted):.2f} of {MOST_CLICKS}; "
        f"{report.missing(wanted)} of {len(report.objects)} objects never"
    )
