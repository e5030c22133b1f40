"""Resource types that are read by where their facts stand: `types.yaml` says where, this reads it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lifecourse.base.yaml import Document, load_document
from lifecourse.records.fhir.coding import named, word
from lifecourse.records.fhir.rows import RejectedError
from lifecourse.records.fhir.values import number, unit_of
from lifecourse.schema.event import REFERENCE_CODE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lifecourse.records.fhir.coding import Named
    from lifecourse.records.fhir.rows import Resource, Rows
    from lifecourse.records.fhir.times import Moment


class Statement(Document):
    """Where the facts of a resource type stand; see the head of `types.yaml`."""

    named: str
    subject: tuple[str, ...]
    codes: tuple[str, ...]
    known: tuple[str, ...]
    preferred: tuple[str, ...] = ("SNOMED", "LOINC")
    otherwise: str | None = None
    before: str = ""
    each: str | None = None
    happened: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    status: str = "status"
    statuses: dict[str, str] = Field(default_factory=dict)
    forbids: str | None = None
    refers: str | None = None
    referred: bool = False
    value: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    also: str | None = None


class _Types(Document):
    statements: dict[str, Statement]
    read: dict[str, str]
    counted: dict[str, tuple[str, ...]]


@cache
def _types() -> _Types:
    return load_document(Path(__file__).with_name("types.yaml"), _Types)


@cache
def statements() -> dict[str, Statement]:
    """The types read by where their facts stand."""
    return _types().statements


@cache
def described() -> dict[str, str]:
    """The types with a reader of their own, and what becomes of each, in words."""
    return _types().read


@cache
def counted() -> dict[str, str]:
    """The types that give no event, each with the reason."""
    return {kind: why for why, kinds in _types().counted.items() for kind in kinds}


@cache
def known_types() -> frozenset[str]:
    """Every resource type of FHIR R4."""
    return frozenset((*_types().statements, *_types().read, *counted()))


def read_statement_of(resource: Resource, rows: Rows) -> None:
    """The events of a resource whose type `types.yaml` describes."""
    form = statements()[resource.kind]
    body = resource.body
    status = word(_first(body, (form.status,))) or ""
    if status == "entered-in-error" or body.get("status") == "entered-in-error":
        raise RejectedError("entered in error")
    if form.referred:
        _refer(resource, rows, form)
        if not any(body.get(path) for path in form.subject):
            # A thing that is nobody's is only what others refer to.
            rows.refer(resource.kind)
            return
    subject = resource.subject_of(_subject(body, form.subject))
    when, happened = _times(resource, form)
    end = resource.first_moment(*_all(body, form.end))
    prefix = _prefix(form, status, body)
    for element, where in _elements(body, form.each):
        code, words = _code(element, form, resource, body)
        text = word(_first(element, form.text)) or word(_first(body, form.text)) or words
        rows.add(
            resource, subject, when, prefix + code, value=number(_first(element, form.value)), text=text,
            end=end.known if end else None, happened=happened, part=where,
        )  # fmt: skip
    if form.also:
        _ALSO[form.also](resource, rows, subject, when)


def _times(resource: Resource, form: Statement) -> tuple[Moment, Moment | None]:
    """When it was known, never before it happened unless it is only planned; and when it happened."""
    body = resource.body
    when = resource.first_moment(*_all(body, form.known)) or resource.updated()
    if when is None:
        raise RejectedError("no time")
    happened = resource.first_moment(*_all(body, form.happened))
    if happened and happened.start > when.known and not form.before and form.named != "GOAL":
        return happened, None
    return when, happened


def _prefix(form: Statement, status: str, body: dict[str, Any]) -> str:
    is_forbidden = form.forbids is not None and body.get(form.forbids) is True
    before = "NOT_DONE" if is_forbidden else form.statuses.get(status, form.before)
    return f"{before}//" if before else ""


def _code(
    element: dict[str, Any], form: Statement, resource: Resource, body: dict[str, Any]
) -> Named:
    start = f"{form.named}//" if form.named else ""
    for path in form.codes:
        for concept in _values(element, path.split(".")):
            found = _named(concept, form.preferred, resource.kind)
            if found:
                return start + found[0], found[1]
    if form.refers:
        return _referred(body.get(form.refers), start, resource)
    if form.otherwise is None:
        raise RejectedError("no code")
    return start + form.otherwise, None


def _named(concept: Any, preferred: Sequence[str], kind: str) -> Named | None:
    """A concept, or a Coding by itself."""
    if isinstance(concept, dict) and "code" in concept and "coding" not in concept:
        concept = {"coding": [concept]}
    return named(concept, preferred, kind)


def _referred(reference: Any, start: str, resource: Resource) -> Named:
    """The code of what is referred to, contained or elsewhere; else the words beside the reference."""
    reference = reference if isinstance(reference, dict) else {}
    target, words = word(reference.get("reference")) or "", word(reference.get("display"))
    if target.startswith("#"):
        for inner in resource.body.get("contained") or ():
            if inner.get("id") == target[1:]:
                found = named(inner.get("type") or inner.get("code"), ("SNOMED",), resource.kind)
                if found:
                    return start + found[0], found[1]
    elif target and not words:
        return start + reference_code(target), None
    if words:
        return f"{start}TEXT//{resource.kind}", words
    raise RejectedError("no code")


def reference_code(reference: str) -> str:
    """The code that stands for what is referred to, until ingestion puts that one's code in its place."""
    if reference.startswith("urn:"):
        return f"{REFERENCE_CODE}{reference}"
    parts = reference.split("/_history/", 1)[0].rstrip("/").split("/")
    return f"{REFERENCE_CODE}{'/'.join(parts[-2:])}"


