"""IMAP's provider in front of the local mail host, for the tests that need one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import aiohttp

from providers.base import Consent, Form, Provider
from providers.http_client import HttpClient
from providers.imap.autoconfig import HTTPS, Autoconfig, guarded_session
from providers.imap.protocol import ImapClient, Security, Trust
from providers.imap.provider import Imap
from providers.ssrf import Address, Network, SsrfGuard
from sandbox.imap import LocalImap
from tests.providers.contract import NOW, Trouble

ALICE, KENJI = "alice@harbor.example", "kenji@harbor.example"
LOOPBACK = ip_network("127.0.0.0/8")


@dataclass
class Names:
    """A DNS of one's own."""

    hosts: dict[str, str] = field(default_factory=dict)
    srvs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    mxs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    async def addresses(self, host: str) -> tuple[Address, ...]:
        return tuple(ip_address(one) for one in self.hosts.get(host, "").split())

    async def srv(self, name: str) -> tuple[Any, ...]:
        return self.srvs.get(name, ())

    async def mx(self, domain: str) -> tuple[str, ...]:
        return self.mxs.get(domain, ())

    async def txt(self, name: str) -> tuple[str, ...]:
        return ()

    async def cname(self, name: str) -> tuple[str, ...]:
        return ()


HAPPENS: dict[Trouble, str] = {
    Trouble.REVOKED: "password_changed",
    Trouble.EXPIRED: "expired",
    Trouble.DISABLED: "lockout",
    Trouble.POLICY: "contact_admin",
    Trouble.THROTTLED: "limit",
    Trouble.SERVER_ERROR: "unavailable",
    Trouble.MALFORMED: "garbage",
    Trouble.NOT_AN_OBJECT: "preauth",
    Trouble.HUGE: "huge_lines",
    Trouble.UNKNOWN_CODE: "unknown_code",
    Trouble.BAD_CLIENT_SECRET: "privacy_required",
    Trouble.SLOW: "slow",
}
EVERYBODYS = {"garbage", "preauth", "huge_lines", "slow"}


@dataclass
class ImapStage:
    """The provider, and levers on the local host behind it."""

    imap: LocalImap
    names: Names
    provider: Provider
    patient: Provider
    unreachable: Provider
    make: Callable[[SsrfGuard], Provider]
    address: str = ALICE
    other: str = KENJI
    own_secrets: Sequence[str] = ()

    async def visit(
        self, consent: Consent, *, account: str = "", withhold: bool = False, cancel: bool = False
    ) -> tuple[Consent, Mapping[str, str]]:
        form = await self.provider.begin(consent)
        assert isinstance(form, Form)
        return consent, self.filled_in(account or self.address)

    def filled_in(self, account: str = ALICE, **changes: str) -> dict[str, str]:
        """The form, as the owner of ``account`` sends it."""
        return {
            "host": self.imap.name,
            "port": str(self.imap.tls_port),
            "security": Security.TLS.value,
            "user": account,
            "password": self.imap.password_of(account),
            **changes,
        }

    def at(self, names: Names, *networks: Network) -> Provider:
        """The provider with another DNS, and more networks that it may dial."""
        ports = frozenset({self.imap.tls_port, self.imap.starttls_port})
        return self.make(SsrfGuard(names, allowed_networks=(LOOPBACK, *networks), allowed_ports=ports))

    def starttls(self, account: str = ALICE) -> dict[str, str]:
        port = str(self.imap.starttls_port)
        return self.filled_in(account, port=port, security=Security.STARTTLS.value)

    def happens(self, trouble: Trouble) -> None:
        what = HAPPENS[trouble]
        self.imap.break_down(what, None if what in EVERYBODYS else self.address)

    def is_over(self) -> None:
        self.imap.mend()

    async def until_asked(self) -> None:
        before = self.imap.requests["connect"]
        async with asyncio.timeout(5):
            while self.imap.requests["connect"] < before + 2:
                await asyncio.sleep(0)


@asynccontextmanager
async def an_imap_stage(folder: Path) -> AsyncIterator[ImapStage]:
    """The host runs until the block ends."""
    imap = LocalImap()
    await imap.start()
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(imap.authority.pem)
    trust = Trust.of(str(ca_file))
    names = Names({imap.name: "127.0.0.1"})
    ports = frozenset({imap.tls_port, imap.starttls_port})
    guard = SsrfGuard(names, allowed_networks=(LOOPBACK,), allowed_ports=ports)
    async with aiohttp.ClientSession() as listed, guarded_session(SsrfGuard(names, HTTPS)) as own:
        autoconfig = Autoconfig(names, own=HttpClient(own), listed=HttpClient(listed), ispdb_url="")

        def make(judged: SsrfGuard, seconds: float = 0.7) -> Imap:
            wire = ImapClient(judged, trust, timeout=timedelta(seconds=seconds))
            return Imap(wire, autoconfig, clock=lambda: NOW)

        nowhere = replace(guard, resolver=Names({imap.name: "127.9.9.9"}))
        try:
            yield ImapStage(imap, names, make(guard), make(guard, 10), make(nowhere, 5), make)
        finally:
            imap.mend()
            await imap.close()
