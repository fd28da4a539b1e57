"""What people get while the database, Google or Slack is away: an answer in time, and nothing lost."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass

import pytest
from sqlalchemy import make_url

from tests.driver import Said
from tests.e2e.conftest import stays_decent
from tests.e2e.gate import a_gate
from tests.e2e.questions import asks, asks_for_modal, in_time, modal_text, submits
from tests.stage import Stage, a_stage

pytestmark = pytest.mark.threaded
ALICE = "alice@acme.example"
SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])
POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"])
BUSY = "Inboxkeeper cannot reach its database at the moment. Nothing was changed and nothing is lost."
BUSY_JA = "データベース"


# --- the database


@dataclass
class Outage:
    """A stage whose database can be taken away."""

    stage: Stage
    begin: Callable[[], None]
    end: Callable[[], None]


@pytest.fixture
async def outage(database_url: str) -> AsyncIterator[Outage]:
    """A PostgreSQL that can be cut off."""
    async with a_gate(database_url) as (gate, url), a_stage(url) as stage:
        yield Outage(stage, gate.shut, gate.open)
        gate.open()
        await stays_decent(stage)


@POSTGRESQL
async def test_every_command_is_answered_without_a_database(outage: Outage) -> None:
    """While the database is away every command, click and form says so in time, in the asker's language."""
    stage = outage.stage
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks(stage, "alice", "/inbox list")
    await asks(stage, "kenji", "/inbox 一覧")
    outage.begin()
    for text in ("", "status", f"status {ALICE}", f"disable {ALICE}", f"enable {ALICE}", f"remove {ALICE}"):
        assert BUSY in await asks(stage, "alice", f"/inbox {text}")
    assert BUSY_JA in await asks(stage, "kenji", "/inbox 一覧")
    assert "/inbox connect  connect an inbox" in await asks(stage, "alice", "/inbox help")
    in_time(await stage.person("alice").chooses(None, "Disable", in_="#general"))
    assert BUSY in (await stage.person("alice").sees()).plain
    outage.end()
    assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")


@POSTGRESQL
async def test_a_form_sent_without_a_database_can_be_sent_again(outage: Outage) -> None:
    """Confirming while the database is away changes nothing, says so, and works afterwards."""
    stage = outage.stage
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", f"/inbox disable {ALICE}")
    outage.begin()
    screen = await submits(stage, "alice")
    assert BUSY in modal_text(screen) and "send it once more" in modal_text(screen)
    outage.end()
    assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")
    assert "is disabled." in modal_text(await submits(stage, "alice"))


@SQLITE
@pytest.mark.parametrize("method", ["users.info", "chat.postMessage"])
async def test_what_was_typed_to_connect_outlives_a_slack_that_is_away(stage: Stage, method: str) -> None:
    """Be it asked who somebody is, or posted to the conversation first: the form stays as it was filled in,
    and sent once more it goes on."""
    omar = stage.person("omar")
    await omar.types("/invite @Inboxkeeper", in_="#support")
    await asks_for_modal(stage, "omar", "/inbox connect support@acme.example")
    await stage.fills_in_team("omar", name="Support", use="Zendesk reads it", conversation="#support")
    await stage.driver.break_("error", method=method, error="service_unavailable")
    screen = await submits(stage, "omar")
    for kept in ("What you typed is still here", "Support", "Zendesk reads it", "support@acme.example"):
        assert kept in modal_text(screen), screen.plain
    await stage.driver.mend()
    await stage.passes(seconds=2)
    assert "Open Google" in modal_text(await submits(stage, "omar"))
    await stage.consents(await stage.link_in_modal("omar"), "support@acme.example")
    said = await asks(stage, "omar", "/inbox status support@acme.example")
    assert "Support" in said and "Zendesk reads it" in said
    assert "chose this conversation to be notified" in (await omar.sees()).plain


