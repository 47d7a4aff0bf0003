"""A video file as a sink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet

from tam_edit.errors import EncodeError, InputError
from tam_edit.frame import Frame
from tam_edit.media.conversion import Conversion
from tam_edit.media.copied_streams import CopiedStreams, Span
from tam_edit.media.description import describe, timecode_from
from tam_edit.media.encoder import ISO_EXTENSIONS, add_video, muxer_options
from tam_edit.media.file_source import FileSource
from tam_edit.media.formats import PIXEL_FORMAT_OPTION, OutputFormat, pixel_format
from tam_edit.media.kept_plane import KeptPlane
from tam_edit.media.planar import planes_of
from tam_edit.media.readback import Promise, verify_file
from tam_edit.media.sink import PictureKind, Sink
from tam_edit.media.source import Source, SourceInfo
from tam_edit.media.work_queue import WorkQueue

# Frames that wait for the encoder: enough to even out its bursts.
QUEUED_FRAMES = 4
FOREVER_S = Fraction(10**9)
# How far alpha may be off where the user set the encoder, as a share of full scale.
ASKED_FOR = 0.5


class FileSink(Sink):
    """Writes a video file through FFmpeg, under a hidden name until it has been read back.

    Args:
        path: Target, free to be written.
        chosen: Its format.
        source: Where the frames come from.
        start: First frame.
        stop: Frame before which writing ends.
        needs_alpha: Whether frames will be transparent somewhere.
        premultiplies: Whether colours fade to black where they are.
        bits: Least depth of the samples; the frames' where left out.
        kind: What frames are like that are not the source's pictures: then they are mattes.
        copy_streams: Whether sound comes along.
        copy_metadata: Whether everything else comes along.
        options: Encoder settings of the user.
    """

    def __init__(
        self,
        path: Path,
        chosen: OutputFormat,
        source: Source,
        start: int,
        stop: int,
        *,
        needs_alpha: bool,
        premultiplies: bool,
        bits: int | None,
        kind: PictureKind | None,
        copy_streams: bool,
        copy_metadata: bool,
        options: Mapping[str, str],
    ) -> None:
        super().__init__(path, chosen, source, start, stop, kind)
        info = self._info
        self._stored = stored = _as_stored(info, path.suffix)
        self._shift = int(source.pts[start] - source.pts[0])
        _check_aspect(stored, chosen, path)
        target = pixel_format(
            chosen,
            info.layout,
            needs_alpha=needs_alpha,
            size=(stored.coded_width, stored.coded_height),
            bits=bits,
            options=options,
        )
        turns = info.quarter_turns - stored.quarter_turns
        self._conversion = Conversion(
            info.layout,
            info.color,
            target,
            info.coded_height,
            turns,
            premultiplies=premultiplies,
            is_limited=chosen.is_limited,
        )
        self._note_losses(target)
        self._promise = Promise.of(stored, self._conversion)
        self._promise.is_matte = kind is not None
        if kind is not None or self._conversion.layout.has_alpha:
            plane = -1 if kind is None else 0
            self._promise.kept = KeptPlane(self._conversion.layout, plane)
            # A coarser setting of the user's is the user's choice; that anything is left is not.
            is_asked_for = bool(options) and chosen.most_error > 0
            self._promise.most_error = ASKED_FOR if is_asked_for else chosen.most_error
        self._copied: CopiedStreams | None = None
        self._output: OutputContainer | None = None
        self._queue = WorkQueue(self._encode_now, QUEUED_FRAMES)
        try:
            with self._reported():
                self._open(source, target, options, copy_streams, copy_metadata)
        except BaseException:
            self.discard()
            raise

    def _open(
        self,
        source: Source,
        target: str,
        options: Mapping[str, str],
        copy_streams: bool,
        copy_metadata: bool,
    ) -> None:
        self._output = output = av.open(
            f"file:{self.hidden}",
            "w",
            container_options=muxer_options(self.path.suffix, source, anonymous=not copy_metadata),
        )
        encoder_options = {**self.format.options, **options}
        encoder_options.pop(PIXEL_FORMAT_OPTION, None)
        self._video = add_video(
            output,
            self.format.codec,
            self._stored,
            color=self._conversion.color,
            pixel_format=target,
            options=encoder_options,
        )
        span = self._span_in_seconds(source)
        if copy_metadata:
            timecode = timecode_from(source, self._span[0], self.notes)
            if timecode is not None:
                self._video.metadata["timecode"] = timecode
        # Nobody reads subtitles on a matte, and not every container of mattes can hold them.
        copy_metadata = copy_metadata and not self._promise.is_matte
        if isinstance(source, FileSource):
            if copy_metadata:
                has_sound = copy_streams and bool(source.info.audio)
                self._describe(source, output, span, has_sound=has_sound)
            if copy_streams or copy_metadata:
                self._copied = CopiedStreams(
                    source.info.path,
                    source.video_stream,
                    output,
                    self.path.suffix,
                    span,
                    copy_streams,
                    copy_metadata,
                    self.notes,
                )
        output.start_encoding()
        unknown = set(self._video.codec_context.options) & set(options)
        if unknown:
            raise InputError(f"{self.format.codec} knows no option {', '.join(sorted(unknown))}")

    def _describe(
        self, source: FileSource, output: OutputContainer, span: Span | None, *, has_sound: bool
    ) -> None:
        # FFmpeg lets a track of MP4 and QuickTime point either to chapters or to a timecode.
        is_iso = self.path.suffix.lower() in ISO_EXTENSIONS
        is_crowded = is_iso and "timecode" in self._video.metadata and not has_sound
        if is_crowded and source.info.chapter_count:
            self.notes.append(
                f"the chapters are not copied: {self.path.suffix} cannot hold them beside a start "
                "timecode in a video without sound (.mkv can)"
            )
        describe(source, output, self._video, span, with_chapters=not is_crowded)

    def _encode(self, frame: Frame) -> None:
        self._queue.put(frame)

    def _encode_now(self, frame: Frame) -> None:
        picture = self._conversion.picture(frame)
        picture.pts = frame.pts - self._shift
        picture.time_base = frame.time_base
        picture.duration = frame.duration
        self._promise.pts.append(picture.pts)
        if self._promise.kept is not None:
            self._promise.kept.add(planes_of(picture, self._conversion.layout))
        with self._reported():
            self._mux(self._video.encode(picture))
            if self._copied is not None:
                self._copied.copy_until(picture.pts * frame.time_base)

    def _mux(self, packets: list[Packet[av.VideoStream]]) -> None:
        if self._output is not None:
            self._output.mux(packets)

    def _complete(self) -> None:
        self._queue.finish()
        with self._reported():
            self._mux(self._video.encode(None))
            if self._copied is not None:
                self._copied.copy_until(None)
                self._promise.copied = self._copied.tallies
            self._close()
        self.notes += verify_file(self.hidden, self.path.name, self._promise)
        self._forget()

    def _publish(self) -> None:
        with self._reported():
            self.hidden.replace(self.path)

    def _forget(self) -> None:
        if self._promise.kept is not None:
            self._promise.kept.close()

    def _remove(self) -> None:
        self._queue.abandon()
        self._forget()
        # What made the output fail makes closing it fail, too.
        with suppress(av.FFmpegError, OSError, ValueError):
            self._close()
        self.hidden.unlink(missing_ok=True)

    def _close(self) -> None:
        output, self._output = self._output, None
        copied, self._copied = self._copied, None
        if copied is not None:
            copied.close()
        if output is not None:
            output.close()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except EncodeError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            reason = getattr(error, "strerror", None) or str(error)
            raise EncodeError(f"{self.path} cannot be written: {reason}") from error

    def _note_losses(self, target: str) -> None:
        info, kept = self._info, self._conversion
        where = f"{self.format.name} ({target})"
        if info.layout.has_alpha and not kept.layout.has_alpha:
            self.notes.append(f"the source's transparency is not kept in {where}")
        if info.layout.bits > kept.layout.bits:
            self.notes.append(
                f"samples of {info.layout.bits} bits become {kept.layout.bits} bits in {where}"
            )
        is_delivery = self.format.codec in ("libx264", "libx265")
        is_full_chroma = kept.layout.chroma_step == (1, 1) != info.layout.chroma_step
        if is_delivery and is_full_chroma:
            self.notes.append(
                f"{info.coded_width}x{info.coded_height} is kept by writing 4:4:4, which some "
                "players cannot show"
            )
        if info.hdr.is_present and self.format.codec not in ("libx264", "libx265"):
            self.notes.append(f"HDR10 mastering metadata are not kept in {self.format.name}")

    def _span_in_seconds(self, source: Source) -> Span | None:
        start, stop = self._span
        if (start, stop) == (0, self._info.frame_count):
            return None
        begin = source.time_of(start)
        # What sounds on after the last frame belongs to an end that is not cut.
        is_cut = stop < self._info.frame_count
        end = source.time_of(stop) if is_cut else begin + FOREVER_S
        return Span(begin, end, begin - source.time_of(0))


def _check_aspect(info: SourceInfo, chosen: OutputFormat, path: Path) -> None:
    """Refuse what would be found out after all the work: PyAV gives Matroska no pixel aspect.

    H.264 and HEVC say it themselves.
    """
    says_itself = chosen.codec in ("libx264", "libx265")
    if info.pixel_aspect != 1 and path.suffix.lower() in (".mkv", ".webm") and not says_itself:
        raise EncodeError(
            f"{chosen.name} in {path.suffix} cannot hold pixels of {info.pixel_aspect}, which this "
            "video has",
            hint="write prores4444 to .mov, or a folder of pictures",
        )


def _as_stored(info: SourceInfo, extension: str) -> SourceInfo:
    """The source as its pictures are stored in the target: WebM cannot say how to turn them."""
    if extension.lower() != ".webm" or info.quarter_turns == 0:
        return info
    is_lying = info.quarter_turns % 2 == 1
    return replace(
        info,
        coded_width=info.width,
        coded_height=info.height,
        quarter_turns=0,
        pixel_aspect=1 / info.pixel_aspect if is_lying else info.pixel_aspect,
    )
