"""What a VCF's lines say of pharmacogenes: builds, names of chromosomes, copies, phases, and blocks of gVCF."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lifecourse.records.registry import open_source

LENGTHS = {"GRCh38": 133797422, "GRCh37": 135534747}
FIELDS = ("GT", "DP", "GQ", "MIN_DP", "PS")
RS4244285 = 94781859  # CYP2C19, G on the reference; 94780653 and 94775367 lie before it


def vcf(folder: Path, *lines: str, build: str = "GRCh38", samples: int = 1, more: str = "") -> Path:
    head = "##fileformat=VCFv4.3\n" + more
    head += (
        f"##contig=<ID=chr10,length={LENGTHS[build]}>\n##contig=<ID=10,length={LENGTHS[build]}>\n"
    )
    head += "##contig=<ID=chrX>\n##contig=<ID=chrM>\n"
    head += '##INFO=<ID=END,Number=1,Type=Integer,Description="e">\n'
    head += "".join(
        f'##FORMAT=<ID={name},Number=1,Type={"String" if name == "GT" else "Integer"},Description="x">\n'
        for name in FIELDS
    )
    names = [f"s{number}" for number in range(1, samples + 1)]
    head += (
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *names])
        + "\n"
    )
    path = folder / "x.vcf"
    path.write_text(head + "".join(line + "\n" for line in lines))
    return path


def line(position: int, alternate: str, form: str, *calls: str, chromosome: str = "chr10",
         reference: str = "G", name: str = ".", info: str = ".") -> str:  # fmt: skip
    return "\t".join(
        [chromosome, str(position), name, reference, alternate, ".", "PASS", info, form, *calls]
    )


def genotypes(path: Path) -> dict[tuple[str, str], str]:
    """What is told by person and rs number."""
    source = open_source(path, kind="genome")
    events = [
        b.events for unit in source.units() for b in source.read(unit) if b.events is not None
    ]
    rows = pl.concat(events).select("subject_key", "code", "text_value").rows()
    return {(person, code.split("//")[2]): text for person, code, text in rows}


def counts(path: Path) -> dict[str, int]:
    source = open_source(path, kind="genome")
    return {k: n for unit in source.units() for b in source.read(unit) for k, n in b.counts.items()}


@pytest.mark.parametrize("chromosome", ["chr10", "10"])
def test_chromosomes_are_the_same_with_and_without_chr(tmp_path: Path, chromosome: str) -> None:
    path = vcf(tmp_path, line(RS4244285, "A", "GT", "0/1", chromosome=chromosome))
    assert genotypes(path) == {("s1", "rs4244285"): "G/A"}


def test_positions_of_grch37_are_not_those_of_grch38(tmp_path: Path) -> None:
    path = vcf(tmp_path, line(RS4244285, "A", "GT", "0/1"), build="GRCh37")
    assert genotypes(path) == {}
    named = vcf(tmp_path, line(96541616, "A", "GT", "0/1", name="rs4244285"), build="GRCh37")
    assert genotypes(named) == {("s1", "rs4244285"): "G/A"}


def test_a_header_that_tells_two_builds_tells_none(tmp_path: Path) -> None:
    path = vcf(
        tmp_path, line(RS4244285, "A", "GT", "0/1"), more="##reference=file:///ref/hg19.fa\n"
    )
    assert genotypes(path) == {}
    assert counts(path) == {
        "files whose header does not tell the build: sites by rs number alone": 1
    }


def test_calls_are_told_with_their_phase_and_not_where_they_are_missing(tmp_path: Path) -> None:
    calls = ("0|1:7", "1|0:.", "1/2:.", "./.:.", "0/.:.", "1:.")
    path = vcf(tmp_path, line(RS4244285, "A,T", "GT:PS", *calls), samples=6)
    assert genotypes(path) == {
        ("s1", "rs4244285"): "G|A:7",
        ("s2", "rs4244285"): "A|G",
        ("s3", "rs4244285"): "A/T",
        ("s6", "rs4244285"): "A",
    }


def block(last: int, call: str, position: int = 94770000, alternate: str = "<NON_REF>") -> str:
    return line(position, alternate, "GT:DP:GQ:MIN_DP", call, info=f"END={last}")


@pytest.mark.parametrize("alternate", ["<NON_REF>", "<*>"])
@pytest.mark.parametrize(
    ("call", "is_told"),
    [("0/0:30:99:25", True), ("0/0:10:20:10", True), ("0/0:30:99:9", False), ("0/0:30:19:25", False),
     ("./.:30:99:25", False), ("0/0:30:.:25", False), ("0/0:30:99:.", False)],
)  # fmt: skip
def test_a_block_tells_the_reference_where_reads_and_quality_suffice(
    tmp_path: Path, call: str, is_told: bool, alternate: str
) -> None:
    path = vcf(tmp_path, block(94790000, call, alternate=alternate))
    found = genotypes(path)
    assert (found.get(("s1", "rs4244285")) == "G/G") is is_told
    assert (len(found) > 10) is is_told
    assert (len(found) == 0) is not is_told
    if not is_told:
        assert "reference blocks of too few reads or too little quality, not tested" in counts(path)


def test_positions_outside_of_blocks_are_not_tested(tmp_path: Path) -> None:
    path = vcf(
        tmp_path,
        block(RS4244285 - 1, "0/0:30:99:25"),
        block(94790000, "0/0:30:99:25", RS4244285 + 1),
    )
    found = genotypes(path)
    assert ("s1", "rs4244285") not in found
    assert found


def test_an_own_line_among_blocks_is_told_and_an_unseen_allele_is_no_call(tmp_path: Path) -> None:
    own = line(RS4244285, "A,<NON_REF>", "GT:DP:GQ", "0/1:30:99")
    assert (
        genotypes(vcf(tmp_path, own, block(94790000, "0/0:30:99:25")))[("s1", "rs4244285")] == "G/A"
    )
    unseen = line(RS4244285, "A,<NON_REF>", "GT:DP:GQ", "0/2:30:99")
    assert genotypes(vcf(tmp_path, unseen)) == {}


def test_a_block_on_another_build_tells_nothing(tmp_path: Path) -> None:
    assert genotypes(vcf(tmp_path, block(94790000, "0/0:30:99:25"), build="GRCh37")) == {}


def test_every_line_is_accounted_for(tmp_path: Path) -> None:
    lines = [line(position, "A", "GT", "0/1") for position in (100, 200, RS4244285, 94790000)]
    source = open_source(vcf(tmp_path, *lines), kind="genome")
    batches = [b for unit in source.units() for b in source.read(unit)]
    assert sum(b.rows_read for b in batches) == 4
    assert sum(n for b in batches for n in b.reference_rows.values()) == 3
