"""The people of the local Microsoft, and the organisations they belong to.

Rule: an account is its tenant and its `oid`; its addresses may change, those never do.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant that all personal accounts belong to."""
ACME = "72f1c0de-ac3e-4a5b-9c1d-0acce0000001"
GLOBEX = "72f1c0de-610b-4e8a-8d2f-06106e000002"
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
            Tenant(GLOBEX, "Globex", ("globex.example",)),
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
