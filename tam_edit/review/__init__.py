"""Which frames a person should look at, told in a terminal and shown on a page.

==============  ==============================================================================
module          subject
==============  ==============================================================================
``doubts``      which frames are doubtful, and why
``words``       doubts in words, and the commands that settle them
``contents``    what the page is about
``page``        the page: list, timelines, sheets (its looks in ``page.css``, what it does in
                ``page.js``)
``sheets``      the frames of each doubt and the commands that settle it
``given``       masks from which nothing was tracked yet
``clickable``   a large picture that takes clicks, and the command that they are written into
``timeline``    an object's scores as a drawing
``pictures``    frames with an outline, as text that the page carries
``frame_page``  one frame, on which clicks become prompts (its page in ``frame_page.html``)
``folder``      where a page may lie, and writing it privately
``reports``     the reports beside outputs, read again
==============  ==============================================================================
"""

from tam_edit.review.contents import Review
from tam_edit.review.doubts import JOIN_FRAMES, Concern, Doubt, find_doubts, in_spans
from tam_edit.review.folder import (
    check_delivery,
    check_folder,
    proposed_folder,
    proposed_option,
    write_page,
)
from tam_edit.review.frame_page import frame_page, frame_title
from tam_edit.review.page import page
from tam_edit.review.reports import (
    REPORT_SCHEMA,
    REPORT_SUFFIX,
    OutputProof,
    ReportedDecision,
    ReportedOutput,
    read_report,
)
from tam_edit.review.words import (
    Commands,
    Writing,
    first_ones,
    hint,
    in_words,
    line,
    look_for,
    spanned,
)

__all__ = [
    "JOIN_FRAMES",
    "REPORT_SCHEMA",
    "REPORT_SUFFIX",
    "Commands",
    "Concern",
    "Doubt",
    "OutputProof",
    "ReportedDecision",
    "ReportedOutput",
    "Review",
    "Writing",
    "check_delivery",
    "check_folder",
    "find_doubts",
    "first_ones",
    "frame_page",
    "frame_title",
    "hint",
    "in_spans",
    "in_words",
    "line",
    "look_for",
    "page",
    "proposed_folder",
    "proposed_option",
    "read_report",
    "spanned",
    "write_page",
]
