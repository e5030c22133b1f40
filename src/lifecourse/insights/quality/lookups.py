"""What each code of a store is to the checks, once, as arrays that events are looked up in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.schema.code import SEPARATOR
from lifecourse.schema.event import BACKGROUND, BIRTH, DEATH
from lifecourse.vocab.codelists import codelist
from lifecourse.vocab.damage import Damage, coded_parts, damages_in
from lifecourse.vocab.normalise import INCONVERTIBLE
from lifecourse.vocab.systems import systems
from lifecourse.vocab.units import canonical_unit

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.shard import CodeTable

MOST_FAMILIES = 60
OTHER = "(other)"
# Our own words and MEDS's: their events are known without a code system.
OWN = (
    *(start.removesuffix(SEPARATOR) for start in BACKGROUND),
    *("SEX", "RACE", "ETHNICITY", "MARITAL_STATUS", "DECEASED", "LANGUAGE"),
    *(
        "VISIT",
        "VISIT_END",
        "VISIT_DETAIL",
        "NOTE",
        "NOTED",
        "IMAGING",
        "SPECIMEN",
        "COVERAGE",
        "CONSENT",
    ),
    *("GOAL", "NUTRITION", "CARE_PLAN", "CARE_TEAM", "CLINICAL_IMPRESSION"),
)
PREFIXED = ("NOT_DONE", "PLANNED", "REFUTED", "FAMILY_HISTORY", "ALLERGY", "UNCONFIRMED")
FEMALE, MALE, OTHER_SEX = 1, 2, 3
VISITS = ("inpatient", "outpatient", "emergency", "virtual", "home", "other")
INPATIENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """Of each code of a store, by its id.

    family : int16[n], place in `families` of the first part of the code
    system : int16[n], place in `families` of the system whose code it is; -1 where it is of none we know
    damage : int8[n], place in `DAMAGES` + 1; 0 where nothing is wrong
    damaged_system : int16[n], place in `families` of the damaged part's system
    starts_with_zero : bool[n]
    known : bool[n], of a known system, our own, or mapped to one that is
    inconvertible, canonical : bool[n], values in a unit that cannot be converted; of a quantity with a canonical unit
    tells_unit : bool[n], the code or its mapping says the unit, as ``LAB//50912//mg/dL`` does
    low, high, factor : float64[n], what is possible, and what takes a value to the canonical unit
    visit : int8[n], place in `VISITS` + 1; 0 for what is no visit
    sex : int8[n], the code that says a person's sex: FEMALE, MALE, OTHER_SEX or 0
    one_sex : int8[n], the sex that the code needs: FEMALE, MALE or 0
    timeless : bool[n], may do without a time
    birth, death : bool[n]
    """

    families: tuple[str, ...]
    family: npt.NDArray[np.int16]
    system: npt.NDArray[np.int16]
    damage: npt.NDArray[np.int8]
    damaged_system: npt.NDArray[np.int16]
    starts_with_zero: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]
    inconvertible: npt.NDArray[np.bool_]
    canonical: npt.NDArray[np.bool_]
    tells_unit: npt.NDArray[np.bool_]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    factor: npt.NDArray[np.float64]
    visit: npt.NDArray[np.int8]
    sex: npt.NDArray[np.int8]
    one_sex: npt.NDArray[np.int8]
    timeless: npt.NDArray[np.bool_]
    birth: npt.NDArray[np.bool_]
    death: npt.NDArray[np.bool_]


DAMAGES = tuple(Damage)


def lookups_of(codes: CodeTable) -> Lookups:
    """The lookups of a store's codes."""
    n = len(codes)
    families, family = _families(codes.codes)
    place = {name: i for i, name in enumerate(families)}
    system = np.full(n, -1, dtype=np.int16)
    damaged_system = np.full(n, -1, dtype=np.int16)
    damage = np.zeros(n, dtype=np.int8)
    zero, known = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    for i, code in enumerate(codes.codes):
        parts = coded_parts(code)
        if parts:
            system[i] = place[parts[0][0]]
            zero[i] = parts[0][1].startswith("0")
        for which, what in damages_in(code)[:1]:
            damage[i] = DAMAGES.index(what) + 1
            damaged_system[i] = place[which]
        known[i] = bool(parts) or _is_ours(code) or bool(codes.parents[i])
    low, high = codes.possible
    return Lookups(
        families=families,
        family=family,
        system=system,
        damage=damage,
        damaged_system=damaged_system,
        starts_with_zero=zero,
        known=known,
        inconvertible=np.array([INCONVERTIBLE in code for code in codes.codes], dtype=np.bool_),
        canonical=np.isfinite(low) | np.isfinite(high),
        tells_unit=np.array([canonical_unit(code) is None for code in codes.codes], dtype=np.bool_),
        low=low,
        high=high,
        factor=codes.unit_factor,
        visit=_visits(codes),
        sex=_of_lists(codes, {"female": FEMALE, "male": MALE}, {"SEX//other": OTHER_SEX}),
        one_sex=_of_lists(codes, {"of_females_only": FEMALE, "of_males_only": MALE}, {}),
        timeless=np.array([_is_timeless(code) for code in codes.codes], dtype=np.bool_),
        birth=np.array([code == BIRTH for code in codes.codes], dtype=np.bool_),
        death=np.array([code.startswith(DEATH) for code in codes.codes], dtype=np.bool_),
    )


def _families(codes: list[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int16]]:
    """The first parts of codes, the rare ones of sources that give each code its own as one."""
    from collections import Counter

    heads = [code.split(SEPARATOR, 1)[0] for code in codes]
    counted = Counter(heads)
    kept = set(systems()) | ({*OWN, *PREFIXED, BIRTH, DEATH} & set(counted))
    kept |= {head for head, _ in counted.most_common(MOST_FAMILIES)}
    families = (*sorted(kept), OTHER)
    place = {name: i for i, name in enumerate(families)}
    return families, np.array([place.get(head, place[OTHER]) for head in heads], dtype=np.int16)


def _is_ours(code: str) -> bool:
    head = code.split(SEPARATOR, 1)[0]
    return head in OWN or head in (BIRTH, DEATH)


def _is_timeless(code: str) -> bool:
    """Sex, race and what else needs no date, under whatever name: it is no code of a clinical system."""
    return not coded_parts(code)


def _visits(codes: CodeTable) -> npt.NDArray[np.int8]:
    numbers = {f"VISIT//{kind}": number for number, kind in enumerate(VISITS, start=1)}
    found = np.zeros(len(codes), dtype=np.int8)
    for i, (code, parents) in enumerate(zip(codes.codes, codes.parents, strict=True)):
        found[i] = max(numbers.get(name, 0) for name in (code, *parents))
    return found


def _of_lists(
    codes: CodeTable, lists: dict[str, int], words: dict[str, int]
) -> npt.NDArray[np.int8]:
    """The number of the codelist, or of the very word, that each code is of; 0 for none."""
    found = np.array([words.get(code, 0) for code in codes.codes], dtype=np.int8)
    for name, number in lists.items():
        found[codes.ids(codelist(name))] = number
    return found
