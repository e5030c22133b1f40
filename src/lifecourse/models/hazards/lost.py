"""What is expected of people who were lost before a horizon, by the curves that are being calibrated.

Weights for censoring let those who stayed stand for those who were lost, as if both were alike. Where the records of
all end on one day they are not: who is old at the moment of a prediction entered the records late in life, and was seen
for less long. Here each who was lost counts with the chance that the cause comes between then and the horizon, as the
curve says of that very person who was free until then; the curve is mapped with what it says, and so on until both
agree: the EM algorithm (Dempster, Laird & Rubin 1977, doi 10.1111/j.2517-6161.1977.tb01600.x). Who is lost need only be
like others of whom the model says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]

LARGEST_SCALE, LEAST_FREE = 10.0, 1e-6
"""A map changes what a person gains between two horizons by no more; so many at least are free when lost."""


def at_loss(edges: Floats, curve: Floats, outcome: Followed) -> Floats:
    """float64[r, c]: the incidence by the day on which each row's follow-up ended.

    edges : float64[g + 1] days from 0; curve : float64[r, c, g], incidences by all edges but the first
    """
    days = np.minimum(outcome.duration_days, edges[-1])
    place = np.clip(np.searchsorted(edges, days, side="left") - 1, 0, len(edges) - 2)
    every = np.arange(len(days))
    after = curve[every, :, place]
    before = np.where(place[:, None] > 0, curve[every, :, place - 1], 0.0)
    near = (days - edges[place]) / (edges[place + 1] - edges[place])
    return np.asarray(before + near[:, None] * (after - before))


def expected_answers(
    raw: Floats, mapped: Floats, lost: Floats, outcome: Followed, horizons_days: Floats
) -> Floats:
    """float64[r, c, h]: 1 where a cause came by a horizon, 0 where not, and of those lost before it the chance.

    raw, mapped : float64[r, c, h] incidences before and after the maps
    lost : float64[r, c] `raw` by the day that ended each row's follow-up (`at_loss`); between two horizons a map moves
        it in proportion to what the person gains between them
    """
    found = np.empty_like(raw)
    told, free = np.zeros_like(lost), np.ones(len(raw))
    raw_before, mapped_before, since = np.zeros_like(lost), np.zeros_like(lost), 0.0
    causes = np.arange(1, raw.shape[1] + 1)
    for h, days in enumerate(horizons_days):
        gone = (outcome.event == 0) & (outcome.duration_days < days)
        newly = gone & (outcome.duration_days >= since)
        gain = np.maximum(mapped[:, :, h] - mapped_before, 0.0)
        whole = raw[:, :, h] - raw_before
        scale = np.divide(gain, whole, out=np.zeros_like(gain), where=whole > 0)
        scale = np.minimum(scale, LARGEST_SCALE)
        then = mapped_before + np.maximum(lost - raw_before, 0.0) * scale
        free = np.where(newly, np.maximum(1.0 - then.sum(axis=1), LEAST_FREE), free)
        gained = np.maximum(raw[:, :, h] - np.maximum(lost, raw_before), 0.0) * scale
        told = np.where(gone[:, None], told + gained / free[:, None], 0.0)
        came = (outcome.event[:, None] == causes) & (outcome.duration_days <= days)[:, None]
        found[:, :, h] = np.where(gone[:, None], np.minimum(told, 1.0), came)
        raw_before, mapped_before, since = raw[:, :, h], mapped[:, :, h], float(days)
    return found
