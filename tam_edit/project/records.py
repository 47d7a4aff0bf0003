"""Values inside the rows: JSON, times, and what to say where they are damaged."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tam_edit.errors import InputError, ProjectError


def to_json(value: object, what: str) -> str:
    """A value as one line of JSON.

    Args:
        value: Made of mappings, sequences, strings, finite numbers, booleans and None.
        what: Names the value in the error.

    Raises:
        InputError: It cannot be written as JSON.
    """
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be kept in a project: {error}") from error


def from_json(text: object, what: str) -> object:
    """The value that ``to_json`` wrote.

    Args:
        text: As it was read.
        what: Names the place, and the file that it is in, in the error.

    Raises:
        ProjectError: The text is damaged.
    """
    try:
        return json.loads(text)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise damaged(what, str(error)) from error


def damaged(what: str, why: str) -> ProjectError:
    """The error for a row that does not hold what this tam-edit wrote there."""
    return ProjectError(
        f"{what} is damaged: {why}",
        hint="go back to a copy of it, or make the project anew with tam-edit new --overwrite",
    )


def now() -> str:
    """This moment in UTC as ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
