"""The *Break things* page: every button works, says what it did, and what is broken can be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from yarl import URL

from sandbox.break_things import label
from sandbox.clock import SandboxClock
from sandbox.demo import Place, Town, town
from sandbox.fault_catalog import GROUPS, LEVERS, Lever
from tests.stage import BEGINNING

ALICE = "alice@acme.example"


class Panel:
    """Somebody at the page."""

    def __init__(self, built: Town, session: aiohttp.ClientSession) -> None:
        self.town = built
        self._session = session

    async def reads(self, address: str = "/break") -> str:
        async with self._session.get(URL(self.town.url + address, encoded=True)) as answer:
            assert answer.status == 200
            return await answer.text()

    async def presses(self, lever: str, **fields: str) -> dict[str, str]:
        """Press a button; what the page is then asked to say."""
        form = {"lever": lever, **fields}
        async with self._session.post(f"{self.town.url}/break", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
            asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {key: values[0] for key, values in asked.items()}


@pytest.fixture
async def panel(tmp_path: Path) -> AsyncIterator[Panel]:
    """A town without a bot: what Slack would tell it is refused at once, not waited for."""
    place = Place(database_url=f"sqlite:///{tmp_path / 'unused.db'}", transport="http")
    async with town(place, SandboxClock.frozen(BEGINNING)) as built, aiohttp.ClientSession() as session:
        assert built.world.listener is not None
        built.world.listener.close()
        yield Panel(built, session)


async def test_every_button_is_a_request_that_the_control_api_takes(panel: Panel) -> None:
    """None is refused, and what is not a matter of the past is mended again."""
    for _, lever in LEVERS.values():
        fields = {"account": ALICE, "microsoft_account": ALICE, "mailbox": ALICE}
        fields |= {"hubspot_channel": "support@acme.example", "person": "Omar Haddad"}
        said = await panel.presses(lever.key, **fields)
        assert said.get("done") == lever.key, said
    for lever_key in (
        "mend_google",
        "mend_microsoft",
        "mend_harbor",
        "mend_hubspot",
        "mend_slack",
        "reactivated",
        "install",
    ):
        await panel.presses(lever_key, person="Omar Haddad")
    assert 'data-testid="whole"' in await panel.reads()


async def test_what_is_broken_is_shown_until_it_is_mended(panel: Panel) -> None:
    """For one account, for everybody, and at Slack; each by the words of its button."""
    await panel.presses("no_mailbox", account=ALICE)
    await panel.presses("outage")
    await panel.presses("slack_slow")
    broken = await panel.reads()
    assert f"{ALICE}: <b>{label('no_mailbox')}</b>" in broken
    assert f"All of Google: <b>{label('outage')}</b>" in broken
    assert f"Slack: <b>{label('slack_slow')}</b>" in broken
    await panel.presses("imap_app_password", mailbox=ALICE)
    await panel.presses("imap_lockout")
    broken = await panel.reads()
    assert f"{ALICE}: <b>{label('imap_app_password')}</b>" in broken
    assert f"All of Harbor Mail: <b>{label('imap_lockout')}</b>" in broken
    await panel.presses("mend_account", account=ALICE)
    assert f"<b>{label('no_mailbox')}</b>" not in await panel.reads()


async def test_what_is_broken_at_microsoft_is_told_once(panel: Panel) -> None:
    """For an account, for the whole tenant, and for everybody; never for each of its people again."""
    await panel.presses("microsoft_licence_taken", microsoft_account=ALICE)
    await panel.presses("microsoft_app_blocked")
    await panel.presses("microsoft_outage")
    broken = await panel.reads()
    assert f"{ALICE}: <b>{label('microsoft_licence_taken')}</b>" in broken
    assert broken.count(f"The tenant Acme: <b>{label('microsoft_app_blocked')}</b>") == 1
    assert broken.count(f"All of Microsoft: <b>{label('microsoft_outage')}</b>") == 1
    assert broken.count(f"<b>{label('microsoft_app_blocked')}</b>") == 1
    await panel.presses("mend_tenant")
    assert label("microsoft_app_blocked") + "</b>" not in await panel.reads()


async def test_what_the_admin_decided_is_shown(panel: Panel) -> None:
    """Who may consent, what is approved, and who asks for it."""
    assert "Acme: people may allow Inboxkeeper into their mail themselves" in await panel.reads()
    await panel.presses("microsoft_take_requests")
    assert "Acme: mail needs the admin's approval" in await panel.reads()
    await panel.presses("microsoft_approve")
    assert "approved for everybody: <code>Mail.Read</code>" in await panel.reads()


async def test_the_mail_of_the_domain_goes_where_the_button_says(panel: Panel) -> None:
    """And the page says where."""
    assert "acme.example: google" in await panel.reads()
    await panel.presses("names_microsoft")
    assert "acme.example: microsoft" in await panel.reads()
    assert (await panel.town.names.mx("acme.example"))[0].endswith("protection.outlook.com")


async def test_it_answers_where_the_button_is(panel: Panel) -> None:
    """What to expect is said once, in its own group, and the account stays chosen."""
    await panel.presses("revoked", account="kenji@acme.example")
    html = await panel.reads("/break?done=revoked&account=kenji%40acme.example&whom=kenji%40acme.example")
    assert html.count('role="status"') == 1
    assert '<option selected value="kenji@acme.example">kenji@acme.example</option>' in html


async def test_the_password_to_enter_is_the_present_one(panel: Panel) -> None:
    """After it was changed, the page shows the new one."""
    before = panel.town.imap.password_of(ALICE)
    assert before in await panel.reads()
    await panel.presses("imap_password_changed", mailbox=ALICE)
    now = panel.town.imap.password_of(ALICE)
    assert now != before
    assert now in await panel.reads()


async def test_the_clock_goes_on(panel: Panel) -> None:
    """By as much as the button says."""
    before = panel.town.clock()
    await panel.presses("forward_3600")
    assert (panel.town.clock() - before).total_seconds() == 3600


async def test_nonsense_is_refused_in_words(panel: Panel) -> None:
    """A button that does not exist, an account that does not exist, and tags in the address."""
    assert (await panel.presses("explode"))["problem"] == "There is no such button."
    assert "nobody@acme.example" in (await panel.presses("revoked", account="nobody@acme.example"))["problem"]
    html = await panel.reads("/break?problem=%3Cscript%3E&whom=%3Cb%3E&done=revoked&account=%22%3E")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


async def test_the_local_slack_leads_there(panel: Panel) -> None:
    """From its sidebar, to the page and to the accounts on it."""
    slack = await panel.reads("/")
    assert 'href="/break"' in slack
    assert 'href="/break#accounts"' in slack
    assert 'id="accounts"' in await panel.reads()


@pytest.mark.parametrize(
    "lever", [lever for group in GROUPS for lever in group.levers], ids=lambda it: it.key
)
def test_every_button_says_what_happens_and_what_to_expect(lever: Lever) -> None:
    """Whole sentences, and a label short enough for a button."""
    assert lever.happens.endswith(".")
    assert lever.expect.endswith(".")
    assert len(lever.label) <= 30
