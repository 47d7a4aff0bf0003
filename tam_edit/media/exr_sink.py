"""A folder of OpenEXR pictures as a sink: half floats, a layer per matte."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import EncodeError, InputError
from tam_edit.frame import Frame
from tam_edit.media.folder_sink import FolderSink
from tam_edit.media.formats import OutputFormat
from tam_edit.media.light import PRIMARIES, Transfer, transfer_for
from tam_edit.media.sink import PictureKind
from tam_edit.media.source import Source
from tam_edit.media.timecode import COUNTED, timecode_at
from tam_edit.types import Matte

Channels = dict[str, NDArray[np.float16]]
COMPRESSIONS = ("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "dwaa", "dwab")
USUAL_COMPRESSION = "zip"
# These change half floats: B44 all of them, the other two red, green and blue only.
LOSSY = ("b44",)
LOSSY_COLOR = ("b44", "dwaa", "dwab")
LONGEST_NAME = 100


class ExrSink(FolderSink):
    """Writes one EXR per frame; mattes are coverage and so linear, pictures are made linear.

    Args:
        path: Target folder.
        chosen: Its format.
        source: Where the frames come from.
        start: First frame.
        stop: Frame before which writing ends.
        pattern: Name of a picture, such as ``"frame.%05d.exr"``.
        kind: What frames are like that are not the source's pictures: then no picture is written.
        copy_metadata: Whether each picture says its timecode.
        options: ``compression``: one of ``COMPRESSIONS``; ``transfer``: see ``light``.

    Raises:
        EncodeError: OpenEXR is not installed, or nobody says how the picture is made linear.
        InputError: An option is not known.
    """

    suffix: ClassVar[str] = ".exr"

    def __init__(
        self,
        path: Path,
        chosen: OutputFormat,
        source: Source,
        start: int,
        stop: int,
        *,
        pattern: str,
        kind: PictureKind | None,
        copy_metadata: bool,
        options: Mapping[str, str],
    ) -> None:
        self._exr = load_openexr()
        self._compression = _compression_of(options)
        self._transfer = _transfer_of(source, options, has_picture=kind is None)
        super().__init__(path, chosen, source, start, stop, pattern=pattern, kind=kind)
        self._source = source
        self._has_timecode = copy_metadata and source.info.start_timecode is not None
        self._header = self._common_header(source.info.color.primaries)
        self._layers: Mapping[str, Matte] = {}
        self._checksums: dict[str, int] = {}
        self._channel_names: list[str] = []
        if self._compression in LOSSY:
            self.notes.append(
                f"{self._compression} is lossy, so mattes in these EXRs are not exact"
            )

    def write_layers(self, frame: Frame, layers: Mapping[str, Matte]) -> None:
        """Append a frame with mattes beside its picture.

        Args:
            frame: In display order; where no picture is written, only its place in time counts.
            layers: float32 (H, W) in [0, 1] by channel, such as ``"disc.A"``; in display
                orientation.
        """
        self._layers = layers
        self.write(frame)

    def _write(self, frame: Frame, file: Path) -> None:
        channels = {name: np.asarray(m, np.float16) for name, m in self._layers.items()}
        if self._transfer is not None:
            channels |= self._picture(frame)
        header = {**self._header, **self._time_header(frame.index)}
        contiguous = {name: np.ascontiguousarray(c) for name, c in channels.items()}
        try:
            # OpenEXR changes the dictionary that it is given.
            with self._exr.File(header, dict(contiguous)) as written:
                written.write(str(file))
        except RuntimeError as error:
            raise EncodeError(f"{self.path / file.name} cannot be written: {error}") from error
        self._checksums[file.name] = _checksum(self._exactly_kept(contiguous))
        self._channel_names = sorted(contiguous)

    def _picture(self, frame: Frame) -> Channels:
        """Red, green and blue as light, multiplied with the opacity, and that."""
        if self._transfer is None:
            return {}
        full = np.float32(np.iinfo(frame.rgb_dtype).max)
        light = self._transfer.undone(frame.rgb.astype(np.float32) / full)
        opacity = frame.opacity()
        if opacity is None:
            opacity = np.ones(light.shape[:2], np.float32)
        light = light * opacity[..., None]
        channels = {name: light[..., k].astype(np.float16) for k, name in enumerate("RGB")}
        return {**channels, "A": opacity.astype(np.float16)}

    def _common_header(self, primaries: int) -> dict[str, Any]:
        info = self._info
        is_lying = info.quarter_turns % 2 == 1
        aspect = 1 / info.pixel_aspect if is_lying else info.pixel_aspect
        code = "NO" if self._compression == "none" else self._compression.upper()
        header = {
            "compression": getattr(self._exr, f"{code}_COMPRESSION"),
            "type": self._exr.scanlineimage,
            "pixelAspectRatio": float(aspect),
            "framesPerSecond": info.average_rate,
        }
        if self._transfer is None:
            return header
        header["comments"] = f"scene-linear, associated alpha; from {self._transfer.name}"
        if primaries in PRIMARIES:
            header["chromaticities"] = PRIMARIES[primaries]
        if self._transfer.white_nits is not None:
            header["whiteLuminance"] = self._transfer.white_nits
        return header

    def _time_header(self, index: int) -> dict[str, Any]:
        if not self._has_timecode:
            return {}
        try:
            match = COUNTED.fullmatch(timecode_at(index, self._source))
        except InputError:
            # A start timecode that is none at this rate.
            return {}
        if match is None:
            return {}
        code = self._exr.TimeCode()
        code.hours, code.minutes, code.seconds = (int(match[k]) for k in (1, 2, 3))
        code.frame, code.dropFrame = int(match[5]), match[4] == ";"
        return {"timeCode": code}

    def _exactly_kept(self, channels: Channels) -> Channels:
        if self._compression in LOSSY:
            return {}
        color = "RGB" if self._compression in LOSSY_COLOR else ""
        return {name: c for name, c in channels.items() if name not in color}

    def _fault(self, file: Path) -> str:
        info = self._info
        try:
            with self._exr.File(str(file), separate_channels=True) as again:
                channels = {n: np.array(c.pixels) for n, c in again.channels().items()}
        except RuntimeError as error:
            return f"it cannot be read ({error})"
        if sorted(channels) != self._channel_names:
            return f"it has the channels {', '.join(sorted(channels))}"
        shapes = {(c.shape, c.dtype) for c in channels.values()}
        if shapes != {((info.height, info.width), np.dtype(np.float16))}:
            return f"it is no {info.width}x{info.height} picture of half floats"
        if _checksum(self._exactly_kept(channels)) != self._checksums[file.name]:
            return "it holds other values than were written"
        return ""


def check_exr(source: Source, options: Mapping[str, str], *, has_picture: bool) -> None:
    """Refuse what :class:`ExrSink` would, before any work begins."""
    load_openexr()
    _compression_of(options)
    _transfer_of(source, options, has_picture=has_picture)


def load_openexr() -> ModuleType:
    """The OpenEXR package.

    Raises:
        EncodeError: It is not installed.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise EncodeError(
            "EXR is written with the OpenEXR package, which is not installed",
            hint='install it: python -m pip install "tam-edit[exr]"',
        ) from error
    module: ModuleType = OpenEXR
    return module


