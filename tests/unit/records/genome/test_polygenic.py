"""Polygenic sums against the obvious sum, refusals with their figure, and genotypes that are told or not tested."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecourse.base.errors import SourceError, UserError
from lifecourse.records.genome import GenomeSource
from lifecourse.records.genome.polygenic import Sum
from lifecourse.records.genome.scores import read_score
from lifecourse.records.genome.vcf import opened
from lifecourse.records.registry import open_source
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.simulation import simulate
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

COMPLEMENT = {"A": "T", "T": "A", "C": "G", "G": "C"}
HEAD = '##fileformat=VCFv4.3\n##contig=<ID=chr1,length=248956422>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="G">\n'


def vcf(
    folder: Path, lines: list[str], samples: tuple[str, ...] = ("1", "2"), head: str = HEAD
) -> Path:
    named = "\t".join(
        ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    )
    path = folder / "g.vcf"
    path.write_text(head + named + "\n" + "".join(line + "\n" for line in lines))
    return path


def score(folder: Path, rows: list[tuple[object, ...]], build: str = "GRCh38") -> Path:
    head = f"###PGS CATALOG SCORING FILE - test\n#pgs_id=TEST\n#genome_build={build}\n"
    names = "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"
    path = folder / "score.txt"
    path.write_text(head + names + "".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


def site(
    position: int,
    reference: str,
    alternate: str,
    *calls: str,
    name: str = ".",
    passed: str = "PASS",
) -> str:
    return "\t".join(
        ["chr1", str(position), name, reference, alternate, ".", passed, ".", "GT", *calls]
    )


def told(folder: Path) -> tuple[pl.DataFrame, dict[str, int]]:
    source = open_source(folder, kind="genome")
    batches = [batch for unit in source.units() for batch in source.read(unit)]
    counts = {what: n for batch in batches for what, n in batch.counts.items()}
    return pl.concat([b.events for b in batches if b.events is not None]), counts


def test_a_score_of_a_hundred_sites_is_the_obvious_sum_for_all_3202_people(
    shared_data: Path, tmp_path: Path
) -> None:
    given = shared_data / "pgs" / "tiny1000G.vcf.gz"
    with gzip.open(given, "rt") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    random = np.random.default_rng(11)
    chosen = sorted(random.choice(len(lines), 100, replace=False).tolist())
    oracle = np.zeros(3202)
    rows: list[tuple[object, ...]] = []
    for number, place in enumerate(chosen):
        chromosome, position, _, reference, alternate = lines[place][:5]
        effect, other = (alternate, reference) if random.random() < 0.5 else (reference, alternate)
        weight = float(random.normal())
        ambiguous = COMPLEMENT.get(reference) == alternate
        wrong = number % 23 == 7
        if not ambiguous and not wrong:
            wanted = "1" if effect == alternate else "0"
            calls = [call.replace("|", "/").split("/") for call in lines[place][9:]]
            oracle += weight * np.array([pair.count(wanted) for pair in calls])
        if wrong:  # alleles that the file does not have, on either strand
            effect, other = "AAA", "CCC"
        elif number % 3 == 0 and not ambiguous:
            effect, other = COMPLEMENT[effect], COMPLEMENT[other]
        rows.append((chromosome, position, effect, other, repr(weight)))
    read = read_score(score(tmp_path, rows))
    running = Sum.of(read, 3202, None)
    for given_file in GenomeSource(given).files():
        with opened(given_file) as reader:
            for each in reader.sites(lambda *_: True):
                running.add(each.place, each.rsid, each.alleles, each.calls)
    np.testing.assert_allclose(running.total, oracle, rtol=0, atol=1e-9)
    assert running.flipped > 20
    assert running.ambiguous > 0
    assert running.overlap >= 0.75


def test_the_three_published_scores_are_refused_with_their_overlap(
    shared_data: Path, tmp_path: Path
) -> None:
    events, counts = told(shared_data / "pgs")
    assert not events.filter(pl.col("code").str.starts_with("PGS//")).height
    refused = [
        what for what in counts if "refused: 0 of 77 variants (0 %) found, 75 % needed" in what
    ]
    assert {what.split()[1] for what in refused} == {"PGS000001", "PGS000002"}
    assert sum(counts[what] for what in refused) == 3


def test_who_is_not_called_counts_as_expected_or_not_at_all(tmp_path: Path) -> None:
    vcf(tmp_path, [site(10, "A", "G", "0/1", "./."), site(20, "A", "C", "1/1", "0/1")])
    score(tmp_path, [(1, 10, "G", "A", 1.0), (1, 20, "C", "A", 10.0)])
    found, _ = told(tmp_path)
    # Two people are too few to tell a frequency, so that the second has half of the variants: no score.
    assert found.select("subject_key", "numeric_value").rows() == [("1", 21.0)]


def test_multiallelic_sites_count_the_very_allele(tmp_path: Path) -> None:
    vcf(tmp_path, [site(10, "A", "G,C", "1/2", "2/2")])
    score(tmp_path, [(1, 10, "C", "A", 1.0)])
    found, _ = told(tmp_path)
    assert found["numeric_value"].to_list() == [1.0, 2.0]


def test_an_ambiguous_variant_is_not_found(tmp_path: Path) -> None:
    vcf(tmp_path, [site(10, "A", "T", "1/1", "0/1")])
    score(tmp_path, [(1, 10, "T", "A", 1.0)])
    found, counts = told(tmp_path)
    assert found.is_empty()
    assert counts == {"score TEST refused: 0 of 1 variants (0 %) found, 75 % needed": 1}


def test_positions_of_another_build_are_not_taken_for_this_one(tmp_path: Path) -> None:
    vcf(tmp_path, [site(10, "A", "G", "1/1", "0/1")])
    score(tmp_path, [(1, 10, "G", "A", 1.0)], build="GRCh37")
    found, counts = told(tmp_path)
    assert found.is_empty()
    assert any("refused" in what for what in counts)


def test_a_genotype_is_told_where_it_was_called_and_nothing_where_it_was_not(
    tmp_path: Path,
) -> None:
    #  94781859 is CYP2C19's rs4244285 on GRCh38
    lines = [
        site(94781859, "G", "A", "0/1", "./.").replace("chr1", "chr10"),
        site(94780653, "G", "A", "0/1", "1/1", passed="q10").replace("chr1", "chr10"),
    ]
    vcf(tmp_path, lines, head=HEAD.replace("chr1", "chr10").replace("248956422", "133797422"))
    found, counts = told(tmp_path)
    assert found.select("subject_key", "code", "numeric_value", "text_value").rows() == [
        ("1", "GENOTYPE//CYP2C19//rs4244285", 1.0, "G/A")
    ]
    assert counts == {"sites that did not pass their filters, left out": 1}


def test_samples_are_named_by_the_mapping_and_a_lacking_one_is_an_error(tmp_path: Path) -> None:
    vcf(tmp_path, [site(10, "A", "G", "1/1", "0/1")], samples=("NA1", "NA2"))
    score(tmp_path, [(1, 10, "G", "A", 1.0)])
    (tmp_path / "samples.csv").write_text("sample,person\nNA1,p-7\n")
    with pytest.raises(SourceError, match="1 of 2 samples"):
        told(tmp_path)
    (tmp_path / "samples.csv").write_text("sample,person\nNA1,p-7\nNA2,p-8\n")
    assert told(tmp_path)[0]["subject_key"].to_list() == ["p-7", "p-8"]


@pytest.mark.parametrize(
    "content", [b"", b"no vcf at all", b"\x1f\x8b\x08\x00cut", b"##fileformat=VCFv4.3\n"]
)
def test_what_is_no_vcf_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.vcf.gz").write_bytes(content)
    with pytest.raises(SourceError, match=r"x\.vcf\.gz"):
        told(tmp_path)


def test_a_cut_file_is_one_clear_error(shared_data: Path, tmp_path: Path) -> None:
    raw = (shared_data / "pgs" / "tiny1000G.vcf.gz").read_bytes()
    (tmp_path / "x.vcf.gz").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(SourceError, match="cut short"):
        told(tmp_path)


def test_weights_that_are_not_additive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "score.txt"
    path.write_text(
        "###PGS CATALOG SCORING FILE\n#pgs_id=X\n"
        "rsID\teffect_allele\teffect_weight\tis_recessive\nrs1\tA\t1\tTrue\n"
    )
    with pytest.raises(SourceError, match="not additive"):
        read_score(path)


@pytest.mark.parametrize("kind", ["fhir", "meds"])
def test_simulated_genomes_are_of_the_same_people_as_the_records(tmp_path: Path, kind: str) -> None:
    out, store = tmp_path / "out", tmp_path / "store"
    simulate(60, 3, kind, out, futures=0)
    ingest(out, store, identifiability=Identifiability.SYNTHETIC)
    before = open_timeline(store, actor=Actor(name="t"), purpose=Purpose.RESEARCH).subject_ids()
    ingest(out / "genome", store)  # its samples have the ids that the records' issuer gave
    timeline = open_timeline(store, actor=Actor(name="t"), purpose=Purpose.RESEARCH)
    assert np.array_equal(timeline.subject_ids(), before)
    truth = pl.read_parquet(out / "truth" / "people" / "*.parquet").filter("genotyped")
    events = pl.concat(
        timeline.holding.events(i, columns=["code", "numeric_value"])
        for i in range(timeline.n_shards)
    ).with_columns(pl.col("code").cast(pl.String))
    sums = events.filter(pl.col("code") == "PGS//SIM_diabetes")["numeric_value"].sort()
    assert sums.len() == truth.height
    told_apart = np.corrcoef(sums.to_numpy(), truth["pgs_diabetes"].sort().to_numpy())[0, 1]
    assert told_apart > 0.99999


def test_where_several_named_the_people_of_a_store_one_must_be_chosen(tmp_path: Path) -> None:
    out, store = tmp_path / "out", tmp_path / "store"
    simulate(3, 3, "fhir", out, futures=0)
    ingest(out, store, identifiability=Identifiability.SYNTHETIC)
    ingest(out, store, issuer="another")
    with pytest.raises(SourceError, match=r"another, fhir.*--issuer"):
        ingest(out / "genome", store)


def place_among(folder: Path, **fields: object) -> None:
    told = {
        "score": "TEST",
        "reference": "Some Biobank",
        "source": "made up",
        "n": 5000,
        "overlap": 1.0,
    }
    lines = [f"{key}: {value}" for key, value in {**told, **fields}.items()]
    (folder / "some.distribution.yaml").write_text("\n".join(lines) + "\n")


def test_percentiles_are_told_only_among_a_named_reference(tmp_path: Path) -> None:
    vcf(tmp_path, [site(10, "A", "G", "0/1", "1/1")])
    score(tmp_path, [(1, 10, "G", "A", 1.0)])
    found, counts = told(tmp_path)
    assert found["code"].unique().to_list() == ["PGS//TEST"]
    assert "score TEST: no reference distribution was given, so no percentiles" in counts
    place_among(tmp_path, mean=1.0, sd=0.5)
    among = "PGS_PERCENTILE//TEST//Some_Biobank"
    found = told(tmp_path)[0].filter(pl.col("code") == among)
    # One is the mean; two is two standard deviations above it.
    np.testing.assert_allclose(found["numeric_value"].to_numpy(), [50.0, 97.7249868], rtol=1e-6)
    place_among(tmp_path, quantiles=[0.0, 1.0, 5.0])
    found = told(tmp_path)[0].filter(pl.col("code") == among)
    assert found["numeric_value"].to_list() == [50.0, 62.5]
    place_among(tmp_path, mean=1.0, sd=0.5, overlap=0.9)
    found, counts = told(tmp_path)
    assert among not in found["code"].to_list()
    assert any(what.startswith("percentiles of TEST refused: 100 %") for what in counts)


@pytest.mark.parametrize(
    "fields", [{}, {"mean": 1.0}, {"mean": 1.0, "sd": 1.0, "n": 12}, {"quantiles": [2.0, 1.0, 3.0]}]
)
def test_a_distribution_that_says_too_little_is_an_error(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    vcf(tmp_path, [site(10, "A", "G", "0/1", "1/1")])
    place_among(tmp_path, **fields)
    with pytest.raises(UserError, match=r"some\.distribution\.yaml"):
        told(tmp_path)


def test_the_licence_of_a_score_goes_with_it(tmp_path: Path) -> None:
    vcf(tmp_path, [site(10, "A", "G", "0/1", "1/1")])
    path = score(tmp_path, [(1, 10, "G", "A", 1.0)])
    path.write_text(path.read_text().replace("#pgs_id", "#license=Academic use only\n#pgs_id"))
    source = open_source(tmp_path, kind="genome")
    tables = [b.concepts for unit in source.units() for b in source.read(unit)]
    said = pl.concat([table for table in tables if table is not None])
    assert said["description"].to_list() == ["licence: Academic use only"]


def test_samples_whom_no_record_told_of_are_counted(tmp_path: Path) -> None:
    out, store = tmp_path / "out", tmp_path / "store"
    simulate(30, 3, "fhir", out, futures=0)
    ingest(out, store, identifiability=Identifiability.SYNTHETIC)
    told = ingest(out / "genome", store, issuer="other names")
    (strangers,) = (
        n for what, n in told.counts.items() if what.startswith("people whom no record")
    )
    assert strangers == told.subjects - 30 > 0
    again = ingest(out / "genome", store, issuer="fhir")
    assert not [what for what in again.counts if what.startswith("people whom no record")]


def test_samples_named_anew_are_read_anew(tmp_path: Path) -> None:
    folder, store = tmp_path / "genome", tmp_path / "store"
    folder.mkdir()
    vcf(folder, [site(94781859, "G", "A", "0/1", "0/0").replace("chr1", "chr10")],
        head=HEAD.replace("chr1", "chr10").replace("248956422", "133797422"))  # fmt: skip
    names = folder / "samples.csv"
    names.write_text("sample,person\n1,a\n2,b\n")
    ingest(folder, store, identifiability=Identifiability.SYNTHETIC)
    names.write_text("sample,person\n1,c\n2,d\n")
    assert ingest(folder, store).version == 2
    assert open_timeline(store, actor=Actor(name="t"), purpose=Purpose.RESEARCH).n_events == 2
