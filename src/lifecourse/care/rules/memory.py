"""What rules decided before, so that people of whom the same facts decide share the decision.

A rule reads facts one after the other, and which it reads next follows from those it has read. So its decisions are the
leaves of a tree whose branches are facts: a person is led down it by their facts, and only where nobody went before
does `decide` think. It holds answers, not whose they are, and ends with the process; threads may share it.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from lifecourse.care.rules.evaluate import Decision, decide
from lifecourse.care.rules.gathering import is_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.questions import Fact, Question


class _Branch:
    """The question that is read next, by its place, and where each fact, by its number, leads."""

    __slots__ = ("place", "ways")

    def __init__(self, place: int, ways: dict[int, _Branch | Decision]) -> None:
        self.place, self.ways = place, ways


MOST_LEARNED = 60_000
"""Decisions of one memory, of 1 or 2 kB each. Most rest on ages and yes or no; those on measurements fill it slowly."""

_recent: list[Memory] = []


def memory_of(questions: tuple[Question, ...]) -> Memory:
    """The memory that this process has of `questions`; a new one where it has none, or a full one."""
    if not _recent or _recent[0].questions is not questions or _recent[0].is_full:
        # Whoever still reads a full one keeps it.
        _recent[:] = [Memory(questions)]
    return _recent[0]


class Memory:
    """Decisions on answers to `questions`; facts are known by number (`number`)."""

    def __init__(self, questions: tuple[Question, ...]) -> None:
        self.questions = questions
        self._learning = Lock()
        self._learned_so_far = 0
        self.place_of = {question: place for place, question in enumerate(questions)}
        self._roots: dict[int, tuple[Rule, _Branch | Decision]] = {}
        self._numbers: dict[tuple[Fact, type], int] = {}
        self._facts: list[Fact] = []
        self._about: dict[str, tuple[int, ...]] = {}

    @property
    def is_full(self) -> bool:
        """Whether it has learned as much as it should hold."""
        return self._learned_so_far >= MOST_LEARNED

    def number(self, fact: Fact) -> int:
        """The number of `fact`; equal facts have one."""
        # 1.0 and True are equal, and are said in other words.
        key = (fact, fact.value.__class__)
        found = self._numbers.get(key)
        return self._new_number(key) if found is None else found

    def _new_number(self, key: tuple[Fact, type]) -> int:
        with self._learning:
            found = self._numbers.get(key)
            if found is None:
                found = len(self._facts)
                self._facts.append(key[0])
                self._numbers[key] = found
            return found

    def fact(self, number: int) -> Fact:
        """The fact that has this number."""
        return self._facts[number]

    def about(self, ingredient: str) -> tuple[int, ...]:
        """Places of the questions that ask for a drug which `ingredient` is."""
        found = self._about.get(ingredient)
        if found is None:
            asked = self.place_of.items()
            found = tuple(place for question, place in asked if is_about(question, ingredient))
            self._about[ingredient] = found
        return found

    def decide(self, rule: Rule, numbers: Sequence[int]) -> Decision:
        """As `decide`, of someone whose answer to each question has the number at its place."""
        kept = self._roots.get(id(rule))
        node = None if kept is None else kept[1]
        while isinstance(node, _Branch):
            node = node.ways.get(numbers[node.place])
        return self._learned(rule, numbers) if node is None else node

    def _learned(self, rule: Rule, numbers: Sequence[int]) -> Decision:
        reading = _Reading(self, numbers)
        decision = decide(rule, reading)
        with self._learning:
            self._keep(rule, numbers, reading.read, decision)
        return decision

    def _keep(
        self, rule: Rule, numbers: Sequence[int], read: Sequence[int], decision: Decision
    ) -> None:
        self._learned_so_far += 1
        kept = self._roots.get(id(rule))
        if kept is None:
            self._roots[id(rule)] = (rule, _path(read, numbers, decision))
            return
        node = kept[1]
        for depth, place in enumerate(read, start=1):
            # Everyone is led the same way up to here: a rule reads on by what it has read alone.
            assert isinstance(node, _Branch)  # noqa: S101 -- a leaf would have answered
            if numbers[place] not in node.ways:
                node.ways[numbers[place]] = _path(read[depth:], numbers, decision)
                break
            node = node.ways[numbers[place]]


def _path(places: Sequence[int], numbers: Sequence[int], end: Decision) -> _Branch | Decision:
    """The branches, one below the other, that lead by the facts at `places` to `end`."""
    node: _Branch | Decision = end
    for place in reversed(places):
        node = _Branch(place, {numbers[place]: node})
    return node


class _Reading:
    """Facts, and the places of those that were read, each once."""

    def __init__(self, memory: Memory, numbers: Sequence[int]) -> None:
        self._memory, self._numbers = memory, numbers
        self.read: list[int] = []
        self._known: set[int] = set()

    def __getitem__(self, question: Question) -> Fact:
        place = self._memory.place_of[question]
        if place not in self._known:
            self._known.add(place)
            self.read.append(place)
        return self._memory.fact(self._numbers[place])
