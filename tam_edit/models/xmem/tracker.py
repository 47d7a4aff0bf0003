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
from tam_edit.models.xmem.network import TOKEN_PX, Seen, Tokenised, XMem, aggregated
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


@dataclass
class Latest:
    """What it takes to remember the latest picture with other masks.

    Attributes:
        seen: What is remembered of the picture.
        sensory: Per object as in ``PassState``, before the picture.
        drawn: Per object that was drawn (H, W).
        given: Per object that was given (H, W).
        revised: Per object that was revised since (H, W).
        is_remembered: Whether the memory has the picture.
    """

    seen: Tokenised
    sensory: dict[ObjectId, Tensor]
    drawn: dict[ObjectId, Tensor]
    given: dict[ObjectId, Tensor]
    revised: dict[ObjectId, Tensor] = field(default_factory=dict)
    is_remembered: bool = False

    @property
    def carried(self) -> list[ObjectId]:
        """The objects that may be revised: drawn and not given."""
        return [number for number in self.drawn if number not in self.given]

    def forget(self, number: ObjectId) -> None:
        """Drop an object; one that is not known is no matter."""
        for maps in (self.sensory, self.drawn, self.given, self.revised):
            maps.pop(number, None)


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

    ``latest`` is None where no picture can be revised: before the first, after resuming and after
    a cut.

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
        self.latest: Latest | None = None
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
        self.latest = None
        if not state.objects and not given:
            return Drawn({}, {})
        is_due = state.step - state.remembered >= self.settings.memory_every
        remembers = (is_due or bool(given)) and not is_last
        with self._precision(picture):
            seen = self.network.see(picture)
        before = dict(state.sensory)
        drawn = Drawn({}, {})
        if any(number not in given for number in state.objects):
            drawn = self._draw(seen, updates=not remembers and not is_last)
        masks = drawn.masks
        if given:
            masks = self._merged(masks, given)
            self._admit(seen, given)
        if remembers and masks:
            values = self._encoded(picture, seen, masks, list(masks))
            for kind, owners in self._kinds(list(masks), given):
                self._remember(seen, masks, {n: values[n] for n in owners}, kind)
            state.memory.condense(seen.key[0, 0].numel())
            state.remembered = state.step
        if not is_last:
            self.latest = Latest(
                seen.tokenised(),
                before,
                dict(drawn.masks),
                dict(given),
                is_remembered=remembers,
            )
        return Drawn(masks, drawn.answers)

    @torch.no_grad()
    def revise(self, picture: Tensor, revised: Mapping[ObjectId, Tensor]) -> None:
        """Remember the latest picture as if these masks had been drawn on it.

        One that was not remembered is from now on. Given masks stand, and so do the tokens and
        sensory maps that were made from them.

        Args:
            picture: The latest one, as ``advance`` was given it.
            revised: Per object of ``latest.carried`` (H, W) in [0, 1].
        """
        state, latest = self.state, self.latest
        if latest is None or not revised:
            return
        latest.revised |= revised
        masks = self._merged(latest.drawn, self._beside(latest.revised, latest.given))
        state.sensory |= {n: latest.sensory[n] for n in latest.carried if n in latest.sensory}
        values = self._encoded(picture, latest.seen, masks, latest.carried)
        if latest.is_remembered:
            state.memory.rewrite(values, {n: _coverage(masks[n]) for n in values})
            return
        self._remember(latest.seen, masks, values, RECENT)
        state.memory.condense(latest.seen.key[0, 0].numel())
        state.remembered = state.step
        latest.is_remembered = True

    def cut(self) -> None:
        """Begin the sensory maps anew; what they say of motion ends with the shot."""
        self.state.sensory = {n: torch.zeros_like(m) for n, m in self.state.sensory.items()}
        self.latest = None

    def forget(self, number: ObjectId) -> None:
        """Drop an object; one that is not known is no matter."""
        if self.latest is not None:
            self.latest.forget(number)
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

    def _beside(
        self, revised: Mapping[ObjectId, Tensor], given: Mapping[ObjectId, Tensor]
    ) -> dict[ObjectId, Tensor]:
        """Revised masks beside given ones, to which they give way."""
        if not given or self._shares_pixels:
            return dict(revised) | dict(given)
        taken = torch.stack(list(given.values())).amax(0) > 0.5
        return {n: mask.masked_fill(taken, 0) for n, mask in revised.items()} | dict(given)

    def _encoded(
        self,
        picture: Tensor,
        seen: Tokenised,
        masks: Mapping[ObjectId, Tensor],
        wanted: Sequence[ObjectId],
    ) -> dict[ObjectId, Tensor]:
        """Values (M, C^v) of the wanted ones of the picture's objects; updates sensory maps."""
        values: dict[ObjectId, Tensor] = {}
        total = sum(masks.values(), torch.zeros_like(next(iter(masks.values()))))
        for numbers in self._portions(seen, wanted):
            some = torch.stack([masks[n] for n in numbers])
            others = torch.zeros_like(some) if self._shares_pixels else total - some
            with self._precision(some):
                value, sensory = self.network.value_encoder(
                    picture, seen.f16, some, others, self._sensory(numbers)
                )
            values |= {n: v.flatten(1).T for n, v in zip(numbers, value, strict=True)}
            self._store_sensory(numbers, sensory)
        return values

    def _remember(
        self,
        seen: Tokenised,
        masks: Mapping[ObjectId, Tensor],
        values: Mapping[ObjectId, Tensor],
        kind: int,
    ) -> None:
        whole = Picture(
            key=self._rows(seen.key),
            shrinkage=self._rows(seen.shrinkage)[:, 0],
            selection=self._rows(seen.selection),
            values=values,
            coverage={n: _coverage(masks[n]) for n in values},
        )
        self.state.memory.remember(whole, kind)

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

    def _portions(self, seen: Tokenised, numbers: Sequence[ObjectId]) -> Iterator[list[ObjectId]]:
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


def _coverage(mask: Tensor) -> Tensor:
    """The share of each token that a mask (H, W) covers, (M,)."""
    return functional.avg_pool2d(mask[None], TOKEN_PX).flatten()
