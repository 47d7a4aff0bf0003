"""The saved document: one SQLite file per shot.

===============  ============================================================================
module           what it holds
===============  ============================================================================
``document``     :class:`Project`: everything that callers use
``reader``       what is stored of objects and their masks, from any thread
``store``        the file itself: who may open it, how it is locked, committed and closed
``schema``       the tables, and how a file of an older version becomes one of this version
``objects``      ids and names
``prompts``      what persons said, row by row, and merged per frame
``mattes``       masks, scores and origins per object and frame
``dropped``      how large masks were before prompts dropped them
``approvals``    frames whose masks a person found right
``backtracks``   corrections that are still to be carried back
``decisions``    what persons decided, one row each
``keyframes``    the masks that prompts led to
``history``      all decisions, and taking one back
``gathered``     frames of a pass, gathered into few commits
``runs``         the tracker's state, so that a killed run can go on
``shot``         which video it is about, and which part of it is worked on
``log``          what happened, line by line
``records``      the values inside the rows
``settings``     small values by name
``video``        which video it belongs to, and opening that one
===============  ============================================================================
"""

from tam_edit.project.decisions import Decision, DecisionKind
from tam_edit.project.document import Project
from tam_edit.project.log import LogRecord
from tam_edit.project.prompts import PromptKind, PromptRecord
from tam_edit.project.store import PROJECT_SUFFIX
from tam_edit.project.video import open_video, video_record

__all__ = [
    "PROJECT_SUFFIX",
    "Decision",
    "DecisionKind",
    "LogRecord",
    "Project",
    "PromptKind",
    "PromptRecord",
    "open_video",
    "video_record",
]
