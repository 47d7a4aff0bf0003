"""In and out points: which frames of a video are worked on, and which of these are written."""

from __future__ import annotations

from tam_edit.errors import InputError
from tam_edit.media import Source
from tam_edit.project import Project


def check_points(in_frame: int, out_frame: int, source: Source) -> None:
    """Refuse in and out points that a video does not have.

    Raises:
        InputError: There is no frame between them, or one of them is not in the video.
    """
    count = source.info.frame_count
    _check_order(in_frame, out_frame)
    if not 0 <= in_frame < out_frame <= count:
        raise InputError(
            f"in point {in_frame} and out point {out_frame} do not fit {source.info.path}, "
            f"which has the frames 0 to {count - 1}",
            hint="the out point is the first frame that is left out",
        )


def check_part(part: range | None, project: Project) -> None:
    """Refuse frames that are none of a project's work; see ``Session.check_part``."""
    if part is None:
        return
    first, stop = project.in_frame, project.out_frame
    _check_order(part.start, part.stop)
    if not first <= part.start < part.stop <= stop:
        raise InputError(
            f"in point {part.start} and out point {part.stop} are no part of the work",
            hint=f"{project.path} has the frames {first} to {stop - 1}; the out point is the "
            f"first frame that is left out, so {stop} at most",
        )


def _check_order(in_frame: int, out_frame: int) -> None:
    if out_frame <= in_frame:
        raise InputError(
            f"the out point {out_frame} does not come after the in point {in_frame}",
            hint="the out point is the first frame that is left out",
        )
