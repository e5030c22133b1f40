"""What each kind of statement of a C-CDA document says: code, moment, value, and whether it is so."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from ccdas import (
    LOINC,
    RXNORM,
    SNOMED,
    TEMPLATES,
    codes,
    document,
    facts,
    observation,
    problem,
    read,
    reasons,
    section,
)

DIABETES = f'<value xsi:type="CD" code="44054006" codeSystem="{SNOMED}" displayName="Diabetes"/>'
AT = '<effectiveTime value="20190301"/>'
HBA1C = f'<code code="4548-4" codeSystem="{LOINC}" displayName="HbA1c"/>'


def only(
    *statements: str, code: str = "30954-2", text: str = "", zone: str = "UTC"
) -> dict[str, Any]:
    """The one fact of a section with these statements."""
    (fact,) = facts(read(document(section(code, *statements, text=text)), zone=zone))
    return fact


# -- problems -----------------------------------------------------------------------------------------------


def test_problem_is_known_when_its_author_wrote_it_with_onset_and_end() -> None:
    when = '<effectiveTime><low value="2015"/><high value="201806"/></effectiveTime>'
    author = '<author><time value="20160203101500-0500"/></author>'
    fact = only(problem(DIABETES + when + author), code="11450-4")
    assert fact["code"] == "SNOMED//44054006"
    assert fact["time"] == datetime(2016, 2, 3, 15, 15)
    assert fact["onset_time"] == datetime(2015, 1, 1)
    assert fact["precision"] == "year"
    assert fact["end_time"] == datetime(2018, 6, 30, 23, 59, 59, 999999)
    assert fact["text_value"] == "Diabetes"
    assert fact["source_part"] == "act/entryRelationship[1]/observation"


def test_problem_of_the_concerns_author_is_not_known_before_it_began() -> None:
    when = '<effectiveTime><low value="20170601"/></effectiveTime><author><time value="2016"/></author>'
    fact = only(problem(DIABETES + when), code="11450-4")
    assert fact["time"].date().isoformat() == "2017-06-01"


@pytest.mark.parametrize(
    "over",
    [
        '<effectiveTime><low value="2015"/><high nullFlavor="UNK"/></effectiveTime>',
        f'{AT}<entryRelationship>{observation("6", f"""<value code="413322009" codeSystem="{SNOMED}"/>""")}</entryRelationship>',
    ],
)
def test_problem_that_is_over_without_a_date_ends_when_the_document_says_so(over: str) -> None:
    fact = only(problem(DIABETES + over), code="11450-4")
    assert fact["end_time"] == datetime(2020, 1, 1, 12)


def test_negated_problem_is_refuted_and_has_no_end() -> None:
    fact = only(problem(DIABETES + AT, 'negationInd="true"'), code="11450-4")
    assert fact["code"] == "REFUTED//SNOMED//44054006"
    assert fact["end_time"] is None


def test_translation_of_a_known_system_stands_for_a_local_or_null_code() -> None:
    icd = '<translation code="E119" codeSystem="2.16.840.1.113883.6.90"/>'
    local = f'<value xsi:type="CD" code="X7" codeSystem="1.2.3.4">{icd}</value>'
    null = f'<value xsi:type="CD" nullFlavor="OTH">{icd}</value>'
    snomed = DIABETES.replace('value xsi:type="CD"', "translation")
    both = f'<value xsi:type="CD" code="E119" codeSystem="2.16.840.1.113883.6.90">{snomed}</value>'
    assert only(problem(local + AT), code="11450-4")["code"] == "ICD10CM//E11.9"
    assert only(problem(null + AT), code="11450-4")["code"] == "ICD10CM//E11.9"
    assert only(problem(both + AT), code="11450-4")["code"] == "SNOMED//44054006"


def test_code_with_an_unknown_oid_is_of_the_system_that_it_names() -> None:
    named = '<value xsi:type="CD" code="E11.9" codeSystem="1.1.1" codeSystemName="ICD-10-CM"/>'
    assert only(problem(named + AT), code="11450-4")["code"] == "ICD10CM//E11.9"


def test_problem_in_words_alone_takes_them_from_the_narrative() -> None:
    words = '<value xsi:type="CD" nullFlavor="UNK"><originalText><reference value="#p"/></originalText></value>'
    text = '<paragraph ID="p">Sugar sickness</paragraph>'
    fact = only(problem(words + AT), code="11450-4", text=text)
    assert (fact["code"], fact["text_value"]) == ("TEXT//Condition", "Sugar sickness")


def test_nullified_statement_is_a_reject_and_takes_the_record_back() -> None:
    batch = read(
        document(section("30954-2", observation("2", f'{HBA1C}<statusCode code="nullified"/>{AT}')))
    )
    assert codes(batch) == []
    assert reasons(batch) == ["entered in error"]
    assert batch.deletions is not None
    assert batch.deletions["source_id"].to_list() == ["observation/5.5|o1"]


def test_statement_that_nobody_knows_of_is_a_reject() -> None:
    batch = read(document(section("30954-2", observation("2", HBA1C + AT, 'nullFlavor="UNK"'))))
    assert reasons(batch) == ["said to be unknown"]


def test_statement_about_a_fetus_or_a_donor_is_no_fact_of_the_person() -> None:
    fetus = '<subject><relatedSubject><code code="FETUS"/></relatedSubject></subject>'
    batch = read(document(section("11450-4", problem(DIABETES + AT + fetus))))
    assert codes(batch) == []
    assert reasons(batch) == ["about somebody else"]


def test_criterion_is_no_fact() -> None:
    criterion = observation("2", HBA1C + AT).replace('moodCode="EVN"', 'moodCode="EVN.CRT"')
    assert codes(read(document(section("30954-2", criterion)))) == []


def test_deceased_observation_is_the_death() -> None:
    dead = f'<value xsi:type="CD" code="419099009" codeSystem="{SNOMED}"/>'
    assert only(observation("79", AT + dead))["code"] == "MEDS_DEATH"


# -- allergies and relatives --------------------------------------------------------------------------------


def allergy(substance: str, kind: str, attributes: str = "") -> str:
    """An allergy observation."""
    who = f"<participant><participantRole><playingEntity>{substance}</playingEntity></participantRole></participant>"
    value = f'<value xsi:type="CD" code="{kind}" codeSystem="{SNOMED}"/>'
    return observation("7", f"{value}{AT}{who}", attributes)


def test_allergy_is_to_its_substance() -> None:
    penicillin = f'<code code="7980" codeSystem="{RXNORM}" displayName="Penicillin"/>'
    assert only(allergy(penicillin, "419199007"), code="48765-2")["code"] == "ALLERGY//RxNorm//7980"
    refuted = allergy(penicillin, "419199007", 'negationInd="true"')
    assert only(refuted, code="48765-2")["code"] == "REFUTED//ALLERGY//RxNorm//7980"


@pytest.mark.parametrize(
    ("substance", "kind", "none_known"),
    [
        ('<code nullFlavor="NA"/>', "416098002", "409137002"),
        (f'<code code="105590001" codeSystem="{SNOMED}"/>', "419199007", "716186003"),
    ],
)
def test_denied_allergy_to_anything_is_no_known_allergy(
    substance: str, kind: str, none_known: str
) -> None:
    fact = only(allergy(substance, kind, 'negationInd="true"'), code="48765-2")
    assert fact["code"] == f"ALLERGY//SNOMED//{none_known}"


def test_relatives_condition_is_never_the_persons_own() -> None:
    relation = '<subject><relatedSubject><code code="FTH" displayName="Father"/></relatedSubject></subject>'
    inner = observation("46", f'<effectiveTime value="1967"/>{DIABETES}')
    organizer = (
        f'<organizer classCode="CLUSTER" moodCode="EVN"><templateId root="{TEMPLATES}.45"/>{relation}'
        f"<component>{inner}</component></organizer>"
    )
    fact = only(organizer, code="10157-6")
    assert (fact["code"], fact["text_value"]) == (
        "FAMILY_HISTORY//SNOMED//44054006",
        "Father: Diabetes",
    )
    assert fact["time"] == datetime(2020, 1, 1, 12)


def test_statement_that_is_refused_midway_leaves_nothing_behind() -> None:
    timed = observation("46", f'<author><time value="2019"/></author>{DIABETES}', name="f1")
    untimed = observation("46", DIABETES, name="f1")
    organizer = (
        f'<organizer classCode="CLUSTER" moodCode="EVN"><templateId root="{TEMPLATES}.45"/>'
        f"<component>{timed}</component><component>{untimed}</component></organizer>"
    )
    batch = read(
        document(
            section("10157-6", organizer),
            section("11450-4", problem(DIABETES + AT, name="f1")),
            made="",
        )
    )
    assert codes(batch) == ["SNOMED//44054006"]
    assert facts(batch)[0]["source_id"] == "observation/5.5|f1"


# -- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "code", "number", "unit", "text"),
    [
        ('<value xsi:type="PQ" value="7.5" unit="%"/>', "LOINC//4548-4", 7.5, "%", None),
        ('<value xsi:type="IVL_PQ"><high value="5" unit="%" inclusive="false"/></value>', "LOINC//4548-4", 5.0, "%", "<"),
        ('<value xsi:type="IVL_PQ"><low value="9" unit="%"/></value>', "LOINC//4548-4", 9.0, "%", ">="),
        ('<value xsi:type="IVL_PQ"><low value="5" unit="%"/><high value="6"/></value>', "LOINC//4548-4", None, "%", "5..6"),
        ('<value xsi:type="INT" value="3"/>', "LOINC//4548-4", 3.0, None, None),
        ('<value xsi:type="REAL" value="0.25"/>', "LOINC//4548-4", 0.25, None, None),
        ('<value xsi:type="BL" value="true"/>', "LOINC//4548-4", 1.0, None, None),
        ('<value xsi:type="ST">amber</value>', "LOINC//4548-4", None, None, "amber"),
        ('<value xsi:type="ST">12</value>', "LOINC//4548-4", 12.0, None, "12"),
        ('<value xsi:type="TS" value="20200919"/>', "LOINC//4548-4", None, None, "20200919"),
        ('<value xsi:type="RTO_PQ_PQ"><numerator value="1" unit="mg"/><denominator value="4" unit="mL"/></value>', "LOINC//4548-4", 0.25, "mg/mL", "1:4"),
        (f'<value xsi:type="CD" code="260373001" codeSystem="{SNOMED}" displayName="Detected"/>', "LOINC//4548-4//SNOMED//260373001", None, None, "Detected"),
        ('<value xsi:type="PQ" nullFlavor="OTH"><translation value="9"><originalText>THOU/MCL</originalText></translation></value>', "LOINC//4548-4", 9.0, "THOU/MCL", None),
        ('<value xsi:type="PQ" value="too high" unit="%"/>', "LOINC//4548-4", None, "%", "too high"),
        ('<value xsi:type="PQ" value="1e99" unit="%"/>', "LOINC//4548-4", None, "%", "1e99"),
        ('<value xsi:type="PQ" nullFlavor="UNK"/>', "NOT_DONE//LOINC//4548-4", None, None, None),
        ('<value value="7.5" unit="%"/>', "LOINC//4548-4", 7.5, "%", None),
    ],
)  # fmt: skip
def test_value_of_every_kind(
    value: str, code: str, number: float | None, unit: str | None, text: str | None
) -> None:
    fact = only(observation("2", f'{HBA1C}<statusCode code="completed"/>{AT}{value}'))
    assert (fact["code"], fact["numeric_value"], fact["unit"], fact["text_value"]) == (
        code,
        number,
        unit,
        text,
    )


def test_result_that_is_pending_or_cancelled_is_a_reject() -> None:
    for status, reason in (("active", "registered, no result yet"), ("aborted", "cancelled")):
        inside = f'{HBA1C}<statusCode code="{status}"/>{AT}'
        batch = read(document(section("30954-2", observation("2", inside))))
        assert reasons(batch) == [reason]


def test_smoking_status_stands_under_its_question_in_both_releases() -> None:
    value = f'<value xsi:type="CD" code="8517006" codeSystem="{SNOMED}"/>'
    older = '<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/>'
    newer = f'<code code="72166-2" codeSystem="{LOINC}"/>'
    for code in (older, newer):
        fact = only(observation("78", code + AT + value), code="29762-2")
        assert fact["code"] == "LOINC//72166-2//SNOMED//8517006"


def test_panel_and_its_results_share_a_row_and_say_which_part_they_are() -> None:
    inside = f'{HBA1C}<statusCode code="completed"/><value xsi:type="PQ" value="7.5" unit="%"/>'
    organizer = (
        f'<organizer classCode="BATTERY" moodCode="EVN"><templateId root="{TEMPLATES}.1"/><id root="5.6"/>'
        f'<code code="55399-0" codeSystem="{LOINC}"/><statusCode code="completed"/>{AT}'
        f"<component>{observation('2', inside)}</component></organizer>"
    )
    panel, result = facts(read(document(section("30954-2", organizer))))
    assert (panel["code"], result["code"]) == ("LOINC//55399-0", "LOINC//4548-4")
    assert panel["source_row"] == result["source_row"] == 4
    assert result["source_part"] == "organizer/component[1]/observation"
    assert result["onset_time"] == datetime(2019, 3, 1)


# -- times --------------------------------------------------------------------------------------------------


def test_offsets_count_and_times_without_one_are_of_the_declared_zone() -> None:
    value = '<value xsi:type="PQ" value="7.5" unit="%"/>'
    exact = observation("2", f'{HBA1C}<effectiveTime value="20190301103000-0500"/>{value}')
    naive = observation("2", f'{HBA1C}<effectiveTime value="201907011030"/>{value}')
    assert only(exact)["time"] == datetime(2019, 3, 1, 15, 30)
    assert only(naive, zone="Europe/Vienna")["time"] == datetime(2019, 7, 1, 8, 30)


def test_time_that_is_none_is_counted_and_the_author_or_document_says_when() -> None:
    value = '<value xsi:type="PQ" value="7.5" unit="%"/>'
    inside = f'{HBA1C}<effectiveTime value="200130311"/>{value}'
    batch = read(document(section("30954-2", observation("2", inside))))
    assert facts(batch)[0]["time"] == datetime(2020, 1, 1, 12)
    assert batch.counts["times that are no HL7 time stamps, left out"] == 1


# -- what is done, taken, planned ---------------------------------------------------------------------------


def drug(inside: str, mood: str = "EVN", attributes: str = "") -> str:
    """A medication activity."""
    code = f'<code code="860975" codeSystem="{RXNORM}" displayName="metformin"/>'
    product = (
        f"<consumable><manufacturedProduct><manufacturedMaterial>{code}</manufacturedMaterial>"
        "</manufacturedProduct></consumable>"
    )
    return (
        f'<substanceAdministration classCode="SBADM" moodCode="{mood}" {attributes}>'
        f'<templateId root="{TEMPLATES}.16"/>{inside}{product}</substanceAdministration>'
    )


PERIOD = '<effectiveTime xsi:type="IVL_TS"><low value="20180101"/><high value="20180201"/></effectiveTime>'


def test_medicine_lasts_as_it_says_and_its_dose_is_an_event_of_its_own() -> None:
    inside = f'<statusCode code="active"/>{PERIOD}<doseQuantity value="500" unit="mg"/>'
    taken, dose = facts(read(document(section("10160-0", drug(inside)))))
    assert (taken["code"], taken["numeric_value"]) == ("RxNorm//860975", None)
    assert taken["end_time"] == datetime(2018, 2, 1, 23, 59, 59, 999999)
    assert (dose["code"], dose["numeric_value"], dose["unit"]) == (
        "DOSE//RxNorm//860975",
        500.0,
        "mg",
    )


def test_medicine_not_taken_planned_or_over() -> None:
    assert only(drug(PERIOD, attributes='negationInd="true"'))["code"] == "NOT_DONE//RxNorm//860975"
    assert only(drug(PERIOD, mood="INT"), code="18776-5")["code"] == "PLANNED//RxNorm//860975"
    assert only(drug(PERIOD, mood="INT"), code="10160-0")["code"] == "RxNorm//860975"
    over = only(
        drug('<statusCode code="completed"/><effectiveTime><low value="2018"/></effectiveTime>')
    )
    assert over["end_time"] == over["time"]


def test_what_is_planned_is_known_when_the_document_was_made() -> None:
    planned = (
        f'<procedure classCode="PROC" moodCode="RQO"><templateId root="{TEMPLATES}.41"/>'
        f'<code code="73761001" codeSystem="{SNOMED}"/><effectiveTime value="20210615"/></procedure>'
    )
    fact = only(planned, code="18776-5")
    assert fact["code"] == "PLANNED//SNOMED//73761001"
    assert fact["time"] == datetime(2020, 1, 1, 12)
    assert fact["onset_time"] == datetime(2021, 6, 15)


def test_visit_is_of_its_class_from_start_to_end() -> None:
    visit = (
        f'<encounter classCode="ENC" moodCode="EVN"><templateId root="{TEMPLATES}.49"/>'
        '<code code="99213" codeSystem="2.16.840.1.113883.6.12"/>'
        '<effectiveTime><low value="201903010900"/><high value="201903010940"/></effectiveTime></encounter>'
    )
    start, end = facts(read(document(section("46240-8", visit))))
    assert (start["code"], end["code"]) == ("VISIT//outpatient", "VISIT_END//outpatient")
    assert start["end_time"] == end["time"] == datetime(2019, 3, 1, 9, 40)


def test_diagnosis_of_a_visit_without_a_time_is_of_the_visit() -> None:
    visit = (
        f'<encounter classCode="ENC" moodCode="EVN"><templateId root="{TEMPLATES}.49"/><code code="AMB" '
        f'codeSystem="2.16.840.1.113883.5.4"/><effectiveTime value="201903010900"/><entryRelationship>'
        f'<act classCode="ACT" moodCode="EVN"><templateId root="{TEMPLATES}.80"/><entryRelationship>'
        f"{observation('4', DIABETES)}</entryRelationship></act></entryRelationship></encounter>"
    )
    _, diagnosis = facts(read(document(section("46240-8", visit))))
    assert diagnosis["code"] == "SNOMED//44054006"
    assert diagnosis["time"] == datetime(2019, 3, 1, 9)


# -- texts and what is left out -----------------------------------------------------------------------------


def test_narrative_is_text_under_the_document_and_the_section() -> None:
    text = "<paragraph>She\n   sleeps <content>well</content>.</paragraph><table><tr><td>a</td><td>b</td></tr></table>"
    batch = read(document(section("10164-2", text=text)))
    assert batch.events is not None
    (row,) = [
        e for e in batch.events.to_dicts() if e["code"] == "NOTE//LOINC//34133-9//LOINC//10164-2"
    ]
    assert row["text_value"] == "She sleeps well.\na b"


def test_everything_that_is_not_read_is_counted_by_its_template() -> None:
    severity = f"<entryRelationship>{observation('8', DIABETES)}</entryRelationship>"
    unheard = '<entryRelationship><observation><templateId root="1.2.3.4"/></observation></entryRelationship>'
    batch = read(
        document(
            section("11450-4", problem(DIABETES + AT + severity + unheard)), section("99999-9")
        )
    )
    assert batch.counts["Severity Observation: part of the statement around it"] == 1
    assert batch.counts["observation 1.2.3.4: not read"] == 1
    assert batch.reference_rows == {"section Problem list": 1, "section 99999-9": 1}


def test_part_of_a_document_is_read_to_the_end_and_every_entry_of_it_a_reject() -> None:
    entry = section("11450-4", problem(DIABETES + AT))  # prefixes are declared further out
    batch = read(entry)
    assert codes(batch) == []
    assert len(reasons(batch)) == batch.rows_read == 2
    assert (
        batch.counts[
            "entry of Problem Concern Act dropped: a document, or a part of one, that names no person"
        ]
        == 1
    )
