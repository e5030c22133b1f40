"""A recipe: which covariates, by name, and which windows over every code."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from lifecourse.base.clock import LONGEST_DAYS
from lifecourse.base.errors import CodelistError, RecipeError
from lifecourse.base.yaml import Document, load_document
from lifecourse.schema.code import Codelist, codelist_of
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import Window, before, static
from lifecourse.timeline.everycode import NOT_OF_EVERY_CODE, window_name

LIBRARY = Path(__file__).parent / "library"
DEFAULT = "default"

Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]
_extending: ContextVar[tuple[str, ...]] = ContextVar("extending", default=())
"""What the recipes extend that are being read, the outermost first."""


class NamedCovariate(Document):
    """One column: the summary of a codelist, or of single codes, over (t - days, t]; all history without `days`.

    Of `codes` one that ends in ``*`` is a prefix: ``ICD10CM//E11*``.
    `change` needs `days`: it is the mean of those days minus the mean of all before them.
    With `static`, of the facts without a time instead, such as genotypes, polygenic scores and sex.
    """

    codelist: str | None = None
    codes: list[str] = Field(default_factory=list)
    summary: Summary
    days: Days | None = None
    static: bool = False
    name: str = ""

    @model_validator(mode="after")
    def _of_something(self) -> NamedCovariate:
        if self.static and self.days is not None:
            raise ValueError("static facts have no time: leave out either static or days")
        if (self.codelist is None) != bool(self.codes):
            raise ValueError("a covariate needs either a codelist or codes")
        if self.summary == Summary.CHANGE and self.days is None:
            raise ValueError(
                "change compares the latest days with all before them: say how many days"
            )
        return self

    @property
    def column(self) -> str:
        """The name of the column, ``hba1c.last.365d``."""
        span = "static" if self.static else window_name(self.window)
        return self.name or f"{self.codelist or ' or '.join(self.codes)}.{self.summary}.{span}"

    @property
    def window(self) -> Window:
        """The window that `days` or `static` says."""
        return static() if self.static else window_of(self.days)

    def meant(self) -> Codelist:
        """The codes that count, as a task would mean them.

        Raises
        ------
        CodelistError
            The codelist is not known.
        """
        if self.codelist is not None:
            from lifecourse.vocab.codelists import codelist

            return codelist(self.codelist)
        return codelist_of(" or ".join(self.codes), self.codes)


class EveryCode(Document):
    """Summaries of every code in windows (t - days, t]; None is all history.

    A code is in the vocabulary when at least `min_count` training rows have it; of those the `top_k` commonest.
    `roll_up` names hierarchies (``icd10cm_chapter``, ``atc_therapeutic``) and codelists (``codelist:statin``) whose
    groups of codes have columns too, by the same rule.
    `exclude` names codes, prefixes (``ICD10CM//I63*``) and groups (``icd10cm_category:I63``) that get no column. A code
    is left out too where it was mapped to one of them; it still counts in the groups that are not.
    """

    days: list[Days | None] = Field(min_length=1)
    summaries: list[Summary] = Field(min_length=1)
    min_count: int = Field(default=20, ge=1)
    top_k: int = Field(default=2000, ge=1)
    roll_up: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _sensible(self) -> EveryCode:
        if self.roll_up:
            from lifecourse.features.rollup import check

            check(self.roll_up)
        wrong = [str(s) for s in self.summaries if s in NOT_OF_EVERY_CODE]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} is asked by name, as a covariate")
        return self

    def windows(self) -> list[Window]:
        """The windows, in the order of `days`."""
        return [window_of(days) for days in self.days]


class Recipe(Document):
    """What to make of each person's history; age and sex are always there.

    extends : a recipe of the library whose covariates come first, and whose every-code part holds unless told anew; all
        of it but some codes where `every_code` tells `exclude` alone
    derived : columns of `lifecourse.tasks.derived`, such as ``smoking.pack_years``
    """

    name: str
    extends: str | None = None
    covariates: list[NamedCovariate] = Field(default_factory=list)
    derived: list[str] = Field(default_factory=list)
    every_code: EveryCode | None = None

    @model_validator(mode="before")
    @classmethod
    def _extended(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not given.get("extends"):
            return given
        named, before = str(given["extends"]), _extending.get()
        if named in before:
            circle = ", which extends ".join(before[before.index(named) :])
            raise RecipeError(
                f"a recipe extends itself: {circle}, which extends {named}. Leave out one `extends`."
            )
        outer = _extending.set((*before, named))
        try:
            base = load_recipe(named).model_dump(mode="json")
        finally:
            _extending.reset(outer)
        covariates = [*base["covariates"], *(given.get("covariates") or [])]
        every = given.get("every_code", base["every_code"])
        if isinstance(every, dict) and set(every) == {"exclude"}:
            every = {**(base["every_code"] or {}), **every}
        told = {
            "covariates": covariates,
            "derived": [*base["derived"], *(given.get("derived") or [])],
            "every_code": every,
        }
        return {**given, "extends": None, **told}

    @model_validator(mode="after")
    def _distinct(self) -> Recipe:
        if self.derived:
            from lifecourse.tasks.derived import TITLES

            unknown = sorted(set(self.derived) - set(TITLES))
            if unknown:
                there = ", ".join(TITLES)
                raise ValueError(f"{', '.join(unknown)} is not derived; there are: {there}")
        columns = self.columns
        twice = sorted({column for column in columns if columns.count(column) > 1})
        if twice:
            raise ValueError(f"column {', '.join(twice)} stands twice; name one of them otherwise")
        return self

    @property
    def columns(self) -> list[str]:
        """The names of the dense columns: the covariates, then what is derived."""
        return [*(covariate.column for covariate in self.covariates), *self.derived]

    def code_names(self, vocabulary: list[str]) -> list[str]:
        """The every-code columns over `vocabulary`, ``LOINC//4548-4.count.365d``: window, then summary, then code."""
        if self.every_code is None:
            return []
        return [
            f"{code}.{summary}.{window_name(window)}"
            for window in self.every_code.windows()
            for summary in self.every_code.summaries
            for code in vocabulary
        ]

    def compiled(self) -> list[Covariate]:
        """The named covariates as questions for the kernel.

        Raises
        ------
        RecipeError
            A codelist is not known.
        """
        return [self._covariate(named) for named in self.covariates]

    def _covariate(self, named: NamedCovariate) -> Covariate:
        try:
            meant = named.meant()
        except CodelistError as unknown:
            raise RecipeError(f"recipe '{self.name}': {Exception.__str__(unknown)}") from None
        return Covariate(
            name=named.column,
            codelist=meant,
            window=named.window,
            summary=named.summary,
        )


def window_of(days: int | None) -> Window:
    """(t - days, t]; all history where None."""
    return before(None if days is None else timedelta(days=days))


def recipe_names() -> list[str]:
    """The recipes of the library, sorted."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def load_recipe(path_or_name: Path | str = DEFAULT) -> Recipe:
    """The recipe in a YAML file, or of the library by name.

    Raises
    ------
    RecipeError
        The file is absent or not a recipe; the message names file and line.
    """
    built_in = LIBRARY / f"{path_or_name}.yaml"
    if str(path_or_name) in recipe_names():
        return load_document(built_in, Recipe, error=RecipeError)
    return load_document(Path(path_or_name), Recipe, error=RecipeError)
