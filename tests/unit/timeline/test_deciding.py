"""The last deciding events, a row at a time, are the tail of the table of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from people import AT, SBP, Entry, person

from lifecourse.schema.code import codes
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import before

START = datetime(2020, 1, 1)
PRESSURES: list[Entry] = [
    (START + timedelta(days=40 * n), SBP, 120.0 + n % 5, "mm[Hg]") for n in range(12)
]


@pytest.mark.parametrize("summary", [Summary.LAST, Summary.MAX, Summary.MEAN, Summary.EXISTS])
@pytest.mark.parametrize("most", [1, 3, 50])
def test_the_last_deciding_rows_are_those_of_the_table(summary: Summary, most: int) -> None:
    chart = person(*PRESSURES)
    asked = Covariate(name="sbp", codelist=codes("sbp", SBP), window=before(), summary=summary)
    table = chart.trace(asked, AT).tail(most)
    assert chart.deciding(asked, AT, most) == list(table.iter_rows(named=True))
    assert table.height > 0


def test_what_decides_a_change_is_in_the_window_and_before_it() -> None:
    asked = Covariate(
        name="sbp",
        codelist=codes("sbp", SBP),
        window=before(timedelta(days=900)),
        summary=Summary.CHANGE,
    )
    chart = person(*PRESSURES)
    assert chart.trace(asked, AT).height == len(PRESSURES)
