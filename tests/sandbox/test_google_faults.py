"""The local Google's faults: each breaks one thing, for whom it should, until it is mended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.clock import SandboxClock
from sandbox.google import LocalGoogle

Http = TestClient[Any, Any]
CALLBACK = "http://127.0.0.1:9/callback"
SCOPES = "openid+email+https://www.googleapis.com/auth/gmail.labels"
ALICE, KENJI = "alice@acme.example", "kenji@acme.example"


@pytest.fixture
def google() -> LocalGoogle:
    clock = SandboxClock.frozen(datetime(2026, 11, 23, tzinfo=UTC))
    return LocalGoogle(clock=clock, client_id="cid", client_secret="csecret", redirect_uris=[CALLBACK])


@pytest.fixture
async def http(google: LocalGoogle) -> AsyncIterator[Http]:
    app = web.Application()
    google.add_routes(app)
    async with TestClient(TestServer(app)) as client:
        yield client


async def tokens_of(google: LocalGoogle, http: Http, account: str = ALICE) -> dict[str, Any]:
    url = (
        "http://localhost/google/o/oauth2/v2/auth?client_id=cid&response_type=code&access_type=offline"
        f"&prompt=consent&redirect_uri={CALLBACK}&scope={SCOPES}"
    )
    code = google.consent(url, account).partition("code=")[2].partition("&")[0].replace("%2F", "/")
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    answer = await http.post("/google/token", data={**form, "client_id": "cid", "client_secret": "csecret"})
    assert answer.status == 200
    return dict(await answer.json())


async def refresh(http: Http, tokens: dict[str, Any]) -> tuple[int, str, Any]:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = await http.post("/google/token", data={**form, "client_id": "cid", "client_secret": "csecret"})
    return answer.status, await answer.text(), answer.headers


async def labels(http: Http, tokens: dict[str, Any]) -> tuple[int, str]:
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = await http.get("/google/gmail/v1/users/me/labels", headers=bearer)
    return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ("outage", 400, "invalid_grant"),
        ("invalid_rapt", 400, "invalid_rapt"),
        ("admin_policy", 400, "admin_policy_enforced"),
        ("account_deleted", 400, "Account has been deleted"),
        ("account_disabled", 400, "invalid_grant"),
        ("invalid_client", 401, "invalid_client"),
        ("deleted_client", 401, "deleted_client"),
        ("unauthorized_client", 401, "unauthorized_client"),
        ("throttled", 429, ""),
        ("server_error", 503, "internal_failure"),
        ("html", 503, "<!DOCTYPE html>"),
        ("malformed_json", 200, "{"),
        ("json_list", 200, "["),
        ("unknown_error", 400, "quantum_flux"),
    ],
)
async def test_a_token_fault_hits_whom_it_should(
    google: LocalGoogle, http: Http, fault: str, status: int, says: str
) -> None:
    """The broken account gets the fault, the others do not, and mending ends it."""
    alice, kenji = await tokens_of(google, http), await tokens_of(google, http, KENJI)
    google.break_down(fault, ALICE)
    got, text, _ = await refresh(http, alice)
    assert (got, says in text) == (status, True)
    assert (await refresh(http, kenji))[0] == 200
    google.mend(ALICE)
    assert (await refresh(http, alice))[0] == 200


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ("domain_policy", 403, "domainPolicy"),
        ("gmail_api_off", 403, "accessNotConfigured"),
        ("no_mailbox", 400, "failedPrecondition"),
        ("mailbox_not_found", 404, "notFound"),
        ("gmail_unauthorized", 401, "authError"),
        ("gmail_rate_limited", 403, "userRateLimitExceeded"),
        ("scope_removed", 403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    ],
)
async def test_a_mailbox_fault_leaves_the_grant_alone(
    google: LocalGoogle, http: Http, fault: str, status: int, says: str
) -> None:
    """The mailbox refuses while refreshing goes on."""
    alice = await tokens_of(google, http)
    google.break_down(fault)
    got, text = await labels(http, alice)
    assert (got, says in text) == (status, True)
    assert (await refresh(http, alice))[0] == 200
    google.mend()
    assert (await labels(http, alice))[0] == 200


async def test_a_fault_can_sit_elsewhere_and_use_itself_up(google: LocalGoogle, http: Http) -> None:
    """`at` moves a fault of the line, `times` mends it by itself, `retry_after` is passed on."""
    alice = await tokens_of(google, http)
    google.break_down("throttled", at="gmail", times=1)
    assert [(await labels(http, alice))[0] for _ in range(2)] == [429, 200]
    google.break_down("throttled", retry_after=7)
    assert (await refresh(http, alice))[2]["Retry-After"] == "7"
    google.break_down("revoke_failing", times=1)
    gone = [await http.post("/google/revoke", data={"token": alice["access_token"]}) for _ in range(2)]
    assert [answer.status for answer in gone] == [503, 200]


async def test_slow_ends_when_it_is_mended(google: LocalGoogle, http: Http) -> None:
    """A slow endpoint holds its answer, and gives the right one in the end."""
    alice = await tokens_of(google, http)
    google.break_down("slow", ALICE)
    waiting = asyncio.create_task(refresh(http, alice))
    async with asyncio.timeout(5):
        while google.requests["token"] < 2:
            await asyncio.sleep(0)
    assert not waiting.done()
    google.mend(ALICE)
    assert (await waiting)[0] == 200


async def test_the_control_api_breaks_mends_and_tells_no_secret(google: LocalGoogle, http: Http) -> None:
    """Over HTTP: break, look, mend; tokens never appear."""
    alice = await tokens_of(google, http)
    broken = await http.post(
        "/control/google/break", json={"what": "throttled", "account": ALICE, "times": 3}
    )
    assert broken.status == 200
    told = await (await http.get("/control/google/accounts")).json()
    first = told["accounts"][0]
    assert (first["email"], first["refresh_tokens"], first["faults"]) == (ALICE, 1, ["throttled"])
    assert told["requests"]["token"] == 1
    assert not any(alice[name] in json.dumps(told) for name in ("access_token", "refresh_token"))
    assert (await http.post("/control/google/mend", json={"all": True})).status == 200
    assert (await refresh(http, alice))[0] == 200
    assert (
        await http.post("/control/google/break", json={"what": "revoked", "account": ALICE})
    ).status == 200
    assert (await refresh(http, alice))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"what": "nonsense"},
        {"what": "throttled", "account": "nobody@acme.example"},
        {"what": "throttled", "times": "3"},
        {"what": "throttled", "at": "moon"},
        {"what": "throttled", "wings": 2},
    ],
)
async def test_a_wrong_lever_is_named(http: Http, body: Any) -> None:
    """Control requests that mean nothing are refused in words."""
    answer = await http.post("/control/google/break", json=body)
    assert answer.status == 400
    assert (await answer.json())["error"]


async def test_an_account_keeps_its_number_under_a_new_name(google: LocalGoogle, http: Http) -> None:
    """Renaming and aliases change addresses only; a successor at the old address is somebody else."""
    alice = google.accounts.find(ALICE)
    assert alice is not None
    renamed = await http.post("/control/google/rename", json={"account": ALICE, "to": "alice.a@acme.example"})
    assert (await renamed.json())["sub"] == alice.sub
    added = await (await http.post("/control/google/accounts", json={"email": ALICE})).json()
    assert added["sub"] != alice.sub
    await http.post("/control/google/alias", json={"account": added["sub"], "alias": "info@acme.example"})
    found = google.accounts.find("Info@acme.example")
    assert found is not None
    assert found.sub == added["sub"]
    assert (await http.post("/control/google/accounts", json={"email": ALICE})).status == 400
