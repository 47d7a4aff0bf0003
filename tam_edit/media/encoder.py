"""Setting up FFmpeg's encoders and containers so that nothing of the source is changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import av
from av.container import OutputContainer
from av.video.reformatter import ColorRange

from tam_edit.media.hdr import HdrFacts
from tam_edit.media.source import Source, SourceInfo
from tam_edit.pixels import ColorTags

ISO_EXTENSIONS = (".mp4", ".mov", ".m4v")
# A frame rate is stored as a ratio of two 32-bit numbers.
RATE_DENOMINATOR = 100_000
MAX_TIMESCALE = 2**31 - 1
# The tag by which QuickTime recognises HEVC.
HEVC_TAG = "hvc1"
PARAMS_OPTION = {"libx264": "x264-params", "libx265": "x265-params"}
MASTERING_KEY = {"libx264": "mastering-display", "libx265": "master-display"}
LIGHT_LEVEL_KEY = {"libx264": "cll", "libx265": "max-cll"}


def muxer_options(extension: str, source: Source, *, anonymous: bool) -> dict[str, str]:
    """Settings of the container.

    Args:
        extension: Of the target.
        source: Where the frames come from.
        anonymous: Leave out even the name of the program that wrote the file.
    """
    options: dict[str, str] = {}
    if extension.lower() in ISO_EXTENSIONS:
        options["movflags"] = "+faststart"
        # A track that starts late has its offset stored in this unit: one that is exact in every
        # track's own clock.
        scale = source.info.time_base.denominator
        exact = math.lcm(scale, *(track.sample_rate_hz for track in source.info.audio))
        options["movie_timescale"] = str(exact if exact <= MAX_TIMESCALE else scale)
    else:
        # Sound may begin a little before zero (an encoder's run-in). Matroska can store that;
        # left alone, FFmpeg would move the picture instead.
        options["avoid_negative_ts"] = "disabled"
    if anonymous:
        options["fflags"] = "+bitexact"
    return options


def add_video(
    output: OutputContainer,
    codec: str,
    info: SourceInfo,
    *,
    color: ColorTags,
    pixel_format: str,
    options: Mapping[str, str],
) -> av.VideoStream:
    """Add the film to a container, with the source's clock, colour, rotation and aspect.

    Args:
        output: The container, before its header is written.
        codec: FFmpeg's name of the encoder.
        info: The source.
        color: Colour tags of the pictures to come.
        pixel_format: FFmpeg's name.
        options: Encoder settings.

    Raises:
        ValueError: The container cannot hold that coding.
    """
    added = output.add_stream(
        codec,
        rate=info.average_rate.limit_denominator(RATE_DENOMINATOR),
        options=_with_params(codec, info.hdr, options),
    )
    stream = cast("av.VideoStream", added)
    context = stream.codec_context
    context.width, context.height = info.coded_width, info.coded_height
    context.pix_fmt = pixel_format
    context.time_base = info.time_base
    stream.time_base = info.time_base
    context.sample_aspect_ratio = info.pixel_aspect
    context.color_primaries = color.primaries
    context.color_trc = color.transfer
    context.colorspace = color.matrix
    if color.full_range is not None:
        context.color_range = int(ColorRange.JPEG if color.full_range else ColorRange.MPEG)
    if codec == "libx265" and output.format.name in ("mp4", "mov", "ipod"):
        context.codec_tag = HEVC_TAG
    # FFV1 and ProRes are all keyframes, and each frame's slices are coded side by side.
    context.thread_type = "AUTO"
    if info.quarter_turns:
        stream.set_display_rotation(90 * info.quarter_turns)
    return stream


def _with_params(codec: str, hdr: HdrFacts, options: Mapping[str, str]) -> dict[str, str]:
    merged = dict(options)
    key = PARAMS_OPTION.get(codec)
    if key is None:
        return merged
    # x265 writes its progress to standard error unless told not to.
    params = ["log-level=none"] if codec == "libx265" else []
    mastering = hdr.mastering_text()
    if mastering is not None:
        params.append(f"{MASTERING_KEY[codec]}={mastering}")
    if hdr.light_level is not None:
        params.append(f"{LIGHT_LEVEL_KEY[codec]}={hdr.light_level[0]},{hdr.light_level[1]}")
    if key in merged:
        params.append(merged[key])
    if params:
        merged[key] = ":".join(params)
    return merged
