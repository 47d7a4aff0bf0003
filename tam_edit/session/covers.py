"""What the last recipe with a checkpoint hides, for the page on which a person looks at it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from tam_edit.errors import TamEditError
from tam_edit.media import Source
from tam_edit.project import Project
from tam_edit.recipe import EffectStep, ExportStep, Recipe, parse_recipe, span_of
from tam_edit.render import Coverage, Covers, RenderJob, objects_of, said_in
from tam_edit.review import check_delivery
from tam_edit.session import checkpoint
from tam_edit.tracking import said_gone
from tam_edit.types import ObjectId

# A setting of a project: the last recipe with a checkpoint, as TOML.
RECIPE = "recipe_asked"


def hides(recipe: Recipe) -> bool:
    """Whether a recipe may hide something: cut-outs, mattes, lines and the bare video do not."""
    effects = [use.effect for use in recipe.effects()]
    keeps = all(step.copy_metadata for step in recipe.exports)
    return not keeps or any(effect.hides or effect.edge == "cover" for effect in effects)


def hidden_frames(
    recipe: Recipe, names: Mapping[ObjectId, str], source: Source, frames: range
) -> dict[ObjectId, frozenset[int]]:
    """On which frames a recipe hides each object, where a mask shows it.

    Args:
        recipe: Its effects may hide objects, everything but them, or nothing.
        names: All objects.
        source: The video.
        frames: Those that are written.
    """
    found: dict[ObjectId, frozenset[int]] = dict.fromkeys(names, frozenset())
    for step in _hiding_steps(recipe):
        for object_id in objects_of(step, names):
            found[object_id] |= frozenset(span_of(step, source, frames))
    return found


def _hiding_steps(recipe: Recipe) -> Iterator[EffectStep]:
    """The steps that hide objects, and not what is around them."""
    for step, effect in recipe.effects():
        acts_on_object = (effect.acts_on == "object") != step.invert
        if acts_on_object and (effect.hides or effect.edge == "cover"):
            yield step


def _reached_by_hold(
    recipe: Recipe,
    names: Mapping[ObjectId, str],
    source: Source,
    frames: range,
    object_id: ObjectId,
    seen: Collection[int],
) -> set[int]:
    """The frames on which a place is hidden because an object is seen there close by."""
    found: set[int] = set()
    for step in _hiding_steps(recipe):
        if object_id in objects_of(step, names):
            before, after = step.hold_before_frames, step.hold_after_frames
            reached = {i for at in seen for i in range(at - before, at + after + 1)}
            found |= reached.intersection(span_of(step, source, frames))
    return found


def coverage(
    project: Project,
    recipe: Recipe,
    source: Source,
    frames: range,
    whole: Collection[int] = (),
) -> dict[str, Coverage]:
    """On which frames of an output a recipe hides each object, by its name.

    Args:
        project: What a tracker lost sight of has an empty mask, too: the masks are looked at.
        recipe: What is written.
        source: The video.
        frames: Those that are written; all are tracked.
        whole: Those of them on which effects act on the whole picture.
    """
    names = project.objects()
    hidden = hidden_frames(recipe, names, source, frames)
    work = range(project.in_frame, project.out_frame)
    # What acts on the whole picture hides everybody, whomever else it is about.
    everyone = frozenset(whole).intersection(frozenset().union(*hidden.values()))
    found = {}
    for object_id, name in names.items():
        empty = project.empty_frames(object_id, work)
        seen = [index for index in work if index not in empty]
        covered = hidden[object_id].difference(empty) | everyone
        held = _reached_by_hold(recipe, names, source, frames, object_id, seen)
        held = held.intersection(empty).difference(covered)
        absent = empty.intersection(frames).difference(covered, held)
        settled = project.approved(object_id) | said_gone(project.prompts(object_id), work.stop)
        found[name] = Coverage(
            covered=tuple(sorted(covered)),
            shown=tuple(index for index in seen if index in frames and index not in covered),
            held=tuple(sorted(held)),
            absent=tuple(sorted(absent)),
            unsettled=tuple(sorted(absent - settled)),
        )
    return found


def objects_in(recipe: Recipe, names: Mapping[ObjectId, str]) -> set[ObjectId]:
    """The objects that a recipe does something with; all where it says nothing of any."""
    steps: list[EffectStep | ExportStep] = [use.step for use in recipe.effects()]
    steps += [step for step in recipe.exports if step.what != "picture"]
    found = {i for step in steps for i in objects_of(step, names)}
    return found or set(names)


def frames_in(recipe: Recipe, source: Source, frames: range) -> set[int]:
    """Those of the frames that are written on which masks have a part in what a recipe makes.

    An effect that borrows from other frames needs their masks, mattes show those of all frames.
    """
    uses = recipe.effects()
    if (
        not uses
        or any(use.effect.borrows for use in uses)
        or any(step.what != "picture" for step in recipe.exports)
    ):
        return set(frames)
    return {index for use in uses for index in span_of(use.step, source, frames)}


def check_pages(recipe: Recipe, outputs: Iterable[Path], project: Project | None = None) -> None:
    """Refuse outputs beside a page that shows what they hide.

    Args:
        recipe: What the outputs are made by.
        outputs: Their files and folders.
        project: It knows of pages that lie deeper; None where there is none yet.

    Raises:
        InputError: A page of tam-edit lies there.
    """
    if hides(recipe):
        for place in outputs:
            check_delivery(place, () if project is None else checkpoint.pages(project))


def keep(project: Project, recipe: Recipe) -> None:
    """Let this be the recipe that stopped last."""
    project.settings[RECIPE] = recipe.to_toml()


def kept_covers(project: Project, source: Source) -> Covers | None:
    """What the recipe that stopped last hides.

    Returns:
        None where it hides nothing, where frames have no masks yet, or where it cannot be carried
        out any more, because an effect or an object of it is gone.
    """
    text = project.settings.get(RECIPE)
    if text is None or checkpoint.untracked(project):
        return None
    try:
        job = RenderJob(
            recipe=parse_recipe(str(text), "the recipe that was run last"),
            tracks=project.track_set(),
            names=project.objects(),
            in_frame=project.in_frame,
            out_frame=project.out_frame,
            said=said_in(project),
        )
        covers = Covers(source, job)
    except TamEditError:
        return None
    return covers if covers else None
