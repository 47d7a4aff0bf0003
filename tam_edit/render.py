"""Masks and a recipe in, one finished file out, in one pass over the video."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tam_edit.effect import AssetReader, ClipInfo, Effect, apply, object_size_px
from tam_edit.errors import InputError, UnknownNameError
from tam_edit.frame import Frame
from tam_edit.media import (
    OutputFormat,
    Source,
    check_target,
    format_for,
    open_asset,
    open_sink,
    open_source,
)
from tam_edit.recipe import EffectUse, Recipe
from tam_edit.tracks import TrackSet
from tam_edit.types import Matte, ObjectId


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


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """Everything that a render needs to know.

    Attributes:
        recipe: Its effects and its output are used.
        tracks: Masks per object.
        names: Object names by id.
        in_frame: First frame that is written.
        out_frame: One past the last.
        covered_frames: Frames on which effects act on the whole picture.
    """

    recipe: Recipe
    tracks: TrackSet
    names: Mapping[ObjectId, str]
    in_frame: int
    out_frame: int
    covered_frames: Collection[int] = field(default=())


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
        chain = [
            _EffectRun(use, objects_of(use, job.names), source, job, stack)
            for use in job.recipe.effects()
        ]
        for done, frame in enumerate(_with_effects(source, job, chain), start=1):
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


def check_tracked(job: RenderJob) -> None:
    """Refuse a render in which an object's place is not known on some frame.

    Raises:
        InputError: An object lacks a mask on a frame between in and out point, or there is none.
    """
    if not job.names:
        raise InputError(
            "there is no object yet, so nothing would be changed",
            hint="say where it is: tam-edit prompt SHOT.tam --click X,Y",
        )
    for object_id, name in job.names.items():
        at = job.in_frame
        for start, stop in job.tracks[object_id].spans():
            if start > at:
                break
            at = max(at, stop)
        if at < job.out_frame:
            raise InputError(
                f"{name!r} was not tracked on frame {at}, so nobody knows where it is there",
                hint="run tam-edit track on the project first",
            )


def objects_of(use: EffectUse, names: Mapping[ObjectId, str]) -> tuple[ObjectId, ...]:
    """The objects that a recipe's effect acts on.

    Raises:
        UnknownNameError: The recipe names one that is not there.
    """
    wanted = use.step.objects
    if wanted == "all":
        return tuple(names)
    ids = {name: object_id for object_id, name in names.items()}
    for name in wanted:
        if name not in ids:
            raise UnknownNameError("object", name, ids)
    return tuple(ids[name] for name in wanted)


def _with_effects(source: Source, job: RenderJob, chain: Sequence[_EffectRun]) -> Iterator[Frame]:
    """The frames with every effect shown, read ahead as far as an effect wants to see."""
    lookahead = max((run.effect.lookahead_frames for run in chain), default=0)
    window: deque[Frame] = deque()
    incoming = source.frames(job.in_frame, job.out_frame)
    for frame in incoming:
        window.append(frame)
        if len(window) > lookahead:
            yield _shown(window, chain)
    while window:
        yield _shown(window, chain)


def _shown(window: deque[Frame], chain: Sequence[_EffectRun]) -> Frame:
    for run in chain:
        run.window = tuple(window)
    frame = window.popleft()
    for run in chain:
        frame = run.shown(frame)
    return frame


class _EffectRun:
    """One effect of a recipe during one render; also the clip reader that the effect sees."""

    def __init__(
        self,
        use: EffectUse,
        object_ids: tuple[ObjectId, ...],
        source: Source,
        job: RenderJob,
        stack: ExitStack,
    ) -> None:
        self.window: tuple[Frame, ...] = ()
        self._step = use.step
        self._object_ids = object_ids
        self._job = job
        self._size = (source.info.width, source.info.height)
        self._assets = {
            name: stack.enter_context(open_asset(Path(path)))
            for name, path in use.effect.assets().items()
        }
        info = ClipInfo(
            width=self._size[0],
            height=self._size[1],
            frame_count=job.out_frame - job.in_frame,
            bits=source.info.layout.bits,
            start=source.time_of(job.in_frame),
        )
        self.effect: Effect = use.effect.begin(info, self)

    def frame(self, index: int) -> Frame:
        for frame in self.window:
            if frame.index == index:
                return frame
        raise InputError(f"frame {index} is further ahead than the effect said it wants to see")

    def matte(self, index: int) -> Matte:
        width, height = self._size
        if index in self._job.covered_frames:
            return np.ones((height, width), np.float32)
        mattes = (self._job.tracks[i].matte(index, width, height) for i in self._object_ids)
        union = next(mattes)
        for matte in mattes:
            union = np.maximum(union, matte)
        return union

    def asset(self, name: str) -> AssetReader:
        return self._assets[name]

    def shown(self, frame: Frame) -> Frame:
        matte = self.matte(frame.index)
        margin_px = self._step.margin_px
        if self._step.margin_frac:
            margin_px += self._step.margin_frac * object_size_px(matte)
        return apply(
            self.effect,
            frame,
            matte,
            threshold=self._step.cover_threshold,
            margin_px=margin_px,
        )
