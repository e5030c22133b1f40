from __future__ import annotations

import numpy as np
import pytest
from followed_people import followed_people
from scipy.special import expit, logit

from lifecourse.models.hazards import intervals

STUDIES, PEOPLE, ASKED = 72, 1_500, 150


@pytest.mark.prove
def test_nine_of_ten_intervals_hold_the_mean_of_what_such_studies_say() -> None:
    fresh = followed_people(ASKED, seed=99)
    told, low, high = [], [], []
    for study in range(STUDIES):
        people = followed_people(PEOPLE, seed=1000 + study)
        fit = people.fit()
        ends = intervals(fit.learner, fit.calibrator, fresh.features, people.horizons_days)
        assert ends is not None
        told.append(fit.incidence(fresh.features))
        low.append(ends[0])
        high.append(ends[1])
    mean = expit(logit(np.array(told)).mean(axis=0))
    covered = float(((np.array(low) <= mean) & (mean <= np.array(high))).mean())
    assert 0.88 <= covered <= 0.92
