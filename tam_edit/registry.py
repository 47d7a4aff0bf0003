"""Names for interchangeable parts: built-ins and what other packages bring.

Nothing registers itself by being imported. Built-ins stand in a list that their pack keeps, other
packages announce theirs as entry points; both are read when a name is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeAlias, TypeVar

from tam_edit.errors import InputError, NotInstalledError, UnknownNameError

T = TypeVar("T")
Loaders: TypeAlias = Mapping[str, Callable[[], T]]


@dataclass(frozen=True)
class _Entry(Generic[T]):
    provider: str
    load: Callable[[], T]


class Registry(Generic[T]):
    """Finds one kind of thing by name.

    Args:
        kind: What it holds, in the singular, for messages: ``"effect"``.
        group: Entry-point group under which other packages announce theirs.
        builtins: Called at the first question; gives what this package brings, each with a
            function that loads it (:func:`from_pack`, :func:`from_references`).

    Example:
        >>> from tam_edit.effect import EFFECTS
        >>> EFFECTS.get("blur").name
        'blur'
    """

    def __init__(self, kind: str, *, group: str, builtins: Callable[[], Loaders[T]]) -> None:
        self.kind = kind
        self.group = group
        self._builtins = builtins
        self._known: dict[str, _Entry[T]] | None = None

    def names(self) -> tuple[str, ...]:
        """Every name, sorted; other packages' things are listed without being imported.

        Raises:
            InputError: Two packages announce the same name.
        """
        return tuple(sorted(self._entries()))

    def provider(self, name: str) -> str:
        """The package that brings this name.

        Raises:
            UnknownNameError: Nothing has that name; the hint proposes the nearest.
        """
        return self._entry(name).provider

    def get(self, name: str) -> T:
        """The thing of that name.

        Raises:
            UnknownNameError: Nothing has that name; the hint proposes the nearest.
            NotInstalledError: Its package announces it but cannot be imported.
        """
        entry = self._entry(name)
        try:
            return entry.load()
        except (ImportError, AttributeError) as error:
            raise NotInstalledError(
                f"the {self.kind} {name!r} of {entry.provider} cannot be loaded: {error}"
            ) from error

    def _entry(self, name: str) -> _Entry[T]:
        entries = self._entries()
        if name not in entries:
            raise UnknownNameError(self.kind, name, entries)
        return entries[name]

    def _entries(self) -> dict[str, _Entry[T]]:
        if self._known is None:
            known = {name: _Entry("tam_edit", load) for name, load in self._builtins().items()}
            for point in entry_points(group=self.group):
                entry: _Entry[T] = _Entry(_provider_of(point), point.load)
                if point.name in known:
                    raise InputError(
                        f"two packages bring the {self.kind} {point.name!r}: "
                        f"{known[point.name].provider} and {entry.provider}",
                        hint=f"uninstall {entry.provider}, or have it renamed",
                    )
                known[point.name] = entry
            self._known = known
        return self._known


def from_pack(module: str) -> Callable[[], Loaders[Any]]:
    """Built-ins listed in the ``__all__`` of a module, each under its own ``name``."""

    def found() -> Loaders[Any]:
        pack = import_module(module)
        things = [getattr(pack, attribute) for attribute in pack.__all__]
        loaders: dict[str, Callable[[], Any]] = {}
        for thing in things:
            if thing.name in loaders:
                raise InputError(f"{module} lists two things called {thing.name!r}")
            loaders[thing.name] = partial(_itself, thing)
        return loaders

    return found


def from_references(references: Mapping[str, str]) -> Callable[[], Loaders[Any]]:
    """Built-ins that stay unimported until they are fetched.

    Args:
        references: For each name ``"package.module:attribute"``, as entry points write it.
    """

    def found() -> Loaders[Any]:
        return {
            name: EntryPoint(name=name, value=reference, group="").load
            for name, reference in references.items()
        }

    return found


def _itself(thing: T) -> T:
    return thing


def _provider_of(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
