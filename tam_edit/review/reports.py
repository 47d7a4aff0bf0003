"""The reports beside outputs, as far as a page must know of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

REPORT_SCHEMA = "tam_edit.report/1"
#: What a report's name adds to that of its output.
REPORT_SUFFIX = ".report.json"


def reported(folder: Path) -> Iterator[Path]:
    """The outputs that are in a folder and hide something, as the reports there say.

    Args:
        folder: It may be missing.
    """
    for report in sorted(folder.glob(f"*{REPORT_SUFFIX}")):
        try:
            told = json.loads(report.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # it is somebody else's
            continue
        output = report.with_name(report.name.removesuffix(REPORT_SUFFIX))
        is_ours = isinstance(told, dict) and told.get("schema") == REPORT_SCHEMA
        if is_ours and told.get("hides") and output.exists():
            yield output
