"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """The defaults take a few minutes on two cores."""

    runs: int = 5
    """Interleaved runs of which the median counts."""
    seconds: float = 0.8
    """How long one run under load lasts."""
    samples: int = 20
    """Outages on the simulated clock."""
    million: bool = False
    """Claim from 1,000,000 channels too."""
    crowd: int = 2_000
    """Team addresses under load."""
    minutes: int = 0
    """How long a million mailboxes are looked at."""
    before: str = ""
    """The folder of an earlier build to measure beside this one, under load."""
