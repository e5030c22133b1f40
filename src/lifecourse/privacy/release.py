"""The one gate for aggregates: nothing about fewer than ten people leaves."""

from __future__ import annotations

from dataclasses import dataclass

from lifecourse.base.errors import PolicyRefused

FEWEST_PEOPLE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePolicy:
    """What a released number must rest on."""

    fewest_people: int = FEWEST_PEOPLE

    def __post_init__(self) -> None:
        """Refuse a policy looser than the floor."""
        if self.fewest_people < FEWEST_PEOPLE:
            raise PolicyRefused(
                f"a release policy may not show groups under {FEWEST_PEOPLE} people; it asked for {self.fewest_people}."
            )

    def allows(self, *people: int) -> bool:
        """Whether each of these counts of people may be shown."""
        return all(count >= self.fewest_people for count in people)
