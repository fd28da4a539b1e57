"""What every service is given: the parts that ``bot.app`` made, in one frozen value."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.access import Group, PeoplePage, Person
from bot.domain.address import DAILY
from bot.domain.api_key import Network
from bot.domain.features import Feature, Features
from bot.domain.ids import ConversationId, UserId
from bot.domain.notice import EditRoom, Posted
from bot.domain.probe_policy import Cadence
from bot.domain.ticket import Ticket, TicketOutcome
from bot.domain.view_models import NoticeModel
from bot.services.core.courtesy import Courtesy
from providers.detect import Detected
from providers.registry import Registry
from storage import Storage

Clock = Callable[[], datetime]
"""Tells the present instant, aware and in UTC. The real one is made in ``bot.app`` only."""


class Telemetry(Protocol):
    """What services count. Never an address, never a secret."""

    def probe(self, provider: str, outcome: str) -> None: ...

    def unknown_code(self, provider: str, code: str) -> None: ...

    def job(self, kind: str, outcome: str) -> None: ...

    def dead_job(self, kind: str) -> None: ...

    def unreachable(self) -> None: ...

    def silent(self, channels: int) -> None: ...

    def webhook(self, outcome: str) -> None: ...

    def looks_begin(self, lateness: Iterable[float]) -> None: ...

    def census(
        self,
        *,
        channels: Mapping[tuple[str, str], int],
        incidents: Mapping[str, int],
        outages: Mapping[str, int],
        jobs: Mapping[str, int],
        webhooks: Mapping[str, int],
        oldest_job: float,
    ) -> None: ...


class Detecting(Protocol):
    """Finds out who hosts an address. Never raises, and never takes long."""

    async def detect(self, address: str) -> Detected: ...


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves us to a provider for a limited time."""

    what: str
    """``secret`` or ``certificate``."""
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decided."""

    cadence: Cadence
    base_url: str
    mail_watch: timedelta = DAILY
    """How often it is looked up where team addresses' mail goes."""
    command: str = "/inbox"
    super_admins: frozenset[UserId] = frozenset()
    operators: frozenset[UserId] = frozenset()
    allowed_domains: tuple[str, ...] = ()
    loopback_only: bool = False
    features: Features = field(default_factory=Features)
    credentials: tuple[Credential, ...] = ()
    hubspot_local: str = ""
    """Where HubSpot's own pages are, if that is on this machine; else HubSpot says where."""
    keeps_tokens: bool = False
    """Whether access tokens of team addresses are kept, for programs that have a key."""
    trusted_proxies: tuple[Network, ...] = ()
    """Whose word about the addresses of programs counts."""


class Rings(Protocol):
    """What whoever puts something to do needs beside a unit of work."""

    @property
    def clock(self) -> Clock: ...

    @property
    def wake(self) -> Callable[[], None]: ...


def _nobody() -> None:
    """The engine is in another process, and looks by itself."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A process beside the bot, like a command."""

    clock: Clock
    wake: Callable[[], None] = _nobody


@dataclass(frozen=True)
class Core:
    """The parts that services stand on."""

    storage: Storage
    providers: Registry
    detector: Detecting
    clock: Clock
    policy: Policy
    telemetry: Telemetry
    wake: Callable[[], None] = field(repr=False)
    """Tells the engine that something became due."""
    wake_in: Callable[[timedelta], None] = field(repr=False, default=lambda _: None)
    """Tells the engine that something will be due then, for what had better not be late by the second after
    which it looks by itself."""
    jitter: Callable[[], float] = field(repr=False, default=lambda: 0.0)
    """A number in [-1, 1): spreads probes so that they do not come in waves."""
    courtesy: Courtesy = field(repr=False, default_factory=Courtesy)


def new_id() -> str:
    """A random identifier: 128 bits, hexadecimal."""
    return secrets.token_hex(16)


def new_secret() -> str:
    """A random secret for an address: 256 bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def derived(secret: str, browser: str, at: datetime, *, lasts: timedelta) -> str:
    """A secret that ``secret`` and a browser's mark lead to again within the same span of ``lasts``, and that
    nobody finds who lacks either."""
    span = int(at.timestamp() // lasts.total_seconds())
    return hmac.new(secret.encode(), f"{browser}:{span}".encode(), hashlib.sha256).hexdigest()


def digest(secret: str) -> str:
    """What is stored of a secret that only ever comes back from outside: SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Messenger(Protocol):
    """Slack, as far as notices need it. Every method raises ``SlackError``s and nothing else."""

    async def is_there(self) -> bool:
        """Whether our token works. Raises ``SlackAway`` when nobody can tell."""

    async def open_dm(self, user_id: UserId) -> ConversationId: ...

    async def post(self, to: ConversationId | UserId, model: NoticeModel, *, nonce: str) -> Posted:
        """Post, to a conversation or to a person's own with us."""

    async def edit(self, conversation: ConversationId, ts: str, model: NoticeModel) -> None: ...

    def wait_to_post(self) -> timedelta:
        """How long whoever wants to post had better wait; none if Slack takes messages. Asked before anything
        is read for one. Each asker stands in line behind the one before."""

    def room_for_edits(self) -> EditRoom:
        """The same of edits."""

    async def find(
        self, conversation: ConversationId, nonce: str, *, since: datetime, thread: str | None
    ) -> str | None:
        """The ``ts`` of the message (or reply) that carries ``nonce``, if it did arrive."""

    async def hello(self, conversation: ConversationId, address: str, actor: UserId, locale: str) -> None:
        """Say in a conversation that it will be told of an address's outages."""

    async def show_outcome(
        self,
        view_id: str,
        outcome: TicketOutcome,
        *,
        provider_label: str,
        may_ask_admin: bool,
        lacking: tuple[Feature, ...],
    ) -> None:
        """Turn a waiting modal to its outcome; one that is closed is no error. ``lacking`` are features whose
        permission was left unticked."""

    async def show_expired(self, view_id: str, ticket: Ticket) -> None:
        """Turn it to the news that its link has expired, with the way to a fresh one."""


class Directory(Protocol):
    """Slack's list of people."""

    async def person(self, user_id: UserId) -> Person | None:
        """The user, ``None`` if there is none. Raises ``DirectoryAway``."""

    async def group(self, group_id: str, *, is_awaited: bool = False) -> tuple[UserId, ...]:
        """A user group's members; briefly, if somebody waits for it. Raises ``DirectoryAway``,
        ``GroupsClosed`` without the optional scope."""

    async def groups(self) -> tuple[Group, ...]:
        """The workspace's user groups. Raises as ``group``."""

    async def page(self, cursor: str) -> PeoplePage:
        """Some of all users, from ``cursor`` on; an empty one begins. Raises ``DirectoryAway``,
        ``CursorLost``."""
