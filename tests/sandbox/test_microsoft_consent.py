"""The local Microsoft's pages: as strict as Microsoft's, and usable without a script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.microsoft import ConsentRefused
from sandbox.microsoft.pages import WORDS
from sandbox.microsoft.state import ACME, CONSUMERS
from tests.sandbox.microsoft_app import (
    ALICE,
    CALLBACK,
    HELP,
    HOTMAIL,
    MAIL,
    OMAR,
    PRIVATE,
    SALES,
    SHARED,
    App,
    a_wish,
    an_app,
    answer_of,
)

AUTHORIZE = "/microsoft/common/oauth2/v2.0/authorize"
INFO, GINA = "info@globex.example", "gina@globex.example"


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with an_app() as made:
        yield made


async def opened(app: App, path: str = AUTHORIZE, *, language: str = "en", **changes: str | None) -> str:
    """What the page says; the person is not sent anywhere."""
    headers = {"Accept-Language": language}
    answer = await app.http.get(path, params=a_wish(**changes), headers=headers, allow_redirects=False)
    assert answer.status != 302, answer.headers["Location"]
    return await answer.text()


async def sent_back(app: App, path: str = AUTHORIZE, **changes: str | None) -> dict[str, str]:
    """What the app is told, without a page in between."""
    answer = await app.http.get(path, params=a_wish(**changes), allow_redirects=False)
    assert answer.status == 302, await answer.text()
    assert answer.headers["Location"].startswith(CALLBACK + "?")
    return answer_of(answer.headers["Location"])


async def pressed(
    app: App,
    account: str,
    choice: str,
    *,
    path: str = AUTHORIZE,
    fields: dict[str, str] | None = None,
    **changes: str,
) -> dict[str, str]:
    """What the app is told after a button on the account's page."""
    oid = app.microsoft.directory.known(account).oid
    answer = await app.http.post(
        f"{path}/accounts/{oid}",
        params=a_wish(**changes),
        data={"choice": choice, **(fields or {})},
        allow_redirects=False,
    )
    assert answer.status == 302, await answer.text()
    return answer_of(answer.headers["Location"])


def page_of(app: App, account: str, path: str = AUTHORIZE) -> str:
    return f"{path}/accounts/{app.microsoft.directory.known(account).oid}"


# --- the request


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_id": None}, 900144),
        ({"client_id": "other"}, 700016),
        ({"redirect_uri": None}, 900144),
        ({"redirect_uri": CALLBACK + "/"}, 50011),
        ({"redirect_uri": CALLBACK.replace("127.0.0.1", "localhost")}, 50011),
    ],
)
async def test_an_unproven_app_hears_nothing(app: App, changes: dict[str, Any], number: int) -> None:
    """Whoever is not registered is not redirected to: the person reads Microsoft's own page."""
    page = await opened(app, **changes)
    assert f"AADSTS{number}: " in page
    assert "Correlation Id" in page


async def test_a_repeated_parameter_and_an_unknown_tenant_are_shown(app: App) -> None:
    """There is nobody to tell."""
    twice = await app.http.get(f"{AUTHORIZE}?{urlencode(a_wish())}&state=other", allow_redirects=False)
    assert "AADSTS9000411" in await twice.text()
    assert "AADSTS90002" in await opened(app, AUTHORIZE.replace("common", "nowhere.example"))


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"response_type": None}, "invalid_request", 900144),
        ({"response_type": "token"}, "unsupported_response_type", 700051),
        ({"response_type": "code id_token"}, "unsupported_response_type", 700051),
        ({"response_mode": "fragment"}, "invalid_request", 90023),
        ({"scope": ""}, "invalid_request", 900144),
        ({"scope": "openid Mail.ReadWrite"}, "invalid_scope", 70011),
        ({"scope": "openid https://graph.microsoft.com/openid"}, "invalid_scope", 70011),
        ({"scope": "openid https://outlook.office.com/Mail.Read"}, "invalid_scope", 70011),
        ({"prompt": "force"}, "invalid_request", 90023),
        ({"prompt": "select_account consent"}, "invalid_request", 90023),
        ({"domain_hint": "nobody"}, "invalid_request", 90023),
        ({"code_challenge": "x"}, "invalid_request", 501481),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request", 501481),
        ({"claims": "{"}, "invalid_request", 9002313),
        ({"claims": "[]"}, "invalid_request", 9002313),
    ],
)
async def test_a_wrong_request_goes_back_to_the_app(
    app: App, changes: dict[str, Any], error: str, number: int
) -> None:
    """Once the app is proven, what is wrong with its request is its own business."""
    told = await sent_back(app, **changes)
    assert (told["error"], told["state"]) == (error, "s t&te")
    assert told["error_description"].startswith(f"AADSTS{number}: ")
    assert "Correlation ID: " in told["error_description"]
    assert told["error_uri"].endswith(f"code={number}")


