"""The report beside an output: what was decided, scored and measured; not one picture."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import tam_edit
from tam_edit.errors import EncodeError
from tam_edit.project import Decision, DecisionKind, Project
from tam_edit.recipe import Recipe
from tam_edit.render import Coverage, RenderReport, digest_of
from tam_edit.review import REPORT_SCHEMA, REPORT_SUFFIX
from tam_edit.session import checkpoint
from tam_edit.session.covers import hides
from tam_edit.types import ObjectId

# The setting of a project that holds a digest of each report, by its place, and how many, the
# newest.
REPORTS = "reports"
MOST_REPORTS = 100


def is_wanted(recipe: Recipe) -> bool:
    """Whether a recipe promises something that somebody may want to see proven."""
    return bool(recipe.checkpoints) or recipe.verify is not None


def place_beside(recipe: Recipe, outputs: Sequence[Path]) -> Path:
    """Where the report lies: beside the main one of a recipe's outputs."""
    main = next(p for p, step in zip(outputs, recipe.exports, strict=True) if step.path is None)
    return main.with_name(main.name + REPORT_SUFFIX)


def check_place(project: Project, place: Path, *, overwrite: bool) -> None:
    """Refuse a place where another file stands than the report of an output that is there.

    Raises:
        EncodeError: It is taken.
    """
    if not os.path.lexists(place):
        return
    if place.is_dir():
        raise EncodeError(
            f"{place} is a folder; the report of the output would lie there",
            hint="move it away, or give the output another name",
        )
    is_ours = _known(project).get(str(place)) == digest_of(place)
    has_output = place.with_name(place.name.removesuffix(REPORT_SUFFIX)).exists()
    if not overwrite and not (is_ours and has_output):
        raise EncodeError(f"{place} exists already", hint="add --overwrite to replace it")


def write(
    project: Project,
    recipe: Recipe,
    rendered: RenderReport,
    outputs: Sequence[Path],
    frames: range,
    coverage: Mapping[str, Coverage],
) -> Path:
    """Write the report of outputs that have their names; it appears when it is whole.

    Args:
        project: What they were made from.
        recipe: Its exports are the outputs.
        rendered: What is known of them.
        outputs: Their files and folders, in that order.
        frames: The frames of the video that are in them.
        coverage: By name, on which frames each object is hidden.

    Returns:
        The report's file.

    Raises:
        EncodeError: It cannot be written.
    """
    place = place_beside(recipe, outputs)
    text = (
        json.dumps(
            _document(project, recipe, rendered, outputs, frames, coverage),
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )
    part = place.with_name(f".{place.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # First what it is, then its name: a run that is killed in between finds its own report.
        known = {**_known(project), str(place): digest_of(part)}
        project.settings[REPORTS] = dict(list(known.items())[-MOST_REPORTS:])
        part.replace(place)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise EncodeError(
            f"{place}: the report cannot be written ({error.strerror})",
            hint="the outputs are written; make room and repeat the command",
        ) from error
    return place


def _known(project: Project) -> dict[str, object]:
    return dict(cast("dict[str, object]", project.settings.get(REPORTS, {})))


def _document(
    project: Project,
    recipe: Recipe,
    rendered: RenderReport,
    outputs: Sequence[Path],
    frames: range,
    coverage: Mapping[str, Coverage],
) -> dict[str, Any]:
    threshold = checkpoint.usual_threshold(project)
    objects = {
        name: _object(project, i, threshold, frames, coverage[name])
        for i, name in project.objects().items()
    }
    source = Path(str(project.source["path"]))
    return {
        "schema": REPORT_SCHEMA,
        "tam_edit": tam_edit.__version__,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "hides": hides(recipe),
        "source": {
            "name": source.name,
            "identity": project.source["identity"],
            "sha256": digest_of(source) if source.exists() else None,
            "frames": [frames[0], frames[-1]],
        },
        "outputs": [
            {
                "name": place.name,
                "what": each.what,
                "frames": each.frame_count,
                "pixel_format": each.pixel_format,
                "sha256": digest_of(place),
                "verified": each.verified and each.verified.as_json(),
            }
            for place, each in zip(outputs, rendered.outputs, strict=True)
        ],
        "frames_covered_whole": list(rendered.covered_frames),
        "frames_not_looked_at": list(rendered.unseen_frames),
        "recipe": {
            "title": recipe.title,
            "steps": [step.model_dump(mode="json") for step in recipe.steps],
        },
        "model": {
            "name": project.settings.get("model"),
            "weights": project.settings.get("weights", []),
        },
        "objects": objects,
        "threshold": threshold,
        "doubtful_approved": sum(each["doubtful_approved"] for each in objects.values()),
        "decisions": [_decision(project, decision) for decision in project.history],
    }


def _object(
    project: Project,
    object_id: ObjectId,
    threshold: float,
    frames: range,
    coverage: Coverage,
) -> dict[str, Any]:
    scores = [s for s in project.scores(object_id) if s.frame_index in frames]
    approved = project.approved(object_id).intersection(frames)
    doubtful = [s.frame_index for s in scores if s.score < threshold]
    return {
        "frames_covered": len(coverage.covered),
        "frames_shown": len(coverage.shown),
        "frames_held": len(coverage.held),
        "frames_without_mask": len(coverage.absent),
        "frames_unsettled": len(coverage.unsettled),
        "spans": coverage.as_json(),
        "frames_approved": len(approved),
        "doubtful": len(doubtful),
        "doubtful_approved": len(approved.intersection(doubtful)),
        "worst_score": min((round(s.score, 4) for s in scores), default=None),
        "scores": [round(s.score, 4) for s in scores],
    }


def _decision(project: Project, decision: Decision) -> dict[str, Any]:
    history, details = project.history, dict(decision.details)
    if "frames" in details:
        details["frame_count"] = details.pop("frames")
    told: dict[str, Any] = {
        "id": decision.decision_id,
        "time": decision.time,
        "user": details.pop("user", None),
        "kind": str(decision.kind),
    }
    if decision.object_id is not None:
        told["object"] = history.object_name(decision)
    if spans := history.spans(decision):
        told["frames"] = [spans[0][0], spans[-1][1]]
    if decision.kind is DecisionKind.APPROVAL:
        told["holding"] = history.holding(decision)
    if decision.kind is DecisionKind.PROMPT:
        told["is_correction"] = history.is_correction(decision)
        told["said"] = history.said(decision)
    return {**told, **details, "taken_back": decision.taken_back}
