"""The models that can be asked for by name, and loading them."""

from __future__ import annotations

from dataclasses import dataclass

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.models.base import Propagator, Segmenter

AUTO = "auto"
BUILTIN = "builtin"
DEVICES = ("auto", "cpu", "cuda", "mps")

MODEL_SUMMARIES = {
    BUILTIN: "learns the object from the video itself; needs no download and runs on the CPU",
}


@dataclass(frozen=True, kw_only=True)
class Models:
    """A segmenter and a propagator that work together.

    Attributes:
        name: The name they are asked for by; it is stored in the project.
        segmenter: Turns prompts into a mask.
        propagator: Carries masks through the video.
    """

    name: str
    segmenter: Segmenter
    propagator: Propagator


def resolve_model(name: str) -> str:
    """The model that a name stands for: ``auto`` takes the best one that is installed.

    Raises:
        UnknownNameError: There is no such model.
    """
    if name == AUTO:
        return BUILTIN
    if name not in MODEL_SUMMARIES:
        raise UnknownNameError("model", name, [AUTO, *MODEL_SUMMARIES])
    return name


def load_models(name: str = AUTO, device: str = "auto") -> Models:
    """Load a pair of models.

    Args:
        name: ``auto`` or one of the names in ``MODEL_SUMMARIES``.
        device: One of ``DEVICES``.

    Raises:
        UnknownNameError: There is no such model.
        InputError: The model does not run on that device.
    """
    name = resolve_model(name)
    if device not in ("auto", "cpu"):
        raise InputError(
            f"the model {name!r} runs on the CPU only, but the device {device!r} was asked for",
            hint="leave out --device",
        )
    # torch is loaded here, not when the package is imported.
    from tam_edit.models.builtin.segmenter import BuiltinSegmenter
    from tam_edit.models.builtin.tracker import BuiltinPropagator

    return Models(name=name, segmenter=BuiltinSegmenter(), propagator=BuiltinPropagator())
