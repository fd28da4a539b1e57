"""The local Microsoft's tokens: bound, rotated, and refused by the right number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import jwt
import pytest

from sandbox.microsoft.state import ACME, CONSUMERS
from tests.sandbox.microsoft_app import (
    ALICE,
    CALLBACK,
    HOTMAIL,
    MAIL,
    OMAR,
    PKCE,
    PRIVATE,
    SALES,
    SHARED,
    VERIFIER,
    App,
    an_app,
)

FINE = (200, "alive", 0)


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with an_app() as made:
        yield made


# --- the code


@pytest.mark.parametrize(("account", "tid"), [(ALICE, ACME), (SALES, ACME), (PRIVATE, CONSUMERS)])
async def test_a_code_becomes_tokens_and_a_signed_identity(app: App, account: str, tid: str) -> None:
    """The id token verifies by the published keys, and names the account by tenant and object id."""
    body = await app.grant(account, scope=f"{MAIL} email")
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == body["ext_expires_in"]
    keys = await (await app.http.get("/microsoft/common/discovery/v2.0/keys")).json()
    key = jwt.PyJWKSet.from_dict(keys).keys[0]
    claims = jwt.decode(
        body["id_token"],
        key,
        algorithms=["RS256"],
        audience="cid",
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    person = app.microsoft.directory.known(account)
    assert (claims["tid"], claims["oid"]) == (tid, person.oid)
    assert (claims["preferred_username"], claims["email"]) == (person.upn, person.email)
    assert (claims["iss"], claims["nonce"]) == (f"https://login.microsoftonline.com/{tid}/v2.0", "n")
    assert claims["sub"] not in {person.oid, ""}


async def test_permissions_are_told_as_microsoft_tells_them(app: App) -> None:
    """Without `offline_access`; with Graph's address where the app wrote it or the account is personal."""
    assert (await app.grant())["scope"].split() == ["Mail.ReadBasic", "User.Read", "openid", "profile"]
    asked = "openid offline_access https://graph.microsoft.com/Mail.ReadBasic"
    full = (await app.grant(OMAR, scope=asked))["scope"].split()
    assert full == ["https://graph.microsoft.com/Mail.ReadBasic", "openid"]
    private = (await app.grant(PRIVATE, scope="openid Mail.ReadBasic"))["scope"].split()
    assert private == ["https://graph.microsoft.com/Mail.ReadBasic", "openid"]


async def test_a_token_carries_all_that_was_ever_allowed(app: App) -> None:
    """Consent adds up: asking for less later takes nothing away."""
    await app.grant(scope=SHARED)
    again = await app.grant(scope="openid User.Read")
    assert {"Mail.ReadBasic.Shared", "User.ReadBasic.All"} <= set(again["scope"].split())


async def test_a_code_works_once_in_time_and_only_where_it_was_asked(app: App) -> None:
    """Single use, ten minutes, one app, one address."""

    async def number(code: str, **fields: str) -> int:
        return int((await app.redeem(code, **fields))[1]["error_codes"][0])

    assert await number(app.code(), redirect_uri=CALLBACK + "x") == 500112
    code = app.code()
    assert (await app.redeem(code))[0] == 200
    assert await number(code) == 54005
    late = app.code()
    app.clock.advance(timedelta(minutes=10))
    assert await number(late) == 70008
    assert await number("made-up") == 9002313
    app.microsoft.add_client("other", "osecret")
    assert await number(app.code(), client_id="other", client_secret="osecret") == 70000


async def test_a_challenge_must_be_met(app: App) -> None:
    """Once a challenge was sent only its verifier opens the code; without one none is welcome."""
    assert (await app.redeem(app.code(**PKCE)))[1]["error_codes"] == [501481]
    assert (await app.redeem(app.code(**PKCE), code_verifier="w" * 64))[1]["error"] == "invalid_grant"
    assert (await app.redeem(app.code(**PKCE), code_verifier=VERIFIER))[0] == 200
    assert (await app.redeem(app.code(), code_verifier=VERIFIER))[1]["error_codes"] == [501481]


async def test_lasting_access_takes_the_permission_for_it(app: App) -> None:
    """No `offline_access`, no refresh token; no `openid`, no identity."""
    assert "refresh_token" not in await app.grant(scope="openid User.Read")
    bare = await app.grant(PRIVATE, scope="User.Read")
    assert bare.keys() == {"token_type", "scope", "expires_in", "ext_expires_in", "access_token"}


# --- the app


async def test_the_app_proves_itself_by_its_secret(app: App) -> None:
    """In the form; what is missing or wrong has a number of its own."""
    token = (await app.grant())["refresh_token"]
    assert await app.refusal(token, client_secret="wrong") == (401, "invalid_client", 7000215)
    assert await app.refusal(token, client_secret="") == (401, "invalid_client", 7000218)
    assert await app.refusal(token, client_id="other") == (400, "unauthorized_client", 700016)
    assert (await app.token(grant_type="password"))[1]["error"] == "unsupported_grant_type"
    assert (await app.token())[1]["error_codes"] == [900144]
    json = {"grant_type": "refresh_token", "refresh_token": token}
    path = "/microsoft/common/oauth2/v2.0/token"
    assert (await app.http.post(path, json=json)).status == 400
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = await app.http.post(path, data="grant_type=a&grant_type=a", headers=kind)
    assert (twice.status, (await twice.json())["error"]) == (400, "invalid_request")


