"""Who teaches the hazards of the synthetic hospital, and what came of them: beside the same in plain words."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path

CUT = datetime.datetime(2025, 1, 1)
BEGIN = datetime.datetime(2013, 1, 1)
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def _benchmarks_are_found(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository))


@pytest.mark.parametrize("seed", range(5))
def test_onsets_are_those_of_a_reader_who_takes_one_person_after_the_other(seed: int) -> None:
    from benchmarks.competing import MOMENTS, MOMENTS_SEED, onsets

    random = np.random.default_rng(seed)
    n = 200

    def some(share: float) -> list[datetime.datetime | None]:
        days = random.uniform(-300, 4383, n)
        has = random.random(n) < share
        return [BEGIN + d * DAY if h else None for d, h in zip(days, has, strict=True)]

    columns = {"onset_copd": some(0.4), "recorded_copd": some(0.3), "onset_death": some(0.3)}
    truth = pl.DataFrame(
        {"person": np.arange(n), **columns},
        schema_overrides=dict.fromkeys(columns, pl.Datetime("us")),
    )
    found = onsets(truth.sample(fraction=1.0, shuffle=True, seed=seed), "copd")
    expected = []
    random = np.random.default_rng(MOMENTS_SEED)
    moments = [random.uniform(*between, n) for between in MOMENTS]
    for person in range(n):
        for years in (of[person] for of in moments):
            at = BEGIN + years * 365.25 * DAY
            onset, written, died = (columns[name][person] for name in columns)
            if any(one is not None and one <= at for one in (onset, written, died)):
                continue
            if onset is not None and (died is None or onset <= died):
                expected.append((person, 1, onset - at))
            elif died is not None:
                expected.append((person, 2, died - at))
            else:
                expected.append((person, 0, CUT - at))
    assert found["subject_id"].to_list() == [person for person, _, _ in expected]
    assert found["event"].to_list() == [event for _, event, _ in expected]
    days = [lasted / DAY for _, _, lasted in expected]
    assert found["duration_days"].to_list() == pytest.approx(days, abs=1e-3)
    assert found["boolean_value"].to_list() == [event == 1 for _, event, _ in expected]


def test_ancestry_is_that_of_the_people_whose_truth_it_is(tmp_path: Path) -> None:
    from benchmarks.competing import ancestries

    from lifecourse.simulation import simulate
    from lifecourse.simulation.parameters import parameters

    simulate(400, 9, "meds", tmp_path / "hospital", futures=0)
    found = ancestries(tmp_path / "hospital" / "truth", 9)
    assert found["person"].to_list() == list(range(1, 401))
    shares = dict(found["ancestry"].value_counts(normalize=True).iter_rows())
    for name, share in parameters().people.ancestries.items():
        assert shares.get(name, 0.0) == pytest.approx(share, abs=0.08)
    with pytest.raises(ValueError, match="other people"):
        ancestries(tmp_path / "hospital" / "truth", 10)


@pytest.mark.parametrize("seed", range(3))
def test_ratios_of_groups_are_those_of_one_group_after_the_other(seed: int) -> None:
    from benchmarks.competing import GROUP, _ratios

    random = np.random.default_rng(seed)
    n = 5_000
    risk, true = random.random(n), random.random(n)
    names = pl.DataFrame(
        {
            "sex": random.choice(["female", "male"], n),
            "ancestry": random.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]),
        }
    )
    expected = []
    for kind in names.columns:
        for name in sorted(names[kind].unique()):
            rows = [i for i, value in enumerate(names[kind]) if value == name]
            if len(rows) >= GROUP:
                ratio = sum(risk[i] for i in rows) / sum(true[i] for i in rows)
                expected.append((f"{kind}: {name}", pytest.approx(ratio, abs=1e-3)))
    found = [(row["group"], row["ratio"]) for row in _ratios(risk, true, names)]
    assert found == expected
    assert len(found) == 4
