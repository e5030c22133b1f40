"""value[x]: what a FHIR element says, as number, unit and text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.records.fhir.coding import coded, word
from lifecourse.records.fhir.rows import RejectedError
from lifecourse.records.preferences import ANY

if TYPE_CHECKING:
    from lifecourse.records.fhir.rows import Resource
    from lifecourse.records.fhir.times import Moment

Value = tuple[float | None, str | None, str | None, "Moment | None"]

VALUES = frozenset(
    "value" + kind
    for kind in (
        "Quantity", "CodeableConcept", "Coding", "String", "Boolean", "Integer", "Decimal", "Range", "Ratio",
        "SampledData", "Time", "DateTime", "Date", "Period", "Uri", "Attachment", "Reference", "Markdown",
    )
)  # fmt: skip
LARGEST = 3.4028234e38
"""What a float32 holds, as which values are stored."""
WORDS = ("valueString", "valueMarkdown", "valueTime", "valueDateTime", "valueDate", "valueUri")
NUMBERS = ("valueInteger", "valueDecimal")
PLAIN_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")
MOST_SAMPLES = 1_000_000


def value_of(body: dict[str, Any], resource: Resource) -> Value:
    """Number, unit, text and end of a value[x] that is no concept.

    Raises
    ------
    RejectedError
        What should be a number is none, or none that a stored value can hold.
    """
    quantity = body.get("valueQuantity")
    if quantity is not None:
        return (*quantity_of(quantity), None)
    for name in NUMBERS:
        if body.get(name) is not None:
            return number(body[name]), None, None, None
    if isinstance(body.get("valueBoolean"), bool):
        return float(body["valueBoolean"]), None, None, None
    return _words(body) or _structure(body, resource)


def quantity_of(quantity: dict[str, Any]) -> tuple[float | None, str | None, str | None]:
    """Number, unit and comparator of a Quantity.

    Raises
    ------
    RejectedError
        What should be a number is none, or none that a stored value can hold.
    """
    value, unit = quantity.get("value"), quantity.get("code") or quantity.get("unit")
    if type(value) is not float or not -LARGEST <= value <= LARGEST:
        value = number(value)
    if type(unit) is not str:
        unit = word(unit) or None
    comparator = quantity.get("comparator")
    return value, unit, comparator if comparator is None else word(comparator)


def answer_of(concept: dict[str, Any]) -> tuple[str | None, str | None]:
    """Code string and words of a coded answer; of one in words alone, the words."""
    found = coded(concept, ANY)
    return found or (None, word(concept.get("text")))


def _words(body: dict[str, Any]) -> Value | None:
    for name in WORDS:
        text = body.get(name)
        if not text:
            continue
        text = word(text)
        is_number = name == "valueString" and text and PLAIN_NUMBER.fullmatch(text.strip())
        # A total that a system writes as text is a number all the same; the text stays beside it.
        return (float(text) if is_number and text else None), None, text, None
    return None


def _structure(body: dict[str, Any], resource: Resource) -> Value:
    if (ratio := body.get("valueRatio")) is not None:
        return _ratio(ratio)
    if (limits := body.get("valueRange")) is not None:
        return _range(limits)
    if (samples := body.get("valueSampledData")) is not None:
        return _sampled(samples)
    if (period := body.get("valuePeriod")) is not None:
        text = "/".join(word(period.get(side)) or ".." for side in ("start", "end"))
        return None, None, text, resource.first_moment(period.get("end"))
    for name in ("valueReference", "valueAttachment"):
        if (other := body.get(name)) is not None:
            said = (word(other.get(key)) for key in ("display", "title", "reference", "url"))
            return None, None, next((text for text in said if text), None), None
    return None, None, None, None


def _ratio(ratio: dict[str, Any]) -> Value:
    top, bottom = ratio.get("numerator") or {}, ratio.get("denominator") or {}
    above, below = number(top.get("value")), number(bottom.get("value"))
    text = f"{top.get('value')}:{bottom.get('value')}"
    if above is None or not below or abs(above / below) > LARGEST:
        return None, None, text, None
    units = [unit_of(top), unit_of(bottom)]
    unit = "/".join(u for u in units if u) if units[0] else None
    return above / below, unit, text, None


def _range(limits: dict[str, Any]) -> Value:
    """The limits as words: a middle would be a number that nobody measured. One that is both limits is the value."""
    low, high = limits.get("low") or {}, limits.get("high") or {}
    below, above = number(low.get("value")), number(high.get("value"))
    text = f"{'' if below is None else f'{below:g}'}..{'' if above is None else f'{above:g}'}"
    return (
        (below if below == above else None), unit_of(low) or unit_of(high), text, None
    )  # fmt: skip


def _sampled(samples: dict[str, Any]) -> Value:
    """The mean of a series in its unit; how many there are and between which values, as words.

    A sample is ``origin + factor * number``; E, U and L (error, beyond the upper and the lower limit) are left out of
    the mean and counted. Of several dimensions the first is read. FHIR R4, SampledData.
    """
    origin = samples.get("origin") or {}
    start, factor = number(origin.get("value")) or 0.0, number(samples.get("factor"))
    step = number(samples.get("dimensions")) or 1
    written = samples.get("data")
    if not isinstance(written, str) or step < 1:
        return None, unit_of(origin), None, None
    points = written.split(maxsplit=MOST_SAMPLES * int(step))[:: int(step)][:MOST_SAMPLES]
    read = [float(point) for point in points if PLAIN_NUMBER.fullmatch(point)]
    values = start + (1.0 if factor is None else factor) * np.asarray(read, np.float64)
    lost = len(points) - len(read)
    text = f"{len(read)} samples" + (f", {lost} without a value" if lost else "")
    if not read:
        return None, unit_of(origin), text, None
    text += f", {values.min():g} to {values.max():g}"
    return number(float(values.mean())), unit_of(origin), text, None


def number(value: Any) -> float | None:
    """A JSON number; None for anything else.

    Raises
    ------
    RejectedError
        It is text or something else that should have been a number, or no stored value can hold it.
    """
    kind = type(value)
    if kind is float or kind is int:
        if abs(value) > LARGEST:
            raise RejectedError("a value beyond any measurement")
        return float(value)
    if value is None:
        return None
    raise RejectedError("a value that is not a number")


def unit_of(quantity: dict[str, Any]) -> str | None:
    """The UCUM code of a quantity, else its unit as written."""
    return word(quantity.get("code") or quantity.get("unit")) or None
