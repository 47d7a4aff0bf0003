"""The steps of a recipe, one model each: what may be written, its range and its meaning."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from tam_edit.effect import COVER_MARGIN_PX, COVER_THRESHOLD
from tam_edit.tracks import DOUBTFUL_BELOW

Name: TypeAlias = Annotated[str, Field(min_length=1)]
#: A frame, counted from 0, or a time or timecode as text.
Position: TypeAlias = Annotated[int, Field(ge=0)] | Name
Objects: TypeAlias = Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1)]
#: What an output is.
OutputKind: TypeAlias = Literal["picture", "luma", "masks", "inpaint"]
VideoFormat: TypeAlias = Literal["h264", "hevc", "ffv1", "prores4444", "vp9-alpha", "png", "exr"]
#: Fields of an effect step that only an effect with ``edge = "cover"`` heeds.
COVER_FIELDS = {"margin_px", "margin_frac", "cover_threshold"}
ALPHA_FORMATS = frozenset({"ffv1", "prores4444", "vp9-alpha", "png", "exr"})
LUMA_FORMATS = frozenset({"h264", "ffv1", "png", "exr"})
#: Fields of an export step that only an inpainting bundle heeds.
BUNDLE_FIELDS = {"grow_px", "steady_frames", "lama_names"}
STEM = "{stem}"  # in a path: the name of the output without its extension


class Part(BaseModel):
    """A part of a recipe: unknown keys are errors, and nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StepPart(Part):
    """What every step can be given."""

    name: Name | None = Field(
        default=None,
        description="What --set and a recipe that extends this one call the step; left out, it is "
        "the effect's name or the step's kind.",
    )


class TrackStep(StepPart):
    """Carries the clicked masks through the video."""

    kind: Literal["track"] = Field(description="The word that makes this step a tracking step.")
    model: Name = Field(
        default="auto", description="Name of the tracking model; 'auto' takes the best one."
    )
    short_side_px: int = Field(
        default=480,
        ge=64,
        le=4320,
        description="Short side of the picture that the model sees, in pixels.",
    )
    assess: bool = Field(
        default=True,
        description="Whether masks are also assessed from outside the model; without it nothing "
        "is refined.",
    )
    refine_below: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Masks with a lower score are handed to the segmenter, in [0, 1]; 0 refines "
        "none; left out, it is what was measured to help with the model.",
    )
    at_cuts: Literal["ask", "reacquire", "ignore"] = Field(
        default="ask",
        description="What happens where the video is cut: 'ask' stops until a person says where "
        "the object is, 'reacquire' looks for it, 'ignore' does not look for cuts.",
    )


class CheckpointStep(StepPart):
    """Stops the run (exit code 3) until a person has looked at some frames."""

    kind: Literal["checkpoint"] = Field(description="The word that makes this step a checkpoint.")
    when: Literal["doubt", "always", "prompts", "frames", "cuts"] = Field(
        default="doubt",
        description="What a person looks at: 'doubt' the frames with a low score, 'always' some "
        "frames of every run, 'prompts' those on which somebody said where an object is, 'frames' "
        "the stated ones, 'cuts' the first of every new shot.",
    )
    threshold: float = Field(
        default=DOUBTFUL_BELOW,
        ge=0,
        le=1,
        description="For 'doubt': score in [0, 1] below which a frame is doubtful.",
    )
    frame_count: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="For 'always': how many frames of each object, evenly spread.",
    )
    frames: tuple[Position, ...] = Field(
        default=(),
        description="For 'frames': which ones, as frames counted from 0 or as times or timecodes.",
    )
    objects: Objects = Field(default="all", description="'all', or a list of object names.")
    why: str = Field(default="", description="One sentence that tells the person what to look for.")


