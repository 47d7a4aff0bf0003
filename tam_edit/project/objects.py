"""The objects of a project: an id that stays, and a name."""

from __future__ import annotations

from collections.abc import Iterable

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.project.records import now
from tam_edit.project.store import Store
from tam_edit.types import ObjectId


def names(store: Store) -> dict[ObjectId, str]:
    """The name of every object, by ascending id."""
    return dict(store.rows("SELECT id, name FROM object WHERE removed IS NULL ORDER BY id"))


def former_names(store: Store) -> dict[ObjectId, str]:
    """The name of every object that was removed, by ascending id."""
    return dict(store.rows("SELECT id, name FROM object WHERE removed IS NOT NULL ORDER BY id"))


def add(store: Store, name: str) -> ObjectId:
    """Write a new object inside the open transaction; one that was removed comes back.

    Raises:
        InputError: The name is empty or taken.
    """
    if not name.strip():
        raise InputError("an object needs a name", hint="give one with --object NAME")
    if name in names(store).values():
        raise InputError(f"there is an object called {name!r} already", hint="choose another name")
    former = [object_id for object_id, known in former_names(store).items() if known == name]
    if former:
        store.write("UPDATE object SET removed = NULL WHERE id = ?", (former[0],))
        return former[0]
    return store.write("INSERT INTO object (name) VALUES (?)", (name,))


def remove(store: Store, object_id: ObjectId) -> None:
    """Let an object be no more, inside the open transaction; what was decided of it stays."""
    store.write("UPDATE object SET removed = ? WHERE id = ?", (now(), object_id))


def id_of(store: Store, name: str) -> ObjectId:
    """The object of that name.

    Raises:
        UnknownNameError: There is none.
    """
    ids = {known: object_id for object_id, known in names(store).items()}
    if name not in ids:
        raise UnknownNameError("object", name, ids)
    return ids[name]


def check(store: Store, object_ids: Iterable[ObjectId]) -> None:
    """Refuse ids that no object has.

    Raises:
        UnknownNameError: There is no such object.
    """
    known = names(store)
    for object_id in object_ids:
        if object_id not in known:
            raise UnknownNameError("object", str(object_id), map(str, known))
