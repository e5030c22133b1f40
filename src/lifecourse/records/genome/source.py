"""The genome source: VCF files, and beside them scoring files and who each sample is."""

from __future__ import annotations

import csv
import gzip
import warnings
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.genome.polygenic import Sum
from lifecourse.records.genome.scores import is_score, read_score
from lifecourse.records.source import Batch, SourceFile, Unit, damage_named, of_subjects

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

KIND = "genome"
ENDINGS = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
SAMPLES = "samples.csv"
POSITIONS = Path(__file__).parent / "positions.csv"
FIRST_LENGTHS = {249250621: "GRCh37", 248956422: "GRCh38", 135534747: "GRCh37", 133797422: "GRCh38"}
"""Of chromosomes 1 and 10, which tell the builds apart."""


def is_vcf(path: Path) -> bool:
    """Whether `path` is named as a VCF or BCF file."""
    return path.name.lower().endswith(ENDINGS)


@dataclass(frozen=True)
class GenomeSource:
    """VCF files in `path` (a file or folder); beside them scoring files and ``samples.csv`` (sample,person).

    timezone : not used: a genotype has no time
    issuer : who gave the person ids that samples are named by, or that ``samples.csv`` gives them
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = KIND
    kind: str = KIND
    rests_on_store: bool = False

    @cached_property
    def _paths(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        return sorted(path for path in self.path.rglob("*") if path.is_file())

    def files(self) -> list[SourceFile]:
        """The VCF files, then the scoring files."""
        root = self.path.parent if self.path.is_file() else self.path
        vcfs = [path for path in self._paths if is_vcf(path)]
        scores = [path for path in self._paths if not is_vcf(path) and is_score(path)]
        return [
            SourceFile(
                index=number,
                path=path,
                name=path.relative_to(root).as_posix(),
                size_bytes=path.stat().st_size,
            )
            for number, path in enumerate([*vcfs, *scores])
        ]

    def units(self) -> list[Unit]:
        """One for each group of VCF files of the same samples, such as one a chromosome."""
        groups: dict[tuple[str, ...], list[SourceFile]] = {}
        for file in self.files():
            if is_vcf(file.path):
                groups.setdefault(tuple(_opened(file).samples), []).append(file)
        return [
            Unit(file=group[0], options=(("files", tuple(file.index for file in group)),))
            for group in groups.values()
        ]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """Genotypes at the positions of pharmacogenes, and each score's sums.

        Raises
        ------
        SourceError
            A file is no VCF or is damaged, or its samples are not all in ``samples.csv``.
        """
        files = self.files()
        mine = [files[index] for index in dict(unit.options)["files"]]
        samples = list(_opened(mine[0]).samples)
        people = self._people(samples)
        sums: list[tuple[SourceFile, Sum]] = []
        parts: list[pl.DataFrame] = []
        counts: dict[str, int] = {}
        rows = 0
        for file in mine:
            reader = _opened(file)
            build = build_of(reader)
            if not sums:
                sums = [
                    (f, Sum.of(read_score(f.path), len(samples), build))
                    for f in files
                    if not is_vcf(f.path)
                ]
            for row, site in enumerate(_sites(reader, file), start=1):
                rows = rows + 1
                if not site.is_called:
                    _count(counts, "sites that did not pass their filters, left out")
                    continue
                for _, running in sums:
                    running.add(site.place, site.rsid, site.alleles, site.calls)
                gene = _wanted(site, build)
                if gene is not None:
                    parts.append(_genotypes(site, gene, people, file.index, row))
        for file, running in sums:
            parts.append(_scored(running, people, file.index))
            _count(counts, running.told())
        events = pl.concat(parts) if parts else pl.DataFrame(schema=_EVENTS)
        yield Batch(
            events=of_subjects(events, self.issuer), rows_read=rows,
            reference_rows={"site": rows - events["source_row"].n_unique()} if rows else {},
            counts=counts,
        )  # fmt: skip

    def row(self, file: SourceFile, number: int) -> str | None:
        """The line of site `number`, with everyone's calls; of a scoring file its first line. BCF is no text."""
        if file.path.name.lower().endswith(".bcf"):
            return None
        with damage_named(file), file.path.open("rb") as raw:
            is_packed = file.path.suffix.lower() in (".gz", ".bgz")
            lines = gzip.GzipFile(fileobj=raw) if is_packed else raw
            sites = (line for line in lines if not line.startswith(b"#") or not is_vcf(file.path))
            line = next(islice(sites, number - 1, number), None)
        return None if line is None else line.decode("utf-8", errors="replace").rstrip("\r\n")

    def _people(self, samples: list[str]) -> list[str]:
        """The person of each sample: its own name, unless ``samples.csv`` says otherwise."""
        tables = [path for path in self._paths if path.name == SAMPLES]
        if not tables:
            return samples
        with tables[0].open(encoding="utf-8", newline="") as lines:
            told = {row.get("sample"): row.get("person") for row in csv.DictReader(lines)}
        unknown = [sample for sample in samples if not told.get(sample)]
        if unknown:
            raise SourceError(
                f"{SAMPLES} has no person for {len(unknown)} of {len(samples)} samples. Add a line for each."
            )
        return [str(told[sample]) for sample in samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A line of a VCF: alleles with the reference first; calls int16[people, ploidy], see `Sum.add`.

    phased : bool[people]; sets : int64[people], their phase sets, None where the file names none
    """

    place: tuple[str, int]
    rsid: str | None
    alleles: list[str]
    calls: npt.NDArray[np.int16]
    phased: npt.NDArray[np.bool_]
    sets: npt.NDArray[np.int64] | None
    is_called: bool


def build_of(reader: Any) -> str | None:
    """``GRCh37`` or ``GRCh38`` by the header; None where it does not tell."""
    try:
        lengths = set(reader.seqlens)
    except AttributeError:
        lengths = set()
    told = {FIRST_LENGTHS[length] for length in lengths if length in FIRST_LENGTHS}
    head = reader.raw_header
    for word, build in (
        ("GRCh37", "GRCh37"),
        ("hg19", "GRCh37"),
        ("b37", "GRCh37"),
        ("GRCh38", "GRCh38"),
        ("hg38", "GRCh38"),
    ):
        if any(word in line for line in head.splitlines() if line.startswith("##reference")):
            told.add(build)
    return told.pop() if len(told) == 1 else None


def _opened(file: SourceFile) -> Any:
    try:
        import cyvcf2
    except ImportError:
        raise SourceError(
            "reading VCF needs the extra `genome`: pip install 'lifecourse[genome]'."
        ) from None
    cyvcf2.cyvcf2.set_htslib_log_level(0)  # it would write what it cannot read to standard error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return cyvcf2.VCF(str(file.path), strict_gt=True)
    except (
        Exception
    ) as damage:  # htslib's: OSError, or a plain exception for a header that it cannot read
        raise SourceError(f"{file.name} is no VCF, or is damaged. Export it again.") from damage


def _sites(reader: Any, file: SourceFile) -> Iterator[Site]:
    has_sets = "##FORMAT=<ID=PS," in reader.raw_header
    try:
        for variant in reader:
            array = variant.genotype.array() if variant.genotype else None
            if array is None:
                continue
            sets = variant.format("PS") if has_sets and "PS" in variant.FORMAT else None
            yield Site(
                place=(variant.CHROM.removeprefix("chr"), variant.POS),
                rsid=variant.ID if (variant.ID or "").startswith("rs") else None,
                alleles=[variant.REF.upper(), *(allele.upper() for allele in variant.ALT)],
                calls=array[:, :-1],
                phased=array[:, -1] == 1,
                sets=None if sets is None else sets[:, 0].astype(np.int64),
                is_called=variant.FILTER is None,
            )
    except Exception as damage:  # htslib raises plain exceptions for whatever it cannot read
        raise SourceError(f"{file.name} is damaged after its header. Export it again.") from damage


@cache
def _positions() -> dict[tuple[str, int], tuple[str, str]]:
    with POSITIONS.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {
            (row["chromosome"].removeprefix("chr"), int(row["position"])): (
                row["rsid"],
                row["gene"],
            )
            for row in rows
        }


@cache
def _rsids() -> dict[str, str]:
    return {rsid: gene for rsid, gene in _positions().values() if rsid}


def _wanted(site: Site, build: str | None) -> tuple[str, str] | None:
    """The name and gene of a site that tells a pharmacogene's allele: by position on GRCh38, else by rs number."""
    if build == "GRCh38" and site.place in _positions():
        rsid, gene = _positions()[site.place]
        return rsid or f"{site.place[0]}:{site.place[1]}", gene
    if site.rsid in _rsids():
        return site.rsid, _rsids()[site.rsid]
    return None


_EVENTS = {
    "subject_key": pl.String(),
    "time": pl.Datetime("us"),
    "code": pl.String(),
    "numeric_value": pl.Float32(),
    "text_value": pl.String(),
    "unit": pl.String(),
    "source_file": pl.UInt32(),
    "source_row": pl.UInt32(),
    "source_id": pl.String(),
}


def _genotypes(
    site: Site, named: tuple[str, str], people: list[str], file: int, row: int
) -> pl.DataFrame:
    """A static event for each person with a whole call: the alleles, and how many are not the reference.

    ``A/G`` is unphased, ``A|G`` phased, ``A|G:1017`` phased within the set of that name.
    """
    name, gene = named
    called = np.flatnonzero((site.calls != -1).all(axis=1))
    texts = [_written(site, int(place)) for place in called]
    return _events(
        [people[place] for place in called],
        f"GENOTYPE//{gene}//{name}",
        (site.calls[called] > 0).sum(axis=1).astype(np.float32),
        file,
        row,
        texts,
    )


def _written(site: Site, place: int) -> str:
    numbers = [int(number) for number in site.calls[place] if number >= 0]
    if not site.phased[place] or len(numbers) < 2:
        return "/".join(site.alleles[number] for number in sorted(numbers))
    said = "|".join(site.alleles[number] for number in numbers)
    # A set that is missing is the smallest number of its kind.
    named = site.sets is not None and site.sets[place] >= 0
    return f"{said}:{site.sets[place]}" if named and site.sets is not None else said


def _scored(running: Sum, people: list[str], file: int) -> pl.DataFrame:
    sums = running.sums()
    known = np.flatnonzero(np.isfinite(sums))
    return _events(
        [people[place] for place in known],
        f"PGS//{running.score.name}",
        sums[known].astype(np.float32),
        file,
        1,
        [None] * len(known),
    )


def _events(
    people: list[str],
    code: str,
    values: npt.NDArray[np.float32],
    file: int,
    row: int,
    texts: list[Any],
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "subject_key": people,
            "time": [None] * len(people),
            "code": code,
            "numeric_value": values,
            "text_value": texts,
            "unit": "1",
            "source_file": file,
            "source_row": row,
            "source_id": None,
        },
        schema=_EVENTS,
    )


def _count(counts: dict[str, int], what: str) -> None:
    counts[what] = counts.get(what, 0) + 1
