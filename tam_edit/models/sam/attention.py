"""Attention of Segment Anything's image encoder in pieces that stay in the processor's cache.

The package holds all pairs of 4096 tokens at once, several times: gigabytes, most of whose cost is
fetching memory. Here a piece of them is scored, weighed and used before the next one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

PIECE = 1 << 21  # pairs of tokens at a time: 8 MB


class PiecewiseAttention(nn.Module):
    """The same numbers as the attention that it takes the place of, up to rounding.

    With decomposed relative positions (arXiv 2112.01526): a score is the product of query and key
    plus what the query makes of the distance in rows and of that in columns.
    """

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.qkv: nn.Module = whole.qkv
        self.proj: nn.Module = whole.proj
        self.heads = int(whole.num_heads)
        self.scale = float(whole.scale)
        self.by_row: Tensor
        self.by_column: Tensor
        self.register_buffer("by_row", _by_distance(whole.rel_pos_h))
        self.register_buffer("by_column", _by_distance(whole.rel_pos_w))

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix tokens.

        Args:
            tokens: (windows, rows, columns, channels).

        Returns:
            The same shape.
        """
        windows, rows, columns, channels = tokens.shape
        count = rows * columns
        split = self.qkv(tokens).reshape(windows, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = split.reshape(3, windows * self.heads, count, -1).unbind(0)
        grid = query.reshape(-1, rows, columns, query.shape[-1])
        from_rows = torch.einsum("brcd,rkd->brck", grid, self.by_row)
        from_columns = torch.einsum("brcd,ckd->brck", grid, self.by_column)
        mixed = torch.empty_like(query)
        query = query * self.scale
        turned = key.transpose(1, 2)
        some_rows = min(rows, max(1, PIECE // (columns * count)))
        some = max(1, PIECE // (some_rows * columns * count))
        for b in range(0, len(query), some):
            batch = slice(b, b + some)
            for r in range(0, rows, some_rows):
                part = slice(r, r + some_rows)
                flat = slice(r * columns, (r + some_rows) * columns)
                scores = from_rows[batch, part, :, :, None] + from_columns[batch, part, :, None, :]
                scores = scores.reshape(scores.shape[0], -1, count)
                scores.baddbmm_(query[batch, flat], turned[batch])
                mixed[batch, flat] = torch.bmm(scores.softmax(-1), value[batch])
        joined = mixed.reshape(windows, self.heads, rows, columns, -1).permute(0, 2, 3, 1, 4)
        result: Tensor = self.proj(joined.reshape(windows, rows, columns, channels))
        return result


def _by_distance(table: Tensor) -> Tensor:
    """A vector per pair of places on a line: (places, places, channels) from one per distance."""
    places = torch.arange((table.shape[0] + 1) // 2, device=table.device)
    return table.detach()[places[:, None] - places[None, :] + len(places) - 1]
