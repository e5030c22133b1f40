"""Whether a finding is known already: by the pairs of codelists that our scores, rules and phenotypes rest on."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.yaml import Document, load_document
from lifecourse.vocab.codelists import codelist

if TYPE_CHECKING:
    from lifecourse.insights.occurrences import FirstOccurrences
    from lifecourse.timeline.shard import CodeTable


class Known(Document):
    """That the second follows the first."""

    first: str
    then: str
    source: str


class _Knowledge(Document):
    known: list[Known]


@cache
def knowledge() -> tuple[Known, ...]:
    """All pairs that are known."""
    return tuple(load_document(Path(__file__).parent / "known.yaml", _Knowledge).known)


class Knowledge:
    """Which codelists each fact belongs to, in one timeline."""

    def __init__(self, occurrences: FirstOccurrences, codes: CodeTable) -> None:
        self._lists: dict[int, set[str]] = {}
        for name in {name for pair in knowledge() for name in (pair.first, pair.then)}:
            for code in codes.ids(codelist(name)):
                fact = int(occurrences.fact_of_code[code])
                if fact >= 0:
                    self._lists.setdefault(fact, set()).add(name)

    def source_of(self, first: int, then: int) -> str | None:
        """Where it is known from that `then` follows `first`; None where it is news."""
        before, after = self._lists.get(first, set()), self._lists.get(then, set())
        return next(
            (pair.source for pair in knowledge() if pair.first in before and pair.then in after),
            None,
        )
