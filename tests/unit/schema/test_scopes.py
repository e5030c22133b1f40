"""SMART scopes: the grammar, and nothing beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.schema.scopes import INTERACTIONS, Scope, allowing, parse_scope, parse_scopes

RESOURCES = ("*", "Patient", "Observation", "Condition")


def scopes() -> st.SearchStrategy[Scope]:
    filters = st.tuples(
        st.sampled_from(("category", "code", "status")),
        st.sampled_from(("laboratory", "http://loinc.org|4548-4", "a,b", "50% & more")),
    )
    return st.builds(
        Scope,
        level=st.sampled_from(("patient", "user", "system")),
        resource=st.sampled_from(RESOURCES),
        interactions=st.frozensets(st.sampled_from(INTERACTIONS), min_size=1),
        filters=st.lists(filters, max_size=2).map(lambda pairs: tuple(sorted(pairs))),
    )


def test_a_scope_is_read_by_the_grammar() -> None:
    scope = parse_scope("user/Observation.rs?category=http://hl7.org/c%7Claboratory&status=final")
    assert scope == Scope(
        level="user",
        resource="Observation",
        interactions=frozenset("rs"),
        filters=(("category", "http://hl7.org/c|laboratory"), ("status", "final")),
    )
    assert scope.allows("Observation", "r")
    assert not scope.allows("Observation", "c")
    assert not scope.allows("Condition", "r")


@given(scopes())
def test_what_a_scope_says_is_read_as_what_it_is(scope: Scope) -> None:
    assert parse_scope(str(scope)) == scope


@pytest.mark.parametrize(
    "word",
    [
        "", "openid", "fhirUser", "launch/patient", "offline_access",
        "patient/Observation.read", "patient/*.*", "user/*.write",  # version 1
        "patient/Observation.", "patient/Observation.sr", "patient/Observation.rr", "patient/Observation.rsx",
        "patient/observation.rs", "patients/Observation.rs", "patient/Observation.rs ", " patient/Observation.rs",
        "patient/Observation.rs?", "patient/Observation.rs?category", "patient/Observation.rs?=x",
        "patient/Observation.rs?category=", "patient/Observation.rs?category=a&", "patient/Observation.rs?a=b=c",
        "patient/Observation.rs?a=b?c=d", "patient/Observation.rs?_has:Group:member:_id=1", "patient/../Patient.rs",
        "patient/Observation.rs?subject:Patient.name=x", "PATIENT/Observation.rs", "patient/Observation.rs\n",
        "patient/*.rs,user/*.cruds", "patient/Obs*.rs", "system/*",
    ],
)  # fmt: skip
def test_what_is_no_scope_gives_nothing(word: str) -> None:
    assert parse_scope(word) is None
    assert [str(scope) for scope in parse_scopes(f"patient/Patient.r {word}")] in (
        ["patient/Patient.r"],
        ["patient/Patient.r", "patient/Observation.rs"],  # a space parts scopes
    )


@given(st.lists(scopes(), max_size=5), st.lists(scopes(), max_size=5))
def test_more_scopes_never_give_less(some: list[Scope], more: list[Scope]) -> None:
    fewer, all_of_them = (
        parse_scopes(" ".join(map(str, some))),
        parse_scopes(" ".join(map(str, some + more))),
    )
    for resource in RESOURCES[1:]:
        for interaction in INTERACTIONS:
            given_before = set(allowing(fewer, resource, interaction))
            assert given_before <= set(allowing(all_of_them, resource, interaction))


@given(st.text(max_size=60))
def test_any_text_is_read_or_gives_nothing(text: str) -> None:
    for scope in parse_scopes(text):
        assert parse_scope(str(scope)) == scope


def test_endless_scopes_give_nothing() -> None:
    assert parse_scopes("patient/*.rs " * 10_000) == ()
