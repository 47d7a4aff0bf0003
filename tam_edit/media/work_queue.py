"""Work that runs beside the caller, in order, a few items behind."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class WorkQueue(Generic[Item]):
    """One thread that does the same work on each item that is put in.

    The codecs let go of Python's lock, so that decoding and effects go on meanwhile.

    Args:
        work: Done for each item, in order.
        depth: Items that may wait; ``put`` blocks beyond that, so that memory stays flat.
    """

    def __init__(self, work: Callable[[Item], None], depth: int) -> None:
        self._work = work
        self._waiting: queue.Queue[Item | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._run, name="tam-edit-encoder", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over an item; an error of an earlier one is raised here."""
        self._raise()
        self._waiting.put(item)

    def finish(self) -> None:
        """Wait until everything is done.

        Raises:
            BaseException: What the work raised.
        """
        self._stop()
        self._raise()

    def abandon(self) -> None:
        """Leave what waits undone, and wait for the item at work."""
        self._is_abandoned = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        self._stop()

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            self._is_abandoned = True
            raise error

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            if self._is_abandoned or self._error is not None:
                # Go on taking items, so that nobody waits for room.
                continue
            try:
                self._work(item)
            except BaseException as error:  # noqa: BLE001 - raised again where the caller is
                self._error = error
