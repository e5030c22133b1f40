"""Sampled futures: what may come next is drawn, and changes what may come after it.

Outcomes wait exponentially and compete, up to a year at a time: within it rates are constant, the events that age and
sex let expect in it times the person's ratios. What comes first is drawn, becomes a token, and the network is asked
again; after a year without an event it is asked again too (Gillespie 1977, doi 10.1021/j100540a008; so does Delphi-2M,
Shmatko 2025, doi 10.1038/s41586-025-09529-3). The risk of an outcome by a horizon is the share of futures with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.base.errors import ModelError
from lifecourse.models.outcomes.catalogue import DEATH_NAME
from lifecourse.models.outcomes.landmarks import YEAR
from lifecourse.models.outcomes.predicting import had_by
from lifecourse.models.sequence.asking import lives_in, log_ratios, places_of
from lifecourse.models.sequence.sequences import Rows, looked_at
from lifecourse.models.sequence.tokens import NOW, PADDING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import polars as pl

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.sequence.model import SequenceModel
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

AT_ONCE = 1_024
"""Futures that go on side by side."""
ROOM = 8
"""Places for drawn events that rows are widened by where they are full."""
LOOK_AGAIN_YEARS = 1.0
TINY = 1e-300


@dataclass(slots=True, kw_only=True)
class _Futures:
    """f futures on their way.

    token, day : int64[f, l], PADDING after `length`, int64[f]; female, age, until : float64[f], ages in years
    free : bool[f, k], what may still come; came : float64[f, k], the age at which it did
    """

    token: Integers
    day: Integers
    length: Integers
    female: Floats
    age: Floats
    until: Floats
    free: npt.NDArray[np.bool_]
    came: Floats

    def rows(self, active: Integers) -> Rows:
        """Some of them, each looked at from its age."""
        length = self.length[active]
        token, day = (
            one[active][:, : int(length.max()) + 1].copy() for one in (self.token, self.day)
        )
        places = np.arange(len(active))
        token[places, length] = NOW
        day[places, length] = (self.age[active] * DAYS_PER_YEAR).astype(np.int64)
        return Rows(token=token, day=day, last=length)

    def add(self, which: Integers, outcome: Integers, token: Integers) -> None:
        """An outcome came to some of them, now; `token` is PADDING where it has none."""
        self.came[which, outcome] = self.age[which]
        self.free[which, outcome] = False
        has = token != PADDING
        which, token = which[has], token[has]
        if len(which) and int(self.length[which].max()) + 2 > self.token.shape[1]:
            self.token, self.day = (
                np.pad(one, ((0, 0), (0, ROOM))) for one in (self.token, self.day)
            )
        self.token[which, self.length[which]] = token
        self.day[which, self.length[which]] = (self.age[which] * DAYS_PER_YEAR).astype(np.int64)
        self.length[which] += 1


def sample_futures(
    model: SequenceModel,
    timeline: Timeline,
    onsets: Onsets,
    rows: pl.DataFrame,
    *,
    horizons_days: Sequence[float],
    futures: int,
    seed: int = 0,
) -> Floats:
    """float64[r, k, h]: the share of `futures` drawn from each row in which each outcome came by each horizon.

    Parameters
    ----------
    onsets : what `onsets_of` finds in `timeline`
    rows : ``subject_id``, ``prediction_time``, of people of known birth; what is drawn for a row does not depend on
        the others
    horizons_days : days after the row's time, each end included

    What somebody already had has 0. Outcomes are drawn one by one: no phenotype follows from a drawn code.

    Raises
    ------
    ModelError
        Fewer than one future is asked for.
    """
    if futures < 1:
        raise ModelError(f"{futures} futures say nothing. Ask for 1 or more; 400 tell 0.1 to 0.03.")
    lives = lives_in(timeline, onsets, model.vocabulary)
    who, time = places_of(lives, rows)
    free = ~had_by(model.names, onsets, rows["subject_id"].to_numpy(), time)
    age = (time - lives.birth[who]) / YEAR
    ends = np.asarray(horizons_days, dtype=np.float64) / DAYS_PER_YEAR
    found = np.zeros((rows.height, len(model.names), len(ends)))
    at_once = max(1, AT_ONCE // futures)
    for start in range(0, rows.height, at_once):
        here = slice(start, start + at_once)
        looked = looked_at(lives, who[here], time[here])
        random = [
            np.random.default_rng([seed, subject % 2**63, moment % 2**63])
            for subject, moment in zip(lives.subjects[who[here]].tolist(), time[here].tolist(), strict=True)
        ]  # fmt: skip
        begun = _Futures(
            token=np.where(looked.token == NOW, PADDING, looked.token).repeat(futures, axis=0),
            day=looked.day.repeat(futures, axis=0),
            length=looked.last.repeat(futures),
            female=lives.female[who[here]].repeat(futures),
            age=age[here].repeat(futures),
            until=(age[here] + ends.max(initial=0.0)).repeat(futures),
            free=free[here].repeat(futures, axis=0),
            came=np.full((len(random) * futures, len(model.names)), np.inf),
        )
        _go_on(model, begun, random)
        waited = (begun.came - age[here].repeat(futures)[:, None]).reshape(len(random), futures, -1)
        found[here] = np.stack([(waited <= end).mean(axis=1) for end in ends], axis=2)
    return found


def _go_on(model: SequenceModel, on: _Futures, random: list[np.random.Generator]) -> None:
    """Draw until each future ends, with death or at its age."""
    tokens = np.array([model.vocabulary.number_of_event.get(name, PADDING) for name in model.names])
    death = model.names.index(DEATH_NAME) if DEATH_NAME in model.names else -1
    each = len(on.age) // len(random)
    alive = np.ones(len(on.age), dtype=np.bool_)
    while (active := np.flatnonzero(alive & (on.age < on.until))).size:
        drawn = np.concatenate([one.random((each, 2)) for one in random])[active]
        span = np.minimum(LOOK_AGAIN_YEARS, on.until[active] - on.age[active])
        now = on.age[active]
        expected = model.rates.by(on.female[active], now + span) - model.rates.by(
            on.female[active], now
        )
        ratios = np.exp(log_ratios(model.network, on.rows(active)))
        hazard = np.where(on.free[active], expected * ratios, 0.0) / span[:, None]
        total = hazard.sum(axis=1)
        wait = -np.log1p(-drawn[:, 0]) / np.maximum(total, TINY)
        happens = wait <= span
        on.age[active] = np.where(
            happens, now + wait, np.where(span < LOOK_AGAIN_YEARS, on.until[active], now + span)
        )
        cumulated = hazard[happens].cumsum(axis=1)
        aim = drawn[happens, 1] * cumulated[:, -1]
        outcome = (cumulated <= aim[:, None]).sum(axis=1).clip(max=len(tokens) - 1)
        which = active[happens]
        on.add(which, outcome, tokens[outcome])
        alive[which[outcome == death]] = False
