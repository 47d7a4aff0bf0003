"""The formats that a video can be written in, and what each of them can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import av

from tam_edit.errors import EncodeError, InputError, UnknownNameError
from tam_edit.pixels import PixelLayout

PIXEL_FORMAT_OPTION = "pix_fmt"
NUMBERED = re.compile(r"%0?\d*d")
# Fewer columns or rows than this x265 refuses.
HEVC_MIN_SIDE = 16
FFV1_RGB_BITS = (8, 10, 12, 14, 16)
FFV1_GRAY_BITS = (8, 10, 12, 16)
# FFV1 knows alpha beside 9- and 10-bit chroma in every raster, beside 12 bits not in 4:2:0.
FFV1_ALPHA_BITS = {"420": (8, 9, 10, 16), "422": (8, 9, 10, 12, 16), "444": (8, 9, 10, 12, 16)}
FFV1_YUV_BITS = (8, 9, 10, 12, 14, 16)


@dataclass(frozen=True)
class OutputFormat:
    """One way of writing a video.

    Attributes:
        name: What people call it, such as ``"prores4444"``.
        codec: FFmpeg's name of the encoder.
        extensions: Containers that can carry it, the usual one first; empty for a folder.
        can_hold_alpha: Whether transparency survives.
        options: Encoder settings; any of them can be overridden.
        max_bits: The greatest depth of its samples.
        is_limited: Whether its samples are always of limited range, because it cannot say.
        most_error: How far alpha, or a matte, may be off when it is read back, as a share of full
            scale; twice of what was measured on drawn mattes.
        choose: ``choose(layout, needs_alpha, width, height)`` gives FFmpeg's name of the pixel
            format that keeps the most of a source.
    """

    name: str
    codec: str
    extensions: tuple[str, ...]
    can_hold_alpha: bool
    choose: Callable[[PixelLayout, bool, int, int], str]
    options: Mapping[str, str] = field(default_factory=dict)
    max_bits: int = 16
    is_limited: bool = False
    most_error: float = 0.0

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of pictures."""
        return not self.extensions


def _raster(layout: PixelLayout) -> str:
    """The nearest raster among 4:2:0, 4:2:2 and 4:4:4 that loses no chroma sample."""
    if layout.plane_count < 3:
        return "420"
    known = {(2, 2): "420", (2, 1): "422", (1, 1): "444", (4, 1): "422", (4, 4): "420"}
    return known.get(layout.chroma_step, "444")


def _deep_enough(bits: int, depths: tuple[int, ...]) -> int:
    return next((depth for depth in depths if depth >= bits), depths[-1])


def _suffix(bits: int) -> str:
    return "" if bits == 8 else f"{bits}le"


def _delivery(depths: tuple[int, ...]) -> Callable[[PixelLayout, bool, int, int], str]:
    def choose(layout: PixelLayout, needs_alpha: bool, width: int, height: int) -> str:  # noqa: ARG001
        # Players expect 4:2:0; RGB cannot be kept as such, so nothing is gained by more.
        raster = "420" if layout.is_rgb else _raster(layout)
        # Encoders refuse a size that the chroma raster does not divide.
        if (raster == "420" and (width % 2 or height % 2)) or (raster == "422" and width % 2):
            raster = "444"
        return f"yuv{raster}p{_suffix(_deep_enough(layout.bits, depths))}"

    return choose


def _lossless(layout: PixelLayout, needs_alpha: bool, width: int, height: int) -> str:  # noqa: ARG001
    alpha = needs_alpha or layout.has_alpha
    if layout.is_rgb or (alpha and layout.plane_count < 3):
        bits = _deep_enough(layout.bits, FFV1_RGB_BITS)
        if bits == 8:
            return "bgra" if alpha else "bgr0"
        return f"gbr{'a' if alpha else ''}p{_suffix(bits)}"
    if layout.plane_count < 3:
        return f"gray{_suffix(_deep_enough(layout.bits, FFV1_GRAY_BITS))}"
    if alpha:
        raster = _raster(layout)
        return f"yuva{raster}p{_suffix(_deep_enough(layout.bits, FFV1_ALPHA_BITS[raster]))}"
    if layout.bits == 8 and layout.chroma_step in ((4, 1), (4, 4), (1, 2)):
        return layout.name
    return f"yuv{_raster(layout)}p{_suffix(_deep_enough(layout.bits, FFV1_YUV_BITS))}"


def _always(name: str) -> Callable[[PixelLayout, bool, int, int], str]:
    def choose(layout: PixelLayout, needs_alpha: bool, width: int, height: int) -> str:  # noqa: ARG001
        return name

    return choose


def _png(layout: PixelLayout, needs_alpha: bool, width: int, height: int) -> str:  # noqa: ARG001
    alpha = "a" if needs_alpha or layout.has_alpha else ""
    return f"gbr{alpha}p{_suffix(8 if layout.bits == 8 else 16)}"


