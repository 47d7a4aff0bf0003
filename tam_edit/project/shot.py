"""Which video a project is about, and which part of it is worked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tam_edit.errors import InputError, ProjectError
from tam_edit.project.records import damaged, from_json, now, to_json
from tam_edit.project.store import Store
from tam_edit.types import Mask


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What never changes in a project, but for where the video lies.

    Attributes:
        source: What identifies the video; anything that JSON can hold.
        width: Columns of the displayed picture.
        height: Rows of the displayed picture.
        frame_count: Frames of the whole video.
        in_frame: The first frame to work on.
        out_frame: One past the last frame to work on.
    """

    source: Mapping[str, object]
    width: int
    height: int
    frame_count: int
    in_frame: int
    out_frame: int

    def __post_init__(self) -> None:
        is_span = 0 <= self.in_frame < self.out_frame <= self.frame_count
        if self.width < 1 or self.height < 1 or not is_span:
            raise InputError(
                f"frames {self.in_frame} to {self.out_frame} (not included) of"
                f" {self.frame_count}, {self.width}x{self.height}, are nothing to work on",
                hint="the in point lies before the out point, both within the video",
            )

    def check_frame(self, frame_index: int) -> None:
        """Refuse a frame that the video does not have.

        Raises:
            InputError: There is no such frame.
        """
        if not 0 <= frame_index < self.frame_count:
            raise InputError(
                f"there is no frame {frame_index}: the video has {self.frame_count} frames",
                hint=f"frames run from 0 to {self.frame_count - 1}",
            )

    def check_mask(self, mask: Mask | None, frame_index: int) -> None:
        """Refuse a painted mask that does not cover the displayed picture.

        Raises:
            InputError: It has another size.
        """
        if mask is not None and mask.shape != (self.height, self.width):
            raise InputError(
                f"the mask for frame {frame_index} is {mask.shape[1]}x{mask.shape[0]},"
                f" but the video is {self.width}x{self.height}",
                hint="paint the mask on a full-size frame of this video",
            )


class ShotFacts:
    """The facts of a shot as properties of the document that holds it."""

    _shot: Shot

    @property
    def source(self) -> Mapping[str, object]:
        """What identifies the video, as it was given to ``create``."""
        return self._shot.source

    @property
    def width(self) -> int:
        """Columns of the displayed picture."""
        return self._shot.width

    @property
    def height(self) -> int:
        """Rows of the displayed picture."""
        return self._shot.height

    @property
    def frame_count(self) -> int:
        """Frames of the whole video."""
        return self._shot.frame_count

    @property
    def in_frame(self) -> int:
        """The first frame to work on."""
        return self._shot.in_frame

    @property
    def out_frame(self) -> int:
        """One past the last frame to work on."""
        return self._shot.out_frame


def put(store: Store, shot: Shot) -> None:
    """Write it into a new project, as one transaction."""
    source = to_json(dict(shot.source), "the source")
    numbers = (shot.width, shot.height, shot.frame_count, shot.in_frame, shot.out_frame)
    with store.transaction():
        store.write("INSERT INTO shot VALUES (1, ?, ?, ?, ?, ?, ?, ?)", (source, *numbers, now()))


def relink(store: Store, shot: Shot, path: str) -> Shot:
    """Let the video be found at another path from now on, as one transaction."""
    moved = replace(shot, source={**shot.source, "path": path})
    with store.transaction():
        store.write("UPDATE shot SET source = ?", (to_json(dict(moved.source), "the source"),))
    return moved


def get(store: Store) -> Shot:
    """What ``put`` wrote.

    Raises:
        ProjectError: It is not there or damaged.
    """
    rows = store.rows("SELECT source, width, height, frame_count, in_frame, out_frame FROM shot")
    if not rows:
        raise ProjectError(
            f"{store.path} was never finished: making it was interrupted",
            hint="make it anew with tam-edit new --overwrite",
        )
    source, *numbers = rows[0]
    identity = from_json(source, f"the source of {store.path}")
    if not isinstance(identity, dict) or not all(isinstance(n, int) for n in numbers):
        raise damaged(f"the source of {store.path}", str(numbers))
    width, height, frame_count, in_frame, out_frame = numbers
    return Shot(
        source=identity,
        width=width,
        height=height,
        frame_count=frame_count,
        in_frame=in_frame,
        out_frame=out_frame,
    )
