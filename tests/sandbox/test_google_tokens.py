"""The local Google's tokens: bound, short-lived, and dead when the grant is."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from google.oauth2 import id_token

from sandbox.clock import SandboxClock
from sandbox.google import LocalGoogle

ALICE = "alice@acme.example"
CALLBACK = "http://127.0.0.1:9/oauth/google/callback"
LABELS = "https://www.googleapis.com/auth/gmail.labels"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
DEAD = (400, "invalid_grant")


class App:
    """An app that talks to the local Google by hand."""

    def __init__(self, google: LocalGoogle, clock: SandboxClock, http: TestClient[Any, Any]) -> None:
        self.google, self.clock, self.http = google, clock, http

    def code(self, account: str = ALICE, *, untick: tuple[str, ...] = (), **changes: str) -> str:
        wish = {
            "client_id": "cid",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": f"openid email {LABELS}",
            "access_type": "offline",
            "prompt": "consent",
            "nonce": "n",
            **changes,
        }
        url = f"http://localhost/google/o/oauth2/v2/auth?{urlencode(wish)}"
        return parse_qs(urlsplit(self.google.consent(url, account, untick=untick)).query)["code"][0]

    async def token(self, **fields: str) -> tuple[int, Any]:
        form = {"client_id": "cid", "client_secret": "csecret", **fields}
        answer = await self.http.post("/google/token", data=form)
        return answer.status, await answer.json()

    async def redeem(self, code: str, **fields: str) -> tuple[int, Any]:
        return await self.token(
            grant_type="authorization_code", code=code, **{"redirect_uri": CALLBACK, **fields}
        )

    async def refresh(self, token: str, **fields: str) -> tuple[int, Any]:
        return await self.token(grant_type="refresh_token", refresh_token=token, **fields)

    async def outcome(self, token: str, **fields: str) -> tuple[int, str]:
        status, body = await self.refresh(token, **fields)
        return status, body.get("error", "alive")

    async def revoke(self, token: str) -> int:
        return (await self.http.post("/google/revoke", data={"token": token})).status

    async def gmail(self, token: str, path: str = "me/labels") -> tuple[int, Any]:
        answer = await self.http.get(
            f"/google/gmail/v1/users/{path}", headers={"Authorization": f"Bearer {token}"}
        )
        return answer.status, await answer.json()

    async def grant(self, account: str = ALICE, **changes: Any) -> dict[str, Any]:
        status, body = await self.redeem(self.code(account, **changes))
        assert status == 200
        return dict(body)


@pytest.fixture
async def app() -> AsyncIterator[App]:
    clock = SandboxClock.frozen(datetime.now(UTC))
    google = LocalGoogle(clock=clock, client_id="cid", client_secret="csecret", redirect_uris=[CALLBACK])
    application = web.Application()
    google.add_routes(application)
    async with TestClient(TestServer(application)) as http:
        yield App(google, clock, http)


async def test_a_code_becomes_tokens_and_a_signed_identity(app: App) -> None:
    """Google's own library accepts the id token, and its claims name the account by number."""
    body = await app.grant()
    assert body["token_type"] == "Bearer"
    certificates = await (await app.http.get("/google/certs/v1")).read()

    def fetch(*args: Any, **kwargs: Any) -> Any:
        return SimpleNamespace(status=200, data=certificates)

    claims = id_token.verify_token(
        body["id_token"],
        fetch,  # type: ignore[arg-type]  # a function of the right shape will do
        audience="cid",
        clock_skew_in_seconds=10,
    )
    alice = app.google.accounts.find(ALICE)
    assert alice is not None
    assert (claims["sub"], claims["email"], claims["email_verified"]) == (alice.sub, ALICE, True)
    assert (claims["iss"], claims["hd"], claims["nonce"]) == (app.google.issuer, "acme.example", "n")


async def test_a_code_works_once_in_time_and_only_where_it_was_asked(app: App) -> None:
    """Codes are single use, live ten minutes, and belong to one client and one address."""
    code = app.code()
    assert (await app.redeem(code, redirect_uri=CALLBACK + "x"))[1]["error"] == "redirect_uri_mismatch"
    code = app.code()
    assert (await app.redeem(code))[0] == 200
    assert (await app.redeem(code))[1]["error"] == "invalid_grant"
    late = app.code()
    app.clock.advance(timedelta(minutes=10))
    assert (await app.redeem(late))[1]["error"] == "invalid_grant"
    app.google.add_client("other", "osecret")
    stolen = await app.redeem(app.code(), client_id="other", client_secret="osecret")
    assert stolen[1]["error"] == "unauthorized_client"


async def test_a_challenge_must_be_met(app: App) -> None:
    """Once a challenge was sent, only its verifier opens the code."""
    pkce: Any = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    assert (await app.redeem(app.code(**pkce)))[1]["error_description"] == "Missing code verifier."
    assert (await app.redeem(app.code(**pkce), code_verifier="w" * 64))[1]["error"] == "invalid_grant"
    assert (await app.redeem(app.code(**pkce), code_verifier=VERIFIER))[0] == 200
    assert (await app.redeem(app.code(), code_verifier=VERIFIER))[1]["error"] == "invalid_grant"


async def test_a_refresh_token_takes_offline_access_and_a_first_consent(app: App) -> None:
    """Without `prompt=consent` Google hands out a refresh token only the first time."""
    assert "refresh_token" not in await app.grant(access_type="online")
    assert "refresh_token" in await app.grant(prompt="")
    assert "refresh_token" not in await app.grant(prompt="")
    assert "refresh_token" in await app.grant(prompt="consent")


