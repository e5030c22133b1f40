"""Genotypes and outside calls as they come: JSON documents, the events of a chart, and lines of text."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.errors import UserError
from lifecourse.care.pgx.calling import Call, OutsideCall, call_genes, genotypes_of
from lifecourse.care.pgx.genes import OUTSIDE_ONLY, genes
from lifecourse.care.pgx.matching import Genotype
from lifecourse.schema.code import SEPARATOR
from lifecourse.vocab.codelists import codelist

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import numpy.typing as npt
    import polars as pl

    from lifecourse.timeline.chart import Chart
    from lifecourse.timeline.shard import Shard

PREFIX = "GENOTYPE//"
REPORTED = "reported_diplotype"
"""The codelist of what HL7's Genomics Reporting Implementation Guide calls a genotype's display name."""
PAIR = "/"
FEWEST, MOST = 2, 4


def calls_of_document(given: Mapping[str, Any], place: str) -> dict[str, Call]:
    """The calls of the genes that a JSON object speaks of.

    ``genotypes`` (gene, position, two alleles; positions not named are the reference), ``reference_genes`` (all
    positions are), ``missing`` (gene, positions not tested), ``phased`` and ``outside`` (gene, diplotype or an object
    with diplotype, phenotype, activity_score). Other keys are left alone.

    Raises
    ------
    UserError
        A part is not of this form, or names a gene or position that is not known; `place` says where.
    """
    stated = _table(given, "genotypes", place)
    absent = _table(given, "missing", place)
    outside = {
        gene: _outside(call, f"{place}, outside call of {gene}")
        for gene, call in _table(given, "outside", place).items()
    }
    reference = given.get("reference_genes") or []
    named = list(dict.fromkeys([*stated, *reference, *absent]))
    seen: dict[str, dict[str, Genotype]] = {}
    for gene in named:
        if gene in outside:
            continue
        seen[gene] = _genotypes(
            gene, stated.get(gene, {}), absent.get(gene, []), bool(given.get("phased")), place
        )
    return call_genes(seen, outside, only=seen)


def calls_of_chart(
    chart: Chart,
    outside: Mapping[str, OutsideCall] | None = None,
    only: Collection[str] | None = None,
) -> dict[str, Call]:
    """The calls of every gene (or of `only` some), from the genotypes in someone's record.

    A diplotype that a laboratory reported stands before our own call, and behind those of `outside`. What is not there
    was not tested.
    """
    asked = None if only is None else [gene for gene in only if gene in genes()]
    if not are_tested(chart.shard)[0]:
        return call_genes({}, outside, only=asked)
    seen: dict[str, dict[str, Genotype]] = {}
    for code, said in genotype_events(chart).select("code", "text_value").iter_rows():
        _, gene, name = code.split(SEPARATOR, 2)
        found = None if said is None else _written(said)
        if gene in genes() and found is not None:
            seen.setdefault(gene, {})[name] = found
    reported = {
        gene: call for gene, call in _reported(chart).items() if only is None or gene in only
    }
    return call_genes(seen, {**reported, **(outside or {})}, only=asked)


def are_tested(shard: Shard) -> npt.NDArray[np.bool_]:
    """bool[n], of whom of a shard's n people anything is recorded of their genes."""
    table = shard.codes.codes
    genetic = np.zeros(len(table), dtype=bool)
    genetic[bisect_left(table, PREFIX) : bisect_left(table, PREFIX + chr(0x10FFFF))] = True
    genetic[shard.codes.ids(codelist(REPORTED))] = True
    found = np.zeros(shard.n_subjects, dtype=bool)
    if genetic.any():
        found[shard.owners(np.flatnonzero(genetic[shard.code]))] = True
    return found


def _reported(chart: Chart) -> dict[str, OutsideCall]:
    """The newest diplotype that laboratories reported of each gene: ``CYP2C19 *2/*2``, as FHIR is read."""
    said = _reported_events(chart)["text_value"].drop_nulls()
    found = {}
    for gene, _, diplotype in (text.partition(" ") for text in said.to_list()):
        if gene in (*genes(), *OUTSIDE_ONLY) and PAIR in diplotype and " " not in diplotype:
            found[gene] = OutsideCall(diplotype=diplotype)
    return found


def genotype_events(chart: Chart, gene: str | None = None) -> pl.DataFrame:
    """The events of genotypes in a chart, those that differ from the reference last."""
    prefix = PREFIX if gene is None else f"{PREFIX}{gene}{SEPARATOR}"
    table = chart.shard.codes.codes
    low, high = bisect_left(table, prefix), bisect_left(table, prefix + chr(0x10FFFF))
    if low == high:
        return chart.events.clear()
    found = chart.events.filter(chart.events["code"].str.starts_with(prefix))
    return found.sort("numeric_value", maintain_order=True)


