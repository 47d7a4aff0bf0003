"""Weights that can be fetched: where they come from, where they lie, whether they are right.

Nothing is fetched unless ``fetch`` is called. Every file is measured against a SHA-256: the
published one, or the one that was shown, confirmed and written down at the first fetch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tam_edit.errors import NotInstalledError, UnknownNameError, WeightsError

FOLDER_VARIABLE = "TAM_EDIT_WEIGHTS"
PINS_FILE = "pins.json"
SAM_URL = "https://dl.fbaipublicfiles.com/segment_anything"
XMEM_URL = "https://github.com/hkchengrex/XMem/releases/download/v1.0"
CHUNK_BYTES = 1 << 20

Role = Literal["segmenter", "propagator"]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One file that can be fetched.

    Attributes:
        name: What it is asked for by.
        role: What it is used for.
        file: Its name in the folder of weights.
        url: Where its authors publish it.
        licence: Under which it may be used.
        summary: What it is, in one line.
        size: Bytes; None where no source says it.
        sha256: None where no source says it.
        md5_start: The first hexadecimal digits of its MD5, where the authors put them into the
            file's name.
    """

    name: str
    role: Role
    file: str
    url: str
    licence: str
    summary: str
    size: int | None = None
    sha256: str | None = None
    md5_start: str = ""


def _sam(kind: str, summary: str, size: int, sha256: str, md5_start: str) -> Weights:
    file = f"sam_{kind}_{md5_start}.pth"
    return Weights(
        name=f"sam_{kind}",
        role="segmenter",
        file=file,
        url=f"{SAM_URL}/{file}",
        licence="Apache-2.0",
        summary=f"Segment Anything {summary}",
        size=size,
        sha256=sha256,
        md5_start=md5_start,
    )


def _xmem(name: str, file: str, summary: str) -> Weights:
    return Weights(
        name=name,
        role="propagator",
        file=file,
        url=f"{XMEM_URL}/{file}",
        licence="MIT",
        summary=f"XMem: {summary}",
    )


# Of one role the first one that is installed is used.
# SHA-256 of Segment Anything as in github.com/computational-cell-analytics/micro-sam,
# micro_sam/util.py; the digits in the file names are the first six of the MD5. For XMem none is
# published.
WEIGHTS: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        _sam(
            "vit_h",
            "ViT-H: clicks become masks; the most exact and slowest",
            2_564_550_879,
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            "4b8939",
        ),
        _sam(
            "vit_l",
            "ViT-L: clicks become masks; between the other two",
            1_249_524_607,
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
            "0b3195",
        ),
        _sam(
            "vit_b",
            "ViT-B: clicks become masks; the fastest, for work without a GPU",
            375_042_383,
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            "01ec64",
        ),
        _xmem("xmem_s012", "XMem-s012.pth", "carries masks; the one that Track Anything uses"),
        _xmem("xmem", "XMem.pth", "carries masks; the paper's main model"),
        _xmem("xmem_s2", "XMem-s2.pth", "carries masks; trained on videos alone"),
        _xmem("xmem_no_sensory", "XMem-no-sensory.pth", "carries masks; without sensory memory"),
    )
}


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What tells one file from another.

    Attributes:
        size: Bytes.
        sha256: Hexadecimal.
    """

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A file of weights that is what it should be, as far as that is known.

    Attributes:
        path: The file.
        fingerprint: Its own.
        source: Who says so: its publisher, an earlier fetch, or nobody.
    """

    path: Path
    fingerprint: Fingerprint
    source: Literal["published", "pinned", "unknown"]


