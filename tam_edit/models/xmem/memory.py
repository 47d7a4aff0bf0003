"""What a pass remembers: tokens of memorised pictures with a value for each object.

A token stands for 16x16 pixels. Tokens of the first picture stay; those of later ones are recent
until there are too many, then the most used of them become long-term prototypes and the rest is
dropped. Tokens of corrections stay for good (as in XMem++, Bekuzarov et al., ICCV 2023). A token
is owned by the objects that were known when it was made; each object reads only its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from tam_edit.errors import InputError
from tam_edit.models.xmem.similarity import (
    Query,
    answer,
    entropy,
    rows_at_once,
    similarity,
    similarity_chunks,
    strongest,
)
from tam_edit.types import ObjectId

FIRST, RECENT, LONG_TERM, CORRECTED = range(4)
KIND_NAMES = ("first", "recent", "long_term", "corrected")
# Shares are counted in whole numbers of this size: their sum is the same in any order, also on a
# GPU, so which tokens are kept is too.
USE_UNIT = 2.0**-40
# A token that was never asked for is no division by zero.
LIFE_START = 1e-7
# Columns behind a value's own: how much of the token the object covers, and the same where the
# token is of the first picture or a correction.
EXTRA_COLUMNS = 2


@dataclass(frozen=True, kw_only=True)
class MemorySettings:
    """How much is remembered; the defaults are the published ones.

    Attributes:
        top_k: Memory tokens that answer for one token of the picture.
        memory_every: Pictures from one memorised picture to the next.
        long_term: Whether old pictures are condensed; without it memory grows with the video.
        most_frames: Recent pictures, with the first one, at which condensing starts.
        fewest_frames: Those that are left afterwards.
        prototypes: Long-term tokens made by one condensing.
        most_long_term: Long-term tokens at most; the least used make room.
        keeps_corrections: Whether keyframes after the first are kept for good and begin the
            object's sensory map anew; the published method does neither.
    """

    top_k: int = 30
    memory_every: int = 5
    long_term: bool = True
    most_frames: int = 10
    fewest_frames: int = 5
    prototypes: int = 128
    most_long_term: int = 10000
    keeps_corrections: bool = True

    def __post_init__(self) -> None:
        least = {"top_k": 1, "memory_every": 1, "fewest_frames": 2, "prototypes": 1}
        least |= {"most_frames": self.fewest_frames + 1, "most_long_term": self.prototypes}
        for name, limit in least.items():
            if getattr(self, name) < limit:
                raise InputError(
                    f"the memory's {name} is {getattr(self, name)}, but must be at least {limit}"
                )


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What of a picture goes into memory.

    Attributes:
        key: (M, C^k).
        shrinkage: (M,).
        selection: (M, C^k).
        values: Per object (M, C^v).
        coverage: Per object (M,): the share of the token that it covers, in [0, 1].
    """

    key: Tensor
    shrinkage: Tensor
    selection: Tensor
    values: Mapping[ObjectId, Tensor]
    coverage: Mapping[ObjectId, Tensor]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the memory says of one object, for each of the picture's M tokens.

    Attributes:
        value: (M, C^v).
        inside: (M,): the share of the answer that comes from inside the object, in [0, 1].
        anchored: (M,): that part of it which comes from the first picture or a correction.
        entropy: (M,): 0 where one memory token answers, 1 where all that answer do alike.
    """

    value: Tensor
    inside: Tensor
    anchored: Tensor
    entropy: Tensor


@dataclass
class Tokens:
    """Memory tokens in the order in which they were made.

    Attributes:
        key: (N, C^k).
        shrinkage: (N,).
        selection: (N, C^k); it is used when a token becomes a prototype.
        use: int64 (N,): the shares that the token had in answers, in units of ``USE_UNIT``.
        life: int64 (N,): how often it could have answered.
        kind: int64 (N,): ``FIRST``, ``RECENT``, ``LONG_TERM`` or ``CORRECTED``.
        owned: Per object bool (N,).
        values: Per object (owned tokens, C^v + ``EXTRA_COLUMNS``).
    """

    key: Tensor
    shrinkage: Tensor
    selection: Tensor
    use: Tensor
    life: Tensor
    kind: Tensor
    owned: dict[ObjectId, Tensor]
    values: dict[ObjectId, Tensor]

    def __len__(self) -> int:
        return len(self.key)

    def keep(self, wanted: Tensor) -> None:
        """Leave only the tokens where ``wanted``, bool (N,), holds."""
        for number, owned in self.owned.items():
            self.values[number] = self.values[number][wanted[owned]]
            self.owned[number] = owned[wanted]
        for name in SHARED_PARTS:
            setattr(self, name, getattr(self, name)[wanted])

    def append(self, more: Tokens) -> None:
        """Add tokens; objects on either side may be missing on the other."""
        for number in [*self.owned, *(n for n in more.owned if n not in self.owned)]:
            parts = [(tokens, tokens.owned.get(number)) for tokens in (self, more)]
            owned = [
                torch.zeros(len(tokens), dtype=torch.bool, device=tokens.key.device)
                if mask is None
                else mask
                for tokens, mask in parts
            ]
            values = [tokens.values[number] for tokens, mask in parts if mask is not None]
            self.values[number] = torch.cat(values)
            self.owned[number] = torch.cat(owned)
        for name in SHARED_PARTS:
            setattr(self, name, torch.cat((getattr(self, name), getattr(more, name))))


SHARED_PARTS = tuple(f.name for f in fields(Tokens) if f.name not in ("owned", "values"))


class Memory:
    """All tokens of a pass, and the rules by which they come and go."""

    def __init__(self, settings: MemorySettings, tokens: Tokens | None = None) -> None:
        self.settings = settings
        self.tokens = tokens

    def count(self, *kinds: int) -> int:
        """How many tokens there are of the given kinds."""
        if self.tokens is None:
            return 0
        return int(sum((self.tokens.kind == kind).sum() for kind in kinds))

    def by_kind(self) -> dict[str, tuple[int, float]]:
        """Per kind how many tokens there are and the share of an average answer they give."""
        if self.tokens is None:
            return dict.fromkeys(KIND_NAMES, (0, 0.0))
        usage = _usage(self.tokens)
        total = max(float(usage.sum()), LIFE_START)
        masks = [self.tokens.kind == kind for kind in range(len(KIND_NAMES))]
        return {
            name: (int(mask.sum()), float(usage[mask].sum()) / total)
            for name, mask in zip(KIND_NAMES, masks, strict=True)
        }

    def remember(self, picture: Picture, kind: int) -> None:
        """Add a picture's tokens; :meth:`condense` is called once all of them are added."""
        if not picture.values:
            return
        count, device = len(picture.key), picture.key.device
        is_anchor = kind in (FIRST, CORRECTED)
        values = {
            number: _with_coverage(value, picture.coverage[number], is_anchor=is_anchor)
            for number, value in picture.values.items()
        }
        more = Tokens(
            key=picture.key.contiguous(),
            shrinkage=picture.shrinkage.contiguous(),
            selection=picture.selection.contiguous(),
            use=torch.zeros(count, dtype=torch.int64, device=device),
            life=torch.zeros(count, dtype=torch.int64, device=device),
            kind=torch.full((count,), kind, dtype=torch.int64, device=device),
            owned={n: torch.ones(count, dtype=torch.bool, device=device) for n in values},
            values=values,
        )
        if self.tokens is None:
            self.tokens = more
        else:
            self.tokens.append(more)

    def rewrite(
        self, values: Mapping[ObjectId, Tensor], coverage: Mapping[ObjectId, Tensor]
    ) -> None:
        """Give the latest recent picture's tokens other values; all else of them stays.

        Args:
            values: Per object that owns these tokens (M, C^v).
            coverage: Per object (M,).
        """
        tokens = self.tokens
        if tokens is None:
            return
        recent = torch.nonzero(tokens.kind == RECENT)[:, 0]
        for number, value in values.items():
            places = (torch.cumsum(tokens.owned[number], 0) - 1)[recent[-len(value) :]]
            whole = _with_coverage(value, coverage[number], is_anchor=False)
            tokens.values[number][places] = whole

    def forget(self, number: ObjectId) -> None:
        """Drop an object, and the tokens that no other object owns."""
        if self.tokens is None or self.tokens.owned.pop(number, None) is None:
            return
        del self.tokens.values[number]
        if not self.tokens.owned:
            self.tokens = None
            return
        self.tokens.keep(torch.stack(list(self.tokens.owned.values())).any(0))

    def read(self, query: Query) -> dict[ObjectId, Answer]:
        """What the memory answers for each object; counts which tokens answered.

        Args:
            query: The picture's M tokens.
        """
        tokens = self.tokens
        if tokens is None:
            return {}
        groups = self._groups(tokens)
        told: dict[ObjectId, list[tuple[Tensor, Tensor]]] = {n: [] for n in tokens.owned}
        used = torch.zeros_like(tokens.use)
        width = max(v.shape[1] for v in tokens.values.values())
        rows = rows_at_once(max(len(tokens), self.settings.top_k * width))
        for _, matrix in similarity_chunks(tokens.key, tokens.shrinkage, query, rows=rows):
            for numbers, places_of in groups:
                own = matrix if places_of is None else matrix.index_select(1, places_of)
                shares, places = strongest(own, self.settings.top_k)
                everywhere = places if places_of is None else places_of[places]
                units = (shares / USE_UNIT).round().to(torch.int64)
                used.index_add_(0, everywhere.flatten(), units.flatten())
                spread = entropy(shares)
                for number in numbers:
                    told[number].append((answer(shares, places, tokens.values[number]), spread))
        # Several groups share a token: it counts as often as it is used by one of them.
        owners = torch.zeros_like(tokens.use)
        for numbers, _ in groups:
            owners += tokens.owned[numbers[0]]
        tokens.use += used // owners.clamp(min=1)
        tokens.life += 1
        return {number: _joined(parts) for number, parts in told.items()}

    def condense(self, tokens_per_picture: int) -> None:
        """Turn old recent tokens into few long-term ones, if there are too many.

        Args:
            tokens_per_picture: M.
        """
        tokens, settings = self.tokens, self.settings
        if tokens is None or not settings.long_term:
            return
        if self.count(FIRST, RECENT) < settings.most_frames * tokens_per_picture:
            return
        recent = torch.nonzero(tokens.kind == RECENT)[:, 0]
        old = recent[: max(0, len(recent) - (settings.fewest_frames - 1) * tokens_per_picture)]
        if len(old) == 0:
            return
        prototypes = self._prototypes(tokens, old)
        wanted = ~self._evicted(tokens)
        wanted[old] = False
        tokens.keep(wanted)
        tokens.append(prototypes)

    def _groups(self, tokens: Tokens) -> list[tuple[list[ObjectId], Tensor | None]]:
        """Objects that own the same tokens, with these tokens' places; None for all tokens."""
        groups: list[tuple[list[ObjectId], Tensor | None]] = []
        for number, owned in tokens.owned.items():
            for numbers, _ in groups:
                if torch.equal(tokens.owned[numbers[0]], owned):
                    numbers.append(number)
                    break
            else:
                groups.append(([number], None if owned.all() else torch.nonzero(owned)[:, 0]))
        return groups

    def _prototypes(self, tokens: Tokens, old: Tensor) -> Tokens:
        """The most used of the tokens ``old``, each the mean of what is like it."""
        rank = _usage(tokens)[old]
        count = min(self.settings.prototypes, len(old))
        picked = torch.topk(rank, count).indices
        chosen = old[picked]
        matrix = similarity(
            tokens.key[old],
            tokens.shrinkage[old],
            Query(tokens.key[chosen], tokens.selection[chosen]),
        )
        owned, values = {}, {}
        for number, mask in tokens.owned.items():
            among_own = torch.cumsum(mask, 0) - 1
            own = mask[old]
            owned[number] = own[picked]
            shares = torch.softmax(matrix[owned[number]][:, own], dim=1)
            those = tokens.values[number][among_own[old[own]]]
            values[number] = (shares @ those.to(shares.dtype)).to(those.dtype)
        zeros = torch.zeros_like(tokens.use[chosen])
        return Tokens(
            key=tokens.key[chosen],
            shrinkage=torch.softmax(matrix, dim=1) @ tokens.shrinkage[old],
            selection=tokens.selection[chosen],
            use=zeros,
            life=zeros.clone(),
            kind=torch.full_like(zeros, LONG_TERM),
            owned=owned,
            values=values,
        )

    def _evicted(self, tokens: Tokens) -> Tensor:
        """Which long-term tokens make room for the next prototypes, bool (N,)."""
        is_old = tokens.kind == LONG_TERM
        surplus = int(is_old.sum()) - (self.settings.most_long_term - self.settings.prototypes)
        if surplus <= 0:
            return torch.zeros_like(is_old)
        usage = _usage(tokens)
        cut = torch.sort(usage[is_old]).values[surplus - 1]
        return is_old & (usage <= cut)


def _with_coverage(value: Tensor, coverage: Tensor, *, is_anchor: bool) -> Tensor:
    """Values with their ``EXTRA_COLUMNS``."""
    inside = coverage[:, None].to(value.dtype)
    return torch.cat((value, inside, inside * is_anchor), 1)


def _usage(tokens: Tokens) -> Tensor:
    """How much each token is used in an average answer, (N,)."""
    dtype = tokens.key.dtype
    return (tokens.use.to(dtype) * USE_UNIT) / (tokens.life.to(dtype) + LIFE_START)


def _joined(parts: list[tuple[Tensor, Tensor]]) -> Answer:
    told = torch.cat([part for part, _ in parts])
    value, inside, anchored = torch.split(told, [told.shape[1] - EXTRA_COLUMNS, 1, 1], dim=1)
    return Answer(
        value=value,
        inside=inside[:, 0],
        anchored=anchored[:, 0],
        entropy=torch.cat([spread for _, spread in parts]),
    )
