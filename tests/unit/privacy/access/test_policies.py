"""Policies are checked when they are loaded, and the ones that are shipped say what the manual says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lifecourse.base.errors import ConfigError, PolicyRefused
from lifecourse.privacy.access.asking import Action, Part, Situation, Use, use_of
from lifecourse.privacy.access.cedar import SHIPPED, load_policies
from lifecourse.privacy.access.kinds import CODELISTS, every_category
from lifecourse.privacy.access.statements import statements_of
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.schema.identity import Identity

if TYPE_CHECKING:
    from pathlib import Path

CARE = Situation(
    identity=Identity(actor=Actor(name="ada", role="clinician")),
    use=Use.TREAT,
    identifiability=Identifiability.IDENTIFIED,
)
RESTRICTED = replace(CARE, relationship_required=True, protected=frozenset({"hiv"}))
CONDITION = Part(categories=frozenset({"Condition"}))
HIV = replace(CONDITION, labels=frozenset({"hiv"}))


def sees(situation: Situation, part: Part) -> bool:
    return load_policies().look(situation, [part])[0].is_permitted


def may(situation: Situation, action: Action) -> bool:
    return load_policies().decide(situation)[action].is_permitted


def test_without_any_demand_care_sees_everything() -> None:
    parts = [
        Part(categories=categories, column=column)
        for categories in every_category()
        for column in ("event", "text", "name")
    ]
    assert all(decision.is_permitted for decision in load_policies().look(CARE, parts))


def test_a_relationship_that_is_required_opens_those_who_are_treated_alone() -> None:
    assert not sees(RESTRICTED, CONDITION)
    assert sees(RESTRICTED, replace(CONDITION, is_related=True))


def test_a_protected_label_needs_a_consent_that_permits() -> None:
    related = replace(HIV, is_related=True)
    assert not sees(RESTRICTED, related)
    assert sees(RESTRICTED, replace(related, consent="permit"))
    assert not sees(RESTRICTED, replace(related, consent="deny"))
    assert not sees(replace(RESTRICTED, use=Use.HOPERAT), related)


def test_notes_keep_their_words_where_a_label_is_in_force() -> None:
    words = Part(categories=frozenset({"DocumentReference"}), column="text", is_related=True)
    assert not sees(RESTRICTED, words)
    assert sees(RESTRICTED, replace(words, column="event"))
    assert sees(CARE, words)


def test_what_a_person_denied_stays_closed() -> None:
    denied = replace(CONDITION, consent="deny")
    assert not sees(CARE, denied)
    assert sees(replace(CARE, consent_required=True), replace(CONDITION, consent="permit"))
    assert not sees(replace(CARE, consent_required=True), CONDITION)


def test_an_emergency_opens_one_record_and_nothing_in_bulk() -> None:
    urgent = replace(RESTRICTED, use=Use.BTG)
    assert not sees(urgent, CONDITION)
    for part in (HIV, replace(HIV, consent="deny")):
        assert sees(urgent, replace(part, is_emergency=True))
    assert may(urgent, Action.PLAN)
    for bulk in (Action.LIST, Action.SEARCH, Action.EXPORT, Action.LEARN, Action.COUNT):
        assert not may(urgent, bulk)


def test_a_token_for_one_patient_opens_that_one_alone() -> None:
    bound = replace(CARE, identity=replace(CARE.identity, patient="7"))
    assert not sees(bound, CONDITION)
    assert sees(bound, replace(CONDITION, is_in_context=True))
    assert not sees(bound, replace(CONDITION, is_in_context=True, is_in_scope=False))
    assert not may(bound, Action.LEARN)
    urgent = replace(bound, use=Use.BTG)
    assert not sees(urgent, replace(CONDITION, is_emergency=True))


@pytest.mark.parametrize(
    ("use", "people", "allowed"),
    [
        (Use.TREAT, Identifiability.PSEUDONYMOUS, False),
        (Use.HRESCH, Identifiability.IDENTIFIED, False),
        (Use.HRESCH, Identifiability.PSEUDONYMOUS, True),
        (Use.HOPERAT, Identifiability.IDENTIFIED, True),
        (Use.PUBHLTH, Identifiability.PSEUDONYMOUS, True),
    ],
)
def test_a_purpose_opens_the_stores_it_is_for(
    use: Use, people: Identifiability, allowed: bool
) -> None:
    situation = replace(CARE, use=use, identifiability=people)
    assert may(situation, Action.RESULTS) is allowed
    assert sees(situation, CONDITION) is allowed


def test_populations_have_no_names() -> None:
    name = Part(categories=frozenset({"Patient"}), column="name")
    assert not sees(replace(CARE, use=Use.HOPERAT), name)
    assert sees(CARE, name)


def test_a_decision_names_the_policies_that_decided() -> None:
    decision = load_policies().look(RESTRICTED, [replace(HIV, is_related=True)])[0]
    assert decision.policies == ("protected-labels",)
    assert load_policies().look(CARE, [CONDITION])[0].policies == ("care-team-looks",)
    assert load_policies().look(RESTRICTED, [CONDITION])[0].policies == ()


def test_a_purpose_of_use_is_of_one_purpose() -> None:
    assert use_of(Purpose.OPERATIONS) == Use.HOPERAT
    assert use_of(Purpose.OPERATIONS, "HPAYMT") == Use.HPAYMT
    assert use_of(Purpose.DIRECT_CARE, "BTG") == Use.TREAT
    with pytest.raises(PolicyRefused):
        use_of(Purpose.RESEARCH, "TREAT")


GOOD = '@id("all")\npermit (principal, action, resource);\n'


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('@id("a")\npermit (principal, action, resource) whn { true };', "line 3", "whn"),
        ('// so\n\n@id("a") permit (principal, action == Action::"lok", resource);', "line 5", "lok"),
        ('@id("a") forbid (principal, action == Action::"look", resource)\n'
         'when { resource.labels.contains(Label::"hvi") };', "line 3", "hvi"),
        ('@id("a") forbid (principal, action == Action::"look", resource) when { resource.lables.isEmpty() };',
         "line 3", "lables"),
        ("permit (principal, action, resource);", "line 3", "name"),
        ('@id("all") permit (principal, action, resource);', "line 3", "already"),
        ('@id("a") permit (principal == ?principal, action, resource);', "line 3", "templates"),
        ('@id("a") forbid (principal, action == Action::"look", resource)\n'
         'when { resource has time && resource.time.toTime() < duration("1h") };', "line 3", "written out"),
        ('@id("a") permit (principal, action, resource)', "line 3", "end of input"),
    ],
)  # fmt: skip
def test_a_policy_with_an_error_is_refused_with_its_place(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    (tmp_path / "site.cedar").write_text(GOOD + text)
    with pytest.raises(ConfigError) as refused:
        load_policies(tmp_path)
    assert f"site.cedar, {where}" in str(refused.value)
    assert what in str(refused.value)


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no policy"):
        load_policies(tmp_path)


def test_a_policy_that_cannot_be_worked_out_closes(tmp_path: Path) -> None:
    (tmp_path / "site.cedar").write_text(
        GOOD + '@id("broken") forbid (principal, action == Action::"look", resource)\n'
        'when { resource has time && resource.time < datetime("2020-01-01") && 9223372036854775807 + 1 > 0 };'
    )
    engine = load_policies(tmp_path)
    old, new = engine.look(CARE, [replace(CONDITION, time_ms=0), replace(CONDITION, time_ms=2**42)])
    assert not old.is_permitted
    assert new.is_permitted


def test_the_moments_of_policies_are_known(tmp_path: Path) -> None:
    (tmp_path / "site.cedar").write_text(
        '@id("recent") permit (principal, action == Action::"look", resource)\n'
        'when { resource has time && datetime("1970-01-02") <= resource.time };'
    )
    engine = load_policies(tmp_path)
    day = 86_400_000
    assert engine.cuts_ms == (day, day + 1)
    found = engine.look(CARE, [replace(CONDITION, time_ms=at) for at in (day - 1, day, None)])
    assert [each.is_permitted for each in found] == [False, True, False]


def test_statements_end_where_they_end() -> None:
    text = '// a; b\npermit (x) when { s == "a;\\";b" };\n\n// c\n\nforbid (y);\n  '
    found = statements_of(text)
    assert [each.line for each in found] == [2, 6]
    assert found[0].text.startswith("permit")
    assert found[1].text == "forbid (y);"


def test_the_schema_has_every_category_and_label() -> None:
    schema = (SHIPPED.parent / "schema.cedarschema").read_text()
    for name in {*CODELISTS, *(each for some in every_category() for each in some)}:
        assert f'"{name}"' in schema
    for action in Action:
        assert action.value in schema
