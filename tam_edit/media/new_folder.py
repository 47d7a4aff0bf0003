"""A folder that stands under its name only when everything in it is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tam_edit.errors import EncodeError, TamEditError
from tam_edit.media.hidden import partial_path, removed_with, take_place


class NewFolder:
    """A folder that is being written under a hidden name.

    Args:
        folder: Its name; a folder that stands there is replaced when this one is published.
        content: What is written, for messages: ``"the masks"``.

    Attributes:
        path: The folder.
        hidden: Where it lies until it is published.

    Raises:
        EncodeError: It cannot be made.
    """

    def __init__(self, folder: str | Path, content: str) -> None:
        self.path = Path(folder).absolute()
        self._content = content
        self._is_open = True
        with self._reported():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.hidden = partial_path(self.path)
            self._removal = removed_with(self, self.hidden)
            shutil.rmtree(self.hidden, ignore_errors=True)
            self.hidden.mkdir()

    def publish(self) -> None:
        """Give the completed folder its name."""
        with self._reported():
            take_place(self.hidden, self.path)
        self._removal.detach()
        self._is_open = False

    def discard(self) -> None:
        """Give up and leave nothing behind; what stood under the folder's name stays."""
        if self._is_open:
            self._is_open = False
            shutil.rmtree(self.hidden, ignore_errors=True)
            self._removal.detach()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Tell what the system refused as a failure to write this folder."""
        try:
            yield
        except TamEditError:
            raise
        except OSError as error:
            raise EncodeError(
                f"{self.path}: {self._content} cannot be written ({error.strerror or error})",
                hint="name a folder that can be made, on a disk with room",
            ) from error
