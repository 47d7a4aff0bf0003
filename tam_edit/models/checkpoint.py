"""Reading weights, and the devices that they go to.

Nothing in a file is run, and each way it can be wrong has its own words.
"""

from __future__ import annotations

import contextlib
import pickle
import struct
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch

from tam_edit.errors import InputError, NotInstalledError, OutOfMemoryError, WeightsError

# What a person lowers where a network does not fit.
LOWER_SIZE = "lower --size (short_side_px in a recipe)"

ZIP_MAGIC = b"PK\x03\x04"
# What PyTorch's readers raise on changed bytes, one after the other, found by changing them.
DAMAGES = (
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)


def read_state_dict(path: str | Path) -> dict[str, torch.Tensor]:
    """The named tensors of a checkpoint, on the CPU.

    Args:
        path: A file that ``torch.save`` wrote: tensors by name, flat.

    Raises:
        NotInstalledError: There is no such file.
        WeightsError: It breaks off, is no checkpoint, holds code, or holds something else than
            tensors by name.
    """
    path = Path(path)
    if not path.is_file():
        raise NotInstalledError(
            f"{path}: there are no weights here", hint="tam-edit models fetch NAME adds them"
        )
    try:
        is_cut = _breaks_off(path)
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            held = None if is_cut else torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch names what it refuses to run a global; any other complaint is about the bytes.
        if "unsupported global" in str(error).lower():
            raise WeightsError(
                f"{path}: it holds more than weights: loading it would run code, so it was not "
                "loaded",
                hint="use the file that the network's authors published",
            ) from error
        raise _damaged(path) from error
    except DAMAGES as error:
        raise _damaged(path) from error
    if is_cut:
        raise WeightsError(
            f"{path}: the file breaks off: its end is missing", hint="remove it and fetch it again"
        )
    if not isinstance(held, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in held.items()
    ):
        raise WeightsError(
            f"{path}: it is not a flat list of tensors by name",
            hint="use the file that the network's authors published",
        )
    return dict(held)


def torch_device(name: str) -> torch.device:
    """The device that a name stands for; ``auto`` takes the fastest one that is there.

    Raises:
        InputError: This machine, or this build of PyTorch, does not have it.
    """
    is_there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, found in is_there.items() if found))
    if not is_there.get(name, False):
        raise InputError(
            f"the device {name!r} was asked for, but PyTorch {torch.__version__} finds none here",
            hint="leave out --device, or install a PyTorch build for it",
        )
    return torch.device(name)


@contextlib.contextmanager
def memory_guard(message: str, hint: str) -> Iterator[None]:
    """Say in plain words when the memory of the device does not suffice.

    Args:
        message: What did not fit.
        hint: The setting to lower.

    Raises:
        OutOfMemoryError: It does not.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and not _is_out_of_memory(error):
            raise
        raise OutOfMemoryError(message, hint=hint) from error


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether PyTorch says, by a class or in the words of one of its devices, that it is full."""
    words = str(error)
    return (
        isinstance(error, torch.cuda.OutOfMemoryError)
        or "out of memory" in words
        or "can't allocate memory" in words
    )


def _breaks_off(path: Path) -> bool:
    """Whether an archive lacks its table of contents, which stands at the end of the file."""
    with path.open("rb") as file:
        is_archive = file.read(4) == ZIP_MAGIC
    return is_archive and not zipfile.is_zipfile(path)


def _damaged(path: Path) -> WeightsError:
    return WeightsError(
        f"{path}: it is damaged or no checkpoint of PyTorch", hint="remove it and fetch it again"
    )