class MatteStep(StepPart):
    """Works on the masks before the effects below it, and the masks that are written, see them.

    The fields are carried out in the order in which they stand here. What a person said on a frame
    stays on that frame: a painted mask is not smoothed, filled, rid of specks, rounded or drawn to
    the picture's edges, and on a frame with clicks the piece under a click stays and the hole under
    a click beside the object stays open. grow_px and feather_px act on these frames as on all
    others.
    """

    kind: Literal["matte"] = Field(description="The word that makes this step one on masks.")
    objects: Objects = Field(default="all", description="'all', or a list of object names.")
    smooth_frames: int = Field(
        default=0,
        ge=0,
        le=30,
        description="How many frames to each side an edge is averaged over, against flicker.",
    )
    follow_edges_frac: float = Field(
        default=0.0,
        ge=0,
        le=0.1,
        description="How far an edge may move to one of the picture, as a share of the frame's "
        "short side: it becomes as sharp, or as soft, as what is seen there.",
    )
    closed_form_frac: float = Field(
        default=0.0,
        ge=0,
        le=0.1,
        description="The same by closed-form matting, which comes nearer to fur and hair in front "
        "of other colours and takes several times as long; best after follow_edges_frac.",
    )
    fill_holes_frac: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Holes of up to this share of the object's area are filled.",
    )
    drop_specks_frac: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="Pieces of less than this share of the object's area are dropped.",
    )
    smooth_edge_px: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="How strongly a jagged edge is rounded: sigma in source pixels.",
    )
    grow_px: float = Field(
        default=0.0,
        ge=-1024,
        le=1024,
        description="How far the edge moves out, in source pixels; below 0 it moves in.",
    )
    feather_px: float = Field(
        default=0.0,
        ge=0,
        le=1024,
        description="Half of the width over which the edge fades, in source pixels.",
    )

    @property
    def follows_picture(self) -> bool:
        """Whether it looks at the picture beside the masks."""
        return self.follow_edges_frac > 0 or self.closed_form_frac > 0


class RampPoint(Part):
    """What a parameter is at one place in the video."""

    model_config = ConfigDict(title="point of a ramp")

    at: Position = Field(description="A frame counted from 0, or a time or timecode as text.")
    value: float = Field(description="The parameter there.")


