"""Counting what follows what: ordered pairs of first occurrences."""

from __future__ import annotations

from numba import njit


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