async def test_scopes_are_known_with_and_without_their_address(app: App) -> None:
    """Names ignore case; both spellings mean the same."""
    page = await opened(
        app, login_hint=ALICE, scope="openid https://graph.microsoft.com/Mail.ReadBasic user.read"
    )
    assert 'data-scope="Mail.ReadBasic"' in page
    assert 'data-scope="User.Read"' in page


async def test_nobody_is_signed_in_silently(app: App) -> None:
    """`prompt=none` comes back at once."""
    told = await sent_back(app, prompt="none", login_hint=ALICE)
    assert (told["error"], told["error_description"].split(":")[0]) == ("login_required", "AADSTS50058")


# --- the accounts


async def test_the_list_holds_whom_the_path_and_the_hint_allow(app: App) -> None:
    """Everybody under `common`; one kind, one organisation or one domain otherwise; no shared mailbox."""
    everybody = await opened(app)
    assert all(f'data-email="{address}"' in everybody for address in (ALICE, PRIVATE, GINA))
    assert HELP not in everybody
    consumers = await opened(app, AUTHORIZE.replace("common", "consumers"))
    assert (PRIVATE in consumers, ALICE in consumers) == (True, False)
    work = await opened(app, domain_hint="organizations")
    assert (PRIVATE in work, ALICE in work) == (False, True)
    acme = await opened(app, AUTHORIZE.replace("common", "ACME.example"))
    assert (ALICE in acme, GINA in acme, PRIVATE in acme) == (True, False, False)
    globex = await opened(app, domain_hint="globex.example")
    assert (ALICE in globex, GINA in globex) == (False, True)


async def test_the_hinted_account_goes_on_at_once_unless_the_list_is_wanted(app: App) -> None:
    """A hint chooses for the person; `select_account` lets them choose, the hinted one first."""
    assert f'<p class="who" id="account">{SALES.replace("sales", "sales-box")}</p>' in await opened(
        app, login_hint=SALES
    )
    chooser = await opened(app, login_hint=OMAR, prompt="select_account")
    assert chooser.index(OMAR) < chooser.index(ALICE)
    assert "There is no account" not in chooser
    unknown = await opened(app, login_hint="who@<b>.example")
    assert "There is no account who@&lt;b&gt;.example here" in unknown
    assert "There is no account" not in await opened(app, login_hint=HELP)


async def test_a_wrong_account_is_told_on_the_page(app: App) -> None:
    """Under an organisation's own path only its people get on; nobody signs in to a shared mailbox."""
    acme = AUTHORIZE.replace("common", ACME)
    assert "AADSTS50020" in await opened(app, page_of(app, GINA, acme))
    assert "AADSTS50034" in await opened(app, page_of(app, HELP))
    with pytest.raises(ConsentRefused, match="AADSTS50034"):
        app.microsoft.consent(app.url(), HELP)


# --- the answer


async def test_accept_sends_the_person_back_with_a_code(app: App) -> None:
    """Everything or nothing: the page has no boxes; the answer has code and state."""
    page = await opened(app, login_hint=ALICE, scope=SHARED)
    assert 'type="checkbox"' not in page
    assert [name for name in ("User.Read", "Mail.ReadBasic", "offline_access") if f'"{name}"' in page] == [
        "User.Read",
        "Mail.ReadBasic",
        "offline_access",
    ]
    told = await pressed(app, ALICE, "accept", client_info="1")
    assert told.keys() == {"code", "state", "session_state", "client_info"}
    assert told["state"] == "s t&te"


async def test_what_was_allowed_once_is_not_asked_again(app: App) -> None:
    """Not for the same permissions, unless the app insists; for more the page comes back."""
    await pressed(app, ALICE, "accept")
    assert "code" in await sent_back(app, login_hint=ALICE)
    assert "Permissions requested" in await opened(app, login_hint=ALICE, scope=f"{MAIL} Mail.Send")
    assert "Permissions requested" in await opened(app, login_hint=ALICE, prompt="consent")
    assert [wish.get("prompt") for wish in app.microsoft.wishes][-1] == "consent"


async def test_cancel_sends_the_person_back_empty_handed(app: App) -> None:
    """With Microsoft's own word for it."""
    told = await pressed(app, ALICE, "cancel")
    assert (told["error"], told["error_subcode"]) == ("access_denied", "cancel")
    assert told["error_description"].startswith("AADSTS65004: ")
    assert told["state"] == "s t&te"


