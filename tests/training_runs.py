"""Training as a person runs it, from the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def run(model: str, *arguments: object) -> str:
    """Run a command of the training of one model; what it printed."""
    return subprocess.run(
        _command(model, *arguments), cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout


def whole_and_broken_off(model: str, options: list[object], folder: Path) -> list[Path]:
    """The weights of a run, and those of the same killed at its first checkpoint and resumed."""
    whole, broken = folder / "whole", folder / "broken"
    run(model, "train", *options, "--out", whole)
    begun = subprocess.Popen(
        _command(model, "train", *options, "--saved-every", 0, "--out", broken), cwd=CHECKOUT
    )
    while not (broken / "checkpoint.pt").exists() and begun.poll() is None:
        time.sleep(0.05)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    run(model, "train", *options, "--out", broken)
    exported = [folder / f"{name}.safetensors" for name in ("whole", "broken")]
    for out, file in zip((whole, broken), exported, strict=True):
        assert "SHA-256" in run(model, "export", out, "--out", file)
    return exported


def _command(model: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "training", model, *map(str, arguments)]
