"""The local mail host, put together: two ports, mailboxes, and what its list of settings says of them."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections import Counter
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address
from typing import Any, Final
from xml.sax.saxutils import escape

from aiohttp import web

from sandbox.controls import as_bad_request, body_of
from sandbox.imap.certificates import Authority, Pair
from sandbox.imap.faults import FAULTS
from sandbox.imap.session import Host, Mailbox, Session
from sandbox.sasl import GMAIL, Manners, TokenCheck

HOST: Final = "imap.harbor.example"
DOMAINS: Final = ("harbor.example", "acme.example")
RESIDENTS: Final = tuple(
    f"{name}@{domain}"
    for domain in DOMAINS
    for name in ("alice", "kenji", "sakura", "omar", "support", "sales", "press")
)


@cache
def _authority() -> Authority:
    """One for all hosts of a process."""
    return Authority()


@cache
def _good_pair(host: str) -> Pair:
    return _authority().sign(host)


@cache
def _bad_contexts(host: str) -> Mapping[str, ssl.SSLContext]:
    """What ``host`` shows while its certificate is broken, by what is wrong with it."""
    return {
        "bad_certificate": Authority("Nobody").sign(host).context(),
        "expired_certificate": _authority().sign(host, expired=True).context(),
    }


class LocalImap:
    """Mailboxes behind real TLS, breakable at will."""

    def __init__(self, host: str = HOST) -> None:
        self.name = host
        self.tls_port = 0
        self.starttls_port = 0
        self.authority = _authority()
        self._host = Host()
        for address in RESIDENTS:
            self.add(address)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._good = _good_pair(host).context()
        self._bad = _bad_contexts(host)
        self._good.sni_callback = self._show_certificate
        self._renamed: ssl.SSLContext | None = None

    @property
    def requests(self) -> Counter[str]:
        """So far: `connect`, `login`, `refused` (among the logins) and `examine`."""
        return self._host.requests

    # --- levers

    def add(self, address: str, password: str = "") -> None:
        """Open a mailbox; its login name is its address."""
        user = address.lower()
        self._host.mailboxes[user] = Mailbox(user, password or f"harbor-{user.partition('@')[0]}")

    def password_of(self, address: str) -> str:
        """Raises ``ValueError`` if there is no such mailbox."""
        return self._mailbox(address).password

    def takes_tokens(self, check: TokenCheck, manners: Manners = GMAIL) -> None:
        """From now on an access token opens a mailbox, too, if ``check`` says so."""
        self._host.takes_token, self._host.manners = check, manners

    def change_password(self, address: str, password: str = "") -> str:
        """A new password for a mailbox; returns it."""
        mailbox = self._mailbox(address)
        mailbox.password = password or f"harbor-{secrets.token_hex(4)}"
        return mailbox.password

    def break_down(self, what: str, account: str | None = None) -> None:
        """Break something for one account, or for everybody. Raises ``ValueError``."""
        user = self._mailbox(account).user if account else None
        if what == "password_changed" and user:
            self.change_password(user)
        elif what == "account_deleted" and user:
            del self._host.mailboxes[user]
        else:
            self._host.faults.add(what, user)

    def mend(self, account: str | None = None) -> None:
        """Mend one account's faults, or all. A changed password stays changed."""
        self._host.faults.mend(self._mailbox(account).user if account else None)
        self._host.released.set()
        self._host.released = asyncio.Event()

    def rename(self, host: str) -> None:
        """From now on it goes by another name, and by no former one."""
        self.name = host
        self._renamed = _authority().sign(host).context()

    # --- what its DNS would say

    async def addresses(self, host: str) -> tuple[IPv4Address, ...]:
        """The host is on loopback; no other name is known."""
        return (IPv4Address("127.0.0.1"),) if host == self.name else ()

    async def srv(self, name: str) -> tuple[Any, ...]:
        """No service is announced."""
        return ()

    async def mx(self, domain: str) -> tuple[str, ...]:
        """Mail for its domains comes here."""
        return (self.name,) if domain in DOMAINS else ()

    # --- serving

    async def start(self) -> None:
        """Listen on two free ports of loopback."""
        tls = await asyncio.start_server(self._tls_session, "127.0.0.1", 0, ssl=self._good)
        starttls = await asyncio.start_server(self._plain_session, "127.0.0.1", 0)
        self._servers = [tls, starttls]
        self.tls_port, self.starttls_port = (
            int(server.sockets[0].getsockname()[1]) for server in self._servers
        )

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    async def _tls_session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(reader, writer, None)

    async def _plain_session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(reader, writer, self._good)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, starttls: ssl.SSLContext | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await Session(self._host, reader, writer, starttls).run()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    def _show_certificate(self, connection: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
        if self._renamed is not None:
            connection.context = self._renamed
        for what, context in self._bad.items():
            if self._host.faults.has(what):
                connection.context = context

    def _mailbox(self, address: str) -> Mailbox:
        found = self._host.mailboxes.get(address.strip().lower())
        if found is None:
            raise ValueError(f"no mailbox {address}")
        return found

    # --- over HTTP

    def add_routes(self, app: web.Application) -> None:
        """The list of settings under `/autoconfig`, as Thunderbird's is served, and the control API."""
        app.router.add_get("/autoconfig/{domain}", self._listed)
        app.router.add_get("/control/imap/accounts", self._accounts)
        app.router.add_post("/control/imap/break", self._break)
        app.router.add_post("/control/imap/mend", self._mend)

    async def _listed(self, request: web.Request) -> web.Response:
        domain = request.match_info["domain"].lower()
        if domain not in DOMAINS:
            raise web.HTTPNotFound
        return web.Response(text=self.config(domain), content_type="text/xml")

    def config(self, domain: str) -> str:
        """The settings as Thunderbird's configuration file writes them."""
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="{escape(domain)}">
    <domain>{escape(domain)}</domain>
    <displayName>Harbor Mail</displayName>
    <incomingServer type="imap">
      <hostname>{escape(self.name)}</hostname>
      <port>{self.tls_port}</port>
      <socketType>SSL</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </incomingServer>
  </emailProvider>
</clientConfig>
"""

    async def _accounts(self, _: web.Request) -> web.Response:
        accounts = [
            {"email": user, "password": box.password, "faults": self._host.faults.named(user)}
            for user, box in self._host.mailboxes.items()
        ]
        return web.json_response(
            {
                "host": self.name,
                "port": self.tls_port,
                "starttls_port": self.starttls_port,
                "accounts": accounts,
                "broken_for_all": self._host.faults.named(None),
                "requests": dict(self.requests),
                "faults": FAULTS,
            }
        )

    async def _break(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        return self._done(lambda: self.break_down(str(body.get("what", "")), body.get("account")))

    async def _mend(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        return self._done(lambda: self.mend(body.get("account")))

    def _done(self, lever: Any) -> web.Response:
        with as_bad_request():
            lever()
        return web.json_response({"ok": True})
