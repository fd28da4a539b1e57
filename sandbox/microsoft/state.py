"""What the local Microsoft remembers: people, their organisations, consents, codes and tokens.

Rule: state only; every decision is taken in the endpoint that answers. An account is its tenant and its
`oid`: its addresses may change, those never do. A consent is what an account allows an app; tokens come from
it, and are not the same thing. Taking a consent back does not end an access token, and a refresh token that
was used once more goes on working.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography.x509 import Certificate

from sandbox.faults import Faults
from sandbox.keys import SigningKey

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant that all personal accounts belong to."""
ACME = "72f1c0de-ac3e-4a5b-9c1d-0acce0000001"
_GLOBEX = "72f1c0de-610b-4e8a-8d2f-06106e000002"
CONSUMER_DOMAINS = frozenset({"outlook.com", "hotmail.com", "live.com", "msn.com"})

_NAMESPACE = uuid.UUID("6d1c0f5e-2f4b-4a57-9f0e-2b7a5d3c9e11")


@dataclass(frozen=True)
class Account:
    """One Microsoft account, or a mailbox that nobody signs in to."""

    oid: str
    tid: str
    email: str
    """The main address; what Graph calls `mail`."""
    upn: str
    """What the person types to sign in."""
    name: str
    aliases: frozenset[str] = frozenset()
    """More addresses that receive its mail (`proxyAddresses`)."""
    other_mails: tuple[str, ...] = ()
    """Where else the person can be reached; mail does not come from there."""
    is_admin: bool = False
    signs_in: bool = True
    """False for a shared mailbox."""
    delegates: frozenset[str] = frozenset()
    """Who may open it besides its owner, by `oid`."""

    @property
    def is_personal(self) -> bool:
        return self.tid == CONSUMERS

    @property
    def graph_id(self) -> str:
        """What Graph calls it: the `oid`, or for a personal account the last half of it."""
        return self.oid.replace("-", "")[16:] if self.is_personal else self.oid

    def answers_to(self, name: str) -> bool:
        """Whether somebody writing `name` (an address or an id) means this account."""
        folded = name.strip().casefold()
        return folded in (self.email, self.upn, self.oid, self.graph_id) or folded in self.aliases

    def signs_in_as(self, name: str) -> bool:
        """Whether Graph's directory knows it by this name: an id or what it signs in with, nothing else."""
        return name.strip().casefold() in (self.upn, self.oid, self.graph_id)


@dataclass(frozen=True)
class ApprovalRequest:
    """What somebody asked their admin to approve."""

    email: str
    scopes: tuple[str, ...]
    reason: str
    at: datetime


@dataclass
class Tenant:
    """An organisation, and what its admin decided about apps."""

    tid: str
    name: str
    domains: tuple[str, ...]
    users_may_consent: bool = False
    """Whether people may also allow what Microsoft leaves to admins by default."""
    takes_requests: bool = False
    """Whether people can ask the admin on Microsoft's own page."""
    approved: dict[str, frozenset[str]] = field(default_factory=dict)
    """What an app (by its client id) may do for everybody."""
    requests: list[ApprovalRequest] = field(default_factory=list)

    def goes_by(self, name: str) -> bool:
        return name.strip().casefold() in (self.tid, *self.domains)


@dataclass(frozen=True)
class _Resident:
    email: str
    name: str
    upn: str = ""
    aliases: tuple[str, ...] = ()
    other_mails: tuple[str, ...] = ()
    is_admin: bool = False
    delegates: tuple[str, ...] | None = None
    """Given for a shared mailbox."""


