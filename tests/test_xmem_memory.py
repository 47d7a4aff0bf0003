"""XMem's memory against formulas written out, and the rules by which tokens come and go."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from tam_edit.errors import InputError
from tam_edit.models.xmem import similarity as similarity_module
from tam_edit.models.xmem.memory import (
    CORRECTED,
    FIRST,
    LIFE_START,
    LONG_TERM,
    RECENT,
    USE_UNIT,
    Memory,
    MemorySettings,
    Picture,
)
from tam_edit.models.xmem.similarity import Query, answer, similarity, strongest

pytestmark = pytest.mark.usefixtures("one_thread")

KEY, VALUE, PER_PICTURE = 6, 5, 12
SMALL = MemorySettings(
    top_k=7, memory_every=1, most_frames=5, fewest_frames=3, prototypes=4, most_long_term=10
)


def normal(seed: int, *shape: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=torch.float64)


def made_picture(seed: int, numbers: Iterable[int], count: int = PER_PICTURE) -> Picture:
    numbers = list(numbers)
    return Picture(
        key=normal(seed, count, KEY),
        shrinkage=1 + normal(seed + 1, count) ** 2,
        selection=torch.sigmoid(normal(seed + 2, count, KEY)),
        values={n: normal(1000 * n + seed, count, VALUE) for n in numbers},
        coverage={n: torch.sigmoid(normal(2000 * n + seed, count)) for n in numbers},
    )


def made_query(seed: int, count: int = PER_PICTURE) -> Query:
    return Query(normal(seed + 500, count, KEY), torch.sigmoid(normal(seed + 501, count, KEY)))


def written_out(key: Tensor, shrinkage: Tensor, query: Query) -> Tensor:
    """The similarity of the paper, one number at a time."""
    result = torch.empty(len(query.key), len(key), dtype=torch.float64)
    for j in range(len(query.key)):
        for i in range(len(key)):
            distance = (query.selection[j] * (key[i] - query.key[j]) ** 2).sum()
            result[j, i] = -shrinkage[i] * distance / KEY**0.5
    return result


def top_softmax(row: Tensor, top_k: int) -> Tensor:
    """Shares of all tokens, 0 outside the largest ``top_k``."""
    order = torch.argsort(row, descending=True)[:top_k]
    weights = torch.zeros_like(row)
    weights[order] = torch.exp(row[order]) / torch.exp(row[order]).sum()
    return weights


def test_similarity_is_the_papers_formula() -> None:
    made, query = made_picture(1, []), made_query(1)
    told = similarity(made.key, made.shrinkage, query)
    torch.testing.assert_close(told, written_out(made.key, made.shrinkage, query))


def test_the_answer_is_the_top_k_softmax_and_counts_use_and_life() -> None:
    memory = Memory(SMALL)
    pictures = [made_picture(10 * i, [1, 2]) for i in range(3)]
    for i, made in enumerate(pictures):
        memory.remember(made, RECENT if i else FIRST)
    query = made_query(3)
    told = memory.read(query)
    matrix = written_out(
        torch.cat([p.key for p in pictures]), torch.cat([p.shrinkage for p in pictures]), query
    )
    weights = torch.stack([top_softmax(row, 7) for row in matrix])
    for n in (1, 2):
        torch.testing.assert_close(
            told[n].value, weights @ torch.cat([p.values[n] for p in pictures])
        )
        coverage = torch.cat([p.coverage[n] for p in pictures])
        torch.testing.assert_close(told[n].inside, weights @ coverage)
        coverage[PER_PICTURE:] = 0
        torch.testing.assert_close(told[n].anchored, weights @ coverage)
    assert memory.tokens is not None
    use = memory.tokens.use.double() * USE_UNIT
    torch.testing.assert_close(use, weights.sum(0), atol=1e-9, rtol=0)
    assert (memory.tokens.life == 1).all()


def test_objects_that_joined_later_read_only_what_they_own() -> None:
    memory = Memory(SMALL)
    pictures = [made_picture(0, [1]), made_picture(10, [1, 2]), made_picture(20, [1, 2])]
    for i, made in enumerate(pictures):
        memory.remember(made, RECENT if i else FIRST)
    query = made_query(4)
    told = memory.read(query)
    late = pictures[1:]
    matrix = written_out(
        torch.cat([p.key for p in late]), torch.cat([p.shrinkage for p in late]), query
    )
    weights = torch.stack([top_softmax(row, 7) for row in matrix])
    torch.testing.assert_close(told[2].value, weights @ torch.cat([p.values[2] for p in late]))
    # What the first object reads does not depend on the second.
    alone = Memory(SMALL)
    for i in range(3):
        alone.remember(made_picture(10 * i, [1]), RECENT if i else FIRST)
    torch.testing.assert_close(told[1].value, alone.read(query)[1].value)


@pytest.mark.parametrize("elements", [1, 500, 10**9])
def test_chunks_change_nothing(elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> tuple[dict[int, Tensor], Tensor]:
        memory = Memory(SMALL)
        memory.remember(made_picture(0, [1]), FIRST)
        memory.remember(made_picture(10, [1, 2]), RECENT)
        answers = memory.read(made_query(5))
        assert memory.tokens is not None
        return {n: a.value for n, a in answers.items()}, memory.tokens.use

    whole, use = told()
    monkeypatch.setattr(similarity_module, "MATRIX_ELEMENTS", elements)
    parts, use_of_parts = told()
    torch.testing.assert_close(parts, whole, atol=1e-12, rtol=0)
    # Rounding may differ in the last bits of a share.
    assert (use - use_of_parts).abs().max() <= PER_PICTURE


def test_the_matrix_never_holds_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def watched(matrix: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
        seen.append(matrix.numel())
        return strongest(matrix, top_k)

    monkeypatch.setattr(similarity_module, "MATRIX_ELEMENTS", 4096)
    monkeypatch.setattr("tam_edit.models.xmem.memory.strongest", watched)
    memory = Memory(MemorySettings())
    memory.remember(made_picture(0, [1], count=1500), FIRST)
    memory.read(made_query(0, count=1500))
    assert max(seen) <= 4096
    assert sum(seen) == 1500**2


def test_fewer_tokens_than_top_k_all_answer() -> None:
    memory = Memory(MemorySettings())
    memory.remember(made_picture(0, [1], count=1), FIRST)
    told = memory.read(made_query(0, count=1))[1]
    assert memory.tokens is not None
    torch.testing.assert_close(told.value, memory.tokens.values[1][:, :VALUE])
    assert told.entropy.tolist() == [0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_tokens_that_are_all_far_off_still_answer(dtype: torch.dtype) -> None:
    # exp(-1000) is 0 in every precision: without subtracting the maximum this is 0 / 0.
    shares, places = strongest(torch.tensor([[-1000.0, -1001.0, -5000.0]], dtype=dtype), 2)
    assert places.tolist() == [[0, 1]]
    assert shares.sum().item() == pytest.approx(1, abs=1e-3)
    values = torch.tensor([[1.0], [2.0], [3.0]], dtype=dtype)
    assert torch.isfinite(answer(shares, places, values)).all()


def test_condensing_makes_the_papers_prototypes() -> None:
    memory = Memory(SMALL)
    pictures = [made_picture(10 * i, [1]) for i in range(5)]
    for i, made in enumerate(pictures):
        memory.remember(made, RECENT if i else FIRST)
        memory.read(made_query(i))
    assert memory.tokens is not None
    rate = memory.tokens.use.double() * USE_UNIT / (memory.tokens.life + LIFE_START)
    # All but the first picture and the last two.
    old = pictures[1:3]
    key = torch.cat([p.key for p in old])
    shrinkage = torch.cat([p.shrinkage for p in old])
    selection = torch.cat([p.selection for p in old])
    picked = torch.argsort(rate[PER_PICTURE : 3 * PER_PICTURE], descending=True)[:4]
    weights = torch.softmax(
        written_out(key, shrinkage, Query(key[picked], selection[picked])), dim=1
    )
    memory.condense(PER_PICTURE)
    made_tokens = memory.tokens.kind == LONG_TERM
    assert memory.count(FIRST) == PER_PICTURE
    assert memory.count(RECENT) == 2 * PER_PICTURE
    assert memory.count(LONG_TERM) == 4
    torch.testing.assert_close(memory.tokens.key[made_tokens], key[picked])
    torch.testing.assert_close(memory.tokens.shrinkage[made_tokens], weights @ shrinkage)
    torch.testing.assert_close(
        memory.tokens.values[1][made_tokens][:, :VALUE],
        weights @ torch.cat([p.values[1] for p in old]),
    )
    left = torch.cat([pictures[i].key for i in (0, 3, 4)])
    torch.testing.assert_close(memory.tokens.key[~made_tokens], left)


def test_nothing_is_condensed_before_there_are_too_many_pictures() -> None:
    memory = Memory(SMALL)
    for i in range(4):
        memory.remember(made_picture(10 * i, [1]), RECENT if i else FIRST)
        memory.condense(PER_PICTURE)
        assert memory.count(LONG_TERM) == 0
    memory.remember(made_picture(40, [1]), RECENT)
    memory.condense(PER_PICTURE)
    assert memory.count(LONG_TERM) == 4


def run_long(
    memory: Memory, pictures: int, numbers_at: dict[int, list[int]], corrected: int | None = None
) -> int:
    """Feed many pictures; give the largest number of tokens that there ever were."""
    numbers: list[int] = []
    most = 0
    for i in range(pictures):
        numbers = numbers_at.get(i, numbers)
        for known in list(memory.tokens.owned) if memory.tokens else []:
            if known not in numbers:
                memory.forget(known)
        if i:
            assert set(memory.read(made_query(i))) <= set(numbers)
        kind = FIRST if i == 0 else CORRECTED if i == corrected else RECENT
        memory.remember(made_picture(10 * i, numbers), kind)
        memory.condense(PER_PICTURE)
        assert memory.tokens is not None
        most = max(most, len(memory.tokens))
    return most


def test_eviction_drops_the_least_used_and_ties_at_the_cut() -> None:
    memory = Memory(SMALL)
    for i in range(5):
        memory.remember(made_picture(10 * i, [1]), RECENT if i else FIRST)
    assert memory.tokens is not None
    # Nine long-term tokens with known use; 10 - 4 may stay.
    memory.tokens.kind[PER_PICTURE : PER_PICTURE + 9] = LONG_TERM
    use = torch.tensor([5, 1, 2, 2, 2, 6, 7, 8, 9])
    memory.tokens.use[PER_PICTURE : PER_PICTURE + 9] = use
    memory.tokens.life[:] = 1
    wanted = memory.tokens.key[PER_PICTURE : PER_PICTURE + 9][use > 2]
    memory.remember(made_picture(60, [1]), RECENT)
    memory.condense(PER_PICTURE)
    kept = memory.tokens.key[memory.tokens.kind == LONG_TERM]
    # The third least used has 2, and so have two more: all of them go.
    torch.testing.assert_close(kept[: len(wanted)], wanted)
    assert len(kept) == len(wanted) + 4


def test_eviction_with_exactly_the_limit_drops_nothing() -> None:
    # The reference asks for topk(0) here and fails.
    settings = MemorySettings(
        top_k=5, most_frames=4, fewest_frames=2, prototypes=4, most_long_term=12
    )
    memory = Memory(settings)
    counts = []
    for i in range(14):
        if i:
            memory.read(made_query(i))
        memory.remember(made_picture(10 * i, [1]), RECENT if i else FIRST)
        memory.condense(PER_PICTURE)
        counts.append(memory.count(LONG_TERM))
    assert 8 in counts
    assert max(counts) == 12


def test_several_groups_of_objects_are_evicted_too() -> None:
    # The reference gives up here.
    memory = Memory(SMALL)
    run_long(memory, 60, {0: [1], 3: [1, 2], 9: [1, 2, 3], 30: [2, 3], 40: [2, 3, 1]})
    assert 0 < memory.count(LONG_TERM) <= 10
    assert memory.tokens is not None
    for n in (1, 2, 3):
        assert len(memory.tokens.values[n]) == int(memory.tokens.owned[n].sum()) > 0
    assert torch.stack(list(memory.tokens.owned.values())).any(0).all()


def test_memory_is_bounded_whatever_the_length() -> None:
    bound = SMALL.most_frames * PER_PICTURE + SMALL.most_long_term
    short = run_long(Memory(SMALL), 40, {0: [1]})
    assert run_long(Memory(SMALL), 400, {0: [1]}) == short <= bound


def test_a_correction_outlives_hundreds_of_pictures_unchanged() -> None:
    memory = Memory(SMALL)
    run_long(memory, 300, {0: [1]}, corrected=7)
    made = made_picture(70, [1])
    assert memory.tokens is not None
    kept = memory.tokens.kind == CORRECTED
    torch.testing.assert_close(memory.tokens.key[kept], made.key, atol=0, rtol=0)
    values = memory.tokens.values[1][kept]
    torch.testing.assert_close(values[:, :VALUE], made.values[1], atol=0, rtol=0)
    torch.testing.assert_close(values[:, VALUE + 1], made.coverage[1], atol=0, rtol=0)
    # As an ordinary picture it would be gone.
    memory = Memory(SMALL)
    run_long(memory, 300, {0: [1]})
    assert memory.tokens is not None
    assert not any(torch.equal(row, made.key[0]) for row in memory.tokens.key)


def test_forgetting_takes_an_objects_tokens_and_leaves_the_others_answers() -> None:
    both, one = Memory(SMALL), Memory(SMALL)
    both.remember(made_picture(0, [1]), FIRST)
    both.remember(made_picture(10, [1, 2]), RECENT)
    both.forget(1)
    one.remember(made_picture(10, [2]), RECENT)
    assert both.tokens is not None
    assert len(both.tokens) == PER_PICTURE
    told, wanted = both.read(made_query(0)), one.read(made_query(0))
    assert list(told) == [2]
    torch.testing.assert_close(told[2].value, wanted[2].value)
    both.forget(7)
    both.forget(2)
    assert both.tokens is None
    assert both.read(made_query(0)) == {}


@pytest.mark.parametrize(
    "wrong",
    [{"top_k": 0}, {"fewest_frames": 1}, {"most_frames": 5}, {"most_long_term": 100}],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        MemorySettings(**wrong)  # type: ignore[arg-type]
