"""Switching providers: between which of them a channel can go and stay what it is.

The rule is the help article's that people know: between Gmail and Office 365 the old side is disconnected by
itself; to or from any other provider a channel is disconnected first, and connected again after that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SWITCHABLE: Final = frozenset({"google", "microsoft"})
"""Keys of the providers that can be switched between."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a channel could go from its provider, by key."""

    directly: str | None
    """By a switch, everything kept."""
    by_leaving: tuple[str, ...]
    """Only by disconnecting first."""

    def __bool__(self) -> bool:
        return self.directly is not None or bool(self.by_leaving)


def may_switch(one: str, other: str) -> bool:
    """Whether a channel can be switched from one provider to the other."""
    return {one, other} == SWITCHABLE


def ways_from(provider: str, on: Iterable[str]) -> Ways:
    """Where a channel at ``provider`` could go, of the providers that are ``on``."""
    others = tuple(key for key in on if key != provider)
    directly = next((key for key in others if may_switch(provider, key)), None)
    return Ways(directly, tuple(key for key in others if key != directly))
