"""Checks that are a share: of events, people or rows that something is the matter with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.insights.quality.lookups import DAMAGES
from lifecourse.insights.quality.marks import EVERY_SOURCE
from lifecourse.insights.quality.verdicts import Measure
from lifecourse.vocab.damage import BEGIN_WITH_ZERO, Damage

if TYPE_CHECKING:
    from lifecourse.insights.quality.definitions import Definition
    from lifecourse.insights.quality.verdicts import Sight

FEWEST_OF_A_CODE = 100
"""Events of a code (or a source) before its own share is looked at."""
FEWEST_DISTINCT = 100
"""Codes of a system before the absence of a leading zero says anything."""
USUAL = 0.5
MOSTLY_SHIFTED = 0.5


def of_mark(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """The share of events (or people) that a mark is of."""
    totals = sight.tables["totals"].filter(pl.col("mark") == name)
    whole = totals.filter(pl.col("source") == EVERY_SOURCE)
    if whole.height == 0 or not whole["of_events"][0]:
        return None
    row = whole.row(0, named=True)
    of_people = definition.of == "people"
    amiss, of = ("people", "of_people") if of_people else ("events", "of_events")
    details = _details(sight, name, definition)
    failed = row[amiss] > definition.threshold * row[of]
    if definition.per != "all":
        parts = totals.filter((pl.col("source") != EVERY_SOURCE) & (pl.col(of) >= FEWEST_OF_A_CODE))
        failed |= bool((parts[amiss] > definition.threshold * parts[of]).any())
    if definition.per == "code":
        failed |= any(
            detail["share"] is not None
            and detail["share"] > definition.threshold
            and detail["of"] >= FEWEST_OF_A_CODE
            for detail in details
        )
    return Measure(
        amiss=row[amiss],
        of=row[of],
        events=row["events"],
        people=row["people"],
        details=details,
        failed=failed,
    )


def _details(sight: Sight, name: str, definition: Definition) -> list[dict[str, Any]]:
    """By source and code, the most people first, with the share of the code's events."""
    of_code = (
        sight.tables["codes"]
        .group_by("source", "code")
        .agg(of=pl.col("values" if definition.per == "code" else "events").sum())
    )
    found = (
        sight.tables["marks"]
        .filter(pl.col("mark") == name)
        .join(of_code, on=["source", "code"], how="left")
        .sort("people", "events", "code", descending=[True, True, False])
    )
    return [
        {
            "source": sight.sources[row["source"]],
            "code": sight.codes[row["code"]],
            "people": row["people"],
            "events": row["events"],
            "of": row["of"] or 0,
            "share": row["events"] / row["of"] if row["of"] else None,
        }
        for row in found.iter_rows(named=True)
    ]


