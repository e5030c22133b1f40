"""The order of facts: by person, time, what they are, and value."""

from __future__ import annotations

import numpy as np
import polars as pl

NOTHING = np.iinfo(np.int64).min
"""A time that is not told."""
US_PER_SECOND = 1_000_000


def in_order(
    person: np.ndarray, time: np.ndarray, place: np.ndarray, value: np.ndarray
) -> np.ndarray:
    """int64[n], the rows by person, time (`NOTHING` first), place and value (NaN first); rows alike stay as they are.

    Sorting one number is several times faster than sorting four columns, and nearly all rows differ in person, second
    and place, which fit into one.

    Parameters
    ----------
    person, time, place : int64[n]; time in microseconds, place 0 or more
    value : float[n]
    """
    if not len(person):
        return np.empty(0, dtype=np.int64)
    told = time != NOTHING
    first = int(time[told].min()) if told.any() else 0
    second = np.where(told, (time - first) // US_PER_SECOND + 1, 0)
    key = (person - person.min()) * (int(second.max()) + 1) + second
    key = key * (int(place.max()) + 1) + place
    order = pl.Series(key).arg_sort().to_numpy().astype(np.int64)
    low = np.where(np.isnan(value), -np.inf, value)
    _break_ties(order, key, time, low)
    if _is_in_order(order, person, time):
        return order
    return np.lexsort((low, place, time, person))  # two places within one second, told by fractions


def _break_ties(order: np.ndarray, key: np.ndarray, time: np.ndarray, value: np.ndarray) -> None:
    """Rows of one key by time, value and where they stood."""
    same = np.diff(key[order]) == 0
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    rows = order[tied]
    order[tied] = rows[np.lexsort((rows, value[rows], time[rows], key[rows]))]


def _is_in_order(order: np.ndarray, person: np.ndarray, time: np.ndarray) -> bool:
    whose, when = person[order], time[order]
    return not bool(((whose[1:] == whose[:-1]) & (when[1:] < when[:-1])).any())
