"""The kernel with one mistake at a time, as plain Python, and the questions that must find each mistake out.

A mutant differs from the source in one comparison (`<` for `<=`, `==` for `!=`), one step (`+ 1` for nothing or two), or
one `min` for `max`. It is killed where an answer differs from the oracle's, where it ends with an error, or never ends.
"""

from __future__ import annotations

import ast
import copy
import inspect
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from timelines import CODES, DAY, Row, shard_of

from lifecourse.base.clock import from_microseconds
from lifecourse.schema.code import ANY_CODE, Codelist, codes
from lifecourse.schema.covariate import Covariate, Summary, ValueRange
from lifecourse.schema.window import (
    Anchor,
    Bound,
    Window,
    after,
    before,
    between_ages,
    between_dates,
    static,
)
from lifecourse.timeline import bisection, cells, everycode, firsts, kernel, oracle, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from lifecourse.timeline.shard import Shard

SECONDS = 2.0  # of the processor, so that a busy machine kills nobody

# Where a window's edge is decided, and every module that calls the function by its name.
PLACES: dict[tuple[ModuleType, str], tuple[ModuleType, ...]] = {
    (kernel, "window_bounds"): (kernel, everycode),
    (kernel, "_bound"): (kernel,),
    (kernel, "inclusive_range"): (kernel,),
    (bisection, "find_between"): (bisection,),
    (bisection, "first_at_or_after"): (bisection, cells, sweep),
    (sweep, "answer_rows"): (sweep,),
    (sweep, "_events_in_reach"): (sweep,),
    (sweep, "_belongs"): (sweep,),
    (sweep, "_first_at_or_after"): (sweep,),
    (sweep, "_summarise"): (sweep,),
    (sweep, "_days"): (sweep,),
    (sweep, "_active"): (sweep,),
    (sweep, "_change"): (sweep,),
    (cells, "fill_cells"): (everycode,),
    (cells, "_write_backward"): (cells,),
    (cells, "_nested_order"): (cells,),
    (cells, "_take_in"): (cells,),
    (cells, "_write"): (cells,),
    (firsts, "count_rows"): (firsts,),
}

EQUIVALENT = {
    "sweep._events_in_reach: latest + 1 -> latest + 2": "events in reach are bisected again: more of them change nothing",
    "cells.fill_cells: STATIC + 1 -> STATIC + 2": "no event is a microsecond after having no time",
    "sweep._change: STATIC + 1 -> STATIC + 2": "no event is a microsecond after having no time",
    "cells.fill_cells: lows[window, row] <= highs[window, row] -> lows[window, row] < highs[window, row]": "what goes "
    "forward starts before all time: it is never one moment",
    "cells._nested_order: lows[window, row] > lows[other, row] -> lows[window, row] >= lows[other, row]": "of equal "
    "windows either may come first",
    "cells._take_in: step > 0 -> step >= 0": "a step is 1 or -1",
}
"""Mutants that answer as the kernel does, and why."""

