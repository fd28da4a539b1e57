"""Features: what connected mailboxes are used for beyond being kept alive, and what each needs of a provider.

The one rule: whatever is switched on is asked for in one consent, so that using another feature later asks
nothing again. Keeping the mailbox connected is no feature: what that needs is the provider's own to say.

A feature works with access tokens, each for an audience. The audience is ours to map, never a scope that a
program names. Google's tokens are good for all that was granted; Microsoft's for one resource each. IMAP and
SMTP take at Google the one permission for all of Gmail, and nothing less (Gmail's "XOAUTH2 mechanism",
Microsoft's "Authenticate an IMAP, POP or SMTP connection using OAuth").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from bot.domain.grant import EXCHANGE, Granted, lacking, plain, resource_in


@dataclass(frozen=True, slots=True)
class Wording:
    """A few words in the operator's own writing. Who has no language of their own here reads English."""

    en: str
    ja: str = ""

    def for_(self, code: str) -> str:
        """In this language, if it was written in it."""
        return self.ja if code == "ja" and self.ja else self.en


@dataclass(frozen=True, slots=True)
class Feature:
    """One use of mailboxes, defined by the operator."""

    key: str
    name: Wording
    reason: Wording
    """What it needs the permission for: goes after *for*, as in *to log customers' mail*."""
    scopes: Mapping[str, frozenset[str]]
    """What it needs, by the provider's key, with ``_shared`` behind it for mailboxes that are opened with
    somebody's own account. Where nothing stands, it needs nothing."""
    is_on: bool = True

    def scopes_at(self, provider: str, *, is_shared: bool = False) -> frozenset[str]:
        return self.scopes.get(f"{provider}_shared" if is_shared else provider, frozenset())

    def needs(self, scope: str) -> bool:
        """Whether this permission, of whichever provider, is asked for on its behalf."""
        return any(scope in scopes for scopes in self.scopes.values())


@dataclass(frozen=True, slots=True)
class Features:
    """All that the operator has defined, in that order. ``is_shared`` asks about shared mailboxes."""

    defined: tuple[Feature, ...] = ()

    def at(self, provider: str, *, is_shared: bool = False) -> tuple[Feature, ...]:
        """Those that are switched on and need something of this provider."""
        return tuple(
            one for one in self.defined if one.is_on and one.scopes_at(provider, is_shared=is_shared)
        )

    def scopes_at(self, provider: str, *, is_shared: bool = False) -> frozenset[str]:
        """All that they need together."""
        here = self.at(provider, is_shared=is_shared)
        return frozenset(chain.from_iterable(one.scopes_at(provider, is_shared=is_shared) for one in here))

    def resources_at(self, provider: str) -> frozenset[str]:
        """The resources, besides the one that mailboxes are looked at with, that they need tokens for."""
        both = self.scopes_at(provider) | self.scopes_at(provider, is_shared=True)
        return frozenset(map(resource_in, both)) - {""}

    def needing(
        self, provider: str, scopes: frozenset[str], *, is_shared: bool = False
    ) -> tuple[Feature, ...]:
        """Those that are switched on and need one of these permissions."""
        here = self.at(provider, is_shared=is_shared)
        return tuple(one for one in here if one.scopes_at(provider, is_shared=is_shared) & scopes)

    def lacking(self, provider: str, granted: Granted) -> tuple[Feature, ...]:
        """Those that cannot work with what was ``granted`` until somebody consents again."""
        wanted = self.scopes_at(provider, is_shared=granted.is_shared)
        return self.needing(provider, lacking(wanted, granted.scopes), is_shared=granted.is_shared)


class Audience(StrEnum):
    """Where a token is to be shown."""

    IMAP = "imap"
    SMTP = "smtp"
    GRAPH = "graph"
    GMAIL = "gmail"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mail program connects to: with TLS from the first byte, at port 587 by STARTTLS."""

    host: str
    port: int


SERVERS: Final = {
    ("google", Audience.IMAP): Server("imap.gmail.com", 993),
    ("google", Audience.SMTP): Server("smtp.gmail.com", 465),
    ("microsoft", Audience.IMAP): Server("outlook.office365.com", 993),
    ("microsoft", Audience.SMTP): Server("smtp.office365.com", 587),
}
_SPOKEN: Final = {
    "google": frozenset({Audience.IMAP, Audience.SMTP, Audience.GMAIL}),
    "microsoft": frozenset({Audience.IMAP, Audience.SMTP, Audience.GRAPH}),
}
_EXCHANGE: Final = {
    f"{EXCHANGE}/imap.accessasuser.all": Audience.IMAP,
    f"{EXCHANGE}/smtp.send": Audience.SMTP,
}
_ALL_OF_GMAIL: Final = "https://mail.google.com"


def spoken_at(provider: str) -> frozenset[Audience]:
    """What tokens of this provider can be for."""
    return _SPOKEN.get(provider, frozenset())


def of_scope(provider: str, scope: str) -> frozenset[Audience]:
    """What this permission allows."""
    name = plain(scope)
    if provider == "microsoft":
        at_exchange = resource_in(scope) == EXCHANGE
        return frozenset({_EXCHANGE[name]} if name in _EXCHANGE else () if at_exchange else {Audience.GRAPH})
    if name == _ALL_OF_GMAIL:
        return spoken_at("google")
    return frozenset({Audience.GMAIL} if name.startswith("gmail.") else ())


def resource_for(provider: str, audience: Audience) -> str:
    """Which resource a token must be for: empty for the one that mailboxes are looked at with."""
    return EXCHANGE if provider == "microsoft" and audience is not Audience.GRAPH else ""


def scopes_for(feature: Feature, provider: str, audience: Audience, *, is_shared: bool) -> frozenset[str]:
    """What of this feature's permissions is for this audience; empty if it needs no such token."""
    scopes = feature.scopes_at(provider, is_shared=is_shared)
    return frozenset(one for one in scopes if audience in of_scope(provider, one))
