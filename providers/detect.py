"""Who hosts an address's mailbox, judged by its domain.

The one rule: this is a guess that the person sees and can overrule; it never refuses anything, and a name
server that fails only makes the answer *unknown*.

Order and patterns: known domains, then the hosts that take the domain's mail (MX), then, behind a mail
filter that hides them, whom the domain lets send for it (SPF), then whether Microsoft knows the domain.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol

from bot.domain.address import domain_of

_WAITS: Final = timedelta(seconds=1.5)
"""A person waits, and Slack wants an answer within three seconds."""

_DOMAINS: Final = {
    "google": ("gmail.com", "googlemail.com"),
    "microsoft": ("outlook", "hotmail", "live", "msn.com", "windowslive.com", "passport.com"),
    "imap": (
        "yahoo", "ymail.com", "rocketmail.com", "aol.com", "icloud.com", "me.com", "mac.com", "gmx", "web.de",
        "fastmail.com", "fastmail.fm", "zoho.com", "zohomail.com", "yandex.com", "yandex.ru", "t-online.de",
    ),
}  # fmt: skip
"""By provider; a name without a dot stands for its country variants, too (``hotmail.co.uk``)."""

_MAIL_HOSTS: Final = {
    "google": ("google.com", "googlemail.com"),
    "microsoft": ("mail.protection.outlook.com", "olc.protection.outlook.com", "mx.microsoft"),
}
"""What the names of a provider's mail hosts end in."""

_FILTERS: Final = ("pphosted.com", "mimecast.com", "barracudanetworks.com", "iphmx.com", "messagelabs.com")
"""Mail filters stand before whoever hosts the mailbox."""

_SENDERS: Final = {"google": "_spf.google.com", "microsoft": "spf.protection.outlook.com"}


class How(StrEnum):
    """What the answer rests on."""

    DOMAIN = "domain"
    MX = "mx"
    SPF = "spf"
    TENANT = "tenant"
    """Microsoft knows the domain: good enough to begin with, no proof that its mail is there."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Detected:
    """Who hosts the mailbox: a provider's key, ``imap`` for any other host, or ``None``."""

    provider: str | None
    how: How


UNKNOWN: Final = Detected(None, How.UNKNOWN)
BELIEVED: Final = frozenset({How.DOMAIN, How.MX, How.SPF})
"""What an answer must rest on to say where mail goes, rather than where to begin."""


class MailNames(Protocol):
    """The look-ups that are needed. An answer that cannot be had is an empty one."""

    async def mx(self, domain: str) -> tuple[str, ...]: ...

    async def txt(self, name: str) -> tuple[str, ...]: ...


class Tenants(Protocol):
    """Microsoft's list of the domains it knows."""

    async def knows(self, domain: str) -> bool:
        """Whether a tenant has this domain. ``False`` if that cannot be found out soon."""


class Detector:
    """Finds out who hosts an address."""

    def __init__(
        self, names: MailNames, *, tenants: Tenants | None = None, waits: timedelta = _WAITS
    ) -> None:
        self._names = names
        self._tenants = tenants
        self._waits = waits.total_seconds()

    async def detect(self, address: str) -> Detected:
        """Who hosts ``address``. Never raises, and takes no longer than a person waits."""
        domain = domain_of(address)
        if known := of_domain(domain):
            return Detected(known, How.DOMAIN)
        try:
            async with asyncio.timeout(self._waits):
                return await self._asked(domain)
        except TimeoutError:
            return UNKNOWN

    async def _asked(self, domain: str) -> Detected:
        hosts = await self._names.mx(domain)
        if not hosts:
            return UNKNOWN
        if provider := of_mail_hosts(hosts):
            return Detected(provider, How.MX)
        if not any(_ends_in(host, _FILTERS) for host in hosts):
            return Detected("imap", How.MX)
        if provider := of_spf(await self._names.txt(domain)):
            return Detected(provider, How.SPF)
        if self._tenants is not None and await self._tenants.knows(domain):
            return Detected("microsoft", How.TENANT)
        return UNKNOWN


def of_domain(domain: str) -> str | None:
    """Whose domain it is, where everybody knows."""
    name = domain.partition(".")[0]
    for provider, known in _DOMAINS.items():
        if domain in known or (name in known and 2 <= len(domain.split(".")) <= 3):
            return provider
    return None


def of_mail_hosts(hosts: tuple[str, ...]) -> str | None:
    """Who takes the mail, if it is one of ours; the first host decides."""
    for host in hosts:
        for provider, endings in _MAIL_HOSTS.items():
            if _ends_in(host, endings):
                return provider
    return None


def of_spf(texts: tuple[str, ...]) -> str | None:
    """Whom the domain lets send for it. Both, and nobody knows: an answer needs exactly one."""
    policy = next((text.lower().split() for text in texts if text.lower().startswith("v=spf1")), [])
    named = [key for key, sender in _SENDERS.items() if f"include:{sender}" in policy]
    return named[0] if len(named) == 1 else None


def _ends_in(host: str, endings: tuple[str, ...]) -> bool:
    host = host.lower().rstrip(".")
    return any(host == ending or host.endswith(f".{ending}") for ending in endings)
