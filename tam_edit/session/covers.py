"""What the last recipe with a checkpoint hides, for the page on which a person looks at it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tam_edit.errors import TamEditError
from tam_edit.media import Source
from tam_edit.project import Project
from tam_edit.recipe import Recipe, parse_recipe
from tam_edit.render import Covers, RenderJob, said_in
from tam_edit.review import check_delivery
from tam_edit.session import checkpoint

# A setting of a project: the last recipe with a checkpoint, as TOML.
RECIPE = "recipe_asked"


def hides(recipe: Recipe) -> bool:
    """Whether a recipe may hide something: cut-outs, mattes, lines and the bare video do not."""
    effects = [use.effect for use in recipe.effects()]
    keeps = all(step.copy_metadata for step in recipe.exports)
    return not keeps or any(effect.hides or effect.edge == "cover" for effect in effects)


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
