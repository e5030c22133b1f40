"""Codelists and units as CQL: whether a coding is of a list, and a measured amount in its canonical unit.

No terminology server is asked: a list's codes, and the starts of codes, stand in the text. Products of a drug's
ingredients are among the codes, as they are in our own reading of records.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lifecourse.schema.code import Codelist
from lifecourse.vocab.codelists import ALLERGY, codelist
from lifecourse.vocab.ingredients import products
from lifecourse.vocab.systems import systems
from lifecourse.vocab.units import known_units, quantities, to_canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifecourse.vocab.units import Conversion

CONCEPTS = "LifecourseConcepts"
EXPOSURES = "urn:lifecourse:exposure"
SMALLEST = 1e-4
"""Factor of a unit that anybody measures in: CQL's decimals have eight places."""
LISTED = """\
// Whether a code is one of those that stand between bars.
define function "Listed"(code System.String, codes System.String):
  PositionOf('|' + code + '|', codes) >= 0

// Whether a code begins with one of these.
define function "Begins"(code System.String, starts List<System.String>):
  exists ((starts) S where StartsWith(code, S))"""
PARTS = 2
"""Of a code that stands for itself; a coded answer has more, and what it tells is handed on (`facts`)."""


def concepts_library(names: Iterable[str], measured: Iterable[str], version: str) -> str:
    """The CQL library of membership in `names` and of amounts of the `measured` quantities."""
    parts = [
        "// Made by lifecourse of its codelists and units; made again, never edited.",
        f"library {CONCEPTS} version '{version}'",
        "using FHIR version '4.0.1'",
        "context Patient",
        LISTED,
        *(_membership(name, codelist(name)) for name in sorted(set(names))),
        *(
            _membership(as_substance(name), _substances(name))
            for name in sorted(set(names))
            if has_substances(name)
        ),
        *(_amount(name) for name in sorted(set(measured))),
    ]
    return "\n\n".join(parts) + "\n"


def as_substance(name: str) -> str:
    """The name of the function that says whether an allergy's substance is of the codelist `name`."""
    return f"{name}, substance of an allergy"


def has_substances(name: str) -> bool:
    """Whether the codelist `name` has substances of allergies."""
    return any(code.startswith(ALLERGY) for code in codelist(name).exact)


def literal(text: str) -> str:
    """A CQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def coding_of(
    name: str, *, not_in: Iterable[str] = (), substance: bool = False
) -> dict[str, str] | None:
    """A FHIR coding that is in the codelist `name` and in none of `not_in`; None where there is none.

    substance : of what somebody is allergic to, in place of what happened
    """
    others = [_sorted(codelist(other)) for other in not_in]
    exact, prefixes, excluded = _sorted(_substances(name) if substance else codelist(name))
    for code in [*exact, *prefixes]:
        taken = any(
            code in theirs or (code.startswith(tuple(starts)) and not code.startswith(tuple(no)))
            for theirs, starts, no in others
        )
        if taken or code.startswith(tuple(excluded)):
            continue
        system, _, rest = code.partition("//")
        return {"system": _uris(system)[0], "code": rest}
    return None


def _substances(name: str) -> Codelist:
    exact = (code for code in codelist(name).exact if code.startswith(ALLERGY))
    return Codelist(name=name, exact=frozenset(code.removeprefix(ALLERGY) for code in exact))


def _membership(name: str, found: Codelist) -> str:
    exact, prefixes, excluded = _sorted(found)
    lines = [
        *(_any_of(system, codes) for system, codes in _by_system(exact).items()),
        *(
            _starting(system, starts, _by_system(excluded).get(system, []))
            for system, starts in _by_system(prefixes).items()
        ),
    ]
    said = "\n    or ".join(lines) or "false"
    return f'define function "{name}"(codings List<FHIR.Coding>):\n  exists (codings C where\n    {said})'


def _any_of(system: str, codes: list[str]) -> str:
    # A list of thousands of literals takes a compiler half a minute; one text of them nothing.
    listed = literal(f"|{'|'.join(codes)}|")
    return f'(C.system.value in {_set(_uris(system))} and "Listed"(C.code.value, {listed}))'


def _starting(system: str, starts: list[str], excluded: list[str]) -> str:
    but = "" if not excluded else f" and not {_begins(excluded)}"
    return f"(C.system.value in {_set(_uris(system))} and {_begins(starts)}{but})"


def _begins(starts: list[str]) -> str:
    return f'"Begins"(C.code.value, {_set(starts)})'


def _set(texts: Iterable[str]) -> str:
    return "{" + ", ".join(literal(text) for text in texts) + "}"


def _sorted(found: Codelist) -> tuple[list[str], list[str], list[str]]:
    """Whole codes, starts and excluded starts, of codes that a FHIR coding can have."""
    exact = {code for code in found.exact if len(code.split("//")) == PARTS}
    rxnorm = {code for code in exact if code.startswith("RxNorm//")}
    held = {f"RxNorm//{product}" for product, codes in products().items() if rxnorm & set(codes)}
    return (
        sorted(code for code in exact | held if _uris(code.split("//")[0])),
        sorted(code for code in found.prefixes if _uris(code.split("//")[0])),
        sorted(code for code in found.excluded if _uris(code.split("//")[0])),
    )


def _by_system(codes: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code in codes:
        system, _, rest = code.partition("//")
        found.setdefault(system, []).append(rest)
    return found


@cache
def _uris(system: str) -> tuple[str, ...]:
    if system == "EXPOSURE":
        return (EXPOSURES,)
    known = systems().get(system)
    return () if known is None else tuple(known.uris)


def _amount(name: str) -> str:
    """A function of amount and unit; null in a unit that the quantity does not have."""
    code = sorted(codelist(name).exact)[0]
    conversions = {unit: to_canonical(code, unit) for unit in sorted(known_units())}
    lines = [
        f"    when unit = {literal(unit)} then {_converted(each)}"
        for unit, each in conversions.items()
        if each is not None and SMALLEST <= each.factor <= 1 / SMALLEST
    ]
    canonical = quantities()[name].unit
    return (
        f"// in {canonical}\n"
        f'define function "{name} amount"(amount System.Decimal, unit System.String):\n'
        "  case\n    when unit is null then amount\n" + "\n".join(lines) + "\n    else null\n  end"
    )


def _converted(conversion: Conversion) -> str:
    by = "" if conversion.factor == 1 else f" * {decimal(conversion.factor)}"
    plus = "" if conversion.offset == 0 else f" + {decimal(conversion.offset)}"
    return f"amount{by}{plus}"


def decimal(number: float) -> str:
    """A CQL decimal, which has no exponent and at most eight places."""
    return f"{number:.8f}".rstrip("0").replace(".", ".0" if float(number).is_integer() else ".")
