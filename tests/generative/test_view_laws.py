"""What a view shows is what Cedar, asked about each event by itself, permits: by every way of reading."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from access import World, decided_alone, timeline_columns, world
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.privacy.access.asking import Use
from lifecourse.privacy.access.cedar import load_policies
from lifecourse.schema.scopes import parse_scopes
from lifecourse.timeline.guarded import Guarded, seen_through
from lifecourse.timeline.persons import persons_of
from lifecourse.timeline.sight import kinds_of
from lifecourse.timeline.view import Known, view_of_people

WORLDS = 30
MORE_WORLDS = 200
SCOPES = (
    "user/Condition.rs", "user/Observation.rs", "user/MedicationRequest.r", "user/*.rs", "patient/*.rs",
    "patient/Condition.r", "user/Procedure.rs", "user/Condition.rs?category=problem-list-item", "user/Patient.s",
    "openid", "user/Condition.cud",
)  # fmt: skip


def expected(made: World) -> pl.DataFrame:
    """The events that are permitted, one by one; those whose text is not, without it."""

    @lru_cache
    def alone(subject: int, code: str, time: int | None, column: str) -> bool:
        return decided_alone(made, subject, code, time, column)

    rows = []
    for subject, time, code, value, text in made.events.with_columns(
        pl.col("time").cast(pl.Int64)
    ).iter_rows():
        if alone(subject, code, time, "event"):
            shown = text if alone(subject, code, time, "text") else None
            rows.append((subject, time, code, value, shown))
    return pl.DataFrame(rows, schema=made.events.schema, orient="row")


def check(seed: int, folder: Path) -> int:
    """Check one world; gives how many of its events are closed."""
    made = world(seed, folder)
    holding = made.timeline.holding
    view = view_of_people(
        made.eye, made.known, made.timeline.subject_ids(), kinds_of(made.timeline.codes)
    )
    seen, shards, columns = seen_through(holding, view), range(holding.n_shards), timeline_columns()
    wanted = expected(made)
    whole = seen.matching(shards, columns, None)
    assert whole.equals(wanted), made.policies
    for shard in shards:
        part = holding.events(shard, columns=columns)
        theirs = wanted.filter(pl.col("subject_id").is_in(part["subject_id"].unique().implode()))
        assert seen.events(shard, columns=columns).equals(theirs)
        narrow = seen.events(shard, columns=["numeric_value"])
        assert narrow.equals(theirs.select("numeric_value"))
    for subject in made.timeline.subject_ids().tolist():
        theirs = wanted.filter(pl.col("subject_id") == subject)
        assert seen.subject_events(0, subject, whole=True).select(columns).equals(theirs)
    some = ["ICD10CM//I10", "ICD10CM//F10.20"]
    assert seen.matching(shards, columns, some).equals(wanted.filter(pl.col("code").is_in(some)))
    assert seen.n_events() == wanted.height
    if wanted.height:
        assert seen.persons().equals(persons_of(wanted))
    else:
        assert seen.persons().height == 0
    if isinstance(seen, Guarded):
        everything = frozenset(wanted["subject_id"])
        for subject in seen.whole() & everything:
            mine = made.events.filter(pl.col("subject_id") == subject)
            assert mine.equals(wanted.filter(pl.col("subject_id") == subject))
    return made.events.height - wanted.height


def test_a_view_is_the_decision_on_each_event(tmp_path: Path) -> None:
    hidden = [check(seed, tmp_path) for seed in range(WORLDS)]
    assert sum(n > 0 for n in hidden) > WORLDS / 2
    assert sum(n == 0 for n in hidden) > 0


@pytest.mark.prove
def test_a_view_is_the_decision_on_each_event_of_two_hundred_worlds(tmp_path: Path) -> None:
    for seed in range(WORLDS, MORE_WORLDS):
        check(seed, tmp_path)


@given(st.lists(st.sampled_from(SCOPES), max_size=4), st.lists(st.sampled_from(SCOPES), max_size=3))
def test_more_scopes_never_show_less(some: list[str], more: list[str]) -> None:
    made = _scoped_world()
    fewer, all_of_them = (_seen_with(made, scopes) for scopes in (some, some + more))
    assert fewer.join(all_of_them, on=fewer.columns, how="anti", nulls_equal=True).height == 0
    if "user/*.rs" in some:
        assert fewer.height == made.events.height


@lru_cache
def _scoped_world() -> World:
    """A world under the policies that are shipped, with a patient in context."""
    with TemporaryDirectory() as folder:
        made = world(11, Path(folder))
    situation = replace(
        made.eye.situation,
        use=Use.TREAT,
        protected=frozenset(),
        identity=replace(made.eye.situation.identity, patient=None),
    )
    people = made.timeline.subject_ids().tolist()
    eye = replace(made.eye, engine=load_policies(), situation=situation)
    return replace(made, eye=eye, known=Known(in_context=frozenset(people[:2]), rules={}))


def _seen_with(made: World, scopes: list[str]) -> pl.DataFrame:
    identity = replace(made.eye.situation.identity, scopes=parse_scopes(" ".join(scopes)))
    eye = replace(made.eye, situation=replace(made.eye.situation, identity=identity))
    view = view_of_people(
        eye, made.known, made.timeline.subject_ids(), kinds_of(made.timeline.codes)
    )
    seen = seen_through(made.timeline.holding, view)
    return seen.matching(range(seen.n_shards), timeline_columns(), None)
