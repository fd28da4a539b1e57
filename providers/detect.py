"""Who hosts an address's mailbox, judged by its domain.

The one rule: this is a guess that the person sees and can overrule; it never refuses anything, and a name
server that fails only makes the answer *unknown*.

Order and patterns: known domains, then the best of the hosts that take the domain's mail (MX), then, behind
one that nobody knows, whom the domain lets send for it (SPF), then, behind a known filter, whether Microsoft
knows the domain.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol

from bot.domain.address import domain_of
from bot.domain.whereabouts import NOWHERE

_WAITS: Final = timedelta(seconds=1.5)
"""A person waits, and Slack wants an answer within three seconds."""

_DOMAINS: Final = {
    "google": "gmail.com googlemail.com",
    "microsoft": (
        "outlook.com outlook.at outlook.be outlook.cl outlook.cz outlook.de outlook.dk outlook.es outlook.fr "
        "outlook.hu outlook.ie outlook.in outlook.it outlook.jp outlook.kr outlook.lv outlook.my outlook.ph "
        "outlook.pt outlook.sa outlook.sg outlook.sk outlook.co.id outlook.co.il outlook.co.nz outlook.co.th "
        "outlook.com.ar outlook.com.au outlook.com.br outlook.com.gr outlook.com.tr outlook.com.vn "
        "hotmail.com hotmail.be hotmail.ca hotmail.ch hotmail.cl hotmail.co.il hotmail.co.in hotmail.co.jp "
        "hotmail.co.kr hotmail.co.nz hotmail.co.th hotmail.co.uk hotmail.co.za hotmail.com.ar hotmail.com.au "
        "hotmail.com.br hotmail.com.hk hotmail.com.tr hotmail.com.tw hotmail.com.vn hotmail.cz hotmail.de "
        "hotmail.dk hotmail.es hotmail.fi hotmail.fr hotmail.gr hotmail.hu hotmail.it hotmail.jp hotmail.lt "
        "hotmail.my hotmail.nl hotmail.no hotmail.ph hotmail.rs hotmail.se hotmail.sg hotmail.sk "
        "live.com live.at live.be live.ca live.cl live.cn live.co.in live.co.kr live.co.uk live.co.za "
        "live.com.ar live.com.au live.com.mx live.com.my live.com.ph live.com.pt live.com.sg live.de live.dk "
        "live.fi live.fr live.hk live.ie live.in live.it live.jp live.nl live.no live.ru live.se "
        "msn.com windowslive.com passport.com"
    ),
    "imap": (
        "yahoo.com yahoo.ca yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.kr yahoo.co.nz yahoo.co.th "
        "yahoo.co.uk yahoo.co.za yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.hk yahoo.com.mx "
        "yahoo.com.my yahoo.com.ph yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.vn yahoo.de "
        "yahoo.dk yahoo.es yahoo.fr yahoo.gr "
        "yahoo.ie yahoo.in yahoo.it yahoo.nl yahoo.no yahoo.pl yahoo.ro yahoo.se ymail.com rocketmail.com "
        "aol.com icloud.com me.com mac.com gmx.com gmx.de gmx.net gmx.at gmx.ch gmx.fr gmx.us "
        "gmx.co.uk web.de "
        "fastmail.com fastmail.fm zoho.com zohomail.com yandex.com yandex.ru t-online.de"
    ),
}
"""By provider, each in full: ``live.acme.example`` begins like one of them and belongs to Acme."""

_OF_DOMAIN: Final = {one: provider for provider, known in _DOMAINS.items() for one in known.split()}

_MAIL_HOSTS: Final = {
    "google": ("google.com", "googlemail.com"),
    "microsoft": ("mail.protection.outlook.com", "olc.protection.outlook.com", "mx.microsoft"),
}
"""What the names of a provider's mail hosts end in."""

_FILTERS: Final = ("pphosted.com", "mimecast.com", "barracudanetworks.com", "iphmx.com", "messagelabs.com")
"""Mail filters stand before whoever hosts the mailbox."""

_SENDERS: Final = {
    "_spf.google.com": "google",
    "spf.protection.outlook.com": "microsoft",
    "spf.protection.office365.us": "microsoft",
    "spf.protection.partner.outlook.cn": "microsoft",
}
_MOST_NESTED: Final = 6
"""Policies that a policy refers to, looked up one level deep: enough for services that write them."""


_REFERS: Final = re.compile(r"[+?~]?include:([a-z0-9._-]+)|redirect=([a-z0-9._-]+)")


_COMPUTED: Final = re.compile(r"[+?~]?(?:include|exists|redirect)[:=].*%\{")


