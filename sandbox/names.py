"""What the local DNS says: where each domain's mail goes, movable at will.

The one rule: a name that nobody registered here does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web

from sandbox.controls import as_bad_request, body_of, text

PLACES: Final = {
    "google": ("aspmx.l.google.com", "alt1.aspmx.l.google.com"),
    "microsoft": ("example.mail.protection.outlook.com",),
    "filter": ("mxa-0001.gslb.pphosted.com",),
    "elsewhere": ("mx.hosting.example",),
    "unlisted filter": ("mx01.mailwall.example",),
    "left over": ("mx.hosting.example", "aspmx.l.google.com"),
    "no mail": (".",),
    "nowhere": (),
}
"""Whose mail hosts a domain can point to."""

_AT_FIRST: Final = {
    "acme.example": "google",
    "globex.example": "microsoft",
    "filtered.example": "unlisted filter",
}


@dataclass(frozen=True, slots=True)
class Service:
    """One SRV record."""

    host: str
    port: int


class Inner(Protocol):
    """A host with names of its own."""

    async def addresses(self, host: str) -> tuple[Any, ...]: ...

    async def srv(self, name: str) -> tuple[Any, ...]: ...

    async def mx(self, domain: str) -> tuple[str, ...]: ...


class LocalNames:
    """The DNS of everything local."""

    def __init__(self, inner: Inner) -> None:
        self._inner = inner
        self._places = dict(_AT_FIRST)
        self.senders: dict[str, str] = {}
        """SPF policies, by domain."""
        self.aliases: dict[str, str] = {}
        """What names are an alias of."""
        self.services: dict[str, tuple[Service, ...]] = {}
        """SRV records, by name."""
        self.hosts: dict[str, tuple[Any, ...]] = {}
        """Addresses of hosts beside the mail hosts, by name."""
        self.silent: set[str] = set()
        """Names of which nothing but mail hosts can be found out."""

    def move(self, domain: str, place: str) -> None:
        """Let a domain's mail go elsewhere. Raises ``ValueError``."""
        if place not in PLACES:
            raise ValueError(f"unknown place: {place}")
        self._places[domain.lower()] = place

    async def addresses(self, host: str) -> tuple[Any, ...]:
        return self.hosts.get(host.lower()) or await self._inner.addresses(host)

    async def srv(self, name: str) -> tuple[Any, ...] | None:
        if name.lower() in self.silent:
            return None
        return self.services.get(name.lower()) or await self._inner.srv(name)

    async def cname(self, name: str) -> tuple[str, ...] | None:
        if name.lower() in self.silent:
            return None
        alias = self.aliases.get(name.lower())
        return (alias,) if alias else ()

    async def mx(self, domain: str) -> tuple[str, ...]:
        place = self._places.get(domain.lower())
        return PLACES[place] if place else await self._inner.mx(domain)

    async def txt(self, name: str) -> tuple[str, ...] | None:
        if name.lower() in self.silent:
            return None
        policy = self.senders.get(name.lower())
        return (policy,) if policy else ()

    # --- over HTTP

    def add_routes(self, app: web.Application) -> None:
        """The control API, under `/control/names`."""
        app.router.add_get("/control/names", self._told)
        app.router.add_post("/control/names", self._moved)

    async def _told(self, _: web.Request) -> web.Response:
        return web.json_response({"domains": self._places, "places": list(PLACES)})

    async def _moved(self, request: web.Request) -> web.Response:
        body = await body_of(request, "domain", "place")
        with as_bad_request():
            self.move(text(body, "domain"), text(body, "place"))
        return web.json_response({"ok": True})
