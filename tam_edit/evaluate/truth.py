"""The true masks of a sequence, object by object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.evaluate.sequences import Sequence
from tam_edit.types import Mask, ObjectId

VOID = 255  # where nobody knows the truth; nothing is counted there
THE_OBJECT = 1


class Truth:
    """The true masks of one sequence, read from the files when they are asked for.

    Where the masks of a sequence hold one value beside 0, whichever it is, that is its only
    object, number 1. Else they are index masks, as those of DAVIS-2017: the values 1 to n are
    the objects, 255 is where nothing is counted.

    Args:
        sequence: All its masks are read once, to see which objects there are.

    Attributes:
        frame_count: How many frames there are.
        first_frames: The objects in ascending order, and the first frame that shows each.

    Raises:
        InputError: The masks hold values of another kind, or no object at all.
    """

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self.frame_count = len(sequence.masks)
        self._kept: tuple[int, NDArray[np.integer]] | None = None
        seen: dict[int, int] = {}
        for index in range(self.frame_count):
            for value in np.flatnonzero(np.bincount(self._values(index).ravel())):
                if value:
                    seen.setdefault(int(value), index)
        if not seen:
            raise InputError(
                f"all masks of the sequence {sequence.name} are empty: {sequence.masks[0].parent}",
                hint="leave the sequence out",
            )
        self._single_value = next(iter(seen)) if len(seen) == 1 else None
        if self._single_value is not None:
            seen = {THE_OBJECT: seen[self._single_value]}
        else:
            seen.pop(VOID, None)
            if sorted(seen) != list(range(1, len(seen) + 1)):
                raise _not_numbered(sequence, sorted(seen))
        self.first_frames: dict[ObjectId, int] = dict(sorted(seen.items()))

    def masks(self, index: int) -> dict[ObjectId, Mask]:
        """Every object's mask on one frame, bool (H, W); empty where it is not in the picture."""
        values = self._values(index)
        if self._single_value is not None:
            return {THE_OBJECT: values != 0}
        return {object_id: values == object_id for object_id in self.first_frames}

    def ignored(self, index: int) -> Mask | None:
        """Where the truth of a frame is not known, bool (H, W); None where it is everywhere."""
        if self._single_value is not None:
            return None
        ignored: Mask = self._values(index) == VOID
        return ignored if ignored.any() else None

    def _values(self, index: int) -> NDArray[np.integer]:
        if self._kept is None or self._kept[0] != index:
            self._kept = index, self._sequence.mask_values(index)
        return self._kept[1]


def _not_numbered(sequence: Sequence, values: list[int]) -> InputError:
    shown = ", ".join(map(str, values[:5])) + (" and more" if len(values) > 5 else "")
    return InputError(
        f"the masks of the sequence {sequence.name} hold the values {shown} in "
        f"{sequence.masks[0].parent}, but objects are numbered 1, 2, 3 without a gap",
        hint="a mask holds 0 for the background and one other value for its only object, or an "
        "index from 1 on for each of several",
    )
