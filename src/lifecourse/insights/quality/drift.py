"""Drift: what a code means or how it is measured, changing between years or between sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.insights.quality.counting import middle_of
from lifecourse.insights.quality.feeds import GONE, NOT_FED, ended
from lifecourse.insights.quality.verdicts import POLICY, Measure

if TYPE_CHECKING:
    from lifecourse.insights.quality.definitions import Definition
    from lifecourse.insights.quality.verdicts import Sight

FEWEST_EXPECTED = 50
YEARS_BEFORE = 3
MOVED = 0.1
RATIO = 1.5


def vanished(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Codes of which a full year has next to none of the people that the years before let expect."""
    del name, definition
    gone_feeds = ended(sight)
    years = sight.tables["years"].rename({"people": "all_people"})
    busy = years.filter(pl.col("all_people") >= 0.05 * pl.col("all_people").max().over("source"))
    # The first and the last year may be cut short.
    full = busy.filter(
        (pl.col("year") > pl.col("year").min().over("source"))
        & (pl.col("year") < pl.col("year").max().over("source"))
    )
    judged = 0
    details: list[dict[str, Any]] = []
    for (source,), of_source in full.sort("source", "year").group_by("source", maintain_order=True):
        span = of_source["year"].to_numpy()
        everyone = of_source["all_people"].to_numpy().astype(np.float64)
        often = pl.col("people").max().over("code") >= FEWEST_EXPECTED
        codes = sight.tables["codes"].filter(pl.col("source") == source).filter(often)
        for (code,), part in codes.group_by("code", maintain_order=True):
            family = int(sight.lookups.family[code])
            if sight.family(family) in NOT_FED or (source, family) in gone_feeds:
                continue
            people = _on(span, part["year"].to_numpy(), part["people"].to_numpy())
            found = _vanishing(people, everyone)
            if found is None:
                continue
            judged += 1
            if found[0] >= 0:
                details.append(
                    {
                        "source": sight.sources[int(source)],
                        "code": sight.codes[int(code)],
                        "year": int(span[found[0]]),
                        "people": int(people[found[0]]),
                        "expected": round(found[1]),
                    }
                )
    if not judged:
        return None
    details.sort(key=lambda row: int(row["expected"]), reverse=True)
    return Measure(amiss=len(details), of=judged, details=details)


def _on(span: np.ndarray, years: np.ndarray, people: np.ndarray) -> np.ndarray:
    told = dict(zip(years.tolist(), people.tolist(), strict=True))
    return np.array([told.get(year, 0) for year in span.tolist()], dtype=np.float64)


def _vanishing(people: np.ndarray, everyone: np.ndarray) -> tuple[int, float] | None:
    """The first year that has next to none and what was expected of it; (-1, 0) for none, None where none is judged."""
    judged = False
    for place in range(1, len(people)):
        first = max(0, place - YEARS_BEFORE)
        rate = people[first:place].sum() / everyone[first:place].sum()
        expected = rate * everyone[place]
        if expected < FEWEST_EXPECTED or people[place - 1] < FEWEST_EXPECTED:
            continue
        judged = True
        if people[place] < GONE * expected:
            return place, float(expected)
    return (-1, 0.0) if judged else None


