"""The list of patients: searched, filtered by what fires, a page at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.care.worklist import Gain, gain_of
from lifecourse.privacy.access.asking import Action
from lifecourse.privacy.acts import noted

if TYPE_CHECKING:
    from lifecourse.schema.actor import Actor
    from lifecourse.serve.site import Site

PER_PAGE = 25
GAIN = "gain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What the list is narrowed to: part of a name or subject id, a recommendation that fires, a page from 1.

    order : ``gain`` puts first who gains most: urgent lines, the fall in risks a year, the number of lines
    """

    words: str = ""
    fires: str = ""
    order: str = ""
    page: int = 1
    per_page: int = PER_PAGE


def panel(site: Site, actor: Actor, search: Search) -> dict[str, Any]:
    """One page of patients, with what fires for each, and the counts of each recommendation over all."""
    timeline = site.timeline(actor)
    timeline.require(Action.LIST)
    if search.words or search.fires:
        timeline.require(Action.SEARCH)
    firing = site.firing(timeline)
    everyone = timeline.persons().join(timeline.names(), on="subject_id", how="left")
    found = everyone.sort("subject_id")
    if search.words:
        words = search.words.strip().lower()
        ids = pl.col("subject_id").cast(pl.String)
        names = pl.col("name").fill_null("").str.to_lowercase()
        found = found.filter(
            ids.str.contains(words, literal=True) | names.str.contains(words, literal=True)
        )
    if search.fires:
        whose = [
            subject
            for subject, rows in firing.items()
            if any(row["name"] == search.fires for row in rows)
        ]
        found = found.filter(pl.col("subject_id").is_in(whose))
    if search.order == GAIN:
        found = _by_gain(found, firing)
    pages = max(1, -(-found.height // search.per_page))
    page = min(max(1, search.page), pages)
    rows = found.slice((page - 1) * search.per_page, search.per_page)
    noted(people=rows["subject_id"].to_list(), rows=rows.height)
    return {
        "patients": [_row(row, firing) for row in rows.iter_rows(named=True)],
        "found": found.height,
        "of": everyone.height,
        "page": page,
        "pages": pages,
        "words": search.words,
        "fires": search.fires,
        "order": search.order if search.order == GAIN else "",
        "recommendations": _counted(firing),
        "named": everyone["name"].null_count() < everyone.height,
        "identifiability": str(timeline.identifiability),
    }


def _by_gain(people: pl.DataFrame, firing: dict[int, list[dict[str, Any]]]) -> pl.DataFrame:
    """Who gains most first: urgent lines, falls in risk a year, the number of lines; of equals in the order given."""
    fired = [firing.get(subject, []) for subject in people["subject_id"].to_list()]
    gains = [_gain(rows) for rows in fired]
    return people[sorted(range(len(gains)), key=lambda place: gains[place].order)]


def _gain(rows: list[dict[str, Any]]) -> Gain:
    return gain_of([(row["urgent"], row["yearly"]) for row in rows])


def _row(row: dict[str, Any], firing: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    last = row["death"] or row["as_of"]
    born = row["birth"]
    age = None if born is None or last is None else (last - born).days / DAYS_PER_YEAR
    fires = firing.get(row["subject_id"], [])
    gain = _gain(fires)
    return {
        "subject_id": row["subject_id"],
        "name": row["name"],
        "sex": row["sex"],
        "age": None if age is None else int(age),
        "born": f"{born:%Y-%m-%d}" if born else None,
        "died": f"{row['death']:%Y-%m-%d}" if row["death"] else None,
        "last": f"{row['last_time']:%Y-%m-%d}" if row["last_time"] else None,
        "fires": fires,
        "gain": {"urgent": gain.urgent, "fewer_in_100_a_year": gain.fewer_in_100_a_year},
        "planned": row["subject_id"] in firing,
    }


def _counted(firing: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    titles, counts = {}, Counter[str]()
    for rows in firing.values():
        for row in rows:
            titles[row["name"]] = row["title"]
            counts[row["name"]] += 1
    return [
        {"name": name, "title": titles[name], "patients": n} for name, n in counts.most_common()
    ]
