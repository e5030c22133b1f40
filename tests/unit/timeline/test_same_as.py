"""One person, once: records of several sources under one id, and each fact once with all its sources."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecourse.base.errors import SourceError
from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.schema.event import EVENT_COLUMNS
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin
from lifecourse.timeline.sameness import tellings
from lifecourse.timeline.store import Store

HEAD = "mrn,id,code,t,value,text,ends\n"
HERE = [
    "1,1,MEDS_BIRTH,1950-03-09,,,",
    "1,2,ICD10CM//E11.9,2020-01-05 10:00,,Type 2 diabetes,",
    "1,3,LOINC//4548-4,2020-01-05 10:00,7.5,,",
    "2,4,MEDS_BIRTH,1960-01-01,,,",
    "2,5,LOINC//4548-4,2020-02-05 10:00,5.5,,",
]
THERE = [
    "a,1,MEDS_BIRTH,1950-03-09,,,",
    "a,2,ICD10CM//E11.9,2020-01-05 10:00,,T2DM,2021-01-01",
    "a,3,LOINC//4548-4,2020-01-05 10:00,7.6,,",
    "b,4,MEDS_BIRTH,1960-01-02,,,",
    "c,5,LOINC//4548-4,2020-02-05 10:00,5.5,,",
]
MAP = ["here,1,anna", "there,a,anna", "there,b,bob", "here,2,bob"]
WHO = {"actor": Actor(name="t"), "purpose": Purpose.OPERATIONS}


def tables(folder: Path, lines: list[str], *, issuer: str) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "facts.csv").write_text(HEAD + "\n".join(lines) + "\n")
    (folder / "mapping.yaml").write_text(
        f"_source: {{issuer: {issuer}}}\n_defaults: {{subject_id: $mrn}}\n"
        "facts:\n  _table: {id: 'f\"fact/{$id}\"'}\n"
        "  fact: {code: $code, time: $t, numeric_value: $value, text_value: $text, end_time: $ends}\n"
    )
    return folder


def same_as(tmp_path: Path, lines: list[str], head: str = "source,id,person") -> Path:
    path = tmp_path / "same.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def both(tmp_path: Path, store: Path, map_: Path | None, **options: Any) -> dict[str, int]:
    report = None
    for issuer, lines in (("here", HERE), ("there", THERE)):
        folder = tables(tmp_path / issuer, lines, issuer=issuer)
        report = ingest(folder, store, plain=True, same_as=map_, **options)
    assert report is not None
    return report.counts


def events_of(store: Path, person: str = "1", issuer: str = "here") -> pl.DataFrame:
    found = Store(store)
    whole = pl.concat(found.read(part) for part in found.manifest().parts)
    return whole.filter(pl.col("subject_id") == subject_id(issuer, person))


def test_two_sources_are_one_person_and_a_fact_of_both_is_one_event(tmp_path: Path) -> None:
    counts = both(tmp_path, tmp_path / "store", same_as(tmp_path, MAP))
    anna = events_of(tmp_path / "store")
    assert anna.select("code", "numeric_value", "text_value", "end_time").rows() == [
        ("MEDS_BIRTH", None, None, None),
        ("ICD10CM//E11.9", None, "T2DM", datetime(2021, 1, 1, 23, 59, 59, 999999)),
        ("LOINC//4548-4", 7.5, None, None),
        ("LOINC//4548-4", 7.599999904632568, None, None),
    ]
    assert counts["facts told again by another source, kept with the first"] == 2
    assert counts["people with two birth dates"] == 1
    persons = Store(tmp_path / "store").read(Store(tmp_path / "store").manifest().persons)
    assert persons.height == 3


def test_an_event_of_two_sources_shows_where_both_say_it(tmp_path: Path) -> None:
    both(tmp_path, tmp_path / "store", same_as(tmp_path, MAP))
    me = subject_id("here", "1")
    found = origin(tmp_path / "store", me, 1, **WHO)
    assert (found["source"]["issuer"], found["source"]["row"]) == ("there", 2)
    (other,) = found["also"]
    assert (other["issuer"], other["file"], other["row"], other["record"]) == (
        "here",
        "facts.csv",
        2,
        "fact/2",
    )
    assert other["text_value"] == "Type 2 diabetes"
    shown = origin(tmp_path / "store", me, 1, **WHO, source=tmp_path / "here")
    assert '"text":"Type 2 diabetes"' in shown["also"][0]["raw"]
    assert shown["source"]["raw"] is None
    assert origin(tmp_path / "store", me, 2, **WHO)["also"] == []


def test_what_one_source_takes_back_stands_as_long_as_the_other_says_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    both(tmp_path, store, same_as(tmp_path, MAP))
    without = [line for line in THERE if not line.startswith("a,2")]
    ingest(tables(tmp_path / "there", without, issuer="there"), store, plain=True, snapshot=True)
    (kept,) = events_of(store).filter(pl.col("code") == "ICD10CM//E11.9").rows(named=True)
    assert (kept["text_value"], kept["end_time"], kept["also_from"]) == (
        "Type 2 diabetes",
        None,
        None,
    )
    ingest(tables(tmp_path / "here", HERE[:1], issuer="here"), store, plain=True, snapshot=True)
    assert "ICD10CM//E11.9" not in events_of(store)["code"].to_list()


def contents(store: Path) -> pl.DataFrame:
    """Every telling of every fact, without the order in which sources came."""
    found = Store(store)
    names = {i: s.issuer for i, s in enumerate(found.manifest().sources)}
    whole = pl.concat(tellings(found.read(part)) for part in found.manifest().parts)
    told = whole.with_columns(issuer=pl.col("source_file").replace_strict(names)).drop(
        "source_file"
    )
    return told.sort(told.columns, nulls_last=True)


@pytest.mark.parametrize("plan", ["map at first", "map at last", "map between", "in two steps"])
def test_when_the_map_comes_does_not_matter(tmp_path: Path, plan: str) -> None:
    """However sources and map come, the store is that of a map known from the beginning."""
    reference, store = tmp_path / "reference", tmp_path / "store"
    map_ = same_as(tmp_path, MAP)
    both(tmp_path, reference, map_)
    here = tables(tmp_path / "here", HERE, issuer="here")
    there = tables(tmp_path / "there", THERE, issuer="there")
    steps: list[tuple[Path, Path | None]]
    half = tmp_path / "half.csv"
    half.write_text("source,id,person\n" + "\n".join(MAP[:2]) + "\n")
    match plan:
        case "map at first":
            steps = [(here, map_), (there, None)]
        case "map at last":
            steps = [(here, None), (there, None), (there, map_)]
        case "map between":
            steps = [(there, None), (here, map_)]
        case _:
            steps = [(here, half), (there, None), (here, map_)]
    for source, given in steps:
        ingest(source, store, plain=True, same_as=given)
    assert contents(store).equals(contents(reference))
    hashes = [Store(each).manifest().content_hash for each in (store, reference)]
    assert hashes[0] == hashes[1]
    before = Store(store).manifest().version
    ingest(there, store, plain=True, same_as=map_)
    assert Store(store).manifest().version == before


def test_tellings_are_what_the_sources_said(tmp_path: Path) -> None:
    both(tmp_path, tmp_path / "apart", None)
    both(tmp_path, tmp_path / "together", same_as(tmp_path, MAP))
    content = [c for c in EVENT_COLUMNS if c not in ("subject_id", "source_file")]
    told = [contents(tmp_path / each).select("issuer", *content) for each in ("apart", "together")]
    assert told[0].sort(told[0].columns).equals(told[1].sort(told[1].columns))


def test_records_of_one_id_of_two_sources_are_two_records(tmp_path: Path) -> None:
    lines = ["a,1,LOINC//2160-0,2021-01-01 10:00,1.0,,"]
    map_ = same_as(tmp_path, MAP)
    ingest(
        tables(tmp_path / "h", HERE[:1], issuer="here"), tmp_path / "s", plain=True, same_as=map_
    )
    report = ingest(tables(tmp_path / "t", lines, issuer="there"), tmp_path / "s", plain=True)
    assert (report.added, report.changed, report.rejects) == (1, 0, {})
    assert events_of(tmp_path / "s")["source_id"].to_list() == ["fact/1", "fact/1"]


def test_the_same_value_twice_in_one_source_stays_twice(tmp_path: Path) -> None:
    twice = ["1,1,LOINC//4548-4,2020-01-05 10:00,7.5,,", "1,2,LOINC//4548-4,2020-01-05 10:00,7.5,,"]
    once = ["a,9,LOINC//4548-4,2020-01-05 10:00,7.5,,"]
    map_ = same_as(tmp_path, MAP)
    ingest(tables(tmp_path / "h", twice, issuer="here"), tmp_path / "s", plain=True, same_as=map_)
    ingest(tables(tmp_path / "t", once, issuer="there"), tmp_path / "s", plain=True)
    events = events_of(tmp_path / "s")
    assert events.height == 2
    assert events["also_from"].null_count() == 1


@pytest.mark.parametrize(
    ("here", "there", "births"),
    [
        ("1970-03-09", "1970", [datetime(1970, 3, 9)]),
        ("1970-03", "1970-03-09", [datetime(1970, 3, 9)]),
        ("1970-03-09", "1971", [datetime(1970, 3, 9), datetime(1971, 1, 1)]),
        ("1970-03-09", "1970-03-10", [datetime(1970, 3, 9), datetime(1970, 3, 10)]),
    ],
)
def test_a_birth_that_is_only_less_exact_is_the_same(
    tmp_path: Path, here: str, there: str, births: list[datetime]
) -> None:
    map_ = same_as(tmp_path, MAP)
    for issuer, line in (
        ("here", f"1,1,MEDS_BIRTH,{here},,,"),
        ("there", f"a,1,MEDS_BIRTH,{there},,,"),
    ):
        folder = tables(tmp_path / issuer, [line], issuer=issuer)
        report = ingest(folder, tmp_path / "s", plain=True, same_as=map_)
    assert events_of(tmp_path / "s")["time"].to_list() == births
    assert report.counts.get("people with two birth dates", 0) == len(births) - 1
    told = contents(tmp_path / "s").sort("issuer")["precision"].to_list()
    assert told == [{4: "year", 7: "month", 10: "day"}[len(text)] for text in (here, there)]


def test_ids_that_stand_for_others_are_followed_to_the_person(tmp_path: Path) -> None:
    chain = ["there,a,other,x", "other,x,here,1"]
    map_ = same_as(tmp_path, chain, "source,id,same_as_source,same_as_id")
    both(tmp_path, tmp_path / "store", map_)
    assert events_of(tmp_path / "store")["also_from"].drop_nulls().len() == 2


def test_a_pseudonymous_store_keeps_no_id_of_the_map(tmp_path: Path) -> None:
    map_ = same_as(tmp_path, ["here,1,Canary-Person", "there,a,Canary-Person"])
    both(tmp_path, tmp_path / "store", map_, identifiability=Identifiability.PSEUDONYMOUS)
    found = Store(tmp_path / "store")
    manifest = found.manifest()
    assert manifest.identity is None
    assert manifest.same_as is not None
    assert found.read(manifest.same_as).columns == ["subject_id", "stands_for"]
    everything = b"".join(p.read_bytes() for p in found.path.rglob("*") if p.is_file())
    assert b"Canary" not in everything
    assert found.read(manifest.persons).height == 4


@pytest.mark.parametrize(
    ("lines", "head", "words"),
    [
        (["here,1,a", "here,1,b"], "source,id,person", r"lines 2 and 3: one id of one source is given to two people"),
        (["here,1,"], "source,id,person", r"line 2: source, id, person may not be empty"),
        (["here,1"], "source,id", r"has not the columns source, id, person"),
        (["h,1,t,2", "t,2,u,3", "u,3,h,1"], "source,id,same_as_source,same_as_id", r"lines 2, 3, 4: ids stand .* circle"),
        (["h,1,h,1"], "source,id,same_as_source,same_as_id", r"circle"),
        (["h,1,t,2", "h,1,t,3"], "source,id,same_as_source,same_as_id", r"lines 2 and 3: .* two others"),
    ],
)  # fmt: skip
def test_a_wrong_map_is_one_clear_error(
    tmp_path: Path, lines: list[str], head: str, words: str
) -> None:
    source = tables(tmp_path / "here", HERE, issuer="here")
    with pytest.raises(SourceError, match=words):
        ingest(source, tmp_path / "store", plain=True, same_as=same_as(tmp_path, lines, head))
    assert not Store(tmp_path / "store").exists()


def test_people_of_the_store_are_never_parted(tmp_path: Path) -> None:
    both(tmp_path, tmp_path / "store", same_as(tmp_path, MAP))
    apart = same_as(tmp_path, ["here,1,anna", "there,a,another"])
    with pytest.raises(SourceError, match="never parted"):
        ingest(tmp_path / "here", tmp_path / "store", plain=True, same_as=apart)
