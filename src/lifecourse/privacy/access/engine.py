"""What answers a policy's questions; Cedar is the one there is, and nothing outside `cedar` knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.privacy.access.asking import Action, Decision, Part, Situation


class PolicyEngine(Protocol):
    """Decides by policies; the same question always gets the same answer."""

    @property
    def digest(self) -> str:
        """Of the policies: other policies, another digest."""

    @property
    def cuts_ms(self) -> tuple[int, ...]:
        """Moments (milliseconds since 1970) before, at and after which policies may answer differently, ascending."""

    def decide(self, situation: Situation) -> dict[Action, Decision]:
        """Whether each action but `LOOK` may be done with the store at all."""

    def look(self, situation: Situation, parts: Sequence[Part]) -> list[Decision]:
        """Whether each of `parts` may be seen."""
