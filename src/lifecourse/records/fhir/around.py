"""What surrounds a resource in a Bundle, for one that says no time of its own: its report, then the Bundle itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lifecourse.records.rows import RejectedError

REPORT = "DiagnosticReport"
NO_TIME = "no time"


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


class Unknown(Around):
    """What surrounds a resource while not all of it was read: who asks for it is read again later."""

    def times_of(self, body: Any, full_url: str | None) -> tuple[Any, ...]:
        """None yet.

        Raises
        ------
        RejectedError
            Always, as a resource that says no time is rejected.
        """
        raise RejectedError(NO_TIME)


NOT_YET = Unknown(known=(), reports={})


class Gathering:
    """What surrounds the entries of a Bundle, gathered entry by entry; `outer` is what surrounds the Bundle itself.

    MOST_RESULTS : of more results nothing is remembered, so that a Bundle may be of any size
    """

    MOST_RESULTS = 500_000

    def __init__(self, outer: Around | None = None) -> None:
        self._known = outer.known if outer else ()
        self._reports: dict[str, tuple[Any, ...]] = {}
        self._panels: list[tuple[str, str, tuple[Any, ...], Any]] = []

    def tell(self, bundle: Any) -> None:
        """Note when the Bundle was put together, where it says so."""
        if not isinstance(bundle, dict):
            return
        meta = bundle.get("meta")
        told = (
            bundle.get("timestamp"),
            meta.get("lastUpdated") if isinstance(meta, dict) else None,
        )
        self._known = tuple(time for time in told if isinstance(time, str)) or self._known

    def note(self, entry: Any) -> None:
        """Note what a report or a panel among the entries says of others."""
        body = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(body, dict) or len(self._reports) > self.MOST_RESULTS:
            return
        if body.get("resourceType") == REPORT:
            _tell(body.get("result"), _times(body), self._reports)
        elif body.get("hasMember"):
            name = f"{body.get('resourceType')}/{body.get('id')}"
            url = str(entry.get("fullUrl"))
            self._panels.append((url, name, _times(body), body["hasMember"]))

    def around(self) -> Around | None:
        """All of it; None where nothing says a time."""
        reports = dict(self._reports) if self._panels else self._reports
        for url, name, times, members in self._panels:
            _tell(members, times or reports.get(url) or reports.get(name) or (), reports)
        known = self._known
        return Around(known=known, reports=reports) if known or reports else None


def around_of(bundle: dict[str, Any], entries: list[Any], outer: Around | None) -> Around | None:
    """What surrounds the entries of `bundle`, itself in `outer`; None where nothing says a time."""
    gathering = Gathering(outer)
    gathering.tell(bundle)
    for entry in entries:
        gathering.note(entry)
    return gathering.around()


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
