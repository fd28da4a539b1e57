"""How much is measured, what comes of it, and how it is told. One rule: a figure stands beside its floor and
its target.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final


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


REACHED: Final = "reached"
MISSED: Final = "MISSED"
REPORTED: Final = "reported"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``ratio`` is to the floor."""

    what: str
    figure: str
    target: str = "—"
    verdict: str = REPORTED
    floor: str = "—"
    ratio: str = "—"


def judged(is_reached: bool) -> str:
    return REACHED if is_reached else MISSED


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one run."""

    p50: float
    p99: float
    per_second: float = 0.0
    count: int = 0
    cpu: float = 0.0
    """Of the process that answers, for each answer."""

    @classmethod
    def of(cls, seconds: Sequence[float], *, within: float = 0.0) -> Latency:
        """Of single durations; ``within`` is how long the whole run took."""
        ordered = sorted(seconds)
        return cls(
            quantile(ordered, 0.5) * 1000,
            quantile(ordered, 0.99) * 1000,
            len(ordered) / within if within else 0.0,
            len(ordered),
        )

    def __str__(self) -> str:
        return f"p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms"


def typical(runs: Sequence[Latency]) -> Latency:
    """The median run, quantile by quantile."""
    return Latency(
        statistics.median(run.p50 for run in runs),
        statistics.median(run.p99 for run in runs),
        statistics.median(run.per_second for run in runs),
        sum(run.count for run in runs),
        statistics.median(run.cpu for run in runs),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that ``share`` of the ordered values do not exceed."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def span(seconds: float) -> str:
    """A span on the simulated clock, as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def table(rows: Iterable[Row]) -> str:
    """The rows as a table that reads well in a terminal and is Markdown."""
    head = ("what", "floor", "figure", "ratio", "target", "verdict")
    lines = [head, *((r.what, r.floor, r.figure, r.ratio, r.target, r.verdict) for r in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    padded = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([padded[0], rule, *padded[1:]])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
