"""Where an address's mailbox most likely is: what its domain, Thunderbird's list and the DNS say.

The one rule: this is a suggestion. It only fills in a form that the person reads before sending it, and the
guard judges the host again. Whatever fails on the way is passed over; nothing here raises. XML is read
without document types and entities, addresses made from what was typed are fetched through the guard,
without redirects, and no answer may be long.

No password is taken for a mailbox at Google or Microsoft: they have a sign-in that shows what is allowed, and
that its owner can end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote
from xml.parsers import expat

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.domain.errors import ProviderUnavailable
from providers.http_client import HttpClient
from providers.imap.protocol import Endpoint, Security
from providers.ssrf import Address, HostRefused, SsrfGuard, host_name

HTTPS: Final = frozenset({443})
ISPDB: Final = "https://autoconfig.thunderbird.net/v1.1"
_OWN: Final = (
    "https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={address}",
    "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={address}",
)
"""What domains say of themselves, in Thunderbird's order."""
_GUESSES: Final = ("imap.{domain}", "mail.{domain}")
_MOST_ELEMENTS: Final = 2_000
_IN_ALL: Final = timedelta(seconds=6)
"""A person waits for it."""


class Srv(Protocol):
    """One SRV record."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


class Names(Protocol):
    """The look-ups in the DNS. An answer that cannot be had is an empty one."""

    async def addresses(self, host: str) -> tuple[Address, ...]: ...

    async def srv(self, name: str) -> tuple[Any, ...] | None:
        """``Srv`` records, the best first; ``None`` if that could not be found out."""

    async def cname(self, name: str) -> tuple[str, ...] | None:
        """What the name is an alias of; ``None`` if that could not be found out."""

    async def mx(self, domain: str) -> tuple[str, ...]:
        """The hosts that take the domain's mail, the best first."""

    async def txt(self, name: str) -> tuple[str, ...] | None:
        """The texts that stand at a name; ``None`` if that could not be found out."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Where to log in, and as whom."""

    at: Endpoint
    user: str


class Autoconfig:
    """Looks for an address's settings."""

    def __init__(
        self,
        names: Names,
        *,
        own: HttpClient,
        listed: HttpClient,
        ispdb_url: str = ISPDB,
        own_urls: tuple[str, ...] = _OWN,
    ) -> None:
        """``own`` must go through the guard (``guarded_session``), ``listed`` fetches from ``ispdb_url``,
        which the operator has set."""
        self._names = names
        self._own, self._listed = own, listed
        self._ispdb_url = ispdb_url
        self._own_urls = own_urls

    async def suggest(self, address: str) -> Suggestion | None:
        """The first answer in Thunderbird's order: the domain itself, the list, the DNS, a guess."""
        try:
            domain = host_name(address.rpartition("@")[2])
        except HostRefused:
            return None
        ways: tuple[Callable[[str, str], Awaitable[Suggestion | None]], ...] = (
            self._of_domain,
            self._of_list,
            self._of_mail_host,
            self._of_srv,
            self._guessed,
        )
        try:
            async with asyncio.timeout(_IN_ALL.total_seconds()):
                for way in ways:
                    if found := await way(address, domain):
                        return found
        except (TimeoutError, _NoImap):
            return None
        return None

    async def _of_domain(self, address: str, domain: str) -> Suggestion | None:
        urls = [url.format(domain=domain, address=quote(address)) for url in self._own_urls]
        # Side by side: a domain that does not answer must not use up the person's patience.
        found = await asyncio.gather(*(self._fetched(self._own, url, address) for url in urls))
        return next((one for one in found if one is not None), None)

    async def _of_list(self, address: str, domain: str) -> Suggestion | None:
        if not self._ispdb_url:
            return None
        return await self._fetched(self._listed, f"{self._ispdb_url}/{quote(domain)}", address)

    async def _of_mail_host(self, address: str, domain: str) -> Suggestion | None:
        """A domain whose mail goes to a host that the list knows."""
        for host in (await self._names.mx(domain))[:1]:
            for base in _bases(host):
                if found := await self._of_list(address, base):
                    return found
        return None

    async def _of_srv(self, address: str, domain: str) -> Suggestion | None:
        """RFC 6186; 8314 wants TLS from the start preferred. The target ``.`` says that there is none: raises
        ``_NoImap``, unless another way is announced."""
        is_denied = False
        for service, security in (("_imaps._tcp", Security.TLS), ("_imap._tcp", Security.STARTTLS)):
            for record in await self._names.srv(f"{service}.{domain}") or ():
                is_denied = is_denied or record.host.strip() in {"", "."}
                if (host := _named(record.host)) is not None:
                    return Suggestion(Endpoint(host, record.port, security), address)
        if is_denied:
            raise _NoImap
        return None

    async def _guessed(self, address: str, domain: str) -> Suggestion | None:
        for pattern in _GUESSES:
            host = pattern.format(domain=domain)
            if await self._names.addresses(host):
                return Suggestion(Endpoint(host, 993, Security.TLS), address)
        return None

    async def _fetched(self, wire: HttpClient, url: str, address: str) -> Suggestion | None:
        try:
            reply = await wire.get(url)
        except ProviderUnavailable:
            return None
        return read_config(reply.body, address) if reply.status == 200 else None


def read_config(document: bytes, address: str) -> Suggestion | None:
    """The best IMAP server of a Thunderbird configuration that takes a password inside TLS."""
    servers = _Servers()
    parser = expat.ParserCreate()
    parser.StartElementHandler = servers.begins
    parser.EndElementHandler = servers.ends
    parser.CharacterDataHandler = servers.says
    parser.StartDoctypeDeclHandler = _forbidden
    parser.EntityDeclHandler = _forbidden
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, _Forbidden, ValueError, LookupError):
        return None
    for server in sorted(servers.found, key=_wants_more):
        if (suggestion := _suggestion(server, address)) is not None:
            return suggestion
    return None


