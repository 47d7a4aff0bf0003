"""A project with its video and its models: what a script, the command line and a page share.

==============  ==============================================================================
module          subject
==============  ==============================================================================
``facade``      :class:`Session`: prompts, tracking, rendering
``shot``        what needs no model: masks, doubts, the review page, the history
``approve``     saying that masks are right
``asking``      what of it stops a recipe
``checkpoint``  which doubts are open, and the page that shows them
``covers``      what a recipe hides, for that page
``elsewhere``   masks, and that an object is gone, that do not lead to what was said
``exports``     masks for other programs, inpainted frames back in
``questions``   what a recipe's checkpoints ask, on which frames of which objects
``points``      in and out point
``report``      what lies beside an output as its proof
``said``        what must be said before anything is tracked
``trial``       the job on a few frames, to know how long all of it takes
``undo``        taking back a correction or an approval
==============  ==============================================================================
"""

from tam_edit.session.checkpoint import outputs_of
from tam_edit.session.covers import check_pages
from tam_edit.session.facade import DEFAULT_SHORT_SIDE, ON_DOUBT, OnDoubt, Session
from tam_edit.session.points import check_points
from tam_edit.session.trial import Tracking, Trial, try_out
from tam_edit.session.undo import Undone

__all__ = [
    "DEFAULT_SHORT_SIDE",
    "ON_DOUBT",
    "OnDoubt",
    "Session",
    "Tracking",
    "Trial",
    "Undone",
    "check_pages",
    "check_points",
    "outputs_of",
    "try_out",
]