@POSTGRESQL
async def test_a_sign_in_survives_an_absent_database(outage: Outage) -> None:
    """Coming back from Google while the database is away: reload the page later, and it is connected."""
    stage = outage.stage
    await asks_for_modal(stage, "alice", "/inbox connect")
    await submits(stage, "alice")
    link, browser = await stage.link_in_modal("alice"), stage.browser()
    outage.begin()
    page = await browser.opens(link)
    assert page.status == 503 and BUSY in page.text and page.headers["Retry-After"]
    outage.end()
    callback = stage.town.google.consent(await browser.goes_to_consent(link), ALICE)
    outage.begin()
    page = await browser.opens(callback)
    assert page.status == 503 and BUSY in page.text
    outage.end()
    page = await browser.opens(callback)
    assert page.status == 200 and "Connected ✓" in page.text


@SQLITE
async def test_a_locked_file_delays_a_deed_and_loses_nothing(stage: Stage, database_url: str) -> None:
    """While another program holds the SQLite file, reading works and a deed is answered in time."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", f"/inbox disable {ALICE}")
    with closing(sqlite3.connect(make_url(database_url).database or "", isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")
        await submits(stage, "alice")
        held.execute("ROLLBACK")
    screen = await stage.person("alice").until(lambda now: now.modal and "One moment" not in now.modal.plain)
    assert "is disabled." in modal_text(screen)


# --- Google


@SQLITE
@pytest.mark.parametrize("what", ["server_error", "html", "malformed_json", "huge_body", "unknown_error"])
async def test_a_sign_in_while_google_is_away_can_be_tried_again(stage: Stage, what: str) -> None:
    """Google fails at the last step: nothing has changed, and one button tries again."""
    await asks_for_modal(stage, "alice", "/inbox connect")
    await submits(stage, "alice")
    browser = stage.browser()
    consent = await browser.goes_to_consent(await stage.link_in_modal("alice"))
    callback = stage.town.google.consent(consent, ALICE)
    stage.town.google.break_down(what)
    page = await browser.opens(callback)
    assert page.status == 200 and "Google does not answer" in page.text and "Try again" in page.text
    stage.town.google.mend()
    consent = (await browser.presses(page)).onward
    assert "Connected ✓" in (await stage.consents_at(consent, ALICE, browser=browser)).text


@SQLITE
async def test_a_broken_client_is_nothing_the_person_did(stage: Stage) -> None:
    """Our own credentials are refused: the page says whose trouble it is, and no more."""
    await asks_for_modal(stage, "alice", "/inbox connect")
    await submits(stage, "alice")
    browser = stage.browser()
    consent = await browser.goes_to_consent(await stage.link_in_modal("alice"))
    callback = stage.town.google.consent(consent, ALICE)
    stage.town.google.break_down("invalid_client")
    page = await browser.opens(callback)
    assert "Google does not accept Inboxkeeper's own registration." in page.text
    assert "Whoever runs Inboxkeeper has been told. Try again later." in page.text
    assert "invalid_client" not in page.text


@SQLITE
async def test_broken_client_credentials_tell_the_operator_once_and_nobody_else(stage: Stage) -> None:
    """Noticed at the very first sign-in, when no inbox is there yet: whoever runs the bot reads it, once a
    day, and sees when a sign-in goes well again."""

    async def tries(name: str, refused: str = "own registration") -> None:
        await stage.person(name).types("/inbox connect")
        page = await stage.consents(await stage.presses_on(name), f"{name}@acme.example")
        assert refused in page.text
        await stage.passes(minutes=1)

    async def told(name: str) -> list[Said]:
        said = (await stage.person(name).sees()).messages("dm")
        return [one for one in said if "client" in one.plain or "クライアント" in one.plain]

    stage.town.google.break_down("invalid_client")
    await tries("alice")
    await tries("kenji", "Inboxkeeper のアプリ登録を受け付けていません")
    for name in ("omar", "sakura"):
        [said] = await told(name)
        assert "🔧" in said.plain and "invalid_client" in said.plain and not said.edited
    for name in ("alice", "kenji"):
        assert (await stage.person(name).sees()).messages("dm") == []
    await stage.passes(hours=24)
    await tries("alice")
    assert len(await told("omar")) == 2
    stage.town.google.mend()
    await stage.connected("alice")
    await stage.passes(minutes=1)
    assert [said.edited for said in await told("omar")] == [True, True]
    assert all("accepts Inboxkeeper's client again" in said.plain for said in await told("omar"))
    assert len((await stage.person("omar").sees()).messages("dm")) == 2


@SQLITE
async def test_enabling_while_google_is_away_says_that_it_is_not_checked(stage: Stage) -> None:
    """The wish is done here; what Google thinks of it follows."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", f"/inbox disable {ALICE}")
    await submits(stage, "alice")
    stage.town.google.break_down("server_error")
    answer = await asks(stage, "alice", f"/inbox enable {ALICE}")
    assert "is enabled. The check is not finished yet" in answer
    stage.town.google.mend()
    await stage.passes(minutes=3)
    assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")