def call_events(chart: Chart, gene: str) -> pl.DataFrame:
    """The events that the call of a gene rests on: what laboratories reported last."""
    import polars as pl

    said = _reported_events(chart).filter(pl.col("text_value").str.starts_with(f"{gene} "))
    return pl.concat([genotype_events(chart, gene), said])


def _reported_events(chart: Chart) -> pl.DataFrame:
    table = chart.shard.codes
    meant = [table.codes[place] for place in table.ids(codelist(REPORTED))]
    if not meant:
        return chart.events.clear()
    return chart.events.filter(chart.events["code"].is_in(meant))


def outside_calls(lines: Iterable[str], place: str) -> dict[str, OutsideCall]:
    """Calls of other laboratories: gene, diplotype and, if known, phenotype and activity score, parted by tabs.

    Raises
    ------
    UserError
        A line has too few or too many parts.
    """
    found = {}
    for number, line in enumerate(lines, start=1):
        parts = line.rstrip("\r\n").split("\t")
        if not line.strip() or line.startswith("#"):
            continue
        if not FEWEST <= len(parts) <= MOST:
            raise UserError(
                f"{place}, line {number}: write gene, diplotype and, if known, phenotype and activity score, "
                "parted by tabs."
            )
        gene, diplotype, *more = (part.strip() for part in parts)
        names = ("phenotype", "activity_score")
        call = {"diplotype": diplotype, **dict(zip(names, more, strict=False))}
        found[gene] = _outside(call, f"{place}, line {number}")
    return found


def as_document(call: Call) -> dict[str, Any]:
    """A call as JSON has it; what is empty is left out, but never diplotypes, phenotype and missing."""
    told: dict[str, Any] = {
        "diplotypes": list(call.diplotypes),
        "phenotype": call.phenotype,
        "missing": list(call.missing),
    }
    more = {
        "also_possible": list(call.also_possible),
        "activity_score": call.activity,
        "outside_call": call.is_outside,
        "notes": list(call.notes),
    }
    return told | {name: value for name, value in more.items() if value not in (None, [], False)}


def _table(given: Mapping[str, Any], name: str, place: str) -> Mapping[str, Any]:
    part = {} if given.get(name) is None else given[name]
    if not isinstance(part, dict):
        raise UserError(f"{place}: '{name}' must be an object with a gene for each key.")
    return part


def _genotypes(
    gene: str, stated: Any, absent: Any, phased: bool, place: str
) -> dict[str, Genotype]:
    if gene not in genes() or not genes()[gene].positions:
        raise UserError(
            f"{place}: {gene[:20]} is not called from positions. Give its diplotype under 'outside'; called here are "
            f"{', '.join(name for name, each in genes().items() if each.positions)}."
        )
    positions = genes()[gene].positions
    if not isinstance(stated, dict) or not isinstance(absent, list):
        raise UserError(
            f"{place}, {gene}: genotypes are position: [allele, allele], missing positions a list."
        )
    for name, bases in stated.items():
        right = (
            isinstance(bases, list) and len(bases) == 2 and all(isinstance(b, str) for b in bases)
        )
        if not right:
            raise UserError(f"{place}, {gene}, {name[:20]}: a genotype is a list of two alleles.")
    known = {name: tuple(bases) for name, bases in stated.items() if name in positions}
    whole = {
        name: (each.reference, each.reference)
        for name, each in positions.items()
        if name not in known and name not in absent
    }
    return genotypes_of(gene, {**whole, **known}, phased=phased)


def _outside(given: Any, place: str) -> OutsideCall:
    call = {"diplotype": given} if isinstance(given, str) else given
    if not isinstance(call, dict) or not isinstance(call.get("diplotype"), str):
        raise UserError(f"{place}: a call from outside has a diplotype, such as *1/*4.")
    activity = call.get("activity_score")
    try:
        number = None if activity in (None, "") else float(str(activity))
    except ValueError:
        raise UserError(f"{place}: the activity score must be a number.") from None
    return OutsideCall(
        diplotype=call["diplotype"], phenotype=call.get("phenotype") or None, activity=number
    )


def _written(said: str) -> Genotype | None:
    """A genotype as the store writes it: ``A/G``, ``A|G``, ``A|G:1017``, or one base for one chromosome."""
    bases, _, named = said.partition(":")
    if "|" in bases:
        pair = bases.split("|")
        block = f"set {named}" if named else "all"
    else:
        pair, block = bases.split("/"), None
    if len(pair) == 1:
        pair = [pair[0], pair[0]]
    return Genotype(bases=(pair[0], pair[1]), block=block) if len(pair) == 2 else None
