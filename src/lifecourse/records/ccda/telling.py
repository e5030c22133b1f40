"""Events of statements, and what becomes of ids that name more than one fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.rows import EVENT_FIELDS

if TYPE_CHECKING:
    from lifecourse.records.ccda.statement import Document, Statement
    from lifecourse.records.moments import Moment

ID_FIELD = EVENT_FIELDS.index("source_id")
ROW_FIELD = EVENT_FIELDS.index("source_row")
CODE_FIELD, TIME_FIELD, ONSET_FIELD, NUMBER_FIELD = (
    EVENT_FIELDS.index(name) for name in ("code", "time", "onset_time", "numeric_value")
)


def tell(
    statement: Statement,
    when: Moment,
    code: str,
    *,
    value: float | None = None,
    text: str | None = None,
    unit: str | None = None,
    end: int | None = None,
    happened: Moment | None = None,
    part: str | None = None,
) -> None:
    """An event of the document's person, known at `when`; `happened` where that differs; `part` below the statement."""
    document = statement.document
    rows = document.rows
    before = len(rows.events)
    rows.add(
        statement, document.subject, when, code, value=value, text=text, unit=unit, end=end,
        happened=happened, part=part,
    )  # fmt: skip
    name = rows.events[before][ID_FIELD]
    if name is not None:
        document.claims.setdefault(name, []).append((id(statement.element), before))
        document.told.append(name)


def settle(document: Document) -> None:
    """Tell apart what shares an id without being the same fact, as copied entries do.

    An id that several statements of one document bear, each saying something else, names none of them: each is then
    known by the id with its code, time and value, so that the same fact in another document is still the same record. A
    fact that one entry says twice stands once.
    """
    gone: list[int] = []
    for claims in document.claims.values():
        if len(claims) == 1:
            continue
        said: dict[int, list[tuple[Any, ...]]] = {}
        for element, place in claims:
            said.setdefault(element, []).append(_content(document, place))
        if len({tuple(content) for content in said.values()}) > 1:
            _by_content(document, claims)
        gone.extend(_again(document, claims))
    if gone:
        again, events = set(gone), document.rows.events
        events[:] = [event for place, event in enumerate(events) if place not in again]
        for _ in gone:
            document.rows.count("facts said twice in one entry, told once")
    document.claims.clear()
    document.told.clear()


def _again(document: Document, claims: list[tuple[int, int]]) -> list[int]:
    """Places of events that another statement of the same row told before."""
    told: dict[tuple[Any, ...], int] = {}
    again = []
    for element, place in claims:
        row = document.rows.events[place][ROW_FIELD]
        if told.setdefault((row, *_content(document, place)), element) != element:
            again.append(place)
    return again


def _content(document: Document, place: int) -> tuple[Any, ...]:
    return document.rows.events[place][:ID_FIELD]


def _by_content(document: Document, claims: list[tuple[int, int]]) -> None:
    events = document.rows.events
    document.rows.count("ids that name several facts of a document, told apart by what they say")
    for _, place in claims:
        event = events[place]
        since = event[ONSET_FIELD] if event[ONSET_FIELD] is not None else event[TIME_FIELD]
        said = "" if event[NUMBER_FIELD] is None else event[NUMBER_FIELD]
        name = f"{event[ID_FIELD]}#{event[CODE_FIELD]}@{since}={said}"
        events[place] = (*event[:ID_FIELD], name, *event[ID_FIELD + 1 :])
