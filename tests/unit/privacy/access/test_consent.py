"""FHIR Consents become rules; what cannot be read denies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.privacy.access.consent import Asker, Datum, rule_of, said_by
from lifecourse.privacy.access.consents import Consents
from lifecourse.privacy.keys import FileKeyProvider
from lifecourse.schema.actor import Actor
from lifecourse.schema.identity import Identity

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000_000
NOW = 20_000 * DAY  # 2024-10-04
ADA = Asker(identity=Identity(actor=Actor(name="Practitioner/7")), use="TREAT", now=NOW)
PLAIN = Datum(names=frozenset(), categories=frozenset({"Condition"}), time=NOW - DAY)
HIV = replace(PLAIN, labels=frozenset({"hiv"}), protected=frozenset({"hiv"}))


def consent(provision: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "patient": {"reference": "Patient/1"},
        "policyRule": {"coding": [{"code": "OPTIN"}]},
        **({} if provision is None else {"provision": provision}),
        **rest,
    }


def said(raw: dict[str, Any], datum: Datum = PLAIN, asker: Asker = ADA) -> str:
    rule = rule_of(raw)
    return said_by(() if rule is None else (rule,), asker, datum)


def coded(*codes: str) -> list[dict[str, str]]:
    return [{"code": code} for code in codes]


def test_the_policy_rule_holds_where_no_provision_says_otherwise() -> None:
    assert said(consent()) == "permit"
    assert said(consent(policyRule={"coding": coded("OPTOUT")})) == "deny"
    assert said(consent({"type": "deny"})) == "deny"


def test_an_exception_is_an_exception() -> None:
    raw = consent({"provision": [{"type": "deny", "securityLabel": coded("HIV")}]})
    assert said(raw) == "permit"
    assert said(raw, HIV) == "deny"
    back = {"type": "permit", "securityLabel": coded("HIV"), "purpose": coded("HRESCH")}
    raw["provision"]["provision"][0]["provision"] = [back]
    assert said(raw, HIV) == "deny"
    assert said(raw, HIV, replace(ADA, use="HRESCH")) == "permit"


def test_a_permission_opens_what_is_protected_only_where_it_speaks_of_labels() -> None:
    assert said(consent(), HIV) == "none"
    assert (
        said(consent({"provision": [{"type": "permit", "securityLabel": coded("HIV")}]}), HIV)
        == "permit"
    )
    assert said(consent({"securityLabel": coded("R")}), HIV) == "permit"
    assert said(consent({"securityLabel": coded("N")}), HIV) == "none"
    assert said(consent({"securityLabel": coded("N")})) == "permit"


def test_a_rule_holds_within_its_period_both_ends_included() -> None:
    def within(start: str, end: str) -> str:
        return said(consent({"type": "deny", "period": {"start": start, "end": end}}))

    assert within("2024-10-04", "2024-10-04") == "deny"
    assert within("2024", "2024") == "deny"
    assert within("2024-11", "2025") == "none"
    assert within("2020-01-01T00:00:00Z", "2024-10-03T23:59:59Z") == "none"


def test_data_are_told_apart_by_when_they_were_known() -> None:
    raw = consent({"provision": [{"type": "deny", "dataPeriod": {"end": "2020-01"}}]})
    assert said(raw) == "permit"
    assert said(raw, replace(PLAIN, time=10_000 * DAY)) == "deny"
    assert said(raw, replace(PLAIN, time=None)) == "deny"  # cannot be told


def test_actors_are_told_apart_where_their_names_are_of_one_kind() -> None:
    def of(reference: str, asker: Asker = ADA, effect: str = "deny") -> str:
        actor = [{"role": {"coding": coded("PRCP")}, "reference": {"reference": reference}}]
        return said(consent({"type": effect, "actor": actor}), asker=asker)

    assert of("Practitioner/7") == "deny"
    assert of("Practitioner/8") == "none"
    assert of("CareTeam/8") == "deny"
    assert of("CareTeam/8", effect="permit") == "none"
    local = replace(ADA, identity=Identity(actor=Actor(name="7")))
    assert of("Practitioner/7", local, "permit") == "permit"
    assert of("Patient/7", local, "permit") == "none"
    assert of("Practitioner/8", local) == "deny"  # whoever "7" is elsewhere


def test_classes_and_codes_narrow_a_rule() -> None:
    raw = consent({"provision": [{"type": "deny", "class": coded("Condition")}]})
    assert said(raw) == "deny"
    assert said(raw, replace(PLAIN, categories=frozenset({"Observation"}))) == "permit"
    assert said(raw, replace(PLAIN, categories=frozenset({"Condition", "Procedure"}))) == "deny"
    concept = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F10"}]}
    raw = consent({"provision": [{"type": "deny", "code": [concept]}]})
    assert said(raw) == "permit"
    assert said(raw, replace(PLAIN, names=frozenset({"ICD10CM//F10"}))) == "deny"


def test_a_consent_that_is_not_in_force_says_nothing() -> None:
    for status in ("draft", "proposed", "rejected", "inactive", "entered-in-error"):
        assert rule_of(consent({"type": "deny"}, status=status)) is None


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"resourceType": "Consent"},
        consent(status="on-hold"),
        consent(policyRule={"coding": coded("hipaa-auth")}),
        consent({"provision": [{"securityLabel": coded("HIV")}]}),
        consent({"type": "permit", "modifierExtension": [{"url": "x"}]}),
        consent(modifierExtension=[{"url": "x"}]),
        consent({"type": "allow"}),
        consent({"type": "permit", "period": {}}),
        consent({"type": "permit", "period": {"start": "soon"}}),
        consent({"type": "permit", "provision": {"type": "deny"}}),
        consent({"type": "permit", "purpose": "TREAT"}),
        {**consent(), "provision": []} | {"provision": ["permit"]},
    ],
)
def test_what_cannot_be_read_denies(raw: dict[str, Any]) -> None:
    assert said(raw) == "deny"


@pytest.mark.parametrize(
    "unknown",
    [
        {"purpose": coded("VERYODD")},
        {"securityLabel": coded("VERYODD")},
        {"class": coded("Spaceship")},
        {"action": [{"coding": coded("dance")}]},
        {"code": [{"text": "only words"}]},
        {"data": [{"meaning": "instance", "reference": {"reference": "Observation/1"}}]},
    ],
)
def test_an_unknown_condition_denies_and_never_permits(unknown: dict[str, Any]) -> None:
    assert said(consent({"type": "deny", **unknown})) == "deny"
    assert said(consent({"type": "permit", **unknown})) == "none"
    within = {
        "type": "permit",
        **unknown,
        "provision": [{"type": "deny", "class": coded("Condition")}],
    }
    assert said(consent(within)) == "deny"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "provision", "coding", "code", "period", "start", "purpose", "class", "actor"]),
            inner, max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["provision", "policyRule", "status", "scope", "category"]), json
    )
)
def test_nonsense_never_raises_and_never_opens_what_is_protected(rest: dict[str, Any]) -> None:
    assert said({"resourceType": "Consent", "status": "active", **rest}, HIV) in ("none", "deny")


def test_consents_are_kept_replaced_forgotten_and_sealed(tmp_path: Path) -> None:
    keys = FileKeyProvider(tmp_path / "key").create()
    kept = Consents(home=tmp_path, keys=keys)
    kept.keep([(1, consent({"type": "deny"}, id="a")), (2, consent(id="b"))])
    assert set(kept.rules()) == {1, 2}
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert b"OPTIN" not in kept.path.read_bytes()
    kept.keep([(1, consent(id="a"))])
    assert said_by(kept.rules()[1], ADA, PLAIN) == "permit"
    assert said_by(Consents(home=tmp_path).rules()[1], ADA, PLAIN) == "deny"  # the key is gone
    kept.forget(1)
    assert set(kept.rules()) == {2}
    kept.forget(2)
    assert not kept.path.exists()
