"""QuestionnaireResponse: every answer, however deep its question stands, is an event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.coding import coded, word
from lifecourse.records.fhir.rows import RejectedError
from lifecourse.records.fhir.values import value_of
from lifecourse.records.preferences import MEASUREMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.records.fhir.rows import Resource, Rows

Place = tuple[dict[str, Any], str]

LOINC_LINK = re.compile(r"(?:.*/)?(\d{1,7})-(\d)")
"""A linkId that is a LOINC code, or a path of them: ``/93025-5/71802-3``."""
DEEPEST = 60
PREFIXES = {"in-progress": "UNCONFIRMED//", "stopped": "UNCONFIRMED//"}


def read_response(resource: Resource, rows: Rows) -> None:
    """Each answer, known when the form was filled in; one that was not completed is unconfirmed."""
    status, body = resource.status, resource.body
    subject = resource.subject()
    when = resource.first_moment(body.get("authored")) or resource.updated()
    if when is None:
        raise RejectedError("no time")
    prefix = PREFIXES.get(status, "")
    form = word(body.get("questionnaire")) or "form"
    questions = _questions(body)
    before = len(rows.events)
    for item, where in _items(body.get("item"), "item", DEEPEST):
        code = _question(item, form, questions)
        for place, answer in enumerate(item.get("answer") or ()):
            said = _answer(answer, resource)
            if said is None:
                continue
            coding, value, unit, text = said
            rows.add(
                resource, subject, when, f"{prefix}{code}//{coding}" if coding else prefix + code,
                value=value, unit=unit, text=text, part=f"{where}.answer[{place}]",
            )  # fmt: skip
    if len(rows.events) == before:
        raise RejectedError("no answer")


def _items(items: Any, where: str, deepest: int) -> Iterator[Place]:
    """Every item with its place, groups and questions below answers too."""
    if not deepest:
        raise RejectedError("nested too deeply")
    for number, item in enumerate(items or ()):
        place = f"{where}[{number}]"
        yield item, place
        yield from _items(item.get("item"), f"{place}.item", deepest - 1)
        for which, answer in enumerate(item.get("answer") or ()):
            below = answer.get("item")
            if below:
                yield from _items(below, f"{place}.answer[{which}].item", deepest - 1)


def _questions(body: dict[str, Any]) -> dict[str, str]:
    """The codes of questions by linkId, where the response contains its questionnaire."""
    found = {}
    for inner in body.get("contained") or ():
        if inner.get("resourceType") == "Questionnaire":
            for item, _ in _items(inner.get("item"), "item", DEEPEST):
                code = coded({"coding": item.get("code")}, MEASUREMENTS)
                if code and item.get("linkId"):
                    found[str(item["linkId"])] = code[0]
    return found


def _question(item: dict[str, Any], form: str, questions: dict[str, str]) -> str:
    link = word(item.get("linkId")) or "?"
    if link in questions:
        return questions[link]
    loinc = LOINC_LINK.fullmatch(link)
    if loinc and is_loinc(*loinc.groups()):
        return f"LOINC//{loinc[1]}-{loinc[2]}"
    name = re.split(r"[/|#]", form.split("|", 1)[0].rstrip("/"))[-1] or "form"
    return f"QUESTION//{name}//{link.replace('//', '/')}"


def is_loinc(digits: str, check: str) -> bool:
    """Whether a LOINC code's check digit is right (modulus 10, double-add-double)."""
    odd = str(int(digits[::-1][::2]) * 2)
    total = sum(map(int, odd)) + sum(map(int, digits[::-1][1::2]))
    return (10 - total % 10) % 10 == int(check)


def _answer(
    answer: dict[str, Any], resource: Resource
) -> tuple[str | None, float | None, str | None, str | None] | None:
    """Code, number, unit and words of an answer; None where it says nothing."""
    coding = answer.get("valueCoding")
    if isinstance(coding, dict):
        found = coded({"coding": [coding]}, ())
        if found:
            return found[0], None, None, found[1]
        words = word(coding.get("display"))
        return (None, None, None, words) if words else None
    value, unit, text, _ = value_of(answer, resource)
    return None if value is None and text is None else (None, value, unit, text)
