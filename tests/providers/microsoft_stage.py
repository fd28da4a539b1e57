"""Microsoft's provider in front of the local Microsoft, for the tests that need one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.grant import Grant, Secret
from providers.base import Consent, Provider, Redirect
from providers.http_client import provider_session
from providers.microsoft.provider import Microsoft
from providers.settings import MicrosoftClient
from sandbox.clock import SandboxClock
from sandbox.microsoft import LocalMicrosoft
from tests.providers.contract import NOW, Trouble, a_consent, a_grant

ALICE, KENJI, OMAR = "alice@acme.example", "kenji@acme.example", "omar@acme.example"
HELP = "help@acme.example"
OUTLOOK = "alice.private@outlook.com"
CLIENT_ID = "6731de76-14a6-49ae-97bc-6eba6914391e"
CLIENT_SECRET = "a-client-secret-nobody-may-see"

HAPPENS: dict[Trouble, tuple[str, dict[str, Any]]] = {
    Trouble.REVOKED: ("consent_revoked", {}),
    Trouble.DISABLED: ("user_disabled", {}),
    Trouble.POLICY: ("conditional_access", {}),
    Trouble.THROTTLED: ("throttled", {}),
    Trouble.SERVER_ERROR: ("server_error", {"status": 502}),
    Trouble.MALFORMED: ("malformed_json", {}),
    Trouble.NOT_AN_OBJECT: ("json_list", {}),
    Trouble.HUGE: ("huge_body", {}),
    Trouble.UNKNOWN_CODE: ("unknown_error", {}),
    Trouble.BAD_CLIENT_SECRET: ("secret_wrong", {}),
    Trouble.SLOW: ("slow", {}),
}


@dataclass
class MicrosoftStage:
    """The provider, and levers on the local Microsoft behind it."""

    microsoft: LocalMicrosoft
    clock: SandboxClock
    provider: Microsoft
    patient: Provider
    unreachable: Provider
    make: Callable[..., Microsoft]
    address: str = ALICE
    other: str = KENJI
    own_secrets: Sequence[str] = (CLIENT_SECRET,)

    async def visit(
        self,
        consent: Consent,
        *,
        account: str = "",
        withhold: bool = False,
        cancel: bool = False,
        provider: Microsoft | None = None,
    ) -> tuple[Consent, Mapping[str, str]]:
        provider = provider or self.provider
        asked = provider.shared_scopes if consent.is_shared else provider.needed_scopes
        consent = replace(consent, scopes=consent.scopes or asked)
        step = await provider.begin(consent)
        assert isinstance(step, Redirect)
        redirect = self.microsoft.consent(step.url, account or self.address, cancel=cancel)
        return replace(consent, memo=step.memo), dict(parse_qsl(urlsplit(redirect).query))

    async def connected(self, account: str = "", *, provider: Microsoft | None = None) -> Grant:
        """A grant for an account's own mailbox."""
        consent, callback = await self.visit(
            a_consent(account or self.address), account=account, provider=provider
        )
        return a_grant(await (provider or self.provider).redeem(consent, callback))

    async def shared(self, address: str = HELP, *, by: str = OMAR) -> Grant:
        """A grant for a shared mailbox, opened with somebody's account."""
        consent, callback = await self.visit(replace(a_consent(address), is_shared=True), account=by)
        authorization = await self.provider.redeem(consent, callback)
        return replace(a_grant(authorization), delegate=authorization.delegate)

    def happens(self, trouble: Trouble) -> None:
        if trouble is Trouble.EXPIRED:
            self.clock.advance(timedelta(days=91))
        else:
            what, options = HAPPENS[trouble]
            self.microsoft.break_down(what, self.address, **options)

    def is_over(self) -> None:
        self.microsoft.mend()

    async def until_asked(self) -> None:
        before = self.microsoft.requests["token"]
        async with asyncio.timeout(5):
            while self.microsoft.requests["token"] < before + 2:
                await asyncio.sleep(0)


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@asynccontextmanager
async def a_microsoft_stage() -> AsyncIterator[MicrosoftStage]:
    """The local Microsoft answers until the block ends."""
    clock = SandboxClock.frozen(NOW)
    microsoft = LocalMicrosoft(
        clock=clock,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uris=[a_consent(ALICE).redirect_uri],
    )
    app = web.Application()
    microsoft.add_routes(app)
    async with TestServer(app) as server, provider_session() as session:

        def make(
            port: int | None = server.port,
            *,
            seconds: float = 5,
            **changes: Any,
        ) -> Microsoft:
            base = f"http://127.0.0.1:{port}/microsoft"
            client = MicrosoftClient(CLIENT_ID, Secret(CLIENT_SECRET), base, f"{base}/graph")
            return Microsoft(
                replace(client, **changes),
                session=session,
                clock=clock,
                timeout=timedelta(seconds=seconds),
            )

        yield MicrosoftStage(microsoft, clock, make(seconds=1.5), make(), make(closed_port()), make)
