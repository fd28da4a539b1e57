"""What the product asks of a mail provider. Structural: nothing to inherit, nothing to register.

Every method talks to the provider and raises only ``ProviderError``s (and, from ``redeem``, the consent
refusals named there). Implementations translate foreign exceptions
themselves and keep secrets out of every exception, log line and repr.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, runtime_checkable

from bot.domain.grant import Delegate, Grant, MailboxIdentity, Revocation, Secret
from bot.domain.provider_traits import ProviderTraits


@dataclass(frozen=True, slots=True)
class Consent:
    """What one trip to the provider's consent page needs to be begun and ended.

    The same values are given to ``begin`` and to ``redeem``; ``memo`` is what ``begin`` asked to keep.
    """

    state: Secret = field(repr=False)
    """The ticket's secret, echoed by the provider as ``state``."""
    verifier: Secret = field(repr=False)
    """PKCE code verifier."""
    nonce: str
    redirect_uri: str
    address: str
    """The address that is wanted: a hint to the provider, not a check."""
    scopes: frozenset[str]
    """All that is to be asked for: what the provider needs, and what features need."""
    is_shared: bool = False
    """A shared mailbox, to be opened with the account of whoever signs in."""
    claims: str = field(default="", repr=False)
    """What the provider wanted to be told at the next sign-in."""
    memo: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Redirect:
    """The person goes on at the provider."""

    url: str = field(repr=False)
    memo: Secret | None = field(default=None, repr=False)
    """Kept with the ticket and handed back to ``redeem``."""


@dataclass(frozen=True, slots=True)
class Form:
    """The person fills in a form of our own."""

    given: Mapping[str, str] = field(default_factory=dict)
    """What is known already, by field name."""
    guidance: str = ""
    """Whose instructions for app passwords fit; empty if none do."""


Onward = Redirect | Form


@dataclass(frozen=True, slots=True)
class Authorization:
    """A grant fresh from consent, and whose mailbox it opens."""

    identity: MailboxIdentity
    address: str
    """The account's main address, as the provider reports it."""
    addresses: frozenset[str]
    """Every address that provably belongs to the account, lower case, ``address`` among them."""
    scopes: frozenset[str]
    missing: frozenset[str]
    """Needed scopes that were not granted (an unticked box). The grant is still a grant: give it back."""
    secret: Secret = field(repr=False)
    delegate: Delegate | None = None
    """Whose account opens the mailbox, where it is a shared one."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose mailbox a form that was filled in would open, known before anybody is asked."""

    identity: MailboxIdentity
    address: str
    """The login name, where it is an address and so speaks for itself; else empty."""


@dataclass(frozen=True, slots=True)
class RefreshedGrant:
    """What a successful refresh brings: proof that the grant is alive."""

    access_token: Secret = field(repr=False)
    secret: Secret = field(repr=False)
    """The (possibly rotated) secret that must be stored if it differs from the grant's."""
    scopes: frozenset[str]
    identity: MailboxIdentity | None
    """Whose sign-in the provider says this is (``Grant.signer``), if it says so on refresh."""
    lives_for: timedelta | None = field(default=None, kw_only=True)
    """How long the access token lives, counted from before it was asked for, if the provider says so."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A mailbox call that succeeded."""

    at: datetime
    what: str
    """Which call, for the record: ``"gmail.labels"``."""


Renew = Callable[[str], Awaitable[RefreshedGrant]]
"""Refreshes a grant once more, keeps the secret that comes back, and answers with it; takes the claims that
the provider wants to be told (most often none). Raises ``ProviderError``."""


@runtime_checkable
class TakesForm(Protocol):
    """A provider whose ``begin`` asks for a form of ours."""

    def claim(self, consent: Consent, fields: Mapping[str, str]) -> Claim:
        """What the form claims. Asks nobody. Raises ``FormFault`` and ``SignInElsewhere``."""


@runtime_checkable
class HasResources(Protocol):
    """A provider whose access tokens are good for one resource each."""

    async def refresh_for(self, grant: Grant, resource: str) -> RefreshedGrant:
        """As ``Provider.refresh``, with a token for another resource than the one that mailboxes are looked
        at with. Its ``scopes`` are the grant's: those of this resource as it says, the others unchanged.
        Raises ``UseNotGranted`` where nobody has consented to this use, and ``ProviderError``."""


class Provider(Protocol):
    """One mail provider."""

    key: str
    """``"google"``: stored, never shown."""
    label: str
    """``"Gmail"``: shown, never stored."""
    needed_scopes: frozenset[str]
    """The least that can prove that the mailbox works."""
    shared_scopes: frozenset[str]
    """The same for a shared mailbox, opened with somebody's own account; empty where there is none."""
    traits: ProviderTraits
    app_id: str
    """Our registration, as an organisation's admin finds it in their console; empty where there is none."""

    def approval_url(self, scopes: frozenset[str], *, redirect_uri: str, tenant: str, state: str) -> str:
        """Where the admin of an organisation approves the app for everybody in it; empty where there is no
        such page. ``tenant`` may be empty: whoever signs in there decides it. ``state`` comes back."""

    async def begin(self, consent: Consent) -> Onward:
        """Where the person goes on: to the provider's consent page, or to a form of ours. Asked again for
        the same ticket, it begins again. Raises ``ProviderError``."""

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        """Exchange the callback's code for a grant and learn whose mailbox it is.

        Raises ``ConsentDeclined`` (Cancel), ``ConsentFailed`` (the provider ended it, or the code was
        used, expired or never there) and ``ProviderError``s.
        """

    async def refresh(self, grant: Grant, *, claims: str = "") -> RefreshedGrant:
        """Prove that the grant is alive; ``claims`` are what the provider wants to be told. What comes back
        is the caller's to keep, and nobody else may refresh the grant meanwhile. Raises
        ``ProviderError``."""

    async def probe(self, grant: Grant, fresh: RefreshedGrant, renew: Renew | None = None) -> Evidence:
        """The cheapest honest mailbox call. Raises ``ProviderError``; ``MailboxGone(OTHER_MAILBOX)``
        when the provider names another account than the grant's.

        An access token that is not taken is renewed by ``renew``; without it, from ``fresh``, and what that
        brings is lost to the caller. The same goes for ``revoke``.
        """

    async def revoke(self, grant: Grant, renew: Renew | None = None) -> Revocation:
        """Ask the provider to end the grant and see, by one refresh, whether it did.

        Returns ``CONFIRMED`` (a refresh was refused), ``REQUESTED`` (accepted, a refresh still works), or
        ``BY_HAND`` (it works, and only the person can end it). Raises ``ProviderUnavailable`` /
        ``ProviderMisconfigured`` when it could not be asked.
        """


_LONGEST_LIFE: Final = 24 * 3600


def life_in(answer: Mapping[str, Any]) -> timedelta | None:
    """``expires_in`` of a token endpoint's answer (RFC 6749 §5.1), in seconds; some write it as text."""
    value = answer.get("expires_in")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return timedelta(seconds=min(seconds, _LONGEST_LIFE)) if seconds > 0 else None  # NaN is not


async def renewed(
    provider: Provider, grant: Grant, fresh: RefreshedGrant, renew: Renew | None, *, claims: str = ""
) -> RefreshedGrant:
    """A new access token in place of one that was not taken: from the newest secret, never from the one that
    ``fresh`` has replaced."""
    if renew is not None:
        return await renew(claims)
    return await provider.refresh(replace(grant, secret=fresh.secret), claims=claims)
