"""``bundle.json``: what an inpainting bundle holds and where it comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tam_edit.errors import InputError, OpenError
from tam_edit.media import SourceIdentity
from tam_edit.types import Box

BUNDLE_FILE = "bundle.json"
FRAMES = "frames"
MASKS = "masks"
LAMA = "lama"
#: Sides of the pictures are multiples of this, the largest that one of the models works in.
MULTIPLE_PX = 8
Sha256 = Field(pattern="^[0-9a-f]{64}$")


class Part(BaseModel):
    """A part of the document: unknown keys are errors, and nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Origin(Part):
    """The video that the pictures were taken from.

    Attributes:
        name: Of its file, without the folder.
        identity_sha256: Of what recognises the video again, see ``identity_hash``.
        bits: Bits of its samples; the pictures have 8.
        transfer: Its transfer characteristics by ITU-T H.273; pictures of 16 (PQ) and 18 (HLG)
            look flat, because nothing is converted.
        is_variable_rate: Whether its frames last differently long; ``fps`` is their average then.
    """

    name: str
    identity_sha256: str = Sha256
    bits: int
    transfer: int
    is_variable_rate: bool


class Masking(Part):
    """How the masks were made; white (255) is what is to be removed.

    Attributes:
        objects: Names of the objects in them.
        threshold: From which share of object on a pixel is masked.
        steady_frames: From how many frames before and after a mask takes in what is masked there.
        dilation_px: How far they were grown, in pixels; models grow them further by themselves.
    """

    white: Literal["remove"] = "remove"
    objects: tuple[str, ...] = Field(strict=False)
    threshold: float
    steady_frames: int
    dilation_px: float


class BundleFrame(Part):
    """One picture of the bundle and its mask.

    Attributes:
        name: Of both files, in ``frames/`` and in ``masks/``.
        source_frame: The video's frame, counted from 0.
        pts: Its timestamp in units of the bundle's ``time_base``.
        timecode: Its timecode; None where the video's start timecode is none at its rate.
        is_handle: Whether it lies outside in and out point, where nothing is masked.
        masked_px: White pixels of the mask, those in the padding left out.
        frame_sha256: Of the picture's file.
        mask_sha256: Of the mask's file.
    """

    name: str
    source_frame: int
    pts: int
    timecode: str | None
    is_handle: bool
    masked_px: int
    frame_sha256: str = Sha256
    mask_sha256: str = Sha256


class Bundle(Part):
    """A bundle of pictures and masks.

    Attributes:
        made_with: Version of tam-edit.
        source: The video.
        width: Columns of the pictures, padding included.
        height: Rows of the pictures, padding included.
        crop: The part that is the video's picture: x0, y0, x1, y1, half-open.
        fps: Frames per second as a fraction, such as ``"30000/1001"``.
        time_base: Seconds per unit of a timestamp, as a fraction.
        in_frame: First frame of the work in the video; frames before it are handles.
        out_frame: One past the last frame of the work.
        masking: How the masks were made.
        has_lama_names: Whether ``lama/`` has the same pictures under LaMa's names.
        frames: In order.
    """

    format: Literal["tam_edit.bundle/1"] = Field(default="tam_edit.bundle/1", alias="schema")
    made_with: str
    source: Origin
    width: int
    height: int
    crop: tuple[int, int, int, int] = Field(strict=False)
    fps: str
    time_base: str
    in_frame: int
    out_frame: int
    masking: Masking
    has_lama_names: bool
    frames: tuple[BundleFrame, ...] = Field(strict=False, min_length=1)

    @property
    def picture_box(self) -> Box:
        """The part of each picture that is the video's."""
        return Box(*self.crop)

    def as_text(self) -> str:
        """The document as it is written."""
        values = self.model_dump(mode="json", by_alias=True)
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def read_bundle(folder: Path) -> Bundle:
    """The ``bundle.json`` of a folder.

    Raises:
        OpenError: There is none.
        InputError: It is none that this version reads.
    """
    file = folder / BUNDLE_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise OpenError(
            f"{folder} is no inpainting bundle: {BUNDLE_FILE} cannot be read ({error.strerror})",
            hint="name a folder that tam-edit export --as inpaint has written",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is no text") from error
    try:
        return Bundle.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(
            f"{file} cannot be used: {place}: {first['msg']}",
            hint="export the bundle again with this version",
        ) from error


def identity_hash(identity: SourceIdentity) -> str:
    """SHA-256 over what recognises a video again."""
    values: Mapping[str, Any] = identity.to_json()
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
