"""Video in and out: lazy, frame-exact reading and writing that carries everything over."""

from tam_edit.media.assets import Asset, open_asset
from tam_edit.media.copied_streams import check_streams
from tam_edit.media.exr_sink import COMPRESSIONS, USUAL_COMPRESSION, ExrSink, check_exr, layer_names
from tam_edit.media.formats import (
    MATTE_FORMATS,
    OUTPUT_FORMATS,
    OutputFormat,
    format_for,
    is_folder_target,
    matte_format_for,
)
from tam_edit.media.hdr import HdrFacts
from tam_edit.media.hidden import clear_leftovers
from tam_edit.media.identity import SourceIdentity, identify
from tam_edit.media.light import TRANSFERS
from tam_edit.media.new_folder import NewFolder
from tam_edit.media.opening import open_sink, open_source
from tam_edit.media.sink import (
    PictureKind,
    Sink,
    check_place,
    check_target,
    is_taken,
    place_of,
)
from tam_edit.media.source import AudioFacts, Source, SourceInfo, SubtitleFacts
from tam_edit.media.timecode import frame_at, known_timecode, timecode_at

__all__ = [
    "COMPRESSIONS",
    "MATTE_FORMATS",
    "OUTPUT_FORMATS",
    "TRANSFERS",
    "USUAL_COMPRESSION",
    "Asset",
    "AudioFacts",
    "ExrSink",
    "HdrFacts",
    "NewFolder",
    "OutputFormat",
    "PictureKind",
    "Sink",
    "Source",
    "SourceIdentity",
    "SourceInfo",
    "SubtitleFacts",
    "check_exr",
    "check_place",
    "check_streams",
    "check_target",
    "clear_leftovers",
    "format_for",
    "frame_at",
    "identify",
    "is_folder_target",
    "is_taken",
    "known_timecode",
    "layer_names",
    "matte_format_for",
    "open_asset",
    "open_sink",
    "open_source",
    "place_of",
    "timecode_at",
]
