"""The folder of a review page: private, and never beside what is delivered."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from tam_edit.errors import EncodeError, InputError, TamEditError
from tam_edit.review.reports import reported

PAGE = "index.html"
PART = ".index.html.part"
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
#: By this in its head a page of tam-edit is recognised, whoever made it.
GENERATOR = '<meta name="generator" content="tam-edit">'
#: By this the page of one frame, which the next page may replace: it is soon made again.
ONE_FRAME = '<meta name="tam-edit-page" content="frame">'
HEAD_BYTES = 2000


def check_folder(
    folder: str | Path,
    outputs: Collection[str | Path],
    *,
    overwrite: bool = False,
    command: str = "",
    kind: str = "review",
) -> None:
    """Refuse a folder that a review page must not lie in, before any work begins.

    Args:
        folder: Where the page is to be made.
        outputs: Where the project's outputs were written, or were to be, that hide something;
            others are known by the reports beside them.
        overwrite: Whether a page that stands there is replaced.
        command: What makes the page with a folder after it, for the error.
        kind: What the proposed folder is called after.

    Raises:
        InputError: It is the folder of an output, or inside it.
        EncodeError: It is a file, holds something else, or holds a page that must stay.
    """
    folder = Path(folder)
    place = folder.resolve()
    outputs = [*outputs, *reported(place), *reported(place.parent)]
    for output in outputs:
        delivery = Path(output).resolve().parent
        if place.is_relative_to(delivery):
            raise InputError(
                f"{folder} lies in {delivery}, the folder of the output {Path(output).name}, "
                "which hides something; a review page shows people unredacted and must not lie "
                "beside what is delivered",
                hint=f"name a folder elsewhere, such as: {command}{proposed_option(outputs, kind)}",
            )
    if not folder.exists():
        return
    if not folder.is_dir():
        raise EncodeError(f"{folder} is a file, but a review page needs a folder")
    try:
        found = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise EncodeError(f"{folder} cannot be read ({error.strerror})") from error
    foreign = [name for name in found if name not in (PAGE, PART)]
    if foreign:
        raise EncodeError(
            f"{folder} holds {foreign[0]!r}, which is no review page, so it is left alone",
            hint="name a new folder",
        )
    if PAGE in found and not overwrite and not _has(folder / PAGE, ONE_FRAME):
        raise EncodeError(
            f"{folder} already holds a page of tam-edit",
            hint="add --overwrite or name another folder",
        )


def check_delivery(output: str | Path, pages: Iterable[str | Path]) -> None:
    """Refuse an output beside or above a page of tam-edit that is still there.

    Args:
        output: An output that hides something.
        pages: Those that are known of; others are looked for in its folder and the folders in it.

    Raises:
        InputError: Pages show people unredacted in the folder of the output.
    """
    delivery = Path(output).resolve().parent
    known = [Path(page).resolve() for page in pages]
    beside = [page for page in known if page.is_relative_to(delivery) and page.exists()]
    found = list(dict.fromkeys([*beside, *_pages_in(delivery)]))
    if found:
        listed = ", ".join(map(str, found))
        told = "the page {} shows" if len(found) == 1 else "the pages {} show"
        raise InputError(
            f"{told.format(listed)} people unredacted and would lie beside {output}",
            hint=f"delete {'it' if len(found) == 1 else 'them'}, or write the output into another "
            "folder",
        )


def _pages_in(folder: Path) -> Iterator[Path]:
    """Pages of tam-edit in a folder and in the folders in it."""
    for page in (folder / PAGE, *sorted(folder.glob(f"*/{PAGE}"))):
        if _has(page, GENERATOR):
            yield page


def _has(page: Path, mark: str) -> bool:
    try:
        with page.open("rb") as file:
            return mark.encode() in file.read(HEAD_BYTES)
    except OSError:  # none there, or none of ours: ours can be read
        return False


def write_page(folder: str | Path, parts: Iterable[str]) -> Path:
    """Write a page that only its owner can read; it appears under its name when it is whole.

    Args:
        folder: Made where it does not exist.
        parts: The page, in order.

    Returns:
        The page's file.

    Raises:
        EncodeError: It cannot be written.
    """
    folder = Path(folder)
    part, page = folder / PART, folder / PAGE
    is_new = not folder.exists()
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        folder.chmod(PRIVATE_FOLDER)
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for text in parts:
                file.write(text)
            file.flush()
            os.fsync(descriptor)
        part.replace(page)
    except OSError as error:
        if isinstance(error, TamEditError):
            raise
        raise EncodeError(
            f"{page}: the review page cannot be written ({error.strerror or error})",
            hint="name a folder that can be made, on a disk with room",
        ) from error
    finally:
        part.unlink(missing_ok=True)
        if is_new and folder.is_dir() and not page.exists():
            folder.rmdir()
    return page


def proposed_option(outputs: Collection[str | Path], kind: str = "review") -> str:
    """The option that makes a page in the proposed folder; it replaces one that is there."""
    folder = proposed_folder(outputs, kind)
    again = " --overwrite" if (folder / PAGE).exists() else ""
    return f"--html {shlex.quote(str(folder))}{again}"


def proposed_folder(outputs: Collection[str | Path], kind: str = "review") -> Path:
    """A folder for a page that lies in no output's folder.

    Args:
        outputs: Where the project's outputs were written, or were to be, the newest last.
        kind: What it is called after, beside the newest output.
    """
    taken = [Path(output).resolve().parent for output in outputs]
    delivery = taken[-1] if taken else Path.cwd()
    names = [delivery.name or "video", *(Path(each).name.split(".")[0] for each in [*outputs][-1:])]
    name = "-".join(filter(None, [*names, kind]))
    for base in (delivery.parent, Path.home(), Path("/var/tmp")):  # noqa: S108 - only proposed
        place = base / name
        if os.access(base, os.W_OK) and not any(place.is_relative_to(other) for other in taken):
            return place
    return Path(f"/{kind}")
