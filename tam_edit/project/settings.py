"""Small values by name, kept as JSON."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from tam_edit.project.records import from_json, to_json
from tam_edit.project.store import Store


class Settings(MutableMapping[str, object]):
    """A dictionary that lives in the project; every change is on disk when it returns.

    A value comes back as JSON has it: a tuple as a list.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, name: str) -> object:
        rows = self._store.rows("SELECT value FROM setting WHERE name = ?", (name,))
        if not rows:
            raise KeyError(name)
        return from_json(rows[0][0], f"the setting {name!r} of {self._store.path}")

    def __setitem__(self, name: str, value: object) -> None:
        text = to_json(value, f"the setting {name!r}")
        self._change("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, text))

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._change("DELETE FROM setting WHERE name = ?", (name,))

    def __iter__(self) -> Iterator[str]:
        rows = self._store.rows("SELECT name FROM setting ORDER BY name")
        return iter([name for (name,) in rows])

    def __len__(self) -> int:
        return int(self._store.rows("SELECT count(*) FROM setting")[0][0])

    def _change(self, statement: str, parameters: tuple[str, ...]) -> None:
        with self._store.joined_transaction():
            self._store.write(statement, parameters)
