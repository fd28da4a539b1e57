"""The local Graph: who somebody is, and whose inbox opens to whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.sandbox.microsoft_app import ALICE, HELP, HOTMAIL, OMAR, PRIVATE, SALES, SHARED, App, an_app

KENJI = "kenji@acme.example"
DENIED = (403, "ErrorAccessDenied")


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with an_app() as made:
        yield made


async def access(app: App, account: str = ALICE, **changes: str) -> str:
    return str((await app.grant(account, **changes))["access_token"])


# --- the token


async def test_only_a_live_token_is_let_in(app: App) -> None:
    """Nobody, nonsense, an old one, and one that calls itself something else: 401, each time."""
    token = await access(app)
    assert await app.trouble("nonsense", "me") == (401, "InvalidAuthenticationToken")
    for headers in ({}, {"Authorization": f"Basic {token}"}):
        answer = await app.http.get("/microsoft/graph/v1.0/me", headers=headers)
        assert (answer.status, answer.headers["WWW-Authenticate"].split()[0]) == (401, "Bearer")
    app.clock.advance(timedelta(minutes=75))
    assert await app.trouble(token, "me/mailFolders/inbox") == (401, "InvalidAuthenticationToken")


async def test_a_refusal_has_every_field(app: App) -> None:
    """The code, words, and a request that support could find again."""
    _, body = await app.graph(await access(app), "users/nobody@acme.example/mailFolders/inbox")
    error = body["error"]
    assert error.keys() == {"code", "message", "innerError"}
    assert error["innerError"].keys() == {"date", "request-id", "client-request-id"}


# --- who somebody is


async def test_a_work_account_tells_all_its_addresses(app: App) -> None:
    """Only what was asked for, with the main address in capitals."""
    token = await access(app)
    status, me = await app.graph(token, "me?$select=id,mail,userPrincipalName,proxyAddresses,otherMails")
    assert status == 200
    assert me.pop("@odata.context").endswith(
        "$metadata#users(id,mail,userPrincipalName,proxyAddresses,otherMails)/$entity"
    )
    assert me == {
        "id": app.microsoft.directory.known(ALICE).oid,
        "mail": ALICE,
        "userPrincipalName": ALICE,
        "proxyAddresses": [f"SMTP:{ALICE}", "smtp:a.archer@acme.example"],
        "otherMails": ["aa@post.example"],
    }
    assert "proxyAddresses" not in (await app.graph(token))[1]


async def test_an_account_may_sign_in_with_another_name_than_its_address(app: App) -> None:
    """Address and sign-in name differ for the sales mailbox."""
    me = (await app.graph(await access(app, SALES)))[1]
    assert (me["mail"], me["userPrincipalName"]) == (SALES, "sales-box@acme.example")


@pytest.mark.parametrize(("account", "mail"), [(PRIVATE, PRIVATE), (HOTMAIL, None)])
async def test_graph_knows_little_of_a_personal_account(app: App, account: str, mail: str | None) -> None:
    """It tells the same whatever was asked for, and its id is not that of the id token."""
    me = (await app.graph(await access(app, account), "me?$select=id,proxyAddresses,otherMails"))[1]
    assert (me["mail"], me["userPrincipalName"]) == (mail, account)
    assert "proxyAddresses" not in me
    person = app.microsoft.directory.known(account)
    assert me["id"] != person.oid
    assert person.oid.replace("-", "").endswith(me["id"])


async def test_the_profile_takes_its_permission(app: App) -> None:
    """Without `User.Read` not even one's own."""
    assert await app.trouble(await access(app, scope="openid Mail.ReadBasic"), "me") == (
        403,
        "Authorization_RequestDenied",
    )


async def test_a_colleague_is_known_by_id_and_sign_in_name(app: App) -> None:
    """With `User.ReadBasic.All`, in one's own organisation, and no more than the basics."""
    token = await access(app, scope=SHARED)
    shared = app.microsoft.directory.known(HELP)
    for name in (HELP, shared.oid):
        status, found = await app.graph(token, f"users/{name}?$select=id,mail")
        assert (status, found["id"], found["mail"]) == (200, shared.oid, HELP)
    assert (await app.graph(token, "users/sales-box@acme.example"))[1]["mail"] == SALES
    gone = (404, "Request_ResourceNotFound")
    for name in (SALES, "helpdesk@acme.example", "nobody@acme.example", "info@globex.example"):
        assert await app.trouble(token, f"users/{name}") == gone
    denied = (403, "Authorization_RequestDenied")
    assert await app.trouble(token, f"users/{HELP}?$select=id,proxyAddresses") == denied
    assert await app.trouble(await access(app, KENJI), f"users/{HELP}") == denied
    assert (await app.graph(await access(app, KENJI), f"users/{KENJI}"))[0] == 200
    assert await app.trouble(await access(app, PRIVATE), f"users/{HOTMAIL}") == denied


# --- the inbox


