"""What a task means by an event: a codelist, a phenotype or codes written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from lifecourse.base.errors import CodelistError, TaskError
from lifecourse.base.yaml import Document
from lifecourse.schema.code import Codelist, codelist_of
from lifecourse.schema.covariate import ValueRange

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Values(Document):
    """Limits of a number, in the unit of the codelist's concept; both ends are included."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_limit_a_side(self) -> Values:
        if self.at_least is not None and self.above is not None:
            raise ValueError("give at_least or above, not both")
        if self.at_most is not None and self.below is not None:
            raise ValueError("give at_most or below, not both")
        return self

    def range(self) -> ValueRange:
        """The same as the kernel takes it."""
        return ValueRange(
            low=self.above if self.at_least is None else self.at_least,
            high=self.below if self.at_most is None else self.at_most,
            low_inclusive=self.above is None,
            high_inclusive=self.below is None,
        )

    def hold(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """bool[n], which of `numbers` (float64[n]) lie within; NaN does not."""
        from lifecourse.timeline.kernel import inclusive_range

        low, high = inclusive_range(self.range())
        within: npt.NDArray[np.bool_] = (numbers >= low) & (numbers <= high)
        return within


class Meaning(Document):
    """One of: the name of a codelist, the name of a phenotype, or codes (``ICD10CM//E11*``: a prefix).

    falls_to : of an outcome, what counts is a value of at most this share of the last one at or before the
        prediction time
    """

    codelist: str | None = None
    phenotype: str | None = None
    codes: list[str] | None = None
    values: Values | None = None
    falls_to: float | None = Field(default=None, gt=0, lt=1)
    name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_name_alone_is_a_codelist(cls, given: Any) -> Any:
        return {"codelist": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _exactly_one(self) -> Meaning:
        given = [self.codelist, self.phenotype, self.codes]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give exactly one of codelist, phenotype, codes")
        if self.codes == []:
            raise ValueError("codes is empty; give at least one code")
        if self.phenotype is not None and self.values is not None:
            raise ValueError("a phenotype has its own values; leave values out")
        if self.falls_to is not None and (self.phenotype is not None or self.values is not None):
            raise ValueError(
                "falls_to is of what a codelist measures; leave phenotype and values out"
            )
        return self

    @property
    def label(self) -> str:
        """What to call it in tables."""
        return self.name or self.codelist or self.phenotype or ", ".join(self.codes or [])

    def resolve(self) -> Codelist:
        """The codelist meant.

        Raises
        ------
        TaskError
            No codelist of that name, or the meaning is a phenotype.
        """
        if self.codes is not None:
            return codelist_of(self.label, self.codes)
        if self.codelist is None:
            raise TaskError(f"'{self.label}' is a phenotype and has no codelist of its own.")
        return named_codelist(self.codelist)


def named_codelist(name: str) -> Codelist:
    """The codelist `name` of `vocab`.

    Raises
    ------
    TaskError
        There is none; the message lists those there are.
    """
    from lifecourse.vocab import codelists

    try:
        return codelists.codelist(name)
    except CodelistError as unknown:
        known = ", ".join(codelists.names())
        raise TaskError(f"there is no codelist '{name}'. Choose one of: {known}.") from unknown