class _NoImap(Exception):
    """The domain says itself that it has no IMAP: guessing would only lead somewhere else."""


class _Forbidden(Exception):
    """The document brings what a configuration has no use for: a document type, entities, no end."""


def _forbidden(*_: object) -> None:
    raise _Forbidden


class _Servers:
    """Collects the ``incomingServer`` elements of type ``imap``."""

    def __init__(self) -> None:
        self.found: list[dict[str, list[str]]] = []
        self._server: dict[str, list[str]] | None = None
        self._name = ""
        self._count = 0

    def begins(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS:
            raise _Forbidden
        if name == "incomingServer" and attributes.get("type") == "imap":
            self._server = {}
        self._name = name
        if self._server is not None:
            self._server.setdefault(name, []).append("")

    def ends(self, name: str) -> None:
        if name == "incomingServer" and self._server is not None:
            self.found.append(self._server)
            self._server = None
        self._name = ""

    def says(self, text: str) -> None:
        if self._server is not None and self._name:
            self._server[self._name][-1] += text


_SECURITY: Final = {"SSL": Security.TLS, "STARTTLS": Security.STARTTLS}


def _suggestion(server: dict[str, list[str]], address: str) -> Suggestion | None:
    def first(name: str) -> str:
        return next((text.strip() for text in server.get(name, ())), "")

    security = _SECURITY.get(first("socketType"))
    host = _named(_filled(first("hostname"), address))
    if security is None or host is None or not (port := first("port")).isdecimal() or len(port) > 5:
        return None
    user = _filled(first("username"), address) or address
    return Suggestion(Endpoint(host, int(port), security), user)


_PASSWORDS: Final = frozenset({"password-cleartext", "plain"})


def _wants_more(server: dict[str, list[str]]) -> bool:
    """Whether it names only ways to log in that we don't know (encrypted passwords, certificates, OAuth):
    last choice, since many take a password inside TLS all the same."""
    named = {text.strip().lower() for text in server.get("authentication", ())} - {""}
    return bool(named) and not named & _PASSWORDS


def _filled(pattern: str, address: str) -> str:
    local, _, domain = address.rpartition("@")
    for name, value in (("ADDRESS", address), ("LOCALPART", local), ("DOMAIN", domain)):
        pattern = pattern.replace(f"%EMAIL{name}%", value)
    return pattern


def _named(host: str) -> str | None:
    try:
        return host_name(host)
    except HostRefused:
        return None


def _bases(host: str) -> tuple[str, ...]:
    """The registered domain of a host, not knowing where registries begin: two labels, then three."""
    labels = host.rstrip(".").lower().split(".")
    return tuple(".".join(labels[-count:]) for count in (2, 3) if len(labels) >= count)


def guarded_session(guard: SsrfGuard) -> aiohttp.ClientSession:
    """A session that only reaches hosts that ``guard`` lets pass, at the addresses it has judged. The
    system's authorities vouch for them, as aiohttp has read them."""
    connector = aiohttp.TCPConnector(resolver=_Vetted(guard), use_dns_cache=False, limit=20, force_close=True)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


class _Vetted(AbstractResolver):
    """aiohttp's way to addresses, through the guard. It is not asked about addresses: names only get in."""

    def __init__(self, guard: SsrfGuard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            found = await self._guard.vetted(host, port)
        except HostRefused as refused:
            raise OSError(refused.code) from None
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


_SIGN_IN_HOSTS: Final[Mapping[str, str]] = {
    "gmail.com": "google",
    "googlemail.com": "google",
    "google.com": "google",
    "outlook.com": "microsoft",
    "office365.com": "microsoft",
    "office.com": "microsoft",
    "hotmail.com": "microsoft",
    "live.com": "microsoft",
    "msn.com": "microsoft",
    "outlook.de": "microsoft",
    "outlook.cn": "microsoft",
    "partner.outlook.cn": "microsoft",
    "office365.us": "microsoft",
}
"""By the domain that hosts and addresses end in (``outlook.office365.com``, ``imap-mail.outlook.com``)."""

_GUIDANCE: Final[Mapping[str, str]] = {
    "yahoo.com": "yahoo",
    "aol.com": "aol",
    "me.com": "icloud",
    "icloud.com": "icloud",
    "mac.com": "icloud",
    "fastmail.com": "fastmail",
    "gmx.net": "gmx",
    "gmx.com": "gmx",
    "gmx.de": "gmx",
    "web.de": "webde",
    "zoho.com": "zoho",
    "zoho.eu": "zoho",
    "zoho.in": "zoho",
    "zoho.jp": "zoho",
    "yandex.com": "yandex",
    "yandex.ru": "yandex",
}
"""Hosts that want an app password, by the domain that they end in."""


def sign_in_of(host: str) -> str | None:
    """The key of the provider whose sign-in must be used for ``host``, if it is one of those."""
    return _by_ending(host, _SIGN_IN_HOSTS)


def guidance_for(host: str) -> str:
    """The key of the instructions for app passwords at ``host``; empty if none are known."""
    return _by_ending(host, _GUIDANCE) or ""


def _by_ending(host: str, known: Mapping[str, str]) -> str | None:
    labels = host.lower().rstrip(".").split(".")
    endings = (".".join(labels[start:]) for start in range(len(labels)))
    return next((known[ending] for ending in endings if ending in known), None)
