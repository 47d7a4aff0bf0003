"""One pass in tensors: when the memory is read, when a picture is remembered.

The order of the steps is XMem's (ECCV 2022, section 3); see ``memory`` for what is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from tam_edit.models.xmem.memory import (
    CORRECTED,
    FIRST,
    RECENT,
    Answer,
    Memory,
    MemorySettings,
    Picture,
)
from tam_edit.models.xmem.network import TOKEN_PX, Seen, XMem, aggregated
from tam_edit.models.xmem.similarity import Query
from tam_edit.types import ObjectId

# Objects are drawn and encoded together as long as their pixels are no more than this.
PIXELS_AT_ONCE = 2**20


@dataclass
class PassState:
    """All that influences the next picture.

    Attributes:
        memory: The tokens.
        objects: The objects in the order in which they became known.
        sensory: Per object (C^h, h, w); empty for the variant without sensory memory.
        step: The number of the latest picture; -1 before the first.
        remembered: The number of the latest picture that was remembered.
    """

    memory: Memory
    objects: list[ObjectId] = field(default_factory=list)
    sensory: dict[ObjectId, Tensor] = field(default_factory=dict)
    step: int = -1
    remembered: int = 0


@dataclass(frozen=True)
class Drawn:
    """What a step gives.

    Attributes:
        masks: Per object (H, W), probabilities that add up to one with the background's.
        answers: What the memory said; without the objects that it was not asked for.
    """

    masks: dict[ObjectId, Tensor]
    answers: dict[ObjectId, Answer]


class Tracker:
    """Carries masks from picture to picture.

    Args:
        network: In evaluation mode; its parameters' type and device are those of the work.
        state: Where the pass stands.
        shares_pixels: Whether objects may overlap.
        half: The type that convolutions are computed in; None for the parameters' own.
    """

    def __init__(
        self,
        network: XMem,
        state: PassState,
        *,
        shares_pixels: bool = False,
        half: torch.dtype | None = None,
    ) -> None:
        self.network = network
        self.state = state
        self._shares_pixels = shares_pixels
        self._half = half

    @property
    def settings(self) -> MemorySettings:
        """How much is remembered."""
        return self.state.memory.settings

    @torch.no_grad()
    def advance(
        self, picture: Tensor, given: Mapping[ObjectId, Tensor], *, is_last: bool = False
    ) -> Drawn:
        """Go one picture further.

        Args:
            picture: (1, 3, H, W), normalised; the sides are multiples of 16.
            given: Per object (H, W) in [0, 1], taken as the truth.
            is_last: Whether no picture follows, so that nothing needs to be remembered.
        """
        state = self.state
        state.step += 1
        if not state.objects and not given:
            return Drawn({}, {})
        is_due = state.step - state.remembered >= self.settings.memory_every
        remembers = (is_due or bool(given)) and not is_last
        with self._precision(picture):
            seen = self.network.see(picture)
        drawn = Drawn({}, {})
        if any(number not in given for number in state.objects):
            drawn = self._draw(seen, updates=not remembers and not is_last)
        masks = drawn.masks
        if given:
            masks = self._merged(masks, given)
            self._admit(seen, given)
        if remembers and masks:
            self._remember(picture, seen, masks, given)
            state.remembered = state.step
        return Drawn(masks, drawn.answers)

    def forget(self, number: ObjectId) -> None:
        """Drop an object; one that is not known is no matter."""
        if number in self.state.objects:
            self.state.objects.remove(number)
            self.state.sensory.pop(number, None)
            self.state.memory.forget(number)

    def _draw(self, seen: Seen, *, updates: bool) -> Drawn:
        """The known objects' masks as the memory has them."""
        answers = self.state.memory.read(
            Query(self._rows(seen.key), self._rows(seen.selection)),
        )
        rows, columns = seen.key.shape[2:]
        parts = []
        for numbers in self._portions(seen, self.state.objects):
            told = torch.stack([answers[n].value.T.reshape(-1, rows, columns) for n in numbers])
            with self._precision(told):
                logits, sensory = self.network.decoder(
                    seen, told, self._sensory(numbers), updates=updates
                )
            parts.append(torch.sigmoid(logits.to(told.dtype)))
            if updates:
                self._store_sensory(numbers, sensory)
        masks = aggregated(torch.cat(parts), shares_pixels=self._shares_pixels)
        return Drawn(dict(zip(self.state.objects, masks, strict=True)), answers)

    def _merged(
        self, drawn: Mapping[ObjectId, Tensor], given: Mapping[ObjectId, Tensor]
    ) -> dict[ObjectId, Tensor]:
        """Given masks beside the drawn ones, which give way to them."""
        taken = torch.stack(list(given.values())).amax(0) > 0.5
        every = {
            number: mask if self._shares_pixels else mask.masked_fill(taken, 0)
            for number, mask in drawn.items()
        } | dict(given)
        masks = aggregated(torch.stack(list(every.values())), shares_pixels=self._shares_pixels)
        return dict(zip(every, masks, strict=True))

    def _admit(self, seen: Seen, given: Mapping[ObjectId, Tensor]) -> None:
        """Make new objects known; begin sensory maps."""
        width = self.network.sizes.hidden
        for number in given:
            is_new = number not in self.state.objects
            if is_new:
                self.state.objects.append(number)
            if width and (is_new or self.settings.keeps_corrections):
                shape = (width, *seen.key.shape[2:])
                self.state.sensory[number] = seen.key.new_zeros(shape, dtype=self._dtype)

    def _remember(
        self,
        picture: Tensor,
        seen: Seen,
        masks: Mapping[ObjectId, Tensor],
        given: Mapping[ObjectId, Tensor],
    ) -> None:
        values: dict[ObjectId, Tensor] = {}
        total = sum(masks.values(), torch.zeros_like(next(iter(masks.values()))))
        for numbers in self._portions(seen, list(masks)):
            some = torch.stack([masks[n] for n in numbers])
            others = torch.zeros_like(some) if self._shares_pixels else total - some
            with self._precision(some):
                value, sensory = self.network.value_encoder(
                    picture, seen.f16, some, others, self._sensory(numbers)
                )
            values |= {n: v.flatten(1).T for n, v in zip(numbers, value, strict=True)}
            self._store_sensory(numbers, sensory)
        coverage = {
            n: functional.avg_pool2d(mask[None], TOKEN_PX).flatten() for n, mask in masks.items()
        }
        for kind, owners in self._kinds(list(masks), given):
            whole = Picture(
                key=self._rows(seen.key),
                shrinkage=self._rows(seen.shrinkage)[:, 0],
                selection=self._rows(seen.selection),
                values={n: values[n] for n in owners},
                coverage={n: coverage[n] for n in owners},
            )
            self.state.memory.remember(whole, kind)
        self.state.memory.condense(seen.key[0, 0].numel())

    def _kinds(
        self, numbers: Sequence[ObjectId], given: Mapping[ObjectId, Tensor]
    ) -> list[tuple[int, Sequence[ObjectId]]]:
        """As which kind of tokens the objects are remembered."""
        if self.state.memory.tokens is None:
            return [(FIRST, numbers)]
        if not self.settings.keeps_corrections:
            return [(RECENT, numbers)]
        return [
            (CORRECTED, [n for n in numbers if n in given]),
            (RECENT, [n for n in numbers if n not in given]),
        ]

    def _portions(self, seen: Seen, numbers: Sequence[ObjectId]) -> Iterator[list[ObjectId]]:
        """The objects in portions that the device can hold."""
        pixels = seen.key[0, 0].numel() * TOKEN_PX**2
        size = max(1, PIXELS_AT_ONCE // pixels)
        for start in range(0, len(numbers), size):
            yield list(numbers[start : start + size])

    def _sensory(self, numbers: Sequence[ObjectId]) -> Tensor | None:
        if not self.network.sizes.hidden:
            return None
        return torch.stack([self.state.sensory[n] for n in numbers])

    def _store_sensory(self, numbers: Sequence[ObjectId], sensory: Tensor | None) -> None:
        if sensory is None:
            return
        # Contiguous, as a resumed pass will have it: the layout decides how sums are ordered.
        for number, new in zip(numbers, sensory.to(self._dtype), strict=True):
            self.state.sensory[number] = new.clone(memory_format=torch.contiguous_format)

    def _rows(self, maps: Tensor) -> Tensor:
        """(1, C, h, w) as (h * w, C) in the type of the parameters."""
        return maps[0].flatten(1).T.to(self._dtype).contiguous()

    @property
    def _dtype(self) -> torch.dtype:
        return self.network.decoder.pred.weight.dtype

    def _precision(self, example: Tensor) -> contextlib.AbstractContextManager[object]:
        if self._half is None:
            return contextlib.nullcontext()
        return torch.autocast(example.device.type, self._half)
