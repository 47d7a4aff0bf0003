"""Exports of a made shot, and which of their pixels keep the colours of the video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tam_edit.export import ExportJob, ExportOptions, export

IN, OUT = 3, 10


def exported(job: ExportJob, name: str, path: Path | str, **options: Any) -> Any:
    (report,) = export(name, replace(job, options=ExportOptions(**options)), Path(path))
    return report


def sharp(alpha: Any, margin: int = 0) -> Any:
    """Pixels that are fully transparent or opaque, and so are those around: they keep colours."""
    is_soft = ((alpha > 0) & (alpha < alpha.max())).astype(np.uint8)
    return cv2.dilate(is_soft, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) == 0
