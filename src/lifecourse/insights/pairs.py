"""Counting what follows what: ordered pairs of first occurrences, by stratum of age and sex."""

from __future__ import annotations

import numpy as np
from numba import njit

STRATA_YEARS = 10


@njit(cache=True, nogil=True)
def count_pairs(person, fact, time, chosen, n_facts, with_a, a_then_b):  # type: ignore[no-untyped-def]
    """Add, over the `chosen` people, who has A (`with_a[n]`) and who has A strictly before B (`a_then_b[n, n]`)."""
    start = 0
    m = len(person)
    while start < m:
        stop = start
        while stop < m and person[stop] == person[start]:
            stop += 1
        if chosen[person[start]]:
            for i in range(start, stop):
                with_a[fact[i]] += 1
                for j in range(i + 1, stop):
                    if time[j] > time[i]:
                        a_then_b[fact[i], fact[j]] += 1
        start = stop


@njit(cache=True, nogil=True)
def follow(person, fact, time, chosen, a, b, last, stratum, n_strata):  # type: ignore[no-untyped-def]
    """Exposed and unexposed person-time and events of B, by stratum.

    A person is at risk of B from the first record to B or the last record. Time before A is unexposed, time
    from A on is exposed; A and B at one moment count as unexposed, since neither came first.

    Returns float64[n_strata, 4] (exposed events, exposed days, other events, other days) and days from A to B.
    """
    cells = np.zeros((n_strata, 4))
    gaps = np.empty(len(person), dtype=np.float64)
    n_gaps = 0
    day = 86_400_000_000.0
    start = 0
    m = len(person)
    while start < m:
        stop = start
        time_a = np.int64(-1)
        time_b = np.int64(-1)
        has_a = False
        has_b = False
        while stop < m and person[stop] == person[start]:
            if fact[stop] == a:
                has_a, time_a = True, time[stop]
            elif fact[stop] == b:
                has_b, time_b = True, time[stop]
            stop += 1
        who = person[start]
        if chosen[who]:
            begin = time[start]
            end = time_b if has_b else last[who]
            s = stratum[who]
            if has_a and time_a < end:
                cells[s, 3] += (time_a - begin) / day
                cells[s, 1] += (end - time_a) / day
                if has_b:
                    cells[s, 0] += 1
                    gaps[n_gaps] = (time_b - time_a) / day
                    n_gaps += 1
            else:
                cells[s, 3] += max(0.0, (end - begin) / day)
                if has_b:
                    cells[s, 2] += 1
        start = stop
    return cells, gaps[:n_gaps]
