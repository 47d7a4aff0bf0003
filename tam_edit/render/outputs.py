"""The outputs of one pass, frame by frame: the picture, mattes as pictures, masks, bundles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, Protocol, cast

import numpy as np

from tam_edit.frame import Frame
from tam_edit.inpaint import BundleFacts, BundleFolder, CoverMasks
from tam_edit.media import ExrSink, PictureKind, Sink, Source, layer_names, open_sink, open_source
from tam_edit.pixels import ColorTags, PixelLayout, Plane
from tam_edit.render.job import RenderJob, objects_of
from tam_edit.render.ledger import Entry
from tam_edit.render.palette import PaletteFolder
from tam_edit.render.report import OutputReport, Verified
from tam_edit.render.targets import Target
from tam_edit.types import Matte, ObjectId

MASKS_PIXEL_FORMAT = "pal8"
BUNDLE_PIXEL_FORMAT = "rgb24"
EXR_PIXEL_FORMAT = "half"
UNION = "A"
GRAY = PixelLayout.of("gray16le")
# Of all that a matte could be tagged with, what no program converts on a BT.709 timeline.
LUMA_TAGS = ColorTags(primaries=1, transfer=1, matrix=1, full_range=True)


class MatteOf(Protocol):
    """Where objects are on a frame, after all matte steps."""

    def __call__(self, object_ids: tuple[ObjectId, ...], index: int) -> Matte:
        """The union of objects, float32 (H, W)."""
        ...


class Output(ABC):
    """One output that is being written.

    Attributes:
        target: Where it goes, and what the recipe says of it.
        needs_pictures: Whether it cannot be written without decoding the video.
    """

    needs_pictures: ClassVar[bool] = True

    def __init__(self, target: Target) -> None:
        self.target = target
        self.written: Sink | PaletteFolder | BundleFolder

    @abstractmethod
    def write(self, index: int, frame: Frame | None) -> None:
        """Append a frame.

        Args:
            index: The frame.
            frame: With every effect; None where no output needs pictures.
        """

    def entry(self, verified: Verified | None) -> Entry:
        """What it is once it is complete."""
        sink = cast("Sink", self.written)
        with open_source(sink.hidden) as again:
            info = again.info
        return self._entry(info.frame_count, info.layout.name, verified)

    def _entry(self, count: int, pixel_format: str, verified: Verified | None = None) -> Entry:
        notes = self.written.notes if isinstance(self.written, Sink | BundleFolder) else ()
        report = OutputReport(
            path=self.written.path,
            what=self.target.step.what,
            frame_count=count,
            pixel_format=pixel_format,
            notes=tuple(notes),
            verified=verified,
        )
        return Entry(self.target, self.written.hidden, report)


class PictureOutput(Output):
    """The video with the effects."""

    def __init__(self, target: Target, source: Source, job: RenderJob, *, overwrite: bool) -> None:
        super().__init__(target)
        self.written = self.sink = _sink(target, source, job, overwrite=overwrite)
        has_alpha = job.recipe.needs_alpha or source.info.layout.has_alpha
        if target.step.format == "prores4444" and not has_alpha:
            self.sink.notes.append(
                f"nothing is transparent in {target.place.name}: no effect of the recipe makes it "
                "so (background-remove would)"
            )

    def write(self, index: int, frame: Frame | None) -> None:  # noqa: ARG002 - the frame knows it
        """Append the frame with the effects."""
        if frame is not None:
            self.sink.write(frame)


class LumaOutput(Output):
    """A matte as a grey picture."""

    def __init__(
        self, target: Target, source: Source, job: RenderJob, matte: MatteOf, *, overwrite: bool
    ) -> None:
        super().__init__(target)
        self._object_ids = objects_of(target.step, job.names)
        self._matte = matte
        self._layout = PixelLayout.of("gray" if target.bits == 8 else "gray16le")
        kind = PictureKind(self._layout, LUMA_TAGS)
        self.written = self._sink = _sink(target, source, job, kind=kind, overwrite=overwrite)

    def write(self, index: int, frame: Frame | None) -> None:
        """Append the frame's matte."""
        if frame is not None:
            matte = self._matte(self._object_ids, index)
            self._sink.write(luma_frame(frame, matte, self._layout))


class ExrOutput(Output):
    """A layer per object, their union, and the picture with the effects where that is asked for."""

    def __init__(
        self, target: Target, source: Source, job: RenderJob, matte: MatteOf, *, overwrite: bool
    ) -> None:
        super().__init__(target)
        self._object_ids = objects_of(target.step, job.names)
        self._matte = matte
        channels = layer_names({i: job.names[i] for i in self._object_ids})
        self._channels = channels
        self._has_picture = target.step.what == "picture"
        kind = None if self._has_picture else PictureKind(GRAY, LUMA_TAGS)
        self.written = _sink(target, source, job, kind=kind, overwrite=overwrite)
        self._sink = cast("ExrSink", self.written)
        self._count = len(job.frames)

    def write(self, index: int, frame: Frame | None) -> None:
        """Append the frame's mattes, with the picture where it is wanted."""
        if frame is None:
            return
        layers = {name: self._matte((i,), index) for i, name in self._channels.items()}
        if self._has_picture:
            self._sink.write_layers(frame, layers)
            return
        union = self._matte(self._object_ids, index)
        self._sink.write_layers(luma_frame(frame, union, GRAY), {UNION: union, **layers})

    def entry(self, verified: Verified | None) -> Entry:
        """What it is; FFmpeg reads no EXR without colour, and the sink has read it back."""
        return self._entry(self._count, EXR_PIXEL_FORMAT, verified)


