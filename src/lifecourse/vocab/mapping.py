"""What a store's codes also stand for: the concepts (``parent_codes``) that codelists know."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.errors import CodelistError
from lifecourse.base.texts import opened_utf8
from lifecourse.schema.code import SEPARATOR
from lifecourse.vocab.codelists import ALLERGY
from lifecourse.vocab.damage import ICD_HEADS, coded_parts, restored
from lifecourse.vocab.ingredients import by_words, products
from lifecourse.vocab.systems import tidy_code
from lifecourse.vocab.units import SAME, canonical_unit, tidy_unit, to_canonical
from lifecourse.vocab.vocabulary import ENDING, vocabularies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from lifecourse.vocab.vocabulary import Vocabulary

FOLDER = Path(__file__).parent / "mappings"

# Last part of a drug's code in MIMIC's administration record where the drug was not given.
NOT_GIVEN = ("not ", "hold", "removed", "delayed not", "infusion reconciliation", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """What one code stands for and is a kind of; values times `factor` are in `unit`."""

    parents: tuple[str, ...] = ()
    ancestors: tuple[str, ...] = ()
    description: str | None = None
    unit: str | None = None
    factor: float = 1.0


UNMAPPED = Mapping()


def map_codes(codes: list[str], extra: Sequence[Path] = ()) -> pl.DataFrame:
    """Each code with the concepts it stands for.

    Parameters
    ----------
    codes : the distinct codes of a store
    extra : a site's own mapping files, CSV with ``code, parent_code`` and, if wanted, ``description, unit,
        unit_factor``; several rows of one code give it several parents. They come before what is built in. Vocabularies
        among them (`vocabulary`) add what codes map to, and what they are kinds of.

    Returns
    -------
    table of code, parent_codes (list: what it stands for), ancestor_codes (list: what that is a kind of, where a
    vocabulary tells), description, unit (canonical, where the code measures a quantity), unit_factor (a value under the
    code, times this, is in that unit); one row per code, in their order
    """
    import polars as pl

    site = _site_mappings([path for path in extra if path.suffix.lower() != ENDING])
    mapped = [_merged(site.get(code, UNMAPPED), _built_in(code)) for code in codes]
    for vocabulary in vocabularies(extra):
        mapped = _placed(codes, mapped, vocabulary)
    return pl.DataFrame(
        {
            "code": codes,
            "parent_codes": [list(each.parents) for each in mapped],
            "ancestor_codes": [list(each.ancestors) for each in mapped],
            "description": [each.description for each in mapped],
            "unit": [each.unit for each in mapped],
            "unit_factor": [each.factor for each in mapped],
        },
        schema={
            "code": pl.String,
            "parent_codes": pl.List(pl.String),
            "ancestor_codes": pl.List(pl.String),
            "description": pl.String,
            "unit": pl.String,
            "unit_factor": pl.Float64,
        },
    )


def _merged(site: Mapping, built_in: Mapping) -> Mapping:
    if not site.parents:
        return built_in
    parents = tuple(dict.fromkeys((*site.parents, *built_in.parents)))
    # What a site's parents stand for in turn: a product's ingredient, say
    for parent in site.parents:
        parents = tuple(dict.fromkeys((*parents, *_built_in(parent).parents)))
    return replace(site, parents=parents)


def _placed(codes: list[str], mapped: list[Mapping], vocabulary: Vocabulary) -> list[Mapping]:
    """What the vocabulary adds: what a code maps to, and the ancestors of it and of all that it stands for."""
    told = vocabulary.known({*codes, *(parent for each in mapped for parent in each.parents)})
    placed = []
    for code, each in zip(codes, mapped, strict=True):
        names = (code, *each.parents)
        known = [told[name] for name in names if name in told]
        further = [parent for one in known for parent in one.maps]
        further += [parent for code_ in further for parent in _built_in(code_).parents]
        parents = tuple(dict.fromkeys((*each.parents, *further)))
        ancestors = dict.fromkeys(each.ancestors)
        ancestors |= dict.fromkeys(kind for one in known for kind in one.ancestors)
        own = told.get(code)
        placed.append(
            replace(
                each,
                parents=parents,
                ancestors=tuple(ancestors),
                description=each.description or (own.name if own else None),
            )
        )
    return placed


def _built_in(code: str) -> Mapping:
    for rule in (_of_allergy, _of_words, _of_item, _of_icd, _of_drug_name, _of_system):
        found = rule(code)
        if found is not None:
            return found
    return Mapping(unit=canonical_unit(code))


def _of_allergy(code: str) -> Mapping | None:
    """``ALLERGY//RxNorm//<product>``: an allergy to what the product holds."""
    if not code.startswith(ALLERGY):
        return None
    inner = _of_system(code.removeprefix(ALLERGY))
    return inner and Mapping(parents=tuple(f"{ALLERGY}{parent}" for parent in inner.parents))


def _of_words(code: str) -> Mapping | None:
    head = code
    while True:
        if head in _words():
            return _with_unit(_words()[head], stated=None)
        head, separator, _ = head.rpartition(SEPARATOR)
        if not separator:
            return None


def _of_item(code: str) -> Mapping | None:
    kind, _, rest = code.partition(SEPARATOR)
    if kind not in ("LAB", "VITAL", "CHART"):
        return None
    item, _, unit = rest.partition(SEPARATOR)
    found = _items().get(item)
    return None if found is None else _with_unit(found, stated=tidy_unit(unit or None))


