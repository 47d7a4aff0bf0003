"""What the settings of a step mean to each other: those that would do nothing are faults."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tam_edit.effect import Effect
from tam_edit.errors import InputError, did_you_mean
from tam_edit.parameters import parameters_of
from tam_edit.recipe.parameters import build_from_table
from tam_edit.recipe.steps import (
    ALPHA_FORMATS,
    BUNDLE_FIELDS,
    COVER_FIELDS,
    LUMA_FORMATS,
    STEM,
    CheckpointStep,
    EffectStep,
    ExportStep,
    Position,
    Step,
)
from tam_edit.recipe.text import Fault, Place, found

# Settings of an export that would do nothing, by what is written, and what to do about it.
_IDLE_FIELDS = {
    "masks": {"format", "objects", "alpha", "bits", "codec_options"} | BUNDLE_FIELDS,
    "luma": {"alpha"} | BUNDLE_FIELDS,
    "picture": {"objects"} | BUNDLE_FIELDS,
    "inpaint": {"format", "alpha", "bits", "codec_options"},
}
_IDLE_BUNDLE = 'leave it out: it goes with what = "inpaint"; matte steps change masks, too'
_IDLE = {
    "masks": "leave it out: masks are written as palette pictures",
    "luma": "leave it out: a matte is a picture of its own",
    "picture": 'leave it out, or write what = "luma"; effects name the objects that they act on',
    "inpaint": "leave it out: inpainting models read PNGs of 8 bits",
}
_ONLY_FOR = {"threshold": "doubt", "frame_count": "always", "frames": "frames"}


def checkpoint_faults(steps: Sequence[Step]) -> list[Fault]:
    """Settings of a checkpoint that go with another ``when``, and frames that are missing."""
    faults = []
    for index, step in enumerate(steps):
        if not isinstance(step, CheckpointStep):
            continue
        place: Place = ("steps", index)
        stated = step.model_dump(include=set(_ONLY_FOR), exclude_defaults=True)
        for name in stated:
            if _ONLY_FOR[name] != step.when:
                trouble = f'does nothing here: it goes with when = "{_ONLY_FOR[name]}"'
                hint = f"when is {found(step.when)}; leave {name} out, or change when"
                faults.append(Fault((*place, name), trouble, hint))
        if step.when == "frames" and not step.frames:
            hint = 'for example frames = [0, 120, "00:00:08.000"]'
            faults.append(Fault((*place, "frames"), "is missing: no frame is stated", hint))
    return faults


def setting_faults(index: int, step: EffectStep, effect: Effect) -> list[Fault]:
    """Settings of an effect that would do nothing or could not be carried out."""
    place: Place = ("steps", index)
    faults = [
        *_cover_faults(place, step, effect),
        *_span_faults(place, step),
        *_ramp_faults(place, step, type(effect)),
    ]
    if effect.edge == "cover" and (step.fade_in_s or step.fade_out_s):
        name = "fade_in_s" if step.fade_in_s else "fade_out_s"
        trouble = f"cannot be: {step.effect} covers, and a cover that fades shows what it covers"
        hint = 'leave it out, or write with = { edge = "soft" }'
        faults.append(Fault((*place, name), trouble, hint))
    return faults


def _cover_faults(place: Place, step: EffectStep, effect: Effect) -> list[Fault]:
    """Settings of a cover on an effect that follows the matte softly: they would do nothing."""
    if effect.edge == "cover":
        return []
    trouble = f"does nothing here: {step.effect} follows the matte's soft edge"
    hint = 'leave it out, or write with = { edge = "cover" }'
    stated = step.model_dump(include=COVER_FIELDS, exclude_defaults=True)
    return [Fault((*place, name), trouble, hint) for name in stated]


def _span_faults(place: Place, step: EffectStep) -> list[Fault]:
    if not _is_after(step.in_point, step.out_point):
        trouble = f"is {found(step.out_point)}, which is not after in_point, {found(step.in_point)}"
        hint = "the out point is the first frame without the effect"
        return [Fault((*place, "out_point"), trouble, hint)]
    return []


def _ramp_faults(place: Place, step: EffectStep, kind: type[Effect]) -> list[Fault]:
    """Ramps of what is no number of the effect, out of its range, or not in order."""
    known = {parameter.name: parameter for parameter in parameters_of(kind)}
    numbers = [name for name, each in known.items() if each.kind in ("number", "whole")]
    faults = []
    if kind.borrows and step.ramps:
        trouble = f"cannot be: {step.effect} gathers what it shows before the first frame"
        return [Fault((*place, "ramps"), trouble, "state the parameters once, under with")]
    for name, points in step.ramps.items():
        here: Place = (*place, "ramps", name)
        if name not in numbers:
            faults.append(_no_ramp(here, step.effect, name, known, numbers))
            continue
        if name in step.parameters:
            hint = "leave one of the two out; a recipe that extends this one may state the other"
            faults.append(Fault(here, f"is also stated as with.{name}", hint))
        is_whole = known[name].kind == "whole"
        for number, point in enumerate(points):
            value = round(point.value) if is_whole else point.value
            _, wrong = build_from_table(kind, {**step.parameters, name: value})
            at: Place = (*here, number, "value")
            faults += [Fault(at, fault.trouble, fault.hint) for fault in wrong]
            before = points[number - 1].at if number else None
            if not _is_after(before, point.at):
                trouble = f"is {found(point.at)}, which is not after {found(before)} before it"
                hint = "state the points of a ramp in the order of the video"
                faults.append(Fault((*here, number, "at"), trouble, hint))
    return faults


def _no_ramp(
    place: Place, effect: str, name: str, known: Collection[str], numbers: Collection[str]
) -> Fault:
    """The fault of a ramp of what cannot change over time; ``numbers`` are those that can."""
    able = f"of {effect}, {' and '.join(numbers) or 'nothing'} can change over time"
    if name in known:
        trouble = "is no number, so it cannot change evenly"
        return Fault(place, trouble, f"state it once, under with: {able}")
    return Fault(place, "is not one of its parameters", did_you_mean(name, numbers or known))


def _is_after(first: Position | None, second: Position | None) -> bool:
    """False where two positions of one kind are surely in the wrong order."""
    if isinstance(first, int) and isinstance(second, int):
        return first < second
    return first is None or first != second


def export_faults(steps: Sequence[Step], *, needs_alpha: bool) -> list[Fault]:
    """Exports that would fall on one another, or silently lose what an effect makes."""
    exports = [(i, step) for i, step in enumerate(steps) if isinstance(step, ExportStep)]
    faults = []
    paths: dict[str | None, int] = {}
    for index, step in exports:
        place: Place = ("steps", index)
        if step.path in paths:
            other = f"steps[{paths[step.path]}]"
            is_main = step.path is None
            trouble = "is missing" if is_main else f"is {found(step.path)}"
            hint = (
                f'one export takes the name that the command gives, the others say path = "{STEM}…"'
            )
            faults.append(Fault((*place, "path"), f"{trouble}, as in {other}", hint))
        paths.setdefault(step.path, index)
        faults += _path_faults(place, step)
        faults += _format_faults(place, step, needs_alpha=needs_alpha)
    if exports and None not in paths:
        hint = "leave the path out in the export that is to have the name that the command gives"
        faults.append(Fault(("steps", exports[0][0], "path"), "is stated in every export", hint))
    return faults


def _path_faults(place: Place, step: ExportStep) -> list[Fault]:
    if step.path is None:
        return []
    here: Place = (*place, "path")
    try:
        shown = export_path(step.path, "stem")
    except InputError as error:
        return [Fault(here, f"is {found(step.path)}: {error}", f"write {STEM} for the name")]
    if shown.startswith("/") or ".." in shown.split("/"):
        hint = f'for example path = "{STEM}-masks/"'
        return [Fault(here, f"is {found(step.path)}, but must lie beside the output", hint)]
    return []


def export_path(template: str, stem: str) -> str:
    """The path of an export with the output's name put in.

    Raises:
        InputError: There is something else than the name in braces.
    """
    path = template.replace(STEM, stem)
    if "{" in template.replace(STEM, "") or "}" in template.replace(STEM, ""):
        raise InputError(f"only {STEM} is known in braces")
    return path


def _format_faults(place: Place, step: ExportStep, *, needs_alpha: bool) -> list[Fault]:
    faults = [
        Fault(
            (*place, name),
            f"does nothing for {step.what}",
            _IDLE_BUNDLE if name in BUNDLE_FIELDS else _IDLE[step.what],
        )
        for name in step.model_dump(include=_IDLE_FIELDS[step.what], exclude_defaults=True)
    ]
    is_fit = {"picture": step.format in ALPHA_FORMATS or not needs_alpha}
    is_fit["luma"] = step.format in LUMA_FORMATS
    if step.format is not None and not is_fit.get(step.what, True):
        able = LUMA_FORMATS if step.what == "luma" else ALPHA_FORMATS
        needed = "a matte" if step.what == "luma" else "the transparency that an effect makes"
        trouble = f"is {found(step.format)}, which cannot hold {needed}"
        hint = f"formats that can: {', '.join(sorted(able))}"
        faults.append(Fault((*place, "format"), trouble, hint))
    if step.what == "picture" and step.alpha != "straight" and not needs_alpha:
        hint = "add an effect such as background-remove, or leave alpha out"
        faults.append(Fault((*place, "alpha"), "does nothing: no effect makes transparency", hint))
    return faults
