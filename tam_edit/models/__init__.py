"""The models that can be asked for by name, and loading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tam_edit.errors import InputError, NotInstalledError, UnknownNameError
from tam_edit.models.base import Propagator, Segmenter
from tam_edit.models.weights import Role, installed, required
from tam_edit.tracks import DOUBTFUL_BELOW

AUTO = "auto"
BUILTIN = "builtin"
SAM_XMEM = "sam+xmem"
DEVICES = ("auto", "cpu", "cuda", "mps")

MODEL_SUMMARIES = {
    BUILTIN: "learns the object from the video itself; needs no download and runs on the CPU",
    SAM_XMEM: "Segment Anything and XMem; needs weights that `tam-edit models fetch` adds",
}
# What `models fetch` is to be told where nothing is installed.
FIRST_WEIGHTS: dict[Role, str] = {"segmenter": "sam_vit_b", "propagator": "xmem_s012"}


@dataclass(frozen=True, kw_only=True)
class Models:
    """A segmenter and a propagator that work together.

    Attributes:
        name: The name they are asked for by; it is stored in the project.
        segmenter: Turns prompts into a mask.
        propagator: Carries masks through the video.
        weights: Names of the weights they were loaded from; empty where they need none.
        refine_below: Masks with a lower score are worth a refinement by this segmenter, in
            [0, 1]; 0 where refinement was measured and does not help.
    """

    name: str
    segmenter: Segmenter
    propagator: Propagator
    weights: tuple[str, ...] = ()
    refine_below: float = 0.0


def missing_weights() -> list[str]:
    """Weights that ``sam+xmem`` still needs; empty where it can be used."""
    return [name for role, name in FIRST_WEIGHTS.items() if not installed(role)]


def resolve_model(name: str) -> str:
    """The model that a name stands for: ``auto`` takes the best one that is installed.

    Raises:
        UnknownNameError: There is no such model.
    """
    if name == AUTO:
        return BUILTIN if missing_weights() else SAM_XMEM
    if name not in MODEL_SUMMARIES:
        raise UnknownNameError("model", name, [AUTO, *MODEL_SUMMARIES])
    return name


def load_models(name: str = AUTO, device: str = "auto", *, weights: Sequence[str] = ()) -> Models:
    """Load a pair of models.

    Args:
        name: ``auto`` or one of the names in ``MODEL_SUMMARIES``.
        device: One of ``DEVICES``; ``auto`` takes the fastest one that the model runs on.
        weights: The weights to load, as ``Models.weights`` named them before; the best ones that
            are installed where it is empty.

    Raises:
        UnknownNameError: There is no such model.
        InputError: The model does not run on that device, or the device is not there.
        NotInstalledError: Its weights are missing.
        WeightsError: Its weights are not what they should be.
    """
    name = resolve_model(name)
    if name == SAM_XMEM:
        return _load_sam_xmem(device, weights)
    if device not in ("auto", "cpu"):
        raise InputError(
            f"the model {name!r} runs on the CPU only, but the device {device!r} was asked for",
            hint="leave out --device",
        )
    # torch is loaded here, not when the package is imported.
    from tam_edit.models.builtin.segmenter import BuiltinSegmenter
    from tam_edit.models.builtin.tracker import BuiltinPropagator

    return Models(name=name, segmenter=BuiltinSegmenter(), propagator=BuiltinPropagator())


def _load_sam_xmem(device: str, weights: Sequence[str]) -> Models:
    missing = [] if weights else missing_weights()
    if missing:
        raise NotInstalledError(
            f"the model {SAM_XMEM!r} needs weights that are not installed: {', '.join(missing)}",
            hint=" && ".join(f"tam-edit models fetch {name}" for name in missing),
        )
    from tam_edit.models.sam import load_sam
    from tam_edit.models.xmem import load_xmem

    for_clicks, for_video = weights or (installed("segmenter")[0], installed("propagator")[0])
    return Models(
        name=SAM_XMEM,
        segmenter=load_sam(required(for_clicks), device),
        propagator=load_xmem(required(for_video), device),
        weights=(for_clicks, for_video),
        refine_below=DOUBTFUL_BELOW,
    )
