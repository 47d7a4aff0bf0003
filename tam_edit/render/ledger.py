"""Which outputs are finished: what an earlier run wrote is recognised and not written again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import tam_edit
from tam_edit.errors import UnknownNameError
from tam_edit.recipe import EffectStep, MatteStep, Recipe
from tam_edit.render.job import RenderJob, objects_of
from tam_edit.render.report import OutputReport
from tam_edit.render.targets import Target
from tam_edit.types import ObjectId

# The setting of a project that holds the outputs, and how many of them, the newest.
RENDERED = "rendered"
MOST_OUTPUTS = 100
# Goes up when the same recipe would give another picture than before.
RENDER_VERSION = 2


@dataclass(frozen=True)
class Entry:
    """One output that is about to get its name.

    Attributes:
        target: Where it goes.
        hidden: Where it lies until then.
        report: What is told of it.
    """

    target: Target
    hidden: Path
    report: OutputReport


class Ledger:
    """The outputs that were written from a project.

    A file counts as ours when it is the one that was written, byte for byte, and as finished when
    it was made from the same video, masks, recipe and version of tam-edit.

    Args:
        settings: Where the record is kept.
        shot: What identifies the video and the part of it that is worked on, as JSON values.
        mattes: Gives a digest of an object's mattes, and of what is known of them.
        decided: The number of the newest decision about the project; kept with what is written
            from now on. None where that is not known.
    """

    def __init__(
        self,
        settings: MutableMapping[str, object],
        shot: Mapping[str, object],
        mattes: Callable[[ObjectId], str],
        decided: int | None = None,
    ) -> None:
        self._settings = settings
        self._shot = shot
        self._mattes = mattes
        self._decided = decided

    def may_be_finished(self, target: Target, job: RenderJob) -> bool:
        """Whether an output is ours and was made by the same recipe from the masks as they are.

        Which doubtful frames are covered is left out of account: that is known only once a
        person was asked.
        """
        if not self.is_ours(target):
            return False
        known = self._records()[str(target.place)]
        if known["recipe"] != self._recipe_key(target, job.recipe):
            return False
        try:
            # Earlier versions kept no such digest: there the masks may have changed.
            return known.get("mattes") in (None, self._mattes_key(target, job))
        except UnknownNameError:
            # An object of the recipe was taken back since.
            return False

    def is_ours(self, target: Target) -> bool:
        """Whether an output stands there, byte for byte, as it was written from this project."""
        known = self._records().get(str(target.place))
        return known is not None and known["digest"] == digest_of(target.place)

    def finished(self, target: Target, job: RenderJob) -> OutputReport | None:
        """What is known of an output that need not be written again; None where it must be."""
        if not self.may_be_finished(target, job):
            return None
        known = self._records()[str(target.place)]
        if known["masks"] != self._masks_key(target, job):
            return None
        return OutputReport.from_json(known["report"])

    def written_with(
        self, decision_id: int, object_id: ObjectId, *, is_approval: bool
    ) -> list[Path]:
        """The outputs that a decision had a part in, the newest last.

        They are still there, byte for byte, were written after it and from masks of its object;
        an approval has a part only in what a checkpoint let pass. Outputs of versions that did not
        keep what they were written with are not among them.

        Args:
            decision_id: The decision, one that holds or held until just now.
            object_id: The object that it is about.
            is_approval: Whether it only says that masks are right.
        """
        return [
            Path(place)
            for place, known in self._records().items()
            if (known.get("decided") or 0) >= decision_id
            and object_id in known["objects"]
            and (known["is_asked"] or not is_approval)
            and known["digest"] == digest_of(Path(place))
        ]

    def remember(self, entries: Sequence[Entry], job: RenderJob) -> None:
        """Keep what outputs are, before they get their names."""
        records = self._records()
        for entry in entries:
            records.pop(str(entry.target.place), None)
            records[str(entry.target.place)] = {
                "recipe": self._recipe_key(entry.target, job.recipe),
                "masks": self._masks_key(entry.target, job),
                "mattes": self._mattes_key(entry.target, job),
                "digest": digest_of(entry.hidden),
                "decided": self._decided,
                "objects": sorted(_object_ids(entry.target, job)),
                "is_asked": bool(job.recipe.checkpoints),
                "report": entry.report.as_json(),
            }
        self._settings[RENDERED] = dict(list(records.items())[-MOST_OUTPUTS:])

    def _records(self) -> dict[str, Any]:
        return dict(cast("Mapping[str, Any]", self._settings.get(RENDERED, {})))

    def _recipe_key(self, target: Target, recipe: Recipe) -> str:
        """A digest of all that decides about an output but the masks."""
        is_picture = target.step.what == "picture"
        kinds = EffectStep | MatteStep if is_picture else MatteStep
        files = (path for use in recipe.effects() for path in use.effect.assets().values())
        return _digest(
            {
                "version": [tam_edit.__version__, RENDER_VERSION],
                "shot": dict(self._shot),
                "written": Path(target.written).name,
                "export": target.step.model_dump(),
                "steps": [step.model_dump() for step in recipe.steps if isinstance(step, kinds)],
                "files": [digest_of(Path(path)) for path in files] if is_picture else [],
                "verify": recipe.verify and recipe.verify.model_dump(),
            }
        )

    def _masks_key(self, target: Target, job: RenderJob) -> str:
        """A digest of the masks that an output is made from, and of what is covered whole."""
        return _digest(
            {
                "objects": self._mattes_of(target, job),
                "covered": sorted(job.covered_frames) if target.step.what == "picture" else [],
                **({"cuts": list(job.cuts)} if target.step.what == "inpaint" else {}),
            }
        )

    def _mattes_key(self, target: Target, job: RenderJob) -> str:
        """A digest of the masks that an output is made from."""
        return _digest(self._mattes_of(target, job))

    def _mattes_of(self, target: Target, job: RenderJob) -> list[object]:
        object_ids = _object_ids(target, job)
        masks = [[i, job.names[i], self._mattes(i)] for i in sorted(object_ids)]
        return [masks, _said_key(job, object_ids)]


def _object_ids(target: Target, job: RenderJob) -> set[ObjectId]:
    """The objects whose masks an output is made from."""
    if target.step.what == "inpaint":
        return set(objects_of(target.step, job.names))
    if target.step.what != "picture" or target.is_exr:
        return set(job.names)
    steps = [step for step in job.recipe.steps if isinstance(step, EffectStep | MatteStep)]
    return {i for step in steps for i in objects_of(step, job.names)}


def _said_key(job: RenderJob, object_ids: set[ObjectId]) -> list[object]:
    """What persons said, as far as matte steps heed it; painted masks are among the mattes."""
    if not any(isinstance(step, MatteStep) for step in job.recipe.steps):
        return []
    return [
        [i, index, said.is_painted, said.positive, said.negative]
        for i in sorted(object_ids)
        for index, said in sorted(job.said.get(i, {}).items())
    ]


def digest_of(place: Path) -> str:
    """SHA-256 of a file, or of the paths and contents in a folder; empty where nothing is."""
    if place.is_dir():
        files = sorted(file for file in place.rglob("*") if file.is_file())
        return _digest([[file.relative_to(place).as_posix(), digest_of(file)] for file in files])
    if not place.is_file():
        return ""
    with place.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