OUTPUT_FORMATS: Mapping[str, OutputFormat] = {
    fmt.name: fmt
    for fmt in (
        OutputFormat(
            "h264",
            "libx264",
            (".mp4", ".mkv", ".mov", ".m4v"),
            False,
            _delivery((8, 10)),
            {"preset": "medium", "crf": "17"},
            max_bits=10,
        ),
        OutputFormat(
            "hevc",
            "libx265",
            (".mp4", ".mkv", ".mov", ".m4v"),
            False,
            _delivery((8, 10, 12)),
            {"preset": "medium", "crf": "18"},
            max_bits=12,
        ),
        OutputFormat(
            "ffv1",
            "ffv1",
            (".mkv",),
            True,
            _lossless,
            {"level": "3", "g": "1", "slicecrc": "1"},
        ),
        OutputFormat(
            "prores4444",
            "prores_ks",
            (".mov", ".mkv"),
            True,
            _always("yuva444p10le"),
            {"profile": "4", "alpha_bits": "16", "vendor": "apl0"},
            max_bits=10,
            is_limited=True,
            most_error=0.0015,
        ),
        OutputFormat(
            "vp9-alpha",
            "libvpx-vp9",
            (".webm", ".mkv"),
            True,
            _always("yuva420p"),
            # Alternate reference frames and alpha exclude each other in libvpx.
            {"crf": "18", "b": "0", "auto-alt-ref": "0", "row-mt": "1", "cpu-used": "2"},
            max_bits=8,
            most_error=0.12,
        ),
        OutputFormat("png", "png", (), True, _png),
        OutputFormat("exr", "exr", (), True, _always("gbrapf32le")),
    )
}
# How a matte is written as a picture of its own, by the same names.
MATTE_FORMATS: Mapping[str, OutputFormat] = {
    **{name: OUTPUT_FORMATS[name] for name in ("ffv1", "png", "exr")},
    "h264": replace(
        OUTPUT_FORMATS["h264"],
        extensions=(".mp4", ".mov", ".m4v"),
        # Coarser, x264 leaves single rows of a hard edge out: a quarter of full scale at crf 4.
        options={"preset": "medium", "crf": "2"},
        max_bits=8,
        most_error=0.08,
    ),
}


def is_folder_target(path: str | Path) -> bool:
    """Whether a target names a folder of pictures: a folder, ``out/`` or ``out/a.%05d.png``."""
    text = str(path)
    return text.endswith("/") or bool(NUMBERED.search(Path(text).name)) or Path(text).is_dir()


def format_for(
    path: str | Path,
    *,
    needs_alpha: bool = False,
    name: str | None = None,
    layout: PixelLayout | None = None,
    bits: int | None = None,
) -> OutputFormat:
    """The format for a target, by name or by the target's extension.

    Args:
        path: Target.
        needs_alpha: Whether the result is transparent somewhere.
        name: Name of a format; goes before the extension.
        layout: How the source stores its samples; deeper than 8 bits makes MP4 hold HEVC.
        bits: The depth wanted; left out, the source's.

    Raises:
        UnknownNameError: There is no format of that name.
        EncodeError: The extension is unknown, or the format cannot do what is asked.
    """
    if name is not None:
        if name not in OUTPUT_FORMATS:
            raise UnknownNameError("output format", name, OUTPUT_FORMATS)
        chosen = OUTPUT_FORMATS[name]
    else:
        chosen = OUTPUT_FORMATS[_name_for(path, needs_alpha, layout)]
    check_format(chosen, path, needs_alpha=needs_alpha, bits=bits)
    return chosen


def matte_format_for(
    path: str | Path, *, name: str | None = None, bits: int | None = None
) -> OutputFormat:
    """The format of a matte that is a picture of its own: H.264, FFV1, or a folder of pictures.

    Args:
        path: Target; its extension decides where no format is named.
        name: One of ``MATTE_FORMATS``.
        bits: The depth wanted.

    Raises:
        UnknownNameError: There is no such format for mattes.
        EncodeError: The extension says none, or the format is not so deep.
    """
    if name is None:
        suffix = Path(path).suffix.lower()
        if is_folder_target(path) or not suffix:
            name = "exr" if suffix == ".exr" else "png"
        elif suffix == ".mkv":
            name = "ffv1"
        elif suffix in MATTE_FORMATS["h264"].extensions:
            name = "h264"
        else:
            raise EncodeError(
                f"a matte is not written to {Path(path).name}",
                hint="write to .mp4 or .mov (H.264), .mkv (FFV1), or to a folder of PNGs: out/",
            )
    if name not in MATTE_FORMATS:
        raise UnknownNameError("format of mattes", name, MATTE_FORMATS)
    chosen = MATTE_FORMATS[name]
    check_format(chosen, path, needs_alpha=False, bits=bits, among=MATTE_FORMATS)
    return chosen


