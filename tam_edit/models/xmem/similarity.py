"""How alike a picture's tokens and the memory's are, and what the memory answers.

The similarity of a memory token i and a picture's token j is
``-shrinkage_i * sum_c selection_cj * (key_ci - query_cj)**2 / sqrt(C^k)`` (XMem, equation 2).
The matrix is made for a few of the picture's tokens at a time, so what it takes does not grow
with the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

# Numbers held at once for the matrix, 128 MiB in float32; what is made from it takes at most twice
# as much again.
MATRIX_ELEMENTS = 2**25


@dataclass(frozen=True)
class Query:
    """What is asked of the memory.

    Attributes:
        key: (M, C^k), one row per token.
        selection: (M, C^k), in [0, 1].
    """

    key: Tensor
    selection: Tensor


def similarity(key: Tensor, shrinkage: Tensor, query: Query) -> Tensor:
    """The whole matrix at once.

    Args:
        key: (N, C^k), the memory's.
        shrinkage: (N,).
        query: M tokens.

    Returns:
        (M, N), at most 0 up to rounding.
    """
    [(_, matrix)] = similarity_chunks(key, shrinkage, query, rows=len(query.key))
    return matrix


def similarity_chunks(
    key: Tensor, shrinkage: Tensor, query: Query, *, rows: int
) -> Iterator[tuple[slice, Tensor]]:
    """The matrix in slices of the query.

    Args:
        key: (N, C^k), the memory's.
        shrinkage: (N,).
        query: M tokens.
        rows: How many at once, see :func:`rows_at_once`.

    Yields:
        Which rows, and these rows of the matrix.
    """
    # Distances are the same around any origin; around the mean, rounding takes less of them.
    centre = key.mean(0)
    around = key - centre
    squares = around.square()
    for start in range(0, len(query.key), rows):
        part = slice(start, start + rows)
        some = Query(query.key[part] - centre, query.selection[part])
        yield part, _similarity(around.T, squares.T, shrinkage, some)


def _similarity(key: Tensor, squares: Tensor, shrinkage: Tensor, query: Query) -> Tensor:
    weighted = query.key * query.selection
    matrix = torch.mm(2 * weighted, key)
    matrix.addmm_(query.selection, squares, alpha=-1)
    matrix.sub_((weighted * query.key).sum(1, keepdim=True))
    return matrix.mul_(shrinkage / key.shape[0] ** 0.5)


def rows_at_once(row_elements: int) -> int:
    """How many rows of the matrix are made at once.

    Args:
        row_elements: Numbers that a row takes, or what is made from it where that is more.
    """
    return max(1, MATRIX_ELEMENTS // row_elements)


def strongest(matrix: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """The memory tokens that answer, and each one's share.

    Args:
        matrix: (M, N) similarities; N at least 1.
        top_k: How many answer; all of them where there are fewer.

    Returns:
        Shares (M, k), each row summing to 1, and the tokens' places (M, k).
    """
    values, places = torch.topk(matrix, min(top_k, matrix.shape[1]), dim=1)
    # softmax subtracts the row's maximum, so far-off tokens cannot give 0 / 0.
    return torch.softmax(values, dim=1), places


def answer(shares: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """The mean of the values of the tokens that answer.

    Args:
        shares: (M, k).
        places: (M, k), rows of ``values``.
        values: (N, D).

    Returns:
        (M, D) in the type of ``shares``.
    """
    rows = values.index_select(0, places.flatten()).view(*places.shape, -1)
    return torch.bmm(shares[:, None], rows.to(shares.dtype))[:, 0]


def entropy(shares: Tensor) -> Tensor:
    """How spread the answer is: 0 where one token answers, 1 where all do alike; (M,)."""
    if shares.shape[1] < 2:
        return torch.zeros_like(shares[:, 0])
    return -torch.xlogy(shares, shares).sum(1) / math.log(shares.shape[1])
