"""The names that IMAP needs, as this machine knows them.

The one rule: an answer that cannot be had is an empty one, or ``None`` where the difference counts; nothing
here raises, and nothing waits long.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

import dns.asyncresolver
from dns.exception import DNSException
from dns.exception import SyntaxError as NotAName
from dns.name import NameTooLong
from dns.resolver import NXDOMAIN, NoAnswer

from providers.ssrf import Address

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
        try:
            return list(await dns.asyncresolver.resolve(name, kind, lifetime=_LASTS))
        except (NXDOMAIN, NoAnswer, NotAName, NameTooLong):
            return []
        except (DNSException, OSError):
            return None
