"""VCF and BCF read by htslib: the sites that somebody asks for, with everyone's calls."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.errors import SourceError
from lifecourse.records.genome.guarding import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from lifecourse.records.source import SourceFile

FIRST_LENGTHS = {249250621: "GRCh37", 248956422: "GRCh38", 135534747: "GRCh37", 133797422: "GRCh38"}
"""Of chromosomes 1 and 10, which tell the builds apart."""
BUILD_WORDS = (
    ("GRCh37", "GRCh37"),
    ("hg19", "GRCh37"),
    ("b37", "GRCh37"),
    ("GRCh38", "GRCh38"),
    ("hg38", "GRCh38"),
)
NOT_SEEN = ("<NON_REF>", "<*>")
"""How a gVCF names whatever allele was not seen."""
LEAST_DEPTH, LEAST_QUALITY = 10, 20
"""Where a gVCF's block tells that a person has the reference: this many reads at its thinnest, and a genotype quality
(VCF 4.3, 1.6.2: -10 log10 of the chance that the call is wrong) that makes it wrong once in a hundred at most."""
MISSING, ABSENT = -1, -2


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A line of a VCF: alleles with the reference first; calls int16[people, ploidy], see `Sum.add`.

    row : which of the file's lines after its header, from 1
    end : the last position that the line speaks of
    phased : bool[people]; sets : int64[people], their phase sets, None where the file names none
    is_called : it passed its filters
    is_block : a gVCF's run of positions without any other allele
    """

    row: int
    place: tuple[str, int]
    end: int
    rsid: str | None
    alleles: list[str]
    calls: npt.NDArray[np.int16]
    phased: npt.NDArray[np.bool_]
    sets: npt.NDArray[np.int64] | None
    is_called: bool
    is_block: bool
    variant: Any

    def surely_reference(self) -> npt.NDArray[np.bool_]:
        """bool[people]: who has the reference all along a block, by `LEAST_DEPTH` and `LEAST_QUALITY`."""
        is_whole: npt.NDArray[np.bool_] = ((self.calls == 0) | (self.calls == ABSENT)).all(axis=1)
        depth = self._told("MIN_DP", "DP")
        quality = self._told("GQ", "RGQ")
        if depth is None or quality is None:
            return np.zeros_like(is_whole)
        is_sure: npt.NDArray[np.bool_] = (depth >= LEAST_DEPTH) & (quality >= LEAST_QUALITY)
        return is_whole & is_sure

    def _told(self, *names: str) -> npt.NDArray[np.float64] | None:
        """The first of the fields that the line has; missing is a very small number."""
        for name in names:
            if name in self.variant.FORMAT:
                told = self.variant.format(name)
                return None if told is None else np.asarray(told, dtype=np.float64)[:, 0]
        return None


@dataclass(slots=True)
class Reader:
    """An open file: its samples, its build, and how many of its lines were read."""

    file: SourceFile
    guard: Guard
    vcf: Any
    rows: int = 0

    @property
    def samples(self) -> tuple[str, ...]:
        """Their names, in the order of the calls."""
        return tuple(self.vcf.samples)

    def sites(self, is_needed: Callable[[str, int, int, str | None], bool]) -> Iterator[Site]:
        """The sites for which ``is_needed(chromosome, first, last, rsid)``; the calls of others are not looked at.

        Raises
        ------
        SourceError
            The file is damaged, cut short, or has a record that would fill the memory.
        """
        try:
            yield from self._sites(is_needed)
        except SourceError:
            raise
        except Exception as damage:  # htslib raises plain exceptions for whatever it cannot read
            raise self._damaged() from damage
        if self.guard.error(at_end=True) is not None:
            raise self._damaged()

    def _sites(self, is_needed: Callable[[str, int, int, str | None], bool]) -> Iterator[Site]:
        has_sets = "##FORMAT=<ID=PS," in self.vcf.raw_header
        for variant in self.vcf:
            self.rows += 1
            chromosome, first = chromosome_of(variant.CHROM), variant.POS
            name = variant.ID
            rsid = name if name and name.startswith("rs") else None
            alternates = variant.ALT
            is_block = len(alternates) == 1 and alternates[0] in NOT_SEEN
            last = variant.end if is_block else first
            if not is_needed(chromosome, first, last, rsid):
                continue
            array = variant.genotype.array() if variant.genotype else None
            if array is None:
                continue
            sets = variant.format("PS") if has_sets and "PS" in variant.FORMAT else None
            alleles = [variant.REF.upper(), *(allele.upper() for allele in alternates)]
            yield Site(
                row=self.rows,
                place=(chromosome, first),
                end=last,
                rsid=rsid,
                alleles=alleles,
                calls=_calls(array[:, :-1], alleles),
                phased=array[:, -1] == 1,
                sets=None if sets is None else sets[:, 0].astype(np.int64),
                is_called=variant.FILTER is None,
                is_block=is_block,
                variant=variant,
            )

    def _damaged(self) -> SourceError:
        why = self.guard.error(at_end=False) or "it is damaged after its header"
        return SourceError(f"{self.file.name} cannot be read: {why}. Export it again.")

    def build(self) -> str | None:
        """``GRCh37`` or ``GRCh38`` by the header; None where it does not tell, or tells both."""
        try:
            lengths = set(self.vcf.seqlens)
        except AttributeError:
            lengths = set()
        told = {FIRST_LENGTHS[length] for length in lengths if length in FIRST_LENGTHS}
        lines = [
            line for line in self.vcf.raw_header.splitlines() if line.startswith("##reference")
        ]
        told |= {build for word, build in BUILD_WORDS if any(word in line for line in lines)}
        return told.pop() if len(told) == 1 else None


@contextmanager
def opened(file: SourceFile) -> Iterator[Reader]:
    """The file, its header read.

    Raises
    ------
    SourceError
        It is no VCF or BCF, or the extra is not installed.
    """
    try:
        import cyvcf2
    except ImportError:
        raise SourceError(
            "reading VCF needs the extra `genome`: pip install 'lifecourse[genome]'."
        ) from None
    cyvcf2.cyvcf2.set_htslib_log_level(0)  # it would write what it cannot read to standard error
    with Guard(file.path) as guard:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                vcf = cyvcf2.VCF(guard.descriptor, strict_gt=True)
        except (
            Exception
        ) as damage:  # OSError, or a plain exception for a header that it cannot read
            with suppress(OSError):
                os.close(guard.descriptor)
            why = guard.error(at_end=False) or "it is no VCF, or is damaged"
            raise SourceError(f"{file.name} cannot be read: {why}. Export it again.") from damage
        try:
            yield Reader(file, guard, vcf)
        finally:
            vcf.close()


def chromosome_of(name: str) -> str:
    """The name without ``chr``; that of the mitochondria is MT."""
    short = name.removeprefix("chr")
    return "MT" if short == "M" else short


def _calls(calls: npt.NDArray[np.int16], alleles: list[str]) -> npt.NDArray[np.int16]:
    """`calls`, where an allele that was not seen, or that the line does not have, is no call."""
    missing = calls >= len(alleles)
    for number, allele in enumerate(alleles):
        if allele in NOT_SEEN:
            missing |= calls == number
    return np.where(missing, np.int16(MISSING), calls) if missing.any() else calls
