"""Inpainted frames back into the video: masked pixels that changed are taken over, nothing else.

Where a returned pixel equals the one that was handed out, the video's own samples stay; so frames
that come back as they were give back every decoded sample. A sub-sampled chroma sample changes
when one of the pixels that it serves did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.effect import Layer, composite
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.inpaint.document import (
    FRAMES,
    MASKS,
    Bundle,
    BundleFrame,
    identity_hash,
    read_bundle,
)
from tam_edit.inpaint.pictures import eight_bits, read_png
from tam_edit.media import Source, check_target, format_for, identify, open_sink, open_source
from tam_edit.types import Image, Mask, Matte, box_of

# The seam is softened within what the masks were grown by, where the picture shows background
# already; further in, the object would shine through.
USUAL_FEATHER_PX = 2.0
# Chroma is interpolated over its neighbours: with this many pixels around, they are the frame's.
AROUND_PX = 8


@dataclass(frozen=True, kw_only=True)
class Recomposite:
    """What is put back where.

    Attributes:
        bundle: The folder that was handed out.
        returned: The inpainted frames: a folder or pattern of pictures, or a video.
        format: Name of the output's format; by its extension where None.
        feather_px: Over how many pixels inwards from the mask's edge the video's picture goes over
            into the inpainted one; None softens within the bundle's dilation, by 2 at most.
    """

    bundle: Path
    returned: Path
    format: str | None = None
    feather_px: float | None = None


@dataclass(frozen=True, kw_only=True)
class RecompositeReport:
    """What was written.

    Attributes:
        path: The file or folder.
        frame_count: Frames in it, read back.
        pixel_format: FFmpeg's name of its pixel format, read back.
        feather_px: How far the seam was softened.
        masked_px: Pixels that were masked, on all frames together.
        changed_px: Those of them that came back changed.
        notes: What the output could not take over from the source, in sentences.
    """

    path: Path
    frame_count: int
    pixel_format: str
    feather_px: float
    masked_px: int
    changed_px: int
    notes: tuple[str, ...]


def recomposite(
    source: Source,
    what: Recomposite,
    path: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RecompositeReport:
    """Write the bundle's frames of the video with what was inpainted.

    Args:
        source: The video that the bundle was made from.
        what: The bundle and what came back.
        path: Output file or folder, as for rendering.
        overwrite: Whether an existing output is replaced.
        progress: Told the frames done and the frames in all.

    Raises:
        InputError: The bundle is of another video or was changed, or what came back has another
            number of frames or another size.
        OpenError: The bundle or what came back cannot be read.
        EncodeError: The output cannot be written.
    """
    bundle = read_bundle(what.bundle)
    if bundle.source.identity_sha256 != identity_hash(identify(source)):
        raise InputError(f"the bundle {what.bundle} was made from another video")
    feather_px = _feather(what, bundle)
    chosen = format_for(path, name=what.format, layout=source.info.layout)
    check_target(path, chosen, source, overwrite=overwrite)
    frames = bundle.frames
    start, stop = frames[0].source_frame, frames[-1].source_frame + 1
    masked = changed = 0
    with (
        open_source(what.returned) as returned,
        open_sink(
            path, source=source, format=chosen, start=start, stop=stop, overwrite=overwrite
        ) as sink,
    ):
        _check_returned(returned, bundle, what)
        pairs = zip(source.frames(start, stop), returned.frames(), frames, strict=True)
        for done, (native, inpainted, entry) in enumerate(pairs, start=1):
            handed = _handed_out(what.bundle, bundle, entry)
            mended, count = _mended(native, inpainted.rgb, handed, feather_px)
            sink.write(mended)
            masked, changed = masked + entry.masked_px, changed + count
            if progress is not None:
                progress(done, len(frames))
        sink.finish()
    with open_source(sink.path) as written:
        info = written.info
    return RecompositeReport(
        path=sink.path,
        frame_count=info.frame_count,
        pixel_format=info.layout.name,
        feather_px=feather_px,
        masked_px=masked,
        changed_px=changed,
        notes=tuple(sink.notes),
    )


@dataclass(frozen=True, eq=False)
class _HandedOut:
    """One frame as it was given away, without its padding: 8-bit RGB, and what was masked."""

    picture: NDArray[np.uint8]
    mask: Mask


def _feather(what: Recomposite, bundle: Bundle) -> float:
    if what.feather_px is None:
        return min(USUAL_FEATHER_PX, bundle.masking.dilation_px)
    if not 0 <= what.feather_px < 1000:
        raise InputError(f"--feather is {what.feather_px}, but must be a number of at least 0")
    return what.feather_px


def _check_returned(returned: Source, bundle: Bundle, what: Recomposite) -> None:
    info = returned.info
    if info.path.resolve() == (what.bundle / MASKS).resolve():
        raise InputError(
            f"{what.returned} holds the masks that were handed out, and no inpainted frames",
            hint="name the folder or the video that the model has written",
        )
    if info.frame_count != len(bundle.frames):
        raise InputError(
            f"{what.returned} has {info.frame_count} frames, but {len(bundle.frames)} were handed "
            "out",
            hint="give the folder in which there is one picture per frame and nothing else",
        )
    box = bundle.picture_box
    sizes = ((bundle.width, bundle.height), (box.width, box.height))
    if (info.width, info.height) not in sizes:
        wanted = " or ".join(f"{w}x{h}" for w, h in dict.fromkeys(sizes))
        raise InputError(
            f"the frames of {what.returned} are {info.width}x{info.height}, but the bundle's are "
            f"{wanted}",
            hint="let the model work at full size; frames that were made smaller do not fit back",
        )


def _handed_out(folder: Path, bundle: Bundle, frame: BundleFrame) -> _HandedOut:
    crop = bundle.picture_box.slices
    pictures: list[Any] = []
    for part, digest in ((FRAMES, frame.frame_sha256), (MASKS, frame.mask_sha256)):
        file = folder / part / frame.name
        picture, found = read_png(file)
        if found != digest:
            raise InputError(
                f"{file} is not what was handed out any more",
                hint="leave the bundle as it was exported and give the inpainted frames in a "
                "folder of their own",
            )
        pictures.append(picture[crop])
    return _HandedOut(pictures[0], pictures[1] > 0)


def _mended(
    native: Frame, returned: Image, handed: _HandedOut, feather_px: float
) -> tuple[Frame, int]:
    """A frame of the video with what was inpainted on it, and how many pixels that are."""
    height, width = handed.mask.shape
    # Padding lies on the right and below, so places are the same with it and without.
    box = box_of(handed.mask).grown(AROUND_PX).clipped(width, height)
    inpainted = returned[box.slices]
    is_other = (eight_bits(inpainted) != handed.picture[box.slices]).any(axis=2)
    inside = handed.mask[box.slices] & is_other
    count = int(np.count_nonzero(inside))
    if not count:
        return native, 0
    below = native.region(box)
    image = below.copy()
    image[inside] = _in_depth_of(image, inpainted)[inside]
    if feather_px:
        share = _share_inside(handed.mask, feather_px)[box.slices][..., None]
        image = np.rint(below + (image - below.astype(np.float32)) * share).astype(image.dtype)
    layer = Layer(box=box, image=image, alpha=inside.astype(np.float32))
    # What is blended is blended already: here each changed sample is taken as it is, chroma too.
    return composite(native, layer, "cover"), count


def _in_depth_of(image: Image, inpainted: Image) -> Image:
    if image.dtype == inpainted.dtype:
        return inpainted
    if image.dtype == np.uint8:
        return eight_bits(inpainted)
    return inpainted.astype(np.uint16) * np.uint16(257)


def _share_inside(mask: Mask, feather_px: float) -> Matte:
    """How much of the inpainted picture shows: from 0 at the mask's edge to 1 further in."""
    if mask.all():
        return np.ones(mask.shape, np.float32)
    distance: Any = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # From a pixel's centre to the line midway to the next one is half a pixel less.
    share: Matte = np.clip((distance - np.float32(0.5)) / np.float32(feather_px), 0, 1)
    return share
