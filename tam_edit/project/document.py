"""One shot's saved work: its video, objects, prompts, masks and the tracker's state."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tam_edit.project import approvals, aside, backtracks, dropped, mattes, objects, runs, shot
from tam_edit.project import log as log_rows
from tam_edit.project import prompts as prompt_rows
from tam_edit.project.gathered import GatheredFrames
from tam_edit.project.history import History
from tam_edit.project.log import LogRecord
from tam_edit.project.prompts import PromptRecord
from tam_edit.project.reader import StoredTracks
from tam_edit.project.settings import Settings
from tam_edit.project.store import Store
from tam_edit.prompts import Prompts
from tam_edit.tracks import DOUBTFUL_BELOW, Direction, RunState, TrackedMatte
from tam_edit.types import ObjectId


class Project(StoredTracks):
    """A shot's document: one SQLite file, readable by its owner only, open in one process.

    It is the sink that tracking writes to and the reader that effects read from
    (:class:`~tam_edit.tracks.TrackSink`, :class:`~tam_edit.tracks.TrackReader`). Everything is on
    disk when a method returns; only ``append`` gathers frames, for a second or more but never for
    more than a minute (see ``gathered``). Reads may come from any thread, writes from one thread
    only. Make one with ``create`` or ``open``, and close it, best as a context manager.

    Attributes:
        history: What persons decided, and how it is taken back.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shot = shot.get(store)
        self._settings = Settings(store)
        self._frames = GatheredFrames(store)
        self.history = History(store, self.flush)

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        source: Mapping[str, object],
        width: int,
        height: int,
        frame_count: int,
        in_frame: int,
        out_frame: int,
        overwrite: bool = False,
    ) -> Self:
        """Make a project for a video.

        Args:
            path: Of the new file; by custom it ends in ``.tam``.
            source: What identifies the video; anything that JSON can hold.
            width: Columns of the displayed picture.
            height: Rows of the displayed picture.
            frame_count: Frames of the whole video.
            in_frame: The first frame to work on.
            out_frame: One past the last frame to work on.
            overwrite: Whether a project that is there is replaced. Any other file never is.

        Raises:
            InputError: The numbers do not fit together.
            ProjectError: The file is there already, or cannot be made.
        """
        new = shot.Shot(
            source=source,
            width=width,
            height=height,
            frame_count=frame_count,
            in_frame=in_frame,
            out_frame=out_frame,
        )
        store = Store.create(Path(path), overwrite=overwrite)
        try:
            shot.put(store, new)
            return cls(store)
        except BaseException:
            store.remove()
            raise

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a project; what a killed process had committed is there.

        Raises:
            ProjectError: It is not there, no project, damaged, in use, read-only, or of a newer
                version.
        """
        store = Store.open(Path(path))
        try:
            return cls(store)
        except BaseException:
            store.close()
            raise

    def relink(self, path: str) -> None:
        """Let the video be found at another path from now on."""
        self.flush()
        self._shot = shot.relink(self._store, self._shot, path)

    def close(self) -> None:
        """Commit what waits, and leave one file. Closing twice is no error.

        Raises:
            ProjectError: The disk is full or the file has gone; what was committed is kept.
        """
        try:
            self.flush()
        finally:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and self._frames.has_state:
            # The tracker may have been stopped inside a step: its state cannot be taken now.
            self._frames.drop()
        self.close()

    @property
    def path(self) -> Path:
        """Where the file is, absolute."""
        return self._store.path

    @property
    def settings(self) -> MutableMapping[str, object]:
        """Small values by name, such as the model and the tracking size; changes are kept."""
        return self._settings

    def add_object(self, name: str) -> ObjectId:
        """Begin a new object, or one anew that was removed.

        Raises:
            InputError: The name is empty or taken.
        """
        with self._transaction():
            return objects.add(self._store, name)

    def add_prompts(self, object_id: ObjectId, frame_index: int, said: Prompts) -> None:
        """Add what a person says about an object on a frame to what was said before.

        Whether it makes sense, alone or with what is there, is asked by ``Prompts.check``.

        Raises:
            UnknownNameError: There is no such object.
            InputError: There is no such frame, nothing is said, or the mask has another size.
        """
        objects.check(self._store, (object_id,))
        self._shot.check_frame(frame_index)
        self._shot.check_mask(said.mask, frame_index)
        self.flush()
        prompt_rows.add(self._store, object_id, frame_index, said)

    def prompts(self, object_id: ObjectId) -> dict[int, Prompts]:
        """What is said about an object, by ascending frame; what is said later counts more.

        It adds up as :meth:`~tam_edit.prompts.Prompts.joined` says.
        """
        objects.check(self._store, (object_id,))
        return prompt_rows.merged(self._store, object_id)

    def ever_said(self, object_id: ObjectId, frame_index: int) -> list[Prompts]:
        """Everything that was ever said about an object on a frame, also what holds no more."""
        return prompt_rows.on_frame(self._store, object_id, frame_index)

    def prompt_records(self) -> Iterator[PromptRecord]:
        """Everything that was ever said, in that order, also what was taken back."""
        return prompt_rows.records(self._store)

    def add_backtrack(self, object_id: ObjectId, frame_index: int) -> None:
        """Keep that a correction is still to be carried back to the keyframe before it."""
        objects.check(self._store, (object_id,))
        with self._transaction():
            backtracks.add(self._store, object_id, frame_index)

    def carried_back(self, object_id: ObjectId) -> frozenset[int]:
        """The frames of corrections that were carried back, or are still to be."""
        frames = self.history.carried_back(object_id)
        return frozenset(frames) | self.backtracks(object_id).keys()

    def backtracks(self, object_id: ObjectId) -> dict[int, int]:
        """The frames of corrections that are still to be carried back, ascending.

        With each, the earliest frame whose mask it has replaced so far; its own where none.
        """
        return backtracks.frames(self._store, object_id)

    def backtrack_limits(self, object_id: ObjectId) -> dict[int, int]:
        """The same frames, each with the earliest frame whose mask it may replace."""
        return backtracks.limits(self._store, object_id)

    def advance_backtrack(self, object_id: ObjectId, frame_index: int, reached: int) -> None:
        """Say how far a correction was carried back; it is committed with the frames that wait."""
        with self._store.joined_transaction():
            backtracks.advance(self._store, object_id, frame_index, reached)

    def end_backtrack(self, object_id: ObjectId, frame_index: int) -> None:
        """Say that a correction was carried back."""
        with self._transaction():
            backtracks.remove(self._store, object_id, frame_index)

    def begin_run(
        self,
        model: str,
        direction: Direction,
        object_ids: Iterable[ObjectId],
        memory: Iterable[int] = (),
    ) -> None:
        """Say which pass the following frames belong to.

        The state of an earlier pass stays until the first commit of this one.

        Args:
            model: The propagator's name.
            direction: ``"forward"`` or ``"backward"``.
            object_ids: Every object the pass looks at, also those that it does not change.
            memory: Frames outside the pass whose mattes it has learned.

        Raises:
            UnknownNameError: There is no such object.
            InputError: That is no direction.
        """
        ids = tuple(sorted(object_ids))
        objects.check(self._store, ids)
        self._frames.begin(model, direction, ids, tuple(memory))

    def end_run(self) -> None:
        """Say that the pass is complete: its frames stay, its state is deleted."""
        self._frames.end()

    def run_state(self) -> RunState | None:
        """Where the last pass that did not end can go on, or None.

        It belongs to the mattes that are stored: of its pass they reach up to its frame.
        """
        return runs.get(self._store)

    def append(
        self,
        frame_index: int,
        entries: Mapping[ObjectId, TrackedMatte],
        snapshot: Callable[[], bytes] | None = None,
    ) -> None:
        """Write one frame's mattes; those already there for it are replaced, and not approved.

        They are readable at once, and committed together with the snapshot of the newest of them.

        Args:
            frame_index: Of the video.
            entries: By object.
            snapshot: Gives the tracker's state right after this frame; called before ``append``
                returns, or by ``flush``. A pass gives it with every frame.

        Raises:
            UnknownNameError: There is no such object.
            InputError: There is no such frame, or a snapshot comes without ``begin_run``.
            ProjectError: The disk is full or the file has gone. What was committed is kept.
        """
        self._shot.check_frame(frame_index)
        objects.check(self._store, entries)
        self._frames.append(frame_index, entries, snapshot)

    def flush(self) -> None:
        """Commit the frames that wait; during a pass, call it between two frames.

        Raises:
            ProjectError: The disk is full or the file has gone. What was committed is kept.
        """
        self._frames.flush()

    def mattes_digest(self, object_id: ObjectId) -> str:
        """A digest of all that is stored of an object between in and out point."""
        self.flush()
        return mattes.digest(self._store, object_id, self.in_frame, self.out_frame)

    def discard(
        self, object_id: ObjectId, start: int, stop: int, *, keyframe: int | None = None
    ) -> None:
        """Delete an object's mattes on a half-open span of frames, whatever their origin.

        Prompts stay, approvals of that span go. The tracker's state goes too where the pass has
        already used that span. Where prompts on a ``keyframe`` drop them, it is kept how large
        they were, and they are set aside for the case that the prompts are taken back soon.
        """
        objects.check(self._store, (object_id,))
        with self._transaction():
            if keyframe is None:
                aside.forget(self._store, object_id)
            else:
                aside.put(self._store, object_id, keyframe, start, stop)
                dropped.remember(self._store, object_id, keyframe, start, stop)
            mattes.remove(self._store, object_id, start, stop)
            approvals.remove(self._store, object_id, start, stop)
            state = runs.get(self._store)
            if state is not None and state.depends_on(object_id, start, stop):
                runs.remove(self._store)

    def approve(
        self,
        object_id: ObjectId,
        frames: Collection[int],
        reason: str,
        doubtful_below: float = DOUBTFUL_BELOW,
    ) -> int:
        """Say that the masks on some frames were looked at and are right.

        Args:
            object_id: The object.
            frames: At least one.
            reason: Why; it is kept with the approval and in the log.
            doubtful_below: It is kept, too, how many of them have a lower score.

        Returns:
            How many tracked frames that are.

        Raises:
            InputError: No reason is given, or no frame.
        """
        objects.check(self._store, (object_id,))
        with self._transaction():
            count = approvals.add(self._store, object_id, frames, reason, doubtful_below)
            start, stop = min(frames), max(frames) + 1
            details = {"object": object_id, "start": start, "stop": stop, "reason": reason}
            log_rows.add(self._store, "approval", details)
        return count

    def log(self, kind: str, **details: object) -> None:
        """Add a line to the log; during a pass it is committed with the frames that wait.

        Raises:
            InputError: JSON cannot hold the details.
        """
        log_rows.add(self._store, kind, details)

    def log_records(self) -> Iterator[LogRecord]:
        """The log from its first line on; memory stays flat."""
        return log_rows.records(self._store)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.flush()
        with self._store.transaction():
            yield
