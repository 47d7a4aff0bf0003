"""Where a project's video is cut, and what that means for its masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import cast

from tam_edit.media import Source
from tam_edit.tracking.correct import spans_across_cuts
from tam_edit.tracking.cuts import find_cuts
from tam_edit.tracking.settings import AtCuts
from tam_edit.tracking.store import TrackStore
from tam_edit.tracks import Origin, spans_of

CUTS = "cuts"
TRACKED_AT_CUTS = "tracked_at_cuts"


class Shots:
    """The cuts of a video, looked for once and kept in the project's settings.

    Args:
        source: The video.
        store: The project.
        settings: The project's small values by name.
    """

    def __init__(
        self, source: Source, store: TrackStore, settings: MutableMapping[str, object]
    ) -> None:
        self._source = source
        self._store = store
        self._settings = settings

    def find(
        self, at_cuts: AtCuts, progress: Callable[[int, int], None] | None = None
    ) -> tuple[int, ...]:
        """The first frames of new shots, ascending; none where cuts do not matter.

        Args:
            at_cuts: What happens at cuts, see ``LoopSettings``.
            progress: Told the frames done and the frames in all.
        """
        if at_cuts == "ignore":
            return ()
        if CUTS not in self._settings:
            start, stop = self._store.in_frame, self._store.out_frame
            total = stop - start
            told = None if progress is None else (lambda done: progress(done, total))
            self._settings[CUTS] = find_cuts(self._source.frames(start, stop), told)
        return known_cuts(self._settings)

    def barriers(self, at_cuts: AtCuts) -> tuple[int, ...]:
        """The cuts that tracking does not cross, as far as they are known."""
        return known_cuts(self._settings) if at_cuts == "ask" else ()

    def drop_what_was_decided_otherwise(self, at_cuts: AtCuts) -> None:
        """Drop masks that are as they are because something else was to happen at cuts.

        A project of a version that knew no cuts was tracked across all of them.
        """
        asked_before = self._settings.get(TRACKED_AT_CUTS, "ignore") == "ask"
        if asked_before != (at_cuts == "ask"):
            for object_id in self._store.objects():
                if at_cuts == "ask":
                    spans = spans_across_cuts(self._store, object_id, known_cuts(self._settings))
                else:
                    spans = spans_of(
                        scored.frame_index
                        for scored in self._store.scores(object_id)
                        if scored.origin is Origin.UNREACHED
                    )
                for start, stop in spans:
                    self._store.discard(object_id, start, stop)
        # Last: a kill before it leaves the work to be done again, not undone.
        self._settings[TRACKED_AT_CUTS] = at_cuts


def known_cuts(settings: Mapping[str, object]) -> tuple[int, ...]:
    """The first frames of new shots, as far as a project's settings know them."""
    return tuple(cast("Sequence[int]", settings.get(CUTS, ())))