class EffectStep(StepPart):
    """Changes the picture inside or around objects."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_alias=True)

    kind: Literal["effect"] = Field(description="The word that makes this step an effect.")
    effect: Name = Field(description="Name of the effect; `tam-edit effects list` prints them.")
    objects: Objects = Field(default="all", description="'all', or a list of object names.")
    invert: bool = Field(
        default=False,
        description="Whether it acts where the objects are not, or, if it acts on the background, "
        "where they are.",
    )
    in_point: Position | None = Field(
        default=None,
        description="First frame of the effect, counted from 0, or a time or timecode; left out, "
        "it begins with the work.",
    )
    out_point: Position | None = Field(
        default=None, description="First frame without it again; left out, it lasts to the end."
    )
    fade_in_s: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="Seconds in which it comes in, after the in point: a dissolve from the picture "
        "without the effect to the one with it; a parameter that grows is one of the ramps.",
    )
    fade_out_s: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="Seconds in which it goes, before the out point; a dissolve, too.",
    )
    margin_px: float = Field(
        default=COVER_MARGIN_PX,
        ge=0,
        le=4096,
        description="How far an effect that covers reaches past the object, in source pixels.",
    )
    margin_frac: float = Field(
        default=0.0,
        ge=0,
        le=4,
        description="The same as a share of the object's size; the two add up.",
    )
    cover_threshold: float = Field(
        default=COVER_THRESHOLD,
        gt=0,
        le=1,
        description="Matte value from which a pixel counts as object, for an effect that covers.",
    )
    hold_before_frames: int = Field(
        default=0,
        ge=0,
        le=250,
        description="For so many frames before an object is at a place, the effect is there.",
    )
    hold_after_frames: int = Field(
        default=0,
        ge=0,
        le=250,
        description="For so many frames after an object was at a place, the effect is there.",
    )
    ramps: dict[str, Annotated[tuple[RampPoint, ...], Field(min_length=2)]] = Field(
        default_factory=dict,
        description="Parameters that change over time: values at places in the video, evenly "
        "between them, held before the first and after the last. One that is stated below this "
        "recipe under with is replaced, and the other way round.",
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="The effect's own parameters."
    )


class ExportStep(StepPart):
    """Says what is written; what it leaves open follows the output's file name."""

    kind: Literal["export"] = Field(description="The word that makes this step an output.")
    path: Name | None = Field(
        default=None,
        description="Where, beside the output that the command names; {stem} is that one's name "
        "without its extension. Left out by the one export that is that output.",
    )
    what: OutputKind = Field(
        default="picture",
        description="'picture' is the video with the effects; 'luma' is the matte as a grey "
        "picture of full range, white where the object is; 'masks' is a folder of DAVIS palette "
        "pictures with scores.json; 'inpaint' is a folder of frames and masks for inpainting "
        "models, which tam-edit recomposite takes the results of.",
    )
    objects: Objects = Field(
        default="all",
        description="For 'luma' and 'inpaint': whose matte, their union: 'all', or a list of "
        "object names.",
    )
    format: VideoFormat | None = Field(
        default=None,
        description="Left out: chosen by the output's extension and by transparency, which ffv1, "
        "prores4444, vp9-alpha, png and exr hold.",
    )
    alpha: Literal["straight", "premultiplied"] = Field(
        default="straight",
        description="For 'picture' with transparency: 'straight' leaves the colours below it as "
        "they are, 'premultiplied' fades them to black; EXR is always premultiplied, in linear "
        "light.",
    )
    bits: Literal[8, 10, 16] | None = Field(
        default=None,
        description="Bits per sample, or the next more that the format has; left out, what the "
        "video has.",
    )
    copy_sound: bool | None = Field(
        default=None,
        description="Whether the sound is copied; left out, it is with a picture and is not with "
        "a matte.",
    )
    copy_metadata: bool = Field(
        default=True,
        description="Whether metadata, attached pictures, chapters and subtitles are copied; "
        "redaction says false. A matte takes the start timecode only.",
    )
    codec_options: dict[str, str | int | float] = Field(
        default_factory=dict,
        description="Options for FFmpeg's encoder, such as crf = 18; for PNG compression = 9; for "
        "EXR compression (none rle zips zip piz pxr24 b44 dwaa dwab) and transfer (bt709 bt2020-12 "
        "srgb linear pq hlg; left out, what the video is tagged with).",
    )

    grow_px: float = Field(
        default=0.0,
        ge=0,
        lt=1000,
        description="For 'inpaint': how far masks reach past the objects, in source pixels.",
    )
    steady_frames: int = Field(
        default=1,
        ge=0,
        le=250,
        description="For 'inpaint': from how many frames before and after a mask takes in what is "
        "masked there, against flicker.",
    )
    lama_names: bool = Field(
        default=False,
        description="For 'inpaint': whether the folder also has the file names that LaMa reads.",
    )

    @property
    def has_sound(self) -> bool:
        """Whether the sound is copied."""
        return self.what == "picture" if self.copy_sound is None else self.copy_sound


class VerifyStep(StepPart):
    """Decodes what was written and compares it with the source before it gets its name."""

    kind: Literal["verify"] = Field(description="The word that makes this step a check.")
    outside_psnr_db: float = Field(
        default=30.0,
        ge=0,
        le=100,
        description="How alike source and output are at least where nothing was changed: peak "
        "signal-to-noise ratio in dB on every frame; 0 leaves it out.",
    )
    inside_correlation: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="How much of the source may at most be left under what covers it: the "
        "correlation of their brightness on every frame; 1 leaves it out.",
    )


Step: TypeAlias = Annotated[
    TrackStep | CheckpointStep | MatteStep | EffectStep | ExportStep | VerifyStep,
    Field(discriminator="kind"),
]
STEP_KINDS: dict[str, type[StepPart]] = {
    "track": TrackStep,
    "checkpoint": CheckpointStep,
    "matte": MatteStep,
    "effect": EffectStep,
    "export": ExportStep,
    "verify": VerifyStep,
}
