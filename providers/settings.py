"""What the operator tells each provider: our registration there, and where and how it is asked.

The one rule: nothing here needs a provider's library, so that whoever reads the settings loads none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from bot.domain.grant import Secret
from providers.microsoft.certificate import ClientCertificate
from providers.ssrf import Network


@dataclass(frozen=True, slots=True)
class GoogleClient:
    """Our registration at Google, and where Google is."""

    client_id: str
    client_secret: Secret = field(repr=False)
    auth_url: str
    token_url: str
    revoke_url: str
    certs_url: str
    issuer: str
    gmail_api_url: str


class Mode(StrEnum):
    """How much is asked for."""

    FULL = "full"
    """Enough to look into the inbox."""
    GRANT_ONLY = "grant-only"
    """Enough to see that the sign-in still counts."""


@dataclass(frozen=True, slots=True)
class MicrosoftClient:
    """Our registration at Microsoft, and where Microsoft is."""

    client_id: str
    client_secret: Secret = field(repr=False)
    login_url: str
    graph_url: str
    tenant: str = "common"
    """Who may sign in: ``common``, ``organizations``, ``consumers``, or one tenant's id or domain."""
    mode: Mode = Mode.FULL
    certificate: ClientCertificate | None = None
    """What proves us in the place of the secret, where there is one."""

    def token_url(self, tenant: str) -> str:
        return f"{self.login_url}/{quote(tenant)}/oauth2/v2.0/token"

    def proof(self, tenant: str, clock: Callable[[], datetime]) -> dict[str, str]:
        """The fields of a request to a tenant's token endpoint that show that it is ours."""
        if self.certificate is None:
            return {"client_secret": self.client_secret.reveal()}
        return self.certificate.proof(self.client_id, self.token_url(tenant), clock)


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """What the operator says of mail hosts."""

    allowed_networks: tuple[Network, ...] = ()
    """The operator's own: hosts in them may be inner ones."""
    allowed_ports: frozenset[int] = frozenset()
    """More than IMAP's own, in those networks."""
    ca_file: str | None = None
    """More authorities (PEM), for those networks."""
    ispdb_url: str = ""
    """Where Thunderbird's list of mail hosts is; empty asks nobody."""
    apart: timedelta = timedelta(minutes=15)
    """The pause between two looks."""


@dataclass(frozen=True, slots=True)
class HubSpotPortal:
    """The portal to watch, and how."""

    tokens: tuple[Secret, ...] = field(repr=False)
    """One, or two during a rotation."""
    api_url: str
    every: timedelta
    """The pause between two looks."""
    local: str = ""
    """Where its pages are, if it is one on this machine; the real one says so itself."""
