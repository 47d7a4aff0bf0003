"""How good the masks are, measured on videos whose true masks are known."""

from tam_edit.evaluate.assessment import Assessment, SequenceFlags, assess
from tam_edit.evaluate.clicks_only import (
    ClicksReport,
    StillReport,
    evaluate_clicks,
    format_clicks,
)
from tam_edit.evaluate.report import Correction, ObjectReport, Report, Round, SequenceReport
from tam_edit.evaluate.scoring import evaluate
from tam_edit.evaluate.sequences import Sequence, find_sequences
from tam_edit.evaluate.still_objects import StillObject, find_still_objects
from tam_edit.evaluate.table import format_report
from tam_edit.evaluate.truth import Truth

__all__ = [
    "Assessment",
    "ClicksReport",
    "Correction",
    "ObjectReport",
    "Report",
    "Round",
    "Sequence",
    "SequenceFlags",
    "SequenceReport",
    "StillObject",
    "StillReport",
    "Truth",
    "assess",
    "evaluate",
    "evaluate_clicks",
    "find_sequences",
    "find_still_objects",
    "format_clicks",
    "format_report",
]
