"""Sessions with two objects of known scores, recipes with checkpoints, and what these ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import ReviewPending
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.recipe import Recipe, parse_recipe
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte

FRAMES = 16
CUT = 10
HEAD = 'schema = "tam_edit.recipe/1"\ntitle = "Check"\n[[steps]]\nkind = "track"\n'
FILL = '"fill"\nwith = { color = "red" }'


def recipe_with(*checkpoints: str, effect: str = FILL) -> Recipe:
    steps = "".join(f'[[steps]]\nkind = "checkpoint"\n{each}\n' for each in checkpoints)
    return parse_recipe(f'{HEAD}{steps}[[steps]]\nkind = "effect"\neffect = {effect}\n', "a test")


def two_tracked(video: Path, disc: DrawnClip, path: Path) -> Session:
    """Two tracked objects: frame 7 of the car scores 0.2, frame 3 of the dog 0.4."""
    opened = Session.create(video, path)
    for name in ("car", "dog"):
        painted = Prompts(mask=disc.mask(1, 0))
        opened.prompt(ObjectPrompts(object_name=name, frame_index=0, prompts=painted))
    for index in range(1, FRAMES):
        scores = {1: 0.2 if index == 7 else 0.9, 2: 0.4 if index == 3 else 0.9}
        opened.project.append(index, {i: tracked(disc, index, s) for i, s in scores.items()})
    opened.project.settings["cuts"] = [CUT]
    return opened


def tracked(disc: DrawnClip, index: int, score: float) -> TrackedMatte:
    matte = disc.mask(1, index).astype(np.float32)
    reasons = ("it jumped",) if score < 0.5 else ()
    return TrackedMatte(matte=matte, score=score, origin=Origin.PROPAGATED, reasons=reasons)


def asked(session: Session, recipe: Recipe, out: Path) -> list[dict[str, object]]:
    with pytest.raises(ReviewPending) as caught:
        session.render(recipe, out)
    assert not out.exists()
    return [dict(doubt) for doubt in caught.value.doubts]


def frames_of(doubts: list[dict[str, object]], name: str) -> list[int]:
    found: list[int] = []
    for doubt in doubts:
        frames = doubt["frames"]
        assert isinstance(frames, list)
        found += frames if doubt["object"] == name else []
    return sorted(found)
