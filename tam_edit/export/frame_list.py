"""A plain list of frames: number, time, timecode, and per object whether it is seen and how sure.

It needs no constant frame rate: every time is the file's own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from tam_edit.errors import EncodeError
from tam_edit.export.job import ExportJob, ExportReport, Progress
from tam_edit.export.target import finished_file
from tam_edit.render.palette import index_mask

#: Extensions with what stands between two columns.
SEPARATORS = {".csv": ",", ".txt": "\t"}


def write_frame_list(job: ExportJob, path: Path, progress: Progress | None = None) -> ExportReport:
    """Write one row per frame: with commas as ``.csv``, with tabs as ``.txt``.

    ``pts`` times ``time_base`` is the exact time on the file's clock; ``seconds`` counts from the
    first frame of the video. On handles, where nothing was tracked, objects have no values.

    Raises:
        EncodeError: The file cannot be written.
    """
    rows = [_head(job)]
    for done, row in enumerate(_rows(job), start=1):
        rows.append(row)
        if progress is not None:
            progress(done, len(job.frames))
    separator = SEPARATORS[path.suffix.lower()]
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    with finished_file(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8")
        with part.open(encoding="utf-8", newline="") as written:
            if list(csv.reader(written, delimiter=separator)) != rows:
                raise EncodeError(f"{path} was written, but reads otherwise; it was deleted")
    return ExportReport(
        path=path, format="otio", frames=job.frames, objects=tuple(job.names.values())
    )


def _head(job: ExportJob) -> list[str]:
    columns = ["frame", "pts", "time_base", "seconds", "timecode"]
    for name in job.names.values():
        columns += [f"{name} visible", f"{name} score"]
    return columns


def _rows(job: ExportJob) -> Iterator[list[str]]:
    source = job.source
    info, first = source.info, source.time_of(0)
    scores = {object_id: job.scores(object_id) for object_id in job.names}
    for index in job.frames:
        seconds = source.time_of(index) - first
        row = [str(index), str(source.pts[index]), str(info.time_base), f"{float(seconds):.9f}"]
        row.append(job.timecode(index) or "")
        seen = set(
            index_mask({i: t.matte(index, info.width, info.height) for i, t in job.tracks.items()})
            .ravel()
            .tolist()
        )
        for object_id in job.names:
            known = scores[object_id].get(index)
            row += (
                ["", ""] if known is None else [str(int(object_id in seen)), f"{known.score:.4f}"]
            )
        yield row