async def test_an_answer_can_come_as_a_form(app: App) -> None:
    """`response_mode=form_post`: the page sends itself, and has a button where scripts are off."""
    oid = app.microsoft.directory.known(ALICE).oid
    answer = await app.http.post(
        f"{AUTHORIZE}/accounts/{oid}", params=a_wish(response_mode="form_post"), data={"choice": "accept"}
    )
    page = await answer.text()
    assert f'<form method="post" action="{CALLBACK}"' in page
    assert '<input type="hidden" name="state" value="s t&amp;te">' in page
    assert 'name="code"' in page
    assert "<noscript><button>" in page


async def test_personal_accounts_do_not_know_permissions_of_organisations(app: App) -> None:
    """The whole request fails, at the app: such permissions must not be asked of everybody."""
    for scope in ("User.ReadBasic.All", "Mail.ReadBasic.Shared"):
        told = await sent_back(app, login_hint=PRIVATE, scope=f"{MAIL} {scope}")
        assert (told["error"], scope in told["error_description"]) == ("invalid_scope", True)
    assert "Let this app access your info?" in await opened(app, login_hint=HOTMAIL)


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ("user_disabled", 50057),
        ("app_blocked", 7000112),
        ("not_assigned", 50105),
        ("conditional_access", 53003),
    ],
)
async def test_whom_the_organisation_blocks_reads_why(app: App, fault: str, number: int) -> None:
    """On Microsoft's page: the app never hears of it."""
    app.microsoft.break_down(fault, ALICE)
    assert f"AADSTS{number}" in await opened(app, login_hint=ALICE)
    with pytest.raises(ConsentRefused, match=f"AADSTS{number}"):
        app.microsoft.consent(app.url(), ALICE)
    assert "code" in await pressed(app, OMAR, "accept")


# --- the admin's approval


async def test_mail_needs_the_admin_where_people_may_not_decide(app: App) -> None:
    """Globex has Microsoft's default: the profile is the person's to give, the mailbox is not."""
    page = await opened(app, login_hint=INFO)
    assert "Need admin approval" in page
    assert "AADSTS90094" in page
    told = await pressed(app, INFO, "cancel")
    assert (told["error"], told["error_subcode"]) == ("access_denied", "cancel")
    assert "Permissions requested" in await opened(app, login_hint=INFO, scope="openid User.Read Mail.Send")
    with pytest.raises(ConsentRefused, match="AADSTS90094"):
        app.microsoft.consent(app.url(), INFO)


async def test_a_form_cannot_get_around_the_admin(app: App) -> None:
    """Pressing a button that was not there changes nothing."""
    oid = app.microsoft.directory.known(INFO).oid
    answer = await app.http.post(
        f"{AUTHORIZE}/accounts/{oid}",
        params=a_wish(),
        data={"choice": "accept", "everybody": "yes"},
        allow_redirects=False,
    )
    assert (answer.status, "AADSTS90094" in await answer.text()) == (403, True)
    asked = await app.http.post(
        f"{AUTHORIZE}/accounts/{oid}", params=a_wish(), data={"choice": "request", "reason": "Please"}
    )
    assert "AADSTS90094" in await asked.text()
    assert app.microsoft.directory.tenant("globex.example").requests == []


async def test_people_can_ask_their_admin_where_that_is_set_up(app: App) -> None:
    """With a reason, without which nothing is sent; the admin sees it until it is granted."""
    app.microsoft.levers.decide("globex.example", takes_requests=True)
    assert "Enter justification" in await opened(app, login_hint=INFO)
    oid = app.microsoft.directory.known(INFO).oid
    form = {"choice": "request", "reason": " "}
    empty = await app.http.post(f"{AUTHORIZE}/accounts/{oid}", params=a_wish(), data=form)
    assert "Say why you need this app." in await empty.text()
    sent = await app.http.post(
        f"{AUTHORIZE}/accounts/{oid}", params=a_wish(), data={**form, "reason": "We answer mail"}
    )
    assert "Request sent" in await sent.text()
    (asked,) = app.microsoft.directory.tenant("globex.example").requests
    assert (asked.email, asked.reason) == (INFO, "We answer mail")
    told = await pressed(app, INFO, "back")
    assert (told["error"], told["error_description"].split(":")[0]) == ("access_denied", "AADSTS90095")
    app.microsoft.levers.approve("globex.example")
    assert app.microsoft.directory.tenant("globex.example").requests == []
    assert "code" in await sent_back(app, login_hint=INFO)


async def test_an_admin_can_consent_for_everybody_while_signing_in(app: App) -> None:
    """The box is there for admins only; left out, it is their own consent."""
    assert 'id="everybody"' in await opened(app, login_hint=GINA)
    assert "code" in await pressed(app, GINA, "accept")
    assert "Need admin approval" in await opened(app, login_hint=INFO)
    assert "code" in await pressed(app, GINA, "accept", fields={"everybody": "yes"}, prompt="consent")
    assert "code" in await sent_back(app, login_hint=INFO)


