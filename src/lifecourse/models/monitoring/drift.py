"""Has something moved: how far, and whether by more than chance.

An alarm needs both. How far is the population stability index for values (0.2 or more is held to be a change; Siddiqi
2006, Credit Risk Scorecards) and the ratio of shares for codes; chance is a chi-square test of two samples, divided by
the number of things looked at.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2_contingency

from lifecourse.models.monitoring.snapshot import RISK

MOVED = 0.2
TIMES = 1.5
CHANCE = 0.01
"""That anything at all raises an alarm although nothing has changed."""
OTHER_UNIT = 1.8
FEWEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How one thing has moved.

    what : a column, a code's column or ``risk``
    kind : ``values``, ``coverage`` (how many have one) or ``share`` (of people with a code)
    then, now : medians of values, shares of the others
    stability : the population stability index
    chance : the p-value, before it is divided
    """

    what: str
    kind: str
    then: float | None
    now: float | None
    stability: float
    chance: float
    alarm: bool
    said: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def shifts(then: dict[str, Any], now: dict[str, Any]) -> list[Shift]:
    """Every column and code of two snapshots with the same bins, the farthest moved first; alarms before others."""
    looked_at = 2 * len(then["columns"]) + len(then["codes"])
    level = CHANCE / max(looked_at, 1)
    found = []
    for name, was in then["columns"].items():
        found += _of_column(name, was, now["columns"][name], level)
    for code, count in then["codes"].items():
        was_now = (count, then["people"]), (now["codes"][code], now["people"])
        found.append(_of_share(code, "share", *was_now, level))
    return sorted(found, key=lambda shift: (not shift.alarm, -shift.stability))


def _of_column(name: str, was: dict[str, Any], is_: dict[str, Any], level: float) -> list[Shift]:
    having = [(sum(one["counts"]), sum(one["counts"]) + one["missing"]) for one in (was, is_)]
    coverage = _of_share(name, "coverage", having[0], having[1], level)
    if min(having[0][0], having[1][0]) < FEWEST:
        return [coverage]
    stability = population_stability(was["counts"], is_["counts"])
    chance = _chance([was["counts"], is_["counts"]])
    alarm = bool(stability >= MOVED and chance < level)
    values = Shift(
        what=name,
        kind="values",
        then=was["median"],
        now=is_["median"],
        stability=stability,
        chance=chance,
        alarm=alarm,
        said=_said_of_values(name, was["median"], is_["median"]) if alarm else "",
    )
    return [values, coverage]


def _said_of_values(name: str, then: float, now: float) -> str:
    subject = "the risks" if name == RISK else f"'{name}'"
    said = f"{subject}: the median was {then:.4g} and is {now:.4g}"
    ratio = now / then if then else 1.0
    if name != RISK and ratio > 0 and not 1 / OTHER_UNIT < ratio < OTHER_UNIT:
        return f"{said}, {ratio:.3g} times as much: look whether its unit has changed."
    return f"{said}: look what has changed in who comes or in how it is measured."


def _of_share(
    name: str, kind: str, was: tuple[int, int], is_: tuple[int, int], level: float
) -> Shift:
    (had, of), (has, now_of) = was, is_
    then, now = had / max(of, 1), has / max(now_of, 1)
    table = [[had, of - had], [has, now_of - has]]
    chance = _chance(table)
    rarer_then, rarer_now = min(then, 1 - then), min(now, 1 - now)
    times = max((then + 1e-9) / (now + 1e-9), (now + 1e-9) / (then + 1e-9))
    rarer = max((rarer_then + 1e-9) / (rarer_now + 1e-9), (rarer_now + 1e-9) / (rarer_then + 1e-9))
    moved = times >= TIMES if kind == "share" else rarer >= TIMES and abs(then - now) >= 0.1
    alarm = bool(moved and chance < level and min(of, now_of) >= FEWEST)
    return Shift(
        what=name,
        kind=kind,
        then=then,
        now=now,
        stability=population_stability(*table),
        chance=chance,
        alarm=alarm,
        said=_said_of_shares(name, kind, then, now) if alarm else "",
    )


def _said_of_shares(name: str, kind: str, then: float, now: float) -> str:
    said = f"'{name}': {then:.1%} of people had one, and {now:.1%} have one"
    if kind == "coverage" and now < then:
        return f"{said}: look whether its source, code or unit has changed (values that cannot be are left out)."
    return f"{said}."


def population_stability(expected: list[int], actual: list[int]) -> float:
    """Sum over bins of (a - e) ln(a / e), shares with half a person added to every bin."""
    e = (np.asarray(expected) + 0.5) / (np.sum(expected) + 0.5 * len(expected))
    a = (np.asarray(actual) + 0.5) / (np.sum(actual) + 0.5 * len(actual))
    return float(((a - e) * np.log(a / e)).sum())


def _chance(table: list[list[int]]) -> float:
    counts = np.asarray(table)
    used = counts[:, counts.sum(axis=0) > 0]
    if used.shape[1] < 2 or (used.sum(axis=1) == 0).any():
        return 1.0
    return float(chi2_contingency(used, correction=used.shape[1] == 2).pvalue)
