"""How good the masks are, measured on videos whose true masks are known."""

from tam_edit.evaluate.report import Assessment, Report, SequenceReport, assess, format_report
from tam_edit.evaluate.scoring import evaluate
from tam_edit.evaluate.sequences import Sequence, find_sequences

__all__ = [
    "Assessment",
    "Report",
    "Sequence",
    "SequenceReport",
    "assess",
    "evaluate",
    "find_sequences",
    "format_report",
]
