"""Whether somebody smokes at a moment, from records that contradict each other.

The latest record decides, and of records at the same instant the one that tells of more smoking. Cigarettes smoked a
day tell that somebody smokes, a quit date that they have stopped. Whom any record calls a smoker or former smoker, or
gives pack-years, has smoked: where the latest record says never, they are a former smoker, because records lose an
ever-smoker's past far more often than they invent one (doi:10.1136/bmjopen-2014-004958; the rule of OpenSAFELY's
studies, doi:10.1038/s41586-020-2521-4). All of it is asked of the kernel: what was known at or before the moment.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.schema.code import Codelist
from lifecourse.schema.covariate import Covariate, Summary, ValueRange
from lifecourse.schema.window import before
from lifecourse.vocab.codelists import codelist

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Answers = Mapping[str, npt.NDArray[np.float64] | float]

SOME = ValueRange(low=0.0, low_inclusive=False)


class Smoking(IntEnum):
    """Never, former or current; UNKNOWN where no record tells."""

    UNKNOWN = -1
    NEVER = 0
    FORMER = 1
    CURRENT = 2


@cache
def smoking_covariates() -> tuple[Covariate, ...]:
    """What `smoking_status` needs: days since the latest record of each kind. Ties go to the first that is named."""
    amounts = united("cigarettes_per_day", "packs_per_day")
    return (
        _since("current_smoker", codelist("current_smoker")),
        _since("smokes_an_amount", amounts, SOME),
        _since("former_smoker", codelist("former_smoker")),
        _since("smoking_quit_date", codelist("smoking_quit_date")),
        _since("never_smoker", codelist("never_smoker")),
        _since("pack_years", codelist("pack_years"), SOME),
    )


TELLS = (
    Smoking.CURRENT, Smoking.CURRENT, Smoking.FORMER, Smoking.FORMER, Smoking.NEVER, Smoking.UNKNOWN,
)  # fmt: skip
"""What each of `smoking_covariates` tells; pack-years alone tell only that somebody has smoked."""


def smoking_status(answers: Answers) -> npt.NDArray[np.int8]:
    """int8[n] `Smoking` of each person, from the answers to `smoking_covariates`."""
    return status_and_evidence(answers)[0]


def status_and_evidence(answers: Answers) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """int8[n] `Smoking`, and int64[n] which of `smoking_covariates` has the record that decides; -1 for none."""
    days = np.stack([np.atleast_1d(answers[each.name]) for each in smoking_covariates()])
    days = np.where(np.isnan(days), np.inf, days)
    tells = np.array(TELLS)
    statements = np.flatnonzero(tells != Smoking.UNKNOWN)
    latest = statements[np.argmin(days[statements], axis=0)]
    told = np.isfinite(days[statements]).any(axis=0)
    status = np.where(told, tells[latest], Smoking.UNKNOWN)
    # Records of ever having smoked, nearest first: the evidence against a "never".
    ever = np.flatnonzero(tells != Smoking.NEVER)
    against = ever[np.argmin(days[ever], axis=0)]
    contradicted = (status == Smoking.NEVER) & np.isfinite(days[ever]).any(axis=0)
    evidence = np.where(contradicted, against, np.where(told, latest, -1))
    return np.where(contradicted, Smoking.FORMER, status).astype(np.int8), evidence


def deciding_covariate(answers: Answers) -> Covariate | None:
    """The question whose latest event decides one person's status; None where none is known."""
    place = int(status_and_evidence(answers)[1][0])
    return None if place < 0 else smoking_covariates()[place]


def united(*names: str) -> Codelist:
    """The codelists called `names` as one."""
    lists = [codelist(name) for name in names]
    return Codelist(
        name=" or ".join(names),
        exact=frozenset().union(*(each.exact for each in lists)),
        prefixes=tuple(prefix for each in lists for prefix in each.prefixes),
        excluded=tuple(prefix for each in lists for prefix in each.excluded),
    )


def _since(name: str, codes: Codelist, values: ValueRange | None = None) -> Covariate:
    return Covariate(
        name=f"{name}.since",
        codelist=codes,
        window=before(),
        summary=Summary.TIME_SINCE,
        values=values,
    )


def words_of(status: Any) -> str | None:
    """``current``, ``former`` or ``never``; None where it is not known."""
    known = Smoking(int(status))
    return None if known is Smoking.UNKNOWN else known.name.lower()
