"""Text before it becomes blocks or a page: what strangers chose, fit to be shown, and our explanations.

The one rule: what is shown is what a reader would read aloud. Invisible characters go, lines stay lines.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

_JOINERS: Final = "\u200c\u200d"
"""Format characters that belong to emoji and to Persian or Indic words."""
_FORBIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_ISOLATE, _END = "\u2068", "\u2069"


def shown(text: str, limit: int = 80) -> str:
    """``text`` on one line, without control or direction characters, at most ``limit`` long.

    Right-to-left text is isolated, so that it does not reorder the sentence around it.
    """
    line = tidy(text, limit)
    if line.isascii():
        return line
    if any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in set(line)):
        return f"{_ISOLATE}{line}{_END}"
    return line


def tidy(text: str, limit: int) -> str:
    """``shown`` without the isolation: for a field that somebody goes on editing."""
    if text.isprintable() and "  " not in text:
        return clip(text.strip(), limit)
    start = text[: limit * 8]
    is_plain = start.isascii() and start.isprintable()
    kept = start if is_plain else "".join(_kept(char) for char in start)
    return clip(" ".join(kept.split()), limit)


def clip(text: str, limit: int) -> str:
    """``text`` cut to ``limit`` characters, an ellipsis among them where something is missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


@lru_cache(4_096)
def _kept(char: str) -> str:
    if char.isspace():
        return " "
    if char in _JOINERS:
        return char
    return "" if unicodedata.category(char) in _FORBIDDEN else char


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
