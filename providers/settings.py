"""What the operator tells each provider: our registration there, and where and how it is asked.

The one rule: nothing here needs a provider's library, so that whoever reads the settings loads none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from bot.domain.grant import Secret
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
