"""What a program wants an access token for, and which permissions allow that.

The one rule: the audience is ours to map, never a scope that a program names. Google's tokens are good for
all that was granted; Microsoft's for one resource each. IMAP and SMTP take at Google the one permission for
all of Gmail, and nothing less.

Sources: Gmail's "XOAUTH2 mechanism", Microsoft's "Authenticate an IMAP, POP or SMTP connection using OAuth".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.features import Feature
from bot.domain.grant import plain


class Audience(StrEnum):
    """Where a token is to be shown."""

    IMAP = "imap"
    SMTP = "smtp"
    GRAPH = "graph"
    GMAIL = "gmail"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mail program connects to, with TLS from the first byte."""

    host: str
    port: int


SERVERS: Final = {
    ("google", Audience.IMAP): Server("imap.gmail.com", 993),
    ("google", Audience.SMTP): Server("smtp.gmail.com", 465),
}
_SPOKEN: Final = {
    "google": frozenset({Audience.IMAP, Audience.SMTP, Audience.GMAIL}),
    "microsoft": frozenset({Audience.GRAPH}),
}
_ALL_OF_GMAIL: Final = "https://mail.google.com"


def spoken_at(provider: str) -> frozenset[Audience]:
    """What tokens of this provider can be for."""
    return _SPOKEN.get(provider, frozenset())


def of_scope(provider: str, scope: str) -> frozenset[Audience]:
    """What this permission allows."""
    if provider == "microsoft":
        return frozenset({Audience.GRAPH})
    name = plain(scope)
    if name == _ALL_OF_GMAIL:
        return spoken_at("google")
    return frozenset({Audience.GMAIL} if name.startswith("gmail.") else ())


def scopes_for(feature: Feature, provider: str, audience: Audience, *, is_shared: bool) -> frozenset[str]:
    """What of this feature's permissions is for this audience; empty if it needs no such token."""
    scopes = feature.scopes_at(provider, is_shared=is_shared)
    return frozenset(one for one in scopes if audience in of_scope(provider, one))
