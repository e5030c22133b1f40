"""The network beside plain loops, and what it may not see."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'deep' is not installed")
pytest.importorskip("safetensors", reason="the extra 'deep' is not installed")

from lifecourse.models.sequence.asking import log_ratios, network_of
from lifecourse.models.sequence.learning import repeatable
from lifecourse.models.sequence.network import SLOWEST, Network, Shape, n_parameters
from lifecourse.models.sequence.sequences import Rows
from lifecourse.models.sequence.tokens import BORN, NOW, PADDING, Vocabulary

VOCABULARY = Vocabulary(
    facts=["SEX//female", "SEX//male"],
    events=["ICD10//A01", "ICD10//A02", "ICD10//E11", "phenotype//ckd"],
)
OUTCOMES = 3


@pytest.fixture(scope="module")
def network() -> Network:
    """Random in every weight, those that start at 0 too."""
    with repeatable(5):
        found = network_of(VOCABULARY, OUTCOMES, Shape(width=8, layers=2, heads=2))
        with torch.no_grad():
            for name, weight in found.named_parameters():
                weight += 0.3 * torch.randn(weight.shape)
                if name == "group.weight":
                    weight[0] = 0
    return found.eval()


def norm(x: list[float], layer: Any) -> list[float]:
    weight, bias = layer.weight.tolist(), layer.bias.tolist()
    mean = sum(x) / len(x)
    spread = math.sqrt(sum((one - mean) ** 2 for one in x) / len(x) + 1e-5)
    return [(one - mean) / spread * w + b for one, w, b in zip(x, weight, bias, strict=True)]


def linear(x: list[float], layer: Any) -> list[float]:
    weight = layer.weight.tolist()
    bias = [0.0] * len(weight) if layer.bias is None else layer.bias.tolist()
    return [
        sum(a * b for a, b in zip(x, row, strict=True)) + add
        for row, add in zip(weight, bias, strict=True)
    ]


def plus(x: list[float], y: list[float]) -> list[float]:
    return [a + b for a, b in zip(x, y, strict=True)]


def slow_log_ratios(network: Network, token: list[int], day: list[int], at: int) -> list[float]:
    """What the network says at one place of one row, by loops over numbers."""
    width, heads = network.shape.width, network.shape.heads
    each = width // heads
    groups = VOCABULARY.in_groups().tolist()
    x = []
    for one, days in zip(token, day, strict=True):
        years = days / 365.25
        speed = [SLOWEST ** (-2 * i / width) for i in range(width // 2)]
        waves = [math.sin(years * s) for s in speed] + [math.cos(years * s) for s in speed]
        here = plus(network.token.weight[one].tolist(), linear(waves, network.age))
        for group in groups[one]:
            here = plus(here, network.group.weight[group].tolist())
        x.append(here)
    for layer in network.layers:
        parts = [linear(norm(one, layer.norm), layer.query_key_value) for one in x]
        told = []
        for i, mine in enumerate(parts):
            joined: list[float] = []
            for head in range(heads):
                query = mine[head * each : (head + 1) * each]
                weights, values = [], []
                for j in range(i + 1):
                    if j != i and token[j] in (NOW, PADDING):
                        continue
                    key = parts[j][width + head * each : width + (head + 1) * each]
                    ago = max(day[i] - day[j], 0) / 365.25
                    score = sum(a * b for a, b in zip(query, key, strict=True)) / math.sqrt(each)
                    near, far = layer.ago[head].tolist()
                    weights.append(math.exp(score + near * math.log1p(ago) + far * ago / 10))
                    values.append(parts[j][2 * width + head * each : 2 * width + (head + 1) * each])
                total = sum(weights)
                joined += [
                    sum(w * v[c] for w, v in zip(weights, values, strict=True)) / total
                    for c in range(each)
                ]
            told.append(plus(x[i], linear(joined, layer.joined)))
        x = []
        for one in told:
            wide = [
                v * (1 + math.erf(v / math.sqrt(2))) / 2
                for v in linear(norm(one, layer.norm_of_each), layer.wide)
            ]
            x.append(plus(one, linear(wide, layer.narrow)))
    return linear(norm(x[at], network.norm), network.out)


def row(*parts: tuple[int, int]) -> Rows:
    token, day = (np.array(one)[None] for one in zip(*parts, strict=True))
    return Rows(token=token, day=day, last=np.array([len(parts) - 1]))


def told(network: Network, *parts: tuple[int, int]) -> np.ndarray:
    return log_ratios(network, row(*parts))[0]


LIFE = ((BORN, 0), (3, 0), (5, 4_000), (NOW, 6_000), (7, 9_000), (8, 9_000), (NOW, 12_345))


def test_it_says_what_plain_loops_say(network: Network) -> None:
    token, day = (list(one) for one in zip(*LIFE, strict=True))
    for at in range(len(LIFE)):
        with torch.no_grad():
            fast = network(
                torch.tensor([token]), torch.tensor([day]), torch.tensor([0]), torch.tensor([at])
            )
        np.testing.assert_allclose(
            fast[0].numpy(), slow_log_ratios(network, token, day, at), atol=1e-5
        )


def test_random_lives_too(network: Network) -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        n = int(random.integers(1, 9))
        day = [0, *np.sort(random.integers(0, 30_000, n)).tolist()]
        token = [BORN, *random.integers(1, len(VOCABULARY), n).tolist()]
        found = told(network, *zip(token, day, strict=True))
        np.testing.assert_allclose(found, slow_log_ratios(network, token, day, n), atol=1e-5)


def test_no_later_event_changes_what_an_earlier_place_says(network: Network) -> None:
    token, day = (torch.tensor([one]) for one in zip(*LIFE, strict=True))
    other = token.clone()
    other[0, 4:] = torch.tensor([6, 5, 8])
    later = day.clone()
    later[0, 5:] += 700
    for at in range(4):
        place = torch.tensor([0]), torch.tensor([at])
        with torch.no_grad():
            assert torch.equal(network(token, day, *place), network(other, later, *place))
    with torch.no_grad():
        place = torch.tensor([0]), torch.tensor([6])
        assert not torch.equal(network(token, day, *place), network(other, later, *place))


def test_a_moment_without_an_event_is_not_looked_back_on(network: Network) -> None:
    without = [one for place, one in enumerate(LIFE) if place != 3]
    np.testing.assert_allclose(told(network, *LIFE), told(network, *without), atol=1e-6)


def test_padding_and_neighbours_change_nothing(network: Network) -> None:
    alone = told(network, *LIFE)
    token = np.full((3, 11), PADDING)
    day = np.zeros((3, 11), dtype=np.int64)
    token[0, :7], day[0, :7] = zip(*LIFE, strict=True)
    token[1, :2] = BORN, NOW
    token[2] = BORN
    together = log_ratios(network, Rows(token=token, day=day, last=np.array([6, 1, 10])))
    np.testing.assert_allclose(together[0], alone, atol=1e-6)


def test_it_starts_at_the_rates_of_age_and_sex() -> None:
    fresh = network_of(VOCABULARY, OUTCOMES, Shape(width=8, layers=1, heads=2))
    assert (told(fresh, *LIFE) == 0).all()


def test_two_million_numbers_fit_the_shape() -> None:
    vocabulary = Vocabulary(facts=[], events=[f"ICD10//A{i:02}" for i in range(100)])
    large = network_of(vocabulary, 100, Shape(width=160, layers=6, heads=8))
    assert n_parameters(large) > 1_850_000
    assert np.isfinite(told(large, (BORN, 0), (3, 400), (NOW, 500))).all()
