"""Reasons in words, and what to order for what is missing; the words are in ``inputs.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import KnowledgeError
from lifecourse.base.yaml import Document, load_document
from lifecourse.care.rules.questions import Fact, Kind, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

SAID = {"at_least": "at least", "at_most": "at most", "above": "above", "below": "below"}


class Input(Document):
    """How an input is called and how to get it when it is missing."""

    title: str
    order: str


class _File(Document):
    inputs: dict[str, Input]
    scores: dict[str, str]


def needed(name: str) -> Input:
    """The title and the order of the input `name`; a plain one where ``inputs.yaml`` has none."""
    found = _file().inputs.get(name)
    if found is not None:
        return found
    title = title_of(name)
    return Input(title=title, order=f"Record or measure: {title}")


@cache
def title_of(name: str) -> str:
    """How a codelist, phenotype or score is called in the middle of a sentence."""
    found = _file().inputs.get(name)
    if found is not None:
        return found.title
    if name in _file().scores:
        return _file().scores[name]
    from lifecourse.vocab.codelists import describe, is_known

    if is_known(name):
        title = describe(name)["title"]
        return title if title[1:2].isupper() else title[:1].lower() + title[1:]
    return name.replace("_", " ")


def presence(question: Question, *, present: bool, said: str = "") -> str:
    """Whether something is on record."""
    if question.kind == Kind.SEX:
        return f"sex is {said}"
    if question.kind == Kind.SMOKING:
        return f"smoking status is {said}"
    if question.kind == Kind.GENE:
        return f"{question.name} makes them: {said}"
    title = title_of(question.name)
    if question.kind == Kind.DRUG:
        return f"{title} is being taken" if present else f"no {title} is being taken"
    within = f" in the last {span(question.within_days)}" if question.within_days else ""
    return f"{title} is on record{within}" if present else f"no {title} on record{within}"


def unended(question: Question) -> str:
    """That a drug was started long ago and no end is stated."""
    age = span(question.within_days)
    return f"{title_of(question.name)} was started more than {age} ago and no end is stated"


def comparison(question: Question, value: float, limits: Mapping[str, Any], *, holds: bool) -> str:
    """A number beside the limits it was held against."""
    bounds = " and ".join(
        f"{words} {shown(question, float(limits[name]))}"
        for name, words in SAID.items()
        if name in limits
    )
    relation = f" is{'' if holds else ' not'} {bounds}" if bounds else " is on record"
    if question.kind == Kind.AGE:
        return f"age {value:.0f}{relation}"
    if question.kind == Kind.SCORE:
        return f"{score_title(question)} {shown(question, value)}{relation}"
    take = "" if question.take == "last" else f"{question.take} "
    title = title_of(question.name)
    return f"{take}{title} {shown(question, value)}{relation}"


def shown(question: Question, value: float) -> str:
    """A value with its unit; risks in per cent."""
    if question.kind == Kind.AGE:
        return f"{value:.0f}"
    if question.kind == Kind.SCORE:
        return f"{value:.1%}".replace("%", " %") if question.years else f"{value:.3g}"
    if question.kind == Kind.DERIVED:
        return f"{value:.3g}"
    from lifecourse.vocab.units import quantities

    return f"{value:.4g} {quantities()[question.name].unit}"


def score_title(question: Question) -> str:
    """A score's name, with outcome and horizon where it is a risk."""
    title = title_of(question.name)
    if question.years is None:
        return title
    return f"{title} {question.years}-year risk of {title_of(question.outcome)}"


def score_words(question: Question, fact: Fact) -> str:
    """Why a score gives no number."""
    return f"{score_title(question)} does not apply ({fact.inapplicable})"


def span(days: int | None) -> str:
    """A number of days as a reader says it."""
    if days is None:
        return "record"
    years = days / 365.25
    if years >= 1 and abs(years - round(years)) < 0.01:
        return "year" if round(years) == 1 else f"{round(years)} years"
    return f"{days} days"


@cache
def _file() -> _File:
    return load_document(Path(__file__).with_name("inputs.yaml"), _File, error=KnowledgeError)
