"""Who hosts an address's mailbox, judged by its domain, and the names that this and IMAP ask the DNS for.

The one rule: this is a guess that the person sees and can overrule; it never refuses anything, and a name
server that fails only makes the answer *unknown*: empty, or ``None`` where the difference counts. No look-up
raises, and none waits long.

Order and patterns: known domains, then the best of the hosts that take the domain's mail (MX), then, behind
one that nobody knows, whom the domain lets send for it (SPF) and where it sends mail programs (autodiscover,
SRV), then, behind a known filter, whether Microsoft knows the domain. Where nobody can tell, the person is
asked.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final, Protocol

from bot.domain.address import NOWHERE, domain_of
from providers.ssrf import Address

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
    "imap": ("yahoodns.net", "mail.icloud.com", "messagingengine.com", "zoho.com", "zoho.eu", "zoho.in"),
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
_CLIENT_HOSTS: Final = {
    "google": ("google.com", "gmail.com", "googlemail.com"),
    "microsoft": ("outlook.com", "office365.com", "office365.us", "partner.outlook.cn"),
}
"""What the names of the hosts end in that mail programs are sent to."""
_MOST_ALIASES: Final = 3
"""Steps from ``autodiscover.<domain>``: some hosters point to a name of their own that points on."""
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
    AUTODISCOVER = "autodiscover"
    """Where the domain sends mail programs, while a host that nobody knows takes its mail: good enough to
    begin with; such records are often left over."""
    HIDDEN = "hidden"
    """A host that nobody knows takes the mail, and nothing says whose mailbox is behind it: the person must
    be asked. ``imap`` is the provider where every look-up was answered: it may be that host itself."""
    TENANT = "tenant"
    """Microsoft knows the domain: good enough to begin with, no proof that its mail is there."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Detected:
    """Who hosts the mailbox: a provider's key, ``imap`` for any other host, or ``None``."""

    provider: str | None
    how: How
    named: frozenset[str] = field(default=frozenset(), compare=False)
    """All of the providers we know that the domain names in other ways: whom it lets send for it, and where
    it sends mail programs."""

    def seen_from(self, home: str) -> str | None:
        """Whose hosts take the mail, for a mailbox that is at ``home``; ``NOWHERE`` if the domain says that
        none do, ``None`` if that cannot be told.

        A host that nobody knows is weak: while the domain names ``home``, it has hired a filter, not moved.
        """
        if self.how is How.NO_MAIL:
            return NOWHERE
        if self.how in {How.HINT, How.AUTODISCOVER}:
            return home if home in self.named or home == "imap" else None
        if home in self.named and self.provider not in {"google", "microsoft"}:
            return home
        return self.provider if self.how in BELIEVED or self.how is How.HIDDEN else None


UNKNOWN: Final = Detected(None, How.UNKNOWN)
BELIEVED: Final = frozenset({How.DOMAIN, How.MX, How.SPF})
"""What an answer must rest on to say where mail goes, rather than where to begin."""


