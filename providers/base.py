"""What the product asks of a mail provider. Structural: nothing to inherit, nothing to register.

Every method but ``consent_url`` talks to the provider and raises only ``ProviderError``s (and, from
``redeem``, the consent refusals named there). Implementations translate foreign exceptions
themselves and keep secrets out of every exception, log line and repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.grant import Grant, MailboxIdentity, Revocation, Secret


@dataclass(frozen=True, slots=True)
class Consent:
    """What one trip to the provider's consent page needs to be begun and ended.

    The same values are given to ``consent_url`` and to ``redeem``.
    """

    state: Secret = field(repr=False)
    """The ticket's secret, echoed by the provider as ``state``."""
    verifier: Secret = field(repr=False)
    """PKCE code verifier."""
    nonce: str
    redirect_uri: str
    address: str
    """The address that is wanted: a hint to the provider, not a check."""


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


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a successful refresh brings: proof that the grant is alive."""

    access_token: Secret = field(repr=False)
    secret: Secret = field(repr=False)
    """The (possibly rotated) secret that must be stored if it differs from the grant's."""
    scopes: frozenset[str]
    identity: MailboxIdentity | None
    """Whose grant the provider says this is, if it says so on refresh."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A mailbox call that succeeded."""

    at: datetime
    what: str
    """Which call, for the record: ``"gmail.labels"``."""


class Provider(Protocol):
    """One mail provider."""

    key: str
    """``"google"``: stored, never shown."""
    label: str
    """``"Gmail"``: shown, never stored."""
    needed_scopes: frozenset[str]

    def consent_url(self, consent: Consent) -> str:
        """The address of the provider's consent page for this ticket."""

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        """Exchange the callback's code for a grant and learn whose mailbox it is.

        Raises ``ConsentDeclined`` (Cancel), ``ConsentFailed`` (the provider ended it, or the code was
        used, expired or never there) and ``ProviderError``s.
        """

    async def refresh(self, grant: Grant) -> Fresh:
        """Prove that the grant is alive. Raises ``ProviderError``."""

    async def probe(self, grant: Grant, fresh: Fresh) -> Evidence:
        """The cheapest honest mailbox call. Raises ``ProviderError``; ``MailboxGone(OTHER_MAILBOX)``
        when the provider names another account than the grant's."""

    async def revoke(self, grant: Grant) -> Revocation:
        """Ask the provider to end the grant and see whether it did.

        Returns ``CONFIRMED`` (a refresh was refused), or ``REQUESTED`` (accepted, a refresh still
        works). Raises ``ProviderUnavailable`` / ``ProviderMisconfigured`` when it could not be asked.
        """
