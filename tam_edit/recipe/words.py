"""A recipe's steps in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from tam_edit.recipe.steps import (
    BUNDLE_FIELDS,
    COVER_FIELDS,
    CheckpointStep,
    EffectStep,
    ExportStep,
    MatteStep,
    Objects,
    Position,
    Step,
    TrackStep,
    VerifyStep,
)
from tam_edit.recipe.text import toml_value

_WRITTEN_ELSEWHERE = {"name", "kind", "effect", "objects", "parameters", "ramps", "invert"}
_AT_CUTS = {
    "ask": "asks where the video is cut",
    "reacquire": "looks for the object where the video is cut",
    "ignore": "ignores cuts",
}


def in_words(step: Step) -> str:
    """One step in plain words, on one line."""
    match step:
        case TrackStep():
            return _track(step)
        case CheckpointStep():
            return _checkpoint(step)
        case MatteStep():
            done = step.model_dump(exclude_defaults=True, exclude={"name", "kind", "objects"})
            return f"masks of {_listed_objects(step.objects)}" + _listed(done)
        case EffectStep():
            return _effect(step)
        case ExportStep():
            return _export(step)
        case VerifyStep():
            limits = [
                f"at least {step.outside_psnr_db:g} dB outside the effects"
                if step.outside_psnr_db
                else "",
                f"a correlation of at most {step.inside_correlation:g} under the covers"
                if step.inside_correlation < 1
                else "",
            ]
            told = " and ".join(limit for limit in limits if limit) or "every frame and its time"
            return f"decodes what was written before it gets its name: {told}"


def _track(step: TrackStep) -> str:
    more = "" if step.assess else ", takes the model's own scores"
    if step.refine_below is not None:
        more += f", refines below {step.refine_below:g}"
    return f"model {step.model}, short side {step.short_side_px} px, {_AT_CUTS[step.at_cuts]}{more}"


def _checkpoint(step: CheckpointStep) -> str:
    where = {
        "doubt": f"where a frame's score is below {step.threshold:g}",
        "always": f"for a look at {step.frame_count} frames of each object, whatever their score",
        "prompts": "for a look at every frame on which somebody said where an object is",
        "frames": f"for a look at frame{'s' if len(step.frames) > 1 else ''} "
        + ", ".join(str(at) for at in step.frames),
        "cuts": "for a look at the first frame of every new shot",
    }[step.when]
    of = "" if step.objects == "all" else f" of {_listed_objects(step.objects)}"
    return f"stops {where}{of}{f': {step.why}' if step.why else ''}"


def _effect(step: EffectStep) -> str:
    on = ("everything but " if step.invert else "") + _listed_objects(step.objects)
    settings = step.model_dump(exclude_defaults=True, exclude=_WRITTEN_ELSEWHERE | COVER_FIELDS)
    settings.pop("with", None)
    span = [settings.pop(name, None) for name in ("in_point", "out_point")]
    given = {
        **step.parameters,
        **step.model_dump(include=COVER_FIELDS, exclude_defaults=True),
        **settings,
    }
    ramps = "".join(
        f", {name} from " + " to ".join(f"{p.value:g} at {p.at}" for p in points)
        for name, points in step.ramps.items()
    )
    return f"{step.effect} on {on}{_span(*span)}{_listed(given)}{ramps}"


def _span(in_point: Position | None, out_point: Position | None) -> str:
    begin = "" if in_point is None else f" from {in_point}"
    return begin + ("" if out_point is None else f" up to {out_point}")


def _export(step: ExportStep) -> str:
    where = step.path or "the output"
    if step.what == "masks":
        return f"{where}: masks as palette pictures"
    if step.what == "inpaint":
        more = step.model_dump(include=BUNDLE_FIELDS, exclude_defaults=True)
        whose = _listed_objects(step.objects)
        return f"{where}: frames and masks of {whose} for inpainting models{_listed(more)}"
    parts: list[str] = [step.format or "format by file name"]
    if step.bits is not None:
        parts.append(f"{step.bits} bits")
    if step.what == "luma":
        whose = _listed_objects(step.objects)
        layers = " with a layer each" if step.format == "exr" else " as a grey picture"
        parts.insert(0, f"the matte of {whose}{layers}")
        parts.append("start timecode copied" if step.copy_metadata else "no timecode")
        parts += ["sound copied"] * step.has_sound
    else:
        parts += [step.alpha] * (step.alpha != "straight")
        parts.append("metadata copied" if step.copy_metadata else "metadata left out")
        parts += ["without sound"] * (not step.has_sound)
    return f"{where}: {', '.join(parts)}{_listed(step.codec_options)}"


def _listed_objects(objects: Objects) -> str:
    return "all objects" if objects == "all" else ", ".join(objects)


def _listed(settings: Mapping[str, object]) -> str:
    return "".join(f", {name} = {toml_value(value)}" for name, value in settings.items())
