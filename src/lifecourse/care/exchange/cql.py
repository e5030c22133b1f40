"""Rules as CQL, operator by operator: the same five answers from an engine that is not ours.

CQL's logic is Kleene's as ours is, so conditions become expressions of the same shape. What many records tell together
(scores, phenotypes, genes, smoking) an engine is handed as resources (`lifecourse.care.exchange.facts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.care.exchange.concepts import (
    CONCEPTS,
    as_substance,
    concepts_library,
    decimal,
    has_substances,
    literal,
)
from lifecourse.care.rules.questions import CLOSED_WORLD, Kind, Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lifecourse.care.rules.conditions import Condition, Limits
    from lifecourse.care.rules.definition import Rule

RECORD = "LifecourseRecord"
RECORD_VERSION = "1.0.0"
CONCEPTS_VERSION = "1.0.0"
AS_OF = '"As Of"'
NONE = "{} as List<String>"
SIGNS = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<"}
TAKEN = {"last": "Last", "mean": "Avg", "highest": "Max", "lowest": "Min"}
WANTED = ("Answer", "Excluded By", "Missing")
"""Expressions of a rule's library that say what the rule answers."""


def shared_libraries(rules: Iterable[Rule]) -> dict[str, str]:
    """The CQL libraries that the libraries of `rules` include, by name."""
    questions = [question for rule in rules for question in rule.questions]
    named = [
        q.name for q in questions if q.kind in (Kind.CONDITION, Kind.EVENT, Kind.DRUG, Kind.LAB)
    ]
    measured = [q.name for q in questions if q.kind == Kind.LAB]
    record = (Path(__file__).parent / f"{RECORD}.cql").read_text(encoding="utf-8")
    return {RECORD: record, CONCEPTS: concepts_library(named, measured, CONCEPTS_VERSION)}