class MasksOutput(Output):
    """Palette pictures; written from the masks alone."""

    needs_pictures: ClassVar[bool] = False

    def __init__(self, target: Target, job: RenderJob, matte: MatteOf, *, overwrite: bool) -> None:
        super().__init__(target)
        self._names, self._matte = job.names, matte
        self._count = len(job.frames)
        self.written = self._folder = PaletteFolder(
            target.place, job.tracks, job.frames, names=job.names, overwrite=overwrite
        )

    def write(self, index: int, frame: Frame | None) -> None:  # noqa: ARG002 - masks suffice
        """Append the frame's masks."""
        self._folder.write(index, {i: self._matte((i,), index) for i in self._names})

    def entry(self, verified: Verified | None) -> Entry:
        """What it is once it is complete."""
        return self._entry(self._count, MASKS_PIXEL_FORMAT, verified)


class BundleOutput(Output):
    """Frames and masks for inpainting models."""

    def __init__(
        self, target: Target, source: Source, job: RenderJob, matte: MatteOf, *, overwrite: bool
    ) -> None:
        super().__init__(target)
        step = target.step
        object_ids = objects_of(step, job.names)
        self._count = len(job.frames)
        self._masks = CoverMasks(
            lambda index: matte(object_ids, index),
            range(job.in_frame, job.out_frame),
            (source.info.width, source.info.height),
            cuts=job.cuts,
            steady_frames=step.steady_frames,
            grow_px=step.grow_px,
        )
        facts = BundleFacts(
            source=source,
            frames=job.frames,
            in_frame=max(job.in_frame, job.frames.start),
            out_frame=min(job.out_frame, job.frames.stop),
            objects=tuple(job.names[i] for i in object_ids),
            steady_frames=step.steady_frames,
            grow_px=step.grow_px,
            has_lama_names=step.lama_names,
        )
        self.written = self._folder = BundleFolder(target.place, facts, overwrite=overwrite)

    def write(self, index: int, frame: Frame | None) -> None:
        """Append the frame and its mask."""
        if frame is not None:
            self._folder.write(frame, self._masks.mask(index))

    def entry(self, verified: Verified | None) -> Entry:
        """What it is once it is complete."""
        return self._entry(self._count, BUNDLE_PIXEL_FORMAT, verified)


def open_output(
    target: Target, source: Source, job: RenderJob, matte: MatteOf, *, overwrite: bool
) -> Output:
    """Begin to write one output of a recipe."""
    if target.step.what == "masks":
        return MasksOutput(target, job, matte, overwrite=overwrite)
    if target.step.what == "inpaint":
        return BundleOutput(target, source, job, matte, overwrite=overwrite)
    if target.is_exr:
        return ExrOutput(target, source, job, matte, overwrite=overwrite)
    if target.step.what == "luma":
        return LumaOutput(target, source, job, matte, overwrite=overwrite)
    return PictureOutput(target, source, job, overwrite=overwrite)


def luma_frame(frame: Frame, matte: Matte, layout: PixelLayout) -> Frame:
    """A matte in the place of a frame's picture: white is the object.

    Args:
        frame: Where in time it is, and how it is turned.
        matte: float32 (H, W) in [0, 1], in display orientation.
        layout: Grey, of 8 or 16 bits.
    """
    turned = np.rot90(matte, -frame.quarter_turns)
    top = layout.max_value
    gray: Any = (np.clip(turned, 0, 1) * np.float64(top) + 0.5).astype(layout.dtype)
    gray.flags.writeable = False
    planes = (cast("Plane", gray),)
    return replace(frame, planes=planes, layout=layout, color=LUMA_TAGS, coverage=None)


def _sink(
    target: Target,
    source: Source,
    job: RenderJob,
    *,
    overwrite: bool,
    kind: PictureKind | None = None,
) -> Sink:
    step = target.step
    return open_sink(
        target.written,
        source=source,
        format=target.format,
        needs_alpha=kind is None and job.recipe.needs_alpha,
        premultiplies=step.alpha == "premultiplied",
        start=job.frames.start,
        stop=job.frames.stop,
        copy_streams=step.has_sound,
        copy_metadata=step.copy_metadata,
        overwrite=overwrite,
        codec_options={name: str(value) for name, value in step.codec_options.items()},
        bits=target.bits,
        kind=kind,
    )
