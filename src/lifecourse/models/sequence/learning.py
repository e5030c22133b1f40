"""Learn the network: AdamW, a warm-up and a cosine, stopped where a fold of the people is surprised least.

One thread and the deterministic forms of PyTorch's operations: the same people and seed give the same bytes.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from lifecourse.models.sequence.likelihood import surprise_of
from lifecourse.models.sequence.sequences import in_batches, lesson

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from lifecourse.base.progress import Progress
    from lifecourse.models.sequence.likelihood import Baseline
    from lifecourse.models.sequence.network import Network
    from lifecourse.models.sequence.sequences import Lesson, Stretch
    from lifecourse.models.sequence.tokens import Lives

    Integers = npt.NDArray[np.int64]

PATIENCE = 3
"""Rounds through the people without a better one, after which training ends."""
MOMENTA = (0.9, 0.98)
LONGEST_STEP = 1.0
EVENTS_A_ROW = 20
"""The loss is a sum over a batch; divided by so much a row it is near 1, which the longest step is meant for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How to train: rounds through the people at most, the rate at its height and how much of it is left at the end."""

    rounds: int = 16
    rate: float = 1e-3
    left: float = 0.1
    warm_up: int = 100
    decay: float = 0.1
    tokens_a_batch: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What a network is learned from.

    onset : int32[n, k] days of everyone
    learning, judged : stretches of the people who teach, and of the fold who stop the training
    """

    lives: Lives
    onset: npt.NDArray[np.int32]
    baseline: Baseline
    learning: list[Stretch]
    judged: list[Stretch]


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch in one thread and deterministic, so that sums are added in one order; afterwards as it was."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(mode=strict)


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """As `one_thread`, and drawing from `seed`."""
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        yield


def learn(
    network: Network, taught: Taught, schedule: Schedule, seed: int, progress: Progress
) -> list[float]:
    """Train `network` in place, to the round at which the judged fold was surprised least.

    Returns the surprise an event of that fold after each round, beside rates by age and sex alone (0 is no better).
    """
    random = np.random.default_rng(seed)
    optimiser = _optimiser(network, schedule)
    lengths = _lengths(taught.lives, taught.learning)
    most = len(list(in_batches(lengths, schedule.tokens_a_batch, None))) * schedule.rounds
    told: list[float] = []
    best = _weights(network)
    alone = _surprise(network, taught, seed)
    step = 0
    for number in range(schedule.rounds):
        network.train()
        for places in in_batches(lengths, schedule.tokens_a_batch, random):
            _set_rate(optimiser, schedule, step / most, step)
            _step(network, optimiser, _lesson(taught, taught.learning, places, random), taught)
            step += 1
        told.append(_surprise(network, taught, seed) - alone)
        progress.step("rounds through the people", number + 1, schedule.rounds)
        if told[-1] == min(told):
            best = _weights(network)
        if number - int(np.argmin(told)) >= PATIENCE:
            break
    network.load_state_dict(best)
    network.eval()
    return told


def _step(
    network: Network, optimiser: torch.optim.Optimizer, given: Lesson, taught: Taught
) -> None:
    surprise, _ = surprise_of(network, given, taught.baseline)
    optimiser.zero_grad(set_to_none=True)
    (surprise / (EVENTS_A_ROW * len(given.rows.last))).backward()
    nn.utils.clip_grad_norm_(network.parameters(), LONGEST_STEP)
    optimiser.step()


def _surprise(network: Network, taught: Taught, seed: int) -> float:
    """An event of the judged fold, at the same moments each time."""
    network.eval()
    random = np.random.default_rng(seed + 1)
    total, events = 0.0, 0
    with torch.no_grad():
        for places in in_batches(_lengths(taught.lives, taught.judged), 4096, None):
            given = _lesson(taught, taught.judged, places, random)
            surprise, came = surprise_of(network, given, taught.baseline)
            total += float(surprise)
            events += came
    return total / max(events, 1)


def _lesson(
    taught: Taught, stretches: list[Stretch], places: Integers, random: np.random.Generator
) -> Lesson:
    given = [stretches[place] for place in places.tolist()]
    return lesson(taught.lives, taught.onset, given, random)


def _lengths(lives: Lives, stretches: list[Stretch]) -> Integers:
    """int64[s] about how many tokens each has."""
    return np.array(
        [
            lives.offsets[one.who + 1]
            - lives.offsets[one.who]
            + 2
            + (one.until - one.after) // 1826
            for one in stretches
        ],
        dtype=np.int64,
    )


def _optimiser(network: Network, schedule: Schedule) -> torch.optim.AdamW:
    """Weights decay, biases and norms do not (Loshchilov & Hutter 2019, arXiv 1711.05101)."""
    weights = [one for one in network.parameters() if one.dim() > 1]
    others = [one for one in network.parameters() if one.dim() <= 1]
    groups = [
        {"params": weights, "weight_decay": schedule.decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=schedule.rate, betas=MOMENTA)


def _set_rate(optimiser: torch.optim.Optimizer, schedule: Schedule, gone: float, step: int) -> None:
    cosine = schedule.left + (1 - schedule.left) * (1 + math.cos(math.pi * gone)) / 2
    for group in optimiser.param_groups:
        group["lr"] = schedule.rate * cosine * min(1.0, (step + 1) / schedule.warm_up)


def _weights(network: Network) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in network.state_dict().items()}