class MailNames(Protocol):
    """The look-ups that are needed."""

    async def mx(self, domain: str) -> tuple[str, ...]:
        """The best host first. An answer that cannot be had is an empty one."""

    async def txt(self, name: str) -> tuple[str, ...] | None:
        """Empty if there are none; ``None`` if that could not be found out."""

    async def cname(self, name: str) -> tuple[str, ...] | None:
        """What the name is an alias of; as ``txt``."""

    async def srv(self, name: str) -> tuple[Any, ...] | None:
        """Records with a ``host``, the best first; as ``txt``."""


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
        hosts: tuple[str, ...] = ()
        try:
            async with asyncio.timeout(self._waits):
                hosts = await self._names.mx(domain)
                return await self._served_by(domain, hosts)
        except TimeoutError:
            return Detected(None, How.HIDDEN) if hosts else UNKNOWN

    async def _served_by(self, domain: str, hosts: tuple[str, ...]) -> Detected:
        if not hosts:
            return UNKNOWN
        if not any(host.strip(".") for host in hosts):
            return Detected(None, How.NO_MAIL)
        if provider := of_mail_hosts(hosts):
            return Detected(provider, How.MX)
        return await self._behind(domain, hosts)

    async def _behind(self, domain: str, hosts: tuple[str, ...]) -> Detected:
        """Behind hosts that are nobody's we know."""
        (senders, of_senders), (clients, of_clients) = await asyncio.gather(
            self._named(domain), self._sent_to(domain)
        )
        is_filter = any(_ends_in(host, _FILTERS) for host in hosts)
        ours = clients - {"imap"}
        named = senders | ours
        # What was not heard may name anybody.
        if len(named) == 1 and senders and of_senders:
            is_proven = is_filter and of_clients and clients <= named
            return Detected(min(named), How.SPF if is_proven else How.HINT, named)
        if len(ours) == 1 and (ours <= senders or not senders):
            return Detected(min(ours), How.AUTODISCOVER, named)
        if named or not (of_senders and of_clients):
            return Detected(None, How.HIDDEN, named)
        if is_filter:
            is_known = self._tenants is not None and await self._tenants.knows(domain)
            return Detected("microsoft", How.TENANT) if is_known else Detected(None, How.HIDDEN)
        is_own = "imap" in clients or _ends_in(hosts[0], (domain,))
        return Detected("imap", How.MX if is_own else How.HIDDEN)

    async def _sent_to(self, domain: str) -> tuple[frozenset[str], bool]:
        """Where the domain sends mail programs (``imap``: to a host of nobody we know), and whether every
        look-up was answered. Outlook asks ``autodiscover``; others ask for the SRV records of RFC 6186."""
        (aliases, is_known), autodiscover, imaps = await asyncio.gather(
            self._aliases(f"autodiscover.{domain}"),
            self._names.srv(f"_autodiscover._tcp.{domain}"),
            self._names.srv(f"_imaps._tcp.{domain}"),
        )
        outlook = (*aliases, *(str(it.host) for it in autodiscover or ()))
        others = (str(it.host) for it in imaps or () if str(it.host).strip(" ."))
        named = {key for host in outlook if (key := of_client_host(host))}
        named |= {of_client_host(host) or "imap" for host in others}
        return frozenset(named), is_known and None not in (autodiscover, imaps)

    async def _aliases(self, name: str) -> tuple[list[str], bool]:
        """What a name is an alias of, step by step, up to a host that we know; and whether that was
        answered."""
        found: list[str] = []
        for _ in range(_MOST_ALIASES):
            step = await self._names.cname(found[-1] if found else name)
            if not step:
                return found, step is not None
            found.append(step[0])
            if of_client_host(step[0]):
                break
        return found, True

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


def of_client_host(host: str) -> str | None:
    """Whose host it is that mail programs are sent to, if it is one of ours."""
    return next((key for key, endings in _CLIENT_HOSTS.items() if _ends_in(host, endings)), None)


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


_LASTS: Final = 3.0
"""Seconds for one look-up."""


@dataclass(frozen=True, slots=True)
class Service:
    """One SRV record."""

    host: str
    port: int


class SystemNames:
    """Addresses as the system resolves them (its hosts file, too); the rest from its DNS servers."""

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Every address of ``host``."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_LASTS):
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # a time-out is an OSError, too
            return ()
        # A scope (fe80::1%eth0) belongs to an address that is never dialled.
        return tuple(dict.fromkeys(ip_address(str(one[4][0]).partition("%")[0]) for one in found))

    async def srv(self, name: str) -> tuple[Service, ...] | None:
        """The records of a service, the best first; ``None`` if no name server could say."""
        heard = await self._heard(name, "SRV")
        if heard is None:
            return None
        found = sorted(heard, key=lambda it: (it.priority, -it.weight))
        return tuple(Service(it.target.to_text(omit_final_dot=True), it.port) for it in found)

    async def mx(self, domain: str) -> tuple[str, ...]:
        """The hosts that take a domain's mail, the best first."""
        found = sorted(await self._asked(domain, "MX"), key=lambda it: it.preference)
        return tuple(it.exchange.to_text(omit_final_dot=True) for it in found)

    async def txt(self, name: str) -> tuple[str, ...] | None:
        """The texts that stand at a name; ``None`` if no name server could say."""
        found = await self._heard(name, "TXT")
        if found is None:
            return None
        return tuple(b"".join(it.strings).decode("utf-8", "replace") for it in found)

    async def cname(self, name: str) -> tuple[str, ...] | None:
        """What a name is an alias of, one step; ``None`` if no name server could say."""
        found = await self._heard(name, "CNAME")
        return None if found is None else tuple(it.target.to_text(omit_final_dot=True) for it in found)

    async def _asked(self, name: str, kind: str) -> list[Any]:
        return await self._heard(name, kind) or []

    async def _heard(self, name: str, kind: str) -> list[Any] | None:
        """``None`` is no answer (a time-out, a failing server); an empty list says that there is nothing."""
        import dns.asyncresolver
        from dns.exception import DNSException
        from dns.exception import SyntaxError as NotAName
        from dns.name import NameTooLong
        from dns.resolver import NXDOMAIN, NoAnswer

        try:
            return list(await dns.asyncresolver.resolve(name, kind, lifetime=_LASTS))
        except (NXDOMAIN, NoAnswer, NotAName, NameTooLong):
            return []
        except (DNSException, OSError):
            return None