async def test_a_refusal_has_every_field(app: App) -> None:
    """As documented, with a trace that support could find again."""
    status, body = await app.refresh("made-up")
    assert (status, body["error"]) == (400, "invalid_grant")
    assert body.keys() == {
        "error",
        "error_description",
        "error_codes",
        "timestamp",
        "trace_id",
        "correlation_id",
        "error_uri",
    }
    assert body["error_description"].startswith("AADSTS9002313: ")
    assert body["trace_id"] in body["error_description"]
    assert body["timestamp"] == "2026-11-23 12:00:00Z"


# --- the refresh token


async def test_every_refresh_brings_a_new_token_and_the_old_one_lives_on(app: App) -> None:
    """Rotation is no revocation: forgetting a token ends nothing."""
    first = (await app.grant())["refresh_token"]
    status, body = await app.refresh(first, client_info="1")
    assert status == 200
    assert body["refresh_token"] != first
    assert {"id_token", "client_info"} <= body.keys()
    assert await app.refusal(first) == FINE
    assert await app.refusal(body["refresh_token"]) == FINE


async def test_ninety_days_unused_are_the_end(app: App) -> None:
    """Every use begins them anew; personal accounts hear it in other words."""
    token, private = (await app.grant())["refresh_token"], (await app.grant(PRIVATE))["refresh_token"]
    app.clock.advance(timedelta(days=89))
    assert await app.refusal(token) == FINE
    app.clock.advance(timedelta(days=2))
    assert await app.refusal(token) == FINE
    assert await app.refusal(private) == (400, "invalid_grant", 70000)
    app.clock.advance(timedelta(days=91))
    assert await app.refusal(token) == (400, "invalid_grant", 700082)


@pytest.mark.parametrize(("account", "number"), [(ALICE, 65001), (PRIVATE, 70000)])
async def test_a_refresh_cannot_widen_a_consent(app: App, account: str, number: int) -> None:
    """What was not allowed is refused, what does not exist as well; less is fine."""
    token = (await app.grant(account))["refresh_token"]
    assert await app.refusal(token, scope="openid Mail.Send") == (400, "invalid_grant", number)
    assert await app.refusal(token, scope="openid Mail.ReadWrite") == (400, "invalid_scope", 70011)
    assert await app.refusal(token, scope="offline_access Mail.ReadBasic") == FINE


async def test_the_path_must_fit_the_account(app: App) -> None:
    """Everybody's, the right kind's, or the account's own tenant, by id or by domain."""
    work, private = (await app.grant())["refresh_token"], (await app.grant(HOTMAIL))["refresh_token"]
    for tenant in ("common", "organizations", ACME, "acme.example"):
        assert await app.refusal(work, tenant=tenant) == FINE
    for tenant in ("common", "consumers", CONSUMERS):
        assert await app.refusal(private, tenant=tenant) == FINE
    for token, tenant in ((work, "consumers"), (work, "globex.example"), (private, "organizations")):
        assert await app.refusal(token, tenant=tenant) == (400, "invalid_grant", 50020)
    assert await app.refusal(work, tenant="nowhere.example") == (400, "invalid_request", 90002)


async def test_another_apps_token_is_no_use(app: App) -> None:
    """And consent to one app says nothing about another."""
    app.microsoft.add_client("other", "osecret", [CALLBACK])
    token = (await app.grant())["refresh_token"]
    status, body = await app.refresh(token, client_id="other", client_secret="osecret")
    assert (status, body["error_codes"], body["suberror"]) == (400, [70000], "client_mismatch")


async def test_claims_must_be_json_here_too(app: App) -> None:
    """Whatever a library hands on of a challenge."""
    token = (await app.grant())["refresh_token"]
    assert (await app.refusal(token, claims="{"))[2] == 9002313
    assert await app.refusal(token, claims='{"access_token": {}}') == FINE


# --- the end of a grant


async def test_taking_consent_back_ends_refreshing_but_no_access_token(app: App) -> None:
    """A work account's old token works again after a new consent, a personal account's never."""
    work, private = await app.grant(), await app.grant(PRIVATE)
    for account in (ALICE, PRIVATE):
        app.microsoft.break_down("consent_revoked", account)
    status, body = await app.refresh(work["refresh_token"])
    assert (status, body["error_codes"], body["suberror"]) == (400, [65001], "consent_required")
    assert await app.refusal(private["refresh_token"]) == (400, "invalid_grant", 70000)
    assert (await app.graph(work["access_token"]))[0] == 200
    await app.grant()
    await app.grant(PRIVATE)
    assert await app.refusal(work["refresh_token"]) == FINE
    assert await app.refusal(private["refresh_token"]) == (400, "invalid_grant", 70000)


