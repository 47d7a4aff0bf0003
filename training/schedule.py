"""The training loop that every command uses: it can be killed at any time and goes on as it was.

What a step learns from depends on the seed and the step alone, so a run that was killed and resumed
sees the same examples as one that was not; on a CPU with one thread it ends with the same bits.
"""

from __future__ import annotations

import csv
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import click
import numpy as np
import torch
from torch import nn

from tam_edit.errors import InputError
from training.curves import draw_curves

CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"
CURVES = "curves.png"
# What of the schedule's length the rate takes to rise.
WARM_UP_SHARE = 0.05


class Task(Protocol):
    """What is trained."""

    def batch(self, rng: np.random.Generator) -> Any:
        """Draw a step's examples; tensors in it, in tuples, lists or dicts, go to the device."""

    def loss(self, module: nn.Module, batch: Any) -> tuple[torch.Tensor, dict[str, float]]:
        """What is to be made small, and numbers to log."""

    def held_out(self, module: nn.Module) -> dict[str, float]:
        """How good a module is on what it is not trained on; ``module`` is in evaluation mode."""


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        steps: After so many it ends; None where the minutes say when.
        minutes: After so many, all runs together, it ends; the rate follows the clock then.
        rate: AdamW's highest.
        weight_decay: AdamW's, on matrices and filters only.
        clip: The longest gradient.
        average: How much of the averaged weights stays at a step, once there are enough.
        seed: Of the examples.
        device: "auto", "cpu" or "cuda".
        measured_every: Steps between measures of what is held out.
        saved_every: Seconds between checkpoints.
        workers: Batches drawn ahead, on as many threads; 0 draws them in between.
    """

    steps: int | None = None
    minutes: float | None = None
    rate: float = 1e-3
    weight_decay: float = 1e-2
    clip: float = 1.0
    average: float = 0.999
    seed: int = 0
    device: str = "auto"
    measured_every: int = 500
    saved_every: float = 60.0
    workers: int = 0

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise InputError("give either --steps or --minutes")


@dataclass
class _State:
    step: int = 0
    seconds: float = 0.0


def chosen_device(name: str) -> torch.device:
    """The device of a name; "auto" takes CUDA where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a ``Plan`` that every command has."""
    for option in (
        click.option("--workers", default=0, show_default=True, help="Batches drawn ahead."),
        click.option("--saved-every", default=60.0, help="Seconds between checkpoints."),
        click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto"),
        click.option("--seed", default=0, show_default=True),
        click.option("--minutes", type=float, help="End after so many minutes."),
        click.option("--steps", type=int, help="End after so many steps."),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            required=True,
            help="Folder of the checkpoint, the log and the curves; a run there goes on.",
        ),
    ):
        command = option(command)
    return command


def train(task: Task, module: nn.Module, plan: Plan, out: Path) -> nn.Module:
    """Train a module, or go on with what ``out`` has begun.

    Args:
        task: Gives examples, loss and measure.
        module: With its starting weights; it is trained in place.
        plan: How.
        out: Folder of the checkpoint, the log and the curves.

    Returns:
        The module with averaged weights, in evaluation mode.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = chosen_device(plan.device)
    module.to(device)
    averaged = _Average(module, plan.average)
    optimiser = torch.optim.AdamW(_groups(module, plan.weight_decay), lr=plan.rate)
    state = _resumed(out, module, averaged, optimiser, device)
    log = _Log(out / LOG, state.step)
    if state.step == 0:
        log.write(0, 0.0, 0.0, _measured(task, module, averaged))
    began = saved = time.monotonic()
    before = state.seconds
    with _stop_on_interrupt() as is_stopped, _batches(task, plan, state.step) as batches:
        while not _is_over(plan, state) and not is_stopped():
            for group in optimiser.param_groups:
                share = rate_share(_progress(plan, state))
                group["lr"] = group.get("share", 1.0) * plan.rate * share
            torch.manual_seed(plan.seed * 1_000_003 + state.step)
            numbers = _step(task, module, optimiser, _on(next(batches), device), plan.clip)
            averaged.take(module, state.step)
            state.step += 1
            now = time.monotonic()
            state.seconds = before + now - began
            log.add(numbers)
            is_over = _is_over(plan, state)
            if state.step % plan.measured_every == 0 or is_over:
                measured = _measured(task, module, averaged)
                log.write(state.step, state.seconds, optimiser.param_groups[0]["lr"], measured)
                draw_curves(out / LOG, out / CURVES)
                state.seconds = before + time.monotonic() - began
            if now - saved >= plan.saved_every or is_over:
                _save(out, module, averaged, optimiser, state)
                saved = now
        _save(out, module, averaged, optimiser, state)
    averaged.give(module)
    return module.eval()


def rate_share(progress: float) -> float:
    """How much of the highest rate is used when a share of the whole is done: up, then a cosine."""
    if progress < WARM_UP_SHARE:
        return max(0.01, progress / WARM_UP_SHARE)
    done = (progress - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def averaged_weights(out: Path) -> dict[str, torch.Tensor]:
    """The averaged weights of the run in a folder, on the CPU.

    Raises:
        InputError: There is no run.
    """
    path = out / CHECKPOINT
    if not path.is_file():
        raise InputError(f"{out} has no {CHECKPOINT}: train there first")
    stored: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)[
        "averaged"
    ]
    return stored


