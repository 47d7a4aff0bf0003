"""The steps of a recipe, one model each: what may be written, its range and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from tam_edit.effect import COVER_MARGIN_PX, COVER_THRESHOLD
from tam_edit.recipe.text import toml_value
from tam_edit.tracks import DOUBTFUL_BELOW

Name: TypeAlias = Annotated[str, Field(min_length=1)]
OutputFormat: TypeAlias = Literal["h264", "hevc", "ffv1", "prores4444", "vp9-alpha", "png"]
#: Fields of an effect step that only an effect with ``edge = "cover"`` heeds.
COVER_FIELDS = {"margin_px", "margin_frac", "cover_threshold"}
ALPHA_FORMATS = frozenset({"ffv1", "prores4444", "vp9-alpha", "png"})


class Part(BaseModel):
    """A part of a recipe: unknown keys are errors, and nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TrackStep(Part):
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


class CheckpointStep(Part):
    """Stops the run (exit code 3) until a person has looked at the doubtful frames."""

    kind: Literal["checkpoint"] = Field(description="The word that makes this step a checkpoint.")
    when: Literal["doubt"] = Field(
        default="doubt", description="'doubt': where a score is too low."
    )
    threshold: float = Field(
        default=DOUBTFUL_BELOW,
        ge=0,
        le=1,
        description="Score in [0, 1] below which a frame is doubtful.",
    )
    why: str = Field(default="", description="One sentence that tells the person what to look for.")


class EffectStep(Part):
    """Changes the picture inside or around objects."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_alias=True)

    kind: Literal["effect"] = Field(description="The word that makes this step an effect.")
    effect: Name = Field(description="Name of the effect; `tam-edit effects list` prints them.")
    objects: Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        default="all", description="'all', or a list of object names."
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
    parameters: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="The effect's own parameters."
    )


class OutputStep(Part):
    """Says what is written; what it leaves open follows the output's file name."""

    kind: Literal["output"] = Field(description="The word that makes this step the output.")
    format: OutputFormat | None = Field(
        default=None, description="Left out: chosen by the output's extension and by transparency."
    )
    copy_metadata: bool = Field(
        default=True,
        description="Whether metadata, attached pictures, chapters and subtitles are copied; "
        "redaction says false.",
    )
    codec_options: dict[str, str | int | float] = Field(
        default_factory=dict, description="Options for FFmpeg's encoder, such as crf = 18."
    )


Step: TypeAlias = Annotated[
    TrackStep | CheckpointStep | EffectStep | OutputStep, Field(discriminator="kind")
]
STEP_KINDS: dict[str, type[Part]] = {
    "track": TrackStep,
    "checkpoint": CheckpointStep,
    "effect": EffectStep,
    "output": OutputStep,
}


def in_words(step: Step) -> str:
    """One step in plain words, on one line."""
    match step:
        case TrackStep():
            at_cuts = {
                "ask": "asks where the video is cut",
                "reacquire": "looks for the object where the video is cut",
                "ignore": "ignores cuts",
            }[step.at_cuts]
            steps = "" if step.assess else ", takes the model's own scores"
            if step.refine_below is not None:
                steps += f", refines below {step.refine_below:g}"
            return f"model {step.model}, short side {step.short_side_px} px, {at_cuts}{steps}"
        case CheckpointStep():
            why = f": {step.why}" if step.why else ""
            return f"stops where a frame's score is below {step.threshold:g}{why}"
        case EffectStep():
            on = "all objects" if step.objects == "all" else ", ".join(step.objects)
            cover = step.model_dump(include=COVER_FIELDS, exclude_defaults=True)
            given = {**step.parameters, **cover}
            return f"{step.effect} on {on}" + _listed(given)
        case OutputStep():
            metadata = "copied" if step.copy_metadata else "left out"
            name = step.format or "format by file name"
            return f"{name}, metadata {metadata}" + _listed(step.codec_options)


def _listed(settings: Mapping[str, object]) -> str:
    return "".join(f", {name} = {toml_value(value)}" for name, value in settings.items())