OTHER_COMPARISON = {
    ast.Lt: (ast.LtE,),
    ast.LtE: (ast.Lt,),
    ast.Gt: (ast.GtE,),
    ast.GtE: (ast.Gt,),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A function with one mistake: `before` is the expression of the source, `after` what stands there instead."""

    module: ModuleType
    name: str
    line: int
    before: str
    after: str
    function: Callable[..., Any]

    def __str__(self) -> str:
        where = self.module.__name__.rpartition(".")[2]
        return f"{where}.{self.name}: {self.before} -> {self.after}"


def mutants(module: ModuleType, name: str) -> list[Mutant]:
    """Every mutant of a function."""
    source = ast.parse(inspect.getsource(module))
    (definition,) = (
        node for node in source.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    definition.decorator_list = []
    sites = [node for node in ast.walk(definition) if isinstance(node, ast.expr)]
    found = []
    for number, site in enumerate(sites):
        for changed in _changed(site):
            mutated = copy.deepcopy(definition)
            target = [node for node in ast.walk(mutated) if isinstance(node, ast.expr)][number]
            before, after = ast.unparse(site), ast.unparse(changed)
            _put(target, changed)
            found.append(
                Mutant(
                    module=module,
                    name=name,
                    line=site.lineno,
                    before=before,
                    after=after,
                    function=_compiled(module, name, mutated),
                )
            )
    return found


def _changed(site: ast.expr) -> Iterator[ast.expr]:
    if isinstance(site, ast.Compare):
        for place, operator in enumerate(site.ops):
            for other in OTHER_COMPARISON.get(type(operator), ()):
                changed = copy.deepcopy(site)
                changed.ops[place] = other()
                yield changed
    if isinstance(site, ast.BinOp) and isinstance(site.op, ast.Add | ast.Sub):
        step = site.right
        if isinstance(step, ast.Constant) and step.value == 1:
            for value in (0, 2):
                changed_step = copy.deepcopy(site)
                changed_step.right = ast.Constant(value)
                yield changed_step
    if isinstance(site, ast.IfExp):
        yield ast.IfExp(test=site.test, body=site.orelse, orelse=site.body)
    if isinstance(site, ast.Call) and ast.unparse(site.func) in OTHER_CALL:
        changed_call = copy.deepcopy(site)
        changed_call.func = ast.parse(OTHER_CALL[ast.unparse(site.func)], mode="eval").body
        yield changed_call


OTHER_CALL = {"min": "max", "max": "min", "np.minimum": "np.maximum", "np.maximum": "np.minimum"}


def _put(target: ast.expr, changed: ast.expr) -> None:
    """Make the node `target` what `changed` is; both are of one kind."""
    for field in changed._fields:
        setattr(target, field, getattr(changed, field))


def _compiled(module: ModuleType, name: str, definition: ast.FunctionDef) -> Callable[..., Any]:
    tree = ast.Module(body=[definition], type_ignores=[])
    around = dict(vars(module))
    future = "from __future__ import annotations\n"
    exec(compile(future + ast.unparse(tree), f"<mutant of {name}>", "exec"), around)  # noqa: S102 -- our own kernel, changed in one place
    made: Callable[..., Any] = around[name]
    return made


@contextmanager
def plain_python(mutant: Mutant | None = None) -> Iterator[None]:
    """All kernels as plain Python, with the mistake of `mutant`."""
    saved: list[tuple[ModuleType, str, Any]] = []

    def put(module: ModuleType, name: str, value: Any) -> None:
        saved.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    put(everycode, "fill_cells", cells.fill_cells.function)
    put(sweep, "answer_rows", sweep.answer_rows.function)
    put(firsts, "count_rows", firsts.count_rows.function)
    put(bisection, "find_between", bisection.find_between.function)
    if mutant is not None:
        for module in PLACES[mutant.module, mutant.name]:
            put(module, mutant.name, mutant.function)
    try:
        yield
    finally:
        for module, name, value in reversed(saved):
            setattr(module, name, value)


def is_killed(mutant: Mutant) -> bool:
    """Whether some answer tells the mutant from the kernel."""

    def never_ends(*_: object) -> None:
        raise TimeoutError

    earlier = signal.signal(signal.SIGVTALRM, never_ends)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        with plain_python(mutant), np.errstate(all="ignore"):
            return any(not question.is_answered() for question in questions())
    except Exception:  # noqa: BLE001 -- any error is how a mutant is found out
        return True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, earlier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of the kernel and the oracle's answer."""

    ask: Callable[[], np.ndarray]
    answer: np.ndarray

    def is_answered(self) -> bool:
        """Whether the kernel, as it is now, says what the oracle says."""
        found = self.ask()
        return found.shape == self.answer.shape and bool(
            np.allclose(found, self.answer, rtol=1e-5, atol=1e-9, equal_nan=True)
        )


@cache
def questions() -> tuple[Question, ...]:
    """Timelines full of ties and of events on the very edges of windows; every window, summary and range."""
    random = np.random.default_rng(11)
    found: list[Question] = []
    for number in range(8):
        shard = _timeline(random, n_subjects=1 + number % 4)
        subjects = random.integers(-1, shard.n_subjects, 7)
        times = random.integers(-1, 6, 7) * DAY + random.integers(-1, 2, 7)
        found += _of_covariates(shard, subjects, times, random)
        found += _of_one_row(shard, subjects, times)
        found += _of_every_code(shard, subjects, times, random)
        found.append(_of_first_rows(shard, subjects, times))
        found += _of_own_windows(shard, subjects, random)
    return tuple(found)


def _timeline(random: np.random.Generator, n_subjects: int) -> Shard:
    def row() -> Row:
        day = int(random.integers(-2, 7)) * DAY + int(random.choice([-1, 0, 0, 0, 1]))
        value = [None, 0.0, 1.0, -2.5, 5.7, 6.5][int(random.integers(6))]
        end = [None, day, day + DAY, day + 3 * DAY, None][int(random.integers(5))]
        when = None if random.random() < 0.15 else day
        return when, str(random.choice(CODES)), value, end

    return shard_of(
        [[row() for _ in range(int(random.integers(4, 14)))] for _ in range(n_subjects)]
    )


def _windows() -> list[Window]:
    """Every kind of window; those of the calendar and of ages end on days on which events are."""
    ends = [(first, last) for first in (True, False) for last in (True, False)]
    year = 1 / 365.25
    return [
        before(),
        static(),
        after(),
        *(
            Window(
                start=Bound(offset=start * DAY),
                end=Bound(offset=end * DAY),
                start_inclusive=first,
                end_inclusive=last,
            )
            for start, end in ((-2, 0), (-3, -1), (0, 2), (-4, 1))
            for first, last in ends
        ),
        Window(start=Bound(offset=-(2**62)), end=Bound(offset=-DAY), start_inclusive=True),
        Window(start=Bound(offset=-(2**62)), end=Bound(offset=DAY), end_inclusive=False),
        Window(start=Bound(offset=-(2**62)), end=Bound(anchor=Anchor.CALENDAR, offset=2 * DAY)),
        between_ages(0, 2 * year),
        between_ages(year, 3 * year),
        between_dates(from_microseconds(DAY), from_microseconds(3 * DAY)),
    ]


def _lists() -> list[Codelist]:
    return [codes("a", "A"), codes("a or b", "A", "B"), ANY_CODE]


def _ranges() -> list[ValueRange | None]:
    return [
        None,
        ValueRange(),
        *(
            ValueRange(low=0.0, high=5.7, low_inclusive=low, high_inclusive=high)
            for low in (True, False)
            for high in (True, False)
        ),
        ValueRange(low=1.0),
        ValueRange(high=1.0, high_inclusive=False),
    ]


def _of_covariates(
    shard: Shard, subjects: np.ndarray, times: np.ndarray, random: np.random.Generator
) -> Iterator[Question]:
    lists, ranges = _lists(), _ranges()
    apart = random.spawn(1)[0]  # a summary that came later moves no question that stood before
    for window in _windows():
        asked = [
            Covariate(
                name=summary,
                codelist=lists[int(drawn.integers(len(lists)))],
                window=window,
                summary=summary,
                values=ranges[int(drawn.integers(len(ranges)))],
            )
            for summary in Summary
            for drawn in [apart if summary == Summary.CHANGE else random]
        ]

        def ask(asked: list[Covariate] = asked) -> np.ndarray:
            compiled = kernel.compile_covariates(asked, shard.codes)
            return kernel.evaluate(shard, compiled, subjects, times)

        slow = oracle.compile_covariates(asked, shard.codes)
        yield Question(ask=ask, answer=oracle.evaluate(shard, slow, subjects, times))


def _of_one_row(shard: Shard, subjects: np.ndarray, times: np.ndarray) -> Iterator[Question]:
    """One row and one covariate: nothing but its own window makes the kernel look far enough."""
    point = Window(start=Bound(), end=Bound(), start_inclusive=True)
    two_days = Window(start=Bound(offset=-2 * DAY), end=Bound())
    for window in (point, two_days, before()):
        for summary in (Summary.COUNT, Summary.ACTIVE, Summary.CHANGE):
            covariate = Covariate(name="one", codelist=ANY_CODE, window=window, summary=summary)
            slow = oracle.compile_covariates([covariate], shard.codes)
            for row in range(len(subjects)):
                one = slice(row, row + 1)

                def ask(covariate: Covariate = covariate, one: slice = one) -> np.ndarray:
                    compiled = kernel.compile_covariates([covariate], shard.codes)
                    return kernel.evaluate(shard, compiled, subjects[one], times[one])

                answer = oracle.evaluate(shard, slow, subjects[one], times[one])
                yield Question(ask=ask, answer=answer)


def _of_every_code(
    shard: Shard, subjects: np.ndarray, times: np.ndarray, random: np.random.Generator
) -> Iterator[Question]:
    summaries = [one for one in Summary if one not in everycode.NOT_OF_EVERY_CODE]
    kinds = _windows()
    for start in range(0, len(kinds), 3):
        windows = [*kinds[start : start + 3], kinds[int(random.integers(len(kinds)))]]
        chosen = list(random.permutation(summaries)[:4])

        def ask(windows: list[Window] = windows, chosen: list[Summary] = chosen) -> np.ndarray:
            found = everycode.evaluate_every_code(shard, windows, chosen, subjects, times)
            whole = np.full(found.shape, np.nan)
            rows = np.repeat(np.arange(found.shape[0]), np.diff(found.offsets))
            whole[rows, found.columns] = found.cells
            return whole

        answer = oracle.evaluate_every_code(shard, windows, chosen, subjects, times)
        yield Question(ask=ask, answer=answer)


def _of_first_rows(shard: Shard, subjects: np.ndarray, times: np.ndarray) -> Question:
    found = oracle.evaluate_every_code(shard, [before()], [Summary.EXISTS], subjects, times)
    return Question(
        ask=lambda: firsts.rows_with_code(shard, subjects, times),
        answer=np.nansum(found, axis=0).astype(np.int64),
    )


def _of_own_windows(
    shard: Shard, subjects: np.ndarray, random: np.random.Generator
) -> Iterator[Question]:
    """Each row with a window of its own, as tasks ask."""
    lows = random.integers(-2, 6, len(subjects)) * DAY + random.integers(-1, 2, len(subjects))
    highs = lows + random.integers(-1, 4, len(subjects)) * DAY
    inside = [
        [
            place
            for place in range(int(shard.offsets[subject]), int(shard.offsets[subject + 1]))
            if low <= shard.time[place] <= high
        ]
        if subject >= 0
        else []
        for subject, low, high in zip(subjects, lows, highs, strict=True)
    ]

    def ask() -> np.ndarray:
        starts, stops = kernel.places_between(shard, subjects, lows, highs)
        first = np.where(stops > starts, starts, -1)
        return np.stack([first, stops - starts])

    firsts_inside = [places[0] if places else -1 for places in inside]
    yield Question(ask=ask, answer=np.array([firsts_inside, [len(places) for places in inside]]))
