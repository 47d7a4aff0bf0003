"""The Track Anything loop: prompts become keyframes, keyframes are carried through the video."""

from tam_edit.tracking.follow import TrackStore, follow
from tam_edit.tracking.plan import Pass, plan_passes
from tam_edit.tracking.propagate import propagate, tracking_size

__all__ = [
    "Pass",
    "TrackStore",
    "follow",
    "plan_passes",
    "propagate",
    "tracking_size",
]