def approval(path: str = "organizations", **changes: str) -> str:
    wish = {"client_id": "cid", "redirect_uri": CALLBACK, "scope": "User.Read Mail.ReadBasic", "state": "st"}
    return f"/microsoft/{path}/v2.0/adminconsent?{urlencode({**wish, **changes})}"


async def approving(app: App, account: str, choice: str = "", path: str = "organizations") -> tuple[int, str]:
    """Status and text of an account's approval page, or where a button leads."""
    page, _, query = approval(path).partition("?")
    url = f"{page}/accounts/{app.microsoft.directory.known(account).oid}?{query}"
    if not choice:
        answer = await app.http.get(url)
        return answer.status, await answer.text()
    answer = await app.http.post(url, data={"choice": choice}, allow_redirects=False)
    return answer.status, answer.headers.get("Location", await answer.text())


async def test_an_admin_approves_for_the_whole_organisation(app: App) -> None:
    """Accept names tenant and scopes; from then on nobody there is asked."""
    assert "Review for your organization" in (await approving(app, GINA))[1]
    tenant = app.microsoft.directory.tenant("globex.example")
    status, location = await approving(app, GINA, "accept")
    assert status == 302
    assert answer_of(location) == {
        "admin_consent": "True",
        "tenant": tenant.tid,
        "scope": "https://graph.microsoft.com/User.Read https://graph.microsoft.com/Mail.ReadBasic",
        "state": "st",
    }
    assert "code" in await sent_back(app, login_hint=INFO, scope="User.Read Mail.ReadBasic")


async def test_a_refused_approval_says_admin_consent_as_well(app: App) -> None:
    """Microsoft sends `admin_consent=True` with the refusal, too: only the error tells them apart."""
    told = answer_of((await approving(app, GINA, "cancel"))[1])
    assert (told["admin_consent"], told["error"], told["state"]) == ("True", "consent_required", "st")
    assert told["error_description"].startswith("AADSTS65004: ")
    assert app.microsoft.directory.tenant("globex.example").approved == {}


async def test_only_the_organisations_own_admin_approves(app: App) -> None:
    """Not its members, not another organisation's admin, not a personal account; and not under `common`."""
    assert "AADSTS90093" in (await approving(app, INFO))[1]
    assert "AADSTS90093" in (await approving(app, INFO, "accept"))[1]
    assert "AADSTS50020" in (await approving(app, GINA, path="acme.example"))[1]
    assert "AADSTS50020" in (await approving(app, PRIVATE, "accept"))[1]
    for path in ("common", "consumers", CONSUMERS):
        assert "AADSTS90023" in await (await app.http.get(approval(path))).text()
    assert "AADSTS50011" in await (await app.http.get(approval(redirect_uri="http://evil.example"))).text()
    back = await app.http.get(approval(scope="Mail.ReadWrite"), allow_redirects=False)
    assert answer_of(back.headers["Location"])["error"] == "invalid_scope"


async def test_the_lever_answers_as_the_pages_do(app: App) -> None:
    """Accept, cancel, ask, approve: by address and account, without a browser."""

    async def pull(**body: object) -> dict[str, str]:
        answer = await app.http.post("/control/microsoft/consent", json=body)
        assert answer.status == 200, await answer.text()
        return answer_of((await answer.json())["redirect"])

    assert "code" in await pull(url=app.url(), account=ALICE)
    assert (await pull(url=app.url(), account=ALICE, cancel=True))["error_subcode"] == "cancel"
    assert (await pull(url=app.url(scope="nonsense"), account=ALICE))["error"] == "invalid_scope"
    app.microsoft.levers.decide("globex.example", takes_requests=True)
    asked = await pull(url=app.url(), account=INFO, reason="We answer mail")
    assert "AADSTS90095" in asked["error_description"]
    url = f"http://localhost{approval('globex.example')}"
    assert (await pull(url=url, account=GINA, cancel=True))["error"] == "consent_required"
    assert "error" not in await pull(url=url, account=GINA)
    for wrong in (
        {"url": "http://localhost/elsewhere", "account": ALICE},
        {"url": app.url(), "account": "nobody@acme.example"},
        {"url": app.url(redirect_uri="http://evil.example"), "account": ALICE},
    ):
        answer = await app.http.post("/control/microsoft/consent", json=wrong)
        assert (answer.status, bool((await answer.json())["error"])) == (400, True)


# --- the words


async def test_pages_speak_japanese(app: App) -> None:
    """The browser's language decides; permissions are named in it."""
    page = await opened(app, login_hint=ALICE, language="ja-JP,ja;q=0.9,en;q=0.8")
    assert '<html lang="ja">' in page
    assert "承諾" in page
    assert "メールの基本情報の読み取り" in page


def test_every_phrase_exists_in_every_language() -> None:
    """No page falls back to another language half-way."""
    assert WORDS["en"].keys() == WORDS["ja"].keys()