RESIDENTS = (
    _Resident(
        "alice@acme.example",
        "Alice Archer",
        aliases=("a.archer@acme.example",),
        other_mails=("aa@post.example",),
    ),
    _Resident("kenji@acme.example", "Kenji Mori"),
    _Resident("sakura@acme.example", "Sakura Sato"),
    _Resident("omar@acme.example", "Omar Haddad", is_admin=True),
    _Resident("support@acme.example", "Acme Support", aliases=("helpdesk@acme.example",)),
    _Resident("sales@acme.example", "Acme Sales", upn="sales-box@acme.example"),
    _Resident(
        "help@acme.example", "Acme Help (shared)", delegates=("omar@acme.example", "alice@acme.example")
    ),
    _Resident("gina@globex.example", "Gina Globe", is_admin=True),
    _Resident("info@globex.example", "Globex Info"),
    _Resident("alice.private@outlook.com", "Alice (private)"),
    _Resident("omar.private@hotmail.com", "Omar (private)"),
)


class Directory:
    """Everybody who can sign in here, and every organisation."""

    def __init__(self) -> None:
        self.tenants = (
            Tenant(ACME, "Acme", ("acme.example", "filtered.example"), users_may_consent=True),
            Tenant(_GLOBEX, "Globex", ("globex.example",)),
        )
        self._by_oid: dict[str, Account] = {}
        for resident in RESIDENTS:
            self._settle(resident)

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._by_oid.values()))

    def add(self, email: str, name: str = "") -> Account:
        """Open an account, where its domain belongs. Raises ValueError."""
        address = self._free_address(email)
        tid = self._tid_for(address)
        oid = self._new_oid(address, tid)
        account = Account(oid, tid, address, address, name or address.partition("@")[0])
        return self._kept(account)

    def find(self, name: str) -> Account | None:
        """The account known by this address or id."""
        return next((account for account in self if account.answers_to(name)), None)

    def known(self, name: str) -> Account:
        """The account known by this address or id. Raises ValueError."""
        account = self.find(name)
        if account is None:
            raise ValueError(f"no account {name}")
        return account

    def by_oid(self, oid: str) -> Account:
        return self._by_oid[oid]

    def tenant(self, name: str) -> Tenant:
        """The organisation with this id or verified domain. Raises ValueError."""
        found = self.tenant_or_none(name)
        if found is None:
            raise ValueError(f"no tenant {name}")
        return found

    def tenant_or_none(self, name: str) -> Tenant | None:
        return next((tenant for tenant in self.tenants if tenant.goes_by(name)), None)

    def members(self, tenant: Tenant) -> Iterable[Account]:
        return (account for account in self if account.tid == tenant.tid)

    def rename(self, name: str, to: str) -> Account:
        """Give an account another main address, also to sign in with; it stays the same account."""
        address = self._free_address(to)
        return self._kept(replace(self.known(name), email=address, upn=address))

    def add_alias(self, name: str, alias: str) -> Account:
        """Let an account receive mail for one more address."""
        account = self.known(name)
        return self._kept(replace(account, aliases=account.aliases | {self._free_address(alias)}))

    def share(self, mailbox: str, delegate: str, *, allowed: bool) -> Account:
        """Let somebody open a mailbox, or no longer. Raises ValueError."""
        account, person = self.known(mailbox), self.known(delegate)
        kept = account.delegates - {person.oid}
        return self._kept(replace(account, delegates=kept | {person.oid} if allowed else kept))

    def _settle(self, resident: _Resident) -> None:
        account = self.add(resident.email, resident.name)
        delegates = frozenset(self.known(name).oid for name in resident.delegates or ())
        self._kept(
            replace(
                account,
                upn=resident.upn or account.upn,
                aliases=frozenset(resident.aliases),
                other_mails=resident.other_mails,
                is_admin=resident.is_admin,
                signs_in=resident.delegates is None,
                delegates=delegates,
            )
        )

    def _kept(self, account: Account) -> Account:
        self._by_oid[account.oid] = account
        return account

    def _free_address(self, email: str) -> str:
        address = email.strip().casefold()
        if address.count("@") != 1 or self.find(address) is not None:
            raise ValueError(f"not a free address: {email}")
        return address

    def _tid_for(self, address: str) -> str:
        domain = address.rpartition("@")[2]
        if domain in CONSUMER_DOMAINS:
            return CONSUMERS
        return self.tenant(domain).tid

    def _new_oid(self, address: str, tid: str) -> str:
        """An id that is the same after every restart, and new when an address gets a new owner."""
        for generation in range(1000):
            oid = _oid(f"{address}/{generation}", personal=tid == CONSUMERS)
            if oid not in self._by_oid:
                return oid
        raise ValueError(f"too many accounts have been {address}")