def units_changed(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Codes without a canonical unit whose commonest unit is another than in the year before."""
    del name
    changes, judged = _unit_changes(sight, definition.fewest)
    details = [
        {
            "source": sight.sources[row["source"]],
            "code": sight.codes[row["code"]],
            "year": row["year"],
            "people": row["people"],
            "before": row["before"] or "(none)",
            "after": row["unit"] or "(none)",
            "factor": _factor(row["unit"], row["before"]),
        }
        for row in changes.sort("people", descending=True).iter_rows(named=True)
    ]
    # 10*3/uL and 10*9/L are one unit in two spellings.
    details = [row for row in details if row["factor"] != 1.0]
    return Measure(amiss=len(details), of=judged, details=details) if judged else None


def _factor(unit: str | None, before: str | None) -> float | None:
    """What takes values in the new unit to the old one; None where UCUM knows nothing that does."""
    if unit is None or before is None:
        return None
    from lifecourse.vocab.ucum import line_between

    line = line_between(unit, before)
    return None if line is None or line[1] else line[0]


def _unit_changes(sight: Sight, fewest: int) -> tuple[pl.DataFrame, int]:
    cell = ["source", "code", "year"]
    codes = sight.tables["codes"]
    canonical = pl.Series("canonical", sight.lookups.canonical[codes["code"].to_numpy()])
    people = codes.with_columns(canonical).filter(~pl.col("canonical")).select(*cell, "people")
    usual = (
        sight.tables["units"]
        .sort(*cell, "events", "unit", descending=[False, False, False, True, False])
        .group_by(cell, maintain_order=True)
        .agg(pl.col("unit").first(), pl.col("events").sum())
        .join(people, on=cell)
        .filter((pl.col("events") >= fewest) & (pl.col("people") >= POLICY.fewest_people))
        .sort(cell)
        .with_columns(
            before=pl.col("unit").shift(1).over("source", "code"),
            year_before=pl.col("year").shift(1).over("source", "code"),
        )
    )
    changes = usual.filter(
        (pl.col("year_before") == pl.col("year") - 1) & pl.col("unit").ne_missing(pl.col("before"))
    )
    return changes, usual.select("source", "code").n_unique()


def medians_jumped(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Codes whose median moves by more than the middle half of the year before is wide."""
    del name
    quartiles = quartiles_of(sight, ["source", "code", "year"], definition.fewest)
    if quartiles.height == 0:
        return None
    ordered = quartiles.sort("source", "code", "year").with_columns(
        pl.col("median", "low", "high", "year").shift(1).over("source", "code").name.prefix("last_")
    )
    moved = (pl.col("median") - pl.col("last_median")).abs()
    jumps = ordered.filter(
        (pl.col("last_year") == pl.col("year") - 1)
        & (moved > pl.col("last_high") - pl.col("last_low"))
        & (moved > MOVED * pl.col("last_median").abs())
    )
    # Where the unit has changed, that is said already.
    units, _ = _unit_changes(sight, definition.fewest)
    jumps = jumps.join(units, on=["source", "code", "year"], how="anti").sort(
        "people", descending=True
    )
    details = [
        {
            "source": sight.sources[row["source"]],
            "code": sight.codes[row["code"]],
            "year": row["year"],
            "people": row["people"],
            "before": rounded(row["last_median"]),
            "after": rounded(row["median"]),
        }
        for row in jumps.iter_rows(named=True)
    ]
    judged = quartiles.select("source", "code").n_unique()
    return Measure(amiss=len(details), of=judged, details=details)


def sources_disagree(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Codes whose medians in two sources lie outside each other's middle half."""
    del name
    quartiles = quartiles_of(sight, ["source", "code"], definition.fewest)
    pairs = quartiles.join(quartiles, on="code", suffix="_b").filter(
        pl.col("source") < pl.col("source_b")
    )
    if pairs.height == 0:
        return None
    a, b = pl.col("median"), pl.col("median_b")
    apart = pairs.filter(
        ~a.is_between(pl.col("low_b"), pl.col("high_b"))
        & ~b.is_between(pl.col("low"), pl.col("high"))
        & (pl.max_horizontal(a.abs(), b.abs()) >= RATIO * pl.min_horizontal(a.abs(), b.abs()))
    ).sort("people", descending=True)
    details = [
        {
            "source": f"{sight.sources[row['source']]} and {sight.sources[row['source_b']]}",
            "code": sight.codes[row["code"]],
            "people": min(row["people"], row["people_b"]),
            "before": rounded(row["median"]),
            "after": rounded(row["median_b"]),
        }
        for row in apart.iter_rows(named=True)
    ]
    return Measure(amiss=len(details), of=pairs["code"].n_unique(), details=details)


def quartiles_of(sight: Sight, keys: list[str], fewest: int) -> pl.DataFrame:
    """Median, quartiles, number and people of the values of each cell with enough of both."""
    values = sight.tables["values"].group_by(*keys, "bin").agg(pl.col("events").sum())
    people = sight.tables["codes"].group_by(keys).agg(pl.col("people").max())
    cumulated = values.sort(*keys, "bin").with_columns(
        upto=pl.col("events").cum_sum().over(keys), all=pl.col("events").sum().over(keys)
    )
    found = cumulated.filter(pl.col("all") >= fewest).with_columns(middle=middle_of(pl.col("bin")))

    def at(share: float) -> pl.Expr:
        return pl.col("middle").filter(pl.col("upto") >= share * pl.col("all")).first()

    quartiles = found.group_by(keys).agg(
        median=at(0.5), low=at(0.25), high=at(0.75), values=pl.col("all").first()
    )
    return quartiles.join(people, on=keys).filter(pl.col("people") >= POLICY.fewest_people)


def rounded(value: float) -> float:
    """Three figures: a histogram knows no more."""
    return float(f"{value:.3g}")
