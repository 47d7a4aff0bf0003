"""What the runs of all propagators share: the header of their snapshots and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy

from tam_edit.errors import InputError, ModelError
from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo
from tam_edit.models.builtin.tracker import BuiltinPropagator
from tam_edit.models.runs import check_revision, snapshot_header, snapshot_state
from tam_edit.models.xmem import XMemPropagator
from tam_edit.models.xmem.network import Dimensions, XMem

IDENTITY = {"model": "drawn", "version": 3, "memory": {"kept": [1, 2]}}
STATE = {"step": 7, "objects": [1, 4]}
INFO = TrackingInfo(width=32, height=24)
FRAME = Frame.from_rgb(np.zeros((24, 32, 3), np.uint8), index=5)


def saved(header: dict[str, str]) -> bytes:
    return safetensors.numpy.save({"x": np.arange(3)}, header)


def test_the_state_comes_back_whatever_else_the_file_holds() -> None:
    assert snapshot_state(saved(snapshot_header(IDENTITY, STATE)), IDENTITY) == STATE


@pytest.mark.parametrize("name", list(IDENTITY))
def test_what_differs_is_named(name: str) -> None:
    snapshot = saved(snapshot_header(IDENTITY, STATE))
    with pytest.raises(ModelError, match=f"is of {name} .*, not other"):
        snapshot_state(snapshot, IDENTITY | {name: "other"})


@pytest.mark.parametrize(
    "snapshot",
    [
        b"",
        b"\0" * 8,
        b"nothing like it",
        saved({}),
        saved({"tam_edit.tracker": "[1]"}),
        saved({"tam_edit.tracker": "{"}),
        saved({"tam_edit.tracker": json.dumps(IDENTITY)}),
    ],
)
def test_what_is_no_snapshot_is_damaged(snapshot: bytes) -> None:
    with pytest.raises(ModelError, match="damaged or no snapshot"):
        snapshot_state(snapshot, IDENTITY)


def test_one_models_snapshot_is_not_anothers() -> None:
    builtin = BuiltinPropagator()
    sizes = Dimensions(
        key=8, value=16, hidden=8, stem=4, value_stem=4, drawing=16, middle=8, narrow=2
    )
    xmem = XMemPropagator(XMem(sizes).eval())
    with pytest.raises(ModelError, match="is of model builtin, not xmem"):
        xmem.resume(INFO, builtin.start(INFO).snapshot())
    with pytest.raises(ModelError, match="is of model xmem, not builtin"):
        builtin.resume(INFO, xmem.start(INFO).snapshot())


def test_a_revision_is_of_the_latest_frame_and_of_what_was_carried() -> None:
    check_revision(FRAME, [1, 2], latest=5, carried=[1, 2, 3])
    for latest in (4, None):
        with pytest.raises(InputError, match="frame 5 cannot be revised"):
            check_revision(FRAME, [1], latest=latest, carried=[1])
    with pytest.raises(InputError, match="object 2 cannot be revised on frame 5"):
        check_revision(FRAME, [1, 2], latest=5, carried=[1])
