"""In which order the steps of a recipe can be carried out."""

from __future__ import annotations

from collections.abc import Sequence

from tam_edit.recipe.steps import ExportStep, MatteStep, Step
from tam_edit.recipe.text import Fault, Place, toml_value

#: Which kinds of steps come before which; those of one row may be mixed.
ROWS = (("track",), ("checkpoint",), ("matte", "effect"), ("export",), ("verify",))
ROW_OF = {kind: row for row, kinds in enumerate(ROWS) for kind in kinds}

_WHY = {
    "track": "a recipe tracks once, at first",
    "checkpoint": "a person looks before masks and pictures are changed: put it after the track "
    "step, before the matte and effect steps",
    "matte": "put it before the effects that are to see the changed masks",
    "effect": "everything is written in one pass: put it before the export steps",
    "export": "put the export steps after the effects and before the verify step",
    "verify": "put the one verify step last",
}


def order_faults(steps: Sequence[Step]) -> list[Fault]:
    """Steps that are missing, repeated or in an order that could not be carried out."""
    faults = [*_misplaced(steps), *_missing(steps), *_same_names(steps), *_idle_mattes(steps)]
    faults += _changed_frames(steps)
    return sorted(faults, key=lambda fault: len(fault.place) == 1)


def _misplaced(steps: Sequence[Step]) -> list[Fault]:
    faults = []
    latest = steps[0].kind if steps else "track"
    for index, step in enumerate(steps):
        place: Place = ("steps", index)
        earlier = [other.kind for other in steps[:index]]
        if step.kind in ("track", "verify") and step.kind in earlier:
            faults.append(Fault(place, f"is a second {step.kind} step", _WHY[step.kind]))
        elif ROW_OF[step.kind] < ROW_OF[latest]:
            trouble = f"comes after the {latest} step, but must come before it"
            faults.append(Fault(place, trouble, _WHY[step.kind]))
        else:
            latest = step.kind
    return faults


def _missing(steps: Sequence[Step]) -> list[Fault]:
    kinds = [step.kind for step in steps]
    faults = []
    if "track" not in kinds:
        hint = 'begin with [[steps]] and kind = "track"'
        faults.append(Fault(("steps",), "has no track step, so no object would be known", hint))
    writes_masks_only = "export" in kinds and all(
        step.what != "picture" for step in steps if isinstance(step, ExportStep)
    )
    if "effect" not in kinds and not writes_masks_only:
        hint = 'add [[steps]] with kind = "effect"; `tam-edit effects list` names them'
        faults.append(Fault(("steps",), "has no effect step, so nothing would be changed", hint))
    return faults


def _same_names(steps: Sequence[Step]) -> list[Fault]:
    first: dict[str, int] = {}
    faults = []
    for index, step in enumerate(steps):
        if step.name is None:
            continue
        if step.name in first:
            trouble = f"is {toml_value(step.name)}, as steps[{first[step.name]}] is called already"
            hint = "give every step a name of its own, or none"
            faults.append(Fault(("steps", index, "name"), trouble, hint))
        first.setdefault(step.name, index)
    return faults


def _changed_frames(steps: Sequence[Step]) -> list[Fault]:
    """Bundles beside effects: they hold the video's own frames, and come back into these."""
    effects = [index for index, step in enumerate(steps) if step.kind == "effect"]
    return [
        Fault(
            ("steps", index, "what"),
            f"cannot be inpaint beside the effect in steps[{effects[0]}]: models get the video's "
            "own frames",
            "put it into a recipe without effects; mattes and masks may be written beside it",
        )
        for index, step in enumerate(steps)
        if effects and isinstance(step, ExportStep) and step.what == "inpaint"
    ]


def _idle_mattes(steps: Sequence[Step]) -> list[Fault]:
    """Matte steps that nothing after them would show."""
    faults = []
    for index, step in enumerate(steps):
        if not isinstance(step, MatteStep):
            continue
        after = steps[index + 1 :]
        is_seen = any(
            other.kind == "effect" or (isinstance(other, ExportStep) and other.what != "picture")
            for other in after
        )
        if not is_seen:
            faults.append(
                Fault(("steps", index), "is followed by no effect, so does nothing", _WHY["matte"])
            )
        elif not step.model_dump(exclude_defaults=True, exclude={"name", "kind", "objects"}):
            hint = "state what is to be done to the masks, such as grow_px = 4"
            faults.append(Fault(("steps", index), "does nothing to the masks", hint))
    return faults
