"""Seconds a frame of XMem's parts at 480p, against the bare convolutions they are made of."""

import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from drawn_xmem import drawn_frame, drawn_matte, drawn_xmem
from machine import write_result
from torch import nn
from torch.nn import functional

from tam_edit.models.base import TrackingInfo
from tam_edit.models.xmem.memory import RECENT, Memory, Picture
from tam_edit.models.xmem.network import TOKEN_PX, XMem
from tam_edit.models.xmem.similarity import Query

WIDTH, HEIGHT = 864, 480
WARM_UP, FRAMES = 5, 20
REPEATS = 5
# What the authors' program took on two cores of this kind: quoted, not measured in the same run.
QUOTED_REFERENCE_S = 7.0
PARTS = ("key encoding", "memory read", "decoding", "value encoding")

Shape = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


class Stopwatch:
    """How long each part took, call by call, and the convolutions that it was made of."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.convolutions: dict[str, Counter[Shape]] = defaultdict(Counter)
        self._part = ""

    def watch(self, owner: Any, method: str, part: str) -> None:
        """Time every call of a method from now on."""
        inner: Callable[..., Any] = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._part = part
            start = time.perf_counter()
            result = inner(*args, **kwargs)
            self.seconds[part].append(time.perf_counter() - start)
            self._part = ""
            return result

        setattr(owner, method, timed)

    @contextmanager
    def list_convolutions(self, network: XMem) -> Iterator[None]:
        """Note the shapes of all convolutions meanwhile."""

        def note(module: nn.Conv2d, inputs: tuple[torch.Tensor], _: torch.Tensor) -> None:
            padding = cast("tuple[int, ...]", module.padding)
            sizes = (tuple(inputs[0].shape), tuple(module.weight.shape))
            self.convolutions[self._part][(*sizes, module.stride, padding)] += 1

        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        hooks = [module.register_forward_hook(note) for module in convolutions]
        yield
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def bare_seconds(shapes: Counter[Shape]) -> float:
    """The time of these convolutions alone: for each shape the median of some, times its count."""
    total = 0.0
    for (shape, weight, stride, padding), count in shapes.items():
        given, kernel = torch.randn(shape), torch.randn(weight)
        taken = []
        for _ in range(REPEATS + 1):
            start = time.perf_counter()
            functional.conv2d(given, kernel, stride=stride, padding=padding)
            taken.append(time.perf_counter() - start)
        total += count * statistics.median(taken[1:])
    return total


def multiplications(shapes: Counter[Shape]) -> float:
    """Of these convolutions, in thousand millions."""
    total = 0
    for (shape, weight, stride, _), count in shapes.items():
        # Every convolution of the network keeps the size, but for its stride.
        places = shape[0] * -(-shape[2] // stride[0]) * -(-shape[3] // stride[1])
        total += count * places * weight[0] * weight[1] * weight[2] * weight[3]
    return total / 1e9


@torch.no_grad()
def full_read_seconds(memory: Memory) -> tuple[int, float]:
    """How long one answer takes when the memory is as full as it gets."""
    count = WIDTH * HEIGHT // TOKEN_PX**2
    own = memory.settings

    def drawn(tokens: int) -> Picture:
        key, value = torch.randn(tokens, 64), torch.randn(tokens, 512)
        return Picture(
            key=key,
            shrinkage=1 + torch.rand(tokens),
            selection=torch.rand(tokens, 64),
            values={1: value},
            coverage={1: torch.rand(tokens)},
        )

    full = Memory(own)
    for _ in range(own.most_frames):
        full.remember(drawn(count), RECENT)
    full.remember(drawn(own.most_long_term), RECENT)
    query = Query(torch.randn(count, 64), torch.rand(count, 64))
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        full.read(query)
        taken.append(time.perf_counter() - start)
    return own.most_frames * count + own.most_long_term, statistics.median(taken[1:])


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and extremes."""
    figures = {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)}
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    """Track, then do the convolutions alone, and write both."""
    load = os.getloadavg()[0]
    propagator = drawn_xmem()
    network = propagator.network
    run = propagator.start(TrackingInfo(width=WIDTH, height=HEIGHT))
    memory = run._tracker.state.memory
    watch = Stopwatch()
    frames = [drawn_frame(i, WIDTH, HEIGHT) for i in range(1 + WARM_UP + FRAMES)]
    watch.watch(network, "see", "key encoding")
    watch.watch(memory, "read", "memory read")
    watch.watch(network.decoder, "forward", "decoding")
    watch.watch(network.value_encoder, "forward", "value encoding")
    run.keyframe(frames[0], {1: drawn_matte(WIDTH, HEIGHT)})
    for frame in frames[1 : WARM_UP + 1]:
        run.step(frame)
    watch.seconds.clear()
    whole = []
    with watch.list_convolutions(network):
        for frame in frames[WARM_UP + 1 :]:
            start = time.perf_counter()
            run.step(frame)
            whole.append(time.perf_counter() - start)
    tokens, full_read = full_read_seconds(memory)
    a_frame = {part: sum(watch.seconds[part]) / FRAMES for part in PARTS}
    bare = {p: bare_seconds(watch.convolutions[p]) / FRAMES for p in PARTS if watch.convolutions[p]}
    result = {
        "size": [WIDTH, HEIGHT],
        "frames": FRAMES,
        "threads": torch.get_num_threads(),
        "load_average": {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)},
        "seconds_a_frame": spread(whole),
        "parts": {
            part: {
                "calls": len(watch.seconds[part]),
                "seconds_a_call": spread(watch.seconds[part]),
                "seconds_a_frame": round(a_frame[part], 3),
            }
            for part in PARTS
        },
        "bare_convolutions": {
            part: {
                "seconds_a_frame": round(bare[part], 3),
                "giga_multiplications_a_frame": round(
                    multiplications(watch.convolutions[part]) / FRAMES, 1
                ),
                "times_bare": round(a_frame[part] / bare[part], 2),
            }
            for part in bare
        },
        "frame_times_bare": round(sum(whole) / FRAMES / sum(bare.values()), 2),
        "read_of_full_memory": {"tokens": tokens, "seconds": round(full_read, 3)},
        "reference": {
            "seconds_a_frame": QUOTED_REFERENCE_S,
            "origin": "quoted: the authors' program on two such cores; not of this run",
            "times_ours": round(QUOTED_REFERENCE_S / (sum(whole) / FRAMES), 2),
        },
    }
    write_result("xmem_speed", result)
    print(result)


if __name__ == "__main__":
    main()