def lost_zeros(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Codes without their zeros, with the people who have one, by source and system."""
    measured = of_mark(sight, name, definition)
    if measured is None:
        return None
    lost = DAMAGES.index(Damage.LOST_ZEROS) + 1
    found = sight.tables["damages"].filter(pl.col("damage") == lost)
    of = sight.tables["systems"].rename({"events": "of"}).select("source", "system", "of")
    rows = found.join(
        of, left_on=["source", "damaged_system"], right_on=["source", "system"], how="left"
    ).sort("people", descending=True)
    details = [
        {
            "source": sight.sources[row["source"]],
            "system": sight.family(row["damaged_system"]),
            "people": row["people"],
            "events": row["events"],
            "of": row["of"],
            "codes": _damaged_codes(sight, name, row["source"], row["damaged_system"]),
        }
        for row in rows.iter_rows(named=True)
    ]
    return Measure(
        amiss=measured.amiss,
        of=measured.of,
        events=measured.events,
        people=measured.people,
        details=details,
    )


def _damaged_codes(sight: Sight, name: str, source: int, system: int) -> int:
    marks = sight.tables["marks"].filter((pl.col("mark") == name) & (pl.col("source") == source))
    of_system = sight.lookups.damaged_system[marks["code"].to_numpy()] == system
    return int(of_system.sum())


def no_leading_zeros(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Systems of which zero begins a share of any real data, and none here."""
    del name
    known_lost = {
        (row["source"], row["damaged_system"])
        for row in sight.tables["damages"].iter_rows(named=True)
        if DAMAGES[row["damage"] - 1] == Damage.LOST_ZEROS
    }
    distinct = sight.tables["codes"].select("source", "code").unique()
    systems = sight.lookups.system[distinct["code"].to_numpy()]
    distinct = distinct.with_columns(pl.Series("system", systems))
    codes = distinct.group_by("source", "system").agg(codes=pl.len())
    judged, details = 0, []
    table = sight.tables["systems"].join(codes, on=["source", "system"], how="left")
    for row in table.iter_rows(named=True):
        system = sight.family(row["system"])
        # Where some are known to be lost, this would only say so again.
        if system not in BEGIN_WITH_ZERO or (row["source"], row["system"]) in known_lost:
            continue
        if row["events"] < definition.fewest or (row["codes"] or 0) < FEWEST_DISTINCT:
            continue
        judged += row["events"]
        if row["zeros"] == 0:
            details.append(
                {
                    "source": sight.sources[row["source"]],
                    "system": system,
                    "people": row["people"],
                    "events": row["events"],
                    "codes": row["codes"],
                    "expected": BEGIN_WITH_ZERO[system],
                }
            )
    if not judged:
        return None
    return Measure(
        amiss=sum(row["events"] for row in details),
        of=judged,
        people=max((row["people"] for row in details), default=0),
        details=details,
    )


def future_events(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """As any mark, but not of records whose dates were shifted."""
    measured = of_mark(sight, name, definition)
    if measured is None or measured.amiss > MOSTLY_SHIFTED * measured.of:
        return None
    return measured


def units_missing(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Values without a unit; most sources' are given the canonical one as they come in, and counted there."""
    measured = of_mark(sight, name, definition)
    if measured is None or not sight.unitless:
        return measured
    amiss = min(measured.amiss + sight.unitless, measured.of)
    return replace(
        measured,
        amiss=amiss,
        # Of how many people those of the load are is not counted there.
        people=None,
        failed=bool(measured.failed) or amiss > definition.threshold * measured.of,
    )


def without_birth(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """People whose birth nobody tells."""
    del name, definition
    persons = sight.persons
    return Measure(amiss=persons["birth"].null_count(), of=persons.height)


def without_sex(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """People whose sex nobody tells."""
    del name, definition
    unknown = sight.persons["sex"].is_in(["female", "male", "other"]).fill_null(value=False).not_()
    return Measure(amiss=int(unknown.sum()), of=sight.persons.height)


def rejected_rows(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Rows of the newest load that were laid aside."""
    del name, definition
    return Measure(amiss=sight.rejected, of=sight.rows_read) if sight.rows_read else None


def values_missing(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Of codes that usually carry a number: where many have none, by source and year."""
    del name
    codes = sight.tables["codes"]
    usual = (
        codes.group_by("code")
        .agg(pl.col("events", "values").sum())
        .filter(
            (pl.col("events") >= definition.fewest) & (pl.col("values") >= USUAL * pl.col("events"))
        )
    )
    cells = codes.join(usual.select("code"), on="code", how="semi").with_columns(
        without=pl.col("events") - pl.col("values")
    )
    if cells.height == 0:
        return None
    bad = cells.filter(
        (pl.col("events") >= definition.fewest)
        & (pl.col("without") > definition.threshold * pl.col("events"))
    ).sort("without", descending=True)
    details = [
        {
            "source": sight.sources[row["source"]],
            "code": sight.codes[row["code"]],
            "year": row["year"],
            "people": row["people"],
            "events": row["without"],
            "of": row["events"],
            "share": row["without"] / row["events"],
        }
        for row in bad.iter_rows(named=True)
    ]
    return Measure(
        amiss=int(cells["without"].sum()),
        of=int(cells["events"].sum()),
        details=details,
        failed=bool(details),
    )
