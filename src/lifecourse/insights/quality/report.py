"""How good a store's records are: every check's verdict, volumes over time and completeness by source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.progress import SILENT, Progress
from lifecourse.insights.quality import drift, feeds, shares
from lifecourse.insights.quality.counting import count, source_names
from lifecourse.insights.quality.definitions import definitions
from lifecourse.insights.quality.measurements import measurements
from lifecourse.insights.quality.verdicts import POLICY, Measure, Sight, Status, Verdict, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifecourse.insights.quality.definitions import Definition
    from lifecourse.timeline.access import Timeline

# Every other check is the share of its mark.
JUDGES: dict[str, Callable[[Sight, str, Definition], Measure | None]] = {
    "lost-zeros": shares.lost_zeros,
    "no-leading-zeros": shares.no_leading_zeros,
    "rejected-rows": shares.rejected_rows,
    "units-missing": shares.units_missing,
    "values-missing": shares.values_missing,
    "births-missing": shares.without_birth,
    "sexes-missing": shares.without_sex,
    "future-events": shares.future_events,
    "feed-gaps": feeds.gaps,
    "feed-ends": feeds.ends,
    "codes-vanish": drift.vanished,
    "units-change": drift.units_changed,
    "medians-jump": drift.medians_jumped,
    "sources-disagree": drift.sources_disagree,
}
MOST_FEEDS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """The verdicts, and what the feeds hold; nothing in it is about fewer than ten people.

    measurements : see `measurements.measurements`
    volumes : one row a source, kind of fact and month: ``source kind month events people``
    completeness : one row a source and kind of fact: ``source kind events`` and the shares of events with a ``time``, a
        ``number``, a ``unit`` (of those with a number) and an ``end``
    """

    verdicts: tuple[Verdict, ...]
    measurements: list[dict[str, Any]]
    volumes: pl.DataFrame
    completeness: pl.DataFrame

    def failed(self) -> list[str]:
        """The names of the checks that failed."""
        return [each.name for each in self.verdicts if each.status == Status.FAILED]

    def to_dict(self) -> dict[str, Any]:
        """For JSON and pages."""
        return {
            "checks": [each.to_dict() for each in self.verdicts],
            "completeness": self.completeness.to_dicts(),
            "measurements": self.measurements,
            "volumes": [
                {
                    "source": source,
                    "kind": kind,
                    "months": part.select("month", "events", "people").to_dicts(),
                }
                for (source, kind), part in self.volumes.group_by(
                    "source", "kind", maintain_order=True
                )
            ],
        }


def quality(timeline: Timeline, *, progress: Progress = SILENT) -> QualityReport:
    """Look at every event of `timeline` once, and judge.

    Returns
    -------
    QualityReport
        A verdict for each check of ``checks.yaml``, in its order. Groups of fewer than ten people are not shown.
    """
    tables, lookups = count(timeline, progress)
    loads = timeline.loads()
    sight = Sight(
        tables=tables,
        lookups=lookups,
        codes=timeline.codes.codes,
        sources=[_name(kind, issuer) for kind, issuer in source_names(loads.sources)],
        persons=timeline.persons(),
        rows_read=loads.rows_read,
        rejected=loads.rejected,
        unitless=loads.unitless,
    )
    return QualityReport(
        verdicts=tuple(
            verdict(name, definition, JUDGES.get(name, shares.of_mark)(sight, name, definition))
            for name, definition in definitions().items()
        ),
        measurements=measurements(sight, timeline.codes),
        volumes=_volumes(sight),
        completeness=_completeness(sight),
    )


def _name(kind: str, issuer: str) -> str:
    return kind if kind == issuer else f"{kind} ({issuer})"


def _volumes(sight: Sight) -> pl.DataFrame:
    """Months of ten people or more, of the largest feeds; births go back a century and are none."""
    fed = [i for i, name in enumerate(sight.lookups.families) if name not in feeds.NOT_FED]
    months = sight.tables["months"].filter(
        (pl.col("people") >= POLICY.fewest_people) & pl.col("family").is_in(fed)
    )
    largest = (
        months.group_by("source", "family")
        .agg(pl.col("events").sum())
        .sort("events", descending=True)
        .head(MOST_FEEDS)
        .with_row_index("rank")
        .select("source", "family", "rank")
    )
    month = pl.col("month")
    return (
        months.join(largest, on=["source", "family"])
        .sort("rank", "month")
        .select(
            _named("source", sight.sources),
            _named("family", sight.lookups.families).alias("kind"),
            month=pl.format("{}-{}", month // 12, (month % 12 + 1).cast(pl.String).str.zfill(2)),
            events="events",
            people="people",
        )
    )


def _completeness(sight: Sight) -> pl.DataFrame:
    """Shares of events with a time, a number, a unit and an end, of feeds with ten people or more."""
    people = sight.tables["months"].group_by("source", "family").agg(pl.col("people").max())
    events = pl.col("events")
    return (
        sight.tables["feeds"]
        .join(people, on=["source", "family"], how="left")
        # Undated facts (sex, race) are of everyone.
        .filter(pl.col("people").fill_null(POLICY.fewest_people) >= POLICY.fewest_people)
        .sort("events", descending=True)
        .select(
            _named("source", sight.sources),
            _named("family", sight.lookups.families).alias("kind"),
            "events",
            time=pl.col("timed") / events,
            number=pl.col("values") / events,
            unit=pl.when(pl.col("values") > 0).then(pl.col("united") / pl.col("values")),
            end=pl.col("ended") / events,
        )
    )


def _named(name: str, words: list[str] | tuple[str, ...]) -> pl.Expr:
    return pl.col(name).replace_strict(dict(enumerate(words)), return_dtype=pl.String)
