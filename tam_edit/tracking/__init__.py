"""The Track Anything loop: init, propagate, assess, refine, correct."""

from tam_edit.tracking.correct import place_keyframe
from tam_edit.tracking.cuts import find_cuts
from tam_edit.tracking.follow import follow
from tam_edit.tracking.gone import said_gone
from tam_edit.tracking.init import UNCONFIRMED, check_frame, give_prompts
from tam_edit.tracking.passes import Fill, Pass, Plan
from tam_edit.tracking.plan import plan_passes
from tam_edit.tracking.settings import AT_CUTS, AtCuts, LoopSettings, tracking_size
from tam_edit.tracking.shots import Shots, known_cuts
from tam_edit.tracking.store import TrackStore
from tam_edit.tracking.tally import Tally, WayBack
from tam_edit.tracking.undo import Undoing, undoing

__all__ = [
    "AT_CUTS",
    "UNCONFIRMED",
    "AtCuts",
    "Fill",
    "LoopSettings",
    "Pass",
    "Plan",
    "Shots",
    "Tally",
    "TrackStore",
    "Undoing",
    "WayBack",
    "check_frame",
    "find_cuts",
    "follow",
    "give_prompts",
    "known_cuts",
    "place_keyframe",
    "plan_passes",
    "said_gone",
    "tracking_size",
    "undoing",
]
