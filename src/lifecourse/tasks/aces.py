"""What an ACES task is: predicates, a trigger and a tree of windows around it.

The semantics are those of ACES 0.7 (Xu et al. 2024, arXiv:2406.19653): predicates are counted per
event, derived ones per moment; a window's root end refers to the trigger or to another window and
its other end to the root; a window whose bounding event does not exist drops the row, and so does
an unmet `has`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lifecourse.base.errors import TaskError

if TYPE_CHECKING:
    from lifecourse.schema.code import Codelist
    from lifecourse.schema.covariate import ValueRange

ANY_EVENT, RECORD_START, RECORD_END = "_ANY_EVENT", "_RECORD_START", "_RECORD_END"
SPECIAL = (ANY_EVENT, RECORD_START, RECORD_END)
"""Predicates that need no definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPredicate:
    """Events of a codelist, perhaps within a range of values."""

    codelist: Codelist
    values: ValueRange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedPredicate:
    """Moments at which all (`every`) or any of the inputs hold; every moment where all of none have to."""

    every: bool
    inputs: tuple[str, ...]

    @property
    def always(self) -> bool:
        """Whether it holds at every moment of a record."""
        return self.every and not self.inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One end of a window, seen from `reference`: so much later, or the next (previous) event."""

    reference: str
    offset: int = 0
    event: str | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AcesWindow:
    """A window between two edges, one of which refers to the other."""

    name: str
    start: Edge
    end: Edge
    start_inclusive: bool
    end_inclusive: bool
    has: dict[str, tuple[int | None, int | None]]
    label: str | None
    index_timestamp: str | None

    @property
    def root_is_end(self) -> bool:
        """Whether the start is counted from the end, rather than the end from the start."""
        return self.start.reference == "end"

    @property
    def root(self) -> Edge:
        """The edge that refers out of the window."""
        return self.end if self.root_is_end else self.start

    @property
    def names(self) -> set[str]:
        """The predicates the window needs."""
        edges = {edge.event for edge in (self.start, self.end) if edge.event is not None}
        return {*edges, *self.has, *([self.label] if self.label else [])}


@dataclass(frozen=True, kw_only=True)
class AcesTask:
    """A task of ACES; `missing` predicates are needed and not filled, so it cannot be run yet."""

    name: str
    title: str = ""
    description: str = ""
    predicates: dict[str, PlainPredicate | DerivedPredicate]
    demographics: dict[str, PlainPredicate] = field(default_factory=dict)
    trigger: str
    windows: tuple[AcesWindow, ...]
    missing: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """The predicates that the trigger and the windows name."""
        return {self.trigger, *(name for window in self.windows for name in window.names)}

    @property
    def needs_values(self) -> bool:
        """Whether any predicate looks at numbers, not at codes and times alone."""
        plain = [*self.predicates.values(), *self.demographics.values()]
        return any(isinstance(one, PlainPredicate) and one.values is not None for one in plain)

    @property
    def needs_moments(self) -> bool:
        """Whether people count of whom no event has a named code: they, or moments of any code, are asked about."""
        if self.trigger in (RECORD_START, RECORD_END):
            return True
        return any(name == ANY_EVENT or self.always(name) for name in self.names)

    def always(self, name: str) -> bool:
        """Whether the predicate holds at every moment of a record."""
        predicate = self.predicates.get(name)
        return isinstance(predicate, DerivedPredicate) and predicate.always

    @property
    def causes(self) -> None:
        """The answer is yes or no."""
        return None

    @property
    def horizon_days(self) -> None:
        """Not one number: ACES windows may end at events."""
        return None

    @property
    def label_window(self) -> AcesWindow | None:
        """The window that gives the label."""
        return next((window for window in self.windows if window.label), None)

    @property
    def index_window(self) -> AcesWindow | None:
        """The window that gives the prediction time."""
        return next((window for window in self.windows if window.index_timestamp), None)


def in_order(windows: tuple[AcesWindow, ...], where: str) -> list[AcesWindow]:
    """The windows, each after the one it refers to.

    Raises
    ------
    TaskError
        Windows refer to each other in a circle.
    """
    done: list[AcesWindow] = []
    waiting = list(windows)
    while waiting:
        known = {"trigger", *(w.name for w in done)}
        ready = [w for w in waiting if w.root.reference.partition(".")[0] in known]
        if not ready:
            names = ", ".join(w.name for w in waiting)
            raise TaskError(f"{where}: these windows refer to each other in a circle: {names}.")
        done += ready
        waiting = [w for w in waiting if w not in ready]
    return done