@SQLITE
async def test_removing_while_google_is_away_is_done_here_and_finished_there(stage: Stage) -> None:
    """Removing never waits for Google: what is known there is said, and edited when more is known."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    stage.town.google.break_down("server_error", at="revoke")
    await asks_for_modal(stage, "alice", f"/inbox remove {ALICE}")
    text = modal_text(await submits(stage, "alice"))
    assert "is removed from Inboxkeeper." in text
    assert "Revoked at Google: requested, not confirmed yet. We keep checking and tell you." in text
    stage.town.google.mend()
    await stage.passes(minutes=2)
    said = (await stage.person("alice").sees()).dm.last
    assert said.edited and "Revoked at Google: confirmed." in said.plain


@SQLITE
@pytest.mark.parametrize("verb", ["enable", "remove"])
async def test_a_slow_google_keeps_nobody_waiting(stage: Stage, verb: str) -> None:
    """The ack leaves in time; the result follows where the question was asked."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", f"/inbox disable {ALICE}")
    await submits(stage, "alice")
    await stage.person("alice").closes()
    for endpoint in ("token", "revoke"):
        stage.town.google.break_down("slow", at=endpoint)
    if verb == "enable":
        assert "One moment, please." in await asks(stage, "alice", f"/inbox enable {ALICE}")
    else:
        await asks_for_modal(stage, "alice", f"/inbox remove {ALICE}")
        await submits(stage, "alice")
    stage.town.google.mend()
    done = "enabled and works" if verb == "enable" else "is removed from Inboxkeeper."
    await stage.person("alice").until(lambda screen: done in screen.plain)


# --- Slack


@SQLITE
@pytest.mark.parametrize("method", ["views.open", "users.info"])
async def test_a_slow_slack_is_named_as_the_cause(stage: Stage, method: str) -> None:
    """Slack answers late itself: the ack leaves in time, and nobody blames the database."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await stage.driver.break_("slow", method=method, seconds=10)
    verb = "connect" if method == "views.open" else "enable"
    answer = await asks(stage, "alice", f"/inbox {verb} {ALICE}")
    assert "Slack" in answer and "nothing was done" in answer and "Please try again" in answer
    assert "database" not in answer
    await stage.driver.mend()


async def test_messages_wait_for_an_absent_slack(stage: Stage) -> None:
    """What should be said while Slack is away is said once when it is back."""
    await asks_for_modal(stage, "alice", "/inbox connect")
    await submits(stage, "alice")
    browser = stage.browser()
    consent = await browser.goes_to_consent(await stage.link_in_modal("alice"))
    for method in ("chat.postMessage", "conversations.open"):
        await stage.driver.break_("away", method=method)
    page = await stage.consents_at(consent, ALICE, browser=browser)
    assert "Connected ✓" in page.text
    await stage.passes(minutes=2)
    await stage.driver.mend()
    await stage.passes(minutes=20)
    assert (await stage.person("alice").sees()).dm.plain.count("is connected.") == 1
