"""How a person lives, in a line: what several records together tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.tasks.packyears import smoking_at
from lifecourse.tasks.smoking import Smoking, words_of

if TYPE_CHECKING:
    from lifecourse.timeline.chart import Chart


def smoking_words(chart: Chart, at: int) -> str | None:
    """``former smoker, 27.8 pack-years, stopped 10 years ago``; None where no record tells."""
    found = smoking_at(chart.shard, np.zeros(1, dtype=np.int64), np.array([at], dtype=np.int64))
    status, total = words_of(found.status[0]), float(found.pack_years[0])
    since = float(found.years_since_quitting[0])
    parts = []
    if status is not None:
        parts.append("never smoked" if status == "never" else f"{status} smoker")
    if found.status[0] != Smoking.NEVER and not np.isnan(total):
        parts.append(f"{total:.3g} pack-years")
    if not np.isnan(since):
        whole = round(since)
        parts.append(f"stopped {whole} years ago" if whole > 1 else "stopped within the last years")
    return ", ".join(parts) or None
