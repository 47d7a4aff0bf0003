"""Object masks as one JSON file in the format of YouTube-VIS (the ``ytvos`` loader).

``videos``, ``annotations`` with one entry per frame, and ``categories``, as
https://youtube-vos.org/dataset/vis/ describes them and the ``YTVOS`` class of youtubevos/cocoapi
reads them: ``segmentations`` are compressed run lengths or null where the object is not seen,
``bboxes`` and ``areas`` go with them. Result files of that loader also have ``avg_area``, by which
it filters; it is given here, so that filtering works on this file too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pycocotools import mask as coco

from tam_edit.export.coco import about, categories, picture_names, run_lengths, write_json
from tam_edit.export.job import ExportJob, ExportReport, Progress

VIDEO_ID = 1


def write_ytvos(job: ExportJob, path: Path, progress: Progress | None = None) -> ExportReport:
    """Write a YouTube-VIS file: one video, one annotation per object that is ever seen.

    Raises:
        EncodeError: The file cannot be written.
    """
    info, frames = job.source.info, job.frames
    seen: dict[int, dict[int, dict[str, Any]]] = {object_id: {} for object_id in job.names}
    for done, (index, masks) in enumerate(run_lengths(job), start=1):
        for object_id, encoded in masks.items():
            seen[object_id][index] = encoded
        if progress is not None:
            progress(done, len(frames))
    size = {"width": info.width, "height": info.height, "length": len(frames)}
    folder, files = info.path.stem, picture_names(job)
    video = {
        "id": VIDEO_ID,
        **size,
        "file_names": [f"{folder}/{files[index]}" for index in frames],
        "frame_indices": list(frames),
    }
    kept = {object_id: masks for object_id, masks in seen.items() if masks}
    annotations = [
        {"id": number, "video_id": VIDEO_ID, "category_id": object_id, "iscrowd": 0}
        | size
        | _per_frame(masks, frames)
        for number, (object_id, masks) in enumerate(kept.items(), start=1)
    ]
    document = {
        "info": about(job),
        "licenses": [],
        "videos": [video],
        "annotations": annotations,
        "categories": categories(job),
    }
    write_json(document, path)
    lost = [repr(job.names[object_id]) for object_id in seen if object_id not in kept]
    return ExportReport(
        path=path,
        format="ytvos-json",
        frames=frames,
        objects=tuple(job.names[object_id] for object_id in kept),
        notes=(f"{', '.join(lost)} is on no frame and has no annotation",) if lost else (),
    )


def _per_frame(masks: dict[int, dict[str, Any]], frames: range) -> dict[str, Any]:
    encoded = [masks.get(index) for index in frames]
    areas = [None if mask is None else int(coco.area(mask)) for mask in encoded]
    known = [area for area in areas if area is not None]
    return {
        "segmentations": encoded,
        "bboxes": [
            None if mask is None else [float(v) for v in coco.toBbox(mask)] for mask in encoded
        ],
        "areas": areas,
        "avg_area": sum(known) / len(known),
    }
