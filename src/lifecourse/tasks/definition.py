"""A task in lifecourse's own words: trigger, lookback, gap, outcome, outcome window, washout, censoring."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field, model_validator

from lifecourse.base.clock import LONGEST_DAYS
from lifecourse.base.yaml import Document
from lifecourse.tasks.meaning import Meaning

LARGEST_SEED = 2**63 - 1


class Which(StrEnum):
    """Which of a subject's eligible moments become rows; chosen before the outcome is looked at."""

    FIRST = "first"
    LAST = "last"
    EVERY = "every"
    RANDOM = "random"


class Censoring(StrEnum):
    """What is made of a subject without the outcome whose record ends inside the outcome window.

    EXCLUDE leaves the row out, and beside it every row whose outcome window ends after the last event
    of anyone: of those only the events could be known, and keeping them would raise the risk.
    NEGATIVE keeps it as a negative; the attrition table says how many there are. TIME_TO_EVENT keeps
    it with what is known: no event, and the days that were seen.
    """

    EXCLUDE = "exclude"
    NEGATIVE = "negative"
    TIME_TO_EVENT = "time-to-event"


class FollowUp(StrEnum):
    """When a subject who has not died was last seen: own last event, or the last event of anyone.

    DATA_CUT is for records that would show every outcome wherever it happened (a registry, linked
    deaths) and whose dates are comparable; MIMIC's are shifted by subject and are not.
    """

    LAST_EVENT = "last_event"
    DATA_CUT = "data_cut"


class Trigger(Document):
    """The moments asked about: events of one kind, or every so many days of the record.

    `hours_later` waits after each event; who has an outcome or dies until then is not asked about.
    """

    codelist: str | None = None
    phenotype: str | None = None
    codes: list[str] | None = None
    every_days: int | None = Field(default=None, ge=1, le=LONGEST_DAYS)
    hours_later: int = Field(default=0, ge=0, le=24 * LONGEST_DAYS)
    which: Which = Which.EVERY
    seed: int | None = Field(default=None, ge=0, le=LARGEST_SEED)

    @model_validator(mode="before")
    @classmethod
    def _visits(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("at") == "visits":
            rest = {key: value for key, value in given.items() if key != "at"}
            return {"codelist": "any_visit", **rest}
        return given

    @model_validator(mode="after")
    def _coherent(self) -> Trigger:
        if self.every_days is None:
            self.meaning()
        elif self.codelist or self.phenotype or self.codes or self.hours_later:
            raise ValueError(
                "every_days needs no codelist, phenotype, codes or hours_later; give one or the other"
            )
        if (self.which == Which.RANDOM) != (self.seed is not None):
            raise ValueError("which: random needs a seed, and only random takes one")
        return self

    def meaning(self) -> Meaning:
        """The events meant."""
        return Meaning(codelist=self.codelist, phenotype=self.phenotype, codes=self.codes)

    @property
    def label(self) -> str:
        """What to call it in tables."""
        if self.every_days is not None:
            return f"every {self.every_days} days"
        return self.meaning().label


class Age(Document):
    """Years of 365.25 days at the prediction time, [at_least, below)."""

    at_least: float = Field(default=0, ge=0)
    below: float | None = None

    @model_validator(mode="after")
    def _somebody_is_of_it(self) -> Age:
        if self.below is not None and self.below <= self.at_least:
            raise ValueError(
                f"nobody is at_least {self.at_least:g} and below {self.below:g} years old; below must be the greater"
            )
        return self


class Washout(Document):
    """Rows with any of these at or before the prediction time are left out.

    `days` looks back so far, (t - days, t]; all history without it. `also` adds conditions to the
    outcome itself, such as any diabetes before new type 2 diabetes.
    """

    days: int | None = Field(default=None, ge=1, le=LONGEST_DAYS)
    also: list[Meaning] = Field(default_factory=list)
    outcome: bool = True


class Task(Document):
    """A question asked at prediction times, with its answer read from what followed.

    The outcome window is (t + gap_days, t + gap_days + outcome_window_days]. A subject dead at t
    is not asked about. `outcomes` are causes: with `censoring: time-to-event` their order numbers
    them 1..k, those of one name together, and otherwise any of them is the outcome. `horizons_days`
    are those that such a task is asked for and its models judged at, ascending; the end of the outcome
    window where none is given.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str = ""
    description: str = ""
    trigger: Trigger
    age: Age | None = None
    lookback_days: int = Field(default=0, ge=0, le=LONGEST_DAYS)
    washout: Washout | None = None
    gap_days: int = Field(default=0, ge=0, le=LONGEST_DAYS)
    outcomes: list[Meaning] = Field(min_length=1)
    outcome_window_days: int = Field(ge=1, le=LONGEST_DAYS)
    censoring: Censoring
    follow_up_ends: FollowUp = FollowUp.LAST_EVENT
    horizons_days: list[int] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _one_outcome(cls, given: Any) -> Any:
        if isinstance(given, dict) and "outcome" in given and "outcomes" not in given:
            rest = {key: value for key, value in given.items() if key != "outcome"}
            return {**rest, "outcomes": [given["outcome"]]}
        return given

    @model_validator(mode="after")
    def _horizons(self) -> Task:
        if not self.horizons_days:
            return self
        if not self.is_time_to_event:
            raise ValueError("horizons_days is for censoring: time-to-event; leave it out")
        if self.horizons_days != sorted(set(self.horizons_days)):
            raise ValueError("horizons_days must ascend")
        if self.horizons_days[0] <= self.gap_days or self.horizons_days[-1] != self.horizon_days:
            raise ValueError(
                "horizons_days must lie after the gap, and the last end the outcome window "
                f"({self.horizon_days} days)"
            )
        return self

    @model_validator(mode="after")
    def _nothing_falls_to_nothing(self) -> Task:
        if any(meaning.falls_to for meaning in self.washout.also) if self.washout else False:
            raise ValueError("falls_to is of an outcome; leave it out of washout")
        return self

    @property
    def names(self) -> list[str]:
        """What the outcomes are called, each once."""
        return list(dict.fromkeys(outcome.label for outcome in self.outcomes))

    @property
    def numbers(self) -> list[int]:
        """The number of each outcome, from 1; those of one name have one."""
        return [self.names.index(outcome.label) + 1 for outcome in self.outcomes]

    @property
    def causes(self) -> list[str] | None:
        """What the outcomes are called that rows tell apart; None where the answer is yes or no."""
        return self.names if self.is_time_to_event else None

    @property
    def horizon_days(self) -> int:
        """Days from the prediction time to the end of the outcome window."""
        return self.gap_days + self.outcome_window_days

    @property
    def horizons(self) -> list[int]:
        """Days from the prediction time, ascending; the last ends the outcome window."""
        return self.horizons_days or [self.horizon_days]

    @property
    def is_time_to_event(self) -> bool:
        """Whether it is asked when and of what, not only whether."""
        return self.censoring == Censoring.TIME_TO_EVENT
