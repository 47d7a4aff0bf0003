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

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from tam_edit.errors import RecipeError, meant_file
from tam_edit.recipe import SUFFIX, Recipe, load_recipe, parse_recipe
from tam_edit.registry import Registry

__all__ = ["PRESETS", "load_preset", "preset_comment", "preset_names", "preset_text"]


def _built_in() -> dict[str, Callable[[], Traversable]]:
    recipes = files(__name__).joinpath("recipes")
    return {
        place.name.removesuffix(SUFFIX): partial(_itself, place)
        for place in recipes.iterdir()
        if place.name.endswith(SUFFIX)
    }


def _itself(place: Traversable) -> Traversable:
    return place


#: Where the recipe of every preset lies, by the preset's name.
PRESETS: Registry[Traversable] = Registry("preset", group="tam_edit.presets", builtins=_built_in)


def preset_names() -> tuple[str, ...]:
    """Every preset's name, sorted: the built-in ones and those of other packages."""
    return PRESETS.names()


def load_preset(name_or_path: str | Path, settings: Sequence[str] = ()) -> Recipe:
    """The recipe of a preset, or the one in a file of your own.

    Args:
        name_or_path: A preset's name, or the path of a recipe: text that ends in ``.toml``, or a
            :class:`~pathlib.Path`.
        settings: Changes to it, ``STEP.KEY=VALUE`` each, such as ``fill.color=white``.

    Raises:
        UnknownNameError: No preset has that name; the hint proposes the nearest.
        RecipeError: The recipe cannot be read or does not hold together.
    """
    if isinstance(name_or_path, Path) or name_or_path.lower().endswith(SUFFIX):
        return load_recipe(name_or_path, settings=settings, presets=_text_and_folder)
    if name_or_path not in PRESETS.names():
        _check_is_no_file(Path(name_or_path))
    text, folder = _text_and_folder(name_or_path)
    return parse_recipe(
        text,
        f"preset {name_or_path}",
        folder=folder,
        settings=settings,
        presets=_text_and_folder,
    )


def _check_is_no_file(place: Path) -> None:
    """Refuse what was meant as a file, and is none that a recipe could be."""
    if place.name == str(place) and not place.suffix:
        return
    raise RecipeError(
        f"{place} is neither a preset nor a recipe",
        hint=meant_file(place, SUFFIX)
        or f"recipes end in {SUFFIX}; `tam-edit presets list` names the presets",
    )


def _text_and_folder(name: str) -> tuple[str, Path | None]:
    text, place = preset_text(name), PRESETS.get(name)
    return text, place.parent if isinstance(place, Path) else None


def preset_comment(name: str) -> str:
    """For whom a preset is and why its numbers: the comment above it; empty where there is none.

    Raises:
        UnknownNameError: No preset has that name; the hint proposes the nearest.
        RecipeError: As :func:`preset_text`.
    """
    lines = itertools.takewhile(lambda line: line.startswith("#"), preset_text(name).splitlines())
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)


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
