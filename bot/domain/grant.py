"""The grant: what a provider gave us for one mailbox, and what became of it at the provider.

Providers write one permission in several ways, and a wider one allows what is within. Sources: Microsoft
Graph's permissions reference (a ``.Shared`` permission reaches one's own items, too), and the Gmail API's
list of scopes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from bot.domain.ids import ChannelId, GrantId, WorkspaceId


class Secret:
    """A value that must not be seen by accident: it shows itself only when asked to.

    Neither ``repr``, ``str``, ``format`` nor pickling gives it away.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not pickled")

    @property
    def digest(self) -> str:
        """What it is found by when it comes back from outside: SHA-256, hexadecimal."""
        return hashlib.sha256(self._value.encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Tells one secret from another without telling either: 16 hex digits."""
        return self.digest[:16]


CONSUMERS: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of Microsoft's personal accounts (Outlook.com)."""


@dataclass(frozen=True, slots=True)
class MailboxIdentity:
    """The provider's own immutable id of an account (Google ``sub``). Never the address."""

    provider: str
    subject: str
    tenant: str = field(default="", compare=False)
    """The organisation at the provider (Google ``hd``, Microsoft ``tid``, IMAP the host), empty for Google's
    consumer accounts. Not part of who it is: a domain may be renamed."""

    def has_moved_to(self, other: MailboxIdentity) -> bool:
        """Whether ``other`` is the same login at another mail host: it may be the same mailbox, after its
        host was renamed. Only people know."""
        mine, theirs = self._login, other._login
        return self.provider == other.provider == "imap" and self != other and mine == theirs != ""

    @property
    def _login(self) -> str:
        """An IMAP subject is login and host."""
        return self.subject.rpartition("@")[0]

    @property
    def family(self) -> str:
        """The provider, told apart where people know it under two names: ``outlook`` is Microsoft's."""
        return "outlook" if self.provider == "microsoft" and self.tenant == CONSUMERS else self.provider

    @property
    def organisation(self) -> str:
        """The tenant, where it has an admin who could lift a refusal: personal accounts and the hosts that
        are only known by their name have none."""
        return "" if self.provider == "imap" or self.tenant == CONSUMERS else self.tenant


@dataclass(frozen=True, slots=True)
class Delegate:
    """Whose account opens a shared mailbox."""

    subject: str
    """The provider's own id of that account."""
    address: str


SECRET_KEPT_FOR: Final = timedelta(hours=24)
"""How long a retired grant's secret may be kept to find out whether it is gone at the provider."""


class Phase(StrEnum):
    """Where a grant stands. *Superseded* ones are dropped, never revoked."""

    STAGED = "staged"
    LIVE = "live"
    SUPERSEDED = "superseded"
    RETIRED = "retired"


class Revocation(StrEnum):
    """What is known of a retired grant at the provider."""

    NOT_ASKED = "not_asked"
    REQUESTED = "requested"
    """We asked; a refresh has not been refused yet."""
    BY_HAND = "by_hand"
    """Only the person can end it at the provider, and it still works."""
    CONFIRMED = "confirmed"
    """A refresh was refused: the access is gone."""
    NOT_CONFIRMED = "not_confirmed"
    """We gave up asking; the person can remove it by hand."""
    SHARED = "shared"
    """Not asked, because another inbox still uses the same permission at the provider."""
    CANCELLED = "cancelled"
    """The mailbox was connected again before we asked."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a grant allows."""

    scopes: frozenset[str]
    is_shared: bool = False
    """The mailbox is a shared one, opened with somebody's own account."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. ``secret`` is what refreshes it (Google: the refresh token)."""

    id: GrantId
    workspace_id: WorkspaceId
    channel_id: ChannelId | None
    address: str
    identity: MailboxIdentity
    scopes: frozenset[str]
    secret: Secret | None = field(repr=False)
    """``None`` once erased."""
    phase: Phase
    obtained_at: datetime
    revocation: Revocation = Revocation.NOT_ASKED
    revocation_at: datetime | None = None
    retired_at: datetime | None = None
    delegate: Delegate | None = None
    """Whose account it is, where the mailbox is a shared one."""
    claims: str = ""
    """What the provider wants to be told at the next sign-in (a claims challenge)."""
    version: int = 0
    renewals: int = 0
    """How many refreshes have succeeded, whether or not they brought a new secret."""

    @property
    def provider(self) -> str:
        return self.identity.provider

    @property
    def granted(self) -> Granted:
        return Granted(self.scopes, self.delegate is not None)

    @property
    def signer(self) -> MailboxIdentity:
        """Whose sign-in it rests on: the mailbox's own account, or the one that opens a shared mailbox. What
        is taken back at the provider is taken from all that this account signed in for."""
        if self.delegate is None:
            return self.identity
        return replace(self.identity, subject=self.delegate.subject)


EXCHANGE: Final = "https://outlook.office.com"
"""The resource of IMAP and SMTP at Microsoft: its permissions are kept with it before their name."""
_EXCHANGES: Final = re.compile(r"https://outlook\.office(?:365)?\.com/{1,2}", re.IGNORECASE)
_GRAPH: Final = re.compile(
    r"(?:https://graph\.microsoft\.com|00000003-0000-0000-c000-000000000000)/{1,2}", re.IGNORECASE
)
_GOOGLE: Final = "https://www.googleapis.com/auth/"
_ALIASES: Final = {"email": "userinfo.email", "profile": "userinfo.profile"}
"""Google takes both and answers with the long one."""

_OPERATIONS: Final = ("readbasic", "read", "readwrite")
_REACHES: Final = ("", "shared", "all")
"""Whose items: one's own, those that one may open, everybody's. Each reaches what the one before does."""
_DIRECTORY: Final = frozenset({"user", "group"})
"""What a permission for the whole directory allows to read, too."""

_GMAIL: Final[Mapping[str, frozenset[str]]] = {
    "gmail.readonly": frozenset({"gmail.metadata"}),
    "gmail.compose": frozenset({"gmail.send"}),
    "gmail.modify": frozenset(
        {"gmail.readonly", "gmail.metadata", "gmail.labels", "gmail.compose", "gmail.send", "gmail.insert"}
    ),
}
_ALL_OF_GMAIL: Final = "https://mail.google.com"


def lacking(wanted: Set[str], granted: Set[str]) -> frozenset[str]:
    """Those that are wanted and that nothing of what was granted covers, as they were wanted."""
    return frozenset(one for one in wanted if not any(covers(other, one) for other in granted))


def covers(wide: str, narrow: str) -> bool:
    """Whether a permission allows all that another one does."""
    had, asked = plain(wide), plain(narrow)
    if had == asked:
        return True
    if had == _ALL_OF_GMAIL:
        return asked.startswith("gmail.") and not asked.startswith(("gmail.settings.", "gmail.addons."))
    if had in _GMAIL:
        return asked in _GMAIL[had]
    return _covers_at_graph(had, asked)


@lru_cache(maxsize=512)
def plain(scope: str) -> str:
    """The name by which two ways to write a permission are told to be the same."""
    name = _GRAPH.sub("", scope.strip(), count=1) if _GRAPH.match(scope.strip()) else scope.strip()
    name = _EXCHANGES.sub(f"{EXCHANGE}/", name, count=1) if _EXCHANGES.match(name) else name
    name = name.casefold().removeprefix(_GOOGLE).rstrip("/")
    return _ALIASES.get(name, name)


def resource_in(scope: str) -> str:
    """The resource that stands before a permission; empty for the one that its provider is looked at with."""
    return EXCHANGE if _EXCHANGES.match(scope.strip()) else ""


def _covers_at_graph(had: str, asked: str) -> bool:
    """``Mail.ReadWrite.Shared``: of what, to do what, and whose."""
    wide, narrow = _parts(had), _parts(asked)
    if wide is None or narrow is None:
        return False
    of_directory = wide[0] == "directory" and wide[2] == "all" and narrow[0] in _DIRECTORY
    if wide[0] != narrow[0] and not of_directory:
        return False
    does_more = wide[1] == narrow[1] or (
        wide[1] in _OPERATIONS
        and narrow[1] in _OPERATIONS
        and _OPERATIONS.index(wide[1]) >= _OPERATIONS.index(narrow[1])
    )
    return does_more and _REACHES.index(wide[2]) >= _REACHES.index(narrow[2])


def _parts(name: str) -> tuple[str, str, str] | None:
    kind, _, rest = name.partition(".")
    operation, _, reach = rest.partition(".")
    return (kind, operation, reach) if operation and reach in _REACHES and "/" not in name else None