def _oid(seed: str, *, personal: bool) -> str:
    if not personal:
        return str(uuid.uuid5(_NAMESPACE, seed))
    digits = hashlib.sha256(seed.encode()).hexdigest()
    return f"00000000-0000-0000-{digits[:4]}-{digits[4:16]}"


CODE_LIFE = timedelta(minutes=10)
ACCESS_LIFE = timedelta(minutes=75)
IDLE_LIFE = timedelta(days=90)


@dataclass(frozen=True)
class SignIn:
    """One pass through the pages: whose it was, and what it proved."""

    client_id: str
    oid: str
    tid: str
    scopes: tuple[str, ...]
    full_names: bool
    """Whether the app wrote the scopes with Graph's address."""
    mfa: bool = False
    """Whether it was done with a second factor."""
    claims: bool = False
    """Whether it was asked for with the claims that a policy demanded."""

    @property
    def is_personal(self) -> bool:
        return self.tid == CONSUMERS


@dataclass(frozen=True)
class Code:
    """An authorization code and everything it is bound to."""

    sign_in: SignIn
    redirect_uri: str
    nonce: str
    challenge: str


@dataclass
class RefreshToken:
    """``ended``: the number with which Microsoft refuses it for good; ``is_spent``: rotated. ``family``: the
    first one's text, of all that came from one sign-in."""

    text: str
    sign_in: SignIn
    used_at: datetime
    ended: int | None = None
    is_spent: bool = False
    family: str = ""


@dataclass(frozen=True)
class AccessToken:
    """Good until it expires, whatever happens to the grant."""

    text: str
    oid: str
    scopes: frozenset[str]
    expires_at: datetime


