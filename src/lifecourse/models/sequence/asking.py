"""Ask the network of people at moments: from a timeline to rows, from rows to log ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from lifecourse.models.outcomes.landmarks import UNKNOWN_SEX
from lifecourse.models.sequence.learning import one_thread
from lifecourse.models.sequence.network import Network, Shape
from lifecourse.models.sequence.sequences import in_batches
from lifecourse.models.sequence.tokens import Lives, Vocabulary, facts_of, lives_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.sequence.sequences import Rows
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

TOKENS_AT_ONCE = 8_192


def lives_in(timeline: Timeline, onsets: Onsets, vocabulary: Vocabulary) -> Lives:
    """Everyone of known birth, as tokens."""
    sex = pl.col("sex").replace_strict({"female": 1.0, "male": 0.0}, default=UNKNOWN_SEX)
    persons = (
        timeline.persons()
        .drop_nulls("birth")
        .select("subject_id", "birth", female=sex.cast(pl.Float64).fill_null(UNKNOWN_SEX))
        .sort("subject_id")
    )
    return lives_of(persons, facts_of(timeline, persons), onsets, vocabulary)


def places_of(lives: Lives, rows: pl.DataFrame) -> tuple[Integers, Integers]:
    """int64[r] places of the people of rows, and int64[r] microseconds of their moments."""
    subjects = rows["subject_id"].to_numpy()
    who = np.searchsorted(lives.subjects, subjects).clip(max=max(len(lives) - 1, 0))
    if len(subjects) and not (len(lives) and (lives.subjects[who] == subjects).all()):
        raise KeyError("somebody is asked about of whom no birth is known")
    return who, rows["prediction_time"].cast(pl.Datetime("us")).cast(pl.Int64).to_numpy()


def log_ratios(network: Network, rows: Rows) -> Floats:
    """float64[b, k] log ratios at the last token of each row; rows of similar length are asked together."""
    found = np.zeros((len(rows.last), network.out.out_features))
    network.eval()
    with torch.no_grad(), one_thread():
        for places in in_batches(rows.last + 1, TOKENS_AT_ONCE, None):
            length = int(rows.last[places].max()) + 1
            token, day = (torch.from_numpy(one[places, :length]) for one in (rows.token, rows.day))
            last = torch.from_numpy(rows.last[places])
            found[places] = network(token, day, torch.arange(len(places)), last).double().numpy()
    return found


def network_of(vocabulary: Vocabulary, n_outcomes: int, shape: Shape) -> Network:
    """A network that knows nothing yet."""
    in_groups = torch.from_numpy(vocabulary.in_groups())
    return Network(shape, in_groups, len(vocabulary.groups), n_outcomes)
