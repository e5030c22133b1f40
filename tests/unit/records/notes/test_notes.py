"""What notes say, by ConText: on sentences with their meaning beside them, in the store, and kept apart from coded facts."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from lifecourse.features import featurize
from lifecourse.features.recipe import EveryCode, NamedCovariate, Recipe
from lifecourse.records.notes import with_facts
from lifecourse.records.notes.context import CUES, SECTIONS, TERMS, Status, mentions, sentences
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.schema.covariate import Summary
from lifecourse.simulation import simulate
from lifecourse.simulation.words import REMARKS
from lifecourse.tasks.phenotypes import phenotype
from lifecourse.timeline.access import Timeline, open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin
from lifecourse.vocab.codelists import names

WHO = {"actor": Actor(name="t"), "purpose": Purpose.RESEARCH}


def rows(path: Path, separator: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        told = (line for line in lines if not line.startswith("#"))
        return list(csv.DictReader(told, delimiter=separator))


def test_sentences_are_understood_as_they_were_meant() -> None:
    given = rows(Path(__file__).with_name("sentences.csv"), "|")
    right, found = 0, 0
    for row in given:
        here = [m for m in mentions(row["sentence"]) if m.term == row["term"]]
        found += bool(here)
        right += bool(here) and here[0].status == row["status"]
    assert found == len(given)
    assert right / len(given) >= 0.98


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mr Samuel Parkinson was seen by Dr Graves and Dr Down. No new complaint.", []),
        ("Denies angina. Has COPD.", ["NEGATED angina", "PRESENT copd"]),
        ("No angina, but has COPD", ["NEGATED angina", "PRESENT copd"]),
        ("Father: COPD\nMother: asthma\n\nAsthma since 2010", ["FAMILY copd", "FAMILY asthma", "PRESENT asthma"]),
        ("NO  EVIDENCE\nof atrial\nfibrillation", ["NEGATED atrial fibrillation"]),
        ("type 2 diabetes mellitus", ["PRESENT type 2 diabetes mellitus"]),
        ("cancerous anginal non-copd", []),
        ("Dr. Adams noted COPD", ["PRESENT copd"]),
        ("HbA1c was 7.2 in type 2 diabetes", ["PRESENT type 2 diabetes"]),
        ("Family History:\nDiabetes\nStroke (cause of death)\n\nPlan: treat hypertension", ["FAMILY diabetes", "FAMILY stroke", "PRESENT hypertension"]),
        ("PMH: COPD. Gout.\nHPI: worsening asthma", ["HISTORICAL copd", "PRESENT asthma"]),
        ("FH: no cancer", ["NO_FAMILY cancer"]),
        ("No family history of asthma", ["NO_FAMILY asthma"]),
        ("Mother never had asthma. Father without COPD", ["NO_FAMILY asthma", "NO_FAMILY copd"]),
        ("No cough, mother had asthma", ["FAMILY asthma"]),
        ("Density, malignancy is not excluded", ["HYPOTHETICAL malignancy"]),
        ("Patient has a history of asthma and is morbidly obese.", ["HISTORICAL asthma", "PRESENT obese"]),
        ("", []),
    ],
)  # fmt: skip
def test_terms_cues_and_sentences(text: str, said: list[str]) -> None:
    assert [f"{m.status.name} {m.term}" for m in mentions(text)] == said


def test_a_section_says_whose_its_facts_are() -> None:
    assert mentions("Diabetes 40", "LOINC//10157-6")[0].status is Status.FAMILY
    assert mentions("Diabetes 40", "LOINC//11450-4")[0].status is Status.PRESENT
    events = pl.DataFrame(
        {
            "code": ["NOTE//LOINC//34133-9//LOINC//10157-6", "NOTE//LOINC//34133-9"],
            "text_value": ["Diabetes 40"] * 2,
        }
    )
    told, _ = with_facts(events)
    assert told["code"].to_list()[2:] == ["NOTED//FAMILY//diabetes", "NOTED//diabetes"]


def test_offsets_are_those_of_the_text() -> None:
    text = "Seen on 03/04/2020.  Denies COPD; mother had asthma.\nStable."
    for mention in mentions(text):
        assert text[mention.start : mention.end].lower() == mention.term
        assert mention.sentence_start <= mention.start < mention.end <= mention.sentence_end
    assert [text[a:b] for a, b in sentences(text)] == [
        "Seen on 03/04/2020.", "Denies COPD;", "mother had asthma.", "Stable.",
    ]  # fmt: skip


def test_a_text_of_any_length_is_looked_through() -> None:
    text = "word " * 40_000 + "COPD " + "no " * 10_000
    assert [m.term for m in mentions(text)] == ["copd"]


def test_the_tables_name_codelists_and_scopes_that_there_are() -> None:
    assert {row["codelist"] for row in rows(TERMS)} <= set(names())
    kinds = {(row["says"], row["scope"]) for row in rows(CUES)}
    statuses = {status.value for status in Status} - {"present"}
    assert {says for says, _ in kinds} == statuses | {"pseudo", "end"}
    assert {row["says"] for row in rows(SECTIONS)} <= statuses
    assert {scope for says, scope in kinds if says in statuses} <= {"after", "before", "around"}
    cues = [row["cue"] for row in rows(CUES)]
    assert len(cues) == len(set(cues))


# -- in the store --------------------------------------------------------------------------------------------

TRUTH = {
    "Mother had type 2 diabetes": "NOTED//FAMILY//type_2_diabetes",
    "No evidence of atrial fibrillation": "NOTED//NEGATED//atrial_fibrillation",
    "History of hypertension, well controlled": "NOTED//HISTORICAL//hypertension",
}
"""What the simulator's remarks say of a codelist; the other remarks say nothing of any."""


