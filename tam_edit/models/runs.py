"""What the runs of all propagators share: what they refuse, and how their snapshots begin.

A snapshot is a safetensors file whose metadata has one entry: JSON with the facts that must be the
same for a run to go on, and with the state that is not in tensors.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from tam_edit.errors import InputError, ModelError
from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo
from tam_edit.types import Matte, ObjectId

HEADER = "tam_edit.tracker"
STATE = "state"


def check_mattes(info: TrackingInfo, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
    """Refuse mattes that are not of the tracking size.

    Raises:
        InputError: One is not.
    """
    wanted = (info.height, info.width)
    for number, matte in mattes.items():
        if matte.shape != wanted:
            raise InputError(
                f"the matte of object {number} on frame {frame.index} is of shape "
                f"{matte.shape}, not {wanted}"
            )


def check_revision(
    frame: Frame,
    objects: Collection[ObjectId],
    *,
    latest: int | None,
    carried: Collection[ObjectId],
) -> None:
    """Refuse to revise what a run has not just tracked.

    Args:
        frame: The one to revise.
        objects: Those to revise on it.
        latest: Index of the frame of the latest step; None before the first, after resuming and
            after a cut.
        carried: The objects that were carried to it.

    Raises:
        InputError: This is another frame, or an object was not carried to it.
    """
    if frame.index != latest:
        raise InputError(
            f"frame {frame.index} cannot be revised: only the frame of the latest step can"
        )
    for number in objects:
        if number not in carried:
            raise InputError(
                f"object {number} cannot be revised on frame {frame.index}: it was not carried "
                "to it"
            )


def snapshot_header(identity: Mapping[str, object], state: object) -> dict[str, str]:
    """The metadata of a snapshot.

    Args:
        identity: What must be the same for a run to go on as if undisturbed; JSON values.
        state: What of the state is not in tensors, as JSON can hold it.
    """
    # One entry: safetensors keeps several in no fixed order.
    return {HEADER: json.dumps({**identity, STATE: state})}


def snapshot_state(snapshot: bytes, identity: Mapping[str, object]) -> Any:
    """What ``snapshot_header`` was given as state.

    Args:
        snapshot: The whole file.
        identity: What this run's snapshots say.

    Raises:
        ModelError: The bytes are no snapshot, or one of something else.
    """
    # 8 bytes of length, then JSON (safetensors' format description).
    length = int.from_bytes(snapshot[:8], "little")
    try:
        facts = json.loads(json.loads(snapshot[8 : 8 + length])["__metadata__"][HEADER])
    except (LookupError, TypeError, ValueError) as error:
        raise damaged_snapshot() from error
    if not isinstance(facts, dict):
        raise damaged_snapshot()
    for key, wanted in identity.items():
        if facts.get(key) != wanted:
            raise ModelError(
                f"the tracker's snapshot is of {key} {facts.get(key)}, not {wanted}: "
                "track again from the last keyframe"
            )
    if STATE not in facts:
        raise damaged_snapshot()
    return facts[STATE]


def damaged_snapshot() -> ModelError:
    """The error for bytes that are no whole snapshot."""
    return ModelError(
        "the tracker's snapshot is damaged or no snapshot: track again from the last keyframe"
    )