def weights_folder() -> Path:
    """Where weights lie: ``TAM_EDIT_WEIGHTS``, else a folder in the user's cache."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("tam-edit")) / "weights"


def weights_of(name: str) -> Weights:
    """The weights of a name.

    Raises:
        UnknownNameError: There are none.
    """
    if name not in WEIGHTS:
        raise UnknownNameError("weights file", name, WEIGHTS)
    return WEIGHTS[name]


def path_of(name: str) -> Path:
    """Where the file of a name lies, or would lie."""
    return weights_folder() / weights_of(name).file


def installed(role: Role) -> list[str]:
    """Names of the weights that are there, the preferred one first."""
    return [w.name for w in WEIGHTS.values() if w.role == role and path_of(w.name).is_file()]


def required(name: str) -> Path:
    """The file of a name, after a look at its size.

    Raises:
        NotInstalledError: It is not there.
        WeightsError: It breaks off or is too long.
    """
    weights, path = weights_of(name), path_of(name)
    if not path.is_file():
        raise NotInstalledError(
            f"the weights {name!r} are not installed in {path.parent}",
            hint=f"tam-edit models fetch {name}",
        )
    known = _known(weights)
    _check_size(path, path.stat().st_size, weights.size or (known.size if known else None))
    return path


def check(name: str) -> Checked:
    """Compare the whole file of a name with what is known of it.

    Raises:
        NotInstalledError: It is not there.
        WeightsError: It is not what it should be.
    """
    weights, path = weights_of(name), required(name)
    own = _fingerprint(path)
    _check_hashes(weights, path, path, own)
    if weights.sha256 is not None:
        return Checked(path=path, fingerprint=own, source="published")
    is_pinned = _known(weights) is not None
    return Checked(path=path, fingerprint=own, source="pinned" if is_pinned else "unknown")


def fetch(
    name: str,
    *,
    confirm: Callable[[Weights, Fingerprint], bool],
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Download weights, compare them, and put them where they are looked for.

    Under their name stands a whole and checked file or none. What is there already is only
    compared.

    Args:
        name: One of ``WEIGHTS``.
        confirm: Asked about a file of which no SHA-256 is known; True writes it down for good.
        progress: Told the bytes done and the bytes in all (0 where the server does not say).

    Raises:
        NotInstalledError: The server cannot be reached or does not give the file, the download
            broke off, the folder cannot be written, or the file was not confirmed.
        WeightsError: What came is not what it should be.
    """
    weights, path = weights_of(name), path_of(name)
    if path.is_file():
        if check(name).source == "unknown":
            _confirmed(weights, path, confirm)
        return path
    part = path.with_name(path.name + ".part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(weights, part, progress)
            _check_size(part, part.stat().st_size, weights.size, shown=path.name)
            if weights.sha256 is None and _known(weights) is None:
                _confirmed(weights, part, confirm)
            else:
                _check_hashes(weights, part, path, _fingerprint(part))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise NotInstalledError(
            f"{path.parent}: weights cannot be written here ({error.strerror or error})",
            hint=f"make room, or name another folder with {FOLDER_VARIABLE}",
        ) from error
    return path


def _download(weights: Weights, part: Path, progress: Callable[[int, int], None] | None) -> None:
    import pooch
    import requests

    bar = False if progress is None else _Bar(progress)
    load = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK_BYTES)
    try:
        load(weights.url, str(part), None)
    except requests.HTTPError as error:
        raise NotInstalledError(
            f"{weights.name}: the server does not give the file: {error}",
            hint=f"download the file in another way and put it in {part.parent}",
        ) from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise NotInstalledError(
            f"{weights.name}: the download broke off",
            hint="repeat the same command",
        ) from error
    except requests.RequestException as error:
        raise NotInstalledError(
            f"{weights.name}: {weights.url} cannot be reached: {type(error).__name__}",
            hint="look after the network, or download the file elsewhere and put it in "
            f"{part.parent}",
        ) from error


class _Bar:
    """What pooch calls a progress bar."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self.total = 0
        self._done = 0
        self._tell = tell

    def update(self, count: int) -> None:
        self._done = min(self._done + count, self.total) if self.total else self._done + count
        self._tell(self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        self._tell(self.total, self.total)


def _confirmed(
    weights: Weights, file: Path, confirm: Callable[[Weights, Fingerprint], bool]
) -> None:
    """Show what came, have it confirmed and write it down."""
    from tam_edit.models.checkpoint import read_state_dict

    read_state_dict(file)
    own = _fingerprint(file)
    if not confirm(weights, own):
        raise NotInstalledError(
            f"{weights.name} was not installed: its SHA-256 was not confirmed",
            hint=f"tam-edit models fetch {weights.name} --yes takes what the server gives",
        )
    pins = _pins()
    pins[weights.file] = own
    path = weights_folder() / PINS_FILE
    text = {name: {"size": pin.size, "sha256": pin.sha256} for name, pin in sorted(pins.items())}
    new = path.with_name(PINS_FILE + ".part")
    new.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
    new.replace(path)


def _pins() -> dict[str, Fingerprint]:
    """What was confirmed at first fetches: file name to fingerprint."""
    path = weights_folder() / PINS_FILE
    if not path.is_file():
        return {}
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(name): Fingerprint(size=int(pin["size"]), sha256=str(pin["sha256"]))
            for name, pin in held.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path}: the confirmed SHA-256 cannot be read",
            hint="remove the file; fetching the weights again asks once more",
        ) from error


def _known(weights: Weights) -> Fingerprint | None:
    """What was written down of a file that nothing is published of."""
    return None if weights.sha256 is not None else _pins().get(weights.file)


def _fingerprint(path: Path) -> Fingerprint:
    import pooch

    return Fingerprint(size=path.stat().st_size, sha256=pooch.file_hash(str(path)))


def _check_size(path: Path, size: int, wanted: int | None, shown: str = "") -> None:
    if wanted is None or size == wanted:
        return
    what = "the file breaks off:" if size < wanted else "the file is too long:"
    raise WeightsError(
        f"{shown or path}: {what} {size:,} of {wanted:,} bytes",
        hint="remove it and fetch it again" if not shown else "repeat the same command",
    )


def _check_hashes(weights: Weights, path: Path, shown: Path, own: Fingerprint) -> None:
    import pooch

    hint = "remove it and fetch it again; if that gives the same, do not use it"
    known = _known(weights)
    wanted = weights.sha256 or (known.sha256 if known else own.sha256)
    if own.sha256 != wanted:
        who = "published" if weights.sha256 else "confirmed at the first fetch"
        raise WeightsError(
            f"{shown}: this is not the file that was {who}: its SHA-256 is {own.sha256} instead of "
            f"{wanted}",
            hint=hint,
        )
    if weights.md5_start and not pooch.file_hash(str(path), alg="md5").startswith(
        weights.md5_start
    ):
        raise WeightsError(
            f"{shown}: its MD5 does not begin with {weights.md5_start}, as its name says", hint=hint
        )
