"""Counting what follows what: ordered pairs of first occurrences, by sex and attained age."""

from __future__ import annotations

import numpy as np
from numba import njit

NO_BIRTH = np.iinfo(np.int64).min


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
def spread(cells, row, column, begin, end, birth, band, n_bands):  # type: ignore[no-untyped-def]
    """Add the days in [begin, end) to the attained-age bands they are lived in; unknown ages have the last band."""
    day = 86_400_000_000.0
    if end <= begin:
        return
    if birth == NO_BIRTH:
        cells[row * n_bands + n_bands - 1, column] += (end - begin) / day
        return
    at = begin
    while at < end:
        number = min(max((at - birth) // band, 0), n_bands - 2)
        stop = end if number == n_bands - 2 else min(end, birth + (number + 1) * band)
        cells[row * n_bands + number, column] += (stop - at) / day
        at = stop


@njit(cache=True, nogil=True)
def band_at(moment, birth, band, n_bands):  # type: ignore[no-untyped-def]
    """The attained-age band at a moment."""
    if birth == NO_BIRTH:
        return n_bands - 1
    return min(max((moment - birth) // band, 0), n_bands - 2)


@njit(cache=True, nogil=True)
def follow(person, fact, time, chosen, a, b, first, last, birth, sex, band, n_bands):  # type: ignore[no-untyped-def]
    """Exposed and unexposed person-time and events of B, by sex and attained age.

    A person with any fact is at risk of B from the first record to B or the last record. Time before A is
    unexposed, time from A on is exposed; A and B at one moment count as unexposed, since neither came first.
    Age must be the age lived through: exposed time is always the older half of a life, so age at the first
    record would take ageing for an association.

    Returns float64[3 * n_bands, 4] (exposed events, exposed days, other events, other days) and days from A to B.
    """
    cells = np.zeros((3 * n_bands, 4))
    gaps = np.empty(len(person), dtype=np.float64)
    n_gaps = 0
    day = 86_400_000_000.0
    start = 0
    m = len(person)
    while start < m:
        stop = start
        time_a = np.int64(0)
        time_b = np.int64(0)
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
            end = time_b if has_b else last[who]
            exposed = has_a and time_a < end
            until = time_a if exposed else end
            spread(cells, sex[who], 3, first[who], until, birth[who], band, n_bands)
            if exposed:
                spread(cells, sex[who], 1, time_a, end, birth[who], band, n_bands)
            if has_b:
                row = sex[who] * n_bands + band_at(time_b, birth[who], band, n_bands)
                cells[row, 0 if exposed else 2] += 1
                if exposed:
                    gaps[n_gaps] = (time_b - time_a) / day
                    n_gaps += 1
        start = stop
    return cells, gaps[:n_gaps]