async def test_the_inbox_opens_to_its_owner(app: App) -> None:
    """By `me` and by every address of one's own; with whatever permission reaches mail."""
    token = await access(app)
    status, inbox = await app.graph(token, "me/mailFolders/inbox?$select=id,totalItemCount")
    assert status == 200
    assert inbox.keys() == {"@odata.context", "id", "totalItemCount"}
    for path in (f"users/{ALICE}", "users/a.archer@acme.example", "me"):
        assert (await app.graph(token, f"{path}/mailFolders/Inbox"))[1]["id"] == inbox["id"]
    assert (await app.graph(await access(app, PRIVATE), f"users/{PRIVATE}/mailFolders/inbox"))[0] == 200
    no_mail = await access(app, KENJI, scope="openid User.Read Mail.Send")
    assert await app.trouble(no_mail, "me/mailFolders/inbox") == DENIED


async def test_a_shared_mailbox_opens_to_its_delegates_only(app: App) -> None:
    """It takes the permission and the right; neither alone will do."""
    path = f"users/{HELP}/mailFolders/inbox?$select=id"
    shared = await access(app, OMAR, scope=SHARED)
    own = (await app.graph(shared, "me/mailFolders/inbox"))[1]["id"]
    status, inbox = await app.graph(shared, path)
    assert (status, inbox["id"] == own) == (200, False)
    assert await app.trouble(await access(app, ALICE), path) == DENIED
    assert await app.trouble(await access(app, KENJI, scope=SHARED), path) == DENIED
    invalid = (404, "ErrorInvalidUser")
    for name in ("nobody@acme.example", "info@globex.example"):
        assert await app.trouble(shared, f"users/{name}/mailFolders/inbox") == invalid
    await app.http.post("/control/microsoft/share", json={"mailbox": HELP, "delegate": KENJI})
    body = {"mailbox": HELP, "delegate": OMAR, "allowed": False}
    await app.http.post("/control/microsoft/share", json=body)
    assert (await app.graph(await access(app, KENJI, scope=SHARED), path))[0] == 200
    assert await app.trouble(shared, path) == DENIED
    assert (await app.graph(shared, "me/mailFolders/inbox"))[0] == 200


async def test_taken_rights_are_missed_on_that_mailbox_only(app: App) -> None:
    """Until they are given back."""
    path = f"users/{HELP}/mailFolders/inbox"
    shared = await access(app, OMAR, scope=SHARED)
    app.microsoft.break_down("rights_taken", HELP)
    assert await app.trouble(shared, path) == DENIED
    assert (await app.graph(shared, "me/mailFolders/inbox"))[0] == 200
    app.microsoft.mend(HELP)
    assert (await app.graph(shared, path))[0] == 200


async def test_without_a_licence_there_is_no_mailbox(app: App) -> None:
    """The account is there, and refreshing works."""
    grant = await app.grant()
    app.microsoft.break_down("licence_taken", ALICE)
    gone = (404, "MailboxNotEnabledForRESTAPI")
    assert await app.trouble(grant["access_token"], "me/mailFolders/inbox") == gone
    assert (await app.graph(grant["access_token"]))[0] == 200
    assert (await app.refresh(grant["refresh_token"]))[0] == 200


async def test_graph_is_as_narrow_as_graph(app: App) -> None:
    """Unknown properties, folders, segments and versions are refused in its own words."""
    token = await access(app, scope=SHARED)
    bad = (400, "BadRequest")
    for path in (
        "me?$select=id,shoeSize",
        "me/mailFolders/inbox?$select=shoeSize",
        f"users/{HELP}?$select=shoeSize",
        "me/shoes",
        "shoes",
    ):
        assert await app.trouble(token, path) == bad
    for query in ("users", "users?$filter=mail eq 'x", "users?$filter=startswith(mail,'a')"):
        assert await app.trouble(token, query) == (400, "Request_UnsupportedQuery")
    assert await app.trouble(token, "me/mailFolders/nonsense") == (400, "ErrorInvalidIdMalformed")
    headers = {"Authorization": f"Bearer {token}"}
    old = await app.http.get("/microsoft/graph/v0.9/me", headers=headers)
    assert (old.status, (await old.json())["error"]["message"]) == (400, "Invalid version: v0.9")


async def test_graph_answers_four_at_a_time(app: App) -> None:
    """The fifth request for one person is throttled, somebody else's is not."""
    alice, omar = await access(app), await access(app, OMAR)
    app.microsoft.break_down("slow", ALICE, at="graph")
    waiting = [asyncio.create_task(app.graph(alice)) for _ in range(5)]
    async with asyncio.timeout(5):
        while app.microsoft.requests["graph"] < 5:
            await asyncio.sleep(0)
    assert (await app.graph(omar))[0] == 200
    app.microsoft.mend(ALICE)
    assert sorted(status for status, _ in await asyncio.gather(*waiting)) == [200, 200, 200, 200, 429]
    assert (await app.graph(alice))[0] == 200