def layer_names(names: Mapping[int, str]) -> dict[int, str]:
    """The channel of each object's matte: letters, digits, ``-`` and ``_``, then ``.A``.

    Args:
        names: Object names by id; two that become alike get their ids.
    """
    plain = {
        i: re.sub(r"[^A-Za-z0-9_-]+", "_", n)[:LONGEST_NAME].strip("_") for i, n in names.items()
    }
    plain = {i: name or "object" for i, name in plain.items()}
    alike = {name for name in plain.values() if list(plain.values()).count(name) > 1}
    return {i: f"{name}_{i}.A" if name in alike else f"{name}.A" for i, name in plain.items()}


def _transfer_of(
    source: Source, options: Mapping[str, str], *, has_picture: bool
) -> Transfer | None:
    if not has_picture:
        return None
    return transfer_for(source.info.color.transfer, options.get("transfer"))


def _compression_of(options: Mapping[str, str]) -> str:
    unknown = set(options) - {"compression", "transfer"}
    if unknown:
        raise InputError(
            f"EXR knows no option {', '.join(sorted(unknown))}",
            hint="its options are compression and transfer",
        )
    compression = options.get("compression", USUAL_COMPRESSION)
    if compression not in COMPRESSIONS:
        raise InputError(
            f"EXR has no compression {compression!r}", hint=f"it has: {' '.join(COMPRESSIONS)}"
        )
    return compression


def _checksum(channels: Channels) -> int:
    total = 0
    for name in sorted(channels):
        total = zlib.crc32(np.ascontiguousarray(channels[name]).tobytes(), total)
    return total
