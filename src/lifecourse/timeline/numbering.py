"""Summaries by number: compiled code knows no names, and whoever compiles need not load it."""

from __future__ import annotations

from lifecourse.schema.covariate import Summary

EXISTS, COUNT, COUNT_VALUES, FIRST, LAST, MIN, MAX, MEAN, SUM, SLOPE = range(10)
TIME_SINCE, TIME_FIRST, ACTIVE, CHANGE = 10, 11, 12, 13

SUMMARY_NUMBERS = {
    Summary.EXISTS: EXISTS,
    Summary.COUNT: COUNT,
    Summary.COUNT_VALUES: COUNT_VALUES,
    Summary.FIRST: FIRST,
    Summary.LAST: LAST,
    Summary.MIN: MIN,
    Summary.MAX: MAX,
    Summary.MEAN: MEAN,
    Summary.SUM: SUM,
    Summary.SLOPE: SLOPE,
    Summary.CHANGE: CHANGE,
    Summary.TIME_SINCE: TIME_SINCE,
    Summary.TIME_FIRST: TIME_FIRST,
    Summary.ACTIVE: ACTIVE,
}
