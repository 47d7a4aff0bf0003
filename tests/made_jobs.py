"""Jobs of exports and renders, as several tests need them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tam_edit.export import ExportJob
from tam_edit.media import Source
from tam_edit.recipe import Recipe
from tam_edit.render import RenderJob
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte

IN, OUT = 1, 5  # of the work: the first frame, and one past the last


def job_of(source: Source, **changes: Any) -> ExportJob:
    """An object that moves right by three pixels a frame and touches the picture's right edge."""
    width, height = source.info.width, source.info.height
    tracks = MemoryTracks()
    for index in range(IN, OUT):
        matte = np.zeros((height, width), np.float32)
        matte[5:15, width - 20 + 3 * index :] = 1
        entry = TrackedMatte(matte=matte, score=0.9, origin=Origin.PROPAGATED)
        tracks.append(index, {1: entry})
    job = ExportJob(source=source, reader=tracks, names={1: "it"}, in_frame=IN, out_frame=OUT)
    return replace(job, **changes)


def render_of(recipe: Recipe, tracks: MemoryTracks, frame_count: int, **changes: Any) -> RenderJob:
    """A render of one object on every frame."""
    job = RenderJob(
        recipe=recipe,
        tracks=tracks.track_set(),
        names={1: "it"},
        in_frame=0,
        out_frame=frame_count,
    )
    return replace(job, **changes)
