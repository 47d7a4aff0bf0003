"""What the last recipe with a checkpoint hides, for the page on which a person looks at it."""

from __future__ import annotations

from tam_edit.errors import TamEditError
from tam_edit.media import Source
from tam_edit.project import Project
from tam_edit.recipe import Recipe, parse_recipe
from tam_edit.render import Covers, RenderJob, said_in
from tam_edit.session import checkpoint

# A setting of a project: the last recipe with a checkpoint, as TOML.
RECIPE = "recipe_asked"


def hides(recipe: Recipe) -> bool:
    """Whether a recipe may hide something: a cut-out, a matte or the video as it is does not."""
    shows = all(use.effect.needs_alpha and use.effect.edge == "soft" for use in recipe.effects())
    return not (shows and all(step.copy_metadata for step in recipe.exports))


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
