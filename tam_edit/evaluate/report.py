"""What an evaluation found: per object, per sequence, per round of corrections, and over all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tam_edit.evaluate.assessment import Assessment
from tam_edit.masks.measure import Statistics
from tam_edit.types import ObjectId

# Named as in the report, in the order of the table.
MEASURES = ("j", "f", "jf", "j_recall", "j_decay", "f_recall", "f_decay", "init_iou")


@dataclass(frozen=True, kw_only=True)
class ObjectReport:
    """What was measured on one object of one sequence.

    Attributes:
        first_frame: The frame on which it was given, the first one that shows it.
        init_iou: J of the mask that it was given with.
        j: J of each scored frame: from the one after the first frame to the last but one of the
            sequence.
        f: F of each scored frame.
        scores: How sure the program was of each scored frame.
        origins: Where the mask of each scored frame comes from.
        j_statistics: Mean, recall and decay of J.
        f_statistics: Mean, recall and decay of F.
    """

    first_frame: int
    init_iou: float
    j: tuple[float, ...]
    f: tuple[float, ...]
    scores: tuple[float, ...]
    origins: tuple[str, ...]
    j_statistics: Statistics
    f_statistics: Statistics

    def measures(self) -> dict[str, float]:
        """The values of ``MEASURES``."""
        j, f = self.j_statistics, self.f_statistics
        return {
            "j": j.mean,
            "f": f.mean,
            "jf": (j.mean + f.mean) / 2,
            "j_recall": j.recall,
            "j_decay": j.decay,
            "f_recall": f.recall,
            "f_decay": f.decay,
            "init_iou": self.init_iou,
        }

    def as_json(self) -> dict[str, Any]:
        """The values by their names on the command line."""
        return {
            **self.measures(),
            "first_frame": self.first_frame,
            "per_frame": {
                "j": list(self.j),
                "f": list(self.f),
                "score": list(self.scores),
                "origin": list(self.origins),
            },
        }


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One mask that was corrected as a person would.

    Attributes:
        object_id: The object.
        frame_index: The frame, proposed because its score was the lowest.
        score: That score.
        click_count: How many clicks it took; 0 where it was said that the object is gone.
        is_gone: Whether the truth is that the object is not in the picture.
        j_before: J of the frame before.
        j_after: J of the corrected mask.
    """

    object_id: ObjectId
    frame_index: int
    score: float
    click_count: int
    is_gone: bool
    j_before: float
    j_after: float

    def as_json(self) -> dict[str, Any]:
        """The correction as JSON values."""
        values = asdict(self)
        return {
            "object": values.pop("object_id"),
            "frame": values.pop("frame_index"),
            "clicks": values.pop("click_count"),
            "gone": values.pop("is_gone"),
            **values,
        }


@dataclass(frozen=True, kw_only=True)
class Round:
    """A sequence as it stands after tracking what is new.

    Attributes:
        objects: Per object what was measured then.
        corrections: What was corrected before; nothing in the first round.
        frame_count: How many frames the model was shown.
        seconds_tracking: Time from the first picture to the last stored mask, reading and storing
            included, true masks and scoring left out.
        seconds_clicks: Time that the segmenter took for the clicks before.
    """

    objects: Mapping[ObjectId, ObjectReport]
    corrections: tuple[Correction, ...] = ()
    frame_count: int
    seconds_tracking: float
    seconds_clicks: float


@dataclass(frozen=True, kw_only=True)
class SequenceReport:
    """What was measured on one sequence.

    Attributes:
        frame_count: Frames of the sequence, all of them tracked.
        rounds: The first tracking, then one per round of corrections.
        left_out: Objects that are seen too late for any frame to be scored.
        cuts: First frames of new shots that were found in it.
    """

    frame_count: int
    rounds: tuple[Round, ...]
    left_out: tuple[ObjectId, ...] = ()
    cuts: tuple[int, ...] = ()

    @property
    def objects(self) -> Mapping[ObjectId, ObjectReport]:
        """Per object what was measured after the last round."""
        return self.rounds[-1].objects

    @property
    def seconds_tracking(self) -> float:
        """Time of the first tracking, corrections left out."""
        return self.rounds[0].seconds_tracking

    @property
    def fps(self) -> float:
        """Frames tracked per second, corrections left out."""
        return self.frame_count / max(self.seconds_tracking, 1e-9)

    def as_json(self) -> dict[str, Any]:
        """The values by their names on the command line; the mean over the objects of each."""
        return {
            **mean_measures(self.objects.values()),
            "frames": self.frame_count,
            "fps": self.fps,
            "seconds_init": self.rounds[0].seconds_clicks,
            "seconds_tracking": self.seconds_tracking,
            "cuts": list(self.cuts),
            "objects": {str(number): each.as_json() for number, each in self.objects.items()},
            "left_out": list(self.left_out),
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation found.

    Attributes:
        sequences: By name, in the order they were tracked.
        assessment: How good the scores are, before any correction.
        peak_rss_mb: The most memory that the process ever held, in MiB.
        settings: Models and parameters that were measured, for the record.
    """

    sequences: Mapping[str, SequenceReport]
    assessment: Assessment
    peak_rss_mb: float
    settings: Mapping[str, str | int | float | bool]

    @property
    def j(self) -> float:
        """Mean over all objects of all sequences of their mean J, after the last round."""
        return self.mean()["j"]

    @property
    def f(self) -> float:
        """Mean over all objects of all sequences of their mean F, after the last round."""
        return self.mean()["f"]

    @property
    def fps(self) -> float:
        """Frames tracked per second over all sequences, corrections left out."""
        seconds = sum(s.seconds_tracking for s in self.sequences.values())
        return sum(s.frame_count for s in self.sequences.values()) / max(seconds, 1e-9)

    def mean(self, round_index: int = -1) -> dict[str, float]:
        """The values of ``MEASURES`` after a round, each the mean over all objects."""
        rounds = [s.rounds[round_index] for s in self.sequences.values()]
        return mean_measures(each for one in rounds for each in one.objects.values())

    def rounds_as_json(self) -> list[dict[str, Any]]:
        """Per round what it reached, what it cost and what was corrected before it."""
        found = []
        for index in range(len(next(iter(self.sequences.values())).rounds)):
            rounds = {name: s.rounds[index] for name, s in self.sequences.items()}
            mean = self.mean(index)
            found.append(
                {
                    **{key: mean[key] for key in ("jf", "j", "f")},
                    "frames": sum(one.frame_count for one in rounds.values()),
                    "seconds": sum(one.seconds_tracking for one in rounds.values()),
                    "seconds_clicks": sum(one.seconds_clicks for one in rounds.values()),
                    "sequences": {
                        name: mean_measures(one.objects.values())["jf"]
                        for name, one in rounds.items()
                    },
                    "corrections": [
                        {"sequence": name, **correction.as_json()}
                        for name, one in rounds.items()
                        for correction in one.corrections
                    ],
                }
            )
        return found

    def as_json(self) -> dict[str, Any]:
        """The whole report, ready for ``json.dumps``."""
        return {
            "mean": self.mean(),
            "fps": self.fps,
            "peak_rss_mb": self.peak_rss_mb,
            "sequences": {name: s.as_json() for name, s in self.sequences.items()},
            "assessment": asdict(self.assessment),
            "rounds": self.rounds_as_json(),
            "settings": dict(self.settings),
        }


def mean_measures(objects: Iterable[ObjectReport]) -> dict[str, float]:
    """The mean over the objects of each of ``MEASURES``."""
    parts = [each.measures() for each in objects]
    return {key: float(np.mean([part[key] for part in parts])) for key in MEASURES}
