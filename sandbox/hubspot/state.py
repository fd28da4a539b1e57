"""The portal: what is in it, who may read what, and what is broken. Rule: nothing here knows HTTP."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

PORTAL: Final = "341662569"
EMAIL: Final = "1002"
CHAT: Final = "1000"
CHANNELS: Final = {"1000": "Live chat", "1001": "Facebook Messenger", "1002": "Email"}
CONVERSATIONS: Final = "conversations.read"
SCOPES: Final = frozenset({CONVERSATIONS, "oauth", "settings.users.read"})
BURST: Final = 100
BURST_LASTS: Final = timedelta(seconds=10)

FAULTS: Final = {
    "refused": "401: the token is refused",
    "forbidden": "403: a scope is missing",
    "locked": "423: locked for a moment",
    "burst": "429: ten_secondly_rolling, without Retry-After",
    "burst_timed": "429: the same, with Retry-After",
    "secondly": "429: secondly",
    "daily": "429: the daily limit",
    "moving": "477: the portal moves between data centres, with Retry-After",
    "error": "500",
    "bad_gateway": "502: a page of HTML",
    "cloudflare": "523: a page of HTML",
    "html": "200: a page of HTML",
    "half": "200: fewer rows than total says",
    "no_total": "200: a listing without total",
    "page_two": "502 for every page but the first",
    "endless": "200: a cursor that leads to itself",
    "odd_record": "200: a record without authorized",
    "hangs_up": "no answer at all",
}


@dataclass
class Account:
    """A channel account."""

    id: int
    inbox: int
    name: str
    address: str
    channel: str = EMAIL
    active: bool = True
    authorized: bool = True
    archived: bool = False
    vanished: bool = False


@dataclass
class Inbox:
    """An inbox or help desk."""

    id: int
    name: str
    type: str = "INBOX"
    archived: bool = False
    conversations: int = 0


@dataclass
class User:
    """Somebody who can sign in."""

    id: int
    email: str
    super_admin: bool = False


@dataclass
class Fault:
    """Something broken, for so many requests (``None``: until mended)."""

    what: str
    path: str = ""
    times: int | None = None


class Portal:
    """One portal, changed as its people would, or as outages do."""

    def __init__(self, clock: Callable[[], datetime], token: str) -> None:
        self.clock = clock
        self.id = PORTAL
        self.ui_domain = "app-eu1.hubspot.com"
        self.hosting = "eu1"
        self.time_zone = "Europe/Berlin"
        self.tokens: dict[str, set[str]] = {token: set(SCOPES)}
        self.inboxes = [Inbox(101, "Support"), Inbox(102, "Sales"), Inbox(103, "Help desk", "HELP_DESK")]
        self.accounts = [
            Account(7001, 101, "Support", "support@acme.example"),
            Account(7002, 101, "Billing", "billing@acme.example"),
            Account(7003, 102, "Sales", "sales@acme.example"),
            Account(7004, 103, "Help", "help@acme.example"),
            Account(7005, 101, "Support (forwarded)", f"support@{PORTAL}.hubspot-inbox.com"),
            Account(7006, 101, "Website chat", "", channel=CHAT),
        ]
        self.users = [
            User(1, "sakura@acme.example", super_admin=True),
            User(2, "o.haddad@acme-group.example", super_admin=True),
            User(3, "kenji@acme.example"),
        ]
        self.faults: list[Fault] = []
        self.weather: Callable[[], str] | None = None
        """What is wrong with the next request, for whoever plays at length; empty if nothing is."""
        self.requests = 0
        self.forbidden: list[str] = []
        """Paths of messages that were asked for: nobody should."""
        self._lost_until: datetime | None = None
        self._lost: list[int] = []
        self._made: dict[str, deque[datetime]] = {}

    # --- what people do

    def account(self, address: str) -> Account:
        """The newest account of an address, or the one with that id. Raises ``ValueError``."""
        found = [it for it in self.accounts if address.lower() in {it.address, str(it.id)}]
        if not found:
            raise ValueError(f"no channel {address}")
        return next((it for it in reversed(found) if not it.archived and not it.vanished), found[-1])

    def add(self, address: str, inbox: int = 101, name: str = "") -> Account:
        new = Account(self._next_id(), inbox, name or address, address.lower())
        self.accounts.append(new)
        return new

    def change(self, address: str, **fields: Any) -> None:
        it = self.account(address)
        for name, value in fields.items():
            setattr(it, name, value)

    def reconnect(self, address: str, *, anew: bool = False) -> Account:
        """It works again; ``anew`` as a new account, as after removing and adding it."""
        it = self.account(address)
        if anew:
            it.vanished = True
            return self.add(it.address, it.inbox, it.name)
        it.active, it.authorized, it.archived, it.vanished = True, True, False, False
        return it

    def archive_inbox(self, inbox: int, *, archived: bool = True) -> None:
        """With everything in it."""
        self.inbox(inbox).archived = archived
        for it in self.accounts:
            if it.inbox == inbox:
                it.archived = archived

    def inbox(self, inbox: int) -> Inbox:
        found = next((it for it in self.inboxes if it.id == inbox), None)
        if found is None:
            raise ValueError(f"no inbox {inbox}")
        return found

    def lose_all(self, how: str = "authorized", minutes: float | None = None, share: float = 1.0) -> None:
        """An outage of HubSpot's: mailboxes are disconnected that nobody touched; back after so long."""
        mine = [it for it in self.mail() if it.authorized and it.active]
        hit = mine[: max(1, round(len(mine) * share))]
        for it in hit:
            if how == "vanished":
                it.vanished = True
            elif how in {"authorized", "active"}:
                setattr(it, how, False)
            else:
                raise ValueError(f"no way to lose channels: {how}")
        self._lost += [it.id for it in hit]
        self._lost_until = self.clock() + timedelta(minutes=minutes) if minutes else None

    def give_back(self) -> None:
        """The outage is over."""
        for it in self.accounts:
            if it.id in self._lost:
                it.authorized, it.active, it.vanished = True, True, False
        self._lost, self._lost_until = [], None

    def mail(self) -> list[Account]:
        return [it for it in self.accounts if it.channel == EMAIL and not it.archived and not it.vanished]

    def rotate(self, new: str) -> None:
        """A second token, valid beside the first until that is withdrawn."""
        self.tokens[new] = set(next(iter(self.tokens.values()), SCOPES))

    def _next_id(self) -> int:
        return max(it.id for it in self.accounts) + 1

    # --- what is so now

    def listed(self, channels: Iterable[str], inboxes: Iterable[str], *, archived: bool) -> list[Account]:
        self.passes()
        wanted, within = set(channels), set(inboxes)
        return [
            it
            for it in self.accounts
            if it.archived is archived
            and not it.vanished
            and (not wanted or it.channel in wanted)
            and (not within or str(it.inbox) in within)
        ]

    def passes(self) -> None:
        """Outages end by the clock."""
        if self._lost_until is not None and self.clock() >= self._lost_until:
            self.give_back()

    def left_in_burst(self, token: str) -> int:
        """How many requests of this token are left of those that ten seconds allow; this one counts."""
        now, made = self.clock(), self._made.setdefault(token, deque())
        while made and made[0] <= now - BURST_LASTS:
            made.popleft()
        if len(made) >= BURST:
            return -1
        made.append(now)
        return BURST - len(made)

    def fault_at(self, path: str, *, is_first_page: bool) -> str:
        """What is wrong with this request; a fault that is not for it stays."""
        if self.weather is not None and (what := self.weather()):
            return what
        for it in self.faults:
            if it.path and it.path not in path:
                continue
            if it.what == "page_two" and is_first_page:
                continue
            if it.times is not None:
                it.times -= 1
                if it.times <= 0:
                    self.faults.remove(it)
            return it.what
        return ""


@dataclass(frozen=True)
class Granted:
    """A token, and what it may read."""

    token: str = field(repr=False)
    scopes: frozenset[str]