@pytest.mark.parametrize("what", ["sessions_revoked", "password_reset"])
async def test_an_ended_sign_in_takes_a_new_one(app: App, what: str) -> None:
    """Consent stands, so that nothing is asked again; codes on their way are void, too."""
    token, code = (await app.grant())["refresh_token"], app.code()
    app.microsoft.break_down(what, ALICE)
    assert await app.refusal(token) == (400, "invalid_grant", 50173)
    assert (await app.redeem(code))[0] == 400
    assert await app.refusal((await app.grant())["refresh_token"]) == FINE
    assert await app.refusal(token) == (400, "invalid_grant", 50173)


async def test_a_token_request_names_one_resource(app: App) -> None:
    """A consent may name several; an access token is for one of them, and Graph takes only its own."""
    graph, exchange = "User.Read", "https://outlook.office.com/SMTP.Send"
    code = app.code(scope=f"openid offline_access {graph} {exchange}")
    status, body = await app.redeem(code, scope=f"openid offline_access {graph}")
    assert (status, body["scope"].split()) == (200, ["User.Read", "openid"])
    token = body["refresh_token"]
    status, body = await app.refresh(token, scope=f"{graph} {exchange}")
    assert (status, body["error_codes"]) == (400, [28000])
    status, body = await app.refresh(token, scope=f"openid {exchange}")
    assert (status, body["scope"].split()) == (200, ["SMTP.Send", "openid"])


async def test_an_admins_consent_outlives_a_persons(app: App) -> None:
    """What the admin allowed for everybody no person can take back; the admin can."""
    token = (await app.grant())["refresh_token"]
    app.microsoft.levers.approve("acme.example")
    app.microsoft.break_down("consent_revoked", ALICE)
    assert await app.refusal(token) == FINE
    app.microsoft.break_down("approval_withdrawn", tenant="acme.example")
    assert await app.refusal(token) == (400, "invalid_grant", 65001)
    app.microsoft.levers.approve("acme.example")
    assert await app.refusal(token) == FINE


async def test_a_demanded_second_factor_takes_a_new_sign_in(app: App) -> None:
    """What was proven before is not enough; what is proven since is."""
    old = (await app.grant())["refresh_token"]
    app.microsoft.break_down("mfa_demanded", ALICE)
    status, body = await app.refresh(old)
    assert (status, body["error_codes"], body["suberror"]) == (400, [50076], "basic_action")
    assert "claims" not in body
    assert await app.refusal((await app.grant())["refresh_token"]) == FINE
    app.microsoft.mend(ALICE)
    assert await app.refusal(old) == FINE


async def test_demanded_claims_must_be_brought_to_the_sign_in(app: App) -> None:
    """A sign-in without them does not help: the code is refused with the same words."""
    old = (await app.grant())["refresh_token"]
    app.microsoft.break_down("claims_demanded", ALICE)
    claims = (await app.refresh(old))[1]["claims"]
    assert (await app.redeem(app.code()))[1]["error_codes"] == [50076]
    assert await app.refusal((await app.grant(claims=claims))["refresh_token"]) == FINE


# --- what libraries ask first


async def test_discovery_names_microsoft_for_servers_and_this_machine_for_browsers(app: App) -> None:
    """Under every kind of path, a domain leading to its tenant's id."""

    async def document(tenant: str) -> dict[str, Any]:
        answer = await app.http.get(f"/microsoft/{tenant}/v2.0/.well-known/openid-configuration")
        assert answer.status == 200
        return dict(await answer.json())

    here = str(app.http.make_url("/microsoft"))
    common = await document("common")
    assert common["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert common["token_endpoint"] == "https://login.microsoftonline.com/common/oauth2/v2.0/token"
    assert common["authorization_endpoint"] == f"{here}/common/oauth2/v2.0/authorize"
    for tenant in ("acme.example", "ACME.Example", ACME):
        acme = await document(tenant)
        assert acme["issuer"] == f"https://login.microsoftonline.com/{ACME}/v2.0"
        assert acme["token_endpoint"] == f"https://login.microsoftonline.com/{ACME}/oauth2/v2.0/token"
    assert (await document("consumers"))["issuer"].endswith(f"/{CONSUMERS}/v2.0")
    gone = await app.http.get("/microsoft/nowhere.example/v2.0/.well-known/openid-configuration")
    body = await gone.json()
    assert (gone.status, body["error"], body["error_codes"]) == (400, "invalid_tenant", [90002])


async def test_where_tokens_rotate_one_that_is_shown_twice_ends_the_grant(app: App) -> None:
    """Not what Microsoft does, but what others do, and what the bot must live with."""
    app.microsoft.break_down("rotating", ALICE)
    first, other = (await app.grant())["refresh_token"], (await app.grant())["refresh_token"]
    _, second = await app.refresh(first)
    assert (await app.refusal(first))[0] == 400
    assert (await app.refusal(second["refresh_token"]))[0] == 400
    assert (await app.refusal(other))[2] == 0