class How(StrEnum):
    """What the answer rests on."""

    DOMAIN = "domain"
    MX = "mx"
    SPF = "spf"
    HINT = "hint"
    """Whom the domain lets send for it, while a host that nobody knows takes its mail: a filter, most likely,
    or mail of its own beside a service that only sends. Good enough to begin with."""
    NO_MAIL = "no_mail"
    """The domain says that it takes no mail at all (RFC 7505)."""
    TENANT = "tenant"
    """Microsoft knows the domain: good enough to begin with, no proof that its mail is there."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Detected:
    """Who hosts the mailbox: a provider's key, ``imap`` for any other host, or ``None``."""

    provider: str | None
    how: How
    named: frozenset[str] = field(default=frozenset(), compare=False)
    """All that the domain lets send for it, of the providers we know."""

    def seen_from(self, home: str) -> str | None:
        """Whose hosts take the mail, for a mailbox that is at ``home``; ``NOWHERE`` if the domain says that
        none do, ``None`` if that cannot be told.

        A host that nobody knows is weak: while the domain names ``home``, it has hired a filter, not moved.
        """
        if self.how is How.NO_MAIL:
            return NOWHERE
        if self.how is How.HINT:
            return home if home in self.named or home == "imap" else None
        if home in self.named and self.provider not in {"google", "microsoft"}:
            return home
        return self.provider if self.how in BELIEVED else None


UNKNOWN: Final = Detected(None, How.UNKNOWN)
BELIEVED: Final = frozenset({How.DOMAIN, How.MX, How.SPF})
"""What an answer must rest on to say where mail goes, rather than where to begin."""


class MailNames(Protocol):
    """The look-ups that are needed."""

    async def mx(self, domain: str) -> tuple[str, ...]:
        """The best host first. An answer that cannot be had is an empty one."""

    async def txt(self, name: str) -> tuple[str, ...] | None:
        """Empty if there are none; ``None`` if that could not be found out."""


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
        if not any(host.strip(".") for host in hosts):
            return Detected(None, How.NO_MAIL)
        if provider := of_mail_hosts(hosts):
            return Detected(provider, How.MX)
        return await self._behind(domain, is_filter=any(_ends_in(host, _FILTERS) for host in hosts))

    async def _behind(self, domain: str, *, is_filter: bool) -> Detected:
        """Behind hosts that are nobody's we know."""
        named, is_complete = await self._named(domain)
        if not is_complete:  # what was not heard may name anybody
            return Detected(None, How.UNKNOWN, named)
        if len(named) == 1:
            [provider] = named
            return Detected(provider, How.SPF if is_filter else How.HINT, named)
        if named:  # both, and nobody knows
            return Detected(None, How.UNKNOWN, named)
        if not is_filter:
            return Detected("imap", How.MX)
        if self._tenants is not None and await self._tenants.knows(domain):
            return Detected("microsoft", How.TENANT)
        return UNKNOWN

    async def _named(self, domain: str) -> tuple[frozenset[str], bool]:
        """Whom the domain lets send for it, itself or through policies that it refers to; and whether that
        is all of them."""
        texts = await self._names.txt(domain)
        others = policies_of(texts or ())
        if named := _senders_among(others):
            return named, True
        further = await asyncio.gather(*(self._names.txt(other) for other in others[:_MOST_NESTED]))
        found = (_senders_among(policies_of(those or ())) for those in further)
        is_complete = (
            None not in (texts, *further)
            and len(others) <= _MOST_NESTED
            and not any(_is_computed(those or ()) for those in (texts, *further))
        )
        return frozenset().union(*found), is_complete


def of_domain(domain: str) -> str | None:
    """Whose domain it is, where everybody knows."""
    return _OF_DOMAIN.get(domain)


def of_mail_hosts(hosts: tuple[str, ...]) -> str | None:
    """Who takes the mail, if it is one of ours. The best host decides: others are often left over."""
    for provider, endings in _MAIL_HOSTS.items():
        if _ends_in(hosts[0], endings):
            return provider
    return None


def policies_of(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The policies that an SPF record refers to (RFC 7208: ``include:`` and ``redirect=``)."""
    found = (_REFERS.fullmatch(term) for term in _policy(texts))
    return tuple(dict.fromkeys((it[1] or it[2]).rstrip(".") for it in found if it))


def _is_computed(texts: tuple[str, ...]) -> bool:
    """Whether whom a policy lets send is worked out for each sender anew (RFC 7208, 7: macros), as services
    that keep other people's policies do: then it may be anybody."""
    return any(_COMPUTED.match(term) for term in _policy(texts))


def _policy(texts: tuple[str, ...]) -> list[str]:
    return next((text.lower().split() for text in texts if text.lower().startswith("v=spf1")), [])


def _senders_among(policies: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_SENDERS[one] for one in policies if one in _SENDERS)


def _ends_in(host: str, endings: tuple[str, ...]) -> bool:
    host = host.lower().rstrip(".")
    return any(host == ending or host.endswith(f".{ending}") for ending in endings)
