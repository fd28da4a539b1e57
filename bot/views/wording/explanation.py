"""The shape of an answer: what is so, why, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Explanation:
    """Plain text. ``ask`` names people by Slack id: only Slack's views can show them, so everywhere else
    ``otherwise`` is the next step."""

    title: str
    text: str
    next_step: str = ""
    ask: tuple[str, ...] = ()
    otherwise: str = ""
    until: datetime | None = None
    """How long a request of theirs is valid: Slack shows it in the reader's own time."""

    @property
    def nameless(self) -> Explanation:
        """The same where nobody can be named."""
        return replace(self, next_step=self.otherwise, ask=()) if self.ask else self
