"""What a recipe asks a person before it is carried out on a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tam_edit.media import Source
from tam_edit.project import Project
from tam_edit.recipe import CheckpointStep, Recipe
from tam_edit.review import Doubt
from tam_edit.session import checkpoint, covers
from tam_edit.session.questions import Scope, keep, questions_of
from tam_edit.tracking import known_cuts


def ask(project: Project, source: Source, recipe: Recipe) -> None:
    """Let reviews go by a recipe's checkpoints; see ``Session.ask``."""
    work = range(project.in_frame, project.out_frame)
    # Where the cuts are is known once it is tracked.
    questions = questions_of(recipe, project, source, lambda: (), work)
    if questions:
        keep(project, questions)


def stops_at(
    project: Project,
    source: Source,
    recipe: Recipe,
    part: range | None,
    cuts: Callable[[], Sequence[int]],
) -> list[Doubt]:
    """What a recipe stops at: doubts about what has a part in its outputs, and what it asks about.

    Args:
        project: The project.
        source: Its video.
        recipe: Reviews go by it from now on.
        part: The frames that are written; all of the work where None.
        cuts: Gives the first frames of new shots.
    """
    written = part or range(project.in_frame, project.out_frame)
    questions = questions_of(recipe, project, source, cuts, written)
    if questions:
        covers.keep(project, recipe)
    return checkpoint.open_doubts(project, source, questions, _scope(project, recipe, written))


def would_stop(
    project: Project, source: Source, recipe: Recipe, step: CheckpointStep, written: range
) -> list[Doubt]:
    """What one of a recipe's checkpoints would stop at as the masks are now; nothing is kept.

    Args:
        project: The project.
        source: Its video.
        recipe: What is asked for.
        step: The checkpoint.
        written: The frames that are written.
    """
    others = [each for each in recipe.steps if not isinstance(each, CheckpointStep)]
    alone = recipe.model_copy(update={"steps": (others[0], step, *others[1:])})
    questions = questions_of(alone, project, source, lambda: known_cuts(project.settings), written)
    return checkpoint.doubts_of(project, source, questions, _scope(project, recipe, written))


def _scope(project: Project, recipe: Recipe, written: range) -> Scope:
    return Scope(
        object_ids=tuple(sorted(covers.objects_in(recipe, project.objects()))),
        start=written.start,
        stop=written.stop,
        borrows=any(use.effect.borrows for use in recipe.effects()),
    )
