"""value[xsi:type]: what an observation says, as number, unit and text, as the FHIR source tells the same values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lifecourse.records.ccda.coding import coded, display_of
from lifecourse.records.ccda.markup import V3, XSI_TYPE
from lifecourse.records.ccda.statement import HIGH, LOW
from lifecourse.records.preferences import ANY

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lifecourse.records.ccda.statement import Document

LARGEST = 3.4028234e38
"""What a float32 holds, as which values are stored."""
PLAIN_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")
DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
LONGEST_NUMBER = 60
CODED = frozenset(("CD", "CE", "CV", "CO", "CS", "SC", "PQR"))
NUMBERS = frozenset(("INT", "REAL", "MO"))
WORDS = frozenset(("ST", "ED", "TN", "ON", "EN", "PN", "AD", "TEL", "II"))
INCLUSIVE = {LOW: (">", ">="), HIGH: ("<", "<=")}


class Value(NamedTuple):
    """What a value says; `answer` is the code of a coded one; `end` the stamp of a period's end."""

    number: float | None = None
    unit: str | None = None
    text: str | None = None
    answer: str | None = None
    end: str | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is any."""
        return any(part is not None for part in (self.number, self.text, self.answer))


NOTHING = Value()


def value_of(element: Element, document: Document) -> Value:
    """The value in `element`; `NOTHING` where it is null."""
    kind = kind_of(element)
    if kind in CODED:
        return _coded(element, document)
    if kind == "PQ":
        return _quantity(element, document)
    if kind == "IVL_PQ" or kind in ("IVL_INT", "IVL_REAL"):
        return _range(element, document)
    if kind in NUMBERS:
        return Value(number=number_of(element.get("value"), document))
    if kind == "BL":
        told = {"true": 1.0, "false": 0.0}.get((element.get("value") or "").lower())
        return Value(number=told)
    if kind == "TS":
        return Value(text=element.get("value") or None)
    if kind == "IVL_TS":
        return _period(element)
    if kind.startswith("RTO"):
        return _ratio(element, document)
    return _words(element, document)


def kind_of(element: Element) -> str:
    """The data type, as xsi:type says, else as the element looks."""
    said = (element.get(XSI_TYPE) or "").rpartition(":")[2]
    if said:
        return said
    if element.get("code") is not None:
        return "CD"
    if element.get("value") is not None:
        return "PQ"
    return "IVL_PQ" if element.find(LOW) is not None or element.find(HIGH) is not None else "ST"


def number_of(text: str | None, document: Document) -> float | None:
    """A decimal; None for what is none or is more than a stored value can hold, which is counted."""
    if text is None or not text.strip():
        return None
    plain = text.strip()
    if len(plain) <= LONGEST_NUMBER and (
        plain.replace(".", "", 1).isdecimal() or DECIMAL.fullmatch(plain)
    ):
        found = float(plain)
        if abs(found) <= LARGEST:
            return found
    document.rows.count("values that are no numbers, kept as text")
    return None


def unit_of(element: Element) -> str | None:
    """The unit as it is written, which should be UCUM; None where none is."""
    return element.get("unit") or None


def _coded(element: Element, document: Document) -> Value:
    found = coded(element, ANY)
    words = document.words.of(element.find(f"{V3}originalText"))
    if found is None:
        return Value(text=words or display_of(element) or document.words.of(element))
    return Value(answer=found[0], text=found[1] or words)


def _quantity(element: Element, document: Document) -> Value:
    said = element.get("value")
    number = number_of(said, document)
    if number is not None:
        return Value(number=number, unit=unit_of(element))
    if said:
        return Value(text=said, unit=unit_of(element))
    translation = element.find(f"{V3}translation")
    if translation is None:
        return Value(text=document.words.of(element))
    # A unit that UCUM does not have stands as words beside the number, in a translation.
    words = document.words.of(translation.find(f"{V3}originalText"))
    number = number_of(translation.get("value"), document)
    if number is None:
        return Value(text=document.words.of(element) or words)
    return Value(
        number=number, unit=words or translation.get("displayName") or translation.get("code")
    )


def _range(element: Element, document: Document) -> Value:
    """The limits as words; one limit alone is a number with a comparator; both alike are the value."""
    low, high = element.find(LOW), element.find(HIGH)
    sides = [
        (side, number_of(side.get("value"), document)) for side in (low, high) if side is not None
    ]
    told = [(side, number) for side, number in sides if number is not None]
    if not told:
        center = element.find(f"{V3}center")
        return _quantity(center if center is not None else element, document)
    if len(told) == 1:
        side, number = told[0]
        is_inclusive = side.get("inclusive") != "false"
        return Value(number=number, unit=unit_of(side), text=INCLUSIVE[side.tag][is_inclusive])
    (first, below), (second, above) = told
    unit = unit_of(first) or unit_of(second)
    return Value(number=below if below == above else None, unit=unit, text=f"{below:g}..{above:g}")


def _period(element: Element) -> Value:
    low, high = element.find(LOW), element.find(HIGH)
    sides = [side.get("value") if side is not None else None for side in (low, high)]
    if not any(sides):
        return Value(text=element.get("value") or None)
    return Value(text="/".join(side or ".." for side in sides), end=sides[1])


def _ratio(element: Element, document: Document) -> Value:
    top, bottom = element.find(f"{V3}numerator"), element.find(f"{V3}denominator")
    if top is None or bottom is None:
        return NOTHING
    above, below = (number_of(part.get("value"), document) for part in (top, bottom))
    text = f"{top.get('value')}:{bottom.get('value')}"
    if above is None or not below or abs(above / below) > LARGEST:
        return Value(text=text)
    units = [unit for part in (top, bottom) if (unit := unit_of(part))]
    return Value(number=above / below, unit="/".join(units) if unit_of(top) else None, text=text)


def _words(element: Element, document: Document) -> Value:
    text = document.words.of(element) or element.get("value")
    if not text:
        return NOTHING
    is_number = PLAIN_NUMBER.fullmatch(text.strip())
    # A total that a system writes as text is a number all the same; the text stays beside it.
    return Value(number=float(text) if is_number else None, text=text)