def library_of(rule: Rule) -> str:
    """The CQL library of `rule`, which defines `WANTED` and each of its parts.

    ``Answer`` is one of ``fires``, ``not_applicable``, ``excluded``, ``already_done`` and ``missing_data``.
    """
    writer = _Writer(rule)
    applies = writer.define("Applies", rule.applies)
    excluded = {
        name: writer.define(f"Excluded: {name}", condition)
        for name, condition in rule.exclude.items()
    }
    done = writer.define("Already Done", rule.already_done) if rule.already_done else None
    writer.answer(applies, excluded, done)
    head = [
        f"// {rule.title}",
        f"// {rule.evidence[0].citation}; {rule.grade.words}. Review by {rule.review_by}.",
        f"library {rule.name} version {literal(rule.version)}",
        "using FHIR version '4.0.1'",
        f"include {RECORD} version '{RECORD_VERSION}' called Record",
        f"include {CONCEPTS} version '{CONCEPTS_VERSION}' called Concepts",
        f"parameter {AS_OF} System.DateTime",
        "context Patient",
    ]
    return "\n".join(head) + "\n\n" + "\n\n".join(writer.lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """References to a condition's truth, to what is missing of it, and to whether a score barred it; None: never."""

    truth: str
    missing: str | None
    barred: str | None


class _Writer:
    """The definitions of one rule, each written once."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.lines: list[str] = []
        self.written: set[str] = set()
        for question in rule.questions:
            self.fact(question)

    def add(self, name: str, expression: str) -> str:
        """Write a definition unless it is there; gives the reference to it."""
        if name not in self.written:
            self.written.add(name)
            self.lines.append(f'define "{name}":\n  {expression}')
        return f'"{name}"'

    def define(self, name: str, condition: Condition) -> _Node:
        """The truth of `condition` under `name`, what is missing of it, and whether a score barred it."""
        if condition.points is not None:
            return self._points(name, condition)
        if condition.question is not None:
            return self._leaf(name, condition, condition.question)
        parts = [self.define(f"{name} {n}", part) for n, part in enumerate(condition.parts, 1)]
        truths = [part.truth for part in parts]
        if condition.negation is not None:
            return self._node(name, f"not {truths[0]}", parts, None)
        if condition.any is not None:
            barred = " or ".join(part.barred for part in parts if part.barred) or None
            return self._node(name, "\n  or ".join(truths), parts, barred)
        return self._node(name, "\n  and ".join(truths), parts, _first_barred(parts))

    def _node(self, name: str, truth: str, parts: list[_Node], barred: str | None) -> _Node:
        written = self.add(name, truth)
        lists = [part.missing for part in parts if part.missing]
        missing = f"if {written} is null then flatten {{ {', '.join(lists)} }} else {NONE}"
        return _Node(
            truth=written,
            missing=self.add(f"{name}, missing", missing) if lists else None,
            barred=self.add(f"{name}, barred", barred) if barred else None,
        )

    def _leaf(self, name: str, condition: Condition, question: Question) -> _Node:
        written = self.add(name, _truth(condition, question))
        missing = f"if {written} is null then {{ {literal(question.key)} }} else {NONE}"
        is_certain = question.kind in CLOSED_WORLD and question.kind != Kind.DRUG
        return _Node(
            truth=written,
            missing=None if is_certain else self.add(f"{name}, missing", missing),
            barred=_inapplicable(question) if question.kind == Kind.SCORE else None,
        )

    def _points(self, name: str, condition: Condition) -> _Node:
        """Between the points that are certain and those still possible."""
        wanted = condition.points
        assert wanted is not None  # noqa: S101 -- asked by the caller
        items = self.rule.points[wanted.name]
        nodes = [self.define(f"{wanted.name} {n}", item.when) for n, item in enumerate(items, 1)]
        adds = [(node.truth, item.add) for node, item in zip(nodes, items, strict=True)]
        lowest = self.add(f"{wanted.name}, at least", _sum(adds, min))
        highest = self.add(f"{wanted.name}, at most", _sum(adds, max))
        low, high = _limits(wanted, lowest), _limits(wanted, highest)
        truth = f"if ({low}) = ({high}) then ({low}) else null as System.Boolean"
        return self._node(name, truth, nodes, None)

    def fact(self, question: Question) -> str:
        """The definition of what `question` asks."""
        return self.add(_fact_name(question), _fact(question))

    def answer(self, applies: _Node, excluded: dict[str, _Node], done: _Node | None) -> None:
        """The five answers, in the order in which they are given."""
        by = " ".join(
            f"when {each.truth} is true then {literal(name)}" for name, each in excluded.items()
        )
        self.add("Excluded By", f"case {by} else null end" if by else "null as System.String")
        asked = [applies, *([done] if done else [])]
        asked += [
            each for name, each in excluded.items() if self.rule.exclude[name].unknown == "missing"
        ]
        lists = [each.missing for each in asked if each.missing]
        lists += [self._needed(name) for name in self.rule.needs]
        self.add("Missing", f"distinct flatten {{ {', '.join(lists)} }}" if lists else NONE)
        but = f" and not ({applies.barred})" if applies.barred else ""
        lines = [
            f"when {applies.truth} is false{but} then 'not_applicable'",
            "when \"Excluded By\" is not null then 'excluded'",
            *([f"when {applies.truth} is false then 'not_applicable'"] if but else []),
            *([f"when {done.truth} is true then 'already_done'"] if done else []),
            "when exists \"Missing\" then 'missing_data'",
        ]
        self.add("Answer", "case\n    " + "\n    ".join(lines) + "\n    else 'fires'\n  end")
        self.add("Fires", "\"Answer\" = 'fires'")

    def _needed(self, name: str) -> str:
        question = self.rule.questions_by_key[name]
        value = f'"{_fact_name(question)}"'
        is_open = f"{value} is null"
        if question.kind == Kind.SCORE:
            is_open += f" and not {_inapplicable(question)}"
        return f"(if {is_open} then {{ {literal(name)} }} else {NONE})"


def _first_barred(parts: list[_Node]) -> str | None:
    """Whether the first part that does not hold was barred: one no is enough, and a reader is told that one."""
    if not any(part.barred for part in parts):
        return None
    said = " ".join(f"when {part.truth} is false then {part.barred or 'false'}" for part in parts)
    return f"case {said} else false end"


def _sum(adds: list[tuple[str, float]], bound: Callable[[float, float], float]) -> str:
    terms = [
        f"(case when {truth} is true then {decimal(add)}\n"
        f"    when {truth} is null then {decimal(bound(add, 0.0))} else 0.0 end)"
        for truth, add in adds
    ]
    return "\n  + ".join(terms)


def _limits(limits: Limits, value: str) -> str:
    said = [f"{value} {SIGNS[name]} {decimal(bound)}" for name, bound in limits.stated.items()]
    return " and ".join(said) or f"(if {value} is null then null as System.Boolean else true)"


def _truth(condition: Condition, question: Question) -> str:
    value = f'"{_fact_name(question)}"'
    if question.kind in CLOSED_WORLD:
        return value
    if question.kind in (Kind.SEX, Kind.SMOKING):
        return f"{value} = {literal(str(condition.sex or condition.smoking))}"
    if condition.gene is not None:
        wanted = ", ".join(literal(each) for each in condition.gene.phenotype)
        untested = "false" if condition.gene.untested == "no" else "null"
        some = f"(Split({value}, ' or ')) P"
        holds = f"exists ((Split(P, '; ')) A where A in {{{wanted}}})"
        return (
            f"case when {value} is null then {untested}\n"
            f"    when not exists ({some} where not {holds}) then true\n"
            f"    when not exists ({some} where {holds}) then false\n"
            "    else null end"
        )
    limits = condition.age or condition.lab or condition.score or condition.derived
    assert limits is not None  # noqa: S101 -- the kinds without limits were handled before
    held = _limits(limits, value)
    if question.kind == Kind.SCORE:
        return f"case when {_inapplicable(question)} then false else {held} end"
    return held


def _fact_name(question: Question) -> str:
    details = [
        f"{question.within_days} days" if question.within_days else "",
        "ongoing" if question.ongoing else "",
    ]
    said = ", ".join(part for part in (question.key, *details) if part)
    return f"Fact: {said}"


def _inapplicable(question: Question) -> str:
    return f'Record."Does Not Apply"({literal(question.key)})'


def _fact(question: Question) -> str:
    return _WRITTEN[question.kind](question)


def _age(_: Question) -> str:
    return f'Record."Age At"({AS_OF})'


def _sex(_: Question) -> str:
    return 'Record."Sex"'


def _smoking(_: Question) -> str:
    return "Record.\"Said\"('urn:lifecourse:fact', 'smoking')"


def _gene(question: Question) -> str:
    return f"Record.\"Said\"('urn:lifecourse:gene', {literal(question.name)})"


def _derived(question: Question) -> str:
    return f"Record.\"Derived\"('urn:lifecourse:fact', {literal(question.name)})"


def _phenotype(question: Question) -> str:
    return f'Record."Has Phenotype"({literal(question.name)})'


def _score(question: Question) -> str:
    if question.years is not None:
        return f'Record."Risk"({literal(question.key)})'
    return f"Record.\"Derived\"('urn:lifecourse:score', {literal(question.key)})"


def _recorded(question: Question) -> str:
    """Whether a fact of the codelist is known, and still lasts where that is asked."""
    since = "" if question.within_days is None else f" and F.known > {_ago(question.within_days)}"
    lasts = ""
    if question.ongoing:
        lasts = f" and (F.ends > {AS_OF} or (F.ends is null{since}))"
        since = ""
    found = (
        f'exists (Record."Facts" F where Concepts."{question.name}"(F.codings)\n'
        f"    and F.known <= {AS_OF}{since}{lasts})"
    )
    if not has_substances(question.name):
        return found
    substance = as_substance(question.name)
    return (
        f'{found}\n  or exists (Record."Allergies" A where (Concepts."{substance}"(A.codings)'
        f' or Concepts."{question.name}"(A.codings))\n    and A.known <= {AS_OF})'
    )


def _drug(question: Question) -> str:
    """Taken; not known where all there is is an older start without an end."""
    assert question.within_days is not None  # noqa: S101 -- drugs always have a span
    started = f'Concepts."{question.name}"(M.codings) and M.known <= {AS_OF}'
    return (
        "case\n"
        f'    when exists (Record."Medicines" M where {started}\n'
        f"      and (M.ends > {AS_OF}\n"
        f"        or (M.ends is null and M.known > {_ago(question.within_days)}))) then true\n"
        f'    when exists (Record."Medicines" M where {started} and M.ends is null) then null\n'
        "    else false\n  end"
    )


def _lab(question: Question) -> str:
    assert question.within_days is not None  # noqa: S101 -- measurements always have a span
    inside = (
        f'(Record."Measurements" M where Concepts."{question.name}"(M.codings)\n'
        f"    and M.known <= {AS_OF} and M.known > {_ago(question.within_days)}\n"
        f'    and Concepts."{question.name} amount"(M.amount, M.unit) is not null'
    )
    value = f'Concepts."{question.name} amount"(M.amount, M.unit)'
    if question.take == "last":
        pairs = f"return all Tuple {{ known: M.known, amount: {value} }} sort by known"
        taken = f"Last({inside}\n    {pairs})).amount"
    else:
        taken = f"{TAKEN[question.take]}({inside}\n    return all {value}))"
    if question.times == 1:
        return taken
    return f"if Count({inside})) >= {question.times} then {taken} else null"


def _ago(days: int) -> str:
    return f"{AS_OF} - {days} days"


_WRITTEN = {
    Kind.AGE: _age,
    Kind.SEX: _sex,
    Kind.SMOKING: _smoking,
    Kind.GENE: _gene,
    Kind.DERIVED: _derived,
    Kind.PHENOTYPE: _phenotype,
    Kind.SCORE: _score,
    Kind.CONDITION: _recorded,
    Kind.EVENT: _recorded,
    Kind.DRUG: _drug,
    Kind.LAB: _lab,
}
