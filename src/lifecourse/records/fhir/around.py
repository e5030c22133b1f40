"""What surrounds a resource in a Bundle, for one that says no time of its own: its report, then the Bundle itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REPORT = "DiagnosticReport"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Times of a Bundle, and of the reports in it by what their results are called.

    known : when the Bundle was put together; whatever is in it was known by then
    reports : times of the report, or of the panel, by ``fullUrl`` or ``Type/id`` of a result
    """

    known: tuple[Any, ...]
    reports: dict[str, tuple[Any, ...]]

    def times_of(self, body: Any, full_url: str | None) -> tuple[Any, ...]:
        """Times for a resource that says none, the nearest first."""
        if not self.reports or not isinstance(body, dict):
            return self.known
        name = f"{body.get('resourceType')}/{body.get('id')}"
        found = self.reports.get(full_url or name) or self.reports.get(name) or ()
        return (*found, *self.known)


def around_of(bundle: dict[str, Any], entries: list[Any], outer: Around | None) -> Around | None:
    """What surrounds the entries of `bundle`, itself in `outer`; None where nothing says a time."""
    meta = bundle.get("meta")
    told = (bundle.get("timestamp"), meta.get("lastUpdated") if isinstance(meta, dict) else None)
    known = tuple(time for time in told if isinstance(time, str)) or (outer.known if outer else ())
    reports: dict[str, tuple[Any, ...]] = {}
    panels: list[tuple[Any, dict[str, Any]]] = []
    for entry in entries:
        body = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(body, dict):
            continue
        if body.get("resourceType") == REPORT:
            _tell(body.get("result"), _times(body), reports)
        elif body.get("hasMember"):
            panels.append((entry.get("fullUrl"), body))
    for url, panel in panels:
        name = f"{panel.get('resourceType')}/{panel.get('id')}"
        known_then = _times(panel) or reports.get(str(url)) or reports.get(name) or ()
        _tell(panel["hasMember"], known_then, reports)
    return Around(known=known, reports=reports) if known or reports else None


def _times(body: dict[str, Any]) -> tuple[Any, ...]:
    """When a report or a panel was known: when issued, else when it was so."""
    period = body.get("effectivePeriod")
    end = period.get("end") if isinstance(period, dict) else None
    times = (body.get("issued"), body.get("effectiveDateTime"), end)
    return tuple(time for time in times if isinstance(time, str))


def _tell(results: Any, times: tuple[Any, ...], reports: dict[str, tuple[Any, ...]]) -> None:
    for result in results if times and isinstance(results, list) else ():
        reference = result.get("reference") if isinstance(result, dict) else None
        if isinstance(reference, str):
            reports.setdefault(reference, times)
