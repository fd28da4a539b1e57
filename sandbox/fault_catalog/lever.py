"""What a lever is. Rule: it is one request to the control API, and words about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Lever:
    """One thing to break or mend."""

    key: str
    label: str
    happens: str
    """What goes on in the real world."""
    expect: str
    """What to see in Slack then."""
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    mends: bool = False


@dataclass(frozen=True)
class Group:
    """Levers that go together."""

    key: str
    title: str
    levers: tuple[Lever, ...]
    names: str = ""
    """The field of the request that says whom or which account it is about; empty for everybody."""
