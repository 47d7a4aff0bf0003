"""The reports beside outputs, read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tam_edit.errors import InputError, OpenError

REPORT_SCHEMA = "tam_edit.report/1"
#: What a report's name adds to that of its output.
REPORT_SUFFIX = ".report.json"

Span = tuple[int, int]


class _Told(BaseModel):
    """A part of a report; keys that nobody reads again are left out here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ReportedDecision(_Told):
    """What a person decided, as ``docs/verify.md`` says."""

    id: int
    time: str
    user: str | None
    kind: str
    object: str | None = None
    frames: Span | None = None
    spans: tuple[Span, ...] | None = None
    holding: int | None = None
    is_correction: bool = False
    said: tuple[str, ...] = ()
    reason: str | None = None
    frame_count: int | None = None
    decision: int | None = None
    choice: str | None = None
    count: int | None = None
    taken_back: str | None = None


class ReportedSpans(_Told):
    """On which frames an object is covered, shown, or without a mask."""

    covered: tuple[Span, ...]
    shown: tuple[Span, ...]
    held: tuple[Span, ...] = ()
    without_mask: tuple[Span, ...]
    unsettled: tuple[Span, ...] = ()


class ReportedObject(_Told):
    """What is told of an object."""

    spans: ReportedSpans


class ReportedSource(_Told):
    """The video, and the first and last frame of it that are in the outputs."""

    name: str
    sha256: str | None
    frames: Span


class ReportedOutput(_Told):
    """A file or folder that was written."""

    name: str
    frames: int
    sha256: str


class OutputProof(_Told):
    """A report, as far as it is read again."""

    format: Literal["tam_edit.report/1"] = Field(alias="schema")
    made_with: str = Field(alias="tam_edit")
    written: str
    source: ReportedSource
    outputs: tuple[ReportedOutput, ...]
    frames_covered_whole: tuple[int, ...]
    frames_not_looked_at: tuple[int, ...] = ()
    objects: dict[str, ReportedObject]
    decisions: tuple[ReportedDecision, ...]


def read_report(path: Path) -> OutputProof:
    """The report in a file.

    Raises:
        OpenError: It cannot be read.
        InputError: It is no report that this version reads.
    """
    hint = f"name the {REPORT_SUFFIX} that lies beside an output"
    try:
        return OutputProof.model_validate_json(path.read_bytes())
    except OSError as error:
        raise OpenError(f"{path} cannot be read ({error.strerror})", hint=hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"{path} is no report: {place}: {first['msg']}", hint=hint) from error


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
