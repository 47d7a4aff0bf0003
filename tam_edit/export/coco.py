"""Object masks as one JSON file in the format of the COCO data set.

``images``, ``annotations`` and ``categories`` as https://cocodataset.org/#format-data has them,
with masks as compressed run lengths, which ``pycocotools.coco.COCO`` reads. What COCO has no place
for (frames, times, tracks, scores) stands in keys of its own, which readers pass over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco

from tam_edit import __version__
from tam_edit.errors import EncodeError
from tam_edit.export.job import ExportJob, ExportReport, Progress
from tam_edit.export.target import finished_file
from tam_edit.media.folder_source import FolderSource
from tam_edit.render.palette import index_mask
from tam_edit.types import ObjectId

ABOUT = "Object masks tracked with tam-edit"


def write_coco(job: ExportJob, path: Path, progress: Progress | None = None) -> ExportReport:
    """Write a COCO file: an image per frame, an annotation per object and frame that shows it.

    Raises:
        EncodeError: The file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    scores = {object_id: job.scores(object_id) for object_id in job.names}
    files = picture_names(job)
    size = {"width": job.source.info.width, "height": job.source.info.height}
    for done, (index, masks) in enumerate(run_lengths(job), start=1):
        images.append(
            {
                "id": index,
                **size,
                "file_name": files[index],
                "frame_index": index,
                "seconds": float(job.source.time_of(index) - job.source.time_of(0)),
                "timecode": job.timecode(index),
                "is_handle": job.is_handle(index),
            }
        )
        for object_id, encoded in masks.items():
            annotations.append(
                {
                    # From 1 on: COCO's evaluation takes 0 for "no match".
                    "id": len(annotations) + 1,
                    "image_id": index,
                    "category_id": object_id,
                    "track_id": object_id,
                    "segmentation": encoded,
                    "area": int(coco.area(encoded)),
                    "bbox": [float(v) for v in coco.toBbox(encoded)],
                    "iscrowd": 0,
                    "score": round(scores[object_id][index].score, 4),
                }
            )
        if progress is not None:
            progress(done, len(job.frames))
    write_json(
        {
            "info": about(job),
            "licenses": [],
            "images": images,
            "annotations": annotations,
            "categories": categories(job),
        },
        path,
    )
    return ExportReport(
        path=path,
        format="coco-json",
        frames=job.frames,
        objects=tuple(job.names.values()),
    )


def run_lengths(job: ExportJob) -> Iterator[tuple[int, dict[ObjectId, dict[str, Any]]]]:
    """Each frame with the mask of every object that is seen on it.

    The masks are those of the palette pictures: a pixel belongs to the object with the strongest
    matte above 0.5.

    Returns:
        Frame, and per object ``{"size": [rows, columns], "counts": text}``.
    """
    info = job.source.info
    for index in job.frames:
        ids = index_mask(
            {i: t.matte(index, info.width, info.height) for i, t in job.tracks.items()}
        )
        masks = {}
        for object_id in np.unique(ids[ids > 0]).tolist():
            encoded = coco.encode(np.asfortranarray(ids == object_id, np.uint8))
            masks[int(object_id)] = {
                "size": [int(n) for n in encoded["size"]],
                "counts": encoded["counts"].decode("ascii"),
            }
        yield index, masks


def picture_names(job: ExportJob) -> Mapping[int, str]:
    """What each frame's picture is called: its file, or ``00012.png`` for frame 12 of a video."""
    if isinstance(job.source, FolderSource):
        return {index: job.source.files[index].name for index in job.frames}
    return {index: f"{index:05d}.png" for index in job.frames}


def categories(job: ExportJob) -> list[dict[str, Any]]:
    """One category per object, with the object's id."""
    return [{"id": k, "name": name, "supercategory": "object"} for k, name in job.names.items()]


def about(job: ExportJob) -> dict[str, Any]:
    """Where the masks come from."""
    info = job.source.info
    return {
        "description": ABOUT,
        "version": __version__,
        "video": info.path.name,
        "in_frame": job.in_frame,
        "out_frame": job.out_frame,
        "rate": str(info.average_rate),
        "is_variable_rate": info.is_variable_rate,
    }


def write_json(document: Mapping[str, Any], path: Path) -> None:
    """Write a document as JSON, read it back, and only then give it its name.

    Raises:
        EncodeError: It cannot be written, or reads otherwise.
    """
    with finished_file(path) as part:
        part.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
        if json.loads(part.read_text(encoding="utf-8")) != document:
            raise EncodeError(f"{path} was written, but reads otherwise; it was deleted")
