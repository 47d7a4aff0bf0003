"""How good the masks are, measured on videos whose true masks are known."""

from tam_edit.evaluate.assessment import Assessment, SequenceFlags, assess
from tam_edit.evaluate.report import Correction, ObjectReport, Report, Round, SequenceReport
from tam_edit.evaluate.scoring import evaluate
from tam_edit.evaluate.sequences import Sequence, find_sequences
from tam_edit.evaluate.table import format_report
from tam_edit.evaluate.truth import Truth

__all__ = [
    "Assessment",
    "Correction",
    "ObjectReport",
    "Report",
    "Round",
    "Sequence",
    "SequenceFlags",
    "SequenceReport",
    "Truth",
    "assess",
    "evaluate",
    "find_sequences",
    "format_report",
]
