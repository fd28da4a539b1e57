"""Slack's rate tiers: so many calls of a method in a minute, and a 429 for the rest of that minute.

Rule: off until asked for, since a standing clock would make one minute of a whole test.
"""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import datetime, timedelta
from math import ceil

MINUTE = timedelta(minutes=1)
PER_MINUTE = {
    "apps.connections.open": 1,  # tier 1
    "chat.postMessage": 300,  # "several hundred" in a workspace, and one a second in a conversation
    "chat.update": 50,
    "chat.delete": 50,
    "conversations.open": 50,
    "conversations.history": 50,
    "conversations.join": 50,
    "conversations.replies": 50,
    "users.list": 20,
    "usergroups.list": 20,
    "usergroups.users.list": 20,
}
REST = 100
"""A method that is not named: tier 4."""


class Tiers:
    """Counts calls by method over the last minute."""

    def __init__(self) -> None:
        self.per_minute = dict(PER_MINUTE)
        self._calls: dict[str, deque[datetime]] = defaultdict(deque)

    def admit(self, method: str, now: datetime) -> int | None:
        """Count a call; the seconds to wait if it is one too many."""
        calls = self._calls[method]
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        if len(calls) < self.per_minute.get(method, REST):
            calls.append(now)
            return None
        return max(ceil((calls[0] + MINUTE - now).total_seconds()), 1)
