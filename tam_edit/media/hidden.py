"""Hidden names: what is being written stands under none of the names that users know."""

from __future__ import annotations

import glob
import os
import shutil
import weakref
from pathlib import Path


def partial_path(target: Path) -> Path:
    """The hidden name that a target has while it is written.

    What killed processes left under such names of the same target is removed.
    """
    clear_leftovers(target)
    return target.with_name(f".{target.stem}.part-{os.getpid()}{target.suffix}")


def removed_with(owner: object, hidden: Path) -> weakref.finalize[..., object]:
    """Have what lies under a hidden name removed with its writer, however that goes.

    An interruption may come between two lines of Python, where no ``try`` holds.

    Args:
        owner: The writer; at the latest it goes when the process ends.
        hidden: The file or folder.

    Returns:
        What is to be detached once the writer has removed or renamed it.
    """
    return weakref.finalize(owner, _remove, hidden)


def clear_leftovers(target: Path) -> None:
    """Remove what killed processes left of a target under hidden names.

    A folder that one of them had moved aside, to put another in its place, comes back.
    """
    for left in target.parent.glob(f".{glob.escape(target.stem)}.part-*{target.suffix}"):
        if _is_left(left.name.removesuffix(target.suffix)):
            _remove(left)
    for left in target.parent.glob(f".{glob.escape(target.name)}.former-*"):
        if _is_left(left.name):
            if target.exists():
                _remove(left)
            else:
                left.rename(target)


def take_place(folder: Path, target: Path) -> None:
    """Give a folder the name of another one, which goes."""
    if not target.is_dir():
        folder.rename(target)
        return
    # A folder cannot replace a full one in one step: the old one moves aside first.
    former = target.with_name(f".{target.name}.former-{os.getpid()}")
    try:
        target.rename(former)
        folder.rename(target)
    except BaseException:
        if former.exists() and not target.exists():
            former.rename(target)
        raise
    shutil.rmtree(former)


def _is_left(name: str) -> bool:
    """Whether the process that a hidden name ends with is gone."""
    writer = name.rpartition("-")[2]
    return writer.isdecimal() and not _is_running(int(writer))


def _remove(left: Path) -> None:
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # no Linux
    # A killed process stays in the list, as a zombie, until the one that began it looks.
    return stat.rpartition(")")[2].split()[:1] != ["Z"]
