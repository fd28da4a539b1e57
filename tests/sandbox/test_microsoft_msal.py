"""The local Microsoft speaks the dialect of Microsoft's own library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import msal
import pytest

from tests.sandbox.microsoft_app import ALICE, CALLBACK, PRIVATE, App, an_app, answer_of

_DIRECT = build_opener(ProxyHandler({}))


@dataclass
class _Answer:
    status_code: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)

    def raise_for_status(self) -> None:
        assert self.status_code < 400, self.text


class _Line:
    """What msal calls over, with Microsoft's host replaced by the local one."""

    def __init__(self, base: str) -> None:
        self._base = base

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> _Answer:
        return self._asked(url, params, headers, None)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> _Answer:
        return self._asked(url, params, headers, urlencode(data).encode())

    def close(self) -> None:
        return None

    def _asked(self, url: str, params: Any, headers: Any, data: bytes | None) -> _Answer:
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname) == ("https", "login.microsoftonline.com")
        query = f"?{urlencode(params)}" if params else ""
        request = Request(f"{self._base}{parts.path}{query}", data=data, headers=dict(headers or {}))
        try:
            with _DIRECT.open(request) as answer:
                return _Answer(answer.status, answer.read().decode(), dict(answer.headers))
        except HTTPError as refused:
            with refused:
                return _Answer(refused.code, refused.read().decode(), dict(refused.headers))


class _Nothing(dict[str, Any]):
    """Stores nothing: msal keeps refusals for a minute otherwise."""

    def __setitem__(self, key: str, value: Any) -> None:
        return None


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with an_app() as made:
        yield made


def _client(app: App) -> Any:
    return msal.ConfidentialClientApplication(
        "cid",
        client_credential="csecret",
        authority="https://login.microsoftonline.com/common",
        instance_discovery=False,
        http_client=_Line(str(app.http.make_url("/microsoft"))),
        http_cache=_Nothing(),
    )


@pytest.mark.filterwarnings("ignore:response_mode")
@pytest.mark.parametrize("account", [ALICE, PRIVATE])
async def test_msal_signs_in_refreshes_and_reads_who_it_was(app: App, account: str) -> None:
    """From discovery to a rotated refresh token, for work and for personal accounts."""
    client = await asyncio.to_thread(_client, app)
    flow = client.initiate_auth_code_flow(
        ["User.Read", "Mail.ReadBasic"], redirect_uri=CALLBACK, prompt="select_account", response_mode="query"
    )
    back = answer_of(app.microsoft.consent(flow["auth_uri"], account))
    got = await asyncio.to_thread(client.acquire_token_by_auth_code_flow, flow, back)
    assert "error" not in got, got
    person = app.microsoft.directory.known(account)
    assert (got["id_token_claims"]["tid"], got["id_token_claims"]["oid"]) == (person.tid, person.oid)
    (known,) = client.get_accounts()
    assert known["home_account_id"] == f"{person.oid}.{person.tid}"
    assert (await app.graph(got["access_token"], "me/mailFolders/inbox?$select=id"))[0] == 200
    again = await asyncio.to_thread(
        client.acquire_token_silent_with_error, ["Mail.ReadBasic"], known, force_refresh=True
    )
    assert again["access_token"] != got["access_token"]


@pytest.mark.filterwarnings("ignore:response_mode")
async def test_msal_hands_on_what_microsoft_refuses(app: App) -> None:
    """Error, numbers and suberror arrive as they were sent."""
    client = await asyncio.to_thread(_client, app)
    flow = client.initiate_auth_code_flow(["User.Read"], redirect_uri=CALLBACK, response_mode="query")
    back = answer_of(app.microsoft.consent(flow["auth_uri"], ALICE))
    got = await asyncio.to_thread(client.acquire_token_by_auth_code_flow, flow, back)
    app.microsoft.break_down("claims_demanded", ALICE)
    refused = await asyncio.to_thread(
        client.acquire_token_by_refresh_token, got["refresh_token"], ["User.Read"]
    )
    assert (refused["error"], refused["error_codes"], refused["suberror"]) == (
        "invalid_grant",
        [50076],
        "basic_action",
    )
    again = client.initiate_auth_code_flow(
        ["User.Read"], redirect_uri=CALLBACK, response_mode="query", claims_challenge=refused["claims"]
    )
    back = answer_of(app.microsoft.consent(again["auth_uri"], ALICE))
    assert "error" not in await asyncio.to_thread(client.acquire_token_by_auth_code_flow, again, back)


@pytest.mark.filterwarnings("ignore:response_mode")
async def test_msal_hears_of_a_refusal_at_the_callback(app: App) -> None:
    """Cancel comes back as an error with the state, which msal demands."""
    client = await asyncio.to_thread(_client, app)
    flow = client.initiate_auth_code_flow(["User.Read"], redirect_uri=CALLBACK, response_mode="query")
    back = answer_of(app.microsoft.consent(flow["auth_uri"], ALICE, cancel=True))
    told = await asyncio.to_thread(client.acquire_token_by_auth_code_flow, flow, back)
    assert told["error"] == "access_denied"
    assert told["error_description"].startswith("AADSTS65004: ")
