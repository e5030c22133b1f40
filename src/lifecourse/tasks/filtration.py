"""The filtration rate that a creatinine tells where no laboratory said it: by an equation without race."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.tasks.meaning import named_codelist
from lifecourse.tasks.occurrences import occurrences
from lifecourse.timeline.shard import STATIC

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.shard import Shard

ADULT_YEARS = 18.0
# Days of microseconds in 64 bits are below 2**27 on either side of 1970.
DAY_BITS = 29


def egfr_of_creatinine(shard: Shard, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """float64[n], the eGFR in mL/min/1.73 m2 that CKD-EPI 2021 gives of creatinines (mg/dL) at `places`.

    Inker 2021, doi:10.1056/NEJMoa2102953. NaN where the creatinine is not above 0, the person is under 18 or of unknown
    birth, or the record does not say female or male.
    """
    owner = shard.owners(places)
    female, male = (_has(shard, sex)[owner] for sex in ("female", "male"))
    birth = np.where(shard.birth == STATIC, np.nan, shard.birth)[owner]
    age = (shard.time[places] - birth) / (MICROSECONDS_PER_DAY * DAYS_PER_YEAR)
    creatinine = shard.value[places].astype(np.float64)
    counts = (creatinine > 0.0) & (age >= ADULT_YEARS) & (female != male)
    relative = np.where(counts, creatinine, np.nan) / np.where(female, 0.7, 0.9)
    low = np.minimum(relative, 1.0) ** np.where(female, -0.241, -0.302)
    high = np.maximum(relative, 1.0) ** -1.200
    found: npt.NDArray[np.float64] = 142.0 * low * high * 0.9938**age * np.where(female, 1.012, 1.0)
    return found


def without_reported(shard: Shard, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """int64, those of `places` on whose day (UTC) no eGFR is reported: what a laboratory said comes first."""
    reported = occurrences(shard, named_codelist("egfr"))
    found: npt.NDArray[np.int64] = places[~np.isin(_days(shard, places), _days(shard, reported))]
    return found


def _days(shard: Shard, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """int64, one number for whose event it is and on which day (UTC)."""
    day = shard.time[places] // MICROSECONDS_PER_DAY
    number: npt.NDArray[np.int64] = (shard.owners(places) << DAY_BITS) + day
    return number


def _has(shard: Shard, name: str) -> npt.NDArray[np.bool_]:
    """bool[n subjects], who has any event of the codelist `name`, dated or not."""
    has = np.zeros(shard.n_subjects, dtype=np.bool_)
    meant = np.zeros(len(shard.codes), dtype=np.bool_)
    meant[shard.codes.ids(named_codelist(name))] = True
    has[shard.owners(np.flatnonzero(meant[shard.code]))] = True
    return has
