"""The genome source: VCF files, and beside them scoring files and who each sample is."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.base.texts import opened_utf8
from lifecourse.records.files import files_in, listed
from lifecourse.records.genome.distributions import (
    Distribution,
    is_distribution,
    read_distribution,
)
from lifecourse.records.genome.events import (
    EVENTS,
    genotypes,
    percentiles,
    references,
    scored,
)
from lifecourse.records.genome.polygenic import Sum
from lifecourse.records.genome.positions import wanted_at, wanted_within
from lifecourse.records.genome.scores import is_score, read_score
from lifecourse.records.genome.vcf import Reader, Site, opened
from lifecourse.records.source import Batch, Unit, damage_named, of_subjects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.records.source import SourceFile

KIND = "genome"
ENDINGS = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
SAMPLES = "samples.csv"
BATCH_EVENTS = 100_000


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
        return files_in(self.path)

    def files(self) -> list[SourceFile]:
        """The VCF files, then the scoring files, then what says whose samples are and what scores are compared with."""
        vcfs = [path for path in self._paths if is_vcf(path)]
        scores = [path for path in self._paths if not is_vcf(path) and is_score(path)]
        beside = [path for path in self._paths if path.name == SAMPLES or is_distribution(path)]
        return listed([*vcfs, *scores, *beside], within=self.path)

    def units(self) -> list[Unit]:
        """One for each group of VCF files of the same samples, such as one a chromosome."""
        groups: dict[tuple[str, ...], list[SourceFile]] = {}
        for file in self.files():
            if is_vcf(file.path):
                with opened(file) as reader:
                    groups.setdefault(reader.samples, []).append(file)
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
        reading: _Reading | None = None
        for file in mine:
            with opened(file) as reader:
                if reading is None:
                    scores = [f for f in files if is_score(f.path)]
                    people = self._people(list(reader.samples))
                    reading = _Reading.of(people, scores, self._distributions(), reader.build())
                for _ in reading.take(reader):
                    if reading.held >= BATCH_EVENTS:
                        yield reading.batch(self.issuer)
        if reading is not None:
            reading.finish()
            yield reading.batch(self.issuer)

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

    def _distributions(self) -> list[Distribution]:
        """What scores are among people of a named reference, as the files beside the VCF say."""
        return [read_distribution(path) for path in self._paths if is_distribution(path)]

    def _people(self, samples: list[str]) -> list[str]:
        """The person of each sample: its own name, unless ``samples.csv`` says otherwise."""
        tables = [path for path in self._paths if path.name == SAMPLES]
        if not tables:
            return samples
        with opened_utf8(tables[0], SourceError) as lines:
            told = {row.get("sample"): row.get("person") for row in csv.DictReader(lines)}
        unknown = [sample for sample in samples if not told.get(sample)]
        if unknown:
            raise SourceError(
                f"{SAMPLES} has no person for {len(unknown)} of {len(samples)} samples. Add a line for each."
            )
        return [str(told[sample]) for sample in samples]


_CONCEPTS = {
    "code": pl.String(),
    "description": pl.String(),
    "parent_codes": pl.List(pl.String()),
}


@dataclass(slots=True)
class _Reading:
    """Files of the same samples on their way to batches.

    held : events that no batch has given yet
    rows, silent : sites that no batch has told yet, and those of them without an event
    told : the names of the positions that a line of its own told of, so that no block tells them again
    """

    people: list[str]
    sums: list[tuple[SourceFile, Sum]]
    distributions: list[Distribution]
    parts: list[pl.DataFrame] = field(default_factory=list)
    concepts: list[tuple[str, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    held: int = 0
    rows: int = 0
    silent: int = 0
    refused: int = 0
    told: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        people: list[str],
        scores: list[SourceFile],
        distributions: list[Distribution],
        build: str | None,
    ) -> _Reading:
        sums = [(f, Sum.of(read_score(f.path), len(people), build)) for f in scores]
        return cls(people, sums, distributions)

    def take(self, reader: Reader) -> Iterator[None]:
        """Take the sites of a file; after each one a batch may be taken out."""
        build = reader.build()
        if build is None:
            self._count("files whose header does not tell the build: sites by rs number alone")
        sums = [running for _, running in self.sums]

        def is_needed(chromosome: str, first: int, last: int, rsid: str | None) -> bool:
            place = (chromosome, first)
            return (
                wanted_at(place, rsid, build) is not None
                or (last > first and bool(wanted_within(chromosome, first, last, build)))
                or any(running.needs(place, rsid) for running in sums)
            )

        before = 0
        for site in reader.sites(is_needed):
            self._passed(site.row - 1 - before)
            before = site.row
            events = self._of_site(site, sums, reader.file, build)
            self.rows += 1
            self.silent += not events
            self._hold(events)
            yield
        self._passed(reader.rows - before)

    def _passed(self, sites: int) -> None:
        self.rows += sites
        self.silent += sites

    def _of_site(
        self, site: Site, sums: list[Sum], file: SourceFile, build: str | None
    ) -> list[pl.DataFrame]:
        if not site.is_called:
            self._count("sites that did not pass their filters, left out")
            return []
        if site.is_block:
            return self._of_block(site, file, build)
        for running in sums:
            running.add(site.place, site.rsid, site.alleles, site.calls)
        wanted = wanted_at(site.place, site.rsid, build)
        if wanted is None:
            return []
        self.told.add(wanted.name)
        return [genotypes(site, wanted, self.people, file.index)]

    def _of_block(self, site: Site, file: SourceFile, build: str | None) -> list[pl.DataFrame]:
        """Positions inside of a block are the reference, for those whose reads say so surely; else not tested."""
        inside = wanted_within(site.place[0], site.place[1], site.end, build)
        inside = [wanted for wanted in inside if wanted.name not in self.told]
        if not inside:
            return []
        sure = np.flatnonzero(site.surely_reference())
        if len(sure) < len(self.people):
            self._count("reference blocks of too few reads or too little quality, not tested")
        return [
            references(site, wanted, sure, self.people, file.index)
            for wanted in inside
            if len(sure)
        ]

    def _hold(self, events: list[pl.DataFrame]) -> None:
        self.parts += events
        self.held += sum(table.height for table in events)

    def finish(self) -> None:
        """Take the sums of the scores, after the last site."""
        for file, running in self.sums:
            self._count(running.told())
            events = scored(running, self.people, file.index)
            self.rows += 1
            self.refused += events.is_empty()
            self._hold([events])
            if not events.is_empty():
                self._place_among(running, file)
            score = running.score
            said = "; ".join(filter(None, (score.trait, f"licence: {score.licence}")))
            self.concepts.append((f"PGS//{score.name}", said))

    def _place_among(self, running: Sum, file: SourceFile) -> None:
        """Percentiles of a score: only among people of a reference that somebody named, summed over as much of it."""
        score = running.score.name
        mine = [each for each in self.distributions if each.score == score]
        if not mine:
            self._count(f"score {score}: no reference distribution was given, so no percentiles")
        for distribution in mine:
            why = distribution.refuses(running.overlap)
            if why:
                self._count(f"percentiles of {score} refused: {why}")
                continue
            events = percentiles(running, distribution, self.people, file.index)
            self._hold([events])
            self.concepts.append((distribution.code, distribution.words()))

    def batch(self, issuer: str) -> Batch:
        """What was taken since the last batch."""
        events = pl.concat(self.parts) if self.parts else pl.DataFrame(schema=EVENTS)
        reference = {"site": self.silent, "score": self.refused}
        names = [{"code": code, "description": said} for code, said in self.concepts]
        batch = Batch(
            events=of_subjects(events, issuer),
            concepts=pl.DataFrame(names, schema=_CONCEPTS),
            rows_read=self.rows,
            reference_rows={kind: count for kind, count in reference.items() if count},
            counts=self.counts,
        )
        self.parts, self.concepts, self.counts = [], [], {}
        self.held = self.rows = self.silent = self.refused = 0
        return batch

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
