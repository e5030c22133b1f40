"""One row a person, whatever code their sex came under."""

from __future__ import annotations

import polars as pl

from lifecourse.timeline.persons import persons_of


def test_sex_is_known_from_its_own_code_and_from_a_mapped_one() -> None:
    events = pl.DataFrame(
        {"subject_id": [1, 2, 3], "time": [None] * 3, "code": ["SEX//male", "GENDER//F", "RACE//x"]},
        schema_overrides={"time": pl.Datetime("us")},
    )  # fmt: skip
    assert persons_of(events)["sex"].to_list() == ["male", "female", None]