def _refer(resource: Resource, rows: Rows, form: Statement) -> None:
    """Tell what a reference to this resource stands for."""
    code = next((c for path in form.codes for c in _values(resource.body, path.split("."))), None)
    found = named(code, form.preferred, resource.kind)
    if found and resource.source_id:
        rows.references.append((resource.source_id, *found))
    if found and resource.full_url and resource.full_url.startswith("urn:"):
        rows.references.append((resource.full_url, *found))


# -- events beside the first -------------------------------------------------------------------------------


def _activities(resource: Resource, rows: Rows, subject: str, when: Moment) -> None:
    """What a care plan asks for: planned, unless its own status says that it was done or not."""
    for place, activity in enumerate(resource.body.get("activity") or ()):
        detail = activity.get("detail")
        if not isinstance(detail, dict):
            continue
        found = named(detail.get("code"), ("SNOMED", "LOINC"), "CarePlan")
        if found is None or detail.get("status") == "entered-in-error":
            continue
        is_off = (
            detail.get("status") in ("cancelled", "stopped") or detail.get("doNotPerform") is True
        )
        prefix = "NOT_DONE//" if is_off else "PLANNED//"
        words = found[1] or word(detail.get("description"))
        where = f"activity[{place}].detail"
        rows.add(resource, subject, when, f"{prefix}CARE_PLAN//{found[0]}", text=words, part=where)


def _findings(resource: Resource, rows: Rows, subject: str, when: Moment) -> None:
    for place, finding in enumerate(resource.body.get("finding") or ()):
        found = named(finding.get("itemCodeableConcept"), ("SNOMED", "ICD10CM"), "finding")
        if found:
            code = f"CLINICAL_IMPRESSION//{found[0]}"
            rows.add(resource, subject, when, code, text=found[1], part=f"finding[{place}]")


def _targets(resource: Resource, rows: Rows, subject: str, when: Moment) -> None:
    """The measure of a goal with the value to reach, under ``GOAL``: never a value that was measured."""
    for place, target in enumerate(resource.body.get("target") or ()):
        found = named(target.get("measure"), ("LOINC", "SNOMED"), "target")
        if found is None:
            continue
        quantity = (
            target.get("detailQuantity") or (target.get("detailRange") or {}).get("high") or {}
        )
        due = resource.first_moment(target.get("dueDate"))
        rows.add(
            resource, subject, when, f"GOAL//{found[0]}", value=number(quantity.get("value")),
            unit=unit_of(quantity), text=found[1], end=due.known if due else None, part=f"target[{place}]",
        )  # fmt: skip


_ALSO: dict[str, Callable[[Resource, Rows, str, Moment], None]] = {
    "activities": _activities,
    "findings": _findings,
    "targets": _targets,
}


# -- paths -------------------------------------------------------------------------------------------------


def _elements(
    body: dict[str, Any], each: str | None
) -> Iterator[tuple[dict[str, Any], str | None]]:
    if each is None:
        yield body, None
        return
    elements = body.get(each)
    if not elements:
        raise RejectedError("no code")
    for place, element in enumerate(elements):
        yield element, f"{each}[{place}]"


def _values(element: Any, path: list[str]) -> Iterator[Any]:
    """What stands at a path; of lists, each element's."""
    if isinstance(element, list):
        for one in element:
            yield from _values(one, path)
    elif not path:
        if element is not None:
            yield element
    elif isinstance(element, dict):
        yield from _values(element.get(path[0]), path[1:])


def _all(body: dict[str, Any], paths: Sequence[str]) -> list[Any]:
    return [value for path in paths for value in _values(body, path.split("."))]


def _first(body: dict[str, Any], paths: Sequence[str]) -> Any:
    return next((v for path in paths for v in _values(body, path.split("."))), None)


def _subject(body: dict[str, Any], paths: Sequence[str]) -> Any:
    """The first reference to a patient; where there is none, the first reference."""
    told = _all(body, paths)
    patients = (r for r in told if isinstance(r, dict) and "Patient/" in str(r.get("reference")))
    return next(patients, told[0] if told else None)