def events_of(timeline: Timeline) -> pl.DataFrame:
    columns = ["subject_id", "time", "code", "text_value", "source_id", "source_part"]
    shards = [timeline.holding.events(i, columns=columns) for i in range(timeline.n_shards)]
    return pl.concat(shards).with_columns(pl.col("code").cast(pl.String))


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    simulate(80, 5, "fhir", folder / "out", futures=0)
    people = Identifiability.SYNTHETIC
    ingest(folder / "out", folder / "without", identifiability=people, workers=1)
    ingest(
        folder / "out",
        folder / "with",
        identifiability=people,
        facts_from_notes=True,
        workers=1,
    )
    return folder


def test_simulated_notes_give_every_fact_that_they_tell_and_no_other(hospital: Path) -> None:
    events = events_of(open_timeline(hospital / "with", **WHO))
    notes = events.filter(pl.col("code").str.starts_with("NOTE//"))
    noted = events.filter(pl.col("code").str.starts_with("NOTED//"))
    told = {
        (note["source_id"], code)
        for note in notes.iter_rows(named=True)
        for remark, code in TRUTH.items()
        if remark in note["text_value"]
    }
    found = set(noted.select("source_id", "code").iter_rows())
    assert len(told) > 10
    assert found == told  # precision 1, recall 1: names of people are no diseases
    assert set(TRUTH) < set(REMARKS)


def test_what_notes_say_stands_beside_coded_facts_and_changes_none(hospital: Path) -> None:
    without, with_ = (open_timeline(hospital / name, **WHO) for name in ("without", "with"))
    coded = events_of(with_).filter(~pl.col("code").str.starts_with("NOTED//"))
    order = ["subject_id", "time", "code", "text_value"]
    assert coded.sort(order).equals(events_of(without).sort(order))
    for one, other in zip(without.shards(), with_.shards(), strict=True):
        kinds = [phenotype("type_2_diabetes").onset_places(shard) for shard in (one, other)]
        onsets = [shard.time[places] for shard, places in zip((one, other), kinds, strict=True)]
        assert onsets[0].tolist() == onsets[1].tolist()
    people = with_.subject_ids()
    labels = pl.DataFrame({"subject_id": people}).with_columns(
        prediction_time=pl.lit(datetime(2100, 1, 1), pl.Datetime("us"))
    )
    every = EveryCode(days=[None], summaries=[Summary.COUNT], min_count=1)
    asked = NamedCovariate(codes=["NOTED//FAMILY//type_2_diabetes"], summary=Summary.EXISTS)
    matrix = featurize(with_, labels, Recipe(name="r", covariates=[asked], every_code=every))
    assert not [code for code in matrix.vocabulary if code.startswith("NOTED//")]
    assert matrix.dense[:, -1].sum() > 0  # asked for by name, it is there


def test_facts_of_notes_hold_words_of_the_dictionary_alone(
    hospital: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    events = events_of(open_timeline(hospital / "with", **WHO))
    noted = events.filter(pl.col("code").str.starts_with("NOTED//"))
    words = {row["term"] for row in rows(TERMS)}
    assert set(noted["text_value"]) <= words
    assert noted["source_part"].str.contains(r"chars \d+-\d+$").all()
    said, warned = capfd.readouterr()
    notes = events.filter(pl.col("code").str.starts_with("NOTE//"))["text_value"].to_list()
    assert not any(
        word in said + warned for note in notes for word in note.split() if len(word) > 6
    )


def test_an_event_leads_back_to_its_sentence(hospital: Path) -> None:
    timeline = open_timeline(hospital / "with", **WHO)
    noted = events_of(timeline).filter(pl.col("code").str.starts_with("NOTED//"))
    subject = noted["subject_id"][0]
    events = timeline.chart(subject).events
    place = next(i for i, code in enumerate(events["code"]) if code.startswith("NOTED//"))
    shown = origin(hospital / "with", subject, place, **WHO)
    first, last = map(int, shown["source"]["part"].rsplit(" ", 1)[1].split("-"))
    note = events.filter(
        (pl.col("source_id") == shown["source"]["record"])
        & pl.col("code").str.starts_with("NOTE//")
    )
    sentence = note["text_value"][0][first:last]
    assert sentence.rstrip(".") in TRUTH


def test_asking_for_facts_later_reads_the_same_files_again(hospital: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    source = hospital / "out"
    first = ingest(source, store, identifiability=Identifiability.SYNTHETIC, workers=1)
    again = ingest(source, store, facts_from_notes=True, workers=1)
    assert again.events > first.events
    assert again.counts["facts derived from notes"] == again.events - first.events
    assert ingest(source, store, facts_from_notes=True, workers=1).version == again.version
    assert ingest(source, store, workers=1).events == first.events