async def test_the_client_proves_itself_by_form_or_header(app: App) -> None:
    """Both ways of client authentication work; wrong secrets and non-forms do not."""
    token = (await app.grant())["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    basic = {"Authorization": aiohttp.encode_basic_auth("cid", "csecret")}
    assert (await app.http.post("/google/token", data=form, headers=basic)).status == 200
    assert await app.outcome(token, client_secret="wrong") == (401, "invalid_client")
    assert (await app.http.post("/google/token", json=form, headers=basic)).status == 400
    twice = "grant_type=refresh_token&grant_type=refresh_token"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await app.http.post("/google/token", data=twice, headers=kind)).status == 400
    assert (await app.token(grant_type="password"))[1]["error"] == "unsupported_grant_type"


async def test_refreshing_never_widens_a_grant(app: App) -> None:
    """An unticked box stays unticked: asking for it again is `invalid_scope`."""
    token = (await app.grant(untick=("gmail.labels",)))["refresh_token"]
    status, body = await app.refresh(token)
    assert status == 200
    assert set(body["scope"].split()) == {"openid", EMAIL}
    assert "refresh_token" not in body
    assert await app.outcome(token, scope=LABELS) == (400, "invalid_scope")


async def test_access_tokens_live_an_hour_and_see_what_was_granted(app: App) -> None:
    """A token without the permission is 403, an old one 401, a made-up one 401."""
    body = await app.grant()
    token = body["access_token"]
    assert (await app.gmail(token))[0] == 200
    status, refusal = await app.gmail(token, "me/profile")
    assert (status, refusal["error"]["errors"][0]["reason"]) == (403, "insufficientPermissions")
    assert (await app.gmail(token, "kenji@acme.example/labels"))[0] == 403
    assert (await app.gmail("ya29.made-up"))[0] == 401
    app.clock.advance(timedelta(hours=1))
    assert (await app.gmail(token))[0] == 401


async def test_revoking_ends_everything_the_account_gave_to_the_project(app: App) -> None:
    """One revocation reaches every client of the project, and nobody else's grant."""
    app.google.add_client("other", "osecret", [CALLBACK])
    mine, again, kenji = await app.grant(), await app.grant(), await app.grant("kenji@acme.example")
    status, other = await app.redeem(app.code(client_id="other"), client_id="other", client_secret="osecret")
    assert status == 200
    assert await app.revoke(mine["access_token"]) == 200
    assert await app.outcome(mine["refresh_token"]) == DEAD
    assert await app.outcome(again["refresh_token"]) == DEAD
    dead = await app.outcome(other["refresh_token"], client_id="other", client_secret="osecret")
    assert dead == DEAD
    assert (await app.gmail(again["access_token"]))[0] == 401
    assert await app.outcome(kenji["refresh_token"]) == (200, "alive")
    assert await app.revoke(mine["refresh_token"]) == 400
    assert "refresh_token" in await app.grant(prompt="")


async def test_news_of_a_revocation_may_travel(app: App) -> None:
    """While it travels refreshes still work; a consent given meanwhile outlives it."""
    app.google.break_down("revoke_lag", ALICE, times=2)
    old = (await app.grant())["refresh_token"]
    assert await app.revoke(old) == 200
    new = (await app.grant())["refresh_token"]
    assert [await app.outcome(old) for _ in range(3)] == [(200, "alive"), (200, "alive"), DEAD]
    assert await app.outcome(new) == (200, "alive")


async def test_the_hundred_and_first_refresh_token_evicts_the_first(app: App) -> None:
    """Per account and client a hundred refresh tokens live; the oldest dies silently."""
    tokens = [(await app.grant())["refresh_token"] for _ in range(101)]
    assert await app.outcome(tokens[0]) == DEAD
    assert await app.outcome(tokens[1]) == (200, "alive")


async def test_half_a_year_unused_is_the_end(app: App) -> None:
    """Every use resets the idle clock; six idle months end the token."""
    token = (await app.grant())["refresh_token"]
    app.clock.advance(timedelta(days=179))
    assert await app.outcome(token) == (200, "alive")
    app.clock.advance(timedelta(days=181))
    assert await app.outcome(token) == DEAD


async def test_a_new_password_ends_what_reaches_mail(app: App) -> None:
    """Refresh tokens with Gmail scopes die with the old password; identity-only ones live on."""
    mail, identity = await app.grant(), await app.grant(scope="openid email")
    app.google.break_down("password_changed", ALICE)
    assert await app.outcome(mail["refresh_token"]) == DEAD
    assert await app.outcome(identity["refresh_token"]) == (200, "alive")


async def test_where_tokens_rotate_one_that_is_shown_twice_ends_the_grant(app: App) -> None:
    """Each refresh brings a successor; the old one ends it and its access tokens, but no other consent."""
    app.google.break_down("rotating", ALICE)
    first, other = (await app.grant())["refresh_token"], (await app.grant())["refresh_token"]
    _, second = await app.refresh(first)
    assert second["refresh_token"] != first
    _, third = await app.refresh(second["refresh_token"])
    assert (await app.gmail(third["access_token"]))[0] == 200
    assert await app.outcome(first) == DEAD
    assert await app.outcome(third["refresh_token"]) == DEAD
    assert (await app.gmail(third["access_token"]))[0] == 401
    assert await app.outcome(other) == (200, "alive")
