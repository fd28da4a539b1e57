"""The local Microsoft's faults: each breaks one thing, for whom it should, until it is mended."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.microsoft.aadsts import REASONS
from sandbox.microsoft.state import ACME
from tests.sandbox.microsoft_app import ALICE, HELP, OMAR, PRIVATE, App, an_app

KENJI, INFO = "kenji@acme.example", "info@globex.example"


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with an_app() as made:
        made.microsoft.levers.decide("globex.example", users_may_consent=True)
        yield made


async def raw(app: App, token: str) -> tuple[int, str, Any]:
    """A refresh, unread."""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    answer = await app.http.post(
        "/microsoft/common/oauth2/v2.0/token", data={**form, "client_id": "cid", "client_secret": "csecret"}
    )
    return answer.status, await answer.text(), answer.headers


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ("outage", 400, "AADSTS50173"),
        ("user_disabled", 400, "AADSTS50057"),
        ("conditional_access", 400, "capolids"),
        ("not_assigned", 400, "AADSTS50105"),
        ("app_blocked", 400, "AADSTS7000112"),
        ("secret_expired", 401, "AADSTS7000222"),
        ("secret_wrong", 401, "AADSTS7000215"),
        ("loop_detected", 400, "AADSTS50196"),
        ("tenant_throttled", 400, "AADSTS90055"),
        ("throttled", 429, "temporarily_unavailable"),
        ("server_error", 503, "temporarily_unavailable"),
        ("html", 503, "<!DOCTYPE html>"),
        ("malformed_json", 200, "{"),
        ("json_list", 200, "["),
        ("huge_body", 200, "xxxx"),
        ("unknown_error", 400, "quantum_flux"),
    ],
)
async def test_a_token_fault_hits_whom_it_should(app: App, fault: str, status: int, says: str) -> None:
    """The broken account gets the fault, the others do not, and mending ends it."""
    alice, kenji = (await app.grant())["refresh_token"], (await app.grant(KENJI))["refresh_token"]
    app.microsoft.break_down(fault, ALICE)
    got, text, _ = await raw(app, alice)
    assert (got, says in text) == (status, True)
    assert (await raw(app, kenji))[0] == 200
    app.microsoft.mend(ALICE)
    assert (await raw(app, alice))[0] == 200


async def test_throttling_in_disguise_calls_itself_a_dead_grant(app: App) -> None:
    """Only the number tells."""
    token = (await app.grant())["refresh_token"]
    for fault in ("loop_detected", "tenant_throttled"):
        app.microsoft.break_down(fault, ALICE, times=1)
        assert (await app.refusal(token))[1] == "invalid_grant"


async def test_a_tenant_is_hit_as_a_whole_and_alone(app: App) -> None:
    """Its people are, other organisations and personal accounts are not."""
    tokens = {who: (await app.grant(who))["refresh_token"] for who in (ALICE, OMAR, INFO, PRIVATE)}
    app.microsoft.break_down("app_blocked", tenant="acme.example")

    async def refused() -> set[str]:
        return {who for who, token in tokens.items() if (await app.refusal(token))[0] != 200}

    assert await refused() == {ALICE, OMAR}
    app.microsoft.mend(tenant=ACME)
    assert await refused() == set()
    app.microsoft.break_down("sessions_revoked", tenant="acme.example")
    assert await refused() == {ALICE, OMAR}
    app.microsoft.break_down("outage")
    assert await refused() == set(tokens)


@pytest.mark.parametrize("number", sorted(REASONS))
async def test_every_number_can_be_provoked(app: App, number: int) -> None:
    """With its usual error; the description begins with it."""
    token = (await app.grant())["refresh_token"]
    app.microsoft.break_down("aad", ALICE, code=number, times=1)
    status, body = await app.refresh(token)
    assert (status, body["error"], body["error_codes"]) == (
        REASONS[number].status,
        REASONS[number].error,
        [number],
    )
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert body.get("suberror", "") == REASONS[number].suberror


async def test_a_refusal_can_be_made_up(app: App) -> None:
    """Any error, suberror, claims and status, at either place."""
    grant = await app.grant()
    made: dict[str, Any] = {
        "error": "interaction_required",
        "suberror": "message_only",
        "claims": "{}",
        "status": 401,
    }
    app.microsoft.break_down("aad", ALICE, code=123456, times=1, **made)
    status, body = await app.refresh(grant["refresh_token"])
    assert (status, body["error_codes"]) == (401, [123456])
    assert {key: body[key] for key in ("error", "suberror", "claims")} == {
        "error": "interaction_required",
        "suberror": "message_only",
        "claims": "{}",
    }
    app.microsoft.break_down("aad", ALICE, code=50076, suberror="", times=1)
    assert "suberror" not in (await app.refresh(grant["refresh_token"]))[1]
    app.microsoft.break_down("graph", ALICE, status=403, code="ErrorAccessDenied", inner="x", times=1)
    status, body = await app.graph(grant["access_token"])
    assert (status, body["error"]["code"], body["error"]["innerError"]["code"]) == (
        403,
        "ErrorAccessDenied",
        "x",
    )
    assert (await app.graph(grant["access_token"]))[0] == 200


async def test_a_challenge_brings_claims(app: App) -> None:
    """Continuous access evaluation: 401, and base64 in the header."""
    grant = await app.grant()
    app.microsoft.break_down("challenged", ALICE, times=1)
    answer = await app.http.get(
        "/microsoft/graph/v1.0/me", headers={"Authorization": f"Bearer {grant['access_token']}"}
    )
    header = answer.headers["WWW-Authenticate"]
    assert (answer.status, 'error="insufficient_claims"' in header) == (401, True)
    claims = json.loads(base64.b64decode(header.partition('claims="')[2].partition('"')[0]))
    assert claims["access_token"]["nbf"]["essential"] is True
    assert (await app.graph(grant["access_token"]))[0] == 200


async def test_a_fault_can_sit_elsewhere_and_use_itself_up(app: App) -> None:
    """`at` moves a fault of the line, `times` mends it by itself, `retry_after` is passed on."""
    grant = await app.grant()
    app.microsoft.break_down("throttled", at="graph", times=1, retry_after=7)
    answer = await app.http.get(
        "/microsoft/graph/v1.0/me", headers={"Authorization": f"Bearer {grant['access_token']}"}
    )
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert (await answer.json())["error"]["code"] == "ApplicationThrottled"
    assert (await app.graph(grant["access_token"]))[0] == 200
    app.microsoft.break_down("throttled", retry_after=9)
    assert (await raw(app, grant["refresh_token"]))[2]["Retry-After"] == "9"
    app.microsoft.mend()
    app.microsoft.break_down("server_error", at="graph")
    assert await app.trouble(grant["access_token"], "me") == (503, "ServiceUnavailable")
    app.microsoft.break_down("graph_unauthorized", OMAR)
    app.microsoft.break_down("discovery_away", times=1)
    discovery = "/microsoft/common/v2.0/.well-known/openid-configuration"
    assert [(await app.http.get(discovery)).status for _ in range(2)] == [503, 200]


async def test_slow_ends_when_it_is_mended(app: App) -> None:
    """A slow endpoint holds its answer, and gives the right one in the end."""
    token = (await app.grant())["refresh_token"]
    app.microsoft.break_down("slow", ALICE)
    waiting = asyncio.create_task(app.refresh(token))
    async with asyncio.timeout(5):
        while app.microsoft.requests["token"] < 2:
            await asyncio.sleep(0)
    assert not waiting.done()
    app.microsoft.mend(ALICE)
    assert (await waiting)[0] == 200


async def test_the_control_api_breaks_mends_and_tells_no_secret(app: App) -> None:
    """Over HTTP: break, look, mend; tokens never appear."""
    grant = await app.grant()
    body = {"what": "throttled", "account": ALICE, "times": 3}
    assert (await app.http.post("/control/microsoft/break", json=body)).status == 200
    body = {"what": "not_assigned", "tenant": "acme.example"}
    assert (await app.http.post("/control/microsoft/break", json=body)).status == 200
    told = await (await app.http.get("/control/microsoft/accounts")).json()
    alice = next(account for account in told["accounts"] if account["email"] == ALICE)
    assert (alice["refresh_tokens"], alice["faults"]) == (1, ["throttled", "not_assigned"])
    assert "Mail.ReadBasic" in alice["scopes"]
    shared = next(account for account in told["accounts"] if account["email"] == HELP)
    assert (shared["is_shared"], shared["delegates"]) == (True, [ALICE, OMAR])
    assert told["tenants"][0]["faults"] == ["not_assigned"]
    assert told["requests"]["token"] == 1
    assert not any(grant[name] in json.dumps(told) for name in ("access_token", "refresh_token"))
    assert (await app.http.post("/control/microsoft/mend", json={"all": True})).status == 200
    assert (await app.refresh(grant["refresh_token"]))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"what": "nonsense"},
        {"what": "throttled", "account": "nobody@acme.example"},
        {"what": "throttled", "tenant": "nowhere.example"},
        {"what": "throttled", "times": "3"},
        {"what": "throttled", "at": "moon"},
        {"what": "throttled", "wings": 2},
        {"what": "aad", "code": "50173"},
        {"what": "aad"},
        {"what": "consent_revoked", "times": 2},
    ],
)
async def test_a_wrong_lever_is_named(app: App, body: Any) -> None:
    """Control requests that mean nothing are refused in words."""
    answer = await app.http.post("/control/microsoft/break", json=body)
    assert answer.status == 400
    assert (await answer.json())["error"]


async def test_an_account_keeps_its_ids_under_a_new_name(app: App) -> None:
    """Renaming and aliases change addresses only; a successor at the old address is somebody else."""
    directory = app.microsoft.directory
    alice = directory.known(ALICE)
    post = app.http.post
    renamed = await post("/control/microsoft/rename", json={"account": ALICE, "to": "alice.a@acme.example"})
    assert (await renamed.json())["oid"] == alice.oid
    added = await (await post("/control/microsoft/accounts", json={"email": ALICE})).json()
    assert (added["oid"] == alice.oid, added["tid"]) == (False, ACME)
    await post("/control/microsoft/alias", json={"account": ALICE, "alias": "info@acme.example"})
    assert directory.known("Info@acme.example").oid == added["oid"]
    assert (await post("/control/microsoft/accounts", json={"email": "x@nowhere.example"})).status == 400
    tenant = {"tenant": "acme.example", "users_may_consent": "no"}
    assert (await post("/control/microsoft/tenant", json=tenant)).status == 400


async def test_ids_are_the_same_after_a_restart(app: App) -> None:
    """Tests and people may write them down."""
    async with an_app() as again:
        before = {account.email: account.oid for account in app.microsoft.directory}
        assert {account.email: account.oid for account in again.microsoft.directory} == before
    assert app.microsoft.directory.known(PRIVATE).oid.startswith("00000000-0000-0000-")