class Ledger:
    """Everything the local Microsoft has been told and has handed out."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._consents: dict[tuple[str, str], frozenset[str]] = {}
        self._codes: dict[str, tuple[Code, datetime]] = {}
        self._spent: set[str] = set()
        self._refresh: dict[str, RefreshToken] = {}
        self._access: dict[str, AccessToken] = {}
        self._owners: dict[str, str] = {}

    def owner_of(self, text: str) -> str | None:
        """Whose code or token this is or was: the dead are remembered too."""
        return self._owners.get(text)

    # --- consents

    def consented(self, client_id: str, oid: str) -> frozenset[str]:
        """What the person allowed by themselves; what their admin allowed is the tenant's."""
        return self._consents.get((client_id, oid), frozenset())

    def consent(self, client_id: str, oid: str, scopes: frozenset[str]) -> None:
        self._consents[client_id, oid] = self.consented(client_id, oid) | scopes

    def take_back(self, account: Account) -> None:
        """The person removes the app. A personal account's tokens end with that for good."""
        self._consents = {key: kept for key, kept in self._consents.items() if key[1] != account.oid}
        if account.is_personal:
            self.end(account, 70000)

    def narrow(self, oid: str, lost: frozenset[str]) -> None:
        """Some of what the person allowed no longer counts."""
        for key, scopes in self._consents.items():
            if key[1] == oid:
                self._consents[key] = scopes - lost

    # --- codes

    def issue_code(self, code: Code) -> str:
        text = ("M.C5" if code.sign_in.is_personal else "0.A") + secrets.token_urlsafe(48)
        self._codes[text] = (code, self._clock() + CODE_LIFE)
        self._owners[text] = code.sign_in.oid
        return text

    def spend_code(self, text: str) -> Code | int:
        """The code's meaning, once and in time; else the number of what is wrong with it."""
        if text in self._spent:
            return 54005
        code, expires_at = self._codes.pop(text, (None, self._clock()))
        if code is None:
            return 9002313
        self._spent.add(text)
        return code if self._clock() < expires_at else 70008

    # --- tokens

    def issue_refresh(self, sign_in: SignIn, *, family: str = "") -> RefreshToken:
        text = ("M.C5_BAY.0.U." if sign_in.is_personal else "1.A") + secrets.token_urlsafe(90)
        token = RefreshToken(text, sign_in, self._clock(), family=family or text)
        self._refresh[text] = token
        self._owners[text] = sign_in.oid
        return token

    def issue_access(self, sign_in: SignIn, scopes: frozenset[str]) -> AccessToken:
        text = "EwB" + secrets.token_urlsafe(60) if sign_in.is_personal else _looks_like_jwt()
        token = AccessToken(text, sign_in.oid, scopes, self._clock() + ACCESS_LIFE)
        self._access[text] = token
        self._owners[text] = sign_in.oid
        return token

    def refresh_token(self, text: str) -> RefreshToken | None:
        """Dead or alive; `is_idle` and `ended` tell."""
        return self._refresh.get(text)

    def is_idle(self, token: RefreshToken) -> bool:
        return self._clock() - token.used_at > IDLE_LIFE

    def used(self, token: RefreshToken) -> None:
        """Using a token does not end it, it begins its ninety days anew."""
        token.used_at = self._clock()

    def end_family(self, family: str, number: int) -> None:
        """Somebody showed a token that was rotated away: one of the two who hold it is a thief, and nobody
        can tell which (RFC 9700 §4.14.2)."""
        for token in self._refresh.values():
            if token.family == family and token.ended is None:
                token.ended = number

    def access_token(self, text: str) -> AccessToken | None:
        return self._access.get(text)

    def is_expired(self, token: AccessToken) -> bool:
        return self._clock() >= token.expires_at

    def end(self, account: Account, number: int) -> None:
        """End every refresh token and code of an account; access tokens live out their time."""
        self._codes = {t: kept for t, kept in self._codes.items() if kept[0].sign_in.oid != account.oid}
        for token in self.refresh_tokens(account.oid):
            token.ended = number

    def refresh_tokens(self, oid: str) -> list[RefreshToken]:
        """Those that Microsoft would still take."""
        mine = [t for t in self._refresh.values() if t.sign_in.oid == oid]
        return [t for t in mine if t.ended is None and not t.is_spent]


def _looks_like_jwt() -> str:
    parts = (secrets.token_urlsafe(length) for length in (24, 48, 32))
    return "eyJ0eXAiOiJKV1Qi" + ".eyJ".join(parts)


_REMEMBERED = 1000


@dataclass
class Client:
    """A registered app."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    certificate: Certificate | None = None
    """What the app registered to sign with; a secret beside it goes on working."""


@dataclass
class State:
    """The directory and the apps that its people may allow something."""

    clock: Callable[[], datetime]
    app_name: str
    clients: dict[str, Client]
    ledger: Ledger
    directory: Directory = field(default_factory=Directory)
    faults: Faults = field(default_factory=Faults)
    key: SigningKey = field(default_factory=SigningKey)
    requests: Counter[str] = field(default_factory=Counter)
    wishes: deque[Mapping[str, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """The latest authorization requests, as they were asked."""

    def allowed(self, client_id: str, account: Account) -> frozenset[str]:
        """What an app may do for an account: by its own consent, or by its admin's."""
        tenant = self.directory.tenant_or_none(account.tid)
        by_admin = tenant.approved.get(client_id, frozenset()) if tenant else frozenset()
        return self.ledger.consented(client_id, account.oid) | by_admin

    def stands(self, what: str, account: Account) -> bool:
        return self.faults.stands(what, account.oid, account.tid)
