"""The local Google's consent: as strict as Google, and usable without a script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.answers import preferred
from sandbox.clock import SandboxClock
from sandbox.google import ConsentRefused, LocalGoogle
from sandbox.google.oauth import WORDS

CALLBACK = "http://127.0.0.1:9/oauth/google/callback"
LABELS = "https://www.googleapis.com/auth/gmail.labels"
AUTH = "/google/o/oauth2/v2/auth"
Browser = TestClient[web.Request, web.Application]


@pytest.fixture
def google() -> LocalGoogle:
    clock = SandboxClock.frozen(datetime(2026, 11, 23, 12, tzinfo=UTC))
    return LocalGoogle(clock=clock, client_id="cid", client_secret="csecret", redirect_uris=[CALLBACK])


@pytest.fixture
async def browser(google: LocalGoogle) -> AsyncIterator[Browser]:
    app = web.Application()
    google.add_routes(app)
    async with TestClient(TestServer(app)) as client:
        yield client


def a_wish(**changes: str | None) -> dict[str, str]:
    wish: dict[str, str | None] = {
        "client_id": "cid",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": f"openid email {LABELS}",
        "state": "s t&te",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": "alice@acme.example",
        **changes,
    }
    return {name: value for name, value in wish.items() if value is not None}


def answer_of(redirect: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(redirect).query).items()}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"redirect_uri": CALLBACK + "/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK.replace("127.0.0.1", "localhost")}, 400, "redirect_uri_mismatch"),
        ({"response_type": None}, 400, "invalid_request"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"scope": ""}, 400, "invalid_request"),
        ({"scope": "openid made.up"}, 400, "invalid_scope"),
        ({"access_type": "always"}, 400, "invalid_request"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"code_challenge": "x", "code_challenge_method": "S512"}, 400, "invalid_request"),
        ({"code_challenge_method": "S256"}, 400, "invalid_request"),
    ],
)
async def test_a_wrong_request_is_shown_and_never_redirected(
    browser: Browser, changes: dict[str, str | None], status: int, code: str
) -> None:
    """An app whose request is wrong hears nothing: the person reads Google's own error page."""
    answer = await browser.get(AUTH, params=a_wish(**changes), allow_redirects=False)
    assert answer.status == status
    assert f"Error {status}: {code}" in await answer.text()


async def test_a_repeated_parameter_is_refused(browser: Browser) -> None:
    """Two values for one parameter are no request."""
    answer = await browser.get(f"{AUTH}?{urlencode(a_wish())}&state=other", allow_redirects=False)
    assert answer.status == 400


async def test_the_hinted_account_is_asked_first_and_can_be_changed(browser: Browser) -> None:
    """A hint chooses for the person, who may choose otherwise."""
    page = await (await browser.get(AUTH, params=a_wish())).text()
    assert '<span id="account">alice@acme.example</span>' in page
    assert 'id="scope-gmail.labels"' in page
    assert "Use another account" in page
    everybody = await (await browser.get(AUTH + "/accounts", params=a_wish())).text()
    assert everybody.index("alice@acme.example") < everybody.index("kenji@acme.example")
    assert "alice.private@gmail.com" in everybody


async def test_an_unknown_hint_leads_to_the_list(browser: Browser) -> None:
    """A hint is only a hint."""
    page = await (await browser.get(AUTH, params=a_wish(login_hint="who@<b>.example"))).text()
    assert "There is no account who@&lt;b&gt;.example here" in page
    assert "kenji@acme.example" in page


async def test_continue_sends_the_person_back_with_a_code(google: LocalGoogle, browser: Browser) -> None:
    """Continue redirects with code, state, granted scopes, authuser, domain and prompt."""
    alice = google.accounts.find("alice@acme.example")
    assert alice is not None
    answer = await browser.post(
        f"{AUTH}/accounts/{alice.sub}",
        params=a_wish(),
        data={"choice": "continue", "scope": LABELS},
        allow_redirects=False,
    )
    assert answer.status == 302
    assert answer.headers["Location"].startswith(CALLBACK + "?")
    told = answer_of(answer.headers["Location"])
    assert told.pop("code").startswith("4/0")
    assert told.pop("scope").split() == [
        "openid",
        "https://www.googleapis.com/auth/userinfo.email",
        LABELS,
    ]
    assert told == {"state": "s t&te", "authuser": "0", "hd": "acme.example", "prompt": "consent"}


async def test_cancel_sends_the_person_back_empty_handed(google: LocalGoogle, browser: Browser) -> None:
    """Cancel is an answer, with the state and without a code."""
    alice = google.accounts.find("alice@acme.example")
    assert alice is not None
    answer = await browser.post(
        f"{AUTH}/accounts/{alice.sub}", params=a_wish(), data={"choice": "cancel"}, allow_redirects=False
    )
    assert answer_of(answer.headers["Location"]) == {"error": "access_denied", "state": "s t&te"}


async def test_the_lever_consents_as_the_page_does(google: LocalGoogle, browser: Browser) -> None:
    """Consent by lever knows unticked boxes and Cancel, and refuses what the page refuses."""
    wish = {"url": f"http://localhost{AUTH}?{urlencode(a_wish())}", "account": "kenji@acme.example"}

    async def pull(**more: object) -> dict[str, str]:
        answer = await browser.post("/control/google/consent", json={**wish, **more})
        assert answer.status == 200
        return answer_of((await answer.json())["redirect"])

    assert LABELS in (await pull())["scope"].split()
    assert LABELS not in (await pull(untick=["gmail.labels"]))["scope"].split()
    assert (await pull(cancel=True))["error"] == "access_denied"
    bad = await browser.post("/control/google/consent", json={**wish, "url": wish["url"] + "&state=2"})
    assert bad.status == 400
    assert (await bad.json())["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("admin_policy", "admin_policy_enforced"),
        ("account_disabled", "disabled_account"),
        ("account_deleted", "account_deleted"),
        ("deleted_client", "deleted_client"),
    ],
)
async def test_what_google_blocks_never_reaches_the_app(
    google: LocalGoogle, browser: Browser, fault: str, code: str
) -> None:
    """A blocked person reads why on Google's page; the flow just ends."""
    google.break_down(fault, "alice@acme.example")
    page = await browser.get(AUTH, params=a_wish(), allow_redirects=False)
    assert code in await page.text()
    with pytest.raises(ConsentRefused):
        google.consent(f"http://localhost{AUTH}?{urlencode(a_wish())}", "alice@acme.example")
    assert "code=" in google.consent(f"http://localhost{AUTH}?{urlencode(a_wish())}", "omar@acme.example")


async def test_pages_speak_japanese(browser: Browser) -> None:
    """The browser's language decides."""
    page = await browser.get(AUTH, params=a_wish(), headers={"Accept-Language": "ja-JP,ja;q=0.9,en;q=0.8"})
    text = await page.text()
    assert '<html lang="ja">' in text
    assert "続行" in text


def test_every_phrase_exists_in_every_language() -> None:
    """No page falls back to another language half-way."""
    assert WORDS["en"].keys() == WORDS["ja"].keys()
    assert [preferred(header) for header in ("", "fr", "fr,ja;q=0.5", "en,ja", "ja;q=bad")] == [
        "en",
        "en",
        "ja",
        "en",
        "en",
    ]
