"""How far a mask is to be trusted, and why not: the loop's second step, for any propagator.

The assessor follows the pass: it sees each picture, measures each mask on it and against the one
before, and knows when an object has left, vanished or come back. What that amounts to is said by
:mod:`tam_edit.tracking.verdict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.models.base import Affinity
from tam_edit.tracking.absence import SIGHTINGS_KEPT, Absence, Sighting, went_out
from tam_edit.tracking.evidence import (
    Evidence,
    Float,
    View,
    carried,
    change_from,
    color_overlap,
    color_shares,
    edge_contrast,
    memory_shares,
    origin_of,
    small_size,
    view_of,
)
from tam_edit.tracking.history import AssessState, History, pack, unpack
from tam_edit.tracking.verdict import (
    BACK_FRAMES,
    EDGE_RATE,
    SPECK_OWN,
    SPECK_SHARE,
    Verdict,
    Weighed,
    absent,
    come_back,
    lasting_doubt,
    past_cut,
    proposal,
    weigh_up,
)
from tam_edit.types import Matte, ObjectId, box_of

__all__ = ["Assessor", "Verdict"]

CHANGE_KEPT = 0.95  # of the accumulated change, per frame
SIZE_RATE = 0.06  # how fast the usual area follows, per frame
KEYFRAMES_KEPT = 8


class Assessor:
    """Judges the masks of one pass, frame by frame.

    Per frame: ``look``, ``judge`` for what was carried there (as often as wanted), ``settle``. An
    object that is settled on a frame without having been judged is taken to be given there: a
    keyframe.

    Args:
        width: Columns of every matte of the pass.
        height: Rows of every matte of the pass.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._state = AssessState()
        self._view: View | None = None
        self._before: NDArray[np.uint8] | None = None
        self._origin: Float | None = None
        self._weighed: dict[ObjectId, list[Weighed]] = {}
        self._scores: dict[ObjectId, list[tuple[Matte, float]]] = {}

    @classmethod
    def resume(cls, width: int, height: int, snapshot: bytes) -> Assessor:
        """Go on where ``snapshot`` was taken, to the same verdicts as an undisturbed pass.

        Raises:
            ModelError: The snapshot is damaged or of another version or size.
        """
        assessor = cls(width, height)
        assessor._state = unpack((width, height), snapshot)
        return assessor

    def snapshot(self) -> bytes:
        """All that influences the next frame's verdicts; to be taken between two frames."""
        return pack(self._size, self._state)

    def look(self, frame: Frame) -> None:
        """See the next frame of the pass; one that is no neighbour of the last is not compared."""
        state = self._state
        is_next = abs(frame.index - state.frame_index) == 1
        self._before = state.gray if is_next else None
        self._origin = None
        self._weighed, self._scores = {}, {}
        self._view = view_of(frame, *self._size)
        state.gray, state.frame_index = self._view.small_gray, frame.index

    def judge(
        self,
        object_id: ObjectId,
        matte: Matte,
        own: Verdict,
        affinity: Affinity | None = None,
        *,
        instead_of: Matte | None = None,
    ) -> Verdict:
        """Say how far a matte of the present frame is to be trusted.

        Args:
            object_id: Whose matte it is.
            matte: float32 (height, width) in [0, 1].
            own: What the maker of the matte says of it.
            affinity: Where in memory the matte comes from. It is named among the reasons; the
                score leaves it to ``own``, which has weighed it already.
            instead_of: The propagator's matte, where ``matte`` is proposed in its place. A
                proposal differs by its edges alone: the change since the frame before is held
                against it no more than against the other, since what mends a mask that has
                slipped breaks with the frame before.

        Raises:
            InputError: No frame was looked at, or the matte is of another size.
        """
        weighed = self._weigh(object_id, matte, instead_of)
        history = self._history(object_id)
        area = int(np.count_nonzero(matte > 0.5))
        is_speck = area < SPECK_SHARE * history.usual_area and own.score < SPECK_OWN
        if area == 0 or is_speck:
            verdict = absent(self._absence(history), history.sightings)
            verdict = past_cut(verdict) if history.is_past_cut else verdict
            self._scores.setdefault(object_id, []).append((matte, verdict.score))
            return verdict
        evidence = weighed.evidence
        if affinity is not None:
            unlike, dropped = memory_shares(matte, affinity)
            evidence = replace(evidence, unlike_memory=unlike, dropped=dropped)
        verdict = weigh_up(own, weighed, evidence)
        if history.is_past_cut:
            verdict = past_cut(verdict)
        if history.absence is not Absence.NONE or 0 < history.back_for < BACK_FRAMES:
            verdict = come_back(verdict, is_first=history.absence is not Absence.NONE)
        self._scores.setdefault(object_id, []).append((matte, verdict.score))
        return verdict

    def settle(self, mattes: Mapping[ObjectId, Matte]) -> None:
        """Take the present frame's final mattes: the next frame is compared with them.

        Args:
            mattes: Per object, float32 (height, width) in [0, 1]; keyframes as well.

        Raises:
            InputError: No frame was looked at, or a matte is of another size.
        """
        for object_id, matte in mattes.items():
            is_given = object_id not in self._weighed
            weighed = self._weigh(object_id, matte)
            history = self._history(object_id)
            self._state.histories[object_id] = history
            believed = 1.0 if is_given else self._score_of(object_id, matte)
            history.doubt = 0.0 if is_given else lasting_doubt(history.doubt, believed)
            box = box_of(matte > 0.5)
            history.matte = weighed.small
            if box.is_empty:
                history.absence = Absence.SAID if is_given else self._absence(history)
                history.back_for = 0
            else:
                self._see(history, weighed, is_given=is_given)
                history.sightings.append(Sighting(box, believed))
                del history.sightings[:-SIGHTINGS_KEPT]
            history.is_past_cut = False

    def cut(self) -> None:
        """Say that the next frame is another shot: nothing is compared across it."""
        for history in self._state.histories.values():
            history.matte = np.zeros_like(history.matte)
            history.edge, history.usual_area = None, 0.0
            history.sightings = []
            history.absence, history.back_for, history.doubt = Absence.NONE, 0, 0.0
            history.is_past_cut = True

    def forget(self, object_id: ObjectId) -> None:
        """Drop an object; one that is not known is no matter."""
        self._state.histories.pop(object_id, None)
        self._weighed.pop(object_id, None)
        self._scores.pop(object_id, None)

    def _history(self, object_id: ObjectId) -> History:
        known = self._state.histories.get(object_id)
        if known is not None:
            return known
        width, height = small_size(*self._size)
        return History(
            matte=np.zeros((height, width), np.uint8), colors=np.zeros((0, 0), np.float32)
        )

    def _score_of(self, object_id: ObjectId, matte: Matte) -> float:
        """What was said of a matte; of the prediction where it was changed since."""
        said = self._scores[object_id]
        return next((score for judged, score in said if judged is matte), said[0][1])

    def _absence(self, history: History) -> Absence:
        """How the object is absent, given that it is."""
        if history.absence is not Absence.NONE:
            return history.absence
        if history.is_past_cut:
            return Absence.CUT
        return Absence.LEFT if went_out(history.sightings, *self._size) else Absence.VANISHED

    def _weigh(self, object_id: ObjectId, matte: Matte, instead_of: Matte | None = None) -> Weighed:
        """Measure a matte, once per frame."""
        view = self._view
        if view is None:
            raise InputError("the assessment is asked about a matte before it was shown a frame")
        wanted = (self._size[1], self._size[0])
        if matte.shape != wanted:
            raise InputError(
                f"the matte of object {object_id} is of shape {matte.shape}, not {wanted}"
            )
        known = self._weighed.setdefault(object_id, [])
        for weighed in known:
            if weighed.matte is matte:
                return weighed
        weighed = self._measured(view, matte, self._history(object_id))
        if instead_of is not None:
            weighed = proposal(weighed, self._weigh(object_id, instead_of))
        known.append(weighed)
        return weighed

    def _measured(self, view: View, matte: Matte, history: History) -> Weighed:
        reduced = cv2.resize(matte, small_size(*self._size), interpolation=cv2.INTER_AREA)
        small = np.rint(np.clip(reduced, 0, 1) * 255).astype(np.uint8)
        inside = small > 127
        evidence = Evidence()
        if inside.any():
            likeness = None
            if len(history.colors):
                now = color_shares(view.small, inside)
                likeness = max(color_overlap(known, now) for known in history.colors)
            before = self._carried(history)
            if before is not None:
                evidence = change_from(before, small.astype(np.float32) / np.float32(255))
            contrast = edge_contrast(view.gray, matte > 0.5)
            evidence = replace(evidence, edge=contrast, likeness=likeness)
        edge, change = history.edge, history.change
        if evidence.edge is not None:
            edge = evidence.edge if edge is None else edge + EDGE_RATE * (evidence.edge - edge)
        if evidence.kept is not None:
            change = CHANGE_KEPT * change + 1 - evidence.kept
        return Weighed(matte, small, evidence, edge, change, history.doubt)

    def _carried(self, history: History) -> Float | None:
        """The object's previous matte on the present picture; None where there is none."""
        if self._before is None or self._view is None:
            return None
        if not (history.matte > 127).any():
            return None
        if self._origin is None:
            self._origin = origin_of(self._before, self._view.small_gray)
        before = carried(history.matte, self._origin)
        return before if (before > 0.5).any() else None

    def _see(self, history: History, weighed: Weighed, *, is_given: bool) -> None:
        """Note how the object looks on a frame that shows it."""
        area = float(np.count_nonzero(weighed.matte > 0.5))
        if is_given or history.usual_area == 0:
            history.usual_area = area
        else:
            history.usual_area += SIZE_RATE * (area - history.usual_area)
        history.edge, history.change = weighed.edge, weighed.change
        if is_given:
            history.edge, history.change = weighed.evidence.edge, 0.0
            self._learn_colors(history, weighed)
        is_back = history.absence is not Absence.NONE and not is_given
        if is_back or 0 < history.back_for < BACK_FRAMES:
            history.back_for += 1
        else:
            history.back_for = 0
        history.absence = Absence.NONE

    def _learn_colors(self, history: History, weighed: Weighed) -> None:
        inside = weighed.small > 127
        if self._view is None or not inside.any():
            return
        rows = [*history.colors, color_shares(self._view.small, inside)]
        if len(rows) > KEYFRAMES_KEPT:
            del rows[1]  # the first keyframe stays
        history.colors = np.stack(rows)
