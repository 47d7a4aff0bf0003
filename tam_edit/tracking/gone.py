"""An object that a person says is not in the picture: on which frames, and what that takes away."""

from __future__ import annotations

from collections.abc import Mapping

from tam_edit.errors import InputError
from tam_edit.prompts import Gone, ObjectPrompts, Prompts
from tam_edit.tracking.store import TrackStore
from tam_edit.tracks import INSIDE
from tam_edit.types import ObjectId

GOOD = 0.5  # masks with such a score are not taken away without a word


def gone_frames(
    store: TrackStore,
    object_id: ObjectId | None,
    said: ObjectPrompts,
    *,
    spares_masks: bool,
) -> Gone:
    """On which frames an object will not be there, and how many masks that takes away.

    Args:
        store: The track.
        object_id: The object; None where it is not made yet.
        said: That it is gone.
        spares_masks: Whether good masks of later frames are to be refused where no end was said.

    Raises:
        InputError: The last frame is not one of the project or comes before the first, other
            prompts hold between the two, or good masks would be taken away.
    """
    first, last = said.frame_index, said.prompts.gone_last
    known = {} if object_id is None else store.prompts(object_id)
    following = min((k for k in known if k > first), default=store.out_frame)
    if last is not None:
        if not first <= last < store.out_frame:
            raise InputError(
                f"{said.object_name!r} cannot be gone on frames {first} to {last}",
                hint=f"give the first and the last frame, which is at most {store.out_frame - 1}",
            )
        if following <= last:
            raise InputError(
                f"frame {following} has prompts for {said.object_name!r}, so it cannot be gone on "
                f"all of the frames {first} to {last}",
                hint=f"leave that frame out (--gone {first}-{following - 1}), or take back what "
                "was said there: tam-edit history SHOT.tam",
            )
        following = last + 1
    frames = range(first, following)
    there = {} if object_id is None else _shown(store, object_id, frames)
    good = {index: score for index, score in there.items() if index > first and score >= GOOD}
    if last is None and spares_masks and good:
        start, stop, best = min(good), max(good), max(good.values())
        on = f"frame {start}" if start == stop else f"frames {start} to {stop}"
        raise InputError(
            f"{said.object_name!r} has masks on {on} that this would take away, with scores up to "
            f"{best:.2f}",
            hint=f"--gone {first}-{start - 1} leaves them; --gone {first}-{following - 1} takes "
            "them away, too",
        )
    return Gone(frames=frames, is_bounded=last is not None, taken_count=len(there))


def said_gone(said: Mapping[int, Prompts], out_frame: int) -> set[int]:
    """The frames on which it is said that an object is not there.

    Args:
        said: What is said of it, by frame.
        out_frame: One past the last frame of the work.
    """
    found: set[int] = set()
    for index, prompts in said.items():
        if prompts.gone:
            following = min((other for other in said if other > index), default=out_frame)
            last = following - 1 if prompts.gone_last is None else prompts.gone_last
            found |= set(range(index, min(following, last + 1)))
    return found


def _shown(store: TrackStore, object_id: ObjectId, frames: range) -> dict[int, float]:
    """The frames whose mask shows the object, ascending, with their scores."""
    shown = {}
    for start, stop in store.tracked_spans(object_id):
        for index in range(max(start, frames.start), min(stop, frames.stop)):
            entry = store.entry(object_id, index)
            if entry is not None and (entry.matte > INSIDE).any():
                shown[index] = entry.score
    return shown