def check_format(
    chosen: OutputFormat,
    path: str | Path,
    *,
    needs_alpha: bool,
    bits: int | None = None,
    among: Mapping[str, OutputFormat] = OUTPUT_FORMATS,
) -> None:
    """Refuse a format that cannot hold alpha or depth, or a container that cannot hold the format.

    Raises:
        EncodeError: With the formats or extensions that would do.
    """
    if needs_alpha and not chosen.can_hold_alpha:
        able = ", ".join(fmt.name for fmt in OUTPUT_FORMATS.values() if fmt.can_hold_alpha)
        raise EncodeError(
            f"{chosen.name} cannot store transparency, which this result has",
            hint=f"formats that can: {able} (.mov, .webm, .mkv, or a folder of PNGs or EXRs)",
        )
    if bits is not None and bits > chosen.max_bits:
        able = ", ".join(fmt.name for fmt in among.values() if fmt.max_bits >= bits)
        raise EncodeError(
            f"{chosen.name} has at most {chosen.max_bits} bits here, not {bits}",
            hint=f"formats that have {bits}: {able}",
        )
    extension = Path(path).suffix.lower()
    if chosen.is_folder:
        is_pattern = NUMBERED.search(Path(path).name) is not None
        if is_pattern and extension not in ("", f".{chosen.name}"):
            raise EncodeError(f"{chosen.name} pictures are not named like {Path(path).name}")
        if extension and not is_folder_target(path):
            raise EncodeError(
                f"{chosen.name} writes a folder of pictures, not a file like {Path(path).name}",
                hint="give a folder, such as out/, or a pattern, such as out/shot.%05d.png",
            )
    elif extension not in chosen.extensions:
        alike = [fmt for fmt in among.values() if extension in fmt.extensions]
        others = [fmt.name for fmt in alike if fmt.can_hold_alpha or not needs_alpha]
        does = f"; {extension} holds {' or '.join(others)}" if others else ""
        raise EncodeError(
            f"{chosen.name} cannot be written to {Path(path).name}",
            hint=f"extensions for {chosen.name}: {' '.join(chosen.extensions)}{does}",
        )


def _name_for(path: str | Path, needs_alpha: bool, layout: PixelLayout | None) -> str:
    if is_folder_target(path):
        suffix = Path(path).suffix.lower()
        if suffix == ".exr":
            return "exr"
        if suffix not in ("", ".png") and NUMBERED.search(Path(path).name):
            raise EncodeError(
                f"picture sequences are written as PNG or EXR, not as {Path(path).name}"
            )
        return "png"
    extension = Path(path).suffix.lower()
    if extension == ".webm":
        return "vp9-alpha"
    if extension in OUTPUT_FORMATS["h264"].extensions:
        if needs_alpha and extension == ".mov":
            return "prores4444"
        if needs_alpha and extension == ".mkv":
            return "ffv1"
        return "hevc" if layout is not None and layout.bits > 8 else "h264"
    raise EncodeError(
        f"the extension of {Path(path).name!r} says no format that can be written",
        hint="write to .mp4 .mkv .mov .webm, or to a folder of PNGs such as out/",
    )


def pixel_format(
    chosen: OutputFormat,
    layout: PixelLayout,
    *,
    needs_alpha: bool,
    size: tuple[int, int],
    options: Mapping[str, str],
    bits: int | None = None,
) -> str:
    """The pixel format to encode in; the option ``pix_fmt`` overrides the choice.

    Args:
        chosen: The format.
        layout: How the source stores its samples.
        needs_alpha: Whether the result is transparent somewhere.
        size: Coded columns and rows.
        options: The user's encoder options.
        bits: The depth wanted; the next one that the format has is taken, the source's where it is
            left out.

    Raises:
        EncodeError: The encoder refuses such a small picture.
        InputError: The option names no pixel format for this encoder.
    """
    width, height = size
    if chosen.name == "hevc" and min(size) < HEVC_MIN_SIDE:
        raise EncodeError(
            f"hevc cannot hold a picture of {width}x{height}: {HEVC_MIN_SIDE} is its least side",
            hint="write h264 or ffv1 instead",
        )
    name = options.get(PIXEL_FORMAT_OPTION)
    if name is None:
        layout = layout if bits is None else replace(layout, bits=bits)
        return chosen.choose(layout, needs_alpha, width, height)
    if chosen.is_folder:
        raise InputError("a folder of PNGs has no pixel format to choose")
    known = {fmt.name for fmt in av.Codec(chosen.codec, "w").video_formats or ()}
    if name not in known:
        raise InputError(
            f"{chosen.codec} takes no pixel format {name!r}",
            hint=f"it takes: {' '.join(sorted(known))}",
        )
    return name
