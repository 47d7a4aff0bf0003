"""What the assessment remembers of a pass: as much for a long video as for a short one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from tam_edit.models.runs import damaged_snapshot, snapshot_header, snapshot_state
from tam_edit.tracking.absence import Absence, Sighting
from tam_edit.types import Box, ObjectId

MODEL = "assessment"
# Goes up with every change that would make an older pass be judged differently.
VERSION = 1


@dataclass
class History:
    """One object so far.

    Attributes:
        matte: Its final matte on the latest picture, uint8 (h, w) at small size; zeros where it
            is absent or nothing may be compared with it.
        colors: Of keyframes that showed it, float32 (K, N), the first and the newest ones.
        edge: How far its outlines lay on edges lately; None before the first.
        change: How much the mask has changed against the flow lately; fades.
        doubt: What is left of the doubt about earlier frames, in log-odds.
        usual_area: In pixels at tracking size, followed slowly; 0 while unknown.
        sightings: The last ones.
        absence: Why it is not in the picture.
        back_for: Frames since it came back, 0 where it was never away.
        is_past_cut: Whether it has not been settled since a cut.
    """

    matte: NDArray[np.uint8]
    colors: NDArray[np.float32]
    edge: float | None = None
    change: float = 0.0
    doubt: float = 0.0
    usual_area: float = 0.0
    sightings: list[Sighting] = field(default_factory=list)
    absence: Absence = Absence.NONE
    back_for: int = 0
    is_past_cut: bool = False


@dataclass
class AssessState:
    """All that influences the next verdict.

    Attributes:
        gray: The latest picture, uint8 (h, w) at small size; None before the first.
        frame_index: Its frame.
        histories: Of each object.
    """

    gray: NDArray[np.uint8] | None = None
    frame_index: int = -1
    histories: dict[ObjectId, History] = field(default_factory=dict)


def pack(size: tuple[int, int], state: AssessState) -> bytes:
    """The state as safetensors bytes; ``unpack`` gives it back to the last bit."""
    arrays: dict[str, NDArray[Any]] = {}
    if state.gray is not None:
        arrays["gray"] = state.gray
    facts: dict[str, Any] = {}
    for number, history in state.histories.items():
        arrays[f"{number}.matte"], arrays[f"{number}.colors"] = history.matte, history.colors
        facts[str(number)] = {
            name: value for name, value in vars(history).items() if name not in ("matte", "colors")
        }
    header = snapshot_header(_identity(size), {"frame_index": state.frame_index, "objects": facts})
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return safetensors.numpy.save(whole, header)


def unpack(size: tuple[int, int], snapshot: bytes) -> AssessState:
    """The state that ``pack`` was given.

    Raises:
        ModelError: The bytes are no snapshot of an assessment, or one of another version or size.
    """
    facts = snapshot_state(snapshot, _identity(size))
    try:
        arrays = safetensors.numpy.load(snapshot)
        state = AssessState(gray=arrays.get("gray"), frame_index=int(facts["frame_index"]))
        for number, known in facts["objects"].items():
            known["sightings"] = [Sighting(Box(*box), score) for box, score in known["sightings"]]
            known["absence"] = Absence(known["absence"])
            state.histories[int(number)] = History(
                matte=arrays[f"{number}.matte"], colors=arrays[f"{number}.colors"], **known
            )
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        raise damaged_snapshot() from error
    return state


def _identity(size: tuple[int, int]) -> dict[str, Any]:
    return {"model": MODEL, "version": VERSION, "size": f"{size[0]}x{size[1]}"}
