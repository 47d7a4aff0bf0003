"""Fixtures that several test files use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips and reference outputs, beside the checkout or named by a variable.

    In CI it must be there; elsewhere a test that needs it is skipped.
    """
    place = Path(os.environ.get("TAM_EDIT_SHARED", CHECKOUT.parent / "shared"))
    if place.is_dir():
        return place
    reason = f"no shared data at {place}: set TAM_EDIT_SHARED to the folder that holds it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
