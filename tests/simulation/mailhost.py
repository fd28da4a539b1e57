"""A mail host in memory that speaks the product's own protocol: for a million probes, where HTTP takes days.

It knows what is true of every mailbox, and that is what a simulation judges the bot by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.errors import ConsentDeclined, GrantRejected, ProviderError
from bot.domain.grant import Grant, MailboxIdentity, Revocation, Secret
from bot.domain.provider_traits import ProviderTraits
from providers.base import Authorization, Consent, Evidence, Redirect, RefreshedGrant, Renew

Weather = Callable[["Mailbox"], ProviderError | None]
"""What stands between a good grant and its answer today: outages, throttling, noise."""

SCOPES = frozenset({"mail"})


def fair(_: Mailbox) -> ProviderError | None:
    """Nothing does."""
    return None


@dataclass
class Spell:
    """For as long as it lasts, grants are refused for a reason of the mailbox's own: no outage, no noise."""

    began: datetime
    tokens: frozenset[str] | None
    """Which; ``None`` for all."""
    ended: datetime | None = None

    def covers(self, token: str, at: datetime) -> bool:
        is_of_it = self.tokens is None or token in self.tokens
        return is_of_it and self.began <= at and (self.ended is None or at <= self.ended)


@dataclass
class Mailbox:
    """One account, as its host knows it."""

    address: str
    subject: str
    tenant: str
    tokens: set[str] = field(default_factory=set)
    """Those that are honoured."""
    refuses: Callable[[], ProviderError] | None = None
    """Why every token is refused, while it is: a disabled account, a policy."""
    issued: int = 0
    spells: list[Spell] = field(default_factory=list)
    """All that were, in a simulation that keeps account of them."""

    @property
    def identity(self) -> MailboxIdentity:
        return MailboxIdentity("google", self.subject, self.tenant)

    def issue(self) -> Secret:
        self.issued += 1
        token = f"{self.subject}:{self.issued}"
        self.tokens.add(token)
        return Secret(token)

    def accepts(self, secret: Secret | None) -> bool:
        """Whether this is a grant that a person need not renew."""
        return self.refuses is None and secret is not None and secret.reveal() in self.tokens

    # --- with account of when

    def revokes(self, at: datetime) -> None:
        """Its owner takes back whatever was given so far."""
        self.spells.append(Spell(at, frozenset(self.tokens)))
        self.tokens.clear()

    def shuts(self, at: datetime, why: Callable[[], ProviderError]) -> None:
        """Nothing is accepted until it ``reopens``."""
        if self.refuses is None:
            self.spells.append(Spell(at, None))
        self.refuses = why

    def reopens(self, at: datetime) -> None:
        """All is as if nothing had been."""
        for spell in self.spells:
            if spell.ended is None:
                self.tokens |= spell.tokens or set()
                spell.ended = at
        self.refuses = None

    def was_refused(self, token: str, at: datetime) -> bool:
        return any(spell.covers(token, at) for spell in self.spells)

    def refused_since(self, token: str, now: datetime) -> datetime | None:
        """``None`` for a grant that nobody need renew."""
        return min((spell.began for spell in self.spells if spell.covers(token, now)), default=None)


@dataclass
class MailHost:
    """Everybody's mailboxes. A ``Provider``."""

    clock: Callable[[], datetime]
    weather: Weather = fair
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    """By subject."""
    asked: Counter[str] = field(default_factory=Counter)

    key = "google"
    label = "Gmail"
    needed_scopes = SCOPES
    shared_scopes: frozenset[str] = frozenset()
    traits = ProviderTraits()
    app_id = ""

    def opens(self, address: str) -> Mailbox:
        """A new account."""
        mailbox = Mailbox(address, f"sub-{address}", address.partition("@")[2])
        self.mailboxes[mailbox.subject] = mailbox
        return mailbox

    def at(self, address: str) -> Mailbox:
        return self.mailboxes[f"sub-{address}"]

    # --- the protocol

    def approval_url(self, scopes: frozenset[str], *, redirect_uri: str, tenant: str, state: str) -> str:
        return ""

    async def begin(self, consent: Consent) -> Redirect:
        return Redirect(f"https://mail.example/consent?account={consent.address}")

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        """The code is the account that was chosen."""
        if "code" not in callback:
            raise ConsentDeclined(consent.address)
        mailbox = self.at(callback["code"])
        self._through(mailbox, "redeem")
        if mailbox.refuses is not None:
            raise mailbox.refuses()
        return Authorization(
            identity=mailbox.identity,
            address=mailbox.address,
            addresses=frozenset({mailbox.address}),
            scopes=SCOPES,
            missing=frozenset(),
            secret=mailbox.issue(),
        )

    async def refresh(self, grant: Grant, *, claims: str = "") -> RefreshedGrant:
        mailbox = self._of(grant)
        self._through(mailbox, "refresh")
        assert grant.secret is not None
        if mailbox.refuses is not None:
            raise mailbox.refuses()
        if not mailbox.accepts(grant.secret):
            raise GrantRejected("invalid_grant")
        return RefreshedGrant(Secret("access"), grant.secret, SCOPES, mailbox.identity)

    async def probe(self, grant: Grant, fresh: RefreshedGrant, renew: Renew | None = None) -> Evidence:
        return Evidence(self.clock(), "memory")

    async def revoke(self, grant: Grant, renew: Renew | None = None) -> Revocation:
        """As at Google: everything that this account gave ends."""
        mailbox = self._of(grant)
        self._through(mailbox, "revoke")
        mailbox.revokes(self.clock())
        return Revocation.CONFIRMED

    def _of(self, grant: Grant) -> Mailbox:
        return self.mailboxes[grant.identity.subject]

    def _through(self, mailbox: Mailbox, what: str) -> None:
        self.asked[what] += 1
        trouble = self.weather(mailbox)
        if trouble is not None:
            raise trouble
