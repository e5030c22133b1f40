"""The page of a store's quality, as one file to open without a server."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.figures.spread import spread
from lifecourse.figures.volumes import Feed, volumes
from lifecourse.serve.record import titles_of
from lifecourse.serve.web.pages import StandingLinks, filled
from lifecourse.timeline.shard import CodeTable

if TYPE_CHECKING:
    from lifecourse.figures.svg import Figure

STATIC = Path(__file__).parent / "static"
MOST_FEEDS = 16
CATEGORIES = {
    "conformance": "Conformance: do codes and units have their form?",
    "completeness": "Completeness: is there what should be there?",
    "plausibility": "Plausibility: can it be true?",
}


class QualityLinks(StandingLinks):
    """Addresses of a page that stands alone."""

    note = "counts of people, never a person"

    def patients(self, **query: object) -> str:
        """The page itself: there is no other."""
        del query
        return "quality.html"


def write_quality_page(holds: dict[str, Any], quality: dict[str, Any], out: Path) -> Path:
    """``quality.html`` in folder `out`, from what `inspect` says: aggregates alone, of ten people or more."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(STATIC, out / "static", dirs_exist_ok=True)
    page = out / "quality.html"
    page.write_text(
        filled("quality.html", QualityLinks(), actor=None, **quality_view(holds, quality)),
        encoding="utf-8",
    )
    return page


def quality_view(holds: dict[str, Any], quality: dict[str, Any]) -> dict[str, Any]:
    """What the page shows: failed checks first, then volumes, measurements, completeness and every check."""
    checks = quality["checks"]
    codes = CodeTable.of([row["code"] for row in quality["measurements"]])
    titles = {codes.codes[place]: title for place, title in titles_of(codes).items()}
    return {
        "holds": holds,
        "failed": [check for check in checks if check["status"] == "failed"],
        "counted": {
            status: sum(check["status"] == status for check in checks)
            for status in ("failed", "passed", "not applicable")
        },
        "categories": [
            {"title": title, "checks": [check for check in checks if check["category"] == name]}
            for name, title in CATEGORIES.items()
        ],
        "volumes": _drawn(_volumes(quality)),
        "measurements": [_measurement(row, titles) for row in quality["measurements"]],
        "completeness": quality["completeness"],
    }


def _volumes(quality: dict[str, Any]) -> Figure:
    gaps = next(check for check in quality["checks"] if check["check"] == "feed-gaps")
    several = len({feed["source"] for feed in quality["volumes"]}) > 1
    feeds = [
        Feed(
            title=f"{feed['kind']}, {feed['source']}" if several else feed["kind"],
            events={_month(row["month"]): row["events"] for row in feed["months"]},
            marked=frozenset(
                _month(gap["period"])
                for gap in gaps["details"]
                if (gap["source"], gap["kind"]) == (feed["source"], feed["kind"])
                and not gap["period"].startswith("week")
            ),
        )
        for feed in quality["volumes"][:MOST_FEEDS]
    ]
    return volumes(feeds, title="Events by month")


def _month(words: str) -> int:
    year, month = words.split("-")
    return int(year) * 12 + int(month) - 1


def _measurement(row: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    name = row["name"] or titles.get(row["code"]) or row["code"]
    years = [(y["year"], y["low"], y["median"], y["high"]) for y in row["years"]]
    return {**row, "name": name, "drawing": _drawn(spread(years, name=name, unit=row["unit"]))}


def _drawn(figure: Figure) -> dict[str, Any]:
    return {"svg": figure.svg, "rows": figure.rows}
