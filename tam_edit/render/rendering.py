"""Masks and a recipe in, one finished file out, in one pass over the video."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tam_edit.media import OutputFormat, Source, check_target, format_for, open_sink, open_source
from tam_edit.recipe import Recipe
from tam_edit.render.chain import Chain, window_of
from tam_edit.render.job import RenderJob, check_tracked, objects_of
from tam_edit.render.mattes import RenderMattes
from tam_edit.render.plan import RenderPlan, check_recipe


@dataclass(frozen=True, kw_only=True)
class RenderReport:
    """What was written.

    Attributes:
        path: The file or folder.
        frame_count: Frames in it, read back.
        pixel_format: FFmpeg's name of its pixel format, read back.
        notes: What the output could not take over from the source, in sentences.
        covered_frames: Frames that were covered whole because nobody was sure of them.
    """

    path: Path
    frame_count: int
    pixel_format: str
    notes: tuple[str, ...] = ()
    covered_frames: tuple[int, ...] = ()


def render(
    source: Source,
    job: RenderJob,
    path: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RenderReport:
    """Write the video with a recipe's effects.

    Args:
        source: The video the masks belong to.
        job: What to do.
        path: Output file; for a PNG sequence a folder, with a slash at its end while it does not
            exist, or a pattern such as ``out/shot.%05d.png``.
        overwrite: Whether an existing output is replaced.
        progress: Told the frames done and the frames in all.

    Raises:
        InputError: A frame was never tracked, or the recipe names an object that is not there.
        EncodeError: The output cannot be written or would not hold what was promised.
    """
    check_tracked(job)
    chosen = output_format(source, job.recipe, path, overwrite=overwrite)
    output = job.recipe.exports[0]
    plan = check_recipe(job.recipe, source, in_frame=job.in_frame, out_frame=job.out_frame)
    mattes = mattes_of(job, plan, source)
    total = job.out_frame - job.in_frame
    with ExitStack() as stack:
        sink = stack.enter_context(
            open_sink(
                path,
                source=source,
                format=chosen,
                needs_alpha=job.recipe.needs_alpha,
                start=job.in_frame,
                stop=job.out_frame,
                copy_streams=True,
                copy_metadata=output.copy_metadata,
                overwrite=overwrite,
                codec_options={k: str(v) for k, v in output.codec_options.items()},
            )
        )
        chain = Chain(source, job, plan, mattes, stack)
        for done, frame in enumerate(chain.frames(), start=1):
            sink.write(frame)
            if progress is not None:
                progress(done, total)
        sink.finish()
    with open_source(sink.path) as written:
        info = written.info
    return RenderReport(
        path=sink.path,
        frame_count=info.frame_count,
        pixel_format=info.layout.name,
        notes=tuple(sink.notes),
        covered_frames=tuple(sorted(job.covered_frames)),
    )


def output_format(
    source: Source, recipe: Recipe, path: str | Path, *, overwrite: bool = False
) -> OutputFormat:
    """The format that an output will have, once it is sure that it may be written.

    Raises:
        EncodeError: It exists, is the source itself, has no known format, cannot hold what the
            recipe makes, or its folder is missing or read-only.
    """
    chosen = format_for(
        path,
        needs_alpha=recipe.needs_alpha,
        name=recipe.exports[0].format,
        layout=source.info.layout,
    )
    check_target(path, chosen, source, overwrite=overwrite)
    return chosen


def mattes_of(job: RenderJob, plan: RenderPlan, source: Source) -> RenderMattes:
    """The mattes that a render needs."""
    return RenderMattes(
        job.tracks,
        [(step, objects_of(step, job.names)) for step in plan.mattes],
        (source.info.width, source.info.height),
        range(job.in_frame, job.out_frame),
        window_of(plan),
    )
