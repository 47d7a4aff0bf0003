"""What persons decided, and taking it back: all of that or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from tam_edit.errors import InputError
from tam_edit.project import (
    approvals,
    aside,
    backtracks,
    decisions,
    keyframes,
    mattes,
    objects,
    prompts,
    runs,
    shot,
)
from tam_edit.project import dropped as dropped_areas
from tam_edit.project.decisions import Decision, DecisionKind
from tam_edit.project.store import Store
from tam_edit.prompts import Prompts
from tam_edit.types import ObjectId


class History:
    """The decisions of a project.

    Args:
        store: The project's file.
        flush: Commits the frames that wait, before anything else is written.
    """

    def __init__(self, store: Store, flush: Callable[[], None]) -> None:
        self._store = store
        self._flush = flush

    def __iter__(self) -> Iterator[Decision]:
        """Every decision, in that order, also what was taken back."""
        return decisions.records(self._store)

    def get(self, decision_id: int) -> Decision:
        """One decision.

        Raises:
            UnknownNameError: There is none of that number.
        """
        return decisions.get(self._store, decision_id)

    def newest(self) -> int:
        """The number of the newest decision; 0 where nothing was decided yet."""
        return decisions.newest(self._store)

    def note(self, kind: DecisionKind, **details: object) -> None:
        """Keep a decision about the whole project.

        Raises:
            InputError: JSON cannot hold the details.
        """
        with self._transaction():
            decisions.add(self._store, kind, None, None, None, details)

    def said(self, decision: Decision) -> list[str]:
        """What a decision said of an object, as ``click 320,180``; nothing where it did not."""
        return prompts.in_words(self._store, decision.decision_id)

    def is_correction(self, decision: Decision) -> bool:
        """Whether a decision corrected a mask that had been tracked."""
        return keyframes.is_correction(self._store, decision.decision_id)

    def spans(self, decision: Decision) -> list[tuple[int, int]]:
        """First and last frames of what a decision is about, ascending; none of the whole project.

        Of prompts it is their frame, or all frames on which they say that an object is gone.
        """
        if decision.start is None or decision.stop is None:
            return []
        stated = decision.details.get("spans")
        if isinstance(stated, list):
            return [(int(first), int(last)) for first, last in stated]
        last = decision.stop - 1
        if decision.kind is DecisionKind.PROMPT:
            said_last = self.prompts_of(decision).gone_last
            last = last if said_last is None else said_last
        return [(decision.start, last)]

    def holding(self, decision: Decision) -> int:
        """On how many of its frames an approval still holds.

        One that is taken back holds nowhere, and masks that are made anew void it where they are.
        """
        return approvals.holding(self._store, decision.decision_id)

    def prompts_of(self, decision: Decision) -> Prompts:
        """What a decision said of an object."""
        return prompts.of_decision(self._store, decision.decision_id)

    def prompts_without(self, decision: Decision) -> dict[int, Prompts]:
        """What would be said of the decision's object without it, by ascending frame."""
        object_id = _object_of(decision)
        return prompts.merged(self._store, object_id, without=decision.decision_id)

    def object_name(self, decision: Decision) -> str:
        """The name of the object that a decision is about, also of one that was removed."""
        store, object_id = self._store, _object_of(decision)
        return {**objects.former_names(store), **objects.names(store)}[object_id]

    def is_all_of_it(self, decision: Decision) -> bool:
        """Whether nothing else holds that was said of an object."""
        others = self._store.rows(
            "SELECT 1 FROM decision WHERE kind = ? AND object_id = ? AND id != ?"
            " AND taken_back IS NULL",
            (str(DecisionKind.PROMPT), decision.object_id, decision.decision_id),
        )
        return not others

    def reached(self, decision: Decision) -> int | None:
        """The earliest frame that a correction has replaced; None where it was not carried back."""
        object_id, frame = _object_of(decision), decision.start or 0
        pending = backtracks.frames(self._store, object_id).get(frame)
        rows = self._store.rows(
            "SELECT reached FROM decision WHERE id = ?", (decision.decision_id,)
        )
        known = [n for n in (pending, rows[0][0]) if n is not None]
        return min(known, default=None)

    def carried_back(self, object_id: ObjectId) -> list[int]:
        """The frames of corrections that hold and were carried back, ascending."""
        return backtracks.carried(self._store, object_id)

    def take_back_approval(self, decision: Decision) -> None:
        """Let an approval hold no more.

        Raises:
            InputError: It was taken back before.
        """
        _check_holds(decision)
        with self._transaction():
            approvals.take_back(self._store, decision.decision_id)
            decisions.mark_taken_back(self._store, decision)

    def take_back_prompts(
        self,
        decision: Decision,
        dropped: Sequence[tuple[int, int]],
        carried_back: Mapping[int, int],
    ) -> bool:
        """Let prompts hold no more.

        Where nothing was tracked of the object since, nor anything else said of it, its masks and
        approvals are afterwards as they were before.

        What was said on their frame before them holds again, with the mask that it had led to. An
        object of which nothing else holds goes, with its masks and approvals.

        Args:
            decision: The prompts.
            dropped: Half-open spans of frames whose masks are to be made anew.
            carried_back: Corrections that are to be carried back once more, each with the
                earliest frame that it may replace.

        Returns:
            Whether masks and approvals are as they were before; then nothing was dropped.

        Raises:
            InputError: They were taken back before, or something was said on their frame since.
        """
        _check_holds(decision)
        object_id, frame = _object_of(decision), decision.start or 0
        earlier = self._earlier_on_frame(decision)
        is_all = self.is_all_of_it(decision)
        store = self._store
        if not is_all and aside.is_kept(store, decision.decision_id):
            with self._transaction():
                prompts.take_back(store, decision.decision_id)
                decisions.mark_taken_back(store, decision)
                aside.restore(store, decision.decision_id)
                self._forget_pass(object_id)
            return True
        with self._transaction():
            backtracks.remove(store, object_id, frame)
            prompts.take_back(store, decision.decision_id)
            decisions.mark_taken_back(store, decision)
            aside.forget(store, object_id)
            state = runs.get(store)
            for start, stop in dropped:
                mattes.remove(store, object_id, start, stop)
                approvals.remove(store, object_id, start, stop)
                if state is not None and state.depends_on(object_id, start, stop):
                    runs.remove(store)
            if earlier is not None:
                keyframes.restore(store, earlier)
            else:
                dropped_areas.hand_on(store, object_id, frame)
            for keyframe, earliest in carried_back.items():
                backtracks.add(store, object_id, keyframe, earliest)
            if is_all:
                self._remove(object_id)
        return False

    def _remove(self, object_id: ObjectId) -> None:
        """Let an object be no more, inside the open transaction."""
        store = self._store
        start, stop = 0, shot.get(store).frame_count
        mattes.remove(store, object_id, start, stop)
        approvals.remove(store, object_id, start, stop)
        self._forget_pass(object_id)
        objects.remove(store, object_id)

    def _forget_pass(self, object_id: ObjectId) -> None:
        """Forget the tracker's state of a pass that looks at an object."""
        state = runs.get(self._store)
        if state is not None and object_id in state.object_ids:
            runs.remove(self._store)

    def _earlier_on_frame(self, decision: Decision) -> int | None:
        """What was said last on the decision's frame before it, of what holds."""
        rows = self._store.rows(
            "SELECT id FROM decision WHERE kind = ? AND object_id = ? AND start = ?"
            " AND taken_back IS NULL ORDER BY id",
            (str(DecisionKind.PROMPT), decision.object_id, decision.start),
        )
        ids = [int(row[0]) for row in rows]
        if ids[-1] != decision.decision_id:
            raise InputError(
                f"decision {ids[-1]} adds to what decision {decision.decision_id} said on frame "
                f"{decision.start}",
                hint=f"take back {ids[-1]} first",
            )
        if len(ids) == 1:
            return None
        if not keyframes.is_kept(self._store, ids[-2]):
            raise InputError(
                f"the mask that decision {ids[-2]} led to on frame {decision.start} was not kept "
                "by an earlier version of tam-edit",
                hint="correct the frame with further clicks or a painted --mask",
            )
        return ids[-2]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._flush()
        with self._store.transaction():
            yield


def _check_holds(decision: Decision) -> None:
    if decision.taken_back is not None:
        raise InputError(
            f"decision {decision.decision_id} was taken back before ({decision.taken_back})",
            hint="what holds is listed by: tam-edit history SHOT.tam",
        )


def _object_of(decision: Decision) -> ObjectId:
    if decision.object_id is None:
        raise InputError(
            f"decision {decision.decision_id} is about no object", hint="it cannot be taken back"
        )
    return decision.object_id
