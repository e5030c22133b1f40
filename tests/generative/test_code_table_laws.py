"""A codelist matches a code by itself or through what it maps to, however the table looks it up."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.schema.code import Codelist
from lifecourse.timeline.shard import CodeTable

names = st.sampled_from(["A", "A//1", "A//12", "A//2", "B", "B//1", "BA//1", "C//\u00e9", "C//z"])


@given(
    st.lists(names, unique=True, max_size=9),
    st.lists(st.lists(names, max_size=2), min_size=9, max_size=9),
    st.frozensets(names, max_size=2),
    st.lists(st.sampled_from(["A", "A//1", "B", "C//"]), max_size=2),
    st.lists(st.sampled_from(["^A", "1$", "//"]), max_size=1),
    st.lists(st.sampled_from(["A//1", "B"]), max_size=1),
)
def test_ids_are_those_of_a_plain_loop(
    codes: list[str],
    parents: list[list[str]],
    exact: frozenset[str],
    prefixes: list[str],
    regexes: list[str],
    excluded: list[str],
) -> None:
    if not (exact or prefixes or regexes):
        return
    asked = Codelist(
        name="x",
        exact=exact,
        prefixes=tuple(prefixes),
        regexes=tuple(regexes),
        excluded=tuple(excluded),
    )
    table = CodeTable(
        codes=sorted(codes),
        parents=[tuple(names) for names in parents[: len(codes)]],
        descriptions=[None] * len(codes),
        unit_factor=np.ones(len(codes)),
    )

    def meant(name: str) -> bool:
        if any(name.startswith(prefix) for prefix in excluded):
            return False
        return (
            name in exact
            or any(name.startswith(prefix) for prefix in prefixes)
            or any(re.search(regex, name) for regex in regexes)
        )

    expected = [
        i
        for i, code in enumerate(table.codes)
        if any(meant(name) for name in (code, *table.parents[i]))
    ]
    assert table.ids(asked).tolist() == expected
