"""Every error that tam-edit raises on purpose.

::

    TamEditError                 exit code 1, one sentence, one hint
    ├── InputError               (ValueError)   a value that cannot be used
    ├── UnknownNameError         (LookupError)  no such preset, effect, model, object …
    ├── MediaError               (OSError)
    │   ├── OpenError            the file cannot be opened or is no video
    │   ├── DecodeError          the file breaks off or is damaged
    │   └── EncodeError          the output cannot be written or would not hold what was promised
    ├── ModelError               (RuntimeError)
    │   ├── NotInstalledError    weights or a package are missing
    │   ├── WeightsError         weights are not what they should be
    │   └── OutOfMemoryError     the device is too small for these settings
    ├── DocumentError            (ValueError)
    │   ├── RecipeError          a recipe that does not hold together
    │   └── ProjectError         a project file that cannot be used
    └── ReviewPending            exit code 3: a person is wanted; not a failure
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ALIKE = 0.7  # names of files, of 1
SLIP = 0.75  # names of objects: from here on one may be a slip of the pen
AS_LIKE = 0.05  # two names that differ no more than this in likeness are both proposed


class TamEditError(Exception):
    """Something could not be done; the message says what, where and what to do.

    Attributes:
        hint: One sentence on what to do next; empty where the message already says it.
        exit_code: What the command line returns.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        """The sentence, also where a base such as ``OSError`` would format it otherwise."""
        return str(self.args[0])


class InputError(TamEditError, ValueError):
    """A value that cannot be used."""


class UnknownNameError(TamEditError, LookupError):
    """A name that nothing is registered under; the hint proposes the nearest known one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        called = name if name.isdecimal() else f"called {name!r}"
        super().__init__(f"there is no {kind} {called}", hint=did_you_mean(name, names))
        self.kind = kind
        self.name = name


class MediaError(TamEditError, OSError):
    """A video, a picture or a folder of them that cannot be read or written."""


class OpenError(MediaError):
    """The file cannot be opened or holds no video."""


class DecodeError(MediaError):
    """The file breaks off or is damaged."""


class EncodeError(MediaError):
    """The output cannot be written, or would not hold what was promised."""


class ModelError(TamEditError, RuntimeError):
    """A model could not do its work."""


class NotInstalledError(ModelError):
    """Weights or a package are missing."""


class WeightsError(ModelError):
    """A weights file is not what it should be."""


class OutOfMemoryError(ModelError):
    """The device is too small for these settings."""


class DocumentError(TamEditError, ValueError):
    """A saved document that cannot be used."""


class RecipeError(DocumentError):
    """A recipe that does not hold together."""


class ProjectError(DocumentError):
    """A project file that cannot be used."""


class ReviewPending(TamEditError):  # noqa: N818 - it is not a failure
    """A checkpoint is open: a person must look before the work goes on.

    The message lists what to look at, one line each; the hint has one line for each way on.

    Attributes:
        doubts: What is doubtful, as JSON values.
    """

    exit_code = 3

    def __init__(
        self, message: str, *, hint: str = "", doubts: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.doubts = tuple(doubts)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name or two, or all of them where none is near."""
    names = sorted(known)
    near = [each for each in names if each.casefold() == name.casefold()]
    near = near or difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if near:
        first = _likeness(name, near[0])
        meant = [each for each in near if first - _likeness(name, each) <= AS_LIKE]
        return f"did you mean {' or '.join(map(repr, meant))}?"
    return f"known names: {', '.join(names)}" if names else "none is known"


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, other, name).ratio()


def nearest(name: str, known: Iterable[str], likeness: float) -> str | None:
    """The known name that is most like a name; None where none is as alike as that, 0 to 1."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=likeness)), None)


def meant_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that may be meant by one that is not known; None where none is like it."""
    folded = {other.casefold(): other for other in known}
    return folded.get(name.casefold()) or nearest(name, folded.values(), SLIP)


def meant_file(path: Path, suffix: str = "") -> str:
    """A hint at the file that is there and has nearly that name; empty where there is none.

    Args:
        path: A file that is not there, or not what it should be.
        suffix: How the names end that are proposed.
    """
    try:
        beside = [each for each in path.parent.iterdir() if each.name.endswith(suffix)]
    except OSError:
        return ""
    # The extension alone makes two names alike, and means nothing.
    others = [each for each in beside if each.name != path.name]
    alike = [each.name for each in others if _likeness(path.stem, each.stem) >= ALIKE]
    longer = [each.name for each in others if path.stem and path.stem in each.stem]
    meant = nearest(path.name, alike, ALIKE) or nearest(path.name, longer, 0)
    return "" if meant is None else f"did you mean {path.with_name(meant)}?"
