"""``tam-edit doctor``: what is installed, and what is missing."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import click

from tam_edit import __version__
from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit.models import AUTO, SAM_XMEM, missing_weights, resolve_model
from tam_edit.models.weights import installed, weights_folder

PACKAGES = (
    "av",
    "click",
    "imageio-ffmpeg",
    "moviepy",
    "numpy",
    "opencv-python-headless",
    "opentimelineio",
    "pillow",
    "pooch",
    "pycocotools",
    "pydantic",
    "requests",
    "rich",
    "safetensors",
    "scikit-image",
    "scipy",
    "segment-anything",
    "torch",
)
ENCODERS = ("libx264", "libx265", "libvpx-vp9", "prores_ks", "ffv1", "png", "aac")
EXIT_MISSING = 1


@click.command("doctor", cls=Command)
@output_options
def command(output: Output) -> int:
    """Check versions, models, codecs and devices; say what adds what is missing."""
    versions = {name: _version(name) for name in PACKAGES}
    encoders = {name: _has_encoder(name) for name in ENCODERS}
    devices = _devices()
    output.say(f"tam-edit {__version__}, Python {platform.python_version()}, {sys.platform}")
    output.say("packages: " + ", ".join(f"{n} {v}" for n, v in versions.items() if v))
    output.say("encoders: " + ", ".join(name for name, is_there in encoders.items() if is_there))
    output.say(f"devices: {', '.join(devices)}; {os.cpu_count()} processor cores")
    output.say(f"models: {AUTO} takes {resolve_model(AUTO)!r}")
    missing = missing_weights()
    there = [*installed("segmenter"), *installed("propagator")]
    output.say(f"weights: {', '.join(there) or 'none'} in {weights_folder()}")
    if missing:
        # They are optional: without them nothing is broken.
        commands = " && ".join(f"tam-edit models fetch {name}" for name in missing)
        output.say(f"optional: {commands} adds what {SAM_XMEM!r} needs")
    if _version("OpenEXR") is None:
        output.say('optional: pip install "tam-edit[exr]" adds mattes as EXR')
    advice = [f"{n} is missing: pip install {n}" for n, v in versions.items() if v is None]
    advice += [
        f"the encoder {name} is missing: pip install --force-reinstall --no-deps av"
        for name, is_there in encoders.items()
        if not is_there
    ]
    if _version("opencv-python") is not None:
        advice.append(
            "opencv-python and opencv-python-headless overwrite each other: "
            "pip uninstall opencv-python"
        )
    for line in advice:
        output.say(f"missing: {line}")
    output.say("nothing is missing" if not advice else f"{len(advice)} things to mend")
    output.result(
        {
            "version": __version__,
            "packages": versions,
            "encoders": encoders,
            "devices": devices,
            "model": resolve_model(AUTO),
            "weights": {"installed": there, "missing": missing},
            "advice": advice,
        }
    )
    return EXIT_MISSING if advice else 0


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _has_encoder(name: str) -> bool:
    from av.codec import Codec, codecs_available

    return name in codecs_available and Codec(name, "w").is_encoder


def _devices() -> list[str]:
    import torch

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices
