"""A propagator's run whose masks are assessed and, where they are poor, refined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tam_edit.errors import ModelError
from tam_edit.frame import Frame
from tam_edit.models.base import PropagationRun, TrackingInfo, TrackStep
from tam_edit.tracking.assess import Assessor
from tam_edit.tracking.refine import Refiner
from tam_edit.tracking.verdict import Verdict
from tam_edit.tracks import Origin, TrackedMatte, resized
from tam_edit.types import Matte, ObjectId

Log = Callable[..., None]


class CheckedRun:
    """One pass: each frame is propagated, assessed and, where that is worth it, refined.

    Args:
        run: The propagator's run.
        info: The tracking size.
        assessor: Looks at every mask; None leaves the model's own scores as they are.
        refiner: Asks the segmenter about poor masks; None never does.
        refine_below: Which scores are poor.
        log: Told of every refinement, taken or not.
    """

    def __init__(
        self,
        run: PropagationRun,
        info: TrackingInfo,
        *,
        assessor: Assessor | None,
        refiner: Refiner | None,
        refine_below: float,
        log: Log,
    ) -> None:
        self._run = run
        self._info = info
        self._assessor = assessor
        self._refiner = refiner
        self._refine_below = refine_below
        self._log = log

    def learn(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
        """Take a keyframe that lies elsewhere into memory, before the first frame of the pass."""
        sized = self._sized(mattes)
        self._run.keyframe(frame, sized)
        if self._assessor is not None:
            self._assessor.look(frame)
            self._assessor.settle(sized)

    def prefetch(self, frame: Frame) -> None:
        """Announce a frame that will come; see ``PropagationRun.prefetch``."""
        self._run.prefetch(frame)

    def advance(
        self, frame: Frame, given: Mapping[ObjectId, Matte], taken: Matte | None = None
    ) -> dict[ObjectId, TrackedMatte]:
        """Take one frame.

        Args:
            frame: The next frame of the pass.
            given: Keyframe mattes on it, of any size; may be empty.
            taken: What objects outside the pass hold of it, float32 (height, width) at tracking
                size.

        Returns:
            What is to be stored: all objects of the run but the given ones.

        Raises:
            ModelError: A mask or a score of the model is not finite.
        """
        fixed = self._sized(given)
        step = self._run.keyframe(frame, fixed) if fixed else self._run.step(frame)
        if self._assessor is not None:
            self._assessor.look(frame)
        entries = {
            number: self._entry(frame, number, step, taken)
            for number in step.mattes
            if number not in fixed
        }
        revised = {n: e.matte for n, e in entries.items() if e.origin is Origin.REFINED}
        if revised:
            self._run.revise(frame, revised)
        if self._assessor is not None:
            self._assessor.settle({n: e.matte for n, e in entries.items()} | fixed)
        return entries

    def cut(self) -> None:
        """Say that the next frame belongs to another shot."""
        self._run.cut()
        if self._assessor is not None:
            self._assessor.cut()

    def forget(self, number: ObjectId) -> None:
        """Drop an object."""
        self._run.forget(number)
        if self._assessor is not None:
            self._assessor.forget(number)

    def snapshot(self, kept: int) -> bytes:
        """Everything that influences the next frame.

        Args:
            kept: The caller's count of frames.
        """
        parts: dict[str, np.ndarray[Any, Any]] = {
            "run": np.frombuffer(self._run.snapshot(), np.uint8),
            "kept": np.asarray([kept]),
        }
        if self._assessor is not None:
            parts["assessor"] = np.frombuffer(self._assessor.snapshot(), np.uint8)
        return save(parts)

    def _sized(self, mattes: Mapping[ObjectId, Matte]) -> dict[ObjectId, Matte]:
        size = (self._info.width, self._info.height)
        return {number: resized(matte, *size) for number, matte in mattes.items()}

    def _entry(
        self, frame: Frame, number: ObjectId, step: TrackStep, taken: Matte | None
    ) -> TrackedMatte:
        matte = step.mattes[number]
        own = Verdict(score=step.scores[number], reasons=step.reasons.get(number, ()))
        if not (np.isfinite(matte).all() and np.isfinite(own.score)):
            raise ModelError(
                f"the tracker's mask of object {number} is not finite on frame {frame.index}",
                hint="its weights may be damaged: tam-edit models check",
            )
        if taken is not None:
            matte = np.minimum(matte, 1 - taken)
        if self._assessor is None:
            return _tracked(matte, own, Origin.PROPAGATED)
        affinity = step.affinity.get(number)
        verdict = self._assessor.judge(number, matte, own, affinity)
        if self._refiner is None or verdict.score >= self._refine_below or verdict.is_absent:
            return _tracked(matte, verdict, Origin.PROPAGATED)
        assessor = self._assessor
        refined = self._refiner.refine(
            frame,
            matte,
            verdict,
            affinity,
            lambda other, opinion: assessor.judge(number, other, opinion, instead_of=matte),
            taken,
        )
        self._log(
            "refinement",
            object=number,
            frame=frame.index,
            accepted=refined.is_accepted,
            why=refined.why,
            score_before=round(verdict.score, 4),
            score_after=round(refined.verdict.score, 4),
            agreement=round(refined.agreement, 4),
        )
        if not refined.is_accepted:
            return _tracked(matte, verdict, Origin.PROPAGATED)
        return _tracked(refined.matte, refined.verdict, Origin.REFINED)


@dataclass(frozen=True)
class Saved:
    """What :meth:`CheckedRun.snapshot` kept.

    Attributes:
        run: The propagator's snapshot.
        assessor: The assessor's; None where there was none.
        kept: The caller's count of frames.
    """

    run: bytes
    assessor: bytes | None
    kept: int


def unpacked(snapshot: bytes) -> Saved:
    """The parts of a snapshot.

    Raises:
        ModelError: The bytes are no snapshot of a checked run.
    """
    try:
        parts = load(snapshot)
        assessor = parts.get("assessor")
        return Saved(
            run=parts["run"].tobytes(),
            assessor=None if assessor is None else assessor.tobytes(),
            kept=int(parts["kept"][0]),
        )
    except (SafetensorError, LookupError, ValueError) as error:
        raise ModelError(
            f"the tracker's saved state is damaged or of another version ({error})"
        ) from error


def _tracked(matte: Matte, verdict: Verdict, origin: Origin) -> TrackedMatte:
    return TrackedMatte(
        matte=np.zeros_like(matte) if verdict.is_absent else matte,
        score=verdict.score,
        origin=origin,
        reasons=verdict.reasons,
    )
