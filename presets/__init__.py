"""The built-in presets: one recipe per real job, one file each in ``recipes``.

Other packages add theirs under the entry point group ``tam_edit.presets``: the name is the
preset's, the object a path (:class:`pathlib.Path` or what ``importlib.resources.files`` gives) of
its TOML file.
"""

if __name__ != "tam_edit.presets":
    raise ImportError(
        f"the presets were imported as {__name__!r}: install tam-edit (pip install -e .) and "
        "import tam_edit.presets"
    )

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from tam_edit.errors import RecipeError
from tam_edit.recipe import Recipe, load_recipe, parse_recipe
from tam_edit.registry import Registry

__all__ = ["PRESETS", "load_preset", "preset_names", "preset_text"]

_SUFFIX = ".toml"


def _built_in() -> dict[str, Callable[[], Traversable]]:
    recipes = files(__name__).joinpath("recipes")
    return {
        place.name.removesuffix(_SUFFIX): partial(_itself, place)
        for place in recipes.iterdir()
        if place.name.endswith(_SUFFIX)
    }


def _itself(place: Traversable) -> Traversable:
    return place


#: Where the recipe of every preset lies, by the preset's name.
PRESETS: Registry[Traversable] = Registry("preset", group="tam_edit.presets", builtins=_built_in)


def preset_names() -> tuple[str, ...]:
    """Every preset's name, sorted: the built-in ones and those of other packages."""
    return PRESETS.names()


def load_preset(name_or_path: str | Path) -> Recipe:
    """The recipe of a preset, or the one in a file of your own.

    Args:
        name_or_path: A preset's name, or a path that ends in ``.toml``.

    Raises:
        UnknownNameError: No preset has that name; the hint proposes the nearest.
        RecipeError: The recipe cannot be read or does not hold together.
    """
    if str(name_or_path).lower().endswith(_SUFFIX):
        return load_recipe(name_or_path)
    name = str(name_or_path)
    place = PRESETS.get(name)
    folder = place.parent if isinstance(place, Path) else None
    return parse_recipe(preset_text(name), f"preset {name}", folder=folder)


def preset_text(name: str) -> str:
    """The TOML text of a preset, with the comment that explains its numbers.

    Raises:
        UnknownNameError: No preset has that name; the hint proposes the nearest.
        RecipeError: Another package announces it, but not as the path of a text file.
    """
    place = PRESETS.get(name)
    if not isinstance(place, Traversable):
        raise RecipeError(
            f"the preset {name!r} of {PRESETS.provider(name)} is a {type(place).__name__}, "
            "not the path of a recipe",
            hint=f"report this to the makers of {PRESETS.provider(name)}",
        )
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"the preset {name!r} of {PRESETS.provider(name)} cannot be read: {error}",
            hint=f"install {PRESETS.provider(name)} again",
        ) from error
