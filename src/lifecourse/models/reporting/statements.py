"""What only a model's authors can say (funding, intended use, ...), from a file of theirs, marked as theirs.

A statement fills what the card cannot know. What the card tells was measured, and is never overridden.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from lifecourse.base.errors import ModelError
from lifecourse.base.yaml import Document, load_document
from lifecourse.models.reporting.chai import schema
from lifecourse.models.reporting.checklists import checklist
from lifecourse.models.reporting.signals import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.models.reporting.chai import Group

PARTS = ("Development", "Evaluation")


def _of_tripod(item: str) -> str:
    items = {one.item: one for section in checklist("tripod_ai").sections for one in section.items}
    return _open(item, items, {name for name, one in items.items() if one.authors})


def _of_probast(item: str) -> str:
    found = checklist("probast_ai").parts
    items = {one.item for part in found for one in part.analysis} | {
        one.item for section in found[0].domains for one in section.items
    }
    return _open(item, items, items)


def _of_chai(element: str) -> str:
    every = dict(_elements(schema().groups))
    return _open(element, every, {name for name, is_open in every.items() if is_open})


def _elements(groups: list[Group]) -> Iterator[tuple[str, bool]]:
    for group in groups:
        yield from _elements(group.groups)
        yield from ((one.name, not one.facts) for one in group.elements)


def _open(name: str, every: Any, open_: set[str]) -> str:
    if name not in every:
        raise ValueError(
            f"there is no item '{name}'; authors may state: {', '.join(sorted(open_))}"
        )
    if name not in open_:
        raise ValueError(f"'{name}' is told by the card, from what was measured; leave it out")
    return name


Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=4000)]
TripodItem = Annotated[str, BeforeValidator(str), AfterValidator(_of_tripod)]
ProbastItem = Annotated[str, BeforeValidator(str), AfterValidator(_of_probast)]
ChaiElement = Annotated[str, AfterValidator(_of_chai)]


class Answer(Document):
    """An answer to a signalling question, and why."""

    answer: Literal["yes", "probably yes", "probably no", "no", "not applicable"]
    why: Words


class Questions(Document):
    """Answers to PROBAST+AI's questions, by part."""

    development: dict[ProbastItem, Answer] = Field(default_factory=dict)
    evaluation: dict[ProbastItem, Answer] = Field(default_factory=dict)


class Statements(Document):
    """What authors state.

    stated_by : who does; dated : when
    tripod_ai : by item, ``18a``; probast_ai : by part and item; chai : by element, ``FundingSource``
    """

    stated_by: Words
    dated: date
    tripod_ai: dict[TripodItem, Words] = Field(default_factory=dict)
    probast_ai: Questions = Field(default_factory=Questions)
    chai: dict[ChaiElement, Words] = Field(default_factory=dict)


def load_statements(path: Path) -> Statements:
    """The statements in a YAML file.

    Raises
    ------
    ModelError
        There is none, or it does not fit: the message names file, line and item. An item that the card tells by
        itself, or that no checklist has, is refused.
    """
    return load_document(path, Statements, error=ModelError)


def with_statements(card: dict[str, Any], statements: Statements) -> dict[str, Any]:
    """The card with what its authors state, in place of what they stated before; all else is as it was.

    Raises
    ------
    ModelError
        A question of PROBAST+AI is stated that this card answers from what was measured.
    """
    found = checklist("probast_ai")
    for part in found.parts:
        stated = getattr(statements.probast_ai, part.part.lower())
        rules = {
            one.item: one.rule
            for items in [*(section.items for section in part.domains), part.analysis]
            for one in items
        }
        for item in stated:
            if item not in rules:
                raise ModelError(f"PROBAST+AI has no question {item} on {part.part.lower()}.")
            rule = rules[item]
            if rule is not None and RULES[rule](card) is not None:
                raise ModelError(
                    f"PROBAST+AI, {part.part.lower()} {item}: the card answers it from what was measured. "
                    "Leave it out of the statements."
                )
    return {**card, "statements": statements.model_dump(mode="json")}
