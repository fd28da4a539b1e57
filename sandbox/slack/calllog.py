"""The log of what the bot said to Slack: Web API calls, acks, response_urls. Rule: never a token."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.clock import SandboxClock

_SECRET = ("token", "trigger_id")


@dataclass(frozen=True)
class Entry:
    number: int
    method: str
    ok: bool
    error: str | None
    at: str
    arguments: dict[str, Any]
    problems: list[str]


class CallLog:
    """The newest 10,000 entries."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=10_000)
        self._number = 0

    def add(
        self,
        method: str,
        *,
        error: str | None = None,
        arguments: dict[str, Any] | None = None,
        problems: list[str] | None = None,
    ) -> None:
        self._number += 1
        shown = {key: value for key, value in (arguments or {}).items() if key not in _SECRET}
        self._entries.append(
            Entry(
                number=self._number,
                method=method,
                ok=error is None,
                error=error,
                at=self._clock().isoformat(),
                arguments=shown,
                problems=problems or [],
            )
        )

    def shown(self, *, since: int = 0, method: str | None = None) -> list[dict[str, Any]]:
        return [asdict(e) for e in self._entries if e.number > since and method in (None, e.method)]
