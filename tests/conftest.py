"""Fixtures that several test files use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tam_edit.masks.clicks import first_click
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def no_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever is installed on this machine, tests find no weights but those they put there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAM_EDIT_WEIGHTS", str(tmp_path_factory.mktemp("weights")))
        yield


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


@pytest.fixture(scope="session")
def disc() -> DrawnClip:
    """A small drawn clip: one disc moves over a textured background."""
    return draw_clip("disc", frames=16)


@pytest.fixture(scope="session")
def disc_video(disc: DrawnClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn disc as an H.264 file with sound; not to be changed."""
    path = tmp_path_factory.mktemp("disc") / "disc.mp4"
    write_clip(disc, path)
    return path


@pytest.fixture(scope="session")
def disc_click(disc: DrawnClip) -> str:
    """A click on the middle of the disc on the first frame, as it is typed."""
    x, y = first_click(disc.mask(1, 0))
    return f"{x:g},{y:g}"
