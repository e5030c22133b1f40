"""Were people seen for as long as is foretold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.models.diagnostics.concern import Concern
from lifecourse.models.evaluation import FEWEST_SEEN, horizons_seen, seen_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from lifecourse.models.evaluation import Followed


NO_OTHER = ": nobody can tell who has an outcome by then. Take shorter horizons, or records that go on for longer"


def unseen_horizons(
    followed: Followed, horizons_days: npt.NDArray[np.float64], *, gap_days: float = 0
) -> Iterator[Concern]:
    """A concern for each horizon to which too few were seen; a grave one where that is all of them.

    horizons_days : ascending, counted as `followed` is, from the end of a gap of `gap_days`
    """
    seen = horizons_seen(followed, horizons_days)
    for days in horizons_days[seen:] if seen else horizons_days[:1]:
        people, until = seen_to(followed, float(days)), days + gap_days
        yield Concern(
            kind="beyond what was recorded",
            grave=seen == 0,
            said=(
                f"{people:,} people were seen to {until:,.0f} days without an event, and {FEWEST_SEEN} are needed"
                + (_so(horizons_days[seen - 1] + gap_days, until) if seen else NO_OTHER)
            ),
            measured={
                "horizon_days": float(until),
                "people": float(people),
                "needed": float(FEWEST_SEEN),
            },
        )


def _so(last: float, until: float) -> str:
    return (
        f": risks by {until:,.0f} days are hazards carried on from those who were seen, and nobody can judge them; "
        f"measures are by {last:,.0f} days. Leave the horizon out, or train again when people were seen for longer."
    )
