"""Where an export goes: what is refused, and that nothing unfinished stands there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tam_edit.errors import EncodeError, TamEditError
from tam_edit.media import Source
from tam_edit.media.hidden import partial_path


def check_file(
    path: Path, source: Source, extensions: Iterable[str], what: str, *, overwrite: bool
) -> None:
    """Refuse a file that an export must not be written to, before any work begins.

    Args:
        path: The target.
        source: The video, which is never replaced.
        extensions: Those that the file may have.
        what: The name of the format, for the message.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        EncodeError: It is a folder, the video itself, there already, of another extension, or
            its folder is missing or read-only.
    """
    known = tuple(extensions)
    if path.suffix.lower() not in known:
        raise EncodeError(
            f"{what} is not written to {path.name}",
            hint=f"end the name in {' or '.join(known)}",
        )
    if path.is_dir():
        raise EncodeError(f"{path} is a folder", hint="give the file a name")
    _check_parent(path)
    if path.exists() and os.path.samefile(path, source.info.path):  # noqa: PTH121
        raise EncodeError(f"the output {path} is the input itself", hint="write to another name")
    if path.exists() and not overwrite:
        raise EncodeError(f"{path} exists already", hint="add --overwrite to replace it")


@contextmanager
def finished_file(path: Path) -> Iterator[Path]:
    """A hidden name to write a file under; it gets its own name when the block ends well.

    Raises:
        EncodeError: It cannot be written.
    """
    part = partial_path(path)
    try:
        yield part
        part.replace(path)
    except TamEditError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def named_after(path: Path, name: str) -> Path:
    """The target of one object: ``mask.json`` of ``the dog`` is ``mask_the-dog.json``."""
    safe = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "object"
    return path.with_name(f"{path.stem}_{safe}{path.suffix}")


def _check_parent(path: Path) -> None:
    parent = path.absolute().parent
    if not parent.is_dir():
        raise EncodeError(f"there is no folder {parent}", hint="make it first, or check the path")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise EncodeError(f"the folder {parent} may not be written to")


def _unwritable(path: Path, error: OSError) -> EncodeError:
    return EncodeError(
        f"{path} cannot be written: {error.strerror or error}",
        hint="name a place that can be written to, on a disk with room",
    )