class _Average:
    """An exponential average of a module's weights; it follows faster in the beginning."""

    def __init__(self, module: nn.Module, stays: float) -> None:
        self.stays = stays
        self.weights = {name: w.detach().clone() for name, w in module.state_dict().items()}

    def take(self, module: nn.Module, step: int) -> None:
        stays = min(self.stays, (step + 1) / (step + 10))
        for name, weight in module.state_dict().items():
            mean = self.weights[name]
            if mean.is_floating_point():
                mean.lerp_(weight.detach(), 1 - stays)
            else:
                mean.copy_(weight)

    def give(self, module: nn.Module) -> None:
        module.load_state_dict(self.weights)


def _groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices apart from the rest, and what a module's ``rate_shares`` names apart from both."""
    shares: Mapping[str, float] = getattr(module, "rate_shares", {})
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, weight in module.named_parameters():
        if weight.requires_grad:
            share = next((s for start, s in shares.items() if name.startswith(start)), 1.0)
            groups.setdefault((share, weight.ndim > 1), []).append(weight)
    return [
        {"params": weights, "weight_decay": weight_decay if decays else 0.0, "share": share}
        for (share, decays), weights in groups.items()
    ]


def _step(
    task: Task,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch: Any,
    clip: float,
) -> dict[str, float]:
    module.train()
    device = next(module.parameters()).device
    # bfloat16 needs no scaling of the loss; on a CPU it is slower than float32.
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        loss, numbers = task.loss(module, batch)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError("the loss is not finite: lower the rate")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([w for w in module.parameters() if w.grad is not None], clip)
    optimiser.step()
    return {"loss": value, **numbers}


def _measured(task: Task, module: nn.Module, averaged: _Average) -> dict[str, float]:
    """Measure the averaged weights; the module's own are put back."""
    own = {name: w.detach().clone() for name, w in module.state_dict().items()}
    averaged.give(module)
    module.eval()
    with torch.no_grad():
        measured = task.held_out(module)
    module.load_state_dict(own)
    return measured


@contextmanager
def _batches(task: Task, plan: Plan, first: int) -> Iterator[Iterator[Any]]:
    """The examples of each step from the first on."""

    def drawn(step: int) -> Any:
        return task.batch(np.random.default_rng([plan.seed, step]))

    def one_by_one() -> Iterator[Any]:
        step = first
        while True:
            yield drawn(step)
            step += 1

    def ahead(pool: ThreadPoolExecutor) -> Iterator[Any]:
        waiting: list[Future[Any]] = [pool.submit(drawn, first + k) for k in range(plan.workers)]
        step = first + plan.workers
        while True:
            waiting.append(pool.submit(drawn, step))
            step += 1
            yield waiting.pop(0).result()

    if plan.workers == 0:
        yield one_by_one()
        return
    pool = ThreadPoolExecutor(plan.workers)
    try:
        yield ahead(pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _on(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: _on(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        return type(batch)(_on(value, device) for value in batch)
    return batch


def _progress(plan: Plan, state: _State) -> float:
    if plan.steps is not None:
        return state.step / max(1, plan.steps)
    return state.seconds / max(1e-9, 60 * (plan.minutes or 0))


def _is_over(plan: Plan, state: _State) -> bool:
    return _progress(plan, state) >= 1


def _save(
    out: Path,
    module: nn.Module,
    averaged: _Average,
    optimiser: torch.optim.Optimizer,
    state: _State,
) -> None:
    """Write the checkpoint beside the old one and put it in its place."""
    stored = {
        "module": module.state_dict(),
        "averaged": averaged.weights,
        "optimiser": optimiser.state_dict(),
        "step": state.step,
        "seconds": state.seconds,
    }
    beside = out / f"{CHECKPOINT}.new"
    torch.save(stored, beside)
    beside.replace(out / CHECKPOINT)


def _resumed(
    out: Path,
    module: nn.Module,
    averaged: _Average,
    optimiser: torch.optim.Optimizer,
    device: torch.device,
) -> _State:
    path = out / CHECKPOINT
    if not path.is_file():
        return _State()
    stored = torch.load(path, map_location=device, weights_only=True)
    module.load_state_dict(stored["module"])
    averaged.weights = stored["averaged"]
    optimiser.load_state_dict(stored["optimiser"])
    return _State(int(stored["step"]), float(stored["seconds"]))


@contextmanager
def _stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Let the running step end on SIGINT and SIGTERM, so that a checkpoint can be left."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


class _Log:
    """Means of the numbers since the last line, with the measures, one line at a time."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.sums: dict[str, float] = {}
        self.count = 0
        if path.is_file():
            # What was logged after the checkpoint is done again.
            with path.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
            self._write_all(rows)

    def add(self, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.count += 1

    def write(self, step: int, seconds: float, rate: float, measured: Mapping[str, float]) -> None:
        means = {name: f"{value / self.count:.5g}" for name, value in self.sums.items()}
        held_out = {f"held-out {name}": f"{value:.5g}" for name, value in measured.items()}
        row = {"step": str(step), "seconds": f"{seconds:.0f}", "rate": f"{rate:.3g}"}
        row |= means | held_out
        rows = [row]
        if self.path.is_file():
            with self.path.open(newline="") as file:
                rows = [*csv.DictReader(file), row]
        self._write_all(rows)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        self.sums, self.count = {}, 0

    def _write_all(self, rows: list[dict[str, str]]) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names or ["step"], restval="")
            writer.writeheader()
            writer.writerows(rows)