def _with_unit(row: Mapping, *, stated: str | None) -> Mapping | None:
    """The row's mapping with the factor from the code's own unit, else the row's, to the canonical one."""
    parent = row.parents[0]
    canonical = canonical_unit(parent)
    if canonical is None:
        return replace(row, unit=row.unit or None)
    conversion = to_canonical(parent, stated or row.unit)
    if conversion is None or conversion.offset != SAME.offset:
        # A value that one factor does not bring to the canonical unit must not be taken for one in it
        return Mapping(description=row.description)
    return replace(row, unit=canonical, factor=conversion.factor)


def _of_icd(code: str) -> Mapping | None:
    """``DIAGNOSIS//ICD//9//4019``, ``PROCEDURE//ICD//10//0BCJ8ZZ`` and ``DIAGNOSIS//ICD10CM//E119``."""
    if not code.startswith(ICD_HEADS):
        return None
    for system, plain in coded_parts(code):
        return Mapping(parents=(f"{system}{SEPARATOR}{restored(system, plain) or plain}",))
    return None


def _of_drug_name(code: str) -> Mapping | None:
    """``MEDICATION//Atorvastatin//Administered``: by the name, unless it was not given."""
    parts = code.split(SEPARATOR)
    if parts[0] not in ("MEDICATION", "INFUSION_START", "DRUG") or len(parts) < 2:
        return None
    if len(parts) > 2 and parts[-1].strip().lower().startswith(NOT_GIVEN):
        return UNMAPPED
    name = parts[2] if parts[1] in ("START", "STOP") and len(parts) > 2 else parts[1]
    if parts[1] == "STOP":
        return UNMAPPED
    return Mapping(parents=by_words(name), description=name)


def _of_system(code: str) -> Mapping | None:
    """A product's ingredients; the tidy form of a code that is not in it; ``LOINC//2160-0//umol/L``."""
    tidied = tidy_code(code)
    system, _, rest = tidied.partition(SEPARATOR)
    whole = restored(system, rest)
    if whole is not None:
        return Mapping(parents=tuple(dict.fromkeys((tidied, f"{system}{SEPARATOR}{whole}"))))
    own = () if tidied == code else (tidied,)
    if system == "RxNorm":
        return Mapping(parents=(*own, *products().get(rest, ())))
    if system == "LOINC" and rest.count(SEPARATOR) == 1:
        concept, _, unit = rest.partition(SEPARATOR)
        return _of_suffixed_unit(f"{system}{SEPARATOR}{concept}", unit)
    return Mapping(parents=own, unit=canonical_unit(tidied)) if own else None


def _of_suffixed_unit(concept: str, unit: str) -> Mapping | None:
    canonical = canonical_unit(concept)
    if canonical is None or unit.startswith("UNIT:"):
        return None
    conversion = to_canonical(concept, unit)
    if conversion is None or conversion.offset != SAME.offset:
        return None
    return Mapping(parents=(concept,), unit=canonical, factor=conversion.factor)


@cache
def _words() -> dict[str, Mapping]:
    return {row["code"]: _mapping(row) for row in _rows(FOLDER / "names.csv")}


@cache
def _items() -> dict[str, Mapping]:
    return {row["item"]: _mapping(row) for row in _rows(FOLDER / "mimic.csv")}


def _mapping(row: dict[str, str]) -> Mapping:
    return Mapping(
        parents=(row["parent_code"],),
        description=row["description"] or None,
        unit=row["unit"] or None,
    )


def _rows(path: Path) -> Iterable[dict[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return csv.DictReader(line for line in lines if line and not line.startswith("#"))


def _site_mappings(paths: Sequence[Path]) -> dict[str, Mapping]:
    found: dict[str, Mapping] = {}
    for path in paths:
        for code, mapping in _read_site(path):
            before = found.get(code)
            parents = mapping.parents if before is None else (*before.parents, *mapping.parents)
            found[code] = replace(mapping, parents=tuple(dict.fromkeys(parents)))
    return found


def _read_site(path: Path) -> Iterable[tuple[str, Mapping]]:
    if not path.is_file():
        raise CodelistError(f"there is no mapping file {path.name}. Give the path of a CSV file.")
    with opened_utf8(path, CodelistError) as file:
        reader = csv.DictReader(line for line in file if line.strip() and line[0] != "#")
        missing = {"code", "parent_code"} - set(reader.fieldnames or ())
        if missing:
            raise CodelistError(
                f"{path.name} has no column {' or '.join(sorted(missing))}. A mapping file has the "
                "columns code, parent_code and may have description, unit, unit_factor."
            )
        for number, row in enumerate(reader, start=1):
            yield _site_row(row, where=f"{path.name}, row {number}")


def _site_row(row: dict[str, str | None], *, where: str) -> tuple[str, Mapping]:
    code, parent = (row.get("code") or "").strip(), (row.get("parent_code") or "").strip()
    if not code or not parent:
        raise CodelistError(f"{where}: code and parent_code may not be empty.")
    parent = tidy_code(parent)
    unit = tidy_unit(row.get("unit"))
    return code, Mapping(
        parents=(parent,),
        description=row.get("description") or None,
        unit=canonical_unit(parent) or unit,
        factor=_site_factor(row.get("unit_factor"), parent, unit, where=where),
    )


def _site_factor(stated: str | None, parent: str, unit: str | None, *, where: str) -> float:
    if stated:
        try:
            return float(stated)
        except ValueError:
            raise CodelistError(f"{where}: unit_factor must be a number.") from None
    if canonical_unit(parent) is None:
        return 1.0
    conversion = to_canonical(parent, unit)
    if conversion is None or conversion.offset != SAME.offset:
        raise CodelistError(
            f"{where}: values in '{unit}' do not become {canonical_unit(parent)} by a factor. "
            "State unit_factor, or another unit."
        )
    return conversion.factor
