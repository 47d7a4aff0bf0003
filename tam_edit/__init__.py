"""tam-edit: click an object in a video, have it tracked, and blur, remove or cut it out.

What a script needs is here, and loaded when it is first asked for: :class:`Session`,
:class:`ObjectPrompts`, :class:`Prompts`, :class:`ReviewPending`, :func:`load_preset` and
:func:`load_recipe`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tam_edit.errors import ReviewPending
    from tam_edit.presets import load_preset
    from tam_edit.prompts import ObjectPrompts, Prompts
    from tam_edit.recipe import load_recipe
    from tam_edit.session import Session

__version__ = "0.1.0"
__all__ = ["ObjectPrompts", "Prompts", "ReviewPending", "Session", "load_preset", "load_recipe"]

_PLACES = {
    "ObjectPrompts": "tam_edit.prompts",
    "Prompts": "tam_edit.prompts",
    "ReviewPending": "tam_edit.errors",
    "Session": "tam_edit.session",
    "load_preset": "tam_edit.presets",
    "load_recipe": "tam_edit.recipe",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    thing: object = getattr(import_module(_PLACES[name]), name)
    return thing


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
