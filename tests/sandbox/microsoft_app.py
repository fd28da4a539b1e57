"""An app that talks to the local Microsoft by hand, for the tests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.clock import SandboxClock
from sandbox.microsoft import LocalMicrosoft

ALICE, OMAR, SALES = "alice@acme.example", "omar@acme.example", "sales@acme.example"
HELP = "help@acme.example"
PRIVATE, HOTMAIL = "alice.private@outlook.com", "omar.private@hotmail.com"
CALLBACK = "http://127.0.0.1:9/callback/microsoft"
MAIL = "openid profile offline_access User.Read Mail.ReadBasic"
SHARED = f"{MAIL} User.ReadBasic.All Mail.ReadBasic.Shared"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}

Http = TestClient[web.Request, web.Application]


def a_wish(**changes: str | None) -> dict[str, str]:
    """An authorization request; a change to None leaves a parameter out."""
    wish: dict[str, str | None] = {
        "client_id": "cid",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "response_mode": "query",
        "scope": MAIL,
        "state": "s t&te",
        "nonce": "n",
        **changes,
    }
    return {name: value for name, value in wish.items() if value is not None}


def answer_of(redirect: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(redirect).query).items()}


class App:
    """Client `cid` with its secret, at one local Microsoft."""

    def __init__(self, microsoft: LocalMicrosoft, clock: SandboxClock, http: Http) -> None:
        self.microsoft, self.clock, self.http = microsoft, clock, http

    def url(self, tenant: str = "common", **changes: str | None) -> str:
        return f"http://localhost/microsoft/{tenant}/oauth2/v2.0/authorize?{urlencode(a_wish(**changes))}"

    def code(self, account: str = ALICE, *, tenant: str = "common", **changes: str | None) -> str:
        return answer_of(self.microsoft.consent(self.url(tenant, **changes), account))["code"]

    async def token(self, *, tenant: str = "common", **fields: str) -> tuple[int, Any]:
        form = {"client_id": "cid", "client_secret": "csecret", **fields}
        answer = await self.http.post(f"/microsoft/{tenant}/oauth2/v2.0/token", data=form)
        return answer.status, await answer.json()

    async def redeem(self, code: str, **fields: str) -> tuple[int, Any]:
        given = {"redirect_uri": CALLBACK, **fields}
        return await self.token(grant_type="authorization_code", code=code, **given)

    async def refresh(self, token: str, **fields: str) -> tuple[int, Any]:
        return await self.token(grant_type="refresh_token", refresh_token=token, **fields)

    async def refusal(self, token: str, **fields: str) -> tuple[int, str, int]:
        """Status, error and number of a refresh; number 0 when it went well."""
        status, body = await self.refresh(token, **fields)
        return status, body.get("error", "alive"), body.get("error_codes", [0])[0]

    async def grant(self, account: str = ALICE, **changes: Any) -> dict[str, Any]:
        status, body = await self.redeem(self.code(account, **changes))
        assert status == 200, body
        return dict(body)

    async def graph(self, token: str, path: str = "me") -> tuple[int, Any]:
        answer = await self.http.get(
            f"/microsoft/graph/v1.0/{path}", headers={"Authorization": f"Bearer {token}"}
        )
        return answer.status, await answer.json()

    async def trouble(self, token: str, path: str) -> tuple[int, str]:
        """Status and code of what Graph refuses."""
        status, body = await self.graph(token, path)
        return status, body["error"]["code"]


@asynccontextmanager
async def an_app() -> AsyncIterator[App]:
    clock = SandboxClock.frozen(datetime(2026, 11, 23, 12, tzinfo=UTC))
    microsoft = LocalMicrosoft(
        clock=clock, client_id="cid", client_secret="csecret", redirect_uris=[CALLBACK]
    )
    application = web.Application()
    microsoft.add_routes(application)
    async with TestClient(TestServer(application)) as http:
        yield App(microsoft, clock, http)
