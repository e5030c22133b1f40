"""The transformer: from a person's tokens and ages to by how much each rate differs from that of age and sex.

A decoder over events (Vaswani 2017, arXiv 1706.03762; normed before each part, Xiong 2020, arXiv 2002.04745), in which
an encoding of age stands where others have one of position (Shmatko 2025, doi 10.1038/s41586-025-09529-3). Attention is
also told how long ago each event was. The output layer starts at 0: training starts at the rates of age and sex.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.models.sequence.tokens import NOW, PADDING

SLOWEST = 1_000.0
"""The encoding of age has waves of 2 pi years up to so many times as long."""
SMALL = 0.02
"""Standard deviation of weights at the start."""
MOST_LOG_RATIO = 12.0
NOT_SEEN = -1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large the network is: `width` numbers a token in `layers` layers of `heads` heads."""

    width: int = 96
    layers: int = 3
    heads: int = 4
    dropout: float = 0.2


class Network(nn.Module):
    """Tokens and ages in, log ratios of k outcomes out.

    in_groups : int64[tokens, 2], as `Vocabulary.in_groups`
    """

    def __init__(self, shape: Shape, in_groups: Tensor, n_groups: int, n_outcomes: int) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("in_groups", in_groups, persistent=False)
        powers = torch.arange(0, shape.width, 2) / shape.width
        self.register_buffer("frequency", SLOWEST**-powers, persistent=False)
        self.token = nn.Embedding(len(in_groups), shape.width)
        self.group = nn.Embedding(n_groups + 1, shape.width, padding_idx=0)
        self.age = nn.Linear(shape.width, shape.width, bias=False)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.out = nn.Linear(shape.width, n_outcomes)
        self.dropout = nn.Dropout(shape.dropout)
        self._start()

    def forward(self, token: Tensor, day: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """float32[r, k] log ratios at places (row, column) of rows int64[b, l] of tokens and days of age."""
        years = day / DAYS_PER_YEAR
        phase = years[..., None] * self.frequency
        waves = torch.cat([phase.sin(), phase.cos()], dim=-1)
        x = self.token(token) + self.group(self.in_groups[token]).sum(dim=2) + self.age(waves)
        x = self.dropout(x)
        seen, ago = visible(token), since(years)
        for layer in self.layers:
            x = layer(x, seen, ago)
        logs: Tensor = self.out(self.norm(x[row, column]))
        return logs.clamp(-MOST_LOG_RATIO, MOST_LOG_RATIO)

    def _start(self) -> None:
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, std=SMALL)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)
        for layer in self.layers:
            nn.init.zeros_(layer.ago)
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.group.weight[0] = 0


class Layer(nn.Module):
    """Attention to what was before, then each token by itself; both are added to what came in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.ago = nn.Parameter(torch.zeros(shape.heads, 2))
        self.norm_of_each = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor, seen: Tensor, ago: Tensor) -> Tensor:
        """float32[b, l, width] of the same; `seen` bool[b, l, l], `ago` float32[b, l, l, 2]."""
        b, length, width = x.shape
        parts = self.query_key_value(self.norm(x)).view(b, length, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        bias = (ago @ self.ago.T).permute(0, 3, 1, 2).masked_fill(~seen[:, None], NOT_SEEN)
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        joined = found.transpose(1, 2).reshape(b, length, width)
        x = x + self.dropout(self.joined(joined))
        each = functional.gelu(self.wide(self.norm_of_each(x)))
        found_of_each: Tensor = x + self.dropout(self.narrow(each))
        return found_of_each


def visible(token: Tensor) -> Tensor:
    """bool[b, l, l]: whether each token (second axis) goes by each other (third): itself, and events not after it.

    A moment at which nothing happened is looked from, never at; so is padding.
    """
    length = token.shape[1]
    told = (token != NOW) & (token != PADDING)
    before = torch.ones(length, length, dtype=torch.bool).tril()
    itself = torch.eye(length, dtype=torch.bool)
    return (before & told[:, None, :]) | itself


def since(years: Tensor) -> Tensor:
    """float32[b, l, l, 2]: how long before each token each other was, as log(1 + years) and as tens of years."""
    apart = (years[:, :, None] - years[:, None, :]).clamp(min=0)
    return torch.stack([apart.log1p(), apart / 10], dim=-1)


def n_parameters(network: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(math.prod(one.shape) for one in network.parameters())
