"""What every part of the local Slack shares: the workspace, the faults, the settings, and beside them what
Slack refuses with, its rate tiers, its short-lived handles (trigger ids, response_urls) and the log of
calls.

Rule: a code is Slack's own word; a test's extras stand beside. The log never holds a token. A trigger works
once and for 3 seconds, a response_url 5 times and for 30 minutes, by the sandbox clock. So many calls of a
method in a minute, then a 429 for the rest of it: off until asked for, since a standing clock would make one
minute of a whole test.
"""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sandbox.clock import SandboxClock
from sandbox.slack import state
from sandbox.slack.faults import Faults
from sandbox.slack.state import Conversation, Person, Workspace


class SlackError(Exception):
    """An `ok: false` answer of the Web API."""

    def __init__(self, code: str, *, retry_after: int | None = None, **beside: Any) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.beside = beside


def invalid(code: str, problems: list[str]) -> SlackError:
    return SlackError(code, response_metadata={"messages": problems})


def missing_argument(name: str) -> SlackError:
    return invalid("invalid_arguments", [f"[ERROR] missing required field: {name} [json-pointer:/{name}]"])


class CannotAct(Exception):
    """A person tried what their screen does not offer. `status` 404: not there; 409: not like this."""

    def __init__(self, status: int, reason: str, **beside: Any) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.beside = beside


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
_REST = 100
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
        if len(calls) < self.per_minute.get(method, _REST):
            calls.append(now)
            return None
        return max(ceil((calls[0] + MINUTE - now).total_seconds()), 1)


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


_TRIGGER_LIVES = timedelta(seconds=3)
_RESPONSE_URL_LIVES = timedelta(minutes=30)
_RESPONSE_URL_USES = 5


@dataclass
class Trigger:
    user: str
    issued_at: datetime
    view_id: str | None
    exchanged: bool = False


class Triggers:
    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._known: dict[str, Trigger] = {}

    def issue(self, user: str, *, view_id: str | None = None) -> str:
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._known[trigger_id] = Trigger(user=user, issued_at=self._clock(), view_id=view_id)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        trigger = self._known.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.exchanged:
            raise SlackError("exchanged_trigger_id")
        if self._clock() - trigger.issued_at > _TRIGGER_LIVES:
            raise SlackError("expired_trigger_id")
        trigger.exchanged = True
        return trigger


@dataclass
class ResponseUrl:
    user: str
    conversation: str
    message_ts: str | None
    issued_at: datetime
    uses: int = 0


class ResponseUrls:
    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._known: dict[str, ResponseUrl] = {}

    def issue(self, *, user: str, conversation: str, message_ts: str | None) -> str:
        """The secret part of the URL."""
        secret = secrets.token_urlsafe(24)
        self._known[secret] = ResponseUrl(
            user=user, conversation=conversation, message_ts=message_ts, issued_at=self._clock()
        )
        return secret

    def use(self, secret: str) -> ResponseUrl:
        known = self._known.get(secret)
        if known is None:
            raise SlackError("invalid_url")
        if self._clock() - known.issued_at > _RESPONSE_URL_LIVES:
            raise SlackError("expired_url")
        if known.uses >= _RESPONSE_URL_USES:
            raise SlackError("used_url")
        known.uses += 1
        return known


GRANTED = (
    "channels:join",
    "chat:write",
    "commands",
    "im:history",
    "im:write",
    "users:read",
    "users:read.email",
)


@dataclass
class Settings:
    """How the app is installed. `public_url` is known once the port is."""

    bot_token: str
    app_token: str
    signing_secret: str
    command: str
    scopes: tuple[str, ...] = GRANTED
    home_tab: bool = True
    messages_read_only: bool = True
    """Nobody can write to the app in its conversation, as the manifest wants it."""
    public_url: str | None = None
    request_url: str | None = None
    installed: bool = True

    def base_url(self) -> str:
        if self.public_url is None:
            raise RuntimeError("the local Slack does not know its own address yet: set public_url")
        return self.public_url


@dataclass
class Core:
    clock: SandboxClock
    settings: Settings
    workspace: Workspace
    triggers: Triggers
    response_urls: ResponseUrls
    faults: Faults
    calls: CallLog
    paced: dict[str, float] = field(default_factory=dict)
    tiers: Tiers = field(default_factory=Tiers)
    socket_tickets: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, *, clock: SandboxClock, settings: Settings) -> Core:
        return cls(
            clock=clock,
            settings=settings,
            workspace=state.acme(clock),
            triggers=Triggers(clock),
            response_urls=ResponseUrls(clock),
            faults=Faults(),
            calls=CallLog(clock),
        )

    def require_scope(self, scope: str) -> None:
        if scope not in self.settings.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(self.settings.scopes))

    def known_person(self, user: Any) -> Person:
        person = self.workspace.people.get(user) if isinstance(user, str) else None
        if person is None:
            raise SlackError("user_not_found")
        return person

    def known_conversation(self, conversation_id: Any) -> Conversation:
        """By id only: Slack's methods take no names and, but for posting, no user ids."""
        found = (
            self.workspace.conversations.get(conversation_id) if isinstance(conversation_id, str) else None
        )
        if found is None:
            raise SlackError("channel_not_found")
        return found

    def respond_url(self, *, user: str, conversation: str, message_ts: str | None) -> str:
        secret = self.response_urls.issue(user=user, conversation=conversation, message_ts=message_ts)
        return f"{self.settings.base_url()}/respond/{secret}"
