"""Tokens, rows, the likelihood and drawn futures, each beside something slow that is plainly right."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra 'deep' is not installed")
pytest.importorskip("safetensors", reason="the extra 'deep' is not installed")

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.models.outcomes.baseline import AGES, AgeSexRates
from lifecourse.models.outcomes.catalogue import Onsets
from lifecourse.models.sequence import sequences
from lifecourse.models.sequence.futures import _Futures, _go_on
from lifecourse.models.sequence.likelihood import Baseline, Pieces, pieces_of, surprise
from lifecourse.models.sequence.sequences import (
    EVERY_DAYS,
    NEVER_BY_DAY,
    Stretch,
    in_batches,
    lesson,
    looked_at,
    onset_days,
    stretches,
)
from lifecourse.models.sequence.tokens import (
    BORN,
    NOW,
    PADDING,
    Lives,
    Vocabulary,
    lives_of,
    vocabulary_of,
)

NAMES = ["ICD10//A01", "ICD10//B02", "ICD10//C03", "death"]
VOCABULARY = Vocabulary(facts=["SEX//female"], events=NAMES[:3])
SCHEMA = {"subject_id": pl.Int64, "outcome": pl.Int32, "time": pl.Int64}
Row = tuple[int, int, float]


def onsets(rows: list[Row]) -> Onsets:
    """(subject, outcome, day)."""
    told = [(subject, place, int(day * MICROSECONDS_PER_DAY)) for subject, place, day in rows]
    table = pl.DataFrame(told, schema=SCHEMA, orient="row").sort("outcome", "subject_id")
    return Onsets(names=NAMES, titles=NAMES, table=table)


def lives(rows: list[Row], subjects: tuple[int, ...] = (1, 2), birth: int = 0) -> Lives:
    persons = pl.DataFrame(
        {
            "subject_id": subjects,
            "birth": [birth * MICROSECONDS_PER_DAY] * len(subjects),
            "female": [1.0] * len(subjects),
        },
        schema={"subject_id": pl.Int64, "birth": pl.Int64, "female": pl.Float64},
    )
    facts = pl.DataFrame({"subject_id": [1], "name": ["SEX//female"]})
    return lives_of(persons, facts, onsets(rows), VOCABULARY)


def days(*values: float) -> np.ndarray:
    return (np.array(values) * MICROSECONDS_PER_DAY).astype(np.int64)


def test_a_life_is_its_facts_then_its_events_by_day_and_name() -> None:
    found = lives([(1, 2, 50.9), (1, 0, 50.1), (2, 1, 7.0), (1, 3, 90.0)])
    assert found.token.tolist() == [BORN, 3, 4, 6, BORN, 5]  # death is none
    assert found.day.tolist() == [0, 0, 50, 50, 0, 7]
    assert found.n_facts.tolist() == [2, 1]
    assert found.offsets.tolist() == [0, 4, 6]


def test_events_before_birth_count_as_of_its_day() -> None:
    assert lives([(1, 0, 2.0)], birth=5).day.tolist() == [0, 0, 0, 0]


def test_what_few_have_and_what_everyone_has_is_no_token() -> None:
    people = np.arange(10)
    facts = pl.DataFrame(
        {
            "subject_id": [*range(10), *range(5), *range(4)],
            "name": ["ALL//x"] * 10 + ["SOME//x"] * 5 + ["FEW//x"] * 4,
        }
    )
    rows = [(person, 0, 3.0) for person in range(5)] + [(person, 1, 3.0) for person in range(4)]
    rows += [(person, 3, 9.0) for person in range(9)]
    found = vocabulary_of(facts, onsets(rows), people)
    assert found.facts == ["SOME//x"]
    assert found.events == ["ICD10//A01"]


def test_unknown_tokens_are_left_out() -> None:
    known = Vocabulary(facts=[], events=["ICD10//B02"])
    persons = pl.DataFrame({"subject_id": [1], "birth": [0], "female": [0.0]})
    facts = pl.DataFrame({"subject_id": [1], "name": ["NEW//x"]})
    found = lives_of(persons, facts, onsets([(1, 0, 3.0), (1, 1, 4.0)]), known)
    assert found.token.tolist() == [BORN, 3]


def test_codes_lie_in_groups_by_their_first_characters() -> None:
    words = Vocabulary(facts=["SEX//male"], events=["ICD10//E11", "ICD10//E66", "phenotype//ckd"])
    assert words.groups == ["ICD10//E", "ICD10//E1", "ICD10//E6"]
    assert words.in_groups().tolist() == [[0, 0]] * 4 + [[1, 2], [1, 3], [0, 0]]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 40)), max_size=3, unique_by=lambda one: one[0]
    ),
    st.floats(0, 40),
)
def test_a_row_has_what_was_known_at_its_moment_and_ends_with_now(
    events: list[tuple[int, float]], moment: float
) -> None:
    rows = looked_at(lives([(1, *one) for one in events]), np.array([0]), days(moment))
    at = int(days(moment)[0])
    known = [(int(day), 4 + place) for place, day in events if int(days(day)[0]) <= at]
    expected = [(0, BORN), (0, 3), *sorted(known), (int(moment), NOW)]
    assert list(zip(rows.day[0].tolist(), rows.token[0].tolist(), strict=True)) == expected


def test_the_order_of_records_of_one_day_says_nothing() -> None:
    one = lives([(1, 0, 9.1), (1, 1, 9.2), (1, 2, 9.3)])
    other = lives([(1, 2, 9.1), (1, 1, 9.0), (1, 0, 9.9)])
    rows = [looked_at(each, np.array([0]), days(20)) for each in (one, other)]
    assert (rows[0].token == rows[1].token).all()
    assert (rows[0].day == rows[1].day).all()


def test_a_newborn_has_a_row_and_so_has_who_has_no_event() -> None:
    rows = looked_at(lives([]), np.array([0, 1]), days(0, 5_000))
    assert rows.token.tolist() == [[BORN, 3, NOW], [BORN, NOW, PADDING]]
    assert rows.last.tolist() == [2, 1]


def long_life(n: int) -> Lives:
    events = Vocabulary(facts=[], events=[f"ICD10//{i:05}" for i in range(n)])
    table = pl.DataFrame(
        {"subject_id": [1] * n, "outcome": range(n), "time": [(i + 1) * MICROSECONDS_PER_DAY for i in range(n)]},
        schema=SCHEMA,
    )  # fmt: skip
    every = Onsets(names=events.events, titles=events.events, table=table)
    persons = pl.DataFrame({"subject_id": [1], "birth": [0], "female": [0.0]})
    return lives_of(
        persons, pl.DataFrame(schema={"subject_id": pl.Int64, "name": pl.String}), every, events
    )


def test_of_five_thousand_events_the_latest_are_looked_back_on() -> None:
    life = long_life(5_000)
    rows = looked_at(life, np.array([0]), days(4_000))
    assert rows.token.shape == (1, 2 + sequences.MOST_EVENTS)
    assert rows.token[0, 0] == BORN
    assert rows.day[0, [1, -2]].tolist() == [4_001 - sequences.MOST_EVENTS, 4_000]


def test_a_long_life_is_learned_in_parts_that_foretell_each_day_once() -> None:
    life = long_life(1_000)
    given = stretches(life, np.array([0]), np.array([1_200]))
    assert len(given) > 3
    assert [one.after for one in given[1:]] == [one.until for one in given[:-1]]
    onset = np.arange(1, 1_001)[None]
    told = lesson(life, onset, given, np.random.default_rng(0))
    assert told.rows.token.shape[1] <= sequences.MOST_EVENTS + 2 + 10
    since = told.rows.day[told.row, told.column]
    order = np.argsort(since)
    assert since[order][0] == 0
    assert (since[order][1:] == told.until[order][:-1]).all()
    assert told.until[order][-1] == 1_200


def test_who_was_followed_for_less_than_a_day_teaches_nothing() -> None:
    assert stretches(lives([]), np.array([9, 9]), np.array([9, 10])) == [
        Stretch(who=1, after=9, until=10)
    ]


def test_moments_without_an_event_come_as_often_as_said() -> None:
    life = lives([])
    given = [Stretch(who=0, after=0, until=36_525)] * 400
    told = lesson(life, np.full((2, 1), NEVER_BY_DAY), given, np.random.default_rng(1))
    drawn = (told.rows.token == NOW).sum() / 400 - 1  # one more where the stretch begins
    assert drawn == pytest.approx(36_525 / EVERY_DAYS, rel=0.05)


def test_each_row_is_in_one_batch_beside_rows_like_it() -> None:
    lengths = np.random.default_rng(2).integers(2, 90, 500)
    found = list(in_batches(lengths, 512, np.random.default_rng(3)))
    assert sorted(np.concatenate(found).tolist()) == list(range(500))
    for batch in found:
        assert len(batch) * lengths[batch].max() <= 512 + 8 * len(batch)
        assert np.ptp(lengths[batch]) <= 90 // 2


def flat(*a_year: float) -> AgeSexRates:
    cumulated = np.array(a_year)[:, None, None] * np.arange(AGES + 1)
    return AgeSexRates(cumulated=np.repeat(cumulated, 2, axis=1))


def test_what_age_and_sex_let_expect_is_what_the_rates_say() -> None:
    random = np.random.default_rng(4)
    rates = AgeSexRates(cumulated=random.uniform(0, 0.05, (3, 2, AGES + 1)).cumsum(axis=2))
    female, age = random.choice([0.0, 0.5, 1.0], 50), random.uniform(0, 119, 50)
    later = age + random.uniform(0, 20, 50)
    found = Baseline(rates).expected(*(torch.from_numpy(one) for one in (female, age, later)))
    slow = rates.by(female, later) - rates.by(female, age)
    np.testing.assert_allclose(found.numpy(), slow, rtol=1e-5, atol=1e-8)


def test_the_loss_is_the_log_share_of_what_came_and_the_wait_at_the_total_rate() -> None:
    """Two free outcomes at 0.02 and 0.05 a year times ratios: the second comes after 3 years, then 4 years of nothing."""
    rates, logs = np.array([0.02, 0.05]), np.array([[0.3, -0.2], [0.1, 0.4]])
    pieces = Pieces(
        at_risk=torch.tensor([[True, True], [True, False]]),
        came=torch.tensor([[False, True], [False, False]]),
        expected=torch.tensor(np.array([[3.0], [4.0]]) * rates),
    )
    found = float(surprise(torch.tensor(logs), pieces))
    log_rates = np.log(rates) + logs
    total = np.exp(log_rates[0]).sum()
    share = log_rates[0, 1] - np.log(total)
    wait = np.log(total) - total * 3
    nothing = -np.exp(log_rates[1, 0]) * 4
    # What does not depend on the ratios, the log rate of what came, is left out of the loss.
    assert found == pytest.approx(-(share + wait + nothing) + np.log(rates[1]))


def test_pieces_say_who_was_free_of_what_and_what_came() -> None:
    life = lives([(1, 0, 10.0), (1, 1, 30.5), (1, 2, 30.2), (1, 3, 40.0)])
    first = onset_days(life, onsets([(1, 0, 10.0), (1, 1, 30.5), (1, 2, 30.2), (1, 3, 40.0)]))
    assert first[0].tolist() == [10, 30, 30, 40]
    assert first[1].tolist() == [NEVER_BY_DAY] * 4
    one = Stretch(who=0, after=10, until=40)
    seed = next(s for s in range(99) if not np.random.default_rng(s).poisson(30 / EVERY_DAYS))
    told = lesson(life, first, [one], np.random.default_rng(seed))
    assert told.rows.token[0].tolist() == [BORN, 3, NOW, 4, 5, 6]
    assert told.column.tolist() == [3, 5]
    assert told.until.tolist() == [30, 40]
    found = pieces_of(told, Baseline(flat(0.1, 0.2, 0.3, 0.4)))
    assert found.at_risk.tolist() == [[False, True, True, True], [False, False, False, True]]
    assert found.came.tolist() == [[False, True, True, False], [False, False, False, True]]
    lived = np.array([[20], [10]]) / 365.25
    np.testing.assert_allclose(found.expected.numpy(), lived * [0.1, 0.2, 0.3, 0.4], rtol=1e-5)


class Constant(torch.nn.Module):
    """Says the same of everyone, unless a token was drawn: then what `after` says."""

    def __init__(self, logs: list[float], after: list[float]) -> None:
        super().__init__()
        self.logs, self.after = torch.tensor(logs), torch.tensor(after)
        self.out = torch.nn.Linear(1, len(logs))

    def forward(
        self, token: torch.Tensor, day: torch.Tensor, row: torch.Tensor, column: torch.Tensor
    ) -> torch.Tensor:
        has = (token == 4).any(dim=1)[row]
        return torch.where(has[:, None], self.after, self.logs)


def drawn(model: SimpleNamespace, n: int, until: float) -> _Futures:
    begun = _Futures(
        token=np.array([[BORN, PADDING]]).repeat(n, axis=0),
        day=np.zeros((n, 2), dtype=np.int64),
        length=np.ones(n, dtype=np.int64),
        female=np.ones(n),
        age=np.full(n, 50.0),
        until=np.full(n, until),
        free=np.ones((n, len(model.names)), dtype=np.bool_),
        came=np.full((n, len(model.names)), np.inf),
    )
    _go_on(model, begun, [np.random.default_rng(7)])
    return begun


def model_of(logs: list[float], after: list[float], *rates: float) -> SimpleNamespace:
    names = [*NAMES[: len(logs) - 1], "death"]
    return SimpleNamespace(
        names=names, rates=flat(*rates), network=Constant(logs, after), vocabulary=VOCABULARY
    )


def test_drawn_futures_come_as_often_as_competing_rates_say() -> None:
    """Constant rates: the chance of one before death by t is a / (a + d) (1 - exp(-(a + d) t))."""
    model = model_of([0.0, np.log(2.0)], [0.0, np.log(2.0)], 0.06, 0.02)
    begun = drawn(model, 20_000, 57.5)
    shares = (begun.came <= 57.5).mean(axis=0)
    ill = 0.06 / 0.10 * -np.expm1(-0.10 * 7.5)
    np.testing.assert_allclose(
        shares, [ill, -np.expm1(-0.04 * 7.5)], atol=4 * np.sqrt(0.25 / 20_000)
    )
    assert np.isinf(
        begun.came[begun.came[:, 1] <= 57.5][:, 0][begun.age[begun.came[:, 1] <= 57.5] < 50]
    ).all()
    dead = np.isfinite(begun.came[:, 1])
    assert (
        begun.came[dead, 0][np.isfinite(begun.came[dead, 0])]
        < begun.came[dead, 1][np.isfinite(begun.came[dead, 0])]
    ).all()


def test_what_was_drawn_changes_what_may_come() -> None:
    never = -12.0
    model = model_of([0.0, never, never], [0.0, 3.0, never], 0.3, 0.3, 0.0)
    begun = drawn(model, 4_000, 60.0)
    first, second = begun.came[:, 0], begun.came[:, 1]
    came = np.isfinite(second)
    assert came.mean() > 0.7
    assert (first[came] < second[came]).mean() > 0.999
    assert np.isinf(second[np.isinf(first)]).mean() > 0.999
    tokens = begun.token[came]
    assert (np.sort(tokens, axis=1)[:, -2:] == [4, 5]).mean() > 0.99
